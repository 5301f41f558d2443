// What hostile tokens are made of.
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { ZitadelEmulator } from 'nestjs-zitadel/testing';

/** One request that must be refused. */
export interface Hostile {
  readonly what: string;
  /** Headers as they are sent, in this order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly path?: string;
  readonly body?: unknown;
}

/** Everything that hostile tokens are made of. */
export interface Material {
  readonly zitadel: ZitadelEmulator;
  /** Somebody whose tokens are accepted. */
  readonly user: { readonly id: string };
  readonly serviceUser: { readonly id: string };
  /** Where headers of tokens point to; nobody may ask there. */
  readonly trap: string;
  readonly keys: Keys;
}

const RSA = { modulusLength: 2048 } as const;

/** Keys that the instance publishes beside its own, so that a signature can be right and the token still wrong. */
export class Keys {
  readonly own = generateKeyPairSync('rsa', RSA);
  readonly elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  readonly smallExponent = generateKeyPairSync('rsa', { ...RSA, publicExponent: 3 });
  readonly unpublished = generateKeyPairSync('rsa', RSA);

  /** The set of keys with what should not be in one, but for private parts: with them the whole set is refused. */
  jwks(ofInstance: readonly object[]): { keys: object[] } {
    const jwk = ({ publicKey }: { publicKey: KeyObject }) => publicKey.export({ format: 'jwk' });
    return {
      keys: [
        ...ofInstance,
        { ...jwk(this.own), kid: 'own', use: 'sig', alg: 'RS256' },
        { ...jwk(this.own), kid: 'no-alg', use: 'sig' },
        { ...jwk(this.own), kid: 'for-encryption', use: 'enc', alg: 'RS256' },
        { ...jwk(this.own), kid: 'as-hmac', use: 'sig', alg: 'HS256' },
        { ...jwk(this.own), kid: 'as-none', use: 'sig', alg: 'none' },
        { ...jwk(this.weak), kid: 'weak', use: 'sig', alg: 'RS256' },
        { ...jwk(this.smallExponent), kid: 'small-exponent', use: 'sig', alg: 'RS256' },
        { ...jwk(this.elliptic), kid: 'elliptic-as-rsa', use: 'sig', alg: 'RS256' },
        { ...jwk(this.own), kid: '', use: 'sig', alg: 'RS256' },
      ],
    };
  }
}

export const base64 = (content: string | Buffer) => Buffer.from(content).toString('base64url');
export const json = (value: unknown) => base64(JSON.stringify(value));
export const signed = (content: string, key: KeyObject) =>
  `${content}.${base64(sign('RSA-SHA256', Buffer.from(content), key))}`;
export const bearer = (what: string, token: string): Hostile => ({
  what,
  headers: [['Authorization', `Bearer ${token}`]],
});
export const partsOf = (token: string) => token.split('.') as [string, string, string];
export const decoded = (part: string) =>
  JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;

/** The same claims by the one key of {@link Keys} that is as good as the instance's. */
export function signedByOwnKey(token: string, { own }: Keys): string {
  const [, claims] = partsOf(token);
  return signed(`${json({ alg: 'RS256', kid: 'own', typ: 'JWT' })}.${claims}`, own.privateKey);
}
