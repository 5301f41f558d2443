import {
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';

const PAIR = { modulusLength: 2048 } as const;

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** One published key, as the JWKS has it. */
export interface PublishedKey {
  readonly use: 'sig';
  readonly kty: string;
  readonly kid: string;
  readonly alg: 'RS256';
  readonly n: string;
  readonly e: string;
}

interface DecodedJwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The keys of the instance: one signs, all that were not withdrawn are published. */
export class SigningKeys {
  readonly #newKid: () => string;
  readonly #published = new Map<string, SigningKey>();
  readonly #firstKid: string;
  #ready: Promise<void> | undefined;
  #active: SigningKey | undefined;
  #foreign: KeyObject | undefined;

  constructor(newKid: () => string) {
    this.#newKid = newKid;
    this.#firstKid = newKid();
  }

  /** Resolves when there is a key to sign with, which is made when it is first asked for: that takes longer than all else. */
  get ready(): Promise<void> {
    this.#ready ??= this.#first();
    return this.#ready;
  }

  get active(): SigningKey {
    if (this.#active === undefined) throw new Error('there is no key yet');
    return this.#active;
  }

  rotate(): string {
    return this.#use({ kid: this.#newKid(), ...generateKeyPairSync('rsa', PAIR) });
  }

  async #first(): Promise<void> {
    this.#use({ kid: this.#firstKid, ...(await promisify(generateKeyPair)('rsa', PAIR)) });
  }

  #use(key: SigningKey): string {
    this.#active = key;
    this.#published.set(key.kid, key);
    return key.kid;
  }

  withdraw(kid: string): void {
    this.#published.delete(kid);
  }

  /** The newest first. */
  published(): { keys: PublishedKey[] } {
    return { keys: [...this.#published.values()].reverse().map(publishedKey) };
  }

  sign(claims: object, header: object = {}): string {
    return signJwt({ ...this.#header(), ...header }, claims, this.active.privateKey);
  }

  /** Names the active key, but is signed by one that nobody publishes. */
  signForeign(claims: object, header: object = {}): string {
    this.#foreign ??= generateKeyPairSync('rsa', PAIR).privateKey;
    return signJwt({ ...this.#header(), ...header }, claims, this.#foreign);
  }

  /** What a token of this instance says, or nothing when it is not one. */
  read(token: string): DecodedJwt | undefined {
    const decoded = decodeJwt(token);
    const key = this.#published.get(String(decoded?.header['kid']));
    if (decoded === undefined || key === undefined) return undefined;
    return isSignedBy(token, decoded, key.publicKey) ? decoded : undefined;
  }

  #header(): object {
    return { alg: 'RS256', kid: this.active.kid, typ: 'JWT' };
  }
}

function signJwt(header: object, claims: object, key: KeyObject): string {
  const content = `${encode(header)}.${encode(claims)}`;
  return `${content}.${sign('RSA-SHA256', Buffer.from(content), key).toString('base64url')}`;
}

export function decodeJwt(token: string): DecodedJwt | undefined {
  const parts = token.split('.');
  const [header, claims] = parts.map(decodePart);
  if (parts.length !== 3 || header === undefined || claims === undefined) return undefined;
  return { header, claims };
}

export function isSignedBy(token: string, decoded: DecodedJwt, key: KeyObject): boolean {
  if (decoded.header['alg'] !== 'RS256') return false;
  const end = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  return verify('RSA-SHA256', Buffer.from(token.slice(0, end)), key, signature);
}

/** A key as it stands in a key file: PKCS#1, as ZITADEL writes it. */
export interface KeyFile {
  readonly keyId?: string;
  readonly pem: string;
  readonly publicKey: KeyObject;
}

/**
 * The key of a key file that is there already.
 *
 * @throws TypeError if it is not one of this owner
 */
export function readKeyFile(text: string, field: 'userId' | 'clientId', ownerId: string): KeyFile {
  const file = objectIn(text);
  const { keyId, key: pem } = file ?? {};
  if (typeof keyId !== 'string' || typeof pem !== 'string') {
    throw new TypeError('not a key file: JSON with keyId and key is expected');
  }
  if (file?.[field] !== ownerId) {
    throw new TypeError(`a key file of somebody else: its ${field} must be ${ownerId}`);
  }
  try {
    return { keyId, pem, publicKey: createPublicKey(pem) };
  } catch {
    throw new TypeError('not a key file: its key is not a private key in PEM');
  }
}

export function newKeyFile(): KeyFile {
  const { privateKey: pem } = generateKeyPairSync('rsa', {
    ...PAIR,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { pem, publicKey: createPublicKey(pem) };
}

function publishedKey(key: SigningKey): PublishedKey {
  const { kty = 'RSA', n = '', e = '' }: JsonWebKey = key.publicKey.export({ format: 'jwk' });
  return { use: 'sig', kty, kid: key.kid, alg: 'RS256', n, e };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function decodePart(part: string): Record<string, unknown> | undefined {
  return objectIn(Buffer.from(part, 'base64url').toString());
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { ...value }
      : undefined;
  } catch {
    return undefined;
  }
}
