import { type CryptoKey, importJWK } from 'jose';
import { isRefusal, type Refusal } from '../../core/decision.js';
import { SingleFlight } from '../../core/memory/flight.js';
import { isValid, validFor, type Validity } from '../../core/validity.js';
import type { Discover } from '../discovery.js';
import type { Http } from '../http.js';
import { isRecord } from '../reading.js';
import { outage, unfit } from '../refusals.js';
import { isDone } from '../reply.js';

/** A public key of the instance, and the one algorithm it may be used with. */
interface SigningKey {
  readonly alg: string;
  readonly key: CryptoKey | Uint8Array;
}

/** The signature algorithms of ZITADEL's web keys. All of them are asymmetric. */
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
const BETWEEN_FETCHES_MS = 1_000;
const LONGEST_BACKOFF_MS = 30_000;

/** What one fetch brought. */
interface KeySet {
  /** Fetches are counted from one. */
  readonly fetch: number;
  readonly keys: ReadonlyMap<string, SigningKey>;
  readonly fresh: Validity;
  readonly stale: Validity;
}

const NEVER: Validity = { validUntil: -Infinity, wallUntil: -Infinity };

/**
 * The instance's public keys (JWKS, RFC 7517). jose fetches again for every token while the endpoint fails, and reads bodies of any
 * size. So the fetches are limited here: one at a time, and not within a second of the last one. After failures the wait doubles each time,
 * up to half a minute. While fetches fail, known keys count for an hour.
 *
 * A key can be newer than the last fetch. Only a fetch that left after the token had arrived shows that the instance does not have its
 * key. Until then an unknown key id is an outage, not a bad token.
 */
export class SigningKeys {
  #set: KeySet = { fetch: 0, keys: new Map(), fresh: NEVER, stale: NEVER };
  #fetches = 0;
  /** On the monotonic clock. */
  #nextAt = -Infinity;
  #failure: { readonly refusal: Refusal; readonly backoffMs: number } | undefined;
  readonly #flight = new SingleFlight<void>();

  constructor(
    private readonly http: Http,
    private readonly discover: Discover,
  ) {}

  /** The key with this id. Undefined: the instance has no such key. */
  async get(kid: string): Promise<SigningKey | Refusal | undefined> {
    const known = this.#set.keys.get(kid);
    if (known && isValid(this.#set.fresh)) return known;
    const before = this.#fetches;
    await (this.#flight.underWay() ?? this.#refresh());
    const { keys, fetch, stale } = this.#set;
    const found = keys.get(kid);
    if (found && isValid(stale)) return found;
    if (!this.#failure && fetch > before) return undefined;
    const retryAfterMs = Math.max(0, this.#nextAt - performance.now());
    return { ...(this.#failure?.refusal ?? NOT_YET), retryAfterMs };
  }

  async #refresh(): Promise<void> {
    if (this.#nextAt <= performance.now()) await this.#flight.start(() => this.#fetch());
  }

  async #fetch(): Promise<void> {
    this.#fetches += 1;
    const fetched = await this.#load();
    if (isRefusal(fetched)) {
      const doubled = (this.#failure?.backoffMs ?? 0) * 2;
      const backoffMs = Math.min(Math.max(doubled, BETWEEN_FETCHES_MS), LONGEST_BACKOFF_MS);
      this.#failure = { refusal: fetched, backoffMs };
    } else {
      const [fresh, stale] = [validFor(FRESH_MS), validFor(STALE_MS)];
      this.#set = { fetch: this.#fetches, keys: fetched, fresh, stale };
      this.#failure = undefined;
    }
    this.#nextAt = performance.now() + (this.#failure?.backoffMs ?? BETWEEN_FETCHES_MS);
  }

  async #load(): Promise<ReadonlyMap<string, SigningKey> | Refusal> {
    const endpoints = await this.discover();
    if (isRefusal(endpoints)) return endpoints;
    const reply = await this.http({ family: 'keys', method: 'GET', path: endpoints.keys });
    if (!isDone(reply)) return outage('keys', reply);
    const list = reply.body['keys'];
    if (!Array.isArray(list)) return unfit('keys', 'the reply has no keys');
    const keys = new Map<string, SigningKey>();
    for (const jwk of list as readonly unknown[]) {
      if (isRecord(jwk) && (Object.hasOwn(jwk, 'd') || Object.hasOwn(jwk, 'k'))) {
        return { reason: 'unavailable', detail: 'keys: the set shows private or shared keys' };
      }
      const usable = await usableKey(jwk);
      if (!usable) continue;
      if (keys.has(usable.kid)) {
        return { reason: 'unavailable', detail: 'keys: two keys have the same id' };
      }
      keys.set(usable.kid, usable);
    }
    if (keys.size === 0)
      return { reason: 'unavailable', detail: 'keys: the instance shows no usable key' };
    return keys;
  }
}

const NOT_YET: Refusal = {
  reason: 'unavailable',
  detail: 'keys: the token’s key is not among those that were fetched a moment ago, and may be new',
};

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
