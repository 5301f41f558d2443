import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ZitadelRequirementError } from '../../core/errors.js';
import type { Eviction } from '../../core/eviction.js';
import { bounded } from '../../core/memory/bounded.js';
import { own } from '../../core/own-properties.js';
import { type BoundedLog, quietly } from '../../core/tell.js';
import { evictionsOf } from './event.js';
import type { TailStatus } from './tail.js';
import { type EventProblem, type EventVerdict, LONGEST_BODY, verifyEvent } from './verify-event.js';

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

/** A request, with what parsers leave there. */
type Delivery = IncomingMessage & { readonly body?: unknown; readonly rawBody?: unknown };

/**
 * Takes a delivery over HTTP. It is answered without a body, which ZITADEL would read. Of several receivers, the one whose key signed it takes it.
 */
export async function takeDelivery(
  receivers: readonly [ZitadelEvents, ...ZitadelEvents[]],
  request: Delivery,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST');
    end(response, 405);
    return;
  }
  try {
    end(response, await statusOf(receivers, request));
  } catch {
    // The sender is gone.
    response.destroy();
  }
}

async function statusOf(
  receivers: readonly [ZitadelEvents, ...ZitadelEvents[]],
  request: Delivery,
): Promise<number> {
  const [first] = receivers;
  const body = await rawBodyOf(request);
  if (body === 'too_long' || body === 'parsed') {
    first.refuse(body);
    return body === 'parsed' ? 500 : 413;
  }
  const { headers } = request;
  const receiver =
    receivers.length === 1 ? first : receivers.find((each) => each.verify(body, headers).valid);
  return (receiver ?? first).receive(body, headers).status;
}

/** What was received, from a parser that left it as it was, or from the stream. */
async function rawBodyOf(request: Delivery): Promise<Uint8Array | 'too_long' | 'parsed'> {
  for (const name of ['rawBody', 'body']) {
    const value = own(request, name);
    if (value instanceof Uint8Array) return value;
  }
  if (request.readableDidRead) return 'parsed';
  if (Number(request.headers['content-length']) > LONGEST_BODY) return 'too_long';
  const parts: Uint8Array[] = [];
  let length = 0;
  // Not destroyed on a break: then the answer could not be sent.
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    length += (part as Uint8Array).length;
    if (length > LONGEST_BODY) return 'too_long';
    parts.push(part as Uint8Array);
  }
  return Buffer.concat(parts);
}

function end(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.setHeader('Content-Length', 0);
  // What is left of the body is not read.
  if (status === 413) response.setHeader('Connection', 'close');
  response.end();
}
