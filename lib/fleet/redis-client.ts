/** The functions of a client of `redis` (5) or `ioredis` that are used. */
export interface RedisClient {
  readonly duplicate: () => unknown;
  readonly publish: (channel: string, message: string) => Promise<unknown>;
  readonly set: (...args: never[]) => Promise<unknown>;
  readonly eval: (...args: never[]) => Promise<unknown>;
}
