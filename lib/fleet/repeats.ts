import type { Eviction } from '../core/eviction.js';
import { quietly } from '../core/tell.js';

/** ZITADEL's read side lags behind its events, so what was asked for right after one may be of the time before it. */
const AGAIN_AFTER_MS = [2_000, 10_000] as const;
/** Evictions of one subject are this far apart. */
const APART_MS = 100;
const TICK_MS = 50;
/** How many are carried out in one go, before others have their turn. */
const IN_ONE_GO = 25;
const MOST_SUBJECTS = 10_000;

interface Subject {
  eviction: Eviction;
  /** On the monotonic clock. */
  toldAt: number;
  doneAt: number;
  dueAt: number;
}

/**
 * Carries out evictions that follow from events at ZITADEL: at once, and again 2 and 10 seconds after the last event of the same subject. Those
 * that come close together become one.
 */
export class Repeats {
  readonly #subjects = new Map<string, Subject>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(private readonly evict: (eviction: Eviction) => unknown) {}

  readonly apply = (evictions: readonly Eviction[]): void => {
    if (this.#isClosed) return;
    const now = performance.now();
    let done = 0;
    for (const eviction of evictions) {
      const subject = this.#note(eviction, now);
      if (subject.dueAt > now || done === IN_ONE_GO) continue;
      done += 1;
      this.#carryOut(subjectOf(subject.eviction), subject);
    }
    this.#timer ??= setTimeout(this.#tick, TICK_MS).unref();
  };

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#subjects.clear();
  }

  #note(eviction: Eviction, now: number): Subject {
    const key = subjectOf(eviction);
    const known = this.#subjects.get(key);
    if (known) {
      known.eviction = later(known.eviction, eviction);
      known.toldAt = now;
      known.dueAt = Math.max(now, known.doneAt + APART_MS);
      return known;
    }
    const subject = { eviction, toldAt: now, doneAt: -Infinity, dueAt: now };
    if (this.#subjects.size >= MOST_SUBJECTS && eviction.type !== 'everyone') {
      // It is carried out and not remembered. Everyone is evicted again in its place.
      quietly(() => this.evict(eviction));
      return this.#note({ type: 'everyone' }, now);
    }
    this.#subjects.set(key, subject);
    return subject;
  }

  #carryOut(key: string, subject: Subject): void {
    const now = performance.now();
    quietly(() => this.evict(subject.eviction));
    subject.doneAt = now;
    const next = AGAIN_AFTER_MS.find((ms) => subject.toldAt + ms > now);
    if (next === undefined) this.#subjects.delete(key);
    else subject.dueAt = subject.toldAt + next;
  }

  readonly #tick = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    let done = 0;
    for (const [key, subject] of this.#subjects) {
      if (subject.dueAt > now) continue;
      if (done === IN_ONE_GO) {
        setImmediate(this.#tick);
        return;
      }
      done += 1;
      this.#carryOut(key, subject);
    }
    if (this.#subjects.size > 0) this.#timer ??= setTimeout(this.#tick, TICK_MS).unref();
  };
}

/** What an eviction is about, without its time. */
function subjectOf(eviction: Eviction): string {
  switch (eviction.type) {
    case 'user':
    case 'issuedBefore':
      return JSON.stringify([eviction.type, eviction.userId]);
    case 'organization':
      return JSON.stringify([eviction.type, eviction.orgId]);
    case 'token':
      return JSON.stringify([eviction.type, eviction.id]);
    case 'everyone':
      return eviction.type;
  }
}

/** Of two about the same subject the one that refuses more. */
function later(a: Eviction, b: Eviction): Eviction {
  return a.type === 'issuedBefore' && b.type === 'issuedBefore' && a.time > b.time ? a : b;
}
