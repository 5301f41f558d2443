import { randomUUID } from 'node:crypto';
import type { Eviction, EvictionEvent } from '../core/eviction.js';
import { bounded } from '../core/memory/bounded.js';
import { within } from '../core/memory/flight.js';
import { jsonFrom } from '../core/own-properties.js';
import { Seal } from '../core/seal.js';
import { type BoundedLog, quietly } from '../core/tell.js';
import { thrownText } from '../core/thrown.js';

/**
 * Carries messages between the processes of an application: NATS, LISTEN and NOTIFY of Postgres, anything with these two functions. Messages may
 * get lost, come twice and in any order.
 *
 * @example `{ publish: (channel, message) => nats.publish(channel, message), subscribe: (channel, listener) => listen(channel, listener) }`
 */
export interface MessageBus {
  publish(channel: string, message: string): unknown;
  /** Calls the listener with each message, and without one when messages may have been lost, as after a reconnect. May return what ends it. */
  subscribe(channel: string, listener: (message?: string) => void): unknown;
}

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

/** An eviction that another process has told. */
interface Heard {
  /** The process. */
  readonly by: string;
  /** Undefined: a message that is not signed cannot cause it. */
  readonly event: EvictionEvent | undefined;
}

const LONGEST = 4_096;
const LONGEST_ID = 1_000;

/**
 * Evictions as text. Signed where there is a secret, for one scope: a message of another application or instance is not taken for one of ours.
 *
 * Without a secret anybody who can publish can write one. So a message that is not signed ends what is remembered and nothing else: it refuses
 * no token, and its time is not in the future.
 */
class Messages {
  readonly #seal: Seal;

  constructor(secrets: readonly string[], ...scope: readonly string[]) {
    this.#seal = new Seal(secrets, JSON.stringify(['nestjs-zitadel message', ...scope]));
  }

  write({ at, eviction }: EvictionEvent, by: string): string {
    return this.#seal.close(JSON.stringify({ v: 1, by, at, eviction }));
  }

  /** Undefined for anything odd. */
  read(message: unknown): Heard | undefined {
    if (typeof message !== 'string' || message.length > LONGEST) return undefined;
    const text = this.#seal.open(message);
    if (text === undefined) return undefined;
    const [v, by, at, given] = fieldsOf(parsed(text), ['v', 'by', 'at', 'eviction']) ?? [];
    const eviction = evictionFrom(given);
    if (v !== 1 || !isId(by) || !isTime(at) || !eviction) return undefined;
    if (this.#seal.signs) return { by, event: { at, eviction, from: 'fleet' } };
    const forgetting = onlyForgetting(eviction);
    const until = Math.min(at, Date.now());
    return { by, event: forgetting && { at: until, eviction: forgetting, from: 'fleet' } };
  }
}

function onlyForgetting(eviction: Eviction): Eviction | undefined {
  switch (eviction.type) {
    case 'issuedBefore':
      return eviction.userId === undefined
        ? { type: 'everyone' }
        : { type: 'user', userId: eviction.userId };
    case 'token':
      // Nobody knows here whose it is, and whoever signs out would empty the memory of all.
      return undefined;
    default:
      return eviction;
  }
}

function evictionFrom(value: unknown): Eviction | undefined {
  const { type } = Object(value) as { readonly type?: unknown };
  switch (type) {
    case 'user': {
      const [, userId] = fieldsOf(value, ['type', 'userId']) ?? [];
      return isId(userId) ? { type, userId } : undefined;
    }
    case 'organization': {
      const [, orgId] = fieldsOf(value, ['type', 'orgId']) ?? [];
      return isId(orgId) ? { type, orgId } : undefined;
    }
    case 'everyone':
      return fieldsOf(value, ['type']) && { type };
    case 'token': {
      const [, id] = fieldsOf(value, ['type', 'id']) ?? [];
      return isId(id) ? { type, id } : undefined;
    }
    case 'issuedBefore': {
      // JSON leaves out what is undefined.
      const [, time] = fieldsOf(value, ['type', 'time']) ?? [];
      if (isTime(time)) return { type, userId: undefined, time };
      const [, userId, until] = fieldsOf(value, ['type', 'userId', 'time']) ?? [];
      return isId(userId) && isTime(until) ? { type, userId, time: until } : undefined;
    }
    default:
      return undefined;
  }
}

/** The fields with these names, if the value is an object with exactly these. */
function fieldsOf(value: unknown, names: readonly string[]): readonly unknown[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const isExact = Object.keys(value).length === names.length;
  return isExact && names.every((name) => Object.hasOwn(value, name))
    ? names.map((name) => (value as Readonly<Record<string, unknown>>)[name])
    : undefined;
}

function parsed(text: string): unknown {
  try {
    return jsonFrom(text);
  } catch {
    return undefined;
  }
}

const isId = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST_ID;

const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) > 0;
