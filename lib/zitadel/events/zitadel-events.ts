import { createHash } from 'node:crypto';
import { ZitadelRequirementError } from '../../core/errors.js';
import type { Eviction } from '../../core/eviction.js';
import { bounded } from '../../core/memory/bounded.js';
import { type BoundedLog, quietly } from '../../core/tell.js';
import { evictionsOf } from './effects.js';
import type { TailStatus } from './tail.js';
import { type EventProblem, type EventVerdict, verifyEvent } from './verify-event.js';

interface ZitadelEventsParts {
  readonly signingKeys: readonly string[];
  /** Where Nest receives deliveries. */
  readonly path: string;
  /** Ends what events name. `changedAt`: when they happened, in milliseconds since the epoch. */
  readonly apply: (evictions: readonly Eviction[], changedAt: readonly number[]) => void;
  /** How tailing is doing, where anything is tailed. */
  readonly tail?: () => TailStatus | undefined;
  readonly log: BoundedLog;
}

/** What the application heard of ZITADEL's events since it started. */
export interface EventsStatus {
  /** Deliveries that were taken, with those that are counted below. */
  readonly received: number;
  /** Of events that end nothing. */
  readonly ignored: number;
  /** That had come before. */
  readonly replayed: number;
  /** Deliveries that were not taken, by reason. `parsed`: something had parsed the body. */
  readonly refused: Readonly<Record<EventProblem | 'parsed', number>>;
  /** When the latest event happened at ZITADEL, in milliseconds since the epoch. */
  readonly lastEventAt: number | undefined;
  /** How asking for events is doing. Undefined without `events.tail`. */
  readonly tail: TailStatus | undefined;
}

/** A replay is taken for 600 seconds at most. More than this many deliveries in that time only means that one evicts again. */
const REMEMBERED = 10_000;

const OVER = 'a delivery of ZITADEL’s events was refused:';
const TEXTS: Readonly<Record<EventProblem | 'parsed', string>> = {
  too_long: `${OVER} it is longer than any event`,
  malformed: `${OVER} it has no signature as ZITADEL writes it; a proxy may have removed the header ZITADEL-Signature, or somebody else posts here`,
  untimely: `${OVER} it was signed more than 300 seconds from now; compare the clocks, or somebody sends an old one again`,
  mismatch: `${OVER} none of events.signingKeys signed it; write the key that ZITADEL showed when the target was made or its key rotated, and let nothing change the body on its way`,
  encrypted: `${OVER} it is a JWE; set the payload type of the target to PAYLOAD_TYPE_JSON or PAYLOAD_TYPE_JWT`,
  not_an_event: `${OVER} it is signed, and is no event; let only executions on events use this target`,
  parsed: `${OVER} something parsed its body, so its signature cannot be verified; put zitadelEvents() before express.json(), or express.raw({ type: '*/*' }) alone before it`,
};

/**
 * Receives what ZITADEL posts about events (Actions v2), and ends what they name. In Nest that happens by itself, in Express by
 * `zitadelEvents(zitadel)`.
 *
 * @example `const { received, refused, lastEventAt } = events.status()`
 */
export class ZitadelEvents {
  readonly #parts: ZitadelEventsParts;
  readonly #seen = bounded<string, true>(REMEMBERED);
  readonly #refused = Object.fromEntries(Object.keys(TEXTS).map((reason) => [reason, 0])) as Record<
    keyof typeof TEXTS,
    number
  >;
  #received = 0;
  #ignored = 0;
  #replayed = 0;
  #lastEventAt = 0;

  /** @internal */
  constructor(parts: ZitadelEventsParts) {
    this.#parts = parts;
  }

  /** Where Nest receives deliveries. Undefined without `events.signingKeys`: none are received. */
  get path(): string | undefined {
    return this.#parts.signingKeys.length > 0 ? this.#parts.path : undefined;
  }

  /**
   * Receives a delivery, for those who mount their own route. Answer with `status` and without a body: ZITADEL would read one. What the event
   * ends is ended after this has returned. A delivery that comes again does nothing.
   *
   * @param rawBody the bytes as they were received, before anything parsed them
   * @param headers of the request: as Node gives them, with names in lower case, or `Headers` of the Fetch API
   * @throws ZitadelRequirementError without the option `events.signingKeys`, ZitadelArgumentError on a body that is not raw
   * @example `reply.code(events.receive(request.rawBody, request.headers).status).send()`
   */
  receive(rawBody: Uint8Array | string, headers: object): EventVerdict {
    const verdict = this.verify(rawBody, headers);
    if (!verdict.valid) {
      this.refuse(verdict.reason);
      return verdict;
    }
    this.#received += 1;
    const digest = createHash('sha256').update(rawBody).digest('base64');
    if (this.#seen.has(digest)) {
      this.#replayed += 1;
      return verdict;
    }
    this.#seen.set(digest, true);
    const { createdAt } = verdict.event;
    this.#lastEventAt = Math.max(this.#lastEventAt, createdAt);
    const evictions = evictionsOf(verdict.event);
    if (evictions.length === 0) this.#ignored += 1;
    // ZITADEL waits for the answer, and must not wait for a store.
    else setImmediate(() => quietly(() => this.#parts.apply(evictions, [createdAt])));
    return verdict;
  }

  /**
   * What the application heard since it started.
   *
   * @example `const { received, tail } = zitadel.events.status()`
   */
  status(): EventsStatus {
    return {
      received: this.#received,
      ignored: this.#ignored,
      replayed: this.#replayed,
      refused: { ...this.#refused },
      lastEventAt: this.#lastEventAt === 0 ? undefined : this.#lastEventAt,
      tail: this.#parts.tail?.(),
    };
  }

  /** @internal Looks at a delivery, and does nothing. */
  verify(rawBody: Uint8Array | string, headers: object): EventVerdict {
    const { signingKeys } = this.#parts;
    if (signingKeys.length > 0) return verifyEvent(rawBody, headers, signingKeys);
    throw new ZitadelRequirementError(
      'nothing is received without the signing key of the target: write events: { signingKeys: [...] } into the options',
    );
  }

  /** @internal Counts a refusal, and tells it at most once a minute. */
  refuse(reason: EventProblem | 'parsed'): void {
    this.#refused[reason] += 1;
    this.#parts.log[reason === 'parsed' ? 'error' : 'warn'](TEXTS[reason], reason);
  }
}
