import { LRUCache } from 'lru-cache';
import type { Caller } from './caller.js';
import type { MembershipRead, Refusal } from './decision.js';
import type { MembershipIndex } from './membership.js';
import { isValid, type Validity } from './validity.js';

/** Everything that one credential leads to: verified caller, prepared index, and until when both may be used. */
export interface Answer extends Validity {
  /** The exact bytes that were verified: the Authorization header, or what the option `token` gave. */
  readonly credential: string;
  readonly caller: Caller;
  readonly index: MembershipIndex;
  readonly read: MembershipRead;
  /** Under which its memberships are remembered. */
  readonly key: string;
  /** Those that were read, as the service user in certain ones. */
  readonly organizations: readonly string[];
  /** When its memberships were asked for, on the monotonic clock: the wall clock, by which `read.at` tells it to people, can be set. */
  readonly askedAt: number;
}

const REJECTED_FOR_MS = 5_000;
const TOKENS_PER_USER = 8;

// The end of a signature tells tokens apart; only the full comparison proves one. Hashing 16 characters instead of a whole
// token is what makes a warm request cheap.
const tailOf = (credential: string): string => credential.slice(-16);

/** The memory in front of the data path: one look-up from the bytes of a credential to its answer. */
export class Answers {
  readonly #answers: LRUCache<string, Answer>;
  readonly #tailsOf = new Map<string, string[]>();
  readonly #rejected = new LRUCache<
    string,
    { credential: string; refusal: Refusal; until: number }
  >({
    maxSize: 4 * 2 ** 20,
    sizeCalculation: ({ credential }) => credential.length * 2 + 200,
  });

  constructor(maxBytes: number) {
    this.#answers = new LRUCache<string, Answer>({
      maxSize: maxBytes,
      sizeCalculation: ({ credential, index }) => credential.length * 2 + 600 + index.bytes,
      dispose: ({ caller }, tail) => this.#forgetTail(caller.userId, tail),
    });
  }

  /** The answer for exactly this credential, if it may still be used. */
  get(credential: string): Answer | undefined {
    const answer = this.#answers.get(tailOf(credential));
    if (answer === undefined || answer.credential !== credential) return undefined;
    return isValid(answer) ? answer : undefined;
  }

  keep(answer: Answer): void {
    if (!isValid(answer)) return;
    const tail = tailOf(answer.credential);
    const known = this.#answers.peek(tail);
    // A read that took longer must not replace what a later one brought.
    if (known?.credential === answer.credential && known.askedAt > answer.askedAt) return;
    this.#answers.delete(tail);
    const tails = this.#tailsOf.get(answer.caller.userId) ?? [];
    if (tails.length >= TOKENS_PER_USER && tails[0] !== undefined) this.#answers.delete(tails[0]);
    this.#answers.set(tail, answer);
    if (!this.#answers.has(tail)) return;
    this.#tailsOf.set(answer.caller.userId, [
      ...(this.#tailsOf.get(answer.caller.userId) ?? []),
      tail,
    ]);
  }

  /** Forgets every token of a user. */
  evict(userId: string): void {
    for (const tail of [...(this.#tailsOf.get(userId) ?? [])]) this.#answers.delete(tail);
  }

  evictAll(): void {
    this.#answers.clear();
  }

  /** Forgets exactly this credential. */
  forget(credential: string): void {
    const tail = tailOf(credential);
    if (this.#answers.peek(tail)?.credential === credential) this.#answers.delete(tail);
  }

  /** ZITADEL refused exactly these bytes: for a short while it is not asked about them again. */
  reject(credential: string, refusal: Refusal): void {
    this.#answers.delete(tailOf(credential));
    this.#rejected.set(tailOf(credential), {
      credential,
      refusal,
      until: performance.now() + REJECTED_FOR_MS,
    });
  }

  rejection(credential: string): Refusal | undefined {
    const known = this.#rejected.get(tailOf(credential));
    if (known?.credential !== credential) return undefined;
    return known.until > performance.now() ? known.refusal : undefined;
  }

  #forgetTail(userId: string, tail: string): void {
    const left = this.#tailsOf.get(userId)?.filter((other) => other !== tail) ?? [];
    if (left.length > 0) this.#tailsOf.set(userId, left);
    else this.#tailsOf.delete(userId);
  }
}
