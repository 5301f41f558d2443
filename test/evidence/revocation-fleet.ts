import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../support/redis.js';
import { RevocationWorld } from '../support/revocation-world.js';
import type { RunOptions } from './proof.js';

const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));

interface Size {
  readonly processes: number;
  readonly revocations: number;
}

const LONG: Size = { processes: 3, revocations: 10_000 };
const SHORT: Size = { processes: 2, revocations: 40 };

/** So many are watched and revoked one after another, while the next ones are made warm. */
const TOGETHER = 50;
/** Who is let in for so long after that was not revoked at all. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 250;

const SECRET = 'the secret of every process of the proof';

/** What became of one revocation. Times in milliseconds since 1970. */
export interface Revocation {
  readonly revokedAt: number;
  /** When its delivery reached the application. Undefined: it did not. */
  readonly arrivedAt: number | undefined;
  /** When each process was asked for the last time about the user with the answer "yes". */
  readonly lastAllowsAt: readonly number[];
  /** How many processes still let the user in at the end. */
  readonly stillAllowed: number;
  /** How many questions got a "yes" that were asked after the process had heard of the eviction. */
  readonly afterEviction: number;
}

export interface Course {
  readonly ttlMs: number;
  /** How many roles are revoked in a second. */
  readonly perSecond: number;
  /** Whether the processes hear of anything: by deliveries, and over Redis from one another. */
  readonly hears: boolean;
  /** For how long users are watched after their role was revoked. */
  readonly watchMs: number;
}

/** Revokes the role of one user after another. Each of them is warm in every process of the application, and asks all the time. */
export async function revokeMany(
  { ttlMs, perSecond, hears, watchMs }: Course,
  { short, progress }: RunOptions,
): Promise<readonly Revocation[]> {
  const { processes, revocations } = short ? SHORT : LONG;
  const redis = await startRedis();
  const world = await RevocationWorld.start(revocations);
  const fleet: RevocationProcess[] = [];
  try {
    const lines = new Map<string, number>();
    const said = (line: string): void => void lines.set(line, (lines.get(line) ?? 0) + 1);
    const { options, orgId, signingKey } = world;
    for (let at = 0; at < processes; at += 1) {
      const settings = {
        options: {
          ...options,
          cache: { ttlMs, shared: { secret: SECRET } },
          events: { signingKeys: signingKey },
        },
        orgId,
        redisUrl: redis.url,
        bus: hears ? (at % 2 === 0 ? 'redis' : 'ioredis') : 'lost',
      };
      fleet.push(await RevocationProcess.start(settings, said));
    }
    await Promise.all(fleet.map((each) => each.tell('connected')));
    await world.deliverTo(fleet.map(({ port }) => `http://127.0.0.1:${port}/zitadel/events`));
    // Each comes when its own delay is over, and not in the order of the events.
    await world.deliveries(hears ? { delayMs: [10, 1_100], reorder: true } : { lose: 1 });
    const revokedAt = new Map<number, number>();
    const arrivedAt = new Map<number, number>();
    world.onRevoked = (place, at) => revokedAt.set(place, at);
    world.onArrived = (place, at) => arrivedAt.set(place, at);
    progress(`${processes} processes watch ${revocations} users whose role is revoked`);

    const usersAt = (places: readonly number[]) => places.flatMap((at) => world.users[at] ?? []);
    const watch = async (places: readonly number[] = []) => {
      const users = usersAt(places);
      await Promise.all(fleet.map((each) => each.tell('watch', { users })));
    };
    const settle = async (places: readonly number[]): Promise<readonly Revocation[]> => {
      const ids = usersAt(places).map(({ id }) => id);
      const deadline = performance.now() + PATIENCE_MS;
      const look = () => Promise.all(fleet.map((each) => each.tell<Seen[]>('look', { ids })));
      await sleep(watchMs);
      let seen = await look();
      while (seen.flat().some(({ isAllowed }) => isAllowed) && performance.now() < deadline) {
        await sleep(LOOK_MS);
        seen = await look();
      }
      await Promise.all(fleet.map((each) => each.tell('forget', { ids })));
      return places.map((place, at) => {
        const all = seen.flatMap((ofProcess) => ofProcess[at] ?? []);
        return {
          revokedAt: revokedAt.get(place) ?? NaN,
          arrivedAt: arrivedAt.get(place),
          lastAllowsAt: all.map(({ lastAllowAt }) => lastAllowAt),
          stillAllowed: all.filter(({ isAllowed }) => isAllowed).length,
          afterEviction: all.reduce((sum, { afterEviction }) => sum + afterEviction, 0),
        };
      });
    };

    const groups = inGroups(revocations);
    const settling: Promise<readonly Revocation[]>[] = [];
    let warm = watch(groups[0]);
    for (const [at, group] of groups.entries()) {
      await warm;
      const revoking = world.revoke(group, perSecond);
      warm = watch(groups[at + 1]);
      await revoking;
      settling.push(settle(group));
      if ((at + 1) % 20 === 0) {
        progress(
          `${(at + 1) * TOGETHER} revoked; ZITADEL was asked ${await world.requests()} times`,
        );
      }
    }
    const all = (await Promise.all(settling)).flat();
    for (const [line, times] of [...lines].slice(0, 5)) progress(`${times} times: ${line}`);
    return all;
  } finally {
    for (const each of fleet) each.end();
    await world.stop();
    await redis.stop();
  }
}

function inGroups(count: number): readonly (readonly number[])[] {
  const places = Array.from({ length: count }, (_, at) => at);
  return Array.from({ length: Math.ceil(count / TOGETHER) }, (_, at) =>
    places.slice(at * TOGETHER, (at + 1) * TOGETHER),
  );
}

interface Seen {
  readonly isAllowed: boolean;
  readonly lastAllowAt: number;
  readonly afterEviction: number;
}

type Said =
  | { readonly line: string }
  | { readonly call: number; readonly result?: unknown }
  | object;

/** A process of the application. */
class RevocationProcess {
  readonly #calls = new Map<number, (result: unknown) => void>();
  #asked = 0;

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    said: (line: string) => void,
  ) {
    child.on('message', (message: Said) => {
      if ('line' in message) return said(message.line);
      if (!('call' in message)) return;
      this.#calls.get(message.call)?.(message.result);
      this.#calls.delete(message.call);
    });
  }

  static async start(settings: object, said: (line: string) => void): Promise<RevocationProcess> {
    const script = join(root, 'test', 'evidence', 'revocation-process.mjs');
    const child = fork(script, [JSON.stringify(settings)], { execArgv: [] });
    const port = await new Promise<number>((resolve) => {
      child.on('message', (message: object) => {
        if ('port' in message) resolve(Number(message.port));
      });
    });
    return new RevocationProcess(child, port, said);
  }

  tell<T>(verb: string, given: object = {}): Promise<T> {
    this.#asked += 1;
    const call = this.#asked;
    return new Promise((resolve) => {
      this.#calls.set(call, resolve as (result: unknown) => void);
      this.child.send({ call, verb, ...given });
    });
  }

  end(): void {
    if (this.child.connected) this.child.disconnect();
  }
}
