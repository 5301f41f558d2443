import { setTimeout as sleep } from 'node:timers/promises';
import { authenticated } from '#dist/core/requirement/builders.js';
import { basic, introspection, pat, userinfo, type ZitadelOptions } from 'nestjs-zitadel/express';
import { ZitadelEmulator, type Org } from 'nestjs-zitadel/testing';
import { createZitadel } from './data-path.js';
import { endpointOf, FaultServer, LINE_HEADER, type Arrived, type Strike } from './fault-server.js';
import { SILENT } from './fault-subjects.js';
import type { Figures } from './proof.js';
import { answering, resetInHead, silence } from './strikes.js';

export const about =
  'users whose calls fail or hang, slow and eager, beside 500 good ones: nobody else is refused';

const GOOD = 500;
/** Of the good users of a scenario. */
const MOST_REFUSED = 0.01;
/** Of the requests while nothing works: how many may reach for ZITADEL. */
const MOST_IN_OUTAGE = 0.5;
const TOKENS_OF_EAGER = 8;
/** Long enough for a busy machine; what hangs holds its slots for as long. */
const TIMEOUT_MS = 6_000;
const BUDGET_MS = 10_000;
/** Good users at a time: on a busy machine they must not become a crowd of their own. */
const AT_ONCE = 16;

const ERROR_500 = answering(500, '{"code":13,"message":"Errors.Internal"}');

/** How the calls of some users end. */
const FAULTS = {
  hang: silence,
  'fail at once': ERROR_500,
  'fail after a while': async (socket, struck) => {
    await sleep(700);
    await ERROR_500(socket, struck);
  },
  'ask for a repetition at once': answering(503, '{"code":14,"message":"unavailable"}', {
    'content-type': 'application/json',
    'retry-after': '0',
  }),
  'lose the connection': resetInHead,
} as const satisfies Readonly<Record<string, Strike>>;

interface Way {
  readonly text: string;
  readonly options: (zitadel: ZitadelEmulator, acme: Org) => Partial<ZitadelOptions>;
  readonly tokens: 'tokenFor' | 'opaqueTokenFor';
  readonly isStruck: (asked: Arrived) => boolean;
  readonly isBlindToAudience?: boolean;
}

const readsMemberships = ({ path }: Arrived) => endpointOf(path) === 'memberships';

const reader = (zitadel: ZitadelEmulator, acme: Org) => {
  const user = zitadel.addServiceUser(`reader of ${acme.id}`);
  zitadel.addMember(user, 'instance', ['IAM_OWNER_VIEWER']);
  return pat(zitadel.patFor(user));
};

const WAYS: readonly Way[] = [
  {
    text: 'v1, the caller',
    options: () => ({ api: 'v1' }),
    tokens: 'tokenFor',
    isStruck: readsMemberships,
  },
  {
    text: 'v1, the service user in an organization',
    options: (zitadel, acme) => ({
      serviceUser: reader(zitadel, acme),
      memberships: { as: 'serviceUser', organizations: [acme.id] },
    }),
    tokens: 'tokenFor',
    isStruck: readsMemberships,
  },
  {
    text: 'v2, the service user everywhere',
    options: (zitadel, acme) => ({
      serviceUser: reader(zitadel, acme),
      memberships: { as: 'serviceUser' },
    }),
    tokens: 'tokenFor',
    isStruck: readsMemberships,
  },
  {
    text: 'introspection',
    options: (zitadel) => {
      const { clientId, clientSecret } = zitadel.addApiApplication(zitadel.defaultProject);
      return { callers: introspection(basic(clientId, clientSecret)) };
    },
    tokens: 'opaqueTokenFor',
    isStruck: ({ path }) => endpointOf(path) === 'introspection',
  },
  {
    text: 'userinfo',
    options: () => ({ callers: userinfo() }),
    tokens: 'opaqueTokenFor',
    isStruck: ({ path }) => path === '/oidc/v1/userinfo',
    isBlindToAudience: true,
  },
];

interface Scenario {
  readonly way: Way;
  readonly bad: number;
  readonly fault: keyof typeof FAULTS;
  /** Eager: with several tokens each, the next request as soon as the last one is answered. */
  readonly pace: 'slow' | 'eager';
  /** Whether all was well with the bad ones at first. */
  readonly turned: boolean;
}

interface Told {
  readonly refused: number;
  /** Told something else than that ZITADEL is not available. */
  readonly wrong: number;
  readonly badRequests: number;
  readonly badCalls: number;
  readonly outageRequests: number;
  readonly outageCalls: number;
  /** Of the good ones, in milliseconds. */
  readonly median: number;
  readonly p99: number;
  readonly slowest: number;
}

interface Person {
  readonly id: string;
  readonly tokens: readonly string[];
}

type Library = ReturnType<typeof createZitadel>;

let lines = 0;

async function play(
  zitadel: ZitadelEmulator,
  server: FaultServer,
  { way, bad, fault, pace, turned }: Scenario,
): Promise<Told> {
  const line = `bystanders-${(lines += 1)}`;
  const acme = zitadel.addOrg(`acme of ${line}`);
  const people = (what: string, count: number, tokens = 1): readonly Person[] =>
    Array.from({ length: count }, (_, at) => {
      const user = zitadel.addUser(`${what} ${at} of ${line}`, { org: acme });
      const some = Array.from({ length: tokens }, (_each, number) =>
        zitadel[way.tokens](user, { claims: { number: String(number) } }),
      );
      return { id: user.id, tokens: some };
    });
  const troubled = people('bad', bad, pace === 'eager' ? TOKENS_OF_EAGER : 1);
  const good = people('good', GOOD);
  const cold = people('cold', GOOD / 4);
  const { issuer, audience } = zitadel.options();
  const library = createZitadel({
    issuer,
    // What userinfo() tells names nobody.
    ...(way.isBlindToAudience !== true && audience !== undefined && { audience }),
    internalUrl: server.url,
    fetch: (url, init) => {
      const headers = { ...(init.headers as Record<string, string>), [LINE_HEADER]: line };
      return fetch(url, { ...init, headers });
    },
    timeoutMs: TIMEOUT_MS,
    budgetMs: BUDGET_MS,
    logger: SILENT,
    // Whose calls are answered at first is to be asked for again soon.
    cache: { ttlMs: 300 },
    ...way.options(zitadel, acme),
  });
  const isBad = ownersOf(troubled);
  let [badCalls, outageCalls, outage, striking] = [0, 0, false, !turned];
  server.strike(line, (asked) => {
    if (!way.isStruck(asked)) return undefined;
    if (outage) {
      outageCalls += 1;
      return ERROR_500;
    }
    if (!striking || !isBad(asked)) return undefined;
    badCalls += 1;
    return FAULTS[fault];
  });

  let [refused, wrong, badRequests] = [0, 0, 0];
  const tookMs: number[] = [];
  if (turned) await Promise.all(troubled.map(({ tokens }) => ask(library, tokens[0])));
  const over = new AbortController();
  const storm = troubled.flatMap(({ tokens }) =>
    tokens.map(async (token) => {
      while (!over.signal.aborted) {
        badRequests += 1;
        const reason = await ask(library, token);
        if (striking && reason !== 'unavailable' && reason !== 'yes') wrong += 1;
        await sleep(pace === 'eager' ? 25 : 250);
      }
    }),
  );
  // The bad ones come first, so that nothing is known about anybody.
  await sleep(turned ? 0 : 300);
  await paced(good, 2_000, async ({ tokens }, at) => {
    if (at === GOOD / 10) striking = true;
    const beginning = performance.now();
    const reason = await ask(library, tokens[0]);
    tookMs.push(performance.now() - beginning);
    if (reason === 'unavailable') refused += 1;
    else if (reason !== 'yes') wrong += 1;
  });
  over.abort();
  await Promise.all(storm);
  outage = true;
  const everybody = cold.flatMap((person, at) => [person, good[at] ?? person]);
  await paced(everybody, 1_000, async ({ tokens }) => {
    if ((await ask(library, tokens[0])) !== 'unavailable') wrong += 1;
  });
  server.heal(line);
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => Math.round(tookMs[Math.floor((tookMs.length - 1) * share)] ?? 0);
  return {
    refused,
    wrong,
    badRequests,
    badCalls,
    outageRequests: everybody.length,
    outageCalls,
    median: at(0.5),
    p99: at(0.99),
    slowest: at(1),
  };
}

async function ask({ decisions }: Library, token = ''): Promise<string> {
  const request = { headers: { authorization: `Bearer ${token}` } };
  const decision = await decisions.authorize(request, decisions.prepare(authenticated()));
  return decision.allowed ? 'yes' : decision.reason;
}

/** Whether a request is about one of them: by its token, by the path, or by what it asks. */
function ownersOf(people: readonly Person[]): (asked: Arrived) => boolean {
  const marks = people.flatMap(({ id, tokens }) => [id, ...tokens]);
  return ({ path, headers, body }) => {
    const text = `${path} ${headers['authorization'] ?? ''} ${decodeURIComponent(body.toString())}`;
    return marks.some((mark) => text.includes(mark));
  };
}

/** Begins one after the other, evenly over a while, so many at a time. */
async function paced<T>(
  all: readonly T[],
  forMs: number,
  task: (one: T, at: number) => Promise<void>,
): Promise<void> {
  const beginning = performance.now();
  const under = new Set<Promise<void>>();
  for (const [at, one] of all.entries()) {
    const dueIn = beginning + (at * forMs) / all.length - performance.now();
    if (dueIn > 0) await sleep(dueIn);
    if (under.size >= AT_ONCE) await Promise.race(under);
    const done: Promise<void> = task(one, at).finally(() => under.delete(done));
    under.add(done);
  }
  await Promise.all(under);
}

function scenarios(short: boolean): readonly Scenario[] {
  const all = WAYS.flatMap((way) =>
    (Object.keys(FAULTS) as Scenario['fault'][]).flatMap((fault) =>
      [12, 6, 3].flatMap((bad) =>
        (['eager', 'slow'] as const).map((pace) => ({ way, bad, fault, pace })),
      ),
    ),
  );
  return (
    all
      .map((each, at): Scenario => ({ ...each, turned: at % 4 > 1 }))
      // Every kind for the way that is the default; of the others, which share its limits, each fifth.
      .filter(({ way }, at) => (short ? at % 37 === 0 : way === WAYS[0] || at % 5 === 2))
  );
}

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress: (text: string) => void;
}): Promise<Figures> {
  const zitadel = await ZitadelEmulator.start();
  const server = await FaultServer.start(zitadel.url);
  try {
    const left = [...scenarios(short)];
    const count = left.length;
    const told: Told[] = [];
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next; next = left.shift()) {
        const figures = await play(zitadel, server, next);
        told.push(figures);
        const { way, bad, fault, pace, turned } = next;
        progress(
          `${way.text}: ${bad} ${pace} users ${turned ? 'begin to ' : ''}${fault}: ${JSON.stringify(figures)}`,
        );
      }
    };
    await work();
    const worst = (of: (each: Told) => number) => Math.max(...told.map(of));
    const worstRefusedShare = worst(({ refused }) => refused / GOOD);
    const worstOutageShare = worst((each) => each.outageCalls / each.outageRequests);
    const wrong = told.reduce((sum, each) => sum + each.wrong, 0);
    return {
      ok: worstRefusedShare <= MOST_REFUSED && worstOutageShare <= MOST_IN_OUTAGE && wrong === 0,
      scenarios: count,
      worstRefusedShare,
      wrong,
      worstMedianMs: worst(({ median }) => median),
      worstP99Ms: worst(({ p99 }) => p99),
      slowestMs: worst(({ slowest }) => slowest),
      worstOutageShare,
    };
  } finally {
    await server.stop();
    await zitadel.stop();
  }
}
