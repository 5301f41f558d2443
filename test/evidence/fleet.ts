import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { type FleetProcess, type FleetQuestion, startFleetProcess } from '../support/fleet.js';
import { startRedis } from '../support/redis.js';
import type { Figures, RunOptions } from './proof.js';

export const about = 'a user costs ZITADEL one call for all processes of a fleet together';

const SECRET = 'a secret of more than thirty-two characters';
/** What a process asks besides, about no user: discovery, keys. */
const BESIDES = 50;
/** All processes ask about the same users at the same time. With more at once, a machine with few cores does not keep the store's deadline. */
const AT_ONCE = 8;

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const [processes, users] = short ? [3, 60] : [8, 1_000];
  const zitadel = await ZitadelEmulator.start();
  const redis = await startRedis();
  const fleet: FleetProcess[] = [];
  try {
    const orgId = zitadel.rootOrg.id;
    const reader = zitadel.addServiceUser('reader');
    zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    const questions = Array.from({ length: users }, (_, at): FleetQuestion => {
      const user = zitadel.addUser(`user-${at}`);
      zitadel.addMember(user, { org: zitadel.rootOrg }, ['ORG_OWNER']);
      return { token: zitadel.tokenFor(user), orgId, roleName: 'ORG_OWNER' };
    });
    const { issuer, audience } = zitadel.options();
    const settings = (at: number) => ({
      options: {
        issuer,
        audience,
        callers: { type: 'jwt', recheckMs: false },
        memberships: { as: 'serviceUser' },
        cache: { ttlMs: 600_000, shared: { secret: SECRET } },
        timeoutMs: 30_000,
        budgetMs: 60_000,
      },
      serviceUser: zitadel.patFor(reader),
      redisUrl: redis.url,
      clientOf: at % 2 === 0 ? ('redis' as const) : ('ioredis' as const),
    });
    for (let at = 0; at < processes; at += 1) fleet.push(await startFleetProcess(settings(at)));
    await Promise.all(fleet.map((each) => each.connected()));
    progress(`${processes} processes are connected`);
    const answers = (
      await Promise.all(fleet.map((each) => each.askAll(questions, AT_ONCE)))
    ).flat();
    const calls = await Promise.all(fleet.map((each) => each.upstreamCalls()));
    const upstreamCalls = calls.reduce((sum, each) => sum + each);
    const refused = answers.filter(({ allowed }) => !allowed);
    const slowestMs = Math.round(Math.max(...answers.map(({ ms }) => ms)));
    progress(`calls of each process: ${calls.join(', ')}; the slowest answer took ${slowestMs} ms`);
    for (const each of fleet) for (const line of await each.lines()) progress(line);
    for (const { why } of refused.slice(0, 3)) progress(`refused: ${why}`);
    const isOne = upstreamCalls >= users && upstreamCalls <= users + BESIDES;
    return {
      ok: isOne && refused.length === 0,
      processes,
      users,
      decisions: answers.length,
      refused: refused.length,
      upstreamCalls,
      slowestMs,
    };
  } finally {
    for (const each of fleet) each.end();
    await redis.stop();
    await zitadel.stop();
  }
}
