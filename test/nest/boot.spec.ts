import {
  Controller,
  Get,
  Global,
  Inject,
  Injectable,
  Module,
  Scope,
  UseGuards,
  Version,
  VERSION_NEUTRAL,
  VersioningType,
  type CanActivate,
  type OnModuleInit,
  type Provider,
  type Type,
  type VersioningOptions,
} from '@nestjs/common';
import { APP_GUARD, ApplicationConfig, ModuleRef, RouterModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import {
  projectGrant,
  allOf,
  anyOf,
  projectRole,
  Require,
  role,
  Authenticated,
  CheckedResource,
  CurrentCaller,
  Public,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  org,
  project,
  type Caller,
  type IdReader,
} from '../../lib/index.js';
import {
  boot,
  bootWith,
  GLOBAL,
  guardedController,
  untilTheEnd,
  type Application,
} from '../support/application.js';
import { listen, startNest, type Prepare } from '../support/start.js';
import { Notes } from '../doors/door.js';
import { get, whoGetsIn } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

const people = usePeople();

const zitadelModule = () => ZitadelModule.forRoot(people.zitadel.options());
const serve = async (app: Application) => (await boot(people, app)).url;

const NO_GUARD =
  /GuardedController\.read would run, and no guard checks it: write \{ provide: APP_GUARD/;
const NULL_GUARD = /an APP_GUARD is undefined or null, .*write \{ provide: APP_GUARD, useExisting/s;

@Injectable()
class Subclass extends ZitadelManagerGuard {}

@Injectable({ scope: Scope.REQUEST })
class PerRequest extends ZitadelManagerGuard {}

@Injectable()
class SomeOtherGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

describe.each(['express', 'fastify'] as const)('a decorated handler on %s', (platform) => {
  const bootWith = (providers: Provider[], prepare?: Prepare) =>
    serve({ controllers: [guardedController(people)], providers, prepare, platform });

  it('refuses to boot without any guard', async () => {
    await expect(bootWith([])).rejects.toThrow(NO_GUARD);
  });

  it('refuses to boot when the only guard is another one', async () => {
    const other = { provide: APP_GUARD, useClass: SomeOtherGuard };
    await expect(bootWith([other])).rejects.toThrow(NO_GUARD);
  });

  it('is guarded by the recommended line', async () => {
    expect(await whoGetsIn(people, await bootWith([GLOBAL]), '/guarded')).toBe('A');
  });
});

describe('the global guard', () => {
  const bootWith = (providers: Provider[], prepare?: Prepare) =>
    serve({ controllers: [guardedController(people)], providers, prepare });

  it('refuses to boot when a factory makes undefined of it', async () => {
    const absent = { provide: APP_GUARD, useFactory: () => undefined };
    await expect(bootWith([absent])).rejects.toThrow(NULL_GUARD);
    await expect(bootWith([GLOBAL, absent])).rejects.toThrow(NULL_GUARD);
  });

  it('refuses to boot when its value is null', async () => {
    const absent = { provide: APP_GUARD, useValue: null };
    await expect(bootWith([absent])).rejects.toThrow(NULL_GUARD);
    await expect(bootWith([GLOBAL, absent])).rejects.toThrow(NULL_GUARD);
  });

  it('refuses to boot when an asynchronous factory promises nothing', async () => {
    const absent = { provide: APP_GUARD, useFactory: () => Promise.resolve(undefined) };
    await expect(bootWith([absent])).rejects.toThrow(NULL_GUARD);
  });

  it('refuses to boot when useGlobalGuards is given undefined', async () => {
    const prepare: Prepare = (app) => app.useGlobalGuards(undefined as never);
    await expect(bootWith([], prepare)).rejects.toThrow(NULL_GUARD);
  });

  const inForce: Readonly<Record<string, Provider[]>> = {
    'as a class': [{ provide: APP_GUARD, useClass: ZitadelManagerGuard }],
    'as what is there': [GLOBAL],
    'as a subclass': [{ provide: APP_GUARD, useClass: Subclass }],
    'as a subclass that is there': [Subclass, { provide: APP_GUARD, useExisting: Subclass }],
    'as a subclass for each request': [{ provide: APP_GUARD, useClass: PerRequest }],
    'as a subclass for each request that is there': [
      PerRequest,
      { provide: APP_GUARD, useExisting: PerRequest },
    ],
    'from an asynchronous factory': [
      {
        provide: APP_GUARD,
        inject: [ZitadelManagerGuard],
        useFactory: (guard: ZitadelManagerGuard) => Promise.resolve(guard),
      },
    ],
    twice: [GLOBAL, GLOBAL],
    'after another guard': [{ provide: APP_GUARD, useClass: SomeOtherGuard }, GLOBAL],
    'before another guard': [GLOBAL, { provide: APP_GUARD, useClass: SomeOtherGuard }],
  };

  for (const [how, providers] of Object.entries(inForce)) {
    it(`is in force ${how}`, async () => {
      expect(await whoGetsIn(people, await bootWith(providers), '/guarded')).toBe('A');
    });
  }

  it('is in force from a module that is imported', async () => {
    @Module({ providers: [GLOBAL] })
    class SecurityModule {}
    const url = await serve({
      imports: [{ module: SecurityModule }],
      controllers: [guardedController(people)],
      providers: [],
    });
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('is in force for a controller of another module', async () => {
    @Module({ controllers: [guardedController(people)] })
    class FeatureModule {}
    const url = await serve({ imports: [FeatureModule] });
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('is not in force if a module adds it when it starts, since Nest has made the routes', async () => {
    @Injectable()
    class Late implements OnModuleInit {
      constructor(
        @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
        @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
      ) {}
      onModuleInit() {
        this.config.addGlobalGuard(this.moduleRef.get(ZitadelManagerGuard, { strict: false }));
      }
    }
    // A global module starts before ours.
    @Global()
    @Module({ providers: [Late] })
    class LateModule {}
    const root = {
      imports: [LateModule, zitadelModule()],
      controllers: [guardedController(people)],
      providers: [],
    };
    await expect(startNest('express', root)).rejects.toThrow(/would run, and no guard checks it/);
  });

  it('is in force through useGlobalGuards', async () => {
    const url = await bootWith([], (app) => app.useGlobalGuards(app.get(ZitadelManagerGuard)));
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('leaves the handler alone when another guard before it denies', async () => {
    class Never implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    const url = await bootWith([{ provide: APP_GUARD, useClass: Never }, GLOBAL]);
    expect(await whoGetsIn(people, url, '/guarded')).toBe('denied');
  });
});

describe('a guard of a controller or a method', () => {
  function controllerWith(onClass: unknown[], onMethod: unknown[]): Type {
    @Controller('guarded')
    @UseGuards(...(onClass as Type<CanActivate>[]))
    class GuardedController {
      @Get()
      @UseGuards(...(onMethod as Type<CanActivate>[]))
      @RequireRole('ORG_OWNER', people.orgA)
      read() {
        return {};
      }
    }
    return GuardedController;
  }

  it.each([
    ['the class on the controller', [ZitadelManagerGuard], []],
    ['the class on the method', [], [ZitadelManagerGuard]],
    ['a subclass on the controller', [Subclass], []],
    ['a subclass on the method', [], [Subclass]],
    ['a subclass for each request', [PerRequest], []],
    ['it beside another guard', [SomeOtherGuard, ZitadelManagerGuard], [SomeOtherGuard]],
    ['it on both', [ZitadelManagerGuard], [ZitadelManagerGuard]],
  ])('is in force as %s', async (_, onClass, onMethod) => {
    const url = await serve({ controllers: [controllerWith(onClass, onMethod)], providers: [] });
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('refuses to boot when only another guard stands there', async () => {
    const controllers = [controllerWith([SomeOtherGuard], [SomeOtherGuard])];
    await expect(serve({ controllers, providers: [] })).rejects.toThrow(NO_GUARD);
  });

  it('refuses to boot when it stands on another method only', async () => {
    @Controller('guarded')
    class GuardedController {
      @Get('other')
      @UseGuards(ZitadelManagerGuard)
      @Authenticated()
      other() {
        return {};
      }

      @Get()
      @RequireRole('ORG_OWNER', people.orgA)
      read() {
        return {};
      }
    }
    await expect(serve({ controllers: [GuardedController], providers: [] })).rejects.toThrow(
      NO_GUARD,
    );
  });

  it('is in force on the base class for the controllers that extend it', async () => {
    @UseGuards(ZitadelManagerGuard)
    abstract class Base {}
    @Controller('guarded')
    class GuardedController extends Base {
      @Get()
      @RequireRole('ORG_OWNER', people.orgA)
      read() {
        return {};
      }
    }
    const url = await serve({ controllers: [GuardedController], providers: [] });
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('needs no guard where nothing of ours is declared', async () => {
    @Controller('plain')
    class PlainController {
      @Get()
      read() {
        return {};
      }
    }
    const url = await serve({ controllers: [PlainController], providers: [] });
    expect(await whoGetsIn(people, url, '/plain')).toBe('public');
  });

  it('is asked for by every decorator of ours, also the one that opens', async () => {
    for (const decorate of [Public(), Authenticated(), RequireRole('IAM_OWNER')]) {
      @Controller('one')
      class OnMethodController {
        @Get()
        @decorate
        read() {
          return {};
        }
      }
      @Controller('one')
      @decorate
      class OnClassController {
        @Get()
        read() {
          return {};
        }
      }
      for (const controller of [OnMethodController, OnClassController]) {
        await expect(serve({ controllers: [controller], providers: [] })).rejects.toThrow(
          /would run, and no guard checks it/,
        );
      }
    }
  });
});

describe('a test of an application', () => {
  const letsAllIn: CanActivate = { canActivate: () => true };

  async function start(builder: ReturnType<typeof Test.createTestingModule>): Promise<string> {
    const module = await builder.compile();
    return untilTheEnd(await listen(module.createNestApplication({ logger: false }))).url;
  }

  it('replaces the global guard with overrideProvider', async () => {
    const before = people.zitadel.requests('memberships');
    const url = await start(
      Test.createTestingModule({
        imports: [zitadelModule()],
        controllers: [guardedController(people)],
        providers: [GLOBAL],
      })
        .overrideProvider(ZitadelManagerGuard)
        .useValue(letsAllIn),
    );
    expect(await whoGetsIn(people, url, '/guarded')).toBe('public');
    expect(people.zitadel.requests('memberships')).toBe(before);
  });

  it('replaces the guard of a controller with overrideGuard', async () => {
    @Controller('guarded')
    @UseGuards(ZitadelManagerGuard)
    class GuardedController {
      @Get()
      @RequireRole('ORG_OWNER', people.orgA)
      read() {
        return {};
      }
    }
    const url = await start(
      Test.createTestingModule({ imports: [zitadelModule()], controllers: [GuardedController] })
        .overrideGuard(ZitadelManagerGuard)
        .useValue(letsAllIn),
    );
    expect(await whoGetsIn(people, url, '/guarded')).toBe('public');
  });

  it('still refuses to boot when the global guard is left out', async () => {
    const builder = Test.createTestingModule({
      imports: [zitadelModule()],
      controllers: [guardedController(people)],
    })
      .overrideProvider(ZitadelManagerGuard)
      .useValue(letsAllIn);
    await expect(start(builder)).rejects.toThrow(NO_GUARD);
  });

  it('uses the emulator as it is, with everything in force', async () => {
    const url = await start(
      Test.createTestingModule({
        imports: [zitadelModule()],
        controllers: [guardedController(people)],
        providers: [GLOBAL],
      }),
    );
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });
});

describe('two copies of the package', () => {
  const otherCopy = () => import('#dist/index.js');

  it('see each other’s decorators: without a guard the application refuses to boot', async () => {
    const other = await otherCopy();
    expect(other.RequireRole).not.toBe(RequireRole);
    @Controller('guarded')
    class GuardedController {
      @Get()
      @other.RequireRole('ORG_OWNER', people.orgA)
      read() {
        return {};
      }
    }
    await expect(serve({ controllers: [GuardedController], providers: [] })).rejects.toThrow(
      NO_GUARD,
    );
  });

  it('see each other’s decorators: the guard of one asks what the other declares', async () => {
    const other = await otherCopy();
    @Controller('guarded')
    @RequireRole('ORG_OWNER', people.orgA)
    class GuardedController {
      @Get()
      @other.RequireRole('ORG_OWNER', people.orgB)
      read(@other.CheckedResource('org', people.orgA) id: string) {
        return { id };
      }
    }
    const url = await serve({ controllers: [GuardedController] });
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A and B');
    const heard = await get(url, '/guarded', people.tokens.ofBoth);
    expect(heard.json).toEqual({ id: people.orgA });
  });

  it('know each other’s guards', async () => {
    const other = await otherCopy();
    const { url } = await bootWith({
      imports: [zitadelModule(), other.ZitadelModule.forRoot(people.zitadel.options() as never)],
      controllers: [guardedController(people)],
      providers: [{ provide: APP_GUARD, useExisting: other.ZitadelManagerGuard }],
    });
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });
});

describe('the option strict', () => {
  @Controller('plain')
  class PlainController {
    @Get()
    read() {
      return {};
    }
  }

  it('refuses to boot while a route declares nothing', async () => {
    const booting = serve({ controllers: [PlainController], options: { strict: true } });
    await expect(booting).rejects.toThrow(
      /PlainController\.read declares nothing \(option strict\)/,
    );
  });

  it('refuses to boot while a route that declares nothing has no guard either', async () => {
    const booting = serve({
      controllers: [PlainController],
      providers: [],
      options: { strict: true },
    });
    await expect(booting).rejects.toThrow(/PlainController\.read declares nothing/);
  });

  it('boots once every route declares something', async () => {
    const url = await serve({
      controllers: [guardedController(people)],
      options: { strict: true },
    });
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('boots with controllers that are named public', async () => {
    const url = await serve({
      controllers: [PlainController],
      options: { strict: true, publicControllers: [PlainController] },
    });
    expect(await whoGetsIn(people, url, '/plain')).toBe('public');
  });

  it('is no matter of belief: without it such a route is denied', async () => {
    const url = await serve({ controllers: [PlainController] });
    expect(await whoGetsIn(people, url, '/plain')).toBe('denied');
  });
});

describe('the option publicControllers', () => {
  it('opens what a controller leaves undeclared, and nothing else', async () => {
    @Controller('library')
    class LibraryController {
      @Get('open')
      open() {
        return {};
      }

      @Get('asked')
      @RequireRole('ORG_OWNER', people.orgA)
      asked() {
        return {};
      }
    }
    @Controller('mine')
    class MineController extends LibraryController {}
    const url = await serve({
      controllers: [LibraryController, MineController],
      options: { publicControllers: [LibraryController] },
    });
    expect(await whoGetsIn(people, url, '/library/open')).toBe('public');
    expect(await whoGetsIn(people, url, '/library/asked')).toBe('A');
    expect(await whoGetsIn(people, url, '/mine/open')).toBe('denied');
  });
});

describe('what cannot be checked at all', () => {
  it('is a class for .from() that no module provides', async () => {
    @Injectable()
    class Forgotten implements IdReader {
      readId() {
        return people.orgA;
      }
    }
    @Controller('guarded')
    class GuardedController {
      @Get()
      @RequireRole('ORG_OWNER', org.from(Forgotten))
      read() {
        return {};
      }
    }
    const booting = serve({ controllers: [GuardedController] });
    await expect(booting).rejects.toThrow(
      /GuardedController\.read: Forgotten is not a provider: add it to a module/,
    );
  });

  it('is a class for .from() that lives for one request: the error says so', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ShortLived implements IdReader {
      readId() {
        return people.orgA;
      }
    }
    @Controller('guarded')
    class GuardedController {
      @Get()
      @RequireRole('ORG_OWNER', org.from(ShortLived))
      read() {
        return {};
      }
    }
    const booting = serve({ controllers: [GuardedController], providers: [ShortLived, GLOBAL] });
    await expect(booting).rejects.toThrow(/GuardedController\.read: ShortLived .*scope/);
  });

  it('is @CheckedResource on a route that checks none', async () => {
    @Controller('guarded')
    class GuardedController {
      @Get()
      @Authenticated()
      read(@CheckedResource('org') id: string) {
        return { id };
      }
    }
    const booting = serve({ controllers: [GuardedController] });
    await expect(booting).rejects.toThrow(
      /GuardedController\.read: @CheckedResource\('org'\) stands on a route that checks no such org: name it in the requirement, e\.g\. with org\.param/,
    );
  });

  it('is @CheckedResource of another kind or name than those that are checked', async () => {
    @Controller('guarded')
    class KindController {
      @Get()
      @RequireRole('ORG_OWNER', org.query('orgId'))
      read(@CheckedResource('project') id: string) {
        return { id };
      }
    }
    @Controller('guarded')
    class NameController {
      @Get()
      @RequireRole('ORG_OWNER', org.query('orgId'))
      read(@CheckedResource('org', 'orgid') id: string) {
        return { id };
      }
    }
    const providers = [GLOBAL];
    await expect(serve({ controllers: [KindController], providers })).rejects.toThrow(
      /@CheckedResource\('project'\) stands on a route that checks no such project/,
    );
    await expect(serve({ controllers: [NameController], providers })).rejects.toThrow(
      /@CheckedResource\('org', 'orgid'\) stands on a route that checks no such org/,
    );
  });

  it('is @CheckedResource without a name where two are checked', async () => {
    @Controller('guarded')
    class GuardedController {
      @Get()
      @RequireRole('ORG_OWNER', org.query('one'))
      @RequireRole('ORG_OWNER', org.query('two'))
      read(@CheckedResource('org') id: string) {
        return { id };
      }
    }
    const booting = serve({ controllers: [GuardedController] });
    await expect(booting).rejects.toThrow(/could mean .*one.*: name one of them/);
  });

  it('is @CheckedResource on a public route', async () => {
    @Controller('guarded')
    @RequireRole('ORG_OWNER', org.query('orgId'))
    class GuardedController {
      @Get()
      @Public()
      read(@CheckedResource('org') id: string) {
        return { id };
      }
    }
    const booting = serve({ controllers: [GuardedController] });
    await expect(booting).rejects.toThrow(/stands on a route that checks no such org/);
  });

  it('is a decorated method of a provider', async () => {
    @Injectable()
    class Service {
      @RequireRole('ORG_OWNER', people.orgA)
      work() {
        return {};
      }
    }
    const booting = serve({
      controllers: [guardedController(people)],
      providers: [GLOBAL, Service],
    });
    await expect(booting).rejects.toThrow(
      /Service\.work is decorated, and Nest reaches it in no way that is known here: .*ask ZitadelAuthorizer in the method/,
    );
  });

  it('is a decorated service', async () => {
    @Injectable()
    @RequireRole('IAM_OWNER')
    class Service {
      work() {
        return {};
      }
    }
    await expect(serve({ providers: [GLOBAL, Service] })).rejects.toThrow(
      /Service\.work is decorated, and Nest reaches it in no way/,
    );
  });

  it('is not what a decorated controller does for itself', async () => {
    @Controller('guarded')
    @RequireRole('ORG_OWNER', people.orgA)
    class GuardedController {
      @Get()
      read() {
        return this.help();
      }

      help() {
        return {};
      }
    }
    const url = await serve({ controllers: [GuardedController] });
    expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
  });

  it('is told all at once', async () => {
    @Controller('other')
    class OtherController {
      @Get()
      @RequireRole('ORG_OWNER', 'acme')
      read(@CheckedResource('project') id: string) {
        return { id };
      }
    }
    const booting = serve({
      controllers: [guardedController(people), OtherController],
      providers: [],
    });
    await expect(booting).rejects.toThrow(
      /not safe to start:(?=.*GuardedController\.read would run)(?=.*OtherController\.read would run)(?=.*'acme' is not a valid id)(?=.*CheckedResource)/s,
    );
  });
});

describe('a decorated method of a provider', () => {
  class Jobs {
    @RequireRole('IAM_OWNER')
    run() {
      return {};
    }
  }
  it.each([
    ['that a factory makes', { provide: 'JOBS', useFactory: () => new Jobs() }],
    ['that a factory promises', { provide: 'JOBS', useFactory: () => Promise.resolve(new Jobs()) }],
    ['that is given as a value', { provide: 'JOBS', useValue: new Jobs() }],
  ])('%s refuses to boot', async (_how, provider) => {
    await expect(serve({ providers: [GLOBAL, provider] })).rejects.toThrow(
      /Jobs\.run is decorated, and Nest reaches it in no way/,
    );
  });

  it('is no matter where a factory makes nothing, or something plain', async () => {
    const providers = [undefined, null, 1, 'text', {}, Object.create(null) as object].map(
      (made, at) => ({ provide: `PLAIN ${at}`, useFactory: () => made }),
    );
    const booted = serve({ providers: [GLOBAL, ...providers] });
    await expect(booted).resolves.toMatch(/^http/);
  });
});

describe('@CheckedResource("projectGrant")', () => {
  it('refuses to boot where the grant is named by its two ends: no id of it is checked', async () => {
    @Controller(':projectId/:orgId')
    class GrantController {
      @Get()
      @RequireRole(
        'PROJECT_GRANT_OWNER',
        projectGrant({ project: project.param('projectId'), grantedOrg: org.param('orgId') }),
      )
      read(@CheckedResource('projectGrant') grantId: string) {
        return { grantId };
      }
    }
    await expect(serve({ controllers: [GrantController] })).rejects.toThrow(
      /@CheckedResource\('projectGrant'\) stands on a route that checks no such projectGrant/,
    );
  });
});

describe('the report at boot', () => {
  it('lists every route, what it asks for, and what each lifts', async () => {
    @Controller('things/:orgId')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    class ThingsController {
      @Get()
      list() {
        return {};
      }

      @Get('mine')
      @Authenticated({ replaces: true })
      mine() {
        return {};
      }

      @Get('open')
      @Public()
      open() {
        return {};
      }

      @Get('project/:projectId')
      @RequireRole('PROJECT_OWNER', project.param('projectId').in(org.param('orgId')), {
        fresh: true,
      })
      project() {
        return {};
      }
    }
    @Controller()
    class OtherController {
      @Get('undeclared')
      undeclared() {
        return {};
      }

      @Get(['one', 'two'])
      @Authenticated()
      several() {
        return {};
      }

      @Get('perhaps')
      @Authenticated({ optional: true })
      perhaps() {
        return {};
      }

      @Get('free')
      @Public()
      free() {
        return {};
      }

      helper() {
        return {};
      }
    }
    const notes = new Notes();
    await serve({
      controllers: [ThingsController, OtherController],
      options: { logger: notes.logger },
    });
    expect(notes.lines).toHaveLength(1);
    const [title, ...lines] = notes.lines[0]?.text.split('\n') ?? [];
    expect(title).toBe('routes and what they ask for:');
    expect(lines).toEqual([
      '  GET /things/:orgId  ORG_OWNER on org param orgId',
      '  GET /things/:orgId/mine  any accepted caller (instead of what the class asks for)',
      '  GET /things/:orgId/open  public (lifts what the class asks for)',
      '  GET /things/:orgId/project/:projectId  (ORG_OWNER on org param orgId and PROJECT_OWNER on project param projectId of org param orgId (fresh))',
      '  GET /undeclared  declares nothing: always denied',
      '  GET /one|/two  any accepted caller',
      '  GET /perhaps  any accepted caller, or none',
      '  GET /free  public',
    ]);
  });

  it('names a route that no guard of ours checks', async () => {
    const notes = new Notes();
    @Controller('open')
    class OpenController {
      @Get('all')
      all() {
        return {};
      }
      @Get('some')
      @UseGuards(ZitadelManagerGuard)
      @Public()
      some() {
        return {};
      }
    }
    await serve({
      controllers: [OpenController],
      providers: [],
      options: { logger: notes.logger },
    });
    const report = notes.lines[0]?.text.split('\n') ?? [];
    expect(report).toContain('  GET /open/all  NOT GUARDED by nestjs-zitadel: open');
    expect(report).toContain('  GET /open/some  public');
  });

  it('shows each path as clients reach it: with prefix, module and version', async () => {
    @Controller({ path: 'things', version: ['1', '2'] })
    class ThingsController {
      @Get(':orgId')
      @RequireRole('ORG_OWNER', org.param('orgId'))
      read() {
        return {};
      }

      @Get('neutral/:tenant')
      @Version(VERSION_NEUTRAL)
      @RequireRole('ORG_OWNER', org.param('stage'))
      neutral() {
        return {};
      }
    }
    @Controller('health')
    @Public()
    class HealthController {
      @Get()
      read() {
        return {};
      }
    }
    @Module({ controllers: [ThingsController] })
    class FeatureModule {}
    const report = async (versioning: VersioningOptions, prefix = '') => {
      const notes = new Notes();
      await serve({
        imports: [
          FeatureModule,
          RouterModule.register([{ path: ':stage', module: FeatureModule }]),
        ],
        controllers: [HealthController],
        options: { logger: notes.logger },
        prepare: (app) => {
          app.enableVersioning(versioning);
          if (prefix) app.setGlobalPrefix(prefix, { exclude: ['health'] });
        },
      });
      return notes.lines[0]?.text.split('\n').slice(1);
    };
    expect(await report({ type: VersioningType.URI }, 'api')).toEqual([
      '  GET /health  public',
      '  GET /api/v1/:stage/things/:orgId|/api/v2/:stage/things/:orgId  ORG_OWNER on org param orgId',
      '  GET /api/:stage/things/neutral/:tenant  ORG_OWNER on org param stage',
    ]);
    expect(await report({ type: VersioningType.HEADER, header: 'x', defaultVersion: '7' })).toEqual(
      [
        '  GET /health (version 7)  public',
        '  GET /:stage/things/:orgId (version 1, 2)  ORG_OWNER on org param orgId',
        '  GET /:stage/things/neutral/:tenant  ORG_OWNER on org param stage',
      ],
    );
  });
});

describe('a path parameter', () => {
  const controllerOf = (path: string | string[], name: string): Type => {
    @Controller()
    class OneController {
      @Get(path)
      @RequireRole('ORG_OWNER', org.param(name))
      read() {
        return {};
      }
    }
    return OneController;
  };

  it.each<[string | string[], string]>([
    ['things/:org', 'orgId'],
    ['things/:orgIds', 'orgId'],
    ['things/orgId', 'orgId'],
    [['one', 'two/:org'], 'orgId'],
  ])('refuses to boot where %j does not have :%s', async (path, name) => {
    await expect(serve({ controllers: [controllerOf(path, name)] })).rejects.toThrow(
      /OneController\.read: asks for the path parameter orgId, which GET \/.* does not have/,
    );
  });

  it.each<[string | string[], string]>([
    ['things/:orgId', 'orgId'],
    ['things/:orgId.json', 'orgId'],
    ['things/:a-:orgId', 'orgId'],
    ['things{/:orgId}', 'orgId'],
    ['things/*orgId', 'orgId'],
    ['things/:"org id"', 'org id'],
    [['one', 'two/:orgId'], 'orgId'],
  ])('is found in %j', async (path, name) => {
    await expect(serve({ controllers: [controllerOf(path, name)] })).resolves.toMatch(/^http/);
  });

  it('may be missing where another part of a shared requirement can hold without it, and the report says so', async () => {
    @Controller('orgs')
    @Require(anyOf(role('ORG_OWNER', org.param('orgId')), role('IAM_OWNER')))
    class OrgsController {
      @Get()
      list() {
        return {};
      }
      @Get(':orgId')
      read() {
        return {};
      }
    }
    const notes = new Notes();
    await serve({ controllers: [OrgsController], options: { logger: notes.logger } });
    expect(notes.log).toMatch(/GET \/orgs  .* or IAM_OWNER .*, but the path has no :orgId$/m);
    expect(notes.log).toMatch(/GET \/orgs\/:orgId  .* or IAM_OWNER on the instance\)$/m);
  });

  it('refuses to boot where no part can hold without it', async () => {
    @Controller('orgs')
    @Require(
      anyOf(
        allOf(role('ORG_OWNER', org.param('orgId')), role('IAM_OWNER')),
        projectRole('editor', { project: '1', org: org.param('orgId') }),
        role('PROJECT_OWNER', project('1').in(org.param('orgId'))),
        role('PROJECT_GRANT_OWNER', projectGrant({ project: '1', grantedOrg: org.param('orgId') })),
      ),
    )
    class OrgsController {
      @Get()
      list() {
        return {};
      }
    }
    await expect(serve({ controllers: [OrgsController] })).rejects.toThrow(
      /OrgsController\.list: asks for the path parameter orgId, which GET \/orgs does not have/,
    );
  });

  it('is found in the global prefix', async () => {
    const prepare: Prepare = (app) => app.setGlobalPrefix('tenants/:orgId');
    const booting = serve({ controllers: [controllerOf('things', 'orgId')], prepare });
    await expect(booting).resolves.toMatch(/^http/);
  });
});

describe('@CurrentCaller and @CheckedResource', () => {
  function takingController(): Type {
    @Controller('taking')
    class TakingController {
      @Get('caller')
      @Authenticated()
      caller(@CurrentCaller() caller: Caller) {
        return caller;
      }

      @Get('checked/:orgId')
      @RequireRole('ORG_OWNER', org.param('orgId'))
      checked(@CheckedResource('org') id: string) {
        return { id };
      }
    }
    return TakingController;
  }

  it.each(['caller', 'checked/1'])(
    'behind a guard that a test has replaced are 500, in words (%s)',
    async (path) => {
      const notes = new Notes();
      const module = await Test.createTestingModule({
        imports: [ZitadelModule.forRoot(people.zitadel.options({ logger: notes.logger }))],
        controllers: [takingController()],
        providers: [GLOBAL],
      })
        .overrideProvider(ZitadelManagerGuard)
        .useValue({ canActivate: () => true })
        .compile();
      const { url } = untilTheEnd(await listen(module.createNestApplication({ logger: false })));
      const heard = await get(url, `/taking/${path}`);
      expect(heard.status).toBe(500);
      expect(notes.log).toMatch(
        /error requirement_invalid: @C\w+\(.*\) in TakingController\.c\w+: ZitadelManagerGuard did not let this request through.*overridden in a test.*ZitadelEmulator/,
      );
    },
  );

  it('refuse to boot on a public route that takes the caller', async () => {
    @Controller('open')
    class OpenController {
      @Get()
      @Public()
      read(@CurrentCaller() caller: Caller) {
        return caller;
      }
    }
    await expect(serve({ controllers: [OpenController] })).rejects.toThrow(
      /OpenController\.read: @CurrentCaller\(\) stands on a public route/,
    );
  });
});

describe('the module twice', () => {
  it('does not start, and is told what to write', async () => {
    const module = (timeoutMs: number) =>
      ZitadelModule.forRoot(people.zitadel.options({ timeoutMs }));
    await expect(bootWith({ imports: [module(1_000), module(2_000)] })).rejects.toThrow(
      /^the application is not safe to start:\n- ZitadelModule is registered 2 times.*forRoot\(\) once[^\n]*$/,
    );
  });
});
