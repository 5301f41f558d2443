import { describe, expect, it, vi } from 'vitest';
import type { Caller } from '../lib/core/caller.js';
import { authenticated, role } from '../lib/core/requirement/builders.js';
import { org } from '../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../lib/create-zitadel.js';
import { type CallerFunction, introspection, jwt, userinfo } from '../lib/callers.js';
import type { ZitadelOptions } from '../lib/options.js';
import type { User } from '../lib/testing/index.js';
import { basic, key, pat } from '../lib/zitadel/credentials.js';
import { decide, OUTAGES, realFetch, recorder, verdict } from './zitadel/parts.js';
import { impatiently } from './support/impatience.js';
import { useStillClock } from './support/still-clock.js';
import { startEmulator, useEmulator } from './support/world.js';

const TTL_MS = 30_000;

let users = 0;

const zitadel = await useEmulator();
const { clientId, clientSecret } = zitadel.addApiApplication(zitadel.defaultProject);
const credential = basic(clientId, clientSecret);
const reader = zitadel.addServiceUser('reader');
zitadel.addMember(reader, { org: zitadel.rootOrg }, ['ORG_OWNER_VIEWER']);
const readerToken = zitadel.patFor(reader);
useStillClock('performance');

function libraryOf(options: Partial<ZitadelOptions>): Zitadel {
  const { audience, ...rest } = zitadel.options({ logger: recorder(), ...options });
  // An audience cannot be checked with userinfo() alone.
  const asked = Array.isArray(options.callers) || !isUserinfo(options.callers);
  return createZitadel(asked && audience !== undefined ? { ...rest, audience } : rest);
}

const isUserinfo = (callers: unknown) =>
  typeof callers === 'object' &&
  callers !== null &&
  'type' in callers &&
  callers.type === 'userinfo';

const asServiceUser = (): Partial<ZitadelOptions> => ({
  serviceUser: pat(readerToken),
  memberships: { as: 'serviceUser', organizations: [zitadel.rootOrg.id] },
});

function owner(): User {
  users += 1;
  const user = zitadel.addUser(`owner ${String(users)}`);
  zitadel.addMember(user, { org: zitadel.rootOrg }, ['ORG_OWNER']);
  return user;
}

const asOwner = (fresh = false) => role('ORG_OWNER', org(zitadel.rootOrg.id), { fresh });
const invalid = 'token_invalid';

describe('introspection', () => {
  it('is asked once a TTL, and once for a crowd', async () => {
    const library = libraryOf({ callers: introspection(credential) });
    const token = zitadel.opaqueTokenFor(owner());
    const crowd = Array.from({ length: 50 }, () => verdict(library, token, asOwner()));
    expect(new Set(await Promise.all(crowd))).toEqual(new Set(['yes']));
    vi.advanceTimersByTime(TTL_MS - 1);
    expect(await verdict(library, token, asOwner())).toBe('yes');
    expect(zitadel.requests('introspect')).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await verdict(library, token, asOwner())).toBe('yes');
    expect(zitadel.requests('introspect')).toBe(2);
  });

  it('is asked once about a token, however its scheme is spelled', async () => {
    const { decisions } = libraryOf({ callers: introspection(credential) });
    const token = zitadel.opaqueTokenFor(owner());
    for (const scheme of ['Bearer ', 'bearer ', 'BEARER ', 'Bearer  ', 'bEaReR    ']) {
      const headers = { authorization: scheme + token };
      const decision = await decisions.authorize({ headers }, decisions.prepare(asOwner()));
      expect(decision.allowed).toBe(true);
    }
    expect(zitadel.requests('introspect')).toBe(1);
  });

  it.each(['basic', 'key'])(
    'shows within the TTL that a token ended, without a userinfo call (%s)',
    async (by) => {
      const proof =
        by === 'basic' ? credential : key(zitadel.addApplicationKey(zitadel.defaultProject));
      const library = libraryOf({ ...asServiceUser(), callers: introspection(proof) });
      const user = owner();
      const [first, second] = [zitadel.opaqueTokenFor(user), zitadel.tokenFor(user)];
      for (const token of [first, second]) {
        expect(await verdict(library, token, asOwner())).toBe('yes');
      }
      zitadel.revokeToken(first);
      expect(await verdict(library, first, asOwner())).toBe('yes');
      expect(await verdict(library, first, asOwner(true))).toBe(invalid);
      expect(await verdict(library, second, asOwner(true))).toBe('yes');
      zitadel.deactivateUser(user);
      vi.advanceTimersByTime(TTL_MS);
      expect(await verdict(library, second, asOwner())).toBe(invalid);
      expect(await verdict(library, second, authenticated())).toBe(invalid);
      expect(zitadel.requests('userinfo')).toBe(0);
    },
  );

  it('tells a handler what ZITADEL said, role claims too', async () => {
    const library = libraryOf({ callers: introspection(credential) });
    const user = owner();
    const scopes = ['urn:zitadel:iam:user:resourceowner'];
    const decision = await decide(
      library,
      zitadel.opaqueTokenFor(user, { scopes }),
      authenticated(),
    );
    if (!decision.allowed) throw new Error(decision.reason);
    expect(decision.caller.userId).toBe(user.id);
    expect(decision.caller.claims).toMatchObject({
      active: true,
      sub: user.id,
      'urn:zitadel:iam:user:resourceowner:id': zitadel.rootOrg.id,
    });
    expect(Object.isFrozen(decision.caller.claims)).toBe(true);
  });

  it('lets impersonation tokens through where that is allowed, and nowhere else', async () => {
    const callers = introspection(credential);
    const token = zitadel.impersonationTokenFor(owner(), zitadel.addServiceUser('actor'));
    const strict = libraryOf({ ...asServiceUser(), callers });
    expect(await verdict(strict, token, asOwner())).toBe('impersonated');
    const lenient = libraryOf({ ...asServiceUser(), callers, allowImpersonation: true });
    expect(await verdict(lenient, token, asOwner())).toBe('yes');
  });

  it('holds a token to the option audience, whatever ZITADEL thinks', async () => {
    const project = zitadel.addProject('elsewhere');
    const token = zitadel.opaqueTokenFor(owner(), {
      audience: [zitadel.defaultProject.id],
    });
    const callers = introspection(credential);
    expect(await verdict(libraryOf({ callers, audience: project.id }), token, asOwner())).toBe(
      invalid,
    );
    expect(await verdict(libraryOf({ callers }), token, asOwner())).toBe('yes');
  });

  it.each(OUTAGES)('that fails (%s) is an outage, and is over with it', async (fault) => {
    const callers = introspection(credential);
    const library = libraryOf({ callers });
    const token = zitadel.opaqueTokenFor(owner());
    zitadel.fail('introspect', fault);
    expect(await impatiently(() => verdict(library, token, asOwner()))).toBe('unavailable');
    zitadel.heal();
    vi.advanceTimersByTime(31_000);
    expect(await verdict(library, token, asOwner())).toBe('yes');
  });

  it('by an application that is refused is our mistake, not the caller’s, and not for long', async () => {
    const project = zitadel.addProject('asking');
    const { clientId, clientSecret } = zitadel.addApiApplication(project);
    const token = zitadel.opaqueTokenFor(owner(), { audience: [project.id] });
    const callers = introspection(basic(clientId, clientSecret));
    const library = libraryOf({ callers, audience: project.id });
    zitadel.deactivateProject(project);
    expect(await decide(library, token, asOwner())).toMatchObject({
      reason: 'misconfigured',
      detail: 'introspection: ZITADEL answered 400 unauthorized_client',
      remedy: expect.stringContaining('project or organization is deactivated') as string,
    });
    zitadel.reactivateProject(project);
    expect(await verdict(library, token, asOwner())).toBe('yes');
    zitadel.removeApplication(clientId);
    expect(await verdict(library, token, asOwner(true))).toBe('misconfigured');
  });

  it('with a wrong secret, and with a key that is gone, is our mistake', async () => {
    const { clientId } = zitadel.addApiApplication(zitadel.defaultProject);
    const file = zitadel.addApplicationKey(zitadel.defaultProject);
    const { keyId } = JSON.parse(file) as { keyId: string };
    zitadel.removeKey(keyId);
    const token = zitadel.opaqueTokenFor(owner());
    for (const wrong of [basic(clientId, 'another'), basic('1', 'x'), key(file)]) {
      const library = libraryOf({ callers: introspection(wrong) });
      expect(await verdict(library, token, asOwner())).toBe('misconfigured');
    }
  });

  it('behind an internal address names the instance, and signs for the issuer', async () => {
    const inside = await startEmulator({ issuer: 'https://acme.example:8443' });
    const file = inside.addApplicationKey(inside.defaultProject);
    const callers = introspection(key(file));
    const library = createZitadel(inside.options({ callers, logger: recorder() }));
    const token = inside.opaqueTokenFor(inside.addUser('alice'));
    expect(await verdict(library, token, authenticated())).toBe('yes');
    expect(inside.requestLog('introspect')[0]?.headers['x-zitadel-instance-host']).toBe(
      'acme.example',
    );
  });
});

describe('userinfo', () => {
  it('counts for half a minute at most, however long memberships count', async () => {
    const library = libraryOf({ callers: userinfo(), cache: { ttlMs: 10 * TTL_MS } });
    const token = zitadel.opaqueTokenFor(owner());
    expect(await verdict(library, token, asOwner())).toBe('yes');
    vi.advanceTimersByTime(29_999);
    expect(await verdict(library, token, asOwner())).toBe('yes');
    expect(zitadel.requests('userinfo')).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await verdict(library, token, asOwner())).toBe('yes');
    expect(zitadel.requests('userinfo')).toBe(2);
  });

  it('counts no longer than memberships', async () => {
    const library = libraryOf({ callers: userinfo(), cache: { ttlMs: 5_000 } });
    const token = zitadel.opaqueTokenFor(owner());
    expect(await verdict(library, token, asOwner())).toBe('yes');
    zitadel.revokeToken(token);
    vi.advanceTimersByTime(5_000);
    expect(await verdict(library, token, asOwner())).toBe('token_rejected');
  });

  it('makes no caller while the memberships cannot be read, whatever a route asks for', async () => {
    const library = libraryOf({ callers: userinfo() });
    const token = zitadel.opaqueTokenFor(owner());
    zitadel.fail('memberships', 503);
    expect(await verdict(library, token, authenticated())).toBe('unavailable');
    zitadel.fail('memberships', 401);
    expect(await verdict(library, token, authenticated())).toBe('token_rejected');
  });

  it('is not asked again at once about a token that ZITADEL refused', async () => {
    const library = libraryOf({ callers: userinfo() });
    for (let turn = 0; turn < 10; turn += 1) {
      expect(await verdict(library, 'garbage', authenticated())).toBe('token_rejected');
    }
    expect(zitadel.requests('userinfo')).toBe(1);
  });

  it('about somebody else than the memberships are of makes no caller', async () => {
    const library = libraryOf({ callers: userinfo() });
    zitadel.fail('userinfo', { status: 200, body: { sub: owner().id } });
    expect(await verdict(library, zitadel.opaqueTokenFor(owner()), asOwner())).toBe('unavailable');
  });
});

describe('a list of two ways', () => {
  const jwtsAndIntrospection = (): Partial<ZitadelOptions> => ({
    callers: [jwt(), introspection(credential)],
  });

  it('tells the two apart by the form of the token, and never tries the other way', async () => {
    const library = libraryOf(jwtsAndIntrospection());
    const user = owner();
    for (const token of ['a.b.c', zitadel.foreignTokenFor(user), zitadel.idTokenFor(user)]) {
      expect(await verdict(library, token, asOwner())).toBe(invalid);
    }
    expect(zitadel.requests('introspect')).toBe(0);
    zitadel.resetRequests();
    for (const token of ['abc', 'a.b', 'a.b.c.d', 'a.b.c.d.e', '..', '....']) {
      expect(await verdict(library, token, asOwner())).toBe(invalid);
    }
    expect([zitadel.requests('introspect'), zitadel.requests('keys')]).toEqual([5, 0]);
  });

  it('asks for a JWT’s confirmation as the service user, and for no other’s', async () => {
    const library = libraryOf({ ...asServiceUser(), ...jwtsAndIntrospection() });
    const user = owner();
    const [jwtToken, opaque] = [zitadel.tokenFor(user), zitadel.opaqueTokenFor(user)];
    expect(await verdict(library, opaque, asOwner())).toBe('yes');
    expect([zitadel.requests('introspect'), zitadel.requests('userinfo')]).toEqual([1, 0]);
    expect(await verdict(library, jwtToken, asOwner())).toBe('yes');
    expect([zitadel.requests('introspect'), zitadel.requests('userinfo')]).toEqual([1, 1]);
    zitadel.revokeToken(jwtToken);
    zitadel.revokeToken(opaque);
    vi.advanceTimersByTime(TTL_MS);
    expect(await verdict(library, jwtToken, asOwner())).toBe('token_rejected');
    expect(await verdict(library, opaque, asOwner())).toBe(invalid);
  });

  it('lets JWTs in while introspection is out, and opaque tokens while the keys are', async () => {
    const user = owner();
    const [jwtToken, opaque] = [zitadel.tokenFor(user), zitadel.opaqueTokenFor(user)];
    for (const [endpoint, works, fails] of [
      ['introspect', jwtToken, opaque],
      ['keys', opaque, jwtToken],
    ] as const) {
      const library = libraryOf(jwtsAndIntrospection());
      zitadel.fail(endpoint, 500);
      expect(await verdict(library, works, asOwner())).toBe('yes');
      expect(await verdict(library, fails, asOwner())).toBe('unavailable');
      zitadel.heal();
    }
  });

  it('means the same in either order', async () => {
    const user = owner();
    for (const callers of [
      [jwt(), userinfo()],
      [userinfo(), jwt()],
    ] as const) {
      const library = libraryOf({ callers });
      expect(await verdict(library, zitadel.tokenFor(user), asOwner())).toBe('yes');
      expect(zitadel.requests('userinfo')).toBe(0);
      expect(await verdict(library, zitadel.opaqueTokenFor(user), asOwner())).toBe('yes');
      expect(zitadel.requests('userinfo')).toBe(1);
      zitadel.resetRequests();
    }
  });
});

describe('a function in the option callers', () => {
  const ask = async (caller: Partial<Caller>) => {
    const user = owner();
    const callers = () => ({ userId: user.id, claims: {}, ...caller });
    const { issuer } = zitadel;
    const library = createZitadel({ issuer, callers, logger: recorder() });
    return decide(library, zitadel.tokenFor(user), authenticated());
  };

  it.each([Date.now() - 1, 0, -1, Number.NaN])(
    'that answers a caller until %d has answered a token that is over',
    async (expiresAt) => {
      expect(await ask({ expiresAt })).toMatchObject({ reason: 'token_invalid' });
      expect(zitadel.requests('memberships')).toBe(0);
    },
  );

  it('may give claims that are more than data, which stay the application’s own', async () => {
    class Account {
      visits = 0;
    }
    const own = {
      bytes: Buffer.from('abc'),
      numbers: new Uint8Array([1, 2, 3]),
      since: new Date(0),
      account: new Account(),
      map: new Map([['a', 1]]),
      callback: () => undefined,
    };
    const inList = Buffer.from('in a list');
    const bare = Object.assign(Object.create(null) as object, { deep: { deeper: {} } });
    const claims = { ...own, list: [inList], bare };
    const decision = await ask({ claims });
    if (!decision.allowed) throw new Error(decision.reason);
    for (const [name, value] of Object.entries(own)) {
      expect(decision.caller.claims[name]).toBe(value);
      expect(Object.isFrozen(value)).toBe(false);
    }
    expect(Object.isFrozen(inList)).toBe(false);
    // What is data is frozen all the way down.
    for (const data of [decision.caller.claims, claims.list, bare.deep, bare.deep.deeper]) {
      expect(Object.isFrozen(data)).toBe(true);
    }
  });

  it('that once never answers costs one request its budget, and does not lock the token out', async () => {
    const { id: userId } = owner();
    let asked = 0;
    const callers: CallerFunction = () => {
      asked += 1;
      return asked === 1 ? new Promise<never>(() => undefined) : { userId, claims: {} };
    };
    const { issuer } = zitadel;
    const times = { timeoutMs: 60_000, budgetMs: 60_000 };
    const library = createZitadel({ issuer, callers, logger: recorder(), ...times });
    const token = zitadel.tokenFor(userId);
    const ask = () => verdict(library, token, asOwner());
    // Whoever comes while it is waited for waits too, and no longer.
    const both = await impatiently(() => Promise.all([ask(), ask()]));
    expect(both).toEqual(['unavailable', 'unavailable']);
    expect(asked).toBe(1);
    expect(await ask()).toBe('yes');
    expect(asked).toBe(2);
  });
});

const byIntrospection = (fetch = realFetch) =>
  libraryOf({ ...asServiceUser(), fetch, callers: introspection(credential) });

/** Holds the answers of introspection back, once they are there. */
function holding() {
  let letGo = () => {};
  let arrived = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const answered = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const fetch: typeof realFetch = async (url, init) => {
    const response = await realFetch(url, init);
    if (url.endsWith('/introspect')) {
      arrived();
      await held;
    }
    return response;
  };
  return { fetch, answered, letGo: () => letGo() };
}

describe('an eviction while introspection is under way', () => {
  it('reaches it: what it brings is not kept, and nobody joins it', async () => {
    const { fetch, answered, letGo } = holding();
    const library = byIntrospection(fetch);
    const user = owner();
    const token = zitadel.opaqueTokenFor(user);
    const before = verdict(library, token, authenticated());
    await answered;
    zitadel.deactivateUser(user);
    await library.authorizer.evict(user.id);
    const after = verdict(library, token, authenticated());
    letGo();
    await before;
    expect(await after).toBe('token_invalid');
    expect(await verdict(library, token, authenticated())).toBe('token_invalid');
  });
});

describe('a token that introspection calls inactive', () => {
  it('is not accepted by what was answered before', async () => {
    const library = byIntrospection();
    const user = owner();
    const token = zitadel.opaqueTokenFor(user);
    expect(await verdict(library, token, asOwner())).toBe('yes');
    zitadel.revokeToken(token);
    expect(await verdict(library, token, asOwner(true))).toBe('token_invalid');
    expect(await verdict(library, token, asOwner())).toBe('token_invalid');
  });
});
