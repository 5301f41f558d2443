import { importJWK, type CryptoKey } from 'jose';
import { isRefusal, type Refusal } from '../core/decision.js';
import type { Discover } from './discovery.js';
import { isTrouble } from './exchange.js';
import type { Http } from './http.js';
import { outage, unfit } from './reply-refusal.js';
import { isRecord } from './shape.js';

/** A public key of the instance, and the one algorithm it may be used with. */
export interface SigningKey {
  readonly alg: string;
  readonly key: CryptoKey | Uint8Array;
}

/** The signature algorithms of ZITADEL's web keys; every one asymmetric. */
export const ALGORITHMS: ReadonlySet<string> = new Set([
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]);

const FRESH_MS = 5 * 60_000;
const STALE_MS = 60 * 60_000;
const UNKNOWN_KID_MS = 30_000;
const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 30_000;

/**
 * The instance's public keys (JWKS, RFC 7517). jose fetches again for every token while the endpoint fails, and reads bodies of any
 * size, so the fetch has a gate here: one at a time; after a failure not before a second, doubling to half a minute; for an unknown key
 * id not within half a minute of the last fetch. While fetches fail, keys that are known count for an hour, and an unknown key id is an
 * outage, not a bad token.
 */
export class SigningKeys {
  #keys: ReadonlyMap<string, SigningKey> = new Map();
  #fetchedAt = -Infinity;
  #failure:
    { readonly refusal: Refusal; readonly until: number; readonly backoffMs: number } | undefined;
  #flying: Promise<void> | undefined;

  constructor(
    private readonly http: Http,
    private readonly discover: Discover,
  ) {}

  /** The key of this id; undefined: the instance has no such key. */
  async get(kid: string): Promise<SigningKey | Refusal | undefined> {
    const age = performance.now() - this.#fetchedAt;
    const known = this.#keys.get(kid);
    if (known && age < FRESH_MS) return known;
    if (known || this.#failure || age >= UNKNOWN_KID_MS) await this.#refresh();
    const found = this.#keys.get(kid);
    if (!this.#failure) return found;
    if (found && performance.now() - this.#fetchedAt < STALE_MS) return found;
    const retryAfterMs = Math.max(0, this.#failure.until - performance.now());
    return { ...this.#failure.refusal, retryAfterMs };
  }

  #refresh(): Promise<void> {
    if (this.#flying) return this.#flying;
    if (this.#failure && this.#failure.until > performance.now()) return Promise.resolve();
    this.#flying = this.#fetch().finally(() => {
      this.#flying = undefined;
    });
    return this.#flying;
  }

  async #fetch(): Promise<void> {
    const fetched = await this.#load();
    if (!isRefusal(fetched)) {
      this.#keys = fetched;
      this.#fetchedAt = performance.now();
      this.#failure = undefined;
      return;
    }
    const before = this.#failure?.backoffMs ?? 0;
    const backoffMs = Math.min(Math.max(before * 2, FIRST_BACKOFF_MS), LONGEST_BACKOFF_MS);
    this.#failure = { refusal: fetched, until: performance.now() + backoffMs, backoffMs };
  }

  async #load(): Promise<ReadonlyMap<string, SigningKey> | Refusal> {
    const endpoints = await this.discover();
    if (isRefusal(endpoints)) return endpoints;
    const reply = await this.http({ family: 'keys', method: 'GET', path: endpoints.keys });
    if (isTrouble(reply) || reply.says !== undefined) return outage('keys', reply);
    const list: unknown = isRecord(reply.body) ? reply.body['keys'] : undefined;
    if (!Array.isArray(list)) return unfit('keys', 'the answer has no keys');
    const keys = new Map<string, SigningKey>();
    for (const jwk of list.slice(0, 100) as unknown[]) {
      if (isRecord(jwk) && ('d' in jwk || 'k' in jwk)) {
        return { reason: 'unavailable', detail: 'keys: the set shows private or shared keys' };
      }
      const usable = await usableKey(jwk);
      if (!usable) continue;
      if (keys.has(usable.kid)) {
        return { reason: 'unavailable', detail: 'keys: two keys have the same id' };
      }
      keys.set(usable.kid, usable);
    }
    if (keys.size === 0) return { reason: 'unavailable', detail: 'keys: there is no usable one' };
    return keys;
  }
}

async function usableKey(jwk: unknown): Promise<(SigningKey & { kid: string }) | undefined> {
  if (!isRecord(jwk)) return undefined;
  const { kid, alg, use, kty } = jwk;
  if (typeof kid !== 'string' || kid === '' || typeof alg !== 'string') return undefined;
  if (!ALGORITHMS.has(alg) || (use !== undefined && use !== 'sig')) return undefined;
  if (kty === 'RSA' && !isStrongRsa(jwk)) return undefined;
  try {
    return { kid, alg, key: await importJWK(jwk as Parameters<typeof importJWK>[0], alg) };
  } catch {
    return undefined;
  }
}

function isStrongRsa({ n, e }: Readonly<Record<string, unknown>>): boolean {
  if (typeof n !== 'string' || typeof e !== 'string') return false;
  const exponent = Buffer.from(e, 'base64url');
  const odd = ((exponent.at(-1) ?? 0) & 1) === 1;
  const modulus = Buffer.from(n, 'base64url');
  return (
    // RFC 7518, 6.3.1.1: no leading zeros, which would make a short modulus look long.
    modulus[0] !== 0 &&
    modulus.length >= 256 &&
    odd &&
    exponent.length <= 6 &&
    Number.parseInt(exponent.toString('hex') || '0', 16) >= 65_537
  );
}
