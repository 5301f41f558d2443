import {
  type ExecutionContext,
  ForbiddenException,
  Inject,
  NotFoundException,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, REQUEST } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  AllowImpersonation,
  Authenticated,
  type Caller,
  CheckedResource,
  CurrentCaller,
  org,
  pat,
  Public,
  RequireRole,
  role,
  ZitadelAuthorizer,
  ZitadelManagerGuard,
  type ZitadelModuleOptions,
} from '../../../lib/index.js';
import type { User } from '../../../lib/testing/index.js';
import { gate } from '../../core/gate.js';
import { Notes } from '../../doors/door.js';
import { boot, GLOBAL } from '../../support/application.js';
import { byWs, bySocketIo, type Connect, type Shows } from '../../support/speakers.js';
import { freePort } from '../../support/redis.js';
import { useWorld } from '../../support/world.js';

const world = useWorld();

/** What a message whose handler says `answer` is answered with. */
const answer = (data: unknown) => ({ event: 'answer', data });

/** The gateway of these tests. */
function gatewayOf(ran: string[] = []): Type {
  @WebSocketGateway()
  class OrgsGateway {
    @WebSocketServer() server: unknown;

    constructor(private readonly authorizer: ZitadelAuthorizer) {}

    @SubscribeMessage('org')
    @RequireRole('ORG_OWNER', org.body('orgId'))
    async org(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
      return answer(`${caller.userId} at ${orgId}`);
    }

    @SubscribeMessage('header')
    @RequireRole('ORG_OWNER', org.header('x-org'))
    header(@CheckedResource('org') orgId: string) {
      return answer(`header ${orgId}`);
    }

    @SubscribeMessage('query')
    @RequireRole('ORG_OWNER', org.query('orgId'))
    query(@CheckedResource('org') orgId: string) {
      return answer(`query ${orgId}`);
    }

    @SubscribeMessage('code')
    @RequireRole(
      'ORG_OWNER',
      org.from(({ body }) => (typeof body === 'string' ? body : (body as { id: string }).id)),
    )
    code(@CheckedResource('org') orgId: string) {
      return answer(`code ${orgId}`);
    }

    @SubscribeMessage('me')
    @Authenticated()
    me(@CurrentCaller() caller: Caller) {
      return answer(caller.userId);
    }

    @SubscribeMessage('whoever')
    @Authenticated({ optional: true })
    whoever(@CurrentCaller() caller: Caller | undefined) {
      return answer(caller?.userId ?? 'nobody');
    }

    @SubscribeMessage('open')
    @Public()
    open() {
      return answer('open');
    }

    @SubscribeMessage('both')
    @RequireRole('ORG_OWNER', org.body('acme'))
    both(@CheckedResource('org') orgId: string) {
      return answer(`this ${orgId}`);
    }

    @SubscribeMessage('undeclared')
    undeclared() {
      ran.push('undeclared');
    }

    @SubscribeMessage('assert')
    @Authenticated()
    async assert(@MessageBody('orgId') orgId: string, @CurrentCaller() caller: Caller) {
      await this.authorizer.assert(caller, role('ORG_OWNER', orgId));
      return answer('asserted');
    }
  }
  return OrgsGateway;
}

/** A gateway at the same server, that waits for the same event. */
function otherGateway(): Type {
  @WebSocketGateway()
  class OtherGateway {
    @WebSocketServer() server: unknown;

    @SubscribeMessage('both')
    @RequireRole('ORG_OWNER', org.body('globex'))
    both(@CheckedResource('org') orgId: string) {
      return answer(`other ${orgId}`);
    }

    @SubscribeMessage('fixed')
    @RequireRole('ORG_OWNER', world.globex)
    fixed(@CheckedResource('org') orgId: string) {
      return answer(`fixed ${orgId}`);
    }
  }
  return OtherGateway;
}

interface Kind {
  readonly connect: Connect;
  readonly adapter: boolean;
  /** How a client sees that the server has closed its connection. */
  readonly closedBy: (status: number, errorCode: string) => unknown;
  /** What the log says to those who sent no token. */
  readonly send: string;
}

const SOCKET_IO: Kind = {
  connect: bySocketIo,
  adapter: false,
  closedBy: () => 'io server disconnect',
  send: 'token_missing: the handshake shows no token: send auth: { token: "<access token>" }',
};
const WS: Kind = {
  connect: byWs,
  adapter: true,
  closedBy: (status, code) => [4_000 + status, code],
  send: 'token_missing: the handshake shows no token: send the subprotocols ["bearer", "<access token>"]',
};
const KINDS: readonly (readonly [string, Kind])[] = [
  ['socket.io', SOCKET_IO],
  ['ws', WS],
];

/** A token in both places. */
const bothOf = (token: string): Shows => ({ token, headers: { authorization: `Bearer ${token}` } });

async function serve(
  { connect, adapter }: Kind,
  gateways: readonly Type[],
  options: Partial<ZitadelModuleOptions> = {},
  guards: readonly Provider[] = [],
  first: readonly Provider[] = [],
) {
  const notes = new Notes();
  const { app, url } = await boot(world, {
    providers: [...first, GLOBAL, ...guards, ...gateways],
    options: { logger: notes.logger, ...options },
    prepare: (made) => void (adapter && made.useWebSocketAdapter(new WsAdapter(made))),
  });
  return {
    app,
    notes,
    async join(shows?: Shows, at = url) {
      const speaker = await connect(at, shows);
      onTestFinished(() => speaker.leave());
      return speaker;
    },
  };
}

const exception = (errorCode: string) => [
  'exception',
  expect.objectContaining({ status: 'error', message: expect.any(String), errorCode }),
];

describe.each(KINDS)('a gateway of %s', (_name, kind) => {
  it('asks for a role on what the payload, the headers and the query of the handshake name', async () => {
    const { join } = await serve(kind, [gatewayOf()]);
    const { acme, tokens, ids } = world;
    const speaker = await join({
      token: tokens['owner of acme'],
      headers: { 'x-org': acme },
      query: { orgId: acme },
    });
    const ofQuery = kind.adapter ? exception('resource_missing') : ['answer', `query ${acme}`];
    for (const [event, data] of [
      ['org', { orgId: acme }],
      ['header'],
      ['query'],
      ['me'],
    ] as const) {
      speaker.say(event, data);
      await expect.poll(() => speaker.heard.length).toBeGreaterThan(0);
    }
    await expect.poll(() => speaker.heard.length).toBe(4);
    expect(speaker.heard).toEqual(
      expect.arrayContaining([
        ['answer', `${ids['owner of acme']} at ${acme}`],
        ['answer', `header ${acme}`],
        ofQuery,
        ['answer', ids['owner of acme']],
      ]),
    );
  });

  it.each([
    ['role_missing', 'org', () => ({ orgId: world.globex })],
    ['resource_missing', 'org', () => ({ other: 'x' })],
    ['resource_invalid', 'org', () => ({ orgId: 'x/../y' })],
    ['resource_invalid', 'org', () => ({ orgId: [world.acme] })],
    ['resource_missing', 'org', () => world.acme],
    ['resource_missing', 'org', () => null],
    ['resource_invalid', 'code', () => world.acme],
    ['resource_invalid', 'code', () => undefined],
    ['not_declared', 'undeclared', () => ({})],
    ['role_missing', 'assert', () => ({ orgId: world.globex })],
  ])('refuses one message and keeps the connection: %s of %s', async (code, event, payload) => {
    const ran: string[] = [];
    const { join } = await serve(kind, [gatewayOf(ran)]);
    const speaker = await join({ token: world.tokens['owner of acme'] });
    speaker.say(event, payload());
    await expect.poll(() => speaker.heard).toEqual([exception(code)]);
    speaker.say('code', { id: world.acme });
    await expect.poll(() => speaker.heard.at(-1)).toEqual(['answer', `code ${world.acme}`]);
    expect(ran).toEqual([]);
    expect(speaker.closed).toEqual([]);
  });

  it.each([
    ['no token', 'token_missing', () => ({})],
    ['a token that is none', 'token_invalid', () => ({ token: 'abc' })],
    ['two tokens', 'token_invalid', () => bothOf(world.tokens['owner of acme'])],
  ])('refuses %s by an exception, and closes the connection', async (_what, code, shows) => {
    const { join } = await serve(kind, [gatewayOf()]);
    const speaker = await join(shows());
    speaker.say('open', {});
    await expect.poll(() => speaker.heard).toEqual([['answer', 'open']]);
    speaker.say('me', {});
    await expect.poll(() => speaker.closed).toEqual([kind.closedBy(401, code)]);
    expect(speaker.heard).toEqual([['answer', 'open'], exception(code)]);
  });

  it('says in the log what its clients have to send', async () => {
    const { join, notes } = await serve(kind, [gatewayOf()]);
    const [stranger, owner] = [await join(), await join({ token: world.tokens['owner of acme'] })];
    stranger.say('me', {});
    owner.say('org', {});
    await expect.poll(() => owner.heard).toEqual([exception('resource_missing')]);
    await expect.poll(() => stranger.closed).toHaveLength(1);
    expect(notes.log).toContain(kind.send);
    expect(notes.log).toContain('send orgId at the top of a JSON body, or of the payload');
  });

  it('knows the caller by the header, too, and does without where that is optional', async () => {
    const { join } = await serve(kind, [gatewayOf()]);
    const known = await join({ token: world.tokens.nobody, in: 'header' });
    const unknown = await join();
    for (const speaker of [known, unknown]) speaker.say('whoever', {});
    await expect.poll(() => known.heard).toEqual([['answer', world.ids.nobody]]);
    await expect.poll(() => unknown.heard).toEqual([['answer', 'nobody']]);
    expect(unknown.closed).toEqual([]);
  });

  it('asks ZITADEL once for many messages', async () => {
    const { join } = await serve(kind, [gatewayOf()]);
    const speaker = await join({ token: world.tokens['owner of acme'] });
    speaker.say('me', {});
    await expect.poll(() => speaker.heard.length).toBe(1);
    const before = world.zitadel.requests();
    for (let i = 0; i < 20; i += 1) speaker.say('org', { orgId: world.acme });
    await expect.poll(() => speaker.heard.length).toBe(21);
    expect(world.zitadel.requests()).toBe(before);
  });

  it('closes the connection when ZITADEL accepts the token no more, though nothing is said', async () => {
    const { zitadel } = world;
    const user = zitadel.addUser(`leaver of ${String(kind.adapter)}`);
    const { join, app } = await serve(kind, [gatewayOf()], { cache: { ttlMs: 1_000 } });
    const speaker = await join({ token: zitadel.tokenFor(user) });
    const other = await join({ token: world.tokens.nobody });
    for (const each of [speaker, other]) each.say('me', {});
    await expect.poll(() => [speaker.heard, other.heard].flat().length).toBe(2);
    zitadel.deactivateUser(user);
    await app.get(ZitadelAuthorizer).evict(user.id);
    await expect.poll(() => speaker.closed).toEqual([kind.closedBy(401, 'token_rejected')]);
    expect(speaker.heard).toEqual([['answer', user.id], exception('token_rejected')]);
    expect(other.closed).toEqual([]);
  });

  it('closes the connection when the token expires', async () => {
    const { zitadel, ids } = world;
    const { join } = await serve(kind, [gatewayOf()]);
    const speaker = await join({
      token: zitadel.tokenFor(ids.nobody, { claims: { exp: Math.floor(Date.now() / 1_000) + 3 } }),
    });
    speaker.say('me', {});
    await expect.poll(() => speaker.closed).toEqual([kind.closedBy(401, 'token_invalid')]);
    expect(speaker.heard.at(-1)).toEqual(exception('token_invalid'));
  });

  it('asks no more about a client that left while its message was decided about', async () => {
    const { zitadel } = world;
    const [leaver, stayer] = ['gone', 'stays'].map((name) =>
      zitadel.addUser(`${name} ${String(kind.adapter)}`),
    ) as [User, User];
    const [arrived, left] = [gate(), gate()];
    let isFirst = true;
    const slow = {
      provide: APP_GUARD,
      useValue: {
        canActivate: async () => {
          if (isFirst) {
            isFirst = false;
            arrived.open();
            await left.passed;
          }
          return true;
        },
      },
    };
    const gone = gate();
    @WebSocketGateway()
    class LeavingGateway {
      handleDisconnect() {
        gone.open();
      }
    }
    const gateways = [gatewayOf(), LeavingGateway];
    const { join, app } = await serve(kind, gateways, { cache: { ttlMs: 1_000 } }, [], [slow]);
    const asked: string[] = [];
    app.get(ZitadelAuthorizer).onDecision(({ decision }) => {
      if (decision.caller) asked.push(decision.caller.userId);
    });
    const leaving = await join({ token: zitadel.tokenFor(leaver) });
    leaving.say('me', {});
    await arrived.passed;
    leaving.leave();
    await gone.passed;
    left.open();
    await expect.poll(() => asked).toEqual([leaver.id]);
    // This one is asked about again, later than the other would be.
    const staying = await join({ token: zitadel.tokenFor(stayer) });
    staying.say('me', {});
    await expect.poll(() => asked.filter((each) => each === stayer.id).length).toBe(2);
    expect(asked.filter((each) => each === leaver.id)).toHaveLength(1);
  });

  it('keeps the connection of who acts as another user, where a message lets them in', async () => {
    const { zitadel, ids } = world;
    @WebSocketGateway()
    class ActingGateway {
      @WebSocketServer() server: unknown;

      @SubscribeMessage('act')
      @Authenticated()
      @AllowImpersonation()
      act(@CurrentCaller() caller: Caller) {
        return answer(caller.actor);
      }
    }
    const reader = zitadel.addServiceUser(`reader of ${String(kind.adapter)}`);
    zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    const { join, app } = await serve(kind, [ActingGateway], {
      memberships: { as: 'serviceUser' },
      serviceUser: pat(zitadel.patFor(reader)),
      allowImpersonation: 'perRoute',
      cache: { ttlMs: 1_000 },
    });
    const asked: boolean[] = [];
    app.get(ZitadelAuthorizer).onDecision(({ decision }) => asked.push(decision.allowed));
    const actor = { id: ids['owner of acme'] };
    const speaker = await join({
      token: zitadel.impersonationTokenFor({ id: ids.nobody }, actor),
    });
    speaker.say('act', {});
    await expect.poll(() => asked.length).toBe(2);
    expect(asked).toEqual([true, true]);
    expect(speaker.heard).toEqual([['answer', actor.id]]);
  });

  it('refuses while ZITADEL cannot be asked, and keeps the connection', async () => {
    const { join } = await serve(kind, [gatewayOf()]);
    const speaker = await join({ token: world.tokens['owner of acme'] });
    world.zitadel.fail('memberships', 503);
    speaker.say('org', { orgId: world.acme });
    await expect.poll(() => speaker.heard).toEqual([exception('unavailable')]);
    world.zitadel.heal();
    await expect
      .poll(() => {
        speaker.say('org', { orgId: world.acme });
        return speaker.heard.at(-1)?.[0];
      })
      .toBe('answer');
    expect(speaker.closed).toEqual([]);
  });

  it('lets no message see the decision of another', async () => {
    // Both pass our guard, and wait in the next one.
    const both = gate();
    let waiting = 0;
    const slow = {
      provide: APP_GUARD,
      useValue: {
        canActivate: async () => {
          waiting += 1;
          await both.passed;
          return true;
        },
      },
    };
    const { join } = await serve(kind, [gatewayOf(), otherGateway()], {}, [slow]);
    const { acme, globex, tokens } = world;
    const speaker = await join({
      token: tokens['instance owner'],
      headers: { 'x-org': acme },
    });
    speaker.say('org', { orgId: acme });
    speaker.say('org', { orgId: globex });
    speaker.say('header');
    speaker.say('fixed');
    speaker.say('both', { acme, globex });
    await expect.poll(() => waiting).toBe(6);
    both.open();
    await expect.poll(() => speaker.heard.length).toBe(6);
    const owner = world.ids['instance owner'];
    expect(speaker.heard.map(([, data]) => String(data)).sort()).toEqual(
      [
        `${owner} at ${acme}`,
        `${owner} at ${globex}`,
        `header ${acme}`,
        `fixed ${globex}`,
        `this ${acme}`,
        `other ${globex}`,
      ].sort(),
    );
  });

  it('may be made for each request', async () => {
    @WebSocketGateway()
    class ScopedGateway {
      @WebSocketServer() server: unknown;

      constructor(@Inject(REQUEST) private readonly client: object) {}

      @SubscribeMessage('org')
      @RequireRole('ORG_OWNER', org.body('orgId'))
      org(@CheckedResource('org') orgId: string) {
        return answer(`${typeof this.client} ${orgId}`);
      }
    }
    const { join } = await serve(kind, [ScopedGateway]);
    const speaker = await join({ token: world.tokens['owner of acme'] });
    speaker.say('org', { orgId: world.acme });
    speaker.say('org', { orgId: world.globex });
    await expect
      .poll(() => speaker.heard)
      .toEqual(
        expect.arrayContaining([['answer', `object ${world.acme}`], exception('role_missing')]),
      );
  });

  it('may listen on a port of its own, beside others', async () => {
    const port = await freePort();
    @WebSocketGateway(port)
    class ApartGateway {
      @WebSocketServer() server: unknown;

      @SubscribeMessage('apart')
      @RequireRole('ORG_OWNER', org.body('orgId'))
      apart(@CheckedResource('org') orgId: string) {
        return answer(`apart ${orgId}`);
      }
    }
    const { join } = await serve(kind, [gatewayOf(), ApartGateway]);
    const shows = { token: world.tokens['owner of acme'] };
    const [here, there] = [await join(shows), await join(shows, `http://127.0.0.1:${port}`)];
    here.say('me', {});
    there.say('apart', { orgId: world.acme });
    await expect.poll(() => here.heard).toEqual([['answer', world.ids['owner of acme']]]);
    await expect.poll(() => there.heard).toEqual([['answer', `apart ${world.acme}`]]);
  });
});

describe('a guard that reads texts of messages by itself', () => {
  it('has them refused, since nothing tells two of them apart', async () => {
    class TextGuard extends ZitadelManagerGuard {
      protected override requestOf(context: ExecutionContext) {
        const request = super.requestOf(context);
        return request && { ...request, body: { orgId: context.getArgByIndex<string>(1) } };
      }
    }
    @WebSocketGateway()
    class TextGateway {
      @SubscribeMessage('text')
      @RequireRole('ORG_OWNER', org.body('orgId'))
      text(@CheckedResource('org') orgId: string) {
        return answer(orgId);
      }
    }
    const guard = { provide: APP_GUARD, useClass: TextGuard };
    const { url } = await boot(world, { providers: [guard, TextGateway] });
    const speaker = await bySocketIo(url, { token: world.tokens['instance owner'] });
    onTestFinished(() => speaker.leave());
    for (const orgId of [world.acme, world.globex]) speaker.say('text', orgId);
    await expect.poll(() => speaker.heard.length).toBe(2);
    expect(speaker.heard).toEqual([exception('resource_invalid'), exception('resource_invalid')]);
  });
});

describe.each(KINDS)('an exception for HTTP, to a client of %s', (_name, kind) => {
  it.each([
    [new NotFoundException('No such thing.'), { message: 'No such thing.' }],
    [
      new ForbiddenException({ message: 'Ask your admin.', errorCode: 'ask_admin' }),
      { message: 'Ask your admin.', errorCode: 'ask_admin' },
    ],
  ])('is told as one of the gateway', async (thrown, told) => {
    class HidingGuard extends ZitadelManagerGuard {
      protected override exceptionFor() {
        return thrown;
      }
    }
    @WebSocketGateway()
    class OwnersGateway {
      @WebSocketServer() server: unknown;

      @SubscribeMessage('owners')
      @RequireRole('ORG_OWNER', org.body('orgId'))
      owners() {
        return answer('');
      }
    }
    const guard = { provide: APP_GUARD, useClass: HidingGuard };
    const { join } = await serve(kind, [OwnersGateway], {}, [], [guard]);
    const speaker = await join({ token: world.tokens['owner of globex'] });
    speaker.say('owners', { orgId: world.acme });
    await expect.poll(() => speaker.heard.length).toBe(1);
    expect(speaker.heard).toMatchObject([['exception', { status: 'error', ...told }]]);
  });
});

describe('a gateway of ws without a property for its server', () => {
  it('refuses, and the log says what to write', async () => {
    @WebSocketGateway()
    class BareGateway {
      @SubscribeMessage('me')
      @Authenticated()
      me() {
        return answer('let in');
      }
    }
    const { join, notes } = await serve(WS, [BareGateway]);
    const speaker = await join({ token: world.tokens.nobody });
    speaker.say('me', {});
    await expect.poll(() => speaker.heard).toEqual([exception('unsupported_context')]);
    expect(notes.log).toMatch(
      /BareGateway\.me .*give the gateway a property with @WebSocketServer\(\)/,
    );
  });
});
