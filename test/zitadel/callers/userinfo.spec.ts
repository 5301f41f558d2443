import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../lib/core/caller.js';
import type { Refusal } from '../../../lib/core/decision.js';
import type { User } from '../../../lib/testing/index.js';
import { createUserinfoVerifier } from '../../../lib/zitadel/callers/userinfo.js';
import { wayTo } from '../parts.js';
import { useEmulator } from '../../support/world.js';

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
  it.each([
    500,
    503,
    429,
    'hang',
    'refuse',
    'garbage',
    'html',
    'truncated',
    'endless',
    'redirect',
  ] as const)('of userinfo (%s) is no refusal', async (fault) => {
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
