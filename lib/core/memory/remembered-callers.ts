import { LRUCache } from 'lru-cache';
import type { Caller, MembershipIndex } from '../caller.js';
import type { MembershipRead, Refusal } from '../decision.js';
import { isValid, type Validity } from '../validity.js';

/** What an answer knows of memberships, and until when it may be used. */
export interface AnswerRows extends Validity {
  readonly index: MembershipIndex;
  readonly read: MembershipRead;
  /** Under which they are remembered. */
  readonly key: string;
  /** The organizations that were read, as the service user in certain ones. */
  readonly organizations: readonly string[];
  /** When they were asked for, on the monotonic clock: the wall clock, by which `read.at` tells it to people, can be set. */
  readonly askedAt: number;
}

/** Everything that one credential leads to: verified caller, prepared index, and until when both may be used. */
export interface Answer extends AnswerRows {
  /** The exact bytes that were verified: the Authorization header, or what the option `token` gave. */
  readonly credential: string;
  readonly caller: Caller;
  /** When the credential was verified, on the monotonic clock. */
  readonly verifiedAt: number;
  /** How long the credential counts, however new its memberships are. */
  readonly accepted: Validity;
}

const REJECTED_FOR_MS = 5_000;
const TOKENS_PER_USER = 8;

// The end of a signature tells tokens apart; only the full comparison proves one. Hashing 16 characters instead of a whole
// token is what makes a warm request cheap. Whoever knows an end can send it: nothing is forgotten by the end alone.
const tailOf = (credential: string): string => credential.slice(-16);
const wholeOf = (credential: string): string => `whole ${credential}`;

/** The memory in front of the data path: one look-up from the bytes of a credential to its answer. */
export class Answers {
  /** By the end of the credential; where another one that ends alike stands there, by the whole of it. */
  readonly #answers: LRUCache<string, Answer>;
  readonly #keysOf = new Map<string, string[]>();
  readonly #rejected = new LRUCache<string, { refusal: Refusal; until: number }>({
    maxSize: 4 * 2 ** 20,
    sizeCalculation: (_rejected, credential) => credential.length * 2 + 200,
  });

  constructor(maxBytes: number) {
    this.#answers = new LRUCache<string, Answer>({
      maxSize: maxBytes,
      sizeCalculation: ({ credential, index }) => credential.length * 2 + 600 + index.bytes,
      dispose: ({ caller }, key) => this.#forgetKey(caller.userId, key),
    });
  }

  /** The answer for exactly this credential, if it may still be used. */
  get(credential: string): Answer | undefined {
    let answer = this.#answers.get(tailOf(credential));
    if (answer?.credential !== credential) answer = this.#answers.get(wholeOf(credential));
    if (answer?.credential !== credential) return undefined;
    return isValid(answer) ? answer : undefined;
  }

  keep(answer: Answer): void {
    if (!isValid(answer)) return;
    const { credential, caller } = answer;
    const known = this.get(credential);
    const isOlder = known !== undefined && known.askedAt > answer.askedAt;
    const isVerifiedEarlier = known !== undefined && known.verifiedAt > answer.verifiedAt;
    // A read that took longer must not replace what a later one brought.
    if (isOlder && known.verifiedAt >= answer.verifiedAt) return;
    this.forget(credential);
    // Each of the two knows something later than the other: neither goes on.
    if (isOlder || isVerifiedEarlier) return;
    const keys = this.#keysOf.get(caller.userId) ?? [];
    if (keys.length >= TOKENS_PER_USER && keys[0] !== undefined) this.#answers.delete(keys[0]);
    const tail = tailOf(credential);
    const key = this.#answers.has(tail) ? wholeOf(credential) : tail;
    this.#answers.set(key, answer);
    if (!this.#answers.has(key)) return;
    this.#keysOf.set(caller.userId, [...(this.#keysOf.get(caller.userId) ?? []), key]);
  }

  /** Forgets every token of a user. */
  evict(userId: string): void {
    for (const key of [...(this.#keysOf.get(userId) ?? [])]) this.#answers.delete(key);
  }

  evictAll(): void {
    this.#answers.clear();
  }

  /** Forgets exactly this credential. */
  forget(credential: string): void {
    for (const key of [tailOf(credential), wholeOf(credential)]) {
      if (this.#answers.peek(key)?.credential === credential) this.#answers.delete(key);
    }
  }

  /** ZITADEL refused exactly these bytes: for a short while it is not asked about them again. */
  reject(credential: string, refusal: Refusal): void {
    this.forget(credential);
    this.#rejected.set(credential, { refusal, until: performance.now() + REJECTED_FOR_MS });
  }

  rejection(credential: string): Refusal | undefined {
    const known = this.#rejected.get(credential);
    return known && known.until > performance.now() ? known.refusal : undefined;
  }

  #forgetKey(userId: string, key: string): void {
    const left = this.#keysOf.get(userId)?.filter((other) => other !== key) ?? [];
    if (left.length > 0) this.#keysOf.set(userId, left);
    else this.#keysOf.delete(userId);
  }
}
