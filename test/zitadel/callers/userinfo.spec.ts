import type { Caller } from '../../../lib/core/caller.js';
import type { Refusal } from '../../../lib/core/decision.js';
import type { User } from '../../../lib/testing/index.js';
import { createUserinfoVerifier } from '../../../lib/zitadel/callers/userinfo.js';
import { OUTAGES, decide, recorder, verdict, wayTo } from '../parts.js';
import { useEmulator } from '../../support/world.js';
import { describe, expect, it, vi } from 'vitest';
import { authenticated, role } from '../../../lib/core/requirement/builders.js';
import { org } from '../../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import { jwt, type JwtSettings } from '../../../lib/callers.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import { impatiently } from '../../support/impatience.js';
import { useStillClock } from '../../support/still-clock.js';

const zitadel = await useEmulator();
const alice = zitadel.addUser('alice');

function verifier(timeoutMs = 60_000): (token: string) => Promise<Caller | Refusal> {
  const { http, discover } = wayTo(zitadel, timeoutMs);
  return createUserinfoVerifier(http, discover);
}

describe('a token that userinfo answers', () => {
  it.each<[string, (service: User) => string]>([
    ['a JWT', () => zitadel.tokenFor(alice)],
    ['an opaque token', () => zitadel.opaqueTokenFor(alice)],
    ['a personal access token', (service) => zitadel.patFor(service)],
  ])('is known by what it answers: %s', async (kind, make) => {
    const service = zitadel.addServiceUser(`svc ${kind}`);
    const caller = await verifier()(make(service));
    const userId = kind === 'a personal access token' ? service.id : alice.id;
    expect(caller).toEqual({
      userId,
      claims: expect.objectContaining({
        sub: userId,
        name: expect.any(String) as string,
      }) as object,
    });
  });

  it('is sent as it is, to the endpoint that discovery names, and nothing else is', async () => {
    const token = zitadel.opaqueTokenFor(alice);
    await verifier()(token);
    const [request] = zitadel.requestLog('userinfo');
    expect(request).toMatchObject({ method: 'GET', path: '/oidc/v1/userinfo' });
    expect(request?.headers['authorization']).toBe(`Bearer …${token.slice(-8)}`);
    expect(zitadel.requests()).toBe(2);
  });
});

describe('a token that userinfo refuses', () => {
  it.each<[string, () => string]>([
    ['an ID token', () => zitadel.idTokenFor(alice)],
    ['a session token', () => zitadel.sessionTokenFor(alice)],
    ['a token signed by somebody else', () => zitadel.foreignTokenFor(alice)],
    ['an expired token', () => zitadel.expiredTokenFor(alice)],
    ['garbage', () => 'garbage'],
  ])('is rejected, and the log says what it may be: %s', async (_what, make) => {
    expect(await verifier()(make())).toEqual({
      reason: 'token_rejected',
      detail: 'userinfo: ZITADEL answered 401',
      remedy: expect.stringContaining('not an access token') as string,
      description: 'expired, revoked, or not an access token',
    });
  });

  it('because it was revoked, or its user is locked, is rejected', async () => {
    const revoked = zitadel.opaqueTokenFor(alice);
    zitadel.revokeToken(revoked);
    const bob = zitadel.addUser('bob');
    const locked = zitadel.opaqueTokenFor(bob);
    zitadel.lockUser(bob);
    for (const token of [revoked, locked]) {
      expect(await verifier()(token)).toMatchObject({ reason: 'token_rejected' });
    }
  });

  it('because it is longer than any token is not even sent', async () => {
    expect(await verifier()('x'.repeat(8_193))).toMatchObject({ reason: 'token_invalid' });
    expect(zitadel.requests()).toBe(0);
  });
});

describe('an outage', () => {
  it.each(OUTAGES)('of userinfo (%s) is no refusal', async (fault) => {
    zitadel.fail('userinfo', fault);
    expect(await verifier(250)(zitadel.opaqueTokenFor(alice))).toMatchObject({
      reason: 'unavailable',
    });
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', [{ sub: '1' }]],
    ['a text', 'alice'],
    ['nobody', {}],
    ['a number', { sub: 1 }],
    ['a list of users', { sub: ['1'] }],
    ['an empty user', { sub: '' }],
    ['a user that is a path', { sub: '..' }],
    ['a user with blanks', { sub: '1 2' }],
    ['a user of 201 characters', { sub: '1'.repeat(201) }],
  ])('is what it looks like when the answer is about %s', async (_what, body) => {
    zitadel.fail('userinfo', { status: 200, body });
    expect(await verifier()(zitadel.opaqueTokenFor(alice))).toMatchObject({
      reason: 'unavailable',
    });
  });

  it('of discovery leads to no caller', async () => {
    zitadel.fail('discovery', 500);
    expect(await verifier()(zitadel.opaqueTokenFor(alice))).toMatchObject({
      reason: 'unavailable',
    });
    expect(zitadel.requests('userinfo')).toBe(0);
  });
});

describe('a confirmation', async () => {
  const TTL_MS = 30_000;

  let users = 0;

  const zitadel = await useEmulator();
  const reader = zitadel.addServiceUser('reader');
  zitadel.addMember(reader, { org: zitadel.rootOrg }, ['ORG_OWNER_VIEWER']);
  const readerToken = zitadel.patFor(reader);
  useStillClock('performance');

  /** Memberships are read as the service user: that ZITADEL accepts the caller's token is asked for on its own. */
  function libraryOf(settings: JwtSettings = {}): Zitadel {
    return createZitadel(
      zitadel.options({
        callers: jwt(settings),
        serviceUser: pat(readerToken),
        memberships: { as: 'serviceUser', organizations: [zitadel.rootOrg.id] },
        cache: { ttlMs: TTL_MS },
        logger: recorder(),
      }),
    );
  }

  function owner(): User {
    users += 1;
    const user = zitadel.addUser(`owner ${users}`);
    zitadel.addMember(user, { org: zitadel.rootOrg }, ['ORG_OWNER']);
    return user;
  }

  const asOwner = () => role('ORG_OWNER', org(zitadel.rootOrg.id));

  /** What ends a token although its signature and its time are right. */
  const ENDS: readonly [string, (user: User, token: string) => void][] = [
    ['is deactivated', (user) => zitadel.deactivateUser(user)],
    ['is locked', (user) => zitadel.lockUser(user)],
    ['is removed', (user) => zitadel.removeUser(user)],
    ['has signed out', (user) => zitadel.endSessions(user)],
    ['had the token revoked', (_user, token) => zitadel.revokeToken(token)],
  ];

  describe.each(ENDS)('somebody who %s', (_what, end) => {
    it.each([
      ['a role', asOwner],
      ['a caller and nothing else', authenticated],
    ] as const)(
      'is refused within the TTL where a route asks for %s',
      async (_asks, requirement) => {
        const [library, user] = [libraryOf(), owner()];
        const token = zitadel.tokenFor(user);
        expect(await verdict(library, token, requirement())).toBe('yes');
        end(user, token);
        expect(await verdict(library, token, requirement())).toBe('yes');
        vi.advanceTimersByTime(TTL_MS);
        expect(await verdict(library, token, requirement())).toBe('token_rejected');
      },
    );

    it('is refused at once where a route asks anew', async () => {
      const [library, user] = [libraryOf(), owner()];
      const token = zitadel.tokenFor(user);
      const anew = role('ORG_OWNER', org(zitadel.rootOrg.id), { fresh: true });
      expect(await verdict(library, token, anew)).toBe('yes');
      end(user, token);
      expect(await verdict(library, token, anew)).toBe('token_rejected');
    });
  });

  describe('the confirmation of a token', () => {
    it('is asked for once a TTL, whatever is asked for of the memberships', async () => {
      const [library, token] = [libraryOf(), zitadel.tokenFor(owner())];
      for (let second = 0; second < 90; second += 1) {
        expect(await verdict(library, token, asOwner())).toBe('yes');
        vi.advanceTimersByTime(1_000);
      }
      expect(zitadel.requests('userinfo')).toBe(3);
    });

    it('is asked for as often as recheckMs says', async () => {
      const [library, user] = [libraryOf({ recheckMs: 5_000 }), owner()];
      const token = zitadel.tokenFor(user);
      expect(await verdict(library, token, asOwner())).toBe('yes');
      zitadel.deactivateUser(user);
      vi.advanceTimersByTime(4_999);
      expect(await verdict(library, token, asOwner())).toBe('yes');
      vi.advanceTimersByTime(1);
      expect(await verdict(library, token, asOwner())).toBe('token_rejected');
    });

    it('is never asked for with recheckMs: false: then a token counts until it ends', async () => {
      const [library, user] = [libraryOf({ recheckMs: false }), owner()];
      const token = zitadel.tokenFor(user);
      expect(await verdict(library, token, asOwner())).toBe('yes');
      zitadel.deactivateUser(user);
      vi.advanceTimersByTime(10 * TTL_MS);
      expect(await verdict(library, token, asOwner())).toBe('yes');
      expect(zitadel.requests('userinfo')).toBe(0);
    });

    it('is about this token: another one of the same user still counts', async () => {
      const [library, user] = [libraryOf(), owner()];
      const [first, second] = [zitadel.tokenFor(user), zitadel.tokenFor(user)];
      zitadel.revokeToken(first);
      expect(await verdict(library, first, asOwner())).toBe('token_rejected');
      expect(await verdict(library, second, asOwner())).toBe('yes');
    });

    it('is asked with the caller’s own token, at the endpoint that discovery names', async () => {
      const token = zitadel.tokenFor(owner());
      await verdict(libraryOf(), token, asOwner());
      const [asked] = zitadel.requestLog('userinfo');
      expect(asked).toMatchObject({ method: 'GET', path: '/oidc/v1/userinfo' });
      expect(asked?.headers['authorization']).toBe(`Bearer …${token.slice(-8)}`);
    });

    it.each(OUTAGES)(
      'that fails (%s) is an outage, not a refusal, and is over with it',
      async (fault) => {
        const [library, token] = [libraryOf(), zitadel.tokenFor(owner())];
        zitadel.fail('userinfo', fault);
        for (const requirement of [asOwner(), authenticated()]) {
          const asked = () => verdict(library, token, requirement);
          expect(await impatiently(asked)).toBe('unavailable');
        }
        zitadel.heal();
        vi.advanceTimersByTime(31_000);
        expect(await verdict(library, token, asOwner())).toBe('yes');
      },
    );

    it('that is about another user is an outage', async () => {
      zitadel.fail('userinfo', 'wrong-user');
      expect(await verdict(libraryOf(), zitadel.tokenFor(owner()), asOwner())).toBe('unavailable');
    });

    it.each<[string, unknown]>([
      ['null', null],
      ['a list', []],
      ['nobody', {}],
      ['a list of users', { sub: ['1'] }],
    ])('that is about %s is an outage', async (_what, body) => {
      zitadel.fail('userinfo', { status: 200, body });
      expect(await verdict(libraryOf(), zitadel.tokenFor(owner()), asOwner())).toBe('unavailable');
    });

    it('keeps the caller’s refusal apart from the reader’s', async () => {
      const [library, user] = [libraryOf(), owner()];
      const token = zitadel.tokenFor(user);
      zitadel.fail('userMemberships', 401);
      expect(await verdict(library, token, asOwner())).toBe('misconfigured');
      zitadel.deactivateUser(user);
      const decision = await decide(library, token, asOwner());
      expect(decision).toMatchObject({ allowed: false, reason: 'token_rejected' });
    });
  });
});
