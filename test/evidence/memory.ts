import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { indexOf, type Membership } from '#dist/core/caller.js';
import { MEMBERSHIPS, type Memberships, packed } from '#dist/core/memory/caller-kinds.js';
import { ReadCache } from '#dist/core/memory/read-cache.js';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'a million users with five memberships each: memory stays at its bound, and what each takes';

const MOST_MIB = 32;
const TTL_MS = 3_600_000;
const KINDS = ['org', 'org', 'project', 'project', 'projectGrant'] as const;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const users = short ? 100_000 : 1_000_000;
  const bytesPerUser = await bytesOfEach(short ? 5_000 : 50_000);
  progress(`${bytesPerUser} bytes a user`);
  const before = heldMiB();
  const cache = cacheOf(MOST_MIB * 2 ** 20);
  let plateau = 0;
  for (let user = 0; user < users; user += 1) {
    await ask(cache, user);
    if ((user + 1) % (users / 10) !== 0) continue;
    const heldNow = heldMiB() - before;
    plateau = Math.max(plateau, heldNow);
    progress(`${user + 1} users, ${heldNow.toFixed(1)} MiB`);
  }
  // The last one is still there, so the cache was, too.
  const isKept = (await ask(cache, users - 1)).isRemembered;
  return { ok: isKept, users, bytesPerUser, plateau: Math.round(plateau * 10) / 10 };
}

/** In a cache without a bound. */
async function bytesOfEach(users: number): Promise<number> {
  const cache = cacheOf(2 ** 40);
  // What is made once for all.
  for (let user = 0; user < 100; user += 1) await ask(cache, -user - 1);
  const before = heldMiB();
  for (let user = 0; user < users; user += 1) await ask(cache, user);
  const bytes = ((heldMiB() - before) * 2 ** 20) / users;
  if (!(await ask(cache, 0)).isRemembered) throw new Error('the first user was forgotten');
  return Math.round(bytes);
}

function cacheOf(maxBytes: number): Memberships {
  return new ReadCache(MEMBERSHIPS, TTL_MS, maxBytes, undefined);
}

async function ask(cache: Memberships, user: number): Promise<{ isRemembered: boolean }> {
  const userId = idOf(user);
  let isRemembered = true;
  await cache.get({
    key: JSON.stringify(['user', userId, []]),
    userId,
    notAfter: Infinity,
    notBefore: -Infinity,
    read: () => {
      isRemembered = false;
      // As it comes from ZITADEL: every text is a new one.
      const rows = JSON.parse(JSON.stringify(rowsOf(userId, user))) as Membership[];
      return Promise.resolve(packed(indexOf(rows)));
    },
  });
  return { isRemembered };
}

function rowsOf(userId: string, user: number): readonly Membership[] {
  return KINDS.map((kind, at) => ({
    userId,
    kind,
    id: idOf(10_000_000 + user * 5 + at),
    roles: [kind === 'org' ? 'ORG_OWNER' : 'PROJECT_OWNER'],
    ownerOrgId: kind === 'org' ? undefined : idOf(20_000_000 + (user % 1_000)),
  }));
}

const idOf = (number: number) => `3${String(number).padStart(17, '0')}`;

function heldMiB(): number {
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
