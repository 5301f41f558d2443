import { CacheModule } from '@nestjs/cache-manager';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type ModuleMetadata,
} from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  MembershipLists,
  ProjectGrantService,
  RequireRole,
  ZitadelAuthorizer,
  ZitadelDecisionStream,
  ZitadelModule,
  ZitadelOptionsError,
  type ZitadelModuleOptions,
  type ZitadelOptionsFactory,
} from '../../lib/index.js';
import { expectAnswer } from '../doors/answers.js';
import { bootWith, guardedController } from '../support/application.js';
import { get, whoGetsIn } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

const people = usePeople();

const boot = (ours: DynamicModule, { imports = [], ...more }: ModuleMetadata = {}) =>
  bootWith({ imports: [...imports, ours], controllers: [guardedController(people)], ...more });

const CACHE = { shared: { secret: 'a secret of at least thirty-two characters' } };

describe('the module', () => {
  it('takes its options as they are', async () => {
    const { url } = await boot(ZitadelModule.forRoot(people.zitadel.options()));
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('takes them from a factory that is given other providers', async () => {
    @Module({
      providers: [{ provide: 'zitadel options', useFactory: () => people.zitadel.options() }],
      exports: ['zitadel options'],
    })
    class ConfigurationModule {}
    const { url } = await boot(
      ZitadelModule.forRootAsync({
        imports: [ConfigurationModule],
        inject: ['zitadel options'],
        useFactory: async (options: ZitadelModuleOptions) => Promise.resolve(options),
      }),
    );
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('takes them from a class', async () => {
    @Injectable()
    class Configuration implements ZitadelOptionsFactory {
      createZitadelOptions() {
        return people.zitadel.options();
      }
    }
    const { url } = await boot(ZitadelModule.forRootAsync({ useClass: Configuration }));
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('takes them from a class that another module provides', async () => {
    @Injectable()
    class Configuration implements ZitadelOptionsFactory {
      async createZitadelOptions() {
        return Promise.resolve(people.zitadel.options());
      }
    }
    @Module({ providers: [Configuration], exports: [Configuration] })
    class ConfigurationModule {}
    const { url } = await boot(
      ZitadelModule.forRootAsync({ imports: [ConfigurationModule], useExisting: Configuration }),
    );
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('takes what a class of options has as accessors, as Express does', async () => {
    class Settings {
      readonly issuer = people.zitadel.issuer;
      readonly audience = people.zitadel.defaultProject.id;
      get hierarchy() {
        return 'exact' as const;
      }
    }
    @Controller('viewer')
    class ViewerController {
      @Get()
      @RequireRole('ORG_OWNER_VIEWER', people.orgA)
      read() {
        return {};
      }
    }
    const { url } = await boot(ZitadelModule.forRoot(new Settings()), {
      controllers: [ViewerController],
    });
    // By ZITADEL's hierarchy an owner would be a viewer; the accessor says 'exact'.
    expectAnswer(await get(url, '/viewer', people.tokens.ofA), { denied: 'role_missing' });
  });

  it('gives every module its services, and only those that import it when it is not global', async () => {
    @Injectable()
    class Service {
      constructor(
        @Inject(ZitadelAuthorizer) readonly authorizer: ZitadelAuthorizer,
        @Inject(ProjectGrantService) readonly grants: ProjectGrantService,
        @Inject(MembershipLists) readonly lists: MembershipLists,
        @Inject(ZitadelDecisionStream) readonly decisions: ZitadelDecisionStream,
      ) {}
    }
    @Module({ providers: [Service] })
    class FeatureModule {}
    const { app } = await boot(ZitadelModule.forRoot(people.zitadel.options()), {
      imports: [FeatureModule],
    });
    const service = app.get(Service, { strict: false });
    expect(service.authorizer).toBeInstanceOf(ZitadelAuthorizer);
    expect(service.grants).toBeInstanceOf(ProjectGrantService);
    expect(service.lists).toBeInstanceOf(MembershipLists);
    expect(service.decisions).toBeInstanceOf(ZitadelDecisionStream);

    const local = ZitadelModule.forRoot({ ...people.zitadel.options(), isGlobal: false });
    await expect(boot(local, { imports: [FeatureModule] })).rejects.toThrow(/FeatureModule/);
  });

  it('asks ZITADEL for nothing before the first request', async () => {
    const before = people.zitadel.requests();
    await boot(ZitadelModule.forRoot(people.zitadel.options()));
    expect(people.zitadel.requests()).toBe(before);
  });
});

describe('the shared cache', () => {
  it('is Nest’s CACHE_MANAGER, behind the memory of each instance', async () => {
    const options = people.zitadel.options({ cache: CACHE });
    const cache = CacheModule.register({ isGlobal: true });
    const { url, app } = await boot(ZitadelModule.forRoot(options), { imports: [cache] });
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
    const store = app.get<{ stores: { iterator?: unknown }[] }>('CACHE_MANAGER', { strict: false });
    expect(store.stores).toHaveLength(1);

    // A second instance of the application, in front of the same store.
    const before = people.zitadel.requests('memberships');
    const second = await boot(ZitadelModule.forRoot(options), {
      imports: [
        { module: SharedStoreModule, providers: [{ provide: 'CACHE_MANAGER', useValue: store }] },
      ],
    });
    expect(await whoGetsIn(people, second.url, '/guarded')).toBe('A');
    expect(people.zitadel.requests('memberships')).toBe(before);
  });

  it('says how to register a CACHE_MANAGER where there is none', async () => {
    const booting = boot(ZitadelModule.forRoot(people.zitadel.options({ cache: CACHE })));
    await expect(booting).rejects.toThrow(ZitadelOptionsError);
    await expect(booting).rejects.toThrow(
      /cache\.shared: got no CACHE_MANAGER; write CacheModule\.register\(\{ isGlobal: true \}\)/,
    );
  });

  it('says so too where the one there is cannot be seen', async () => {
    const hidden = CacheModule.register();
    const booting = boot(ZitadelModule.forRoot(people.zitadel.options({ cache: CACHE })), {
      imports: [hidden],
    });
    await expect(booting).rejects.toThrow(/CacheModule\.register\(\{ isGlobal: true \}\)/);
  });
});

@Module({ exports: ['CACHE_MANAGER'] })
class SharedStoreModule {}
Reflect.defineMetadata('__module:global__', true, SharedStoreModule);

describe('a wrong option', () => {
  const wrong: Readonly<Record<string, readonly [options: object, message: RegExp]>> = {
    'no issuer': [{ issuer: undefined }, /^issuer: got undefined; write an origin/],
    'an issuer with a slash behind': [
      { issuer: 'https://acme.example/' },
      /^issuer: got 'https:\/\/acme\.example\/'; write an origin without path/,
    ],
    'an issuer over plain http': [
      { issuer: 'http://acme.example' },
      /^issuer: .*https, or set allowHttp: true/,
    ],
    'no audience': [{ audience: undefined }, /^audience: got undefined/],
    'an empty audience': [{ audience: [] }, /^audience: got a list of 0/],
    'a name that there is not': [{ audiance: '1' }, /^audiance: there is no such option/],
    'strict that is no truth value': [
      { strict: 'yes' },
      /^strict: got string; write true or false/,
    ],
    'strict that is undefined': [{ strict: undefined }, /^strict: .*true or false/],
    'publicControllers that is no list': [
      { publicControllers: guardedController },
      /^publicControllers: .*a list of controller classes/,
    ],
    'publicControllers with something else in it': [
      { publicControllers: ['GuardedController'] },
      /^publicControllers: .*a list of controller classes/,
    ],
    'a logger that cannot log': [{ logger: {} }, /^logger: .*debug, log, warn and error/],
    'the service user left out': [
      { memberships: { as: 'serviceUser', organizations: ['1'] } },
      /^serviceUser: .*keyFile/,
    ],
  };

  for (const [what, [options, message]] of Object.entries(wrong)) {
    it(`refuses to boot with ${what}, by forRoot and by forRootAsync`, async () => {
      const all = { ...people.zitadel.options(), ...options } as ZitadelModuleOptions;
      for (const module of [
        ZitadelModule.forRoot(all),
        ZitadelModule.forRootAsync({ useFactory: () => all }),
      ]) {
        const booting = boot(module);
        await expect(booting).rejects.toThrow(ZitadelOptionsError);
        await expect(booting).rejects.toThrow(message);
      }
    });
  }

  it('refuses to boot with a factory that makes no options', async () => {
    const module = ZitadelModule.forRootAsync({ useFactory: () => undefined as never });
    await expect(boot(module)).rejects.toThrow(
      /^options: what the factory of ZitadelModule\.forRootAsync\(\) returned is undefined; write an object/,
    );
  });

  it('refuses to boot with the module alone, and says what to write', async () => {
    await expect(boot({ module: ZitadelModule })).rejects.toThrow(
      /^options: ZitadelModule is imported without options; write ZitadelModule\.forRoot\(\{ issuer, audience, \.\.\. \}\) .* other modules need no import/,
    );
  });

  it.each([undefined, null, 'text'])('refuses forRoot(%s) at once', (options) => {
    expect(() => ZitadelModule.forRoot(options as never)).toThrow(
      /^options: what ZitadelModule\.forRoot\(\) got is \w+; write an object/,
    );
  });
});
