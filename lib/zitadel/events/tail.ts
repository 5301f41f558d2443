import { setTimeout } from 'node:timers/promises';
import type { Eviction } from '../../core/eviction.js';
import { within } from '../../core/memory/flight.js';
import type { Turn, Turns } from '../../core/store/turns.js';
import type { BoundedLog } from '../../core/tell.js';
import { Cursor, type Entry } from './cursor.js';
import { eventFrom, EVERYONE, evictionsOf } from './event.js';
import {
  type Asker,
  askEvents,
  askLastEvent,
  EVENTS,
  isNoPage,
  LARGEST_PAGE,
  type NoPage,
  QUESTIONS,
} from './search.js';

/** What a tail is made of. */
interface TailParts {
  /** Of a service user that is an `IAM_OWNER_VIEWER`. */
  readonly asker: Asker;
  readonly everyMs: number;
  /** For how long what was read from ZITADEL counts. */
  readonly ttlMs: number;
  /** Is given what the events of one page end, and when they happened, in milliseconds since the epoch. */
  readonly apply: (evictions: readonly Eviction[], changedAt: readonly number[]) => void;
  /** Where a process leaves for the next one how far it has read. */
  readonly notes?:
    | {
        note(name: string, text: string): Promise<void>;
        noted(name: string): Promise<string | undefined>;
      }
    | undefined;
  /** Without them each process reads for itself. */
  readonly turns?: Turns | undefined;
  readonly log: BoundedLog;
}

/** How a tail is doing. */
export interface TailStatus {
  /**
   * `reading`: all is well. `elsewhere`: another process reads, and tells this one. `failing`: the last round came to nothing. `notServed`:
   * this server has no Event API.
   */
  readonly state: 'starting' | 'reading' | 'elsewhere' | 'failing' | 'notServed' | 'stopped';
  /** Milliseconds: everything that had happened so long ago has been read. Undefined as long as this process has not read to the end. */
  readonly lagMs: number | undefined;
  /** How many events this process has read. */
  readonly events: number;
}

/** A process that dies keeps the others waiting for no longer. */
const TURN_MS = 5_000;
/** After a restart, evictions are made again that the one before may not have repeated to the end. */
const REPEATED_US = 12_000_000;
/** Where nothing was left by another process. */
const LEAST_BACK_MS = 60_000;
/** Without news for so long, it asks for the date of the last event of any kind. Otherwise its questions would reach back ever farther. */
const QUIET_MS = 60_000;
const LONGEST_PAUSE_MS = 60_000;
const NOT_SERVED_PAUSE_MS = 600_000;
const NOTE = 'events read';

/**
 * Asks ZITADEL for its events, for applications that ZITADEL cannot call. One process of the fleet does so at a time. It misses no event: the
 * Event API waits for what is being written (`POST /admin/v1/events/_search`), and a restart goes on where the process before had come to.
 */
export class EventTail {
  readonly #parts: TailParts;
  #state: TailStatus['state'] = 'starting';
  #events = 0;
  #cursors: readonly Cursor[] | undefined;
  /** When the last question left that reached the end, of each. */
  #readAt: number[] = [];
  /** The latest date of any event that came, in microseconds, and when it was learned. */
  #latest = 0;
  #learnedAt = -Infinity;
  #noted = '';
  #turn: Turn | undefined;
  #failures = 0;
  #stopped: AbortController | undefined;

  constructor(parts: TailParts) {
    this.#parts = parts;
  }

  /** Begins. Nobody waits for it, and it keeps no process alive. */
  start(): void {
    if (this.#stopped) return;
    this.#stopped = new AbortController();
    void this.#run(this.#stopped.signal);
  }

  /** Ends it. Another process can go on at once. */
  async close(): Promise<void> {
    this.#stopped ??= new AbortController();
    this.#stopped.abort();
    this.#state = 'stopped';
    const turn = this.#turn;
    this.#turn = undefined;
    await turn?.end().catch(() => undefined);
  }

  status(): TailStatus {
    const isWhole = this.#state !== 'elsewhere' && this.#readAt.length === QUESTIONS.length;
    const lagMs = isWhole ? performance.now() - Math.min(...this.#readAt) : undefined;
    return { state: this.#state, lagMs, events: this.#events };
  }

  async #run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const pauseMs = await this.#round(stop);
      await pause(pauseMs, stop);
    }
  }

  /** Reads once to the end. Returns for how long to pause. */
  async #round(stop: AbortSignal): Promise<number> {
    const { everyMs, log } = this.#parts;
    const held = await this.#hold(stop);
    if (stop.aborted) return 0;
    if (!held) {
      // Whoever reads now leaves a later note.
      this.#cursors = undefined;
      this.#readAt = [];
      this.#state = 'elsewhere';
      return everyMs;
    }
    let trouble: NoPage | undefined;
    try {
      trouble = await this.#read(() => !stop.aborted && held());
    } catch (error) {
      trouble = { reason: 'unavailable', detail: `${EVENTS}: ${String(error)}` };
      // What was taken may not have been applied.
      this.#cursors = this.#cursors?.map(({ since }) => new Cursor(since));
    }
    if (stop.aborted) return 0;
    if (trouble === 'notServed') {
      if (this.#state !== 'notServed') {
        log.warn(
          `${EVENTS}: this server has no Event API (API v1), so nothing is tailed; have ZITADEL call the application instead: events.signingKeys`,
        );
      }
      this.#state = 'notServed';
      return NOT_SERVED_PAUSE_MS;
    }
    if (!trouble) {
      if (this.#failures > 0) log.log(`${EVENTS}: they are read again`);
      this.#failures = 0;
      this.#state = 'reading';
      return everyMs;
    }
    const { reason, detail = EVENTS, remedy, retryAfterMs = 0 } = trouble;
    const text = [detail, remedy].filter(Boolean).join('; ');
    log[reason === 'misconfigured' ? 'error' : 'warn'](text, `${EVENTS} ${reason}`);
    this.#failures += 1;
    this.#state = 'failing';
    const backoffMs = Math.min(everyMs * 2 ** this.#failures, LONGEST_PAUSE_MS);
    return Math.max(retryAfterMs, backoffMs);
  }

  /** Takes the turn, unless this process has it. Undefined: another process has it. Otherwise says whether it is still held. */
  async #hold(stop: AbortSignal): Promise<(() => boolean) | undefined> {
    const { turns } = this.#parts;
    if (turns && !this.#turn) {
      const taken = await turns.take('events', TURN_MS).catch(() => 'unknown' as const);
      if (taken === 'taken') return undefined;
      if (taken !== 'unknown') {
        if (stop.aborted) await taken.end().catch(() => undefined);
        else void this.#keep(taken, stop);
      }
    }
    const turn = this.#turn;
    return () => this.#turn === turn;
  }

  async #keep(turn: Turn, stop: AbortSignal): Promise<void> {
    this.#turn = turn;
    const ms = TURN_MS / 4;
    for (;;) {
      await pause(ms, stop);
      if (stop.aborted) return;
      const isKept = await within(
        turn.keep(TURN_MS).catch(() => false),
        ms,
        false,
      );
      if (isKept) continue;
      this.#turn = undefined;
      return;
    }
  }

  /** `isOurs`: whether this process may go on. If it may not, what comes is dropped. */
  async #read(isOurs: () => boolean): Promise<NoPage | undefined> {
    if (!this.#cursors || performance.now() - this.#learnedAt > QUIET_MS) {
      const last = await askLastEvent(this.#parts.asker);
      if (isNoPage(last)) return last;
      this.#learn(last.entries);
      this.#learnedAt = performance.now();
    }
    this.#cursors ??= await this.#begin();
    for (const [at, cursor] of this.#cursors.entries()) {
      const trouble = await this.#readOne(cursor, at, isOurs);
      if (trouble || !isOurs()) return trouble;
    }
    return undefined;
  }

  async #begin(): Promise<readonly Cursor[]> {
    const text = await within(this.#parts.notes?.noted(NOTE) ?? NOTHING, 1_000, undefined);
    const noted = /^\d{1,16}$/.test(text ?? '') ? Number(text) : undefined;
    const backMs = Math.max(this.#parts.ttlMs, LEAST_BACK_MS);
    // A note from the future would hide what happens until then.
    const since =
      noted === undefined
        ? this.#latest - backMs * 1_000
        : Math.min(noted, this.#latest) - REPEATED_US;
    return QUESTIONS.map(() => new Cursor(since));
  }

  async #readOne(cursor: Cursor, at: number, isOurs: () => boolean): Promise<NoPage | undefined> {
    const { asker, apply, log } = this.#parts;
    for (let goesOn = true; goesOn;) {
      const leftAt = performance.now();
      const page = await askEvents(asker, QUESTIONS[at], cursor.range);
      if (!isOurs()) return undefined;
      if (isNoPage(page)) return page;
      const { entries } = page;
      this.#learn(entries);
      const taken = cursor.take(entries, entries.length >= LARGEST_PAGE);
      const evictions = taken.fresh.flatMap(evictionsOfEntry);
      if (taken.isCrowded) {
        log.warn(`${EVENTS}: more than ${LARGEST_PAGE} at one moment, so everyone is evicted`);
        evictions.push(EVERYONE);
      }
      const changedAt = taken.fresh.map(({ at: micros }) => micros / 1_000);
      if (evictions.length > 0) apply(evictions, changedAt);
      this.#events += taken.fresh.length;
      goesOn = taken.goesOn;
      if (!goesOn) {
        cursor.rest(leftAt, performance.now(), this.#latest);
        this.#readAt[at] = leftAt;
      }
      await this.#note();
    }
    return undefined;
  }

  /** Leaves a note of how far all questions have been read. */
  async #note(): Promise<void> {
    const text = String(Math.min(...(this.#cursors ?? []).map(({ since }) => since)));
    if (text === this.#noted) return;
    this.#noted = text;
    await this.#parts.notes?.note(NOTE, text).catch(() => undefined);
  }

  #learn(entries: readonly Entry[]): void {
    const latest = Math.max(this.#latest, ...entries.map(({ at }) => at));
    if (latest > this.#latest) this.#learnedAt = performance.now();
    this.#latest = latest;
  }
}

const NOTHING = Promise.resolve(undefined);

/** An event that cannot be read may be about anybody. */
function evictionsOfEntry({ json }: Entry): readonly Eviction[] {
  const event = eventFrom(json);
  return event ? evictionsOf(event) : [EVERYONE];
}

/** Pauses, at most until `stop`. It keeps no process alive. */
function pause(ms: number, stop: AbortSignal): Promise<void> {
  return setTimeout(ms, undefined, { signal: stop, ref: false }).catch(() => undefined);
}
