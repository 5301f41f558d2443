import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../lib/core/caller.js';
import type { Refusal } from '../../../lib/core/decision.js';
import { basic, openClient } from '../../../lib/zitadel/credentials.js';
import type { Discover } from '../../../lib/zitadel/discovery.js';
import { createHttp } from '../../../lib/zitadel/http.js';
import { createIntrospection } from '../../../lib/zitadel/callers/introspection.js';
import { createUserinfoVerifier } from '../../../lib/zitadel/callers/userinfo.js';
import { realFetch } from '../parts.js';
import { json, scripted, type ScriptedServer } from '../scripted-server.js';

const USER = '400000000000000001';
const PROJECT = '400000000000000002';

let server: ScriptedServer;

type Verify = (token: string) => Promise<Caller | Refusal>;
const WAYS: readonly (readonly [string, (issuer: string, budgetMs: number) => Verify])[] = [
  [
    'introspection()',
    (issuer, budgetMs) =>
      createIntrospection(httpTo(issuer, budgetMs), endpoints, openClient(basic('a', 'b')), {
        issuer,
        audience: [PROJECT],
        allowImpersonation: false,
        clockToleranceMs: 5_000,
      }),
  ],
  ['userinfo()', (issuer, budgetMs) => createUserinfoVerifier(httpTo(issuer, budgetMs), endpoints)],
];

const endpoints: Discover = () =>
  Promise.resolve({ keys: '/k', token: '/t', userinfo: '/u', introspection: '/i' });
const httpTo = (issuer: string, budgetMs: number) =>
  createHttp({ issuer, internalUrl: undefined, fetch: realFetch, timeoutMs: budgetMs, budgetMs });

/** A server that leaves junk tokens waiting, and answers good ones at once. */
async function slowForJunk() {
  const seen = { junk: 0 };
  let full = () => {};
  const filled = new Promise<void>((resolve) => {
    full = resolve;
  });
  server = await scripted((response, { body, headers }) => {
    if (`${body} ${headers.authorization ?? ''}`.includes('junk')) {
      seen.junk += 1;
      if (seen.junk === 48) full();
      return;
    }
    const seconds = Math.floor(Date.now() / 1_000);
    json(response, {
      active: true,
      iss: server.url,
      sub: USER,
      aud: [PROJECT],
      iat: seconds,
      exp: seconds + 600,
    });
  });
  return { seen, filled };
}

describe.each(WAYS)('a flood of junk tokens at %s', (_what, verifierOf) => {
  it('does not hold up a caller whose token was accepted before', async () => {
    const { seen, filled } = await slowForJunk();
    const verify = verifierOf(server.url, 2_000);
    expect(await verify('good')).toMatchObject({ userId: USER });
    const flood = Array.from({ length: 900 }, (_, at) => verify(`junk-${at}`));
    await filled;
    expect(await verify('good')).toMatchObject({ userId: USER });
    expect(seen.junk).toBe(48);
    for (const refusal of await Promise.all(flood)) {
      expect(refusal).toMatchObject({ reason: 'unavailable' });
    }
  });

  it('waits in a bounded number: what is beyond is answered at once', async () => {
    const { filled } = await slowForJunk();
    const verify = verifierOf(server.url, 30_000);
    let answered = 0;
    const flood = Array.from({ length: 1_500 }, async (_, at) => {
      const refusal = await verify(`junk-${at}`);
      answered += 1;
      return refusal;
    });
    await filled;
    const early = await Promise.race(flood);
    expect(early).toMatchObject({ reason: 'unavailable' });
    await Promise.all(flood.slice(48 + 1_000));
    expect(answered).toBe(1_500 - 48 - 1_000);
    await server.close();
    await Promise.allSettled(flood);
  });
});
