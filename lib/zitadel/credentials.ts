import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SignJWT } from 'jose';
import { ZitadelOptionsError } from '../core/errors.js';
import { askedAbout } from '../core/unfilled.js';
import { jsonFrom, own } from '../core/own-properties.js';
import { isId, isRecord } from './reading.js';

interface Pair {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** What assertions are signed with. */
interface OwnKey {
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/** How the service user proves who it is. */
export type Credential =
  | { readonly type: 'pat'; readonly token: string }
  | ({ readonly type: 'secret' } & Pair)
  | ({ readonly type: 'key'; readonly userId: string } & OwnKey);

/** How the application that introspects tokens proves who it is. */
export type ClientCredential =
  | ({ readonly type: 'basic' } & Pair)
  | ({ readonly type: 'applicationKey'; readonly clientId: string } & OwnKey);

type AnyCredential = Credential | ClientCredential;

/** Both kinds of key file look alike. The file itself says whose key it is. */
type KeyKind = 'key' | 'applicationKey';

// A registered symbol, so that a credential of another copy of the package is one too. A method, because a field would be printed.
const OPEN: unique symbol = Symbol.for('nestjs-zitadel:credential') as never;

/** What proves who we are at ZITADEL. If it is printed or serialized, nothing but its kind shows. */
export class ZitadelCredential<Kind extends AnyCredential['type'] = AnyCredential['type']> {
  readonly kind: Kind;
  readonly #credential: AnyCredential;

  /** @internal */
  constructor(credential: AnyCredential & { readonly type: Kind }) {
    this.kind = credential.type;
    this.#credential = credential;
  }

  /** @internal */
  [OPEN](): AnyCredential {
    return this.#credential;
  }
}

/** Whether it is a credential, of this copy of the package or another. */
export function isCredential(value: unknown): value is ZitadelCredential {
  return typeof (Object(value) as Partial<ZitadelCredential>)[OPEN] === 'function';
}

/** A credential for the option `serviceUser`. */
export type ServiceUserCredential = ZitadelCredential<'pat' | 'secret' | KeyKind>;

/** A credential for `introspection()`. */
export type IntrospectionCredential = ZitadelCredential<'basic' | KeyKind>;

const wrong = (option: Option, message: string) =>
  new ZitadelOptionsError(option, `${option}: ${message}`);

type Option = 'serviceUser' | 'callers';

/** A key file is for either of the two, until its content is known. */
const wrongFile = (message: string) =>
  new ZitadelOptionsError('serviceUser', `serviceUser, or introspection() in callers: ${message}`);

/** The service user's credential. @throws ZitadelOptionsError when the credential is of another kind */
export function openServiceUser(sealed: ServiceUserCredential): Credential {
  const credential = sealed[OPEN]();
  switch (credential.type) {
    case 'applicationKey':
      throw wrong(
        'serviceUser',
        'this is the key of an application; a service user’s key is needed: in ZITADEL’s console, Users, Service Accounts, Keys',
      );
    case 'basic':
      throw wrong(
        'serviceUser',
        'basic() is for an application; a service user has clientCredentials(id, secret)',
      );
    default:
      return credential;
  }
}

/** The credential of the application that introspects. @throws ZitadelOptionsError when the credential is of another kind */
export function openClient(sealed: IntrospectionCredential): ClientCredential {
  const credential = sealed[OPEN]();
  switch (credential.type) {
    case 'key':
      throw wrong(
        'callers',
        'this is the key of a service user; introspection() needs an application’s key: in ZITADEL’s console, the project, an application of type API, Keys',
      );
    case 'pat':
    case 'secret':
      throw wrong(
        'callers',
        'this is the credential of a service user; introspection() needs an application’s: keyFile(), key() or basic(clientId, clientSecret)',
      );
    default:
      return credential;
  }
}

/**
 * A JSON key file as ZITADEL's console and API give it: of a service user for the option `serviceUser`, or of an application for
 * `introspection()`. The file is read at once. The option that gets it checks whether it is of the right kind.
 *
 * @throws ZitadelOptionsError when the file cannot be read, or {@link key} refuses its content
 * @example `serviceUser: keyFile('./service-user.json')`
 */
export function keyFile(path: string): ZitadelCredential<KeyKind> {
  if (typeof path !== 'string' || path === '') {
    throw wrongFile(`keyFile() takes the path of the file${askedAbout(path)}`);
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = own(error, 'code');
    const why = typeof code === 'string' ? code : 'unreadable';
    throw wrongFile(
      PATH.test(path)
        ? `the key file ${resolve(path)} cannot be read (${why}): check the path and its permissions`
        : `the key file cannot be read (${why}), and what was given does not look like a path: pass a path, or the content to key()`,
    );
  }
  return key(text);
}

/** What is certainly a path. Anything else may be the key itself, and is not shown. */
const PATH =
  /^(?:\.{0,2}[/\\]|[a-z]:[/\\])?[\w. /\\-]{1,200}\.json$|^(?:\.{1,2}\/|\/(?:run|etc|var|app|home|secrets|mnt|opt|tmp)\/)[\w. /-]{1,200}$/i;

/**
 * The content of a JSON key file: a service user's `{ type: 'serviceaccount', keyId, key, userId }` for the option `serviceUser`, or an
 * application's `{ type: 'application', keyId, key, clientId }` for `introspection()`. The option that gets it checks whether it is of the
 * right kind.
 *
 * @throws ZitadelOptionsError when it is neither, or its key is expired or cannot be used
 * @example `serviceUser: key(json)`
 */
export function key(json: string | object): ZitadelCredential<KeyKind> {
  let content: unknown = json;
  if (typeof json === 'string') {
    try {
      content = jsonFrom(json);
    } catch {
      // The parser's own message would quote the content.
      throw wrongFile('the key is not valid JSON: pass the file as ZITADEL wrote it');
    }
  }
  if (!isRecord(content)) {
    throw wrongFile(`key() takes the JSON of a key file${askedAbout(json)}`);
  }
  const { type, keyId, userId, clientId } = content;
  if (type === 'application') {
    if (typeof keyId !== 'string' || !isId(clientId)) {
      throw wrong('callers', 'the key file of an application must have a keyId and a clientId');
    }
    const privateKey = privateKeyOf(content, 'callers');
    return new ZitadelCredential({ type: 'applicationKey', clientId, keyId, privateKey });
  }
  if (type !== 'serviceaccount' || typeof keyId !== 'string' || typeof userId !== 'string') {
    throw wrongFile(
      'the key file must have type "serviceaccount", a keyId and a userId, or type "application", a keyId and a clientId',
    );
  }
  const privateKey = privateKeyOf(content, 'serviceUser');
  return new ZitadelCredential({ type: 'key', userId, keyId, privateKey });
}

function privateKeyOf(
  { key: pem, expirationDate }: Readonly<Record<string, unknown>>,
  option: Option,
): KeyObject {
  const fail = (message: string) => wrong(option, message);
  if (typeof pem !== 'string') {
    throw fail('the key file has no private key: a key that was uploaded must be added to it');
  }
  if (typeof expirationDate === 'string' && Date.parse(expirationDate) <= Date.now()) {
    throw fail('the key is expired: create a new one in ZITADEL');
  }
  let privateKey: KeyObject;
  try {
    // ZITADEL writes PKCS#1, which node:crypto reads and jose's importPKCS8 does not.
    privateKey = createPrivateKey(pem);
  } catch {
    throw fail('the private key in the key file cannot be read: it must be an unencrypted PEM');
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = privateKey;
  if (asymmetricKeyType !== 'rsa' || (asymmetricKeyDetails?.modulusLength ?? 0) < 2_048) {
    throw fail('the private key must be an RSA key of at least 2048 bits, as ZITADEL makes them');
  }
  return privateKey;
}

/**
 * A personal access token of the service user. It does not renew itself: note when it expires.
 *
 * @throws ZitadelOptionsError when it cannot be a token
 * @example `serviceUser: pat(token)`
 */
export function pat(token: string): ZitadelCredential<'pat'> {
  if (typeof token !== 'string' || !/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    throw wrong('serviceUser', `pat() takes a personal access token${askedAbout(token)}`);
  }
  return new ZitadelCredential({ type: 'pat', token });
}

/**
 * Client id (the service user's name) and secret, for the client credentials grant (RFC 6749, section 4.4).
 *
 * @throws ZitadelOptionsError when one of them is not a non-empty string
 * @example `serviceUser: clientCredentials(clientId, clientSecret)`
 */
export function clientCredentials(
  clientId: string,
  clientSecret: string,
): ZitadelCredential<'secret'> {
  const takes = 'clientCredentials() takes the client id and the client secret';
  return new ZitadelCredential({
    type: 'secret',
    ...pair('serviceUser', takes, clientId, clientSecret),
  });
}

/**
 * Client id and secret of an application of type API, for `introspection()` (HTTP Basic, RFC 6749, section 2.3.1).
 *
 * @throws ZitadelOptionsError when one of them is not a non-empty string
 * @example `callers: introspection(basic(clientId, clientSecret))`
 */
export function basic(clientId: string, clientSecret: string): ZitadelCredential<'basic'> {
  const takes = 'basic() takes the client id and the client secret of an application';
  return new ZitadelCredential({
    type: 'basic',
    ...pair('callers', takes, clientId, clientSecret),
  });
}

function pair(option: Option, takes: string, clientId: string, clientSecret: string): Pair {
  const why = askedAbout(clientId, clientSecret);
  if (isId(clientId) && isId(clientSecret) && why === '') return { clientId, clientSecret };
  throw wrong(option, `${takes}${why}`);
}

/**
 * ZITADEL refuses an assertion from more than a second in its future, and one that is an hour old. So assertions are dated back by this
 * much: our clock may be as far ahead of ZITADEL's, or minutes behind it.
 */
const SET_BACK_SECONDS = 90;
const GOOD_FOR_SECONDS = 300;

/** Proves to ZITADEL that we hold the key of a service user or of an application (RFC 7523, section 3). */
export function signAssertion(
  id: string,
  { keyId, privateKey }: OwnKey,
  issuer: string,
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT()
    .setProtectedHeader({ alg: 'RS256', kid: keyId })
    .setIssuer(id)
    .setSubject(id)
    .setAudience(issuer)
    .setIssuedAt(now - SET_BACK_SECONDS)
    .setExpirationTime(now + GOOD_FOR_SECONDS)
    .sign(privateKey);
}
