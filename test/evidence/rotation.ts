import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { jwt, org, pat, role, type Decision } from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { createZitadel } from './data-path.js';
import { MonotonicClock } from './clock.js';
import { seededRandom } from './seeded-random.js';

export const about =
  'new signing keys under load: no good token is called bad, at most one fetch of keys a second';

const SECOND_MS = 1_000;
/** ZITADEL goes on publishing a key for a while after it has stopped signing with it. */
const PUBLISHED = 3;
/** Of each kind in a burst: by the new key, by the one before it, by keys that do not exist. */
const TOKENS = 4;

interface Key {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Record<string, unknown> & { ok: boolean }> {
  const rotations = short ? 100 : 1_000;
  const zitadel = await ZitadelEmulator.start();
  const clock = new MonotonicClock();
  try {
    const acme = zitadel.addOrg('acme');
    const alice = zitadel.addUser('alice');
    const reader = zitadel.addServiceUser('reader');
    zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
    zitadel.addMember(reader, { org: acme }, ['ORG_OWNER']);
    const random = seededRandom(3, 1);
    const fetchedAt: number[] = [];
    const { decisions } = createZitadel(
      zitadel.options({
        // Verified here alone, so that nothing but the keys stands in the way.
        callers: jwt({ recheckMs: false }),
        memberships: { as: 'serviceUser', organizations: [acme.id] },
        serviceUser: pat(zitadel.patFor(reader)),
        // The clock is turned while requests are under way.
        budgetMs: 120_000,
        timeoutMs: 60_000,
        logger: SILENT,
        fetch: async (url, init) => {
          const isOfKeys = url.endsWith('/oauth/v2/keys');
          if (isOfKeys) fetchedAt.push(performance.now());
          const response = await globalThis.fetch(url, init);
          // Long enough for a rotation between what ZITADEL answers and its arrival.
          if (isOfKeys) await sleep(2);
          return response;
        },
      }),
    );
    const requirement = role('ORG_OWNER', org(acme.id));
    const ask = async (token: string): Promise<Decision> =>
      decisions.authorize(
        { headers: { authorization: `Bearer ${token}` } },
        decisions.prepare(requirement),
      );

    const claims = claimsOf(zitadel.tokenFor(alice));
    const signer = (key: Key, kid = key.kid) => tokenOf(claims, kid, key.privateKey);
    let keys: readonly Key[] = [];
    const rotate = (): Key => {
      const key = { kid: randomUUID(), ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
      keys = [key, ...keys].slice(0, PUBLISHED);
      zitadel.fail('keys', { status: 200, body: { keys: keys.map(published) } });
      return key;
    };
    let current = rotate();
    if (!(await ask(signer(current))).allowed) throw new Error('the first key is not accepted');

    const tally = { tokens: 0, wrong401: 0, told503: 0, knownRefused: 0, never: 0, junkAllowed: 0 };
    const times = <T>(make: () => T): T[] => Array.from({ length: TOKENS }, make);
    const askJunk = async () => {
      tally.tokens += 1;
      if ((await ask(signer(current, randomUUID()))).allowed) tally.junkAllowed += 1;
    };
    const askKnown = async (key: Key) => {
      tally.tokens += 1;
      if (!(await ask(signer(key))).allowed) tally.knownRefused += 1;
    };
    /** In how many milliseconds the same token is to be tried again; undefined: it was accepted, or refused for good. */
    const askGood = async (token: string): Promise<number | undefined> => {
      const decision = await ask(token);
      if (decision.allowed) return undefined;
      const { reason, retryAfterMs } = decision;
      if (reason === 'token_invalid') tally.wrong401 += 1;
      else if (reason === 'unavailable' && retryAfterMs !== undefined) return retryAfterMs;
      else tally.never += 1;
      return undefined;
    };

    for (let rotation = 1; rotation <= rotations; rotation += 1) {
      clock.advance(random.below(2 * SECOND_MS));
      // Before the rotation, during a fetch that they may have caused, and after it.
      const junk = times(askJunk);
      if (random.below(2) === 1) await sleep(random.below(4));
      const before = current;
      current = rotate();
      const good = times(() => signer(current));
      tally.tokens += good.length;
      const waits = await Promise.all(good.map(askGood));
      await Promise.all([...junk, ...times(askJunk), ...times(() => askKnown(before))]);
      const told = good.filter((_, at) => waits[at] !== undefined);
      tally.told503 += told.length;
      clock.advance(Math.max(0, ...waits.map((ms = 0) => ms)));
      const again = told.map(askGood);
      await Promise.all([...times(askJunk), ...times(() => askKnown(before))]);
      for (const ms of await Promise.all(again)) if (ms !== undefined) tally.never += 1;
      if (rotation % 100 === 0) progress(`${rotation} rotations: ${JSON.stringify(tally)}`);
    }
    const mostFetchesPerSecond = mostWithin(SECOND_MS, fetchedAt);
    const { wrong401, told503, knownRefused, never, junkAllowed } = tally;
    return {
      // Where nobody had to come back, no key was newer than the last fetch.
      ok:
        wrong401 + knownRefused + never + junkAllowed === 0 &&
        told503 > 0 &&
        mostFetchesPerSecond === 1,
      rotations,
      ...tally,
      fetches: fetchedAt.length,
      mostFetchesPerSecond,
    };
  } finally {
    clock.restore();
    await zitadel.stop();
  }
}

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  const [, claims = ''] = token.split('.');
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
}

/** The same claims in a token of its own. Elliptic curves, of which a new key takes no time. */
function tokenOf(claims: object, kid: string, key: KeyObject): string {
  const parts = [
    { alg: 'ES256', kid, typ: 'JWT' },
    { ...claims, jti: randomUUID() },
  ];
  const content = parts
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}

const published = ({ kid, publicKey }: Key) => ({
  ...publicKey.export({ format: 'jwk' }),
  kid,
  alg: 'ES256',
  use: 'sig',
});

/** The most of these moments, in their order, that lie within so many milliseconds. */
function mostWithin(ms: number, moments: readonly number[]): number {
  const counts = moments.map(
    (from) => moments.filter((moment) => moment >= from && moment < from + ms).length,
  );
  return Math.max(...counts);
}

const SILENT = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
