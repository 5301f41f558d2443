import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ZitadelOptionsError } from '../../lib/core/errors.js';
import { ZitadelEmulator } from '../../lib/testing/index.js';
import {
  clientCredentials,
  key,
  keyFile,
  pat,
  ServiceUserCredential,
} from '../../lib/zitadel/credentials.js';

const CANARY = 'canary-that-is-secret';

let zitadel: ZitadelEmulator;
let folder: string;
let right: Readonly<Record<string, string>>;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  folder = await mkdtemp(join(tmpdir(), 'key-files-'));
  right = JSON.parse(zitadel.addKey(zitadel.addServiceUser('svc'))) as Record<string, string>;
});
afterAll(async () => {
  await zitadel.stop();
  await rm(folder, { recursive: true });
});

function errorOf(make: () => unknown): ZitadelOptionsError {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(ZitadelOptionsError);
    expect((error as ZitadelOptionsError).option).toBe('serviceUser');
    return error as ZitadelOptionsError;
  }
  throw new Error('nothing was thrown');
}

describe('a key file', () => {
  it('is taken as ZITADEL writes it: a text, an object or a file, with a PKCS#1 key', async () => {
    expect(right['key']).toContain('BEGIN RSA PRIVATE KEY');
    const path = join(folder, 'right.json');
    await writeFile(path, JSON.stringify(right));
    for (const credential of [key(JSON.stringify(right)), key(right), keyFile(path)]) {
      expect(ServiceUserCredential.open(credential)).toMatchObject({
        type: 'key',
        userId: right['userId'],
        keyId: right['keyId'],
      });
    }
  });

  it('is taken with a PKCS#8 key too', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(key({ ...right, key: pem })).toBeInstanceOf(ServiceUserCredential);
  });

  it('of an application is told so, and where to get the right one', () => {
    const message = errorOf(() => key(zitadel.addApplicationKey(zitadel.defaultProject))).message;
    expect(message).toContain('application');
    expect(message).toContain('Service Users');
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
    ['is of an application', () => key({ type: 'application', key: CANARY, appId: '1' })],
  ])('that %s is refused, and nothing of it is repeated', (_what, make) => {
    const error = errorOf(make);
    for (const text of [error.message, error.stack, inspect(error), JSON.stringify(error)]) {
      expect(text).not.toContain(CANARY);
      expect(text).not.toContain(right['key']?.slice(40, 80));
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
    if (process.getuid?.() === 0) expect(keyFile(path)).toBeInstanceOf(ServiceUserCredential);
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
  ])('clientCredentials() refuses %o with %o', (id, secret) => {
    const error = errorOf(() => clientCredentials(id as never, secret as never));
    expect(error.message).not.toContain(CANARY);
  });

  it('show nothing of themselves, however they are looked at', () => {
    for (const credential of [
      pat(CANARY),
      clientCredentials('svc', CANARY),
      key({ ...right, keyId: CANARY }),
    ]) {
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
