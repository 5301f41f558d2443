import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../lib/core/caller.js';
import { ZitadelOptionsError } from '../../lib/core/errors.js';
import { authenticated } from '../../lib/core/requirement/builders.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { resolveOptions } from '../../lib/validate-options.js';
import { key, keyFile, ZitadelCredential } from '../../lib/zitadel/credentials.js';
import { decide, recorder } from '../zitadel/parts.js';

const RIGHT = { issuer: 'https://acme.example', audience: '1' };

/** The name of the option that is refused. */
function refusedOption(options: object): string {
  try {
    createZitadel(options as ZitadelOptions);
  } catch (error) {
    if (error instanceof ZitadelOptionsError) return error.option;
    throw error;
  }
  return 'none';
}

describe('maxBytes', () => {
  it.each([2 ** 20 + 0.5, 2 ** 20 * 1.000_001, 5_000_000.25])('of %d is refused', (maxBytes) => {
    expect(refusedOption({ ...RIGHT, cache: { maxBytes } })).toBe('cache.maxBytes');
  });
});

describe('what a class has as an accessor', () => {
  class Settings {
    readonly issuer = RIGHT.issuer;
    readonly audience = RIGHT.audience;
    get budgetMs(): unknown {
      return 10_000;
    }
  }
  class Wrong extends Settings {
    override get budgetMs(): unknown {
      return '5 seconds';
    }
  }
  class WrongCache {
    get ttlMs(): unknown {
      return Number.NaN;
    }
  }

  it('is used', () => {
    expect(resolveOptions(new Settings() as ZitadelOptions)).toMatchObject({ budgetMs: 10_000 });
  });

  it('is checked like everything else', () => {
    expect(refusedOption(new Wrong())).toBe('budgetMs');
    expect(refusedOption({ ...RIGHT, cache: new WrongCache() })).toBe('cache.ttlMs');
  });
});

describe('a key file', () => {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey;
  const fileOf = (privateKey: ReturnType<typeof rsa>) =>
    JSON.stringify({
      type: 'serviceaccount',
      keyId: '1',
      userId: '2',
      key: privateKey.export(pem),
    });
  const REFUSED = /^serviceUser: the private key must be an RSA key of at least 2048 bits/;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'key-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    [
      'a key on an elliptic curve',
      () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    ],
    ['an Ed25519 key', () => generateKeyPairSync('ed25519').privateKey],
    ['an RSA key of 1024 bits', () => rsa(1_024)],
    ['an RSA key of 2040 bits', () => rsa(2_040)],
  ])('with %s is refused before anything is signed', async (_what, make) => {
    const file = fileOf(make());
    const path = join(folder, 'key.json');
    await writeFile(path, file);
    expect(() => key(file)).toThrow(REFUSED);
    expect(() => keyFile(path)).toThrow(REFUSED);
  });

  it('with an RSA key of 2048 bits is accepted', () => {
    expect(key(fileOf(rsa(2_048)))).toBeInstanceOf(ZitadelCredential);
  });
});

describe('a function in the option callers', () => {
  let zitadel: ZitadelEmulator;
  let alice: User;
  beforeAll(async () => {
    zitadel = await ZitadelEmulator.start();
    alice = zitadel.addUser('alice');
  });
  afterAll(() => zitadel.stop());

  const ask = async (caller: Partial<Caller>) => {
    const callers = () => ({ userId: alice.id, claims: {}, ...caller });
    const { issuer } = zitadel;
    const library = createZitadel({ issuer, callers, logger: recorder() });
    return decide(library, zitadel.tokenFor(alice), authenticated());
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
});
