import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ZitadelOptionsError } from '../core/errors.js';
import { isRecord } from './error-id.js';

/** How the service user proves who it is. */
export type Credential =
  | { readonly type: 'pat'; readonly token: string }
  | { readonly type: 'secret'; readonly clientId: string; readonly clientSecret: string }
  | {
      readonly type: 'key';
      readonly userId: string;
      readonly keyId: string;
      readonly privateKey: KeyObject;
    };

/** The credentials of our service user. Opaque: nothing of them shows when it is printed or serialized. */
export class ServiceUserCredential {
  readonly #credential: Credential;

  constructor(credential: Credential) {
    this.#credential = credential;
  }

  static open(sealed: ServiceUserCredential): Credential {
    return sealed.#credential;
  }
}

const wrong = (message: string) =>
  new ZitadelOptionsError('serviceUser', `serviceUser: ${message}`);

/**
 * The JSON key file of a service user, as ZITADEL's console and API hand it out, read from disk now.
 *
 * @throws ZitadelOptionsError when the file cannot be read, or as {@link key}
 */
export function keyFile(path: string): ServiceUserCredential {
  if (typeof path !== 'string' || path === '') throw wrong('keyFile() takes the path of the file');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw wrong(`the key file cannot be read (${code}): check the path and its permissions`);
  }
  return key(text);
}

/**
 * The content of a service user's JSON key file: `{ type: 'serviceaccount', keyId, key, userId }`.
 *
 * @throws ZitadelOptionsError when it is not one; an application's key is told so
 */
export function key(json: string | object): ServiceUserCredential {
  let content: unknown = json;
  if (typeof json === 'string') {
    try {
      content = JSON.parse(json);
    } catch {
      // The parser's own message would quote the content.
      throw wrong('the key is not valid JSON: pass the file as ZITADEL wrote it');
    }
  }
  if (!isRecord(content)) throw wrong('key() takes the JSON of a key file');
  const { type, keyId, key: pem, userId, expirationDate } = content;
  if (type === 'application') {
    throw wrong(
      'this is the key of an application; a service user’s key is needed: in ZITADEL’s console, Users, Service Users, Keys',
    );
  }
  if (type !== 'serviceaccount' || typeof keyId !== 'string' || typeof userId !== 'string') {
    throw wrong('the key file must have type "serviceaccount", a keyId and a userId');
  }
  if (typeof pem !== 'string') {
    throw wrong('the key file has no private key: a key that was uploaded must be added to it');
  }
  if (typeof expirationDate === 'string' && Date.parse(expirationDate) <= Date.now()) {
    throw wrong('the key is expired: create a new one in ZITADEL');
  }
  let privateKey: KeyObject;
  try {
    // ZITADEL writes PKCS#1, which node:crypto reads and jose's importPKCS8 does not.
    privateKey = createPrivateKey(pem);
  } catch {
    throw wrong('the private key in the key file cannot be read: it must be an unencrypted PEM');
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = privateKey;
  if (asymmetricKeyType !== 'rsa' || (asymmetricKeyDetails?.modulusLength ?? 0) < 2_048) {
    throw wrong('the private key must be an RSA key of at least 2048 bits, as ZITADEL makes them');
  }
  return new ServiceUserCredential({ type: 'key', userId, keyId, privateKey });
}

/** A personal access token of the service user. It does not renew itself: note when it expires. */
export function pat(token: string): ServiceUserCredential {
  if (typeof token !== 'string' || !/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    throw wrong('pat() takes a personal access token');
  }
  return new ServiceUserCredential({ type: 'pat', token });
}

/** Client id (the service user's name) and secret, for the client credentials grant (RFC 6749, section 4.4). */
export function clientCredentials(clientId: string, clientSecret: string): ServiceUserCredential {
  for (const given of [clientId, clientSecret]) {
    if (typeof given !== 'string' || given === '') {
      throw wrong('clientCredentials() takes the client id and the client secret');
    }
  }
  return new ServiceUserCredential({ type: 'secret', clientId, clientSecret });
}
