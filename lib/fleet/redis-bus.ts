import type { BoundedLog } from '../core/tell.js';
import type { MessageBus } from './fleet.js';
import {
  endLink,
  openLink,
  type RedisClient,
  type RedisLink,
  troubleOf,
  troubleText,
} from './redis-client.js';

type Listener = (message?: string) => void;

const RETRY_MS = 250;
/** How often the connection is looked at, and how often it may give no sign of life before another one takes its place. */
const LOOK_MS = 500;
const MOST_SILENT = 3;

/**
 * Messages over Redis. The application's own client publishes. One connection of our own listens: it comes back by itself, and is replaced if
 * it goes silent, as it does where a firewall has forgotten it.
 */
export class RedisBus implements MessageBus {
  readonly #listeners = new Map<string, Listener>();
  #link: RedisLink | undefined;
  /** What went wrong last. */
  #trouble: unknown;
  #isUp = false;
  #silent = 0;
  #looks: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: RedisClient,
    private readonly log: BoundedLog,
  ) {}

  async publish(channel: string, message: string): Promise<unknown> {
    try {
      return await this.client.publish(channel, message);
    } catch (error) {
      this.log.warn(`Redis: nothing can be published (${troubleOf(this.client, error)})`);
      throw error;
    }
  }

  /** One listener a channel. All channels share the connection, so subscribe to all of them in one go. */
  subscribe(channel: string, listener: Listener): () => void {
    this.#listeners.set(channel, listener);
    if (!this.#looks) {
      this.#open();
      this.#looks = setInterval(() => this.#look(), LOOK_MS).unref();
    }
    return () => {
      this.#listeners.delete(channel);
      if (this.#listeners.size === 0) this.#close();
    };
  }

  #open(): void {
    const { link, subscribe } = openLink(this.client, RETRY_MS, (channel, message) => {
      if (this.#link === link) this.#listeners.get(channel)?.(message);
    });
    this.#link = link;
    this.#silent = 0;
    // Without a listener, an error would end the process.
    link.on('error', (error: unknown) => (this.#trouble = error));
    link.on('ready', () => void this.#begin(link, subscribe));
    for (const event of ['close', 'reconnecting', 'end']) link.on(event, () => this.#lose(link));
    link.connect().catch(() => undefined);
  }

  async #begin(
    link: RedisLink,
    subscribe: (channels: string[]) => Promise<unknown>,
  ): Promise<void> {
    // It was given up while it connected.
    if (this.#link !== link) return endLink(link);
    try {
      await subscribe([...this.#listeners.keys()]);
    } catch (error) {
      this.#trouble = error;
      return;
    }
    if (this.#link !== link) return;
    this.#isUp = true;
    this.#trouble = undefined;
    this.#silent = 0;
    this.log.log('Redis: connected; other processes are heard');
    // Before that, messages were lost.
    for (const listener of this.#listeners.values()) listener();
  }

  #lose(link: RedisLink): void {
    if (this.#link !== link) return;
    this.#isUp = false;
    const why = this.#trouble === undefined ? '' : ` (${troubleText(this.#trouble)})`;
    this.log.warn(`Redis: not connected${why}; until it is, other processes are not heard`);
  }

  #look(): void {
    const link = this.#link;
    if (!link) return;
    if (this.#silent === MOST_SILENT) {
      this.#lose(link);
      this.#open();
      return endLink(link);
    }
    this.#silent += 1;
    if (!this.#isUp) return;
    const alive = () => {
      if (this.#link === link) this.#silent = 0;
    };
    link.ping().then(alive, () => undefined);
  }

  #close(): void {
    clearInterval(this.#looks);
    this.#looks = undefined;
    const link = this.#link;
    this.#link = undefined;
    this.#isUp = false;
    if (link) endLink(link);
  }
}
