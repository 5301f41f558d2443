import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { redisIsHere, startRedis } from '../support/redis.js';
import type { Figures, RunOptions } from './proof.js';
import { seededRandom } from './seeded-random.js';

export const about =
  'a process that tails events is killed again and again: the next one misses none of them';

const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));

interface Size {
  readonly events: number;
  readonly kills: number;
  readonly everyMs: number;
  /** How much happens at once, at most, and for how long nothing happens then. */
  readonly burst: number;
  readonly pauseMs: number;
}

const LONG: Size = { events: 10_000, kills: 20, everyMs: 1_000, burst: 40, pauseMs: 600 };
const SHORT: Size = { events: 1_000, kills: 3, everyMs: 50, burst: 60, pauseMs: 60 };

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const { events, kills, everyMs, burst, pauseMs } = short ? SHORT : LONG;
  const zitadel = await ZitadelEmulator.start();
  const store = await openStore();
  const random = seededRandom(12, 7);
  /** When something happened to each user, and when a process heard of it. Nothing happens to anybody twice, so no event stands in for another. */
  const happenedAt = new Map<string, number>();
  const heardAt = new Map<string, number>();
  let everyone = 0;
  let hasHeard = false;
  let tail: ChildProcess | undefined;
  const begin = (): void => {
    hasHeard = false;
    const given = JSON.stringify({ url: zitadel.url, token, everyMs, ...store.given });
    const script = join(root, 'test', 'evidence', 'tail-process.mjs');
    tail = spawn(process.execPath, [script, given], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (!tail.stdout) throw new Error('the process has no output');
    createInterface(tail.stdout).on('line', (line) => {
      if (line.startsWith('#')) progress(line);
      if (line === 'everyone') everyone += 1;
      const [userId = '', at] = line.split(' ');
      if (!happenedAt.has(userId) || heardAt.has(userId)) return;
      hasHeard = true;
      heardAt.set(userId, Number(at));
    });
  };
  const kill = async (): Promise<void> => {
    const gone = tail && once(tail, 'exit');
    tail?.kill('SIGKILL');
    await gone;
  };
  const reader = zitadel.addServiceUser('tail');
  zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
  const token = zitadel.patFor(reader);
  try {
    const acme = zitadel.addOrg('acme');
    const users = Array.from({ length: events }, (_, at) => zitadel.addUser(`user-${at}`));
    begin();
    let killed = 0;
    let next = 0;
    while (next < events) {
      const until = Math.min(events, next + 1 + random.below(burst));
      for (const user of users.slice(next, until)) {
        happenedAt.set(user.id, Date.now());
        zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
      }
      next = until;
      if (killed < kills && next > (events * killed) / kills) {
        // Only one that has come to what is new can be in the middle of it.
        for (const since = performance.now(); !hasHeard && performance.now() < since + 60_000;) {
          await sleep(10);
        }
        await sleep(random.below(everyMs));
        await kill();
        killed += 1;
        begin();
        progress(`${next} events, ${heardAt.size} heard of, killed ${killed} times`);
      }
      await sleep(random.below(pauseMs));
    }
    // All that is due comes with the next rounds.
    const deadline = performance.now() + 60_000;
    while (heardAt.size < events && performance.now() < deadline) await sleep(20);
    const lags = [...heardAt].map(([userId, at]) => at - (happenedAt.get(userId) ?? 0));
    lags.sort((one, other) => one - other);
    const missed = events - heardAt.size;
    return {
      ok: missed === 0 && killed === kills,
      events,
      missed,
      kills: killed,
      everyone,
      everyMs,
      store: store.name,
      lagP50Ms: lags[Math.floor(lags.length * 0.5)],
      lagP99Ms: lags[Math.floor(lags.length * 0.99)],
      lagMaxMs: lags.at(-1),
    };
  } finally {
    await kill();
    await store.close();
    await zitadel.stop();
  }
}

interface Store {
  readonly name: string;
  /** What the process is told about it. */
  readonly given: { readonly redis?: string; readonly store?: string };
  readonly close: () => Promise<void>;
}

/** What outlives the processes: a Redis, or a store in this process where there is none. */
async function openStore(): Promise<Store> {
  if (redisIsHere) {
    const redis = await startRedis();
    return { name: 'redis', given: { redis: redis.url }, close: () => redis.stop() };
  }
  const kept = new Map<string, string>();
  const server = createServer((request, response) => {
    const { method, url = '' } = request;
    if (method !== 'PUT') return void response.end(kept.get(url) ?? '');
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      kept.set(url, text);
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    name: 'here',
    given: { store: `http://127.0.0.1:${port}` },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
