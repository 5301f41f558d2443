import {
  Controller,
  ForbiddenException,
  Get,
  Inject,
  Injectable,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, ModuleRef } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import {
  Authenticated,
  CheckedResource,
  CurrentCaller,
  letIn,
  org,
  RequireRole,
  ZitadelManagerGuard,
  type Caller,
} from '../../lib/index.js';
import { expectAnswer } from '../doors/answers.js';
import { boot, GLOBAL, type Application } from '../support/application.js';
import { speak } from '../support/speak.js';
import { get } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

const people = usePeople();

/** The keys that the application has given to organizations. */
@Injectable()
class ApiKeys {
  organizationOf(key: string): string | undefined {
    return key === 'key of A' ? people.orgA : undefined;
  }
}

/** By its key, or not at all: then the token decides. */
function byKey(context: ExecutionContext, keys: ApiKeys): boolean | undefined {
  const request = context.switchToHttp().getRequest<{
    readonly headers: Readonly<Record<string, string | undefined>>;
    readonly params: Readonly<Record<string, string>>;
  }>();
  const key = request.headers['x-api-key'];
  if (key === undefined) return undefined;
  const orgId = keys.organizationOf(key);
  if (orgId === undefined || orgId !== request.params['orgId']) throw new ForbiddenException();
  const caller = { userId: `key of ${orgId}`, claims: {} };
  return letIn(request, caller, [{ kind: 'org', id: orgId, name: 'orgId' }]);
}

@Injectable()
class Injected implements CanActivate {
  constructor(
    @Inject(ZitadelManagerGuard) private readonly zitadel: ZitadelManagerGuard,
    @Inject(ApiKeys) private readonly keys: ApiKeys,
  ) {}

  canActivate(context: ExecutionContext) {
    return byKey(context, this.keys) ?? this.zitadel.canActivate(context);
  }
}

@Injectable()
class InjectedProperty implements CanActivate {
  @Inject(ZitadelManagerGuard) private readonly zitadel!: ZitadelManagerGuard;
  @Inject(ApiKeys) private readonly keys!: ApiKeys;

  canActivate(context: ExecutionContext) {
    return byKey(context, this.keys) ?? this.zitadel.canActivate(context);
  }
}

@Injectable()
class Extending extends ZitadelManagerGuard {
  @Inject(ApiKeys) private readonly keys!: ApiKeys;

  override canActivate(context: ExecutionContext) {
    return byKey(context, this.keys) ?? super.canActivate(context);
  }
}

/** Nobody can see at boot that it asks ours. */
@Injectable()
class Hidden implements CanActivate {
  constructor(@Inject(ModuleRef) private readonly moduleRef: ModuleRef) {}

  canActivate(context: ExecutionContext) {
    return this.moduleRef.get(ZitadelManagerGuard, { strict: false }).canActivate(context);
  }
}

/** A route that asks for the owner, guarded by this class; or by the application. */
function controllerOf(guard?: Type<CanActivate>): Type {
  @Controller('orgs/:orgId')
  class OrgController {
    @Get()
    @RequireRole('ORG_OWNER', org.param('orgId'))
    @(guard ? UseGuards(guard) : () => undefined)
    read(@CheckedResource('org') id: string, @CurrentCaller() { userId }: Caller) {
      return { id, userId };
    }
  }
  return OrgController;
}

const GUARDS = { Injected, InjectedProperty, Extending };

const PLACES = {
  'of the route': (guard: Type<CanActivate>): Application => ({
    controllers: [controllerOf(guard)],
    providers: [ApiKeys, guard],
  }),
  'of the application': (guard: Type<CanActivate>): Application => ({
    controllers: [controllerOf()],
    providers: [ApiKeys, guard, { provide: APP_GUARD, useExisting: guard }],
  }),
};

describe.each(Object.entries(GUARDS))('a guard by API key or token: %s,', (_name, guard) => {
  it.each(Object.entries(PLACES))('%s, lets both in and tells the handler', async (_where, app) => {
    const { orgA, orgB, tokens, ids } = people;
    const { url } = await boot(people, app(guard));
    const withKey = (orgId: string, key: string) =>
      speak(url, { path: `/orgs/${orgId}`, headers: [['x-api-key', key]] });
    const heard = await withKey(orgA, 'key of A');
    expect(heard.json).toEqual({ id: orgA, userId: `key of ${orgA}` });
    expect((await withKey(orgB, 'key of A')).status).toBe(403);
    expect((await withKey(orgA, 'another')).status).toBe(403);
    const byToken = await get(url, `/orgs/${orgA}`, tokens.ofA);
    expect(byToken.json).toEqual({ id: orgA, userId: ids.ofA });
    expectAnswer(await get(url, `/orgs/${orgB}`, tokens.ofA), { denied: 'role_missing' });
    expectAnswer(await get(url, `/orgs/${orgA}`), { denied: 'token_missing' });
  });
});

describe.each(['express', 'fastify'] as const)(
  'where the caller is optional, on %s,',
  (platform) => {
    @Injectable()
    class ByKeyAlone implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        return byKey(context, new ApiKeys()) ?? true;
      }
    }
    @Controller('orgs/:orgId')
    class OptionalController {
      @Get()
      @Authenticated({ optional: true })
      read(@CurrentCaller() caller?: Caller) {
        return { userId: caller?.userId ?? 'nobody' };
      }
    }

    it.each<[string, Provider[]]>([
      ['before', [{ provide: APP_GUARD, useClass: ByKeyAlone }, GLOBAL]],
      ['after', [GLOBAL, { provide: APP_GUARD, useClass: ByKeyAlone }]],
    ])('a caller by API key stays, if its guard stands %s ours', async (_where, providers) => {
      const app: Application = { platform, controllers: [OptionalController], providers };
      const { url } = await boot(people, app);
      const { orgA } = people;
      const heard = await speak(url, {
        path: `/orgs/${orgA}`,
        headers: [['x-api-key', 'key of A']],
      });
      expect(heard.json).toEqual({ userId: `key of ${orgA}` });
      expect((await get(url, `/orgs/${orgA}`)).json).toEqual({ userId: 'nobody' });
    });
  },
);

describe('a guard of which nobody can see at boot that it asks ours', () => {
  it('is refused, and the message says how to write it', async () => {
    const app = { controllers: [controllerOf(Hidden)], providers: [Hidden] };
    await expect(boot(people, app)).rejects.toThrow(/must extend it, or have it injected/);
  });
});
