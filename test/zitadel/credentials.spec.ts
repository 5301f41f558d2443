import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ZitadelOptionsError } from '../../lib/core/errors.js';
import {
  basic,
  clientCredentials,
  isCredential,
  key,
  keyFile,
  openClient,
  openServiceUser,
  pat,
  ZitadelCredential,
} from '../../lib/zitadel/credentials.js';
import { useEmulator } from '../support/world.js';

const CANARY = 'canary-that-is-secret';

const zitadel = await useEmulator();
const folder = await mkdtemp(join(tmpdir(), 'key-files-'));
const right = JSON.parse(zitadel.addKey(zitadel.addServiceUser('svc'))) as Record<string, string>;
const file = zitadel.addApplicationKey(zitadel.defaultProject);
const ofApplication = JSON.parse(file) as Record<string, string>;
afterAll(() => rm(folder, { recursive: true }));

function errorOf(make: () => unknown, option = 'serviceUser'): ZitadelOptionsError {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(ZitadelOptionsError);
    expect((error as ZitadelOptionsError).option).toBe(option);
    expect((error as ZitadelOptionsError).message.startsWith(option)).toBe(true);
    return error as ZitadelOptionsError;
  }
  throw new Error('nothing was thrown');
}

describe('a credential of another copy of the package', () => {
  it('is one too, and shows no more', async () => {
    const other = '../../lib/zitadel/credentials.js?copy';
    const copy = (await import(other)) as {
      readonly pat: typeof pat;
      readonly basic: typeof basic;
    };
    expect(copy.pat).not.toBe(pat);
    expect(openServiceUser(copy.pat(CANARY))).toEqual({ type: 'pat', token: CANARY });
    expect(openClient(copy.basic('id', CANARY))).toMatchObject({ clientSecret: CANARY });
    expect(isCredential(copy.pat(CANARY))).toBe(true);
    expect(inspect(copy.pat(CANARY), { showHidden: true, getters: true })).not.toContain(CANARY);
  });

  it.each([[undefined], [null], ['x'], [{ kind: 'pat' }], [{ type: 'pat', token: 'x' }]])(
    'is not %j',
    (value) => {
      expect(isCredential(value)).toBe(false);
    },
  );
});

describe('a key file', () => {
  it('is taken as ZITADEL writes it: a text, an object or a file, with a PKCS#1 key', async () => {
    expect(right['key']).toContain('BEGIN RSA PRIVATE KEY');
    const path = join(folder, 'right.json');
    await writeFile(path, JSON.stringify(right));
    for (const credential of [key(JSON.stringify(right)), key(right), keyFile(path)]) {
      expect(openServiceUser(credential)).toMatchObject({
        type: 'key',
        userId: right['userId'],
        keyId: right['keyId'],
      });
    }
  });

  it('is taken with a PKCS#8 key too', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(key({ ...right, key: pem })).toBeInstanceOf(ZitadelCredential);
  });

  it('of an application is taken too, and its kind is kept', async () => {
    expect(ofApplication['key']).toContain('BEGIN RSA PRIVATE KEY');
    const path = join(folder, 'api.json');
    await writeFile(path, JSON.stringify(ofApplication));
    const { clientId, keyId } = ofApplication;
    for (const given of [key(JSON.stringify(ofApplication)), key(ofApplication), keyFile(path)]) {
      expect(given.kind).toBe('applicationKey');
      expect(openClient(given)).toMatchObject({ type: 'applicationKey', clientId, keyId });
    }
    expect(key(right).kind).toBe('key');
  });

  it.each<[string, () => unknown]>([
    ['is no JSON', () => key(`{"key": "${CANARY}"`)],
    ['is a PEM', () => key(`-----BEGIN RSA PRIVATE KEY-----\n${CANARY}`)],
    ['is an empty text', () => key('')],
    ['is a list', () => key([CANARY])],
    ['is null', () => key('null')],
    ['is undefined', () => key(undefined as never)],
    ['has no type', () => key({ ...right, type: undefined })],
    ['has another type', () => key({ ...right, type: CANARY })],
    ['has no key id', () => key({ ...right, keyId: undefined })],
    ['has no user', () => key({ ...right, userId: 1 })],
    ['has no key', () => key({ ...right, key: undefined })],
    ['has a key that is no PEM', () => key({ ...right, key: CANARY })],
    ['has half a key', () => key({ ...right, key: `${right['key']?.slice(0, 200)}${CANARY}` })],
    ['has a public key', () => key({ ...right, key: publicPem() })],
    ['has an encrypted key', () => key({ ...right, key: encryptedPem() })],
    ['is expired', () => key({ ...right, expirationDate: '2020-01-01T00:00:00Z' })],
  ])('that %s is refused, and nothing of it is repeated', (_what, make) => {
    const error = errorOf(make);
    for (const text of [error.message, error.stack, inspect(error), JSON.stringify(error)]) {
      expect(text).not.toContain(CANARY);
      expect(text).not.toContain(right['key']?.slice(40, 80));
    }
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['no client id', { clientId: undefined }],
    ['an empty client id', { clientId: '' }],
    ['a client id that is a number', { clientId: 1 }],
    ['no key id', { keyId: undefined }],
    ['no key', { key: undefined }],
    ['a key that is no PEM', { key: CANARY }],
    ['a public key', { key: publicPem() }],
    ['an expired key', { expirationDate: '2020-01-01T00:00:00Z' }],
  ])('of an application with %s is refused, and nothing of it is repeated', (_what, more) => {
    const error = errorOf(() => key({ ...ofApplication, ...more }), 'callers');
    for (const text of [error.message, error.stack, inspect(error), JSON.stringify(error)]) {
      expect(text).not.toContain(CANARY);
      expect(text).not.toContain(ofApplication['key']?.slice(40, 80));
    }
  });

  it.each<[string, () => string]>([
    ['does not exist', () => join(folder, 'none.json')],
    ['is a folder', () => folder],
    ['has a zero byte in its name', () => 'a\u0000b'],
  ])('that %s is refused with the reason', (_what, path) => {
    expect(errorOf(() => keyFile(path())).message).toMatch(/cannot be read \([A-Z_]+\)/);
  });

  it('that may not be read is refused with the reason', async () => {
    const path = join(folder, 'closed.json');
    await writeFile(path, JSON.stringify(right));
    await chmod(path, 0);
    // Root may read it all the same.
    if (process.getuid?.() === 0) expect(keyFile(path)).toBeInstanceOf(ZitadelCredential);
    else expect(errorOf(() => keyFile(path)).message).toContain('EACCES');
  });

  it.each([undefined, null, '', 1, {}, []])('is named by a path: %o is refused', (path) => {
    expect(errorOf(() => keyFile(path as never)).message).toContain('path of the file');
  });
});

const publicPem = () =>
  generateKeyPairSync('rsa', { modulusLength: 2048 })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString();
const encryptedPem = () =>
  generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();

describe('a credential in the wrong place', () => {
  it.each<[string, () => ZitadelCredential, RegExp]>([
    [
      'the key of an application',
      () => key(ofApplication),
      /^serviceUser: this is the key of an application; .*Service Accounts, Keys$/,
    ],
    [
      'basic()',
      () => basic('1', CANARY),
      /^serviceUser: basic\(\) is for an application; a service user has clientCredentials/,
    ],
  ])('is told apart: %s for the service user', (_what, make, message) => {
    expect(errorOf(() => openServiceUser(make() as never)).message).toMatch(message);
  });

  it.each<[string, () => ZitadelCredential, RegExp]>([
    [
      'the key of a service user',
      () => key(right),
      /^callers: this is the key of a service user; .*an application of type API, Keys$/,
    ],
    ['a personal access token', () => pat(CANARY), /^callers: .*a service user; .*basic\(/],
    ['client credentials', () => clientCredentials('svc', CANARY), /^callers: .*a service user; /],
  ])('is told apart: %s for introspection', (_what, make, message) => {
    const error = errorOf(() => openClient(make() as never), 'callers');
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain(CANARY);
  });
});

describe('other credentials', () => {
  it.each([undefined, null, '', 1, {}, 'a b', 'a\nb', `${CANARY}\r\nx-evil: 1`, 'é'])(
    'pat() refuses %j',
    (token) => {
      expect(errorOf(() => pat(token as never)).message).not.toContain(CANARY);
    },
  );

  it.each([
    [undefined, 'x'],
    ['x', undefined],
    ['', 'x'],
    ['x', ''],
    [1, CANARY],
    [CANARY, {}],
  ])('clientCredentials() and basic() refuse %o with %o', (id, secret) => {
    for (const error of [
      errorOf(() => clientCredentials(id as never, secret as never)),
      errorOf(() => basic(id as never, secret as never), 'callers'),
    ]) {
      expect(error.message).not.toContain(CANARY);
    }
  });

  it('show their kind and nothing else of themselves, however they are looked at', () => {
    for (const credential of [
      pat(CANARY),
      clientCredentials('svc', CANARY),
      basic('1', CANARY),
      basic(CANARY, 'x'),
      key({ ...right, keyId: CANARY }),
      key({ ...ofApplication, keyId: CANARY, clientId: CANARY }),
    ]) {
      expect(Reflect.ownKeys(credential)).toEqual(['kind']);
      const looks = [
        inspect(credential, { depth: null, showHidden: true }),
        JSON.stringify(credential),
        JSON.stringify(Object.entries(credential)),
        JSON.stringify(structuredClone(credential)),
      ];
      for (const look of looks) expect(look).not.toContain(CANARY);
    }
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
    const path = join(folder, 'another.json');
    await writeFile(path, file);
    expect(() => key(file)).toThrow(REFUSED);
    expect(() => keyFile(path)).toThrow(REFUSED);
  });

  it('with an RSA key of 2048 bits is accepted', () => {
    expect(key(fileOf(rsa(2_048)))).toBeInstanceOf(ZitadelCredential);
  });
});
