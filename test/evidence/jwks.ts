import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { org, role, type Decision } from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { createZitadel } from './data-path.js';

export const about =
  'tokens with random key ids, while the keys can and cannot be fetched: one fetch a window';

const MODES = ['up', '500', 'refusing', 'hanging', 'garbage'] as const;
type Mode = (typeof MODES)[number];

/** The promise: while keys can be fetched, an unknown key id fetches them at most once a second ... */
const UNKNOWN_KID_MS = 1_000;
/** ... and after a failed fetch they are left alone for a second, twice as long each time, up to half a minute. */
const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 30_000;
/** A token with a known key among so many with unknown ones. */
const GOOD_EVERY = 100;
/** More at once would keep this process from hearing ZITADEL's answers. */
const BURST = 100;

interface Fetched {
  readonly from: number;
  until: number;
  hasEnded: boolean;
}

interface ModeFigures {
  readonly tokens: number;
  readonly fetches: number;
  readonly windows: number;
  readonly mostFetchesPerWindow: number;
  /** Tokens that were told something else than the mode calls for. */
  readonly wrongAnswers: number;
  /** Tokens with a known key among them, and how many of these were refused for it. */
  readonly good: number;
  readonly goodRefused: number;
}

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Record<string, unknown> & { ok: boolean }> {
  // Long enough for a second window of half a minute to open after failures.
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
      all.every(
        ({ windows, wrongAnswers, good, goodRefused }) =>
          windows > 0 && wrongAnswers === 0 && good > 0 && goodRefused === 0,
      ),
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
    const requirement = role('ORG_OWNER', org(zitadel.rootOrg.id));
    const decide = (token: string) =>
      decisions.authorize(
        { headers: { authorization: `Bearer ${token}` } },
        decisions.prepare(requirement),
      );
    const goodToken = zitadel.tokenFor(alice);
    const forge = forgeryOf(goodToken);
    const first = await decide(goodToken);
    if (first.allowed || first.reason !== 'role_missing') throw new Error('the keys are not known');
    // As cold as at the start, but for the key that is known.
    await sleep(UNKNOWN_KID_MS);
    fetched.length = 0;
    zitadel.resetRequests();
    bend(zitadel, mode);
    const tally = { wrongAnswers: 0, good: 0, goodRefused: 0 };
    const askForged = async () => {
      const before = fetched.length;
      const decision = await decide(forge());
      const isYounger = fetched.slice(before).some(({ hasEnded }) => hasEnded);
      if (!isRight(decision, mode, isYounger)) tally.wrongAnswers += 1;
    };
    const askGood = async () => {
      tally.good += 1;
      const decision = await decide(zitadel.tokenFor(alice));
      // What a process this busy does not hear in time about memberships says nothing about keys.
      if (isAboutKey(decision)) tally.goodRefused += 1;
    };
    let calls = 0;
    await spread(tokens, forMs, async () => {
      calls += 1;
      await Promise.all([askForged(), calls % GOOD_EVERY === 1 && askGood()]);
    });
    const seen = zitadel.requests('keys');
    if (seen !== fetched.length) throw new Error(`${seen} fetches arrived of ${fetched.length}`);
    return { tokens, ...countWindows(fetched, mode), ...tally };
  } finally {
    await zitadel.stop();
  }
}

/** A token is bad only by keys that were asked for after it had come; else nothing is known, and it is told when to come back. */
function isRight(decision: Decision, mode: Mode, isYounger: boolean): boolean {
  if (decision.allowed) return false;
  if (decision.reason === 'token_invalid') return mode === 'up' && isYounger;
  const { reason, retryAfterMs = -1 } = decision;
  const longestMs = mode === 'up' ? UNKNOWN_KID_MS : LONGEST_BACKOFF_MS;
  return reason === 'unavailable' && retryAfterMs >= 0 && retryAfterMs <= longestMs;
}

function isAboutKey(decision: Decision): boolean {
  if (decision.allowed) return false;
  return decision.reason === 'token_invalid' || decision.detail?.startsWith('keys:') === true;
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
  const one: Fetched = { from: performance.now(), until: performance.now(), hasEnded: false };
  fetched.push(one);
  try {
    return await globalThis.fetch(url, init);
  } finally {
    one.until = performance.now();
    one.hasEnded = true;
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
