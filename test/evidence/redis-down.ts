import { setTimeout as sleep } from 'node:timers/promises';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { type FleetProcess, type FleetQuestion, startFleetProcess } from '../support/fleet.js';
import {
  type RedisProxy,
  type RedisServer,
  startRedis,
  startRedisProxy,
} from '../support/redis.js';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'Redis fails in each way: nobody waits long, nothing is wrong, and it is normal soon';

const SECRET = 'a secret of more than thirty-two characters';
const EVERY_MS = 25;
const UPSTREAM_MS = 20;
const MOST_LONGER_MS = 100;
/** A machine that is busy makes the process without Redis slower as well, in the requests before and after. */
const AROUND = 20;
const MOST_RECOVERY_MS = 2_000;
const PATIENCE_MS = 20_000;

interface Scene {
  redis: RedisServer;
  readonly proxy: RedisProxy;
}

interface Fault {
  readonly name: string;
  begin(scene: Scene): unknown;
  end(scene: Scene): unknown;
}

const restart = async (scene: Scene) => void (scene.redis = await startRedis(scene.redis.port));
const FAULTS: readonly Fault[] = [
  { name: 'killed', begin: ({ redis }) => redis.kill(), end: restart },
  { name: 'stopped', begin: ({ redis }) => redis.pause(), end: ({ redis }) => redis.resume() },
  { name: 'black-holed', begin: ({ proxy }) => proxy.block(), end: ({ proxy }) => proxy.unblock() },
  { name: 'slow', begin: ({ proxy }) => proxy.delay(300), end: ({ proxy }) => proxy.delay(0) },
  {
    name: 'a little slow',
    begin: ({ proxy }) => proxy.delay(40),
    end: ({ proxy }) => proxy.delay(0),
  },
  {
    name: 'restarted empty',
    begin: async (scene) => {
      await scene.redis.kill();
      await restart(scene);
    },
    end: () => undefined,
  },
];

/**
 * Two processes share a Redis, and a third has none. All are asked about the same users at the same moments, most of them unknown so far. So
 * what the third takes is what ZITADEL and the machine take.
 */
export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const faultMs = short ? 500 : 5_000;
  const zitadel = await ZitadelEmulator.start();
  const redis = await startRedis();
  const scene: Scene = { redis, proxy: await startRedisProxy(redis.port) };
  const fleet: FleetProcess[] = [];
  try {
    const orgId = zitadel.rootOrg.id;
    const reader = zitadel.addServiceUser('reader');
    zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    const serviceUser = zitadel.patFor(reader);
    const { issuer, audience } = zitadel.options();
    const options = {
      issuer,
      audience,
      callers: { type: 'jwt', recheckMs: false },
      memberships: { as: 'serviceUser' },
      cache: { ttlMs: 600_000, shared: { secret: SECRET } },
    };
    const reads = ['/memberships/_search', '/ListAdministrators'];
    const { cache: _cache, ...alone } = options;
    const redisUrl = scene.proxy.url;
    fleet.push(
      await startFleetProcess({ options, serviceUser, reads, redisUrl, clientOf: 'redis' }),
      await startFleetProcess({ options, serviceUser, reads, redisUrl, clientOf: 'ioredis' }),
    );
    const [one, other] = fleet as [FleetProcess, FleetProcess];
    const control = await startFleetProcess({ options: alone, serviceUser, reads });
    fleet.push(control);
    await Promise.all([one.connected(), other.connected()]);

    let users = 0;
    const someone = (mayEnter = true) => {
      const user = zitadel.addUser(`user-${(users += 1)}`);
      if (mayEnter) zitadel.addMember(user, { org: zitadel.rootOrg }, ['ORG_OWNER']);
      const question: FleetQuestion = {
        token: zitadel.tokenFor(user),
        orgId,
        roleName: 'ORG_OWNER',
      };
      return { user, question, mayEnter };
    };
    const isRight = (mayEnter: boolean, { allowed, why }: { allowed: boolean; why: string }) =>
      mayEnter ? allowed : !allowed && why.startsWith('role_missing');

    /** Everything works: what one has asked for the other finds, and what one evicts the other forgets. */
    const isNormal = async (): Promise<boolean> => {
      const { user, question } = someone();
      await one.ask(question);
      if ((await other.ask(question)).why !== 'shared') return false;
      zitadel.removeMember(user, { org: zitadel.rootOrg });
      await one.evict({ type: 'user', userId: user.id });
      for (let look = 1; look <= 10; look += 1) {
        if (!(await other.ask(question)).allowed) return true;
        await sleep(10);
      }
      return false;
    };
    const untilNormal = async (): Promise<number> => {
      const since = performance.now();
      while (performance.now() < since + PATIENCE_MS) {
        const begun = performance.now();
        if (await isNormal()) return begun - since;
        await sleep(EVERY_MS);
      }
      return Infinity;
    };

    await untilNormal();
    // Node has compiled what runs, and connections are open.
    for (let at = 0; at < 20; at += 1) {
      const { question } = someone();
      await Promise.all(fleet.map((each) => each.ask(question)));
    }
    zitadel.delay('administrators', UPSTREAM_MS);
    let [requests, slow, wrong, recoveryMs] = [0, 0, 0, 0];
    for (const { name, begin, end } of FAULTS) {
      const asking: Promise<{ ms: number[]; wrong: number }>[] = [];
      const before = someone();
      await Promise.all(fleet.map((each) => each.ask(before.question)));
      let isOver = false;
      const load = async () => {
        for (let at = 0; !isOver; at += 1) {
          const { question, mayEnter } = at % 4 === 3 ? before : someone(at % 4 !== 1);
          const answers = Promise.all(fleet.map((each) => each.ask(question)));
          asking.push(
            answers.then((all) => ({
              ms: all.map(({ ms }) => ms),
              wrong: all.slice(0, 2).filter((answer) => !isRight(mayEnter, answer)).length,
            })),
          );
          await sleep(EVERY_MS);
        }
      };
      const loading = load();
      await sleep(200);
      await begin(scene);
      await sleep(faultMs);
      await end(scene);
      const tookMs = await untilNormal();
      isOver = true;
      await loading;
      const all = await Promise.all(asking);
      const extra = all.flatMap(({ ms }, at) => {
        const around = all.slice(Math.max(0, at - AROUND), at + AROUND + 1);
        const upstreamMs = Math.max(...around.map((each) => each.ms[2] ?? NaN));
        return ms.slice(0, 2).map((each) => each - upstreamMs);
      });
      const slowHere = extra.filter((ms) => !(ms <= MOST_LONGER_MS)).length;
      const wrongHere = all.reduce((sum, each) => sum + each.wrong, 0);
      const longest = Math.round(Math.max(...extra));
      progress(
        `${name}: ${extra.length} requests, ${slowHere} slow (at most ${longest} ms longer), ${wrongHere} wrong, normal after ${Math.round(tookMs)} ms`,
      );
      requests += extra.length;
      slow += slowHere;
      wrong += wrongHere;
      recoveryMs = Math.max(recoveryMs, tookMs);
    }
    // A busy machine makes requests slow, and Redis as well. So the short form does not judge times.
    const isInTime = short ? recoveryMs < Infinity : slow === 0 && recoveryMs <= MOST_RECOVERY_MS;
    return {
      ok: wrong === 0 && isInTime,
      requests,
      slow,
      wrong,
      recoveryMs: Math.round(recoveryMs),
    };
  } finally {
    for (const each of fleet) each.end();
    await scene.proxy.stop();
    await scene.redis.stop();
    await zitadel.stop();
  }
}
