import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { DeliveryFaults } from '../model.js';
import type { EventRecord } from '../world/events.js';
import { deliveryBody, post } from './delivery.js';
import { DeliveryLuck } from './delivery-luck.js';
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
  readonly #connections = {
    http: new HttpAgent({ keepAlive: true, timeout: 4_000 }),
    https: new HttpsAgent({ keepAlive: true, timeout: 4_000 }),
  };
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
  async done(): Promise<void> {
    if (this.#waiting.length === 0 && this.#running === 0) return;
    await new Promise<void>((resolve) => this.#whenDone.push(resolve));
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
    this.#connections.http.destroy();
    this.#connections.https.destroy();
    this.#tellIfDone();
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
      const posted = post(target, job?.body ?? '', this.#connections, this.#stop.signal);
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
}
