import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { endpointOf, FaultServer, JSON_TYPE, type Endpoint, type Strike } from './fault-server.js';
import { openWorld, type World } from './fault-subjects.js';
import type { Figures } from './proof.js';
import { answering, bent, bomb, endlessBody, largeHead, pourMany } from './strikes.js';
import { manyRows, pageOfGrowing, pageOfLong } from './wrong-answers.js';

export const about =
  'endless bodies, huge key sets, packed bombs, lists without end: memory stays within bounds';

/** What may be held at any moment: an answer of the largest size, as bytes and as text and as rows, and what was kept of pages before it. */
const MOST_GROWTH_MIB = 32;
/** What may be held when it is over: some code that was compiled meanwhile. */
const MOST_HELD_MIB = 4;
const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));
const LINE = 'bounds';

type Use =
  | 'discovery'
  | 'keys'
  | 'v1 memberships'
  | 'v2 memberships'
  | 'token'
  | 'introspection'
  | 'v1 grants'
  | 'v2 grants';

interface Attack {
  readonly name: string;
  readonly use: Use;
  readonly strike: () => Strike;
}

const STRUCK: Readonly<Record<Use, Endpoint>> = {
  discovery: 'discovery',
  keys: 'keys',
  'v1 memberships': 'memberships',
  'v2 memberships': 'memberships',
  token: 'token',
  introspection: 'introspection',
  'v1 grants': 'grants',
  'v2 grants': 'grants',
};
const USES = Object.keys(STRUCK) as Use[];

/** The largest answers that are read: lists of memberships may have 8 MiB, all others 1 MiB. */
const largestOf = (use: Use) => (use.endsWith('memberships') ? 8 : 1) * 2 ** 20;

/** A right answer, as large as it may be; of a list that is read page by page, nearly all of the pages that are read. */
const largest = (use: Use): Strike => {
  const rows = ROWS[use];
  return rows === undefined
    ? bent((body) => body + ' '.repeat(largestOf(use) - body.length))
    : bent((body, struck) => pageOfLong(body, struck, rows));
};
const ROWS: Partial<Record<Use, number>> = {
  'v2 memberships': 9_000,
  'v1 grants': 90_000,
  'v2 grants': 90_000,
};

/** Bombs of three kinds, and one in a wrapping: all of them unpack to far more than any answer may have. */
const BOMBS: Readonly<Record<string, () => Strike>> = {
  gzip: () => bomb('gzip'),
  deflate: () => bomb('deflate'),
  br: () => bomb('br'),
  'gzip in gzip': () => {
    const bytes = gzipSync(gzipSync(Buffer.alloc(256 * 2 ** 20, ' ')));
    return answering(200, bytes, { ...JSON_TYPE, 'content-encoding': 'gzip, gzip' });
  },
};

/** A right list of rows, followed by the same rows until there are 400 MB of them. */
const huge: Strike = async (socket, { right }) => {
  const [before, row, after] = manyRows((await right()).body.toString());
  pourMany(socket, before, row.repeat(Math.ceil(420 / row.length)), after);
};

const ATTACKS: readonly Attack[] = [
  { name: '400 MB of keys', use: 'keys', strike: () => huge },
  ...(['v1 grants', 'v2 grants', 'v2 memberships'] as const).map((use) => ({
    name: 'a list without end',
    use,
    strike: () => bent(pageOfGrowing),
  })),
  { name: '400 MB of rows', use: 'v1 memberships', strike: () => huge },
  ...USES.map((use) => ({ name: 'an endless body', use, strike: () => endlessBody })),
  ...Object.entries(BOMBS).flatMap(([kind, strike]) =>
    (['keys', 'v1 memberships'] as const).map((use) => ({
      name: `a bomb of ${kind}`,
      use,
      strike,
    })),
  ),
  { name: '100 KB of headers', use: 'keys', strike: () => largeHead(1) },
];
/** One of each kind. */
const SHORT: ReadonlySet<string> = new Set([
  '400 MB of keys, keys',
  'a list without end, v1 grants',
  'a list without end, v2 grants',
  'an endless body, v1 memberships',
  'a bomb of gzip, v1 memberships',
  'a bomb of deflate, v1 memberships',
]);

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress: (text: string) => void;
}): Promise<Figures> {
  const world = await openWorld();
  const server = await FaultServer.start(world.zitadel.url);
  const [warmUps, times] = short ? [1, 1] : [3, 6];
  let [mostGrowthMiB, mostHeldMiB, mostRssMiB] = [0, 0, 0];
  const wrong: string[] = [];
  try {
    const attacks = ATTACKS.filter(({ name, use }) => !short || SHORT.has(`${name}, ${use}`));
    for (const { name, use, strike } of attacks) {
      const library = await startLibrary(use, world, server);
      try {
        const meet = (struck: Strike) => {
          server.strike(LINE, ({ path }) =>
            endpointOf(path) === STRUCK[use] ? struck : undefined,
          );
        };
        meet(largest(use));
        const warm = await told(library, warmUps);
        meet(strike());
        const {
          told: answers,
          growthMiB,
          heldMiB,
          rssMiB,
        } = await told(library, times, MOST_HELD_MIB);
        const [growth, held, rss] = [growthMiB, heldMiB, rssMiB].map((mib) => mib.toFixed(1));
        progress(
          `${name}, ${use}: ${growth} MiB at once, ${held} MiB kept, rss ${rss} MiB; ${[...new Set(answers)].join()}`,
        );
        mostGrowthMiB = Math.max(mostGrowthMiB, growthMiB);
        mostHeldMiB = Math.max(mostHeldMiB, heldMiB);
        mostRssMiB = Math.max(mostRssMiB, rssMiB);
        if (!warm.told.every((answer) => ['allowed', 'done'].includes(answer))) {
          throw new Error(`${use}: ${warm.told.join()} where nothing is wrong`);
        }
        if (answers.some((answer) => ['allowed', 'done', 'does not end'].includes(answer))) {
          wrong.push(`${name}, ${use}: ${answers.join()}`);
        }
      } finally {
        server.heal(LINE);
        await end(library);
      }
    }
    return {
      ok: mostGrowthMiB <= MOST_GROWTH_MIB && mostHeldMiB <= MOST_HELD_MIB && wrong.length === 0,
      mostGrowthMiB: Number(mostGrowthMiB.toFixed(1)),
      mostHeldMiB: Number(mostHeldMiB.toFixed(1)),
      mostRssMiB: Number(mostRssMiB.toFixed(1)),
      attacks: attacks.length,
      wrong,
    };
  } finally {
    await server.stop();
    await world.zitadel.stop();
  }
}

async function startLibrary(use: Use, world: World, server: FaultServer): Promise<ChildProcess> {
  const { zitadel, orgId, projectId, tokens, opaque, serviceKey, application } = world;
  const service = zitadel.addServiceUser(`for ${use} ${zitadel.requests()}`);
  zitadel.addMember(service, 'instance', ['IAM_OWNER']);
  const library = fork(
    join(root, 'test', 'evidence', 'bounds-library.mjs'),
    [
      JSON.stringify({
        options: zitadel.options({ internalUrl: server.url, timeoutMs: 60_000, budgetMs: 120_000 }),
        use,
        orgId,
        projectId,
        tokens: { jwt: tokens[0], opaque: opaque[0] },
        serviceKey,
        pat: zitadel.patFor(service),
        application,
        line: LINE,
      }),
    ],
    {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  await once(library, 'message');
  return library;
}

interface Told {
  readonly told: readonly string[];
  readonly growthMiB: number;
  readonly heldMiB: number;
  readonly rssMiB: number;
}

async function told(library: ChildProcess, times: number, mostHeldMiB?: number): Promise<Told> {
  const answer = once(library, 'message') as Promise<[Told]>;
  library.send({ times, mostHeldMiB });
  return (await answer)[0];
}

async function end(library: ChildProcess): Promise<void> {
  const gone = once(library, 'exit');
  library.disconnect();
  await gone;
}
