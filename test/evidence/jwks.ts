import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createZitadel, org, role } from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';

export const about =
  'tokens with random key ids, while the keys can and cannot be fetched: one fetch a window';

const MODES = ['up', '500', 'refusing', 'hanging', 'garbage'] as const;
type Mode = (typeof MODES)[number];

/** The promise: while keys can be fetched, an unknown key id fetches them at most every half minute ... */
const UNKNOWN_KID_MS = 30_000;
/** ... and after a failed fetch they are left alone for a second, twice as long each time, up to half a minute. */
const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 30_000;
/** More at once would keep this process from hearing ZITADEL's answers. */
const BURST = 100;

interface Fetched {
  readonly from: number;
  until: number;
}

interface ModeFigures {
  readonly tokens: number;
  readonly fetches: number;
  readonly windows: number;
  readonly mostFetchesPerWindow: number;
  /** Tokens that were told something else than the mode calls for. */
  readonly wrongAnswers: number;
}

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Record<string, unknown> & { ok: boolean }> {
  // Long enough for a second window of half a minute to open.
  const [tokens, forMs] = short ? [2_000, 2_500] : [100_000, 40_000];
  const emulators = await Promise.all(
    MODES.map(async (mode) => [mode, await ZitadelEmulator.start()] as const),
  );
  const entries = await Promise.all(
    emulators.map(async ([mode, zitadel]) => {
      const figures = await flood(zitadel, mode, tokens, forMs);
      progress(`${mode}: ${JSON.stringify(figures)}`);
      return [mode, figures] as const;
    }),
  );
  const all = entries.map(([, figures]) => figures);
  const mostFetchesPerWindow = Math.max(...all.map((figures) => figures.mostFetchesPerWindow));
  return {
    ok:
      mostFetchesPerWindow === 1 &&
      all.every(({ windows, wrongAnswers }) => windows > 0 && wrongAnswers === 0),
    tokens,
    modes: Object.fromEntries(entries),
    mostFetchesPerWindow,
  };
}

async function flood(
  zitadel: ZitadelEmulator,
  mode: Mode,
  tokens: number,
  forMs: number,
): Promise<ModeFigures> {
  try {
    const alice = zitadel.addUser('alice');
    bend(zitadel, mode);
    const fetched: Fetched[] = [];
    const { decisions } = createZitadel(
      zitadel.options({
        fetch: (url, init) => watched(fetched, url, init),
        logger: SILENT,
        // A process this busy hears an answer late: only where none comes may it give up early.
        timeoutMs: mode === 'hanging' ? 1_000 : 10_000,
        budgetMs: 20_000,
      }),
    );
    const forge = forgeryOf(zitadel.tokenFor(alice));
    const requirement = role('ORG_OWNER', org(zitadel.rootOrg.id));
    const expected = mode === 'up' ? 'token_invalid' : 'unavailable';
    let wrongAnswers = 0;
    const authorize = async () => {
      const headers = { authorization: `Bearer ${forge()}` };
      const decision = await decisions.authorize({ headers }, requirement);
      if (decision.allowed || decision.reason !== expected) wrongAnswers += 1;
    };
    await spread(tokens, forMs, authorize);
    const seen = zitadel.requests('keys');
    if (seen !== fetched.length) throw new Error(`${seen} fetches arrived of ${fetched.length}`);
    return { tokens, ...countWindows(fetched, mode), wrongAnswers };
  } finally {
    await zitadel.stop();
  }
}

function bend(zitadel: ZitadelEmulator, mode: Mode): void {
  switch (mode) {
    case 'up':
      return;
    case '500':
      return zitadel.fail('keys', 500);
    case 'refusing':
      return zitadel.fail('keys', 'refuse');
    case 'hanging':
      return zitadel.fail('keys', 'hang');
    case 'garbage':
      return zitadel.fail('keys', 'garbage');
  }
}

async function watched(fetched: Fetched[], url: string, init: RequestInit): Promise<Response> {
  if (!url.endsWith('/oauth/v2/keys')) return globalThis.fetch(url, init);
  const one: Fetched = { from: performance.now(), until: performance.now() };
  fetched.push(one);
  try {
    return await globalThis.fetch(url, init);
  } finally {
    one.until = performance.now();
  }
}

/** Well-formed tokens with the claims of a right one, each with a key id and a signature of its own. */
function forgeryOf(right: string): () => string {
  const [, claims = '', signature = ''] = right.split('.');
  const bytes = Buffer.from(signature, 'base64url').length;
  return () => {
    const header = { alg: 'RS256', kid: randomUUID(), typ: 'JWT' };
    const first = Buffer.from(JSON.stringify(header)).toString('base64url');
    return `${first}.${claims}.${randomBytes(bytes).toString('base64url')}`;
  };
}

/** Calls in bursts, evenly over the time, so that every window meets many tokens at once; later, where the machine is too slow. */
async function spread(calls: number, forMs: number, call: () => Promise<void>): Promise<void> {
  const beginning = performance.now();
  const under = new Set<Promise<void>>();
  for (let done = 0; done < calls;) {
    const due = Math.ceil(((performance.now() - beginning) / forMs) * calls) + 1;
    for (const end = Math.min(calls, due, done + BURST); done < end; done += 1) {
      const one: Promise<void> = call().finally(() => under.delete(one));
      under.add(one);
    }
    await sleep(2);
  }
  await Promise.all(under);
}

/** A window begins with a fetch and ends when the next one is allowed; fetches that begin in it count. */
function countWindows(
  fetched: readonly Fetched[],
  mode: Mode,
): Pick<ModeFigures, 'fetches' | 'windows' | 'mostFetchesPerWindow'> {
  let windows = 0;
  let most = 0;
  for (let first = 0; first < fetched.length;) {
    const { until = 0 } = fetched[first] ?? {};
    const waitMs =
      mode === 'up'
        ? UNKNOWN_KID_MS
        : Math.min(FIRST_BACKOFF_MS * 2 ** windows, LONGEST_BACKOFF_MS);
    const inside = fetched.filter(({ from }, at) => at >= first && from < until + waitMs).length;
    windows += 1;
    most = Math.max(most, inside);
    first += inside;
  }
  return { fetches: fetched.length, windows, mostFetchesPerWindow: most };
}

const SILENT = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
