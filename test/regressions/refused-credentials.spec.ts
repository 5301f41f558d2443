import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { authenticated } from '../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import { type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { clientCredentials, key, pat } from '../../lib/zitadel/credentials.js';
import { recorder, verdict } from '../zitadel/parts.js';

let zitadel: ZitadelEmulator;
let svc: User;
let users = 0;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  svc = zitadel.addServiceUser('svc');
  zitadel.addMember(svc, { org: zitadel.rootOrg }, ['ORG_OWNER']);
});
afterAll(() => zitadel.stop());
beforeEach(() => {
  // Time stands still, so that a second is over when a test says so.
  vi.useFakeTimers({ toFake: ['performance'] });
  zitadel.heal();
});
afterEach(() => {
  vi.useRealTimers();
});

const someToken = () => zitadel.tokenFor(zitadel.addUser(`user ${(users += 1)}`));
const ask = (library: Zitadel, token = someToken()) => verdict(library, token, authenticated());

describe('a token of the service user that is refused after the sign-in', () => {
  it.each([
    ['from a key file', () => key(zitadel.addKey(svc)), 2],
    [
      'from client credentials',
      () => {
        const { clientId, clientSecret } = zitadel.addSecret(svc);
        return clientCredentials(clientId, clientSecret);
      },
      2,
    ],
    ['made by hand', () => pat(zitadel.patFor(svc)), 1],
  ])('%s is not tried again, nor is another asked for, for a second', async (_how, by, calls) => {
    const library = createZitadel(
      zitadel.options({
        logger: recorder(),
        serviceUser: by(),
        memberships: { as: 'serviceUser', organizations: [zitadel.rootOrg.id] },
      }),
    );
    zitadel.resetRequests();
    zitadel.fail('userMemberships', 401);
    for (let request = 0; request < 10; request += 1) {
      expect(await ask(library)).toBe('misconfigured');
    }
    expect(zitadel.requests('userMemberships')).toBe(calls);
    expect(zitadel.requests('token')).toBeLessThanOrEqual(calls);
    zitadel.heal();
    vi.advanceTimersByTime(999);
    expect(await ask(library)).toBe('misconfigured');
    vi.advanceTimersByTime(1);
    expect(await ask(library)).toBe('yes');
  });
});

describe('a set of keys', () => {
  const publicRsa = (modulusLength: number) =>
    generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' });
  const use = { kid: 'new', alg: 'RS256', use: 'sig' };
  const SETS: readonly [string, () => readonly unknown[]][] = [
    ['is empty', () => []],
    ['holds nothing that can be used', () => [{ ...publicRsa(1_024), ...use }, null, {}]],
    ['shows the private part of one', () => [{ ...published(), d: 'AQAB' }]],
    [
      'shows the private part of one among others',
      () => [published(), { ...publicRsa(2_048), ...use, d: 'AQAB' }],
    ],
    ['shows a shared key', () => [published(), { ...use, kty: 'oct', k: 'c2VjcmV0' }]],
  ];
  const published = () => zitadel.publicKeys().keys.at(-1) ?? {};

  it.each(SETS)('that %s is an outage, and the keys that are known stay', async (_how, keys) => {
    const library = createZitadel(zitadel.options({ logger: recorder() }));
    expect(await ask(library)).toBe('yes');
    const known = someToken();
    zitadel.fail('keys', { status: 200, body: { keys: keys() } });
    // Long enough for known keys to be fetched anew.
    vi.advanceTimersByTime(5 * 60_000);
    zitadel.resetRequests();
    expect(await ask(library, known)).toBe('yes');
    expect(zitadel.requests('keys')).toBe(1);
    const fresh = zitadel.tokenFor(svc, { header: { kid: 'of a key that is not known' } });
    expect(await ask(library, fresh)).toBe('unavailable');
    zitadel.heal();
    vi.advanceTimersByTime(1_000);
    expect(await ask(library, fresh)).toBe('token_invalid');
  });
});
