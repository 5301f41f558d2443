import { createHmac } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { DeliveryFaults } from '../model.js';
import type { EventRecord } from '../world/events.js';
import { isoOf, nowInSeconds } from '../world/world.js';
import type { TargetRecord } from './targets.js';

/** More than this are not kept: what comes on top is lost. */
const KEPT = 20_000;
/** ZITADEL has one worker unless it is configured otherwise. */
const IN_ORDER = 1;
const AT_ONCE = 64;

interface Job {
  /** In milliseconds of the process. */
  readonly due: number;
  readonly body: string;
  readonly targets: readonly TargetRecord[];
}

/** Events on their way to targets: each is posted at most once, and never again after a failure. */
export class Deliveries {
  readonly #instanceId: string;
  readonly #stop = new AbortController();
  // Shorter than servers of Node keep a connection: what goes out on one that is just closed is lost.
  readonly #http = new HttpAgent({ keepAlive: true, timeout: 4_000 });
  readonly #https = new HttpsAgent({ keepAlive: true, timeout: 4_000 });
  /** By the time when they are due. */
  #waiting: Job[] = [];
  #running = 0;
  #lastDue = 0;
  #luck = new DeliveryLuck({});
  #timer: NodeJS.Timeout | undefined;
  #whenDone: (() => void)[] = [];

  constructor(instanceId: string) {
    this.#instanceId = instanceId;
  }

  /** Those under way keep what was drawn for them. */
  meet(faults: DeliveryFaults): void {
    this.#luck = new DeliveryLuck(faults);
  }

  add(event: EventRecord, targets: readonly TargetRecord[]): void {
    if (targets.length === 0 || this.#stop.signal.aborted) return;
    const body = deliveryBody(event, this.#instanceId);
    for (const delay of this.#luck.delays()) this.#put(delay, body, targets);
    this.#deliverDue();
  }

  /** Resolves when none is under way. */
  done(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenDone.push(resolve);
      this.#tellIfDone();
    });
  }

  /** Those that wait are lost. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
    this.#tellIfDone();
  }

  /** Those under way are lost. */
  stop(): void {
    this.drop();
    this.#stop.abort();
    this.#http.destroy();
    this.#https.destroy();
  }

  #put(delay: number, body: string, targets: readonly TargetRecord[]): void {
    if (this.#waiting.length >= KEPT) return;
    const drawn = performance.now() + delay;
    const due = this.#luck.reorder ? drawn : Math.max(drawn, this.#lastDue);
    this.#lastDue = Math.max(due, this.#lastDue);
    const place = this.#waiting.findLastIndex((each) => each.due <= due);
    this.#waiting.splice(place + 1, 0, { due, body, targets });
  }

  /** Starts what is due, and comes back when the next one is. Never in the call that made the event. */
  #deliverDue(): void {
    clearTimeout(this.#timer);
    const [next] = this.#waiting;
    const most = this.#luck.reorder ? AT_ONCE : IN_ORDER;
    if (next === undefined || this.#running >= most) return;
    const wait = Math.max(0, next.due - performance.now());
    this.#timer = setTimeout(() => {
      while (this.#running < most && (this.#waiting[0]?.due ?? Infinity) <= performance.now()) {
        void this.#deliver(this.#waiting.shift());
      }
      this.#deliverDue();
    }, wait).unref();
  }

  async #deliver(job: Job | undefined): Promise<void> {
    this.#running += 1;
    for (const target of job?.targets ?? []) {
      const posted = this.#post(target, job?.body ?? '');
      if (target.kind === 'restAsync') continue;
      if (!(await posted) && target.interruptOnError) break;
    }
    this.#running -= 1;
    this.#tellIfDone();
    this.#deliverDue();
  }

  #tellIfDone(): void {
    if (this.#waiting.length > 0 || this.#running > 0) return;
    for (const tell of this.#whenDone.splice(0)) tell();
  }

  /** Posts once. Whether the target took it: refused, unreachable or too slow are one to ZITADEL. */
  async #post({ endpoint, timeoutMs, signingKey }: TargetRecord, body: string): Promise<boolean> {
    const { protocol } = URL.canParse(endpoint) ? new URL(endpoint) : { protocol: '' };
    if (protocol !== 'http:' && protocol !== 'https:') return false;
    const isHttps = protocol === 'https:';
    const time = String(nowInSeconds());
    const signature = createHmac('sha256', signingKey).update(`${time}.${body}`).digest('hex');
    return new Promise((resolve) => {
      const failed = (): void => {
        resolve(false);
      };
      const outgoing = (isHttps ? httpsRequest : httpRequest)(endpoint, {
        method: 'POST',
        agent: isHttps ? this.#https : this.#http,
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timeoutMs)]),
        headers: {
          'User-Agent': 'Go-http-client/1.1',
          'Content-Length': Buffer.byteLength(body),
          'Content-Type': 'application/json',
          'ZITADEL-Signature': `t=${time},v1=${signature}`,
          'Accept-Encoding': 'gzip',
        },
      });
      outgoing.on('response', (incoming) => {
        const { statusCode = 500 } = incoming;
        incoming.on('error', failed).on('end', () => {
          resolve(statusCode < 400);
        });
        incoming.resume();
      });
      outgoing.on('error', failed);
      outgoing.end(body);
    });
  }
}

/** What an event is posted as. The order of the fields and the names are ZITADEL's; what is empty is left out. */
function deliveryBody(event: EventRecord, instanceId: string): string {
  const { aggregateType, payload } = event;
  return JSON.stringify({
    aggregateID: event.aggregateId,
    aggregateType,
    resourceOwner: event.resourceOwner,
    instanceID: instanceId,
    version: aggregateType === 'user' ? 'v2' : 'v1',
    sequence: event.sequence,
    event_type: event.type,
    // As Go writes a moment.
    created_at: isoOf(event.stamp).replace(/\.?0+Z$/, 'Z'),
    userID: event.editor?.id,
    event_payload: payload,
  });
}

/** What becomes of each delivery. The same faults and the same seed give the same luck. */
class DeliveryLuck {
  readonly reorder: boolean;
  readonly #delay: readonly [number, number];
  readonly #lose: number;
  readonly #duplicate: number;
  #state: number;

  /** @throws TypeError if a delay is negative, or a share is not from 0 to 1 */
  constructor(faults: DeliveryFaults) {
    const { delayMs = 0, lose = 0, duplicate = 0, reorder = false, seed = 1 } = faults;
    this.#delay = typeof delayMs === 'number' ? [delayMs, delayMs] : delayMs;
    const [least, most] = this.#delay;
    if (!(least >= 0 && most >= least && Number.isFinite(most))) {
      throw new TypeError(
        'delayMs is a number of milliseconds from 0, or two: the least, the most',
      );
    }
    for (const [name, share] of Object.entries({ lose, duplicate })) {
      if (share >= 0 && share <= 1) continue;
      throw new TypeError(`${name} is a share from 0 to 1, not ${String(share)}`);
    }
    this.#lose = lose;
    this.#duplicate = duplicate;
    this.reorder = reorder;
    this.#state = seed;
  }

  /** After how many milliseconds it is delivered: not at all, once or twice. */
  delays(): readonly number[] {
    // Always as many draws, so that one fault does not change another one's luck.
    const [lost, twice, first, second] = [this.#draw(), this.#draw(), this.#draw(), this.#draw()];
    if (lost < this.#lose) return [];
    const delays = [this.#between(first)];
    return twice < this.#duplicate ? [...delays, this.#between(second)] : delays;
  }

  #between(luck: number): number {
    const [least, most] = this.#delay;
    return least + luck * (most - least);
  }

  /** From 0 to below 1. The generator is mulberry32. */
  #draw(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}
