// The library of the proof `bounds`, in a process of its own: warmed up with the largest answers that are right, then told to ask on.
// Plain JavaScript, so that it runs as it is on every supported Node.
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

/** One question; what came of it. */
async function ask({ decisions, projectGrants }) {
  if (!use.endsWith('grants')) {
    const headers = {
      authorization: `Bearer ${use === 'introspection' ? tokens.opaque : tokens.jwt}`,
    };
    const decision = await decisions.authorize(
      { headers, params: { orgId } },
      role('ORG_OWNER', org.param('orgId'), { fresh: true }),
    );
    return decision.allowed ? 'allowed' : decision.reason;
  }
  const end = performance.now() + 20_000;
  try {
    for await (const grant of projectGrants.list({ organizationId: orgId, projectId })) {
      if (grant.projectId === '' || performance.now() > end) return 'does not end';
    }
    return 'done';
  } catch (error) {
    return error.code ?? String(error);
  }
}

const MIB = 2 ** 20;

function memory() {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss: rss / MIB, held: (heapUsed + external) / MIB };
}

async function attack(times) {
  const told = [];
  gc();
  const before = memory();
  let mostRss = before.rss;
  const look = () => {
    mostRss = Math.max(mostRss, process.memoryUsage.rss() / MIB);
  };
  const timer = setInterval(look, 5);
  for (let at = 0; at < times; at += 1) {
    // A new one each time: nothing that one has learnt keeps the next from being asked.
    told.push(await ask(library()));
    look();
  }
  clearInterval(timer);
  gc();
  const after = memory();
  return { told, mostRssMiB: mostRss - before.rss, heldMiB: after.held - before.held };
}

process.on('message', ({ times }) => {
  void attack(times).then((answer) => process.send(answer));
});
process.on('disconnect', () => process.exit());
process.send('ready');
