import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Authorizer } from '../../lib/core/authorizer.js';
import { authenticated, role } from '../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import { introspection, jwt, userinfo } from '../../lib/callers.js';
import type { Callers, ZitadelOptions } from '../../lib/index.js';
import type { User } from '../../lib/testing/index.js';
import { basic, pat } from '../../lib/zitadel/credentials.js';
import { MemoryStore } from './store/memory-store.js';
import { useStillClock } from '../support/still-clock.js';
import { useEmulator } from '../support/world.js';
import { errorOf, recorder, verdict } from '../zitadel/parts.js';

const zitadel = await useEmulator();
const { rootOrg } = zitadel;
const reader = zitadel.addServiceUser('reader');
zitadel.addMember(reader, { org: rootOrg }, ['ORG_OWNER_VIEWER']);
const { clientId, clientSecret } = zitadel.addApiApplication(zitadel.defaultProject);
const asServiceUser: Partial<ZitadelOptions> = {
  serviceUser: pat(zitadel.patFor(reader)),
  memberships: { as: 'serviceUser', organizations: [rootOrg.id] },
};
let users = 0;
let user: User;

useStillClock('performance', 'Date');
beforeEach(() => {
  users += 1;
  user = zitadel.addUser(`user ${users}`);
  zitadel.addMember(user, { org: rootOrg }, ['ORG_OWNER']);
});

const libraryOf = (options: Partial<ZitadelOptions>, sharedCache?: MemoryStore): Zitadel =>
  createZitadel(
    zitadel.options({ logger: recorder(), ...options }),
    sharedCache && { sharedCache },
  );
const pass = (ms: number) => vi.advanceTimersByTime(ms);
const ask = (library: Zitadel, token: string, fresh = false) =>
  verdict(library, token, role('ORG_OWNER', rootOrg.id, { fresh }));

type Making = (of: User) => string;
const asJwt: Making = (of) => zitadel.tokenFor(of);
const asOpaque: Making = (of) => zitadel.opaqueTokenFor(of);
const asPat: Making = (of) => zitadel.patFor(of);
const BY_USERINFO = userinfo();
const bySecret = introspection(basic(clientId, clientSecret));
/** An application's own tokens: the user, and when it was issued. */
const own: Making = (of) => `${of.id}.${Math.floor(Date.now() / 1_000)}`;
const knowing =
  (tells: boolean): Callers =>
  (token) => {
    const [userId = '', iat] = token.split('.');
    return { userId, claims: tells ? { iat: Number(iat) } : {} };
  };

/** Each way to know callers, the tokens that it knows, and whether it says when a token was issued. */
const WAYS: readonly (readonly [string, Partial<ZitadelOptions>, Making, boolean])[] = [
  ['jwt(), as the caller', { callers: jwt() }, asJwt, true],
  ['jwt(), as the service user', { callers: jwt(), ...asServiceUser }, asJwt, true],
  ['jwt() without rechecks', { callers: jwt({ recheckMs: false }), ...asServiceUser }, asJwt, true],
  ['introspection() of JWTs', { callers: bySecret, ...asServiceUser }, asJwt, true],
  ['introspection() of opaque tokens', { callers: bySecret }, asOpaque, true],
  ['introspection() of PATs', { callers: bySecret, ...asServiceUser }, asPat, true],
  ['a list, and a PAT', { callers: [jwt(), bySecret] }, asPat, true],
  ['userinfo() of JWTs', { callers: BY_USERINFO }, asJwt, true],
  ['userinfo() of opaque tokens', { callers: BY_USERINFO }, asOpaque, false],
  ['a function', { callers: knowing(true), ...asServiceUser }, own, true],
  ['a function that gives no iat', { callers: knowing(false), ...asServiceUser }, own, false],
];

describe.each(WAYS)('%s', (_way, options, make, tells) => {
  // Nothing would check the audience there.
  const isUnchecked = typeof options.callers === 'function' || options.callers === BY_USERINFO;
  const library = () => {
    const { audience, ...others } = zitadel.options({ logger: recorder(), ...options });
    return createZitadel({ ...others, ...(!isUnchecked && { audience }) } as ZitadelOptions);
  };

  it.each(['the user', 'everyone'] as const)(
    'refuses what was issued before, warm and cold, and for good, for %s',
    async (who) => {
      const app = library();
      const warm = make(user);
      expect(await ask(app, warm)).toBe('yes');
      const cold = make(user);
      pass(5_000);
      await app.authorizer.rejectIssuedBefore(who === 'everyone' ? who : user.id, Date.now());
      pass(5_000);
      const later = make(user);
      for (let minute = 0; minute < 3; minute += 1) {
        for (const fresh of [false, true]) {
          expect(await ask(app, warm, fresh)).toBe('token_invalid');
          expect(await ask(app, cold, fresh)).toBe('token_invalid');
          expect(await ask(app, later, fresh)).toBe(tells ? 'yes' : 'token_invalid');
        }
        expect(await verdict(app, cold, authenticated())).toBe('token_invalid');
        pass(60_000);
      }
      const somebody = zitadel.addUser(`somebody ${users}`);
      const isTold = tells || who === 'the user';
      expect(await verdict(app, make(somebody), authenticated())).toBe(
        isTold ? 'yes' : 'token_invalid',
      );
    },
  );
});

describe('a token that is refused', () => {
  it('costs ZITADEL nothing', async () => {
    const library = libraryOf({});
    await library.authorizer.rejectIssuedBefore('everyone', Date.now());
    const token = zitadel.tokenFor(user);
    await ask(library, token);
    zitadel.resetRequests();
    for (let i = 0; i < 5; i += 1) expect(await ask(library, token)).toBe('token_invalid');
    expect(zitadel.requests('memberships')).toBe(0);
  });

  it('by its session takes the other sessions of the user nothing', async () => {
    const library = libraryOf({ callers: jwt({ recheckMs: false }), ...asServiceUser });
    const [ended, other] = [zitadel.tokenFor(user), zitadel.tokenFor(user)];
    const idOf = (token: string) => {
      const [, payload = ''] = token.split('.');
      return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti: string }).jti;
    };
    for (const token of [ended, other]) expect(await ask(library, token)).toBe('yes');
    const [session = ''] = idOf(ended).split('-');
    zitadel.resetRequests();
    await library.decisions.evict({ type: 'token', id: session }, 'zitadel');
    expect(await ask(library, ended)).toBe('token_invalid');
    expect(await ask(library, other)).toBe('yes');
    expect(zitadel.requests()).toBe(0);
    await library.decisions.evict({ type: 'token', id: idOf(other) }, 'zitadel');
    expect(await ask(library, other)).toBe('token_invalid');
    pass(60_000);
    for (const token of [ended, other]) expect(await ask(library, token)).toBe('token_invalid');
  });

  it.each([
    ['the user', (id: string) => ({ type: 'issuedBefore', userId: id, time: Date.now() }) as const],
    ['everyone', () => ({ type: 'issuedBefore', userId: undefined, time: Date.now() }) as const],
  ])('while it is being verified gets no "yes", of %s', async (_who, eviction) => {
    const library = libraryOf({});
    zitadel.delay('memberships', 100);
    const asking = ask(library, zitadel.tokenFor(user));
    await vi.waitFor(() => {
      expect(zitadel.requests('memberships')).toBeGreaterThan(0);
    });
    (library.decisions as Authorizer).hear({
      at: Date.now(),
      eviction: eviction(user.id),
      from: 'fleet',
    });
    pass(200);
    expect(await asking).toBe('token_invalid');
  });

  it('is told by the shared store to a process that heard nothing, when the memberships are read', async () => {
    const store = new MemoryStore();
    const options = {
      callers: jwt({ recheckMs: false }),
      ...asServiceUser,
      cache: { shared: { secret: 's'.repeat(32) } },
    };
    const [here, there] = [libraryOf(options, store), libraryOf(options, store)];
    const [token, other] = [zitadel.tokenFor(user), zitadel.tokenFor(user)];
    expect(await ask(there, token)).toBe('yes');
    await here.authorizer.rejectIssuedBefore(user.id, Date.now());
    pass(30_000);
    expect(await ask(there, token)).toBe('token_invalid');
    expect(await ask(there, other)).toBe('token_invalid');
    expect(await ask(there, zitadel.tokenFor(user))).toBe('yes');
  });
});

describe('what cannot be meant', () => {
  it.each([
    ['userId', (app: Zitadel) => app.authorizer.evict('')],
    ['userId', (app: Zitadel) => app.authorizer.evict(undefined as never)],
    ['userId', (app: Zitadel) => app.authorizer.evict({ userId: '1' } as never)],
    ['orgId', (app: Zitadel) => app.authorizer.evictOrganization('a b')],
    ['userId', (app: Zitadel) => app.authorizer.rejectIssuedBefore('', Date.now())],
    ['time', (app: Zitadel) => app.authorizer.rejectIssuedBefore('1', NaN)],
    ['time', (app: Zitadel) => app.authorizer.rejectIssuedBefore('1', new Date('never'))],
    ['time', (app: Zitadel) => app.authorizer.rejectIssuedBefore('1', Date.now() / 1_000)],
    ['time', (app: Zitadel) => app.authorizer.rejectIssuedBefore('1', Date.now() + 5_001)],
    ['time', (app: Zitadel) => app.authorizer.rejectIssuedBefore('everyone', '2026' as never)],
  ])('is an error about %s, and ends nothing (%#)', async (argument, call) => {
    const library = libraryOf({});
    let heard = 0;
    library.authorizer.onEviction(() => (heard += 1));
    expect(await errorOf(call(library))).toMatchObject({ code: 'argument_invalid', argument });
    expect(heard).toBe(0);
  });
});
