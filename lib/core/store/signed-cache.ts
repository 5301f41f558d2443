import { jsonFrom } from '../own-properties.js';
import { digestOf, Seal } from '../seal.js';
import { inTime, patienceNow } from './patience.js';

/** The part of Nest's `CACHE_MANAGER` that is used. Any object with these two methods works. The TTL is in milliseconds. */
export interface SharedCache {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, ttlMs: number): Promise<unknown>;
}

/** How long one question waits for the store, in all. */
export const DEADLINE_MS = 50;
/** The same once the store has failed. A request has several questions, one after another. */
const SHORT_DEADLINE_MS = 10;

/** The store failed, or did not reply in time. */
export const FAILED = Symbol('the store failed');

/** What was read: the fields that were written under this name. Undefined: nothing, or nothing of ours. */
export type FoundFields = Readonly<Record<string, unknown>> | undefined | typeof FAILED;

/**
 * The shared cache, with everything in it signed. Each value names its own place, so that none can be copied to another one. What is odd is
 * not there.
 */
export class SignedCache {
  readonly #seal: Seal;
  readonly #scope: string;
  readonly #cache: SharedCache;
  #isFailing = false;
  /** When the store last replied in time, by the clock of patience. */
  #repliedAt = -Infinity;

  /** `scope`: everything on which the stored values depend, besides the key. */
  constructor(
    cache: SharedCache,
    secret: string | readonly string[] | false,
    scope: readonly string[],
  ) {
    this.#cache = cache;
    this.#seal = new Seal(secret === false ? [] : [secret].flat());
    this.#scope = JSON.stringify(scope);
  }

  name(kind: string, key: string): string {
    return `nestjs-zitadel:1:${kind}:${digestOf(JSON.stringify([this.#scope, kind, key]))}`;
  }

  /** Whether the last thing that is known of the store is a failure: it refused, or nothing came from it for as long as a question waits. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** Until when a question that comes now waits for the store, by the clock of patience. */
  deadline(): number {
    return patienceNow() + (this.#isFailing ? SHORT_DEADLINE_MS : DEADLINE_MS);
  }

  /** Reads several at once. `until`: how long it may take, by the clock of patience. */
  async read(names: readonly string[], until: number): Promise<readonly FoundFields[]> {
    const since = patienceNow();
    const reads = Promise.all(names.map((name) => this.#get(name)));
    const found = await inTime(reads, until, undefined);
    if (found) {
      if (!found.includes(FAILED)) this.#noteReply();
      return found;
    }
    // One late reply says nothing: a busy host has many.
    if (until - since > DEADLINE_MS - 1 && this.#repliedAt <= since) this.#isFailing = true;
    return names.map(() => FAILED);
  }

  /** @throws whatever the store throws */
  async write(name: string, fields: object, ttlMs: number): Promise<void> {
    const text = JSON.stringify({ v: 2, key: name, ...fields });
    await this.#cache.set(name, this.#seal.close(text), ttlMs);
  }

  #noteReply(): void {
    this.#isFailing = false;
    this.#repliedAt = patienceNow();
  }

  async #get(name: string): Promise<FoundFields> {
    const since = performance.now();
    const patientSince = patienceNow();
    let sealed: unknown;
    try {
      sealed = await this.#cache.get(name);
    } catch {
      // What hung while the store was away can end when it is back.
      if (this.#repliedAt <= patientSince) this.#isFailing = true;
      return FAILED;
    }
    // Too late for a question that did not wait long, but not for others.
    if (performance.now() - since < DEADLINE_MS) this.#noteReply();
    const text = typeof sealed === 'string' ? this.#seal.open(sealed) : undefined;
    const fields = text === undefined ? undefined : fieldsFrom(text);
    return fields?.['key'] === name ? fields : undefined;
  }
}

function fieldsFrom(text: string): Readonly<Record<string, unknown>> | undefined {
  let value: unknown;
  try {
    value = jsonFrom(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  return fields['v'] === 2 ? fields : undefined;
}
