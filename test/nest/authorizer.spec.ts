import {
  Controller,
  ForbiddenException,
  Get,
  HttpException,
  Injectable,
  NotFoundException,
  UseGuards,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD, ExternalContextCreator } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Authenticated,
  CurrentCaller,
  RequireRole,
  ZitadelAuthorizer,
  ZitadelDecisionStream,
  ZitadelManagerGuard,
  ZitadelRequirementError,
  allOf,
  anyOf,
  authenticated,
  org,
  pat,
  project,
  role,
  type Caller,
  type DecisionEvent,
  type Denied,
  type RequestLike,
  type ZitadelModuleOptions,
} from '../../lib/index.js';
import { graphql } from '../../lib/nest/doors/graphql.js';
import { rpc } from '../../lib/nest/doors/rpc.js';
import { ws } from '../../lib/nest/doors/ws.js';
import { expectAnswer } from '../doors/answers.js';
import { Notes } from '../doors/door.js';
import { boot } from '../support/application.js';
import { get } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

const people = usePeople();

afterEach(() => {
  people.zitadel.heal();
});

/** What an outage is thrown as: the answer that the guard would give. */
const OUTAGE = {
  status: 503,
  response: { statusCode: 503, errorCode: 'unavailable' },
  headers: { 'Retry-After': '1' },
};

/** An application that hands out its callers and its authorizer, as a service of it would use them. */
async function asking(options: Partial<ZitadelModuleOptions> = {}) {
  const callers: Caller[] = [];
  @Controller('me')
  class MeController {
    @Get()
    @Authenticated()
    me(@CurrentCaller() caller: Caller) {
      callers.push(caller);
      return {};
    }
  }
  const { app, url } = await boot(people, { controllers: [MeController], options });
  const callerWith = async (token: string): Promise<Caller> => {
    expectAnswer(await get(url, '/me', token), { status: 200 });
    const caller = callers.at(-1);
    if (!caller) throw new Error('the handler did not run');
    return caller;
  };
  return { app, url, callerWith, authorizer: app.get(ZitadelAuthorizer) };
}

const asServiceUser = (): Partial<ZitadelModuleOptions> => {
  const { zitadel, orgA } = people;
  const reader = zitadel.addServiceUser(`reader ${String(Math.random())}`, { org: orgA });
  zitadel.addMember(reader, { org: orgA }, ['ORG_OWNER']);
  return {
    memberships: { as: 'serviceUser', organizations: [orgA] },
    serviceUser: pat(zitadel.patFor(reader)),
  };
};

describe('can', () => {
  it('answers yes and no about the caller of a request', async () => {
    const { authorizer, callerWith } = await asking();
    const caller = await callerWith(people.tokens.ofA);
    expect(await authorizer.can(caller, role('ORG_OWNER', people.orgA))).toBe(true);
    expect(await authorizer.can(caller, role('ORG_OWNER', org(people.orgB)))).toBe(false);
    expect(await authorizer.can(caller, authenticated())).toBe(true);
    expect(
      await authorizer.can(caller, anyOf(role('IAM_OWNER'), role('ORG_OWNER', people.orgA))),
    ).toBe(true);
    expect(
      await authorizer.can(caller, allOf(role('IAM_OWNER'), role('ORG_OWNER', people.orgA))),
    ).toBe(false);
  });

  it('answers about a bare user id where memberships are read as the service user', async () => {
    const { authorizer } = await asking(asServiceUser());
    expect(await authorizer.can(people.ids.ofA, role('ORG_OWNER', people.orgA))).toBe(true);
    expect(await authorizer.can(people.ids.ofB, role('ORG_OWNER', people.orgA))).toBe(false);
    // The other organization is none of those that are read.
    expect(await authorizer.can(people.ids.ofB, role('ORG_OWNER', people.orgB))).toBe(false);
  });

  it('refuses to be asked about the own organization of a bare user id, which only a token says', async () => {
    const { authorizer } = await asking(asServiceUser());
    const asked = authorizer.can(people.ids.ofA, role('ORG_OWNER', org.ofCaller()));
    await expect(asked).rejects.toThrow(ZitadelRequirementError);
    await expect(asked).rejects.toThrow(/only a token tells .*home organizations/);
  });

  it('throws where the token does not say the own organization, which is not a no', async () => {
    const { authorizer, callerWith } = await asking();
    const caller = await callerWith(people.tokens.ofA);
    const asked = authorizer.can(caller, role('ORG_OWNER', org.ofCaller()));
    await expect(asked).rejects.toMatchObject({ status: 500 });
  });

  it('lets managers of the instance in everywhere, also in organizations that are not read', async () => {
    const { zitadel, orgA, orgB } = people;
    const { authorizer } = await asking(asServiceUser());
    const manager = zitadel.addUser('manager of the instance');
    zitadel.addMember(manager, 'instance', ['IAM_OWNER']);
    for (const orgId of [orgA, orgB]) {
      expect(await authorizer.can(manager.id, role('ORG_OWNER', orgId))).toBe(true);
    }
  });

  it('refuses a bare user id where memberships are read with the caller’s own token', async () => {
    const { authorizer } = await asking();
    const asked = authorizer.can(people.ids.ofA, role('ORG_OWNER', people.orgA));
    await expect(asked).rejects.toThrow(ZitadelRequirementError);
    await expect(asked).rejects.toThrow(/memberships to \{ as: 'serviceUser'/);
  });

  it('refuses a caller that somebody made up', async () => {
    const { authorizer, callerWith } = await asking();
    const real = await callerWith(people.tokens.ofA);
    for (const made of [{ ...real }, { userId: people.ids.ofA, claims: {} }]) {
      await expect(authorizer.can(made, role('ORG_OWNER', people.orgA))).rejects.toThrow(
        ZitadelRequirementError,
      );
    }
  });

  it('refuses to be asked about a parameter that it does not have', async () => {
    const { authorizer, callerWith } = await asking();
    const caller = await callerWith(people.tokens.ofA);
    for (const ref of [org.param('orgId'), org.header('x'), org.from(() => people.orgA)]) {
      await expect(authorizer.can(caller, role('ORG_OWNER', ref))).rejects.toThrow(
        /only literal ids/,
      );
    }
  });

  it('throws on an outage, which is not a no', async () => {
    const { authorizer, callerWith } = await asking();
    const caller = await callerWith(people.tokens.ofA);
    people.zitadel.fail('memberships', 503);
    const asked = authorizer.can(caller, role('ORG_OWNER', people.orgA, { fresh: true }));
    await expect(asked).rejects.toThrow(HttpException);
    await expect(asked).rejects.toMatchObject(OUTAGE);
  });

  it('asks who owns a project', async () => {
    const { zitadel, orgA, orgB, tokens } = people;
    const { authorizer, callerWith } = await asking();
    const [ofA, ofB] = [
      zitadel.addProject('pa', { org: orgA }),
      zitadel.addProject('pb', { org: orgB }),
    ];
    const caller = await callerWith(tokens.ofA);
    expect(await authorizer.can(caller, role('PROJECT_OWNER', ofA.id))).toBe(true);
    expect(await authorizer.can(caller, role('PROJECT_OWNER', ofB.id))).toBe(false);
    expect(await authorizer.can(caller, role('PROJECT_OWNER', project(ofA.id).in(orgB)))).toBe(
      false,
    );
  });
});

describe('assert', () => {
  it('says nothing where the requirement holds, and throws what the guard would throw', async () => {
    const { authorizer, callerWith } = await asking();
    const caller = await callerWith(people.tokens.ofA);
    await expect(authorizer.assert(caller, role('ORG_OWNER', people.orgA))).resolves.toBe(
      undefined,
    );
    const refused = authorizer.assert(caller, role('ORG_OWNER', people.orgB));
    await expect(refused).rejects.toMatchObject({
      status: 403,
      response: {
        statusCode: 403,
        error: 'Forbidden',
        message: 'A manager role is missing.',
        errorCode: 'role_missing',
      },
    });
  });

  it.each(['can', 'assert', 'explain'] as const)(
    'and %s throw what the guard would throw where the token is refused by now',
    async (ask) => {
      const { authorizer, callerWith } = await asking();
      const caller = await callerWith(people.tokens.ofA);
      people.zitadel.failNext('memberships', 401);
      await expect(
        authorizer[ask](caller, role('ORG_OWNER', people.orgA, { fresh: true })),
      ).rejects.toMatchObject({
        status: 401,
        response: { errorCode: 'token_rejected' },
        headers: { 'WWW-Authenticate': expect.stringContaining('invalid_token') as string },
      });
    },
  );

  it('answers a request through Nest like the guard would', async () => {
    @Controller('asserted')
    class AssertedController {
      @Get()
      @Authenticated()
      async read(@CurrentCaller() caller: Caller) {
        await authorizer.assert(caller, role('ORG_OWNER', people.orgB));
        return {};
      }
    }
    const { app, url } = await boot(people, { controllers: [AssertedController] });
    const authorizer = app.get(ZitadelAuthorizer);
    const heard = await get(url, '/asserted', people.tokens.ofA);
    expect({ status: heard.status, errorCode: heard.json?.['errorCode'] }).toEqual({
      status: 403,
      errorCode: 'role_missing',
    });
    expect((await get(url, '/asserted', people.tokens.ofB)).status).toBe(200);
  });
});

describe('explain', () => {
  it('names the membership that allows, part by part, and how old the answer is', async () => {
    const { authorizer, callerWith } = await asking();
    const caller = await callerWith(people.tokens.ofA);
    const requirement = anyOf(role('IAM_OWNER'), role('ORG_OWNER_VIEWER', people.orgA));
    const explained = await authorizer.explain(caller, requirement);
    const by = { userId: people.ids.ofA, kind: 'org', id: people.orgA, roles: ['ORG_OWNER'] };
    expect(explained).toMatchObject({
      requirement: `(IAM_OWNER on the instance or ORG_OWNER_VIEWER on org ${people.orgA})`,
      allowed: true,
      by,
      from: 'zitadel',
      parts: [
        {
          requirement: 'IAM_OWNER on the instance',
          allowed: false,
          reason: 'role_missing',
          parts: [],
        },
        { requirement: `ORG_OWNER_VIEWER on org ${people.orgA}`, allowed: true, by, parts: [] },
      ],
    });
    expect(explained.ageMs).toBeGreaterThanOrEqual(0);
    expect(explained.ageMs).toBeLessThan(30_000);
  });

  it('throws on an outage, of which there is nothing to explain', async () => {
    const { authorizer, callerWith } = await asking();
    const caller = await callerWith(people.tokens.ofA);
    people.zitadel.fail('memberships', 503);
    await authorizer.evict(caller.userId);
    const asked = authorizer.explain(caller, role('IAM_OWNER'));
    await expect(asked).rejects.toMatchObject(OUTAGE);
  });

  it('throws where ZITADEL does not answer what the whole rests on', async () => {
    const { authorizer, callerWith } = await asking();
    const caller = await callerWith(people.tokens.ofA);
    people.zitadel.fail('project', 503);
    const unknown = role('PROJECT_OWNER', project('404404404'));
    await expect(authorizer.explain(caller, unknown)).rejects.toMatchObject(OUTAGE);
    const either = anyOf(unknown, role('ORG_OWNER', people.orgA));
    expect(await authorizer.explain(caller, either)).toMatchObject({
      allowed: true,
      parts: [{ allowed: false, reason: 'unavailable' }, { allowed: true }],
    });
  });
});

describe('lookupResources', () => {
  it('lists where a caller holds any of the roles', async () => {
    const { zitadel, orgA, orgB, tokens, ids } = people;
    const { authorizer, callerWith } = await asking();
    expect(
      await authorizer.lookupResources(await callerWith(tokens.ofBoth), ['ORG_OWNER_VIEWER']),
    ).toEqual({
      everywhere: false,
      organizations: expect.arrayContaining([orgA, orgB]) as string[],
      projects: [],
      projectGrants: [],
    });
    expect(await authorizer.lookupResources(await callerWith(tokens.nobody), 'ORG_OWNER')).toEqual({
      everywhere: false,
      organizations: [],
      projects: [],
      projectGrants: [],
    });
    const portal = zitadel.addProject('portal', { org: orgA, roles: ['reader'] });
    const grant = zitadel.grantProject(portal, orgB, ['reader']);
    const several = zitadel.addUser('several');
    zitadel.addMember(several, { project: portal }, ['PROJECT_OWNER']);
    zitadel.addMember(several, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
    zitadel.addMember(several, { org: orgB }, ['ORG_USER_MANAGER']);
    const caller = await callerWith(zitadel.tokenFor(several));
    expect(
      await authorizer.lookupResources(caller, [
        'PROJECT_OWNER_VIEWER',
        'PROJECT_GRANT_OWNER_VIEWER',
      ]),
    ).toEqual({
      everywhere: false,
      organizations: [],
      projects: [portal.id],
      projectGrants: [grant.id],
    });
    expect(ids.ofBoth).not.toBe(caller.userId);
  });

  it('says everywhere for a role of the instance', async () => {
    const { zitadel } = people;
    const { authorizer, callerWith } = await asking();
    const root = zitadel.addUser('root');
    zitadel.addMember(root, 'instance', ['IAM_OWNER']);
    const caller = await callerWith(zitadel.tokenFor(root));
    expect(await authorizer.lookupResources(caller, 'ORG_OWNER')).toEqual({ everywhere: true });
  });

  it('throws where it cannot be told, and on a question that cannot be meant', async () => {
    const { authorizer, callerWith } = await asking();
    const caller = await callerWith(people.tokens.ofA);
    await expect(authorizer.lookupResources(caller, [] as never)).rejects.toThrow(
      ZitadelRequirementError,
    );
    await expect(authorizer.lookupResources(caller, 'ORG_OWNR' as never)).rejects.toThrow(
      /'ORG_OWNR' is not a manager role/,
    );
    people.zitadel.fail('memberships', 500);
    await authorizer.evict(caller.userId);
    const asked = authorizer.lookupResources(caller, 'ORG_OWNER');
    await expect(asked).rejects.toMatchObject(OUTAGE);
  });
});

describe('evict', () => {
  it('forgets one user with all tokens, and nobody else', async () => {
    const { zitadel, tokens, ids } = people;
    const { authorizer, callerWith } = await asking();
    const requests = async (token: string) => {
      const before = zitadel.requests('memberships');
      await callerWith(token);
      return zitadel.requests('memberships') - before;
    };
    const second = zitadel.tokenFor(ids.ofA);
    for (const token of [tokens.ofA, second, tokens.ofB]) expect(await requests(token)).toBe(1);
    await authorizer.evict(ids.ofA);
    expect(await requests(tokens.ofB)).toBe(0);
    expect(await requests(tokens.ofA)).toBe(1);
    expect(await requests(second)).toBe(1);
    await authorizer.evictAll();
    expect(await requests(tokens.ofB)).toBe(1);
  });

  it('makes a change in ZITADEL count for the next request', async () => {
    const { zitadel, orgA } = people;
    const { authorizer, callerWith } = await asking();
    const user = zitadel.addUser('changed');
    const caller = await callerWith(zitadel.tokenFor(user));
    const requirement = role('ORG_OWNER', orgA);
    expect(await authorizer.can(caller, requirement)).toBe(false);
    zitadel.addMember(user, { org: orgA }, ['ORG_OWNER']);
    expect(await authorizer.can(caller, requirement)).toBe(false);
    await authorizer.evict(user.id);
    expect(await authorizer.can(caller, requirement)).toBe(true);
  });
});

describe('who listens', () => {
  it('hears every decision, of guards and of services, until it has had enough', async () => {
    const { authorizer, callerWith, url } = await asking();
    const heard: DecisionEvent[] = [];
    const before = Date.now();
    const stop = authorizer.onDecision((event) => heard.push(event));
    const caller = await callerWith(people.tokens.ofA);
    await get(url, '/me');
    const requirement = role('ORG_OWNER', people.orgB);
    await authorizer.can(caller, requirement);
    expect(heard).toMatchObject([
      { decision: { allowed: true, caller: { userId: people.ids.ofA } } },
      { decision: { allowed: false, reason: 'token_missing' } },
      { requirement, decision: { allowed: false, reason: 'role_missing' } },
    ]);
    for (const { at } of heard) expect(at >= before && at <= Date.now()).toBe(true);
    stop();
    await get(url, '/me');
    expect(heard).toHaveLength(3);
  });

  it('changes nothing by throwing', async () => {
    const { authorizer, callerWith } = await asking();
    const after: DecisionEvent[] = [];
    authorizer.onDecision(() => {
      throw new Error('the audit log is full');
    });
    authorizer.onDecision((event) => after.push(event));
    await callerWith(people.tokens.ofA);
    expect(after).toHaveLength(1);
  });

  it('can be an observer of the stream', async () => {
    const { app, callerWith } = await asking();
    const heard: DecisionEvent[] = [];
    const subscription = app
      .get(ZitadelDecisionStream)
      .subscribe((event) => void heard.push(event));
    await callerWith(people.tokens.ofA);
    subscription.unsubscribe();
    await callerWith(people.tokens.ofB);
    expect(heard.map(({ decision }) => decision)).toMatchObject([
      { allowed: true, caller: { userId: people.ids.ofA } },
    ]);
  });

  it('is told about a handler that declares nothing, without a requirement', async () => {
    @Controller('undeclared')
    class UndeclaredController {
      @Get()
      read() {
        return {};
      }
    }
    const { app, url } = await boot(people, { controllers: [UndeclaredController] });
    const heard: DecisionEvent[] = [];
    app.get(ZitadelAuthorizer).onDecision((event) => heard.push(event));
    expectAnswer(await get(url, '/undeclared', people.tokens.ofA), { denied: 'not_declared' });
    expect(heard).toMatchObject([
      { requirement: undefined, decision: { allowed: false, reason: 'not_declared' } },
    ]);
  });
});

describe('a guard of one’s own', () => {
  @Controller('guarded')
  class GuardedController {
    @Get()
    @RequireRole('ORG_OWNER', org.query('orgId'))
    read() {
      return {};
    }
  }

  it('answers 404 instead of 403 where it says so, and leaves the rest', async () => {
    const reasons: string[] = [];
    @Injectable()
    class Discreet extends ZitadelManagerGuard {
      protected override exceptionFor(denied: Denied, context: ExecutionContext) {
        reasons.push(
          `${context.getClass().name} ${denied.reason} ${String(denied.caller?.userId)}`,
        );
        return denied.reason === 'role_missing'
          ? new NotFoundException()
          : super.exceptionFor(denied, context);
      }
    }
    const { url } = await boot(people, {
      controllers: [GuardedController],
      providers: [{ provide: APP_GUARD, useClass: Discreet }],
    });
    const path = `/guarded?orgId=${people.orgB}`;
    const heard = await get(url, path, people.tokens.ofA);
    expect({ status: heard.status, json: heard.json }).toEqual({
      status: 404,
      json: { statusCode: 404, message: 'Not Found' },
    });
    expectAnswer(await get(url, path), { denied: 'token_missing' });
    expect((await get(url, path, people.tokens.ofB)).status).toBe(200);
    expect(reasons).toEqual([
      `GuardedController role_missing ${people.ids.ofA}`,
      'GuardedController token_missing undefined',
    ]);
  });

  it('does not let anybody in by answering with another error', async () => {
    @Injectable()
    class Odd extends ZitadelManagerGuard {
      protected override exceptionFor() {
        return new Error('something of the application');
      }
    }
    const { url } = await boot(people, {
      controllers: [GuardedController],
      providers: [{ provide: APP_GUARD, useClass: Odd }],
    });
    const heard = await get(url, `/guarded?orgId=${people.orgB}`, people.tokens.ofA);
    expect(heard.status).toBe(500);
    expect(heard.text).not.toContain('something of the application');
  });

  it('reads another request than Nest’s where it says so', async () => {
    @Injectable()
    class Behind extends ZitadelManagerGuard {
      protected override requestOf(context: ExecutionContext): (RequestLike & object) | undefined {
        const request = context.switchToHttp().getRequest<RequestLike & object>();
        return { ...request, headers: request.headers, query: { orgId: people.orgA } };
      }
    }
    const { url } = await boot(people, {
      controllers: [GuardedController],
      providers: [{ provide: APP_GUARD, useClass: Behind }],
    });
    expect((await get(url, '/guarded', people.tokens.ofA)).status).toBe(200);
    expectAnswer(await get(url, '/guarded', people.tokens.ofB), { denied: 'role_missing' });
  });

  it('denies what it knows no request of', async () => {
    @Injectable()
    class Blind extends ZitadelManagerGuard {
      protected override requestOf() {
        return undefined;
      }
    }
    const { url } = await boot(people, {
      controllers: [GuardedController],
      providers: [{ provide: APP_GUARD, useClass: Blind }],
    });
    const heard = await get(url, `/guarded?orgId=${people.orgA}`, people.tokens.ofA);
    expectAnswer(heard, { denied: 'unsupported_context' });
  });
});

describe.each(['express', 'fastify'] as const)('an exceptionFor that hides, on %s,', (platform) => {
  it('hides the challenge too', async () => {
    @Injectable()
    class HidingGuard extends ZitadelManagerGuard {
      protected override exceptionFor() {
        return new NotFoundException();
      }
    }
    @Controller()
    class HiddenController {
      @Get('hidden')
      @UseGuards(HidingGuard)
      @RequireRole('ORG_OWNER', people.orgA)
      hidden() {
        return {};
      }
      @Get('shown')
      @UseGuards(ZitadelManagerGuard)
      @RequireRole('ORG_OWNER', people.orgA)
      shown() {
        return {};
      }
    }
    const { url } = await boot(people, {
      platform,
      controllers: [HiddenController],
      providers: [HidingGuard],
    });
    for (const token of [undefined, people.tokens.ofB]) {
      const [hidden, shown] = [await get(url, '/hidden', token), await get(url, '/shown', token)];
      expect(hidden.status).toBe(404);
      expect(hidden.headers).not.toHaveProperty('www-authenticate');
      expect(shown.headers['www-authenticate']).toMatch(/^Bearer/);
    }
  });
});

const told = (error: unknown): unknown => error;

describe('a context that is not HTTP', () => {
  // What a transport hands over may look like a request with a good token.
  it.each([
    [
      'tRPC',
      'unsupported_context',
      { status: 403, response: { errorCode: 'unsupported_context' } },
    ],
    ['toString', 'unsupported_context', { status: 403 }],
    ['ws', 'unsupported_context', { status: 'error', errorCode: 'unsupported_context' }],
    ['rpc', 'token_missing', { status: 'error', errorCode: 'token_missing' }],
    ['graphql', 'token_missing', { extensions: { errorCode: 'token_missing' } }],
  ])(
    'is denied if it shows no token where one is looked for: %s',
    async (type, reason, expected) => {
      // As where an application has handlers of all kinds.
      for (const door of [graphql, rpc, ws]) await door.load();
      let ran = 0;
      @Controller('things')
      class ThingsController {
        @Get()
        @RequireRole('ORG_OWNER', people.orgA)
        read() {
          ran += 1;
          return {};
        }
      }
      const notes = new Notes();
      const { app } = await boot(people, {
        controllers: [ThingsController],
        options: { logger: notes.logger },
      });
      app.get(ZitadelAuthorizer).onDecision((event) => notes.decisions.push(event));
      const controller = app.get(ThingsController);
      const handle = app
        .get(ExternalContextCreator)
        .create(
          controller,
          controller.read as (...given: unknown[]) => unknown,
          'read',
          undefined,
          undefined,
          undefined,
          undefined,
          undefined,
          type,
        );
      const emitted: unknown[] = [];
      const request = {
        headers: { authorization: `Bearer ${people.tokens.ofA}` },
        emit: (_event: string, body: unknown) => emitted.push(body),
      };
      const answer: unknown = await handle(request, {}, () => undefined).catch(told);
      const heard = isObservable(answer)
        ? await lastValueFrom(answer).catch(told)
        : (emitted[0] ?? answer);
      expect(heard).toMatchObject(expected);
      expect(heard).not.toBeInstanceOf(ForbiddenException);
      expect(ran).toBe(0);
      expect(notes.decisions).toMatchObject([{ decision: { allowed: false, reason } }]);
    },
  );
});
