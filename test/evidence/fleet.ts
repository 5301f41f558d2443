import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { type FleetProcess, type FleetQuestion, startFleetProcess } from '../support/fleet.js';
import { startRedis } from '../support/redis.js';
import type { Figures, RunOptions } from './proof.js';

export const about = 'a user costs ZITADEL one call for all processes of a fleet together';

const SECRET = 'a secret of more than thirty-two characters';
/** Of 100 users, so many may cost a second call. */
const MOST_SHARE = 1.05;
/** Where others run beside the short form, processes stand still for longer than one waits for another. Without turns every user costs three. */
const MOST_SHARE_SHORT = 1.5;

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
    // Another token would be another reader, with entries of its own in the store.
    const serviceUser = zitadel.patFor(reader);
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
      serviceUser,
      redisUrl: redis.url,
      clientOf: at % 2 === 0 ? ('redis' as const) : ('ioredis' as const),
      reads: ['/memberships/_search', '/ListAdministrators'],
    });
    for (let at = 0; at < processes; at += 1) fleet.push(await startFleetProcess(settings(at)));
    await Promise.all(fleet.map((each) => each.connected()));
    progress(`${processes} processes hear each other, and none was asked anything yet`);
    const answers = (await Promise.all(fleet.map((each) => each.askAll(questions)))).flat();
    const calls = await Promise.all(fleet.map((each) => each.calls()));
    const upstreamCalls = total(calls.map(({ reads }) => reads));
    const refused = answers.filter(({ allowed }) => !allowed);
    const slowestMs = Math.round(Math.max(...answers.map(({ ms }) => ms)));
    progress(`reads of each process: ${calls.map(({ reads }) => reads).join(', ')}`);
    progress(`the slowest answer took ${slowestMs} ms`);
    for (const each of fleet) for (const line of await each.lines()) progress(line);
    for (const { why } of refused.slice(0, 3)) progress(`refused: ${why}`);
    const most = users * (short ? MOST_SHARE_SHORT : MOST_SHARE);
    const isOne = upstreamCalls >= users && upstreamCalls <= most;
    return {
      ok: isOne && refused.length === 0,
      processes,
      users,
      decisions: answers.length,
      refused: refused.length,
      // Only what reads memberships.
      upstreamCalls,
      // Of all processes: discovery, keys, the generation of the API.
      otherCalls: total(calls.map(({ others }) => others)),
      slowestMs,
    };
  } finally {
    for (const each of fleet) each.end();
    await redis.stop();
    await zitadel.stop();
  }
}

function total(all: readonly number[]): number {
  return all.reduce((sum, each) => sum + each, 0);
}
