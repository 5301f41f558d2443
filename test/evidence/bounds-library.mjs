// The library of the proof `bounds`, in a process of its own: warmed up with the largest answers that are right, then told to ask on.
// Plain JavaScript, so that it runs as it is on every supported Node.
import { setImmediate as tick, setTimeout as sleep } from 'node:timers/promises';
import {
  basic,
  createZitadel,
  introspection,
  jwt,
  key,
  org,
  pat,
  role,
} from 'nestjs-zitadel/express';

const {
  options,
  use,
  orgId,
  projectId,
  tokens,
  serviceKey,
  pat: token,
  application,
  line,
} = JSON.parse(process.argv[2]);

const quiet = { debug() {}, log() {}, warn() {}, error() {} };
const more = {
  discovery: {},
  keys: {},
  'v1 memberships': { api: 'v1' },
  'v2 memberships': { api: 'v2' },
  token: {
    callers: jwt({ recheckMs: false }),
    memberships: { as: 'serviceUser', organizations: [orgId] },
    serviceUser: () => key(serviceKey),
  },
  introspection: {
    callers: () => introspection(basic(application.clientId, application.clientSecret)),
  },
  'v1 grants': { api: 'v1', serviceUser: () => pat(token) },
  'v2 grants': { api: 'v2', serviceUser: () => pat(token) },
};

function library() {
  const given = Object.entries(more[use]).map(([name, value]) => [
    name,
    typeof value === 'function' && name !== 'fetch' && value.length === 0 && name !== 'memberships'
      ? value()
      : value,
  ]);
  return createZitadel({
    ...options,
    logger: quiet,
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, 'x-line': line } }),
    ...Object.fromEntries(given),
  });
}

/** More rows than any list has whose end is waited for. */
const MOST_ROWS = 200_000;

/** One question; what came of it. */
async function ask({ decisions, projectGrants }) {
  if (!use.endsWith('grants')) {
    const headers = {
      authorization: `Bearer ${use === 'introspection' ? tokens.opaque : tokens.jwt}`,
    };
    const decision = await decisions.authorize(
      { headers, params: { orgId } },
      decisions.prepare(role('ORG_OWNER', org.param('orgId'), { fresh: true })),
    );
    return decision.allowed ? 'allowed' : decision.reason;
  }
  let rows = 0;
  try {
    for await (const grant of projectGrants.list({ organizationId: orgId, projectId })) {
      rows += 1;
      if (grant.projectId === '' || rows > MOST_ROWS) return 'does not end';
    }
    return 'done';
  } catch (error) {
    return error.code ?? String(error);
  }
}

const MIB = 2 ** 20;

/** What cannot be collected, and what is there with the garbage: how much of that, is Node's affair. */
async function held() {
  for (let times = 0; times < 2; times += 1) {
    gc();
    await tick();
  }
  return used();
}

function used() {
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MIB;
}

async function attack(times, mostHeldMiB) {
  const told = [];
  const before = await held();
  const rssBefore = process.memoryUsage.rss() / MIB;
  let [most, mostRss, isOver] = [before, rssBefore, false];
  const watching = (async () => {
    while (!isOver) {
      await sleep(25);
      mostRss = Math.max(mostRss, process.memoryUsage.rss() / MIB);
      // Collecting takes time: only where there may be more than ever.
      if (used() > most) most = Math.max(most, await held());
    }
  })();
  for (let at = 0; at < times; at += 1) {
    // A new one each time: nothing that one has learnt keeps the next from being asked.
    told.push(await ask(library()));
  }
  isOver = true;
  await watching;
  let after = await held();
  // Connections take their time to close. What a warm-up leaves is for good, and nobody bounds it.
  for (let looks = 0; looks < 100 && after - before > mostHeldMiB; looks += 1) {
    await sleep(50);
    after = Math.min(after, await held());
  }
  return {
    told,
    growthMiB: most - before,
    heldMiB: after - before,
    rssMiB: mostRss - rssBefore,
  };
}

process.on('message', ({ times, mostHeldMiB }) => {
  void attack(times, mostHeldMiB).then((answer) => process.send(answer));
});
process.on('disconnect', () => process.exit());
process.send('ready');
