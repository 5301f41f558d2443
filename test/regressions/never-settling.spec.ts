import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { role } from '../../lib/core/requirement/builders.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import type { CallerFunction } from '../../lib/options.js';
import { ZitadelEmulator } from '../../lib/testing/index.js';
import { createHttp } from '../../lib/zitadel/http.js';
import { realFetch, recorder, verdict } from '../zitadel/parts.js';

let zitadel: ZitadelEmulator;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
});
afterAll(() => zitadel.stop());

const NEVER = new Promise<never>(() => undefined);

describe('a function for callers that once never answers', () => {
  it('costs one request its budget, and does not lock the token out', async () => {
    const alice = zitadel.addUser('alice');
    zitadel.addMember(alice, 'instance', ['IAM_OWNER']);
    let asked = 0;
    const callers: CallerFunction = () => {
      asked += 1;
      return asked === 1 ? NEVER : { userId: alice.id, claims: {} };
    };
    const { issuer } = zitadel;
    const times = { timeoutMs: 3_000, budgetMs: 3_000 };
    const library = createZitadel({ issuer, callers, logger: recorder(), ...times });
    const token = zitadel.tokenFor(alice);
    const ask = () => verdict(library, token, role('IAM_OWNER'));
    // Whoever comes while it is waited for waits too, and no longer.
    expect(await Promise.all([ask(), ask()])).toEqual(['unavailable', 'unavailable']);
    expect(asked).toBe(1);
    expect(await ask()).toBe('yes');
    expect(asked).toBe(2);
  });
});

describe('a fetch of the application that does not heed the signal to stop', () => {
  it('leaves every slot free for the calls that follow', async () => {
    let deaf = true;
    const http = createHttp({
      issuer: zitadel.issuer,
      internalUrl: undefined,
      fetch: (url, init) => (deaf ? NEVER : realFetch(url, init)),
      timeoutMs: 500,
      budgetMs: 5_000,
    });
    const call = {
      family: 'test',
      method: 'GET',
      path: '/.well-known/openid-configuration',
    } as const;
    // More than there are slots in all.
    const replies = await Promise.all(Array.from({ length: 70 }, () => http(call)));
    expect(new Set(replies.map((reply) => 'kind' in reply && reply.kind))).toEqual(
      new Set(['late']),
    );
    deaf = false;
    const next = await Promise.all(Array.from({ length: 8 }, () => http(call)));
    expect(next.map((reply) => 'status' in reply && reply.status)).toEqual(
      Array.from({ length: 8 }, () => 200),
    );
  });

  it('whose answer comes after all disturbs nobody', async () => {
    let late: (response: Response) => void = () => undefined;
    const http = createHttp({
      issuer: zitadel.issuer,
      internalUrl: undefined,
      fetch: () => new Promise((resolve) => (late = resolve)),
      timeoutMs: 60,
      budgetMs: 60,
    });
    const reply = await http({ family: 'test', method: 'GET', path: '/x' });
    expect(reply).toMatchObject({ kind: 'late' });
    const body = new ReadableStream({ start: (stream) => stream.error(new Error('aborted')) });
    // An unhandled rejection would fail this file.
    late(new Response(body));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  });
});
