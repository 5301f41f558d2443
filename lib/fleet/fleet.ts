import { randomUUID } from 'node:crypto';
import type { EvictionEvent } from '../core/eviction.js';
import { bounded } from '../core/memory/bounded.js';
import { within } from '../core/memory/flight.js';
import { type BoundedLog, quietly } from '../core/tell.js';
import { thrownText } from '../core/thrown.js';
import type { MessageBus } from './message-bus.js';
import { Messages } from './messages.js';

interface FleetParts {
  readonly bus: MessageBus;
  readonly issuer: string;
  readonly channel: string;
  readonly secrets: readonly string[];
  readonly log: BoundedLog;
  /** Carries out what another process tells. */
  readonly hear: (event: EvictionEvent) => void;
  /** Empties the memory of this process. */
  readonly forgetHere: () => void;
}

/** How many messages may be under way, and for how long one counts as such. */
const MOST_UNDER_WAY = 1_000;
const UNDER_WAY_MS = 5_000;
const AGAIN_MS = 1_000;
const MOST_REMEMBERED = 10_000;

/** What unsigned messages may cause in a second. One that is about more than a user costs more. */
const UNSIGNED_A_SECOND = 200;
const UNSIGNED_WIDE = 100;

/**
 * The other processes of this application: tells them each eviction, and hears theirs. Nothing waits for it, and nothing that it does lets
 * anybody in.
 */
export class Fleet {
  readonly #me = randomUUID();
  readonly #messages: Messages;
  readonly #heard = bounded<string, true>(MOST_REMEMBERED);
  readonly #isSigned: boolean;
  #underWay = 0;
  #second = 0;
  #spent = 0;
  #isClosed = false;
  #end: Promise<unknown> | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(private readonly parts: FleetParts) {
    this.#messages = new Messages(parts.secrets, parts.channel, parts.issuer);
    this.#isSigned = parts.secrets.length > 0;
    if (!this.#isSigned) {
      const text =
        'messages are not signed; they only end what is remembered, and no token is refused by them';
      parts.log.warn(`redis: without cache.shared.secret, ${text}`);
    }
    this.#subscribe();
  }

  /** Tells the others. */
  spread(event: EvictionEvent): void {
    if (this.#isClosed) return;
    if (this.#underWay >= MOST_UNDER_WAY) return this.#untold('too many are under way');
    this.#underWay += 1;
    void this.#publish(this.#messages.write(event, this.#me));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#again);
    // It can also come about later than anybody waits for it.
    const ending = Promise.resolve(this.#end).then((end) => {
      if (typeof end === 'function') quietly(end as () => unknown);
    });
    await within(ending, AGAIN_MS, undefined);
  }

  async #publish(text: string): Promise<void> {
    const { bus, channel } = this.parts;
    try {
      await within(Promise.resolve(bus.publish(channel, text)), UNDER_WAY_MS, undefined);
    } catch (error) {
      this.#untold(thrownText(error));
    }
    this.#underWay -= 1;
  }

  #untold(why: string): void {
    const text = `redis: an eviction was not told to the other processes (${why})`;
    this.parts.log.warn(`${text}; they forget no later than cache.ttlMs`, text);
  }

  #subscribe(): void {
    const { bus, channel, log } = this.parts;
    const listener = (message?: string) => {
      if (this.#isClosed) return;
      if (message === undefined) this.parts.forgetHere();
      else this.#hear(message);
    };
    const subscribing = async () => {
      try {
        return await bus.subscribe(channel, listener);
      } catch (error) {
        log.warn(
          `redis: subscribe threw or rejected (${thrownText(error)}); other processes are not heard`,
        );
        if (!this.#isClosed) this.#again = setTimeout(() => this.#subscribe(), AGAIN_MS).unref();
        return undefined;
      }
    };
    this.#end = subscribing();
  }

  #hear(message: string): void {
    // What came twice, or is sent again by somebody else, changes nothing and costs nothing.
    if (this.#heard.has(message)) return;
    const heard = this.#messages.read(message);
    if (!heard) return this.parts.log.warn('redis: a message that is not ours was ignored');
    if (heard.by === this.#me || !heard.event) return;
    if (!this.#isSigned && this.#isTooMuch(heard.event)) {
      return this.parts.log.warn('redis: too many messages that are not signed; some were ignored');
    }
    this.#heard.set(message, true);
    this.parts.hear(heard.event);
  }

  #isTooMuch({ eviction }: EvictionEvent): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) [this.#second, this.#spent] = [second, 0];
    const price = eviction.type === 'user' ? 1 : UNSIGNED_WIDE;
    if (this.#spent + price > UNSIGNED_A_SECOND) return true;
    this.#spent += price;
    return false;
  }
}
