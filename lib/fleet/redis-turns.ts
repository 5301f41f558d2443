import { randomUUID } from 'node:crypto';
import { digestOf } from '../core/seal.js';
import { inTime, patienceNow } from '../core/store/patience.js';
import type { Turn, Turns } from '../core/store/turns.js';
import { type BoundedLog, quietly } from '../core/tell.js';
import { commandOver, type RedisClient, troubleOf } from './redis-client.js';

/** How long Redis may take to reply. Requests wait for it. */
const DEADLINE_MS = 100;
/** How long it is not asked again after it did not reply. */
const SILENCE_MS = 1_000;

const OURS = "if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end ";
const KEEP = `${OURS}return redis.call('pexpire', KEYS[1], ARGV[2])`;
const END = `${OURS}return redis.call('del', KEYS[1])`;

const FAILED = Symbol('Redis did not reply');

/** Turns over Redis: a key that ends by itself, with a random owner. */
export class RedisTurns implements Turns {
  #failed = false;
  #silentUntil = 0;

  constructor(
    private readonly client: RedisClient,
    private readonly log: BoundedLog,
  ) {}

  async take(name: string, ms: number): Promise<Turn | 'taken' | 'unknown'> {
    const key = `nestjs-zitadel:turn:${digestOf(name)}`;
    const owner = randomUUID();
    const run = async (script: string, ...more: string[]) =>
      String(await this.#ask(['EVAL', script, '1', key, owner, ...more])) === '1';
    const end = async () => void (await run(END));
    const reply = await this.#ask(['SET', key, owner, 'NX', 'PX', String(ms)], (late) => {
      // Nobody knows that it is theirs.
      if (late === 'OK') quietly(end);
    });
    if (reply === FAILED) return 'unknown';
    if (reply === null) return 'taken';
    return { keep: (longer) => run(KEEP, String(longer)), end };
  }

  async #ask(
    command: string[],
    onLate: (reply: unknown) => void = () => undefined,
  ): Promise<unknown> {
    const now = performance.now();
    if (this.#silentUntil > now) return FAILED;
    // After a failure one question at a time finds out, so that not all wait.
    if (this.#failed) this.#silentUntil = now + SILENCE_MS;
    let why = 'no reply in time';
    const sent = this.#send(command).catch((error: unknown) => {
      why = troubleOf(this.client, error);
      return FAILED;
    });
    const reply = await inTime(sent, patienceNow() + DEADLINE_MS, FAILED);
    if (reply === FAILED) {
      this.#failed = true;
      this.#silentUntil = performance.now() + SILENCE_MS;
      void sent.then(onLate);
      this.log.warn(`Redis: processes ask ZITADEL without taking turns (${why})`);
    }
    return reply;
  }

  async #send(command: string[]): Promise<unknown> {
    const reply = await commandOver(this.client, ...command);
    // A late one shows as well that Redis is there.
    this.#failed = false;
    this.#silentUntil = 0;
    return reply;
  }
}
