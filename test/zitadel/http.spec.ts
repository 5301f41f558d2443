import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { bodyOrThrow } from '../../lib/zitadel/refusals.js';
import type { Call } from '../../lib/zitadel/call.js';
import { createHttp, type HttpOptions, withPageLimit } from '../../lib/zitadel/http.js';
import {
  type Done,
  isDone,
  isTrouble,
  type No,
  type Reply,
  type Trouble,
} from '../../lib/zitadel/reply.js';
import { gate } from '../core/gate.js';
import { json, scripted, type Script } from './scripted-server.js';
import { impatiently } from '../support/impatience.js';
import { role } from '../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import {
  type Org,
  type Project,
  type QueryLimits,
  type User,
  ZitadelEmulator,
} from '../../lib/testing/index.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { readMembershipPages } from '../../lib/zitadel/memberships/by-v1.js';
import { recorder, verdict } from './parts.js';

const CANARY = 'canary-that-is-secret';

afterEach(() => {
  vi.useRealTimers();
});

function httpTo(issuer: string, more: Partial<HttpOptions> = {}) {
  const http = createHttp({
    issuer,
    internalUrl: undefined,
    fetch: (url, init) => globalThis.fetch(url, init),
    timeoutMs: 60_000,
    budgetMs: 120_000,
    ...more,
  });
  return (call: Partial<Call> = {}) => http({ family: 'test', method: 'GET', path: '/x', ...call });
}

function done(reply: Reply): Done {
  if (isDone(reply)) return reply;
  throw new Error(isTrouble(reply) ? reply.trouble : reply.says);
}

function troubled(reply: Reply): Trouble {
  if (isTrouble(reply)) return reply;
  throw new Error(`answered ${reply.status}`);
}

describe('a call', () => {
  it('carries what it is told to, and is answered with status and parsed body', async () => {
    const { url, requests } = await scripted((response) => json(response, { ok: true }));
    const http = httpTo(url);
    const call = {
      method: 'POST',
      path: '/a?b=c',
      token: 'abc',
      orgId: '7',
      json: { x: 1 },
    } as const;
    expect(await http(call)).toEqual({ status: 200, body: { ok: true } });
    expect(requests).toEqual([
      {
        method: 'POST',
        path: '/a?b=c',
        body: '{"x":1}',
        headers: expect.objectContaining({
          authorization: 'Bearer abc',
          'x-zitadel-orgid': '7',
          'content-type': 'application/json',
          accept: 'application/json',
          // Error texts come in the caller's language otherwise.
          'accept-language': 'en',
        }) as object,
      },
    ]);
    expect(Object.keys(requests[0]?.headers ?? {})).not.toContain('x-zitadel-instance-host');
  });

  it('can be a form', async () => {
    const { url, requests } = await scripted((response) => json(response, {}));
    await httpTo(url)({ method: 'POST', form: { a: 'b c', d: '&=' } });
    expect(requests[0]).toMatchObject({
      body: 'a=b+c&d=%26%3D',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  });

  it('goes to the internal address with the two headers that name the instance', async () => {
    const { url, requests } = await scripted((response) => json(response, {}));
    await httpTo('https://acme.example:8443', { internalUrl: url })();
    expect(requests[0]?.headers).toMatchObject({
      'x-zitadel-instance-host': 'acme.example',
      'x-zitadel-public-host': 'acme.example:8443',
    });
  });

  it('that ZITADEL refuses is an answer like any other', async () => {
    const body = { code: 5, message: 'Project not found (QUERY-fk2fs)' };
    const { url } = await scripted((response) => json(response, body, 404));
    const reply = await httpTo(url)({ path: '/management/v1/projects/1' });
    expect(reply).toEqual({ status: 404, says: 'error', id: 'QUERY-fk2fs' });
  });

  it('that something else answers is trouble, whatever the status', async () => {
    for (const status of [200, 401, 403, 404, 502]) {
      const { url } = await scripted((response) => {
        response.writeHead(status, { 'content-type': 'text/html', 'retry-after': '7' });
        response.end('<h1>Attention Required!</h1>');
      });
      const reply = troubled(await httpTo(url)({ path: '/auth/v1/memberships/me/_search' }));
      expect(reply).toEqual({
        trouble: `the reply (${status}) is not ZITADEL’s`,
        kind: 'unusable',
        status,
        retryAfterMs: 7_000,
      });
    }
  });
});

describe('a redirect', () => {
  const credentials: readonly [string, Partial<Call>][] = [
    ['a token', { token: CANARY }],
    [
      'a token of the service user for an organization',
      { token: CANARY, orgId: '7', method: 'POST', json: {} },
    ],
    ['a client secret', { method: 'POST', form: { client_secret: CANARY } }],
    ['an assertion', { method: 'POST', form: { assertion: CANARY } }],
  ];

  it.each(credentials)(
    'is not followed with %s: nothing reaches the other address',
    async (_what, call) => {
      const trap = await scripted((response) => json(response, { trapped: true }));
      for (const status of [301, 302, 303, 307, 308]) {
        const { url, requests } = await scripted((response) => {
          response.writeHead(status, { location: `${trap.url}/stolen` });
          response.end();
        });
        const reply = troubled(await httpTo(url)({ ...call, repeatable: true }));
        expect(reply.trouble).toContain('redirect');
        expect(reply.trouble).not.toContain(trap.url);
        expect(requests).toHaveLength(1);
      }
      expect(trap.requests).toEqual([]);
    },
  );

  it('to the same address is not followed either', async () => {
    const { url, requests } = await scripted((response) => {
      response.writeHead(302, { location: '/y' });
      response.end();
    });
    troubled(await httpTo(url)());
    expect(requests.map(({ path }) => path)).toEqual(['/x']);
  });

  it.each([300, 304])('is not only a status with an address: %d', async (status) => {
    const { url } = await scripted((response) => {
      response.writeHead(status);
      response.end();
    });
    expect(troubled(await httpTo(url)()).kind).toBe('unusable');
  });
});

describe('the size of an answer', () => {
  const bodyOf = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`;

  it('may be what is allowed and not a byte more', async () => {
    const { url } = await scripted((response, { path }) => {
      response.end(bodyOf(path === '/fits' ? 1_000 : 1_001));
    });
    expect(done(await httpTo(url)({ path: '/fits', maxBytes: 1_000 })).status).toBe(200);
    expect(troubled(await httpTo(url)({ path: '/not', maxBytes: 1_000 })).kind).toBe('tooLarge');
  });

  it('is a mebibyte unless said otherwise', async () => {
    const { url } = await scripted((response, { path }) => {
      response.end(bodyOf(2 ** 20 + (path === '/fits' ? 0 : 1)));
    });
    expect(done(await httpTo(url)({ path: '/fits' })).status).toBe(200);
    expect(troubled(await httpTo(url)({ path: '/not' })).kind).toBe('tooLarge');
  });

  it('is that of the unpacked answer', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 2 ** 20, 'x'));
    const { url } = await scripted((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(bomb);
    });
    // That it is not unpacked to its end is shown by the proof `bounds`.
    expect(troubled(await httpTo(url)()).kind).toBe('tooLarge');
  });

  it('ends what never ends', async () => {
    const closed = gate();
    const { url } = await scripted((response) => {
      response.on('close', () => closed.open());
      const more = (): void => {
        if (response.write('x'.repeat(65_536))) setImmediate(more);
        else response.once('drain', more);
      };
      more();
    });
    expect(troubled(await httpTo(url)({ repeatable: true })).kind).toBe('tooLarge');
    await closed.passed;
  });

  it('counts for refusals as well', async () => {
    const { url } = await scripted((response) => {
      response.writeHead(500);
      response.end(bodyOf(2 ** 20 + 1));
    });
    expect(troubled(await httpTo(url)()).kind).toBe('tooLarge');
  });
});

describe('an answer that does not come', () => {
  const silent: readonly [string, Script][] = [
    ['is not begun', () => undefined],
    ['stops after its headers', (response) => response.writeHead(200).flushHeaders()],
    ['stops in its middle', (response) => void response.write('{"result":')],
    [
      'drips',
      (response) => {
        const timer = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ];

  it.each(silent)('because it %s is given up in time', async (_how, script) => {
    const { url, requests } = await scripted(script);
    expect(troubled(await httpTo(url, { timeoutMs: 150 })())).toEqual({
      kind: 'late',
      trouble: 'ZITADEL did not reply within 150 ms',
    });
    expect(requests).toHaveLength(1);
  });

  it('is given up with all its repetitions within the budget', async () => {
    const { url, requests } = await scripted(() => undefined);
    const http = httpTo(url, { timeoutMs: 200, budgetMs: 450 });
    // What is left of the budget may be too little for another try.
    expect(['late', 'notSent']).toContain(troubled(await http({ repeatable: true })).kind);
    expect(requests.length).toBeLessThanOrEqual(3);
  });

  const broken: readonly [string, Script][] = [
    ['the connection ends', (_response, { socket }) => void socket.destroy()],
    ['the connection is reset', (_response, { socket }) => void socket.resetAndDestroy()],
    [
      'the connection ends in the middle',
      (response, { socket }) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{', () => socket.destroy());
      },
    ],
    [
      'less comes than was said',
      (_response, { socket }) =>
        void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}'),
    ],
    [
      'its pieces are no pieces',
      (_response, { socket }) =>
        void socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n'),
    ],
    [
      'its headers are too long',
      (_response, { socket }) =>
        void socket.end(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(200_000)}\r\n\r\n`),
    ],
    ['it is no HTTP', (_response, { socket }) => void socket.end('SSH-2.0-OpenSSH\r\n')],
    [
      'it is packed wrongly',
      (response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' });
        response.end('no gzip');
      },
    ],
  ];

  it.each(broken)('because %s is no answer', async (_how, script) => {
    const { url } = await scripted(script);
    expect(troubled(await httpTo(url)()).kind).toBe('noReply');
  });

  it.each([false, true])('because nobody listens is no answer, and says so', async (repeatable) => {
    const server = await scripted(() => undefined);
    await server.close();
    // Without a user, the first failure closes the way for its repetitions.
    expect(troubled(await httpTo(server.url)({ repeatable }))).toEqual({
      kind: 'noReply',
      trouble: 'no reply from ZITADEL (ECONNREFUSED)',
      unreachable: true,
    });
  });

  it.each([
    ['a text', 'broken'],
    ['nothing', undefined],
    ['an error with a secret', new Error(CANARY)],
    ['an error with a secret in its cause', new Error('x', { cause: new Error(CANARY) })],
    ['an error with a secret as its code', Object.assign(new Error('x'), { code: CANARY })],
  ])('because the given fetch rejects with %s is no answer', async (_what, error) => {
    const fetch = () => Promise.reject(error as Error);
    const reply = troubled(await httpTo('http://127.0.0.1', { fetch })());
    expect(reply.kind).toBe('noReply');
    expect(JSON.stringify(reply)).not.toContain(CANARY);
  });

  it('because the given fetch throws is no answer', async () => {
    const fetch = () => {
      throw new Error(CANARY);
    };
    expect(troubled(await httpTo('http://127.0.0.1', { fetch })()).kind).toBe('noReply');
  });
});

describe('an answer that cannot be used', () => {
  it.each([
    ['a page', '<!doctype html>'],
    ['half of JSON', '{"result":['],
    ['nothing', ''],
    ['bytes', Buffer.from([0xff, 0xfe, 0])],
  ])('because it is %s is told from none at all', async (_what, body) => {
    const { url, requests } = await scripted((response) => void response.end(body));
    const reply = troubled(await httpTo(url)({ repeatable: true }));
    expect(reply.kind).toBe('unusable');
    expect(requests).toHaveLength(1);
  });
});

describe('a repetition', () => {
  const statuses = (...list: number[]): Script => {
    return (response, { number }) => json(response, {}, list[number - 1] ?? 200);
  };

  it.each([429, 502, 503, 504])('follows a %d, twice at most', async (status) => {
    const once = await scripted(statuses(status));
    expect(done(await httpTo(once.url)({ repeatable: true })).status).toBe(200);
    expect(once.requests).toHaveLength(2);
    const always = await scripted(statuses(status, status, status, status));
    expect((await httpTo(always.url)({ repeatable: true })).status).toBe(status);
    expect(always.requests).toHaveLength(3);
  });

  it.each([400, 401, 403, 404, 409, 412, 500, 501])('does not follow a %d', async (status) => {
    const { url, requests } = await scripted(statuses(status));
    expect((await httpTo(url)({ repeatable: true })).status).toBe(status);
    expect(requests).toHaveLength(1);
  });

  it.each([429, 503])('of a call that changes something does not follow a %d', async (status) => {
    const { url, requests } = await scripted(statuses(status));
    expect((await httpTo(url)({ method: 'POST', json: {} })).status).toBe(status);
    expect(requests).toHaveLength(1);
  });

  it('of a call that changes something does not follow a lost answer', async () => {
    const { url, requests } = await scripted((_response, { socket }) => void socket.destroy());
    expect(troubled(await httpTo(url)({ method: 'POST', json: {} })).kind).toBe('noReply');
    expect(requests).toHaveLength(1);
  });

  it('waits as long as Retry-After says, in seconds or as a date', async () => {
    for (const header of ['1', () => new Date(Date.now() + 2_000).toUTCString()]) {
      const { url, requests } = await scripted((response, { number }) => {
        const wait = typeof header === 'string' ? header : header();
        if (number === 1) json(response, {}, 503, { 'retry-after': wait });
        else json(response, { done: true });
      });
      const beginning = performance.now();
      expect(done(await httpTo(url)({ repeatable: true })).body).toEqual({ done: true });
      // A date has no fractions of a second.
      expect(performance.now() - beginning).toBeGreaterThan(900);
      expect(requests).toHaveLength(2);
    }
  });

  it('is not made where Retry-After asks for more than the budget', async () => {
    const { url, requests } = await scripted((response) =>
      json(response, {}, 429, { 'retry-after': '9999999' }),
    );
    const result = await httpTo(url, { budgetMs: 60_000 })({ repeatable: true });
    // Whoever asks us next is told a wait that makes sense.
    expect(result).toMatchObject({ status: 429, retryAfterMs: 60_000 });
    expect(requests).toHaveLength(1);
  });

  it.each(['-1', 'soon', '1.5', '', '99999999999', '0x10', 'Wed, 21 Oct 2015 07:28:00 GMT'])(
    'takes Retry-After: %j for nothing',
    async (header) => {
      const { url, requests } = await scripted((response, { number }) =>
        json(response, {}, number === 1 ? 503 : 200, { 'retry-after': header }),
      );
      const result = await httpTo(url)({ repeatable: true });
      expect(done(result)).toEqual({ status: 200, body: {} });
      expect(requests).toHaveLength(2);
    },
  );
});

describe('calls at once', () => {
  it('are 64 of one family at most, and the others get their turn', async () => {
    const released = gate();
    let [now, most] = [0, 0];
    const full = gate();
    const { url, requests } = await scripted((response) => {
      now += 1;
      most = Math.max(most, now);
      if (now === 64) full.open();
      void released.passed.then(() => {
        now -= 1;
        json(response, {});
      });
    });
    const http = httpTo(url, { timeoutMs: 10_000, budgetMs: 10_000 });
    const calls = Array.from({ length: 200 }, () => http());
    await full.passed;
    const other = http({ family: 'other' });
    await expect.poll(() => requests.length).toBe(65);
    released.open();
    for (const reply of await Promise.all([...calls, other])) {
      expect(done(reply).status).toBe(200);
    }
    expect(most).toBe(65);
    expect(requests).toHaveLength(201);
  });

  it('that do not get their turn within the budget are not sent', async () => {
    let sent = 0;
    const silence = () => {
      sent += 1;
      return new Promise<never>(() => undefined);
    };
    const http = httpTo('https://acme.example', { fetch: silence, budgetMs: 300 });
    const replies = await Promise.all(Array.from({ length: 70 }, () => http()));
    const unsent = replies.map(troubled).filter(({ kind }) => kind === 'notSent');
    expect(unsent).toHaveLength(6);
    expect(sent).toBe(64);
  });

  it('fail at once while ZITADEL is left alone, and say for how long', async () => {
    const { url, requests } = await scripted((_response, { socket }) => void socket.destroy());
    // Time stands still: nobody may ask again yet.
    vi.useFakeTimers({ toFake: ['performance'] });
    const http = httpTo(url);
    await http();
    const result = troubled(await http({ repeatable: true }));
    expect(result).toMatchObject({ kind: 'notSent', retryAfterMs: 1_000 });
    expect(requests).toHaveLength(1);
  });

  it('go on where one user’s list is too long', async () => {
    const { url } = await scripted((response, { path }) => {
      if (path === '/long') response.end('x'.repeat(2_000));
      else json(response, {});
    });
    const http = httpTo(url);
    for (let turn = 0; turn < 5; turn += 1) {
      troubled(await http({ path: '/long', maxBytes: 1_000, who: 'alice' }));
    }
    expect(done(await http({ who: 'bob' })).status).toBe(200);
  });
});

describe('a secret', () => {
  const replies: readonly [string, Script][] = [
    ['refuses', (response) => json(response, { message: CANARY, details: [{ id: CANARY }] }, 403)],
    ['fails', (response) => json(response, { message: CANARY }, 500)],
    ['answers no JSON', (response) => void response.end(`no JSON: ${CANARY}`)],
    ['answers another shape', (response) => json(response, [CANARY])],
    [
      'redirects',
      (response) => {
        response.writeHead(302, { location: `https://elsewhere.example/?token=${CANARY}` });
        response.end();
      },
    ],
    ['hangs up', (_response, { socket }) => void socket.destroy()],
    ['says nothing', () => undefined],
    ['never ends', (response) => void response.end(CANARY.repeat(100_000))],
  ];

  it.each(replies)('is in no error where ZITADEL %s', async (_how, script) => {
    const { url } = await scripted(script);
    const http = httpTo(url, { timeoutMs: 150 });
    const reply = await http({
      method: 'POST',
      token: CANARY,
      form: { client_secret: CANARY, assertion: CANARY },
    });
    let error: unknown;
    try {
      bodyOrThrow(reply, 'The call');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(Error);
    const { message, stack } = error as Error;
    for (const text of [message, stack, JSON.stringify(error), String(error)]) {
      expect(text).not.toContain(CANARY);
    }
  });
});

describe('a packed answer', () => {
  const JSON_TEXT = Buffer.from('{"ok":true}');

  /** Asks a server that answers with these bytes, said to be packed in this way. */
  async function ask(bytes: Buffer, encoding: string) {
    const { url, requests } = await scripted((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding });
      response.end(bytes);
    });
    return { reply: await httpTo(url)(), headers: requests[0]?.headers };
  }

  it('is asked for and read in gzip, whose unpacking waits for its reader', async () => {
    const { reply, headers } = await ask(gzipSync(JSON_TEXT), 'gzip');
    expect(headers?.['accept-encoding']).toBe('gzip');
    expect(reply).toEqual({ status: 200, body: { ok: true } });
  });

  // Node unpacks deflate and br whether anybody reads or not: a few kilobytes would become gigabytes.
  it.each([
    ['deflate', deflateSync(JSON_TEXT)],
    ['br', brotliCompressSync(JSON_TEXT)],
    ['gzip, gzip', gzipSync(gzipSync(JSON_TEXT))],
  ])('in %s is not read', async (encoding, bytes) => {
    const { reply } = await ask(bytes, encoding);
    expect(reply).toMatchObject({
      kind: 'unusable',
      trouble: 'ZITADEL’s reply is packed in a way that was not asked for',
    });
  });

  it('that says it is not packed is read', async () => {
    const { reply } = await ask(JSON_TEXT, 'identity');
    expect(reply).toEqual({ status: 200, body: { ok: true } });
  });
});

describe('a fetch of the application that does not heed the signal to stop', () => {
  const NEVER = new Promise<never>(() => undefined);

  it('leaves every slot free for the calls that follow', async () => {
    let deaf = true;
    const { url } = await scripted((response) => json(response, {}));
    const http = httpTo(url, {
      fetch: (to, init) => (deaf ? NEVER : globalThis.fetch(to, init)),
      timeoutMs: 60_000,
      budgetMs: 120_000,
    });
    // More than there are slots in all.
    const askAll = () => Promise.all(Array.from({ length: 70 }, () => http()));
    const replies = await impatiently(askAll);
    expect(new Set(replies.map((reply) => 'kind' in reply && reply.kind))).toEqual(
      new Set(['late']),
    );
    deaf = false;
    const next = await Promise.all(Array.from({ length: 8 }, () => http()));
    expect(next.map((reply) => 'status' in reply && reply.status)).toEqual(
      Array.from({ length: 8 }, () => 200),
    );
  });

  it('whose answer comes after all disturbs nobody', async () => {
    let late: (response: Response) => void = () => undefined;
    const http = httpTo('https://acme.example', {
      fetch: () => new Promise((resolve) => (late = resolve)),
      timeoutMs: 60,
      budgetMs: 60,
    });
    const reply = await http();
    expect(reply).toMatchObject({ kind: 'late' });
    const body = new ReadableStream({ start: (stream) => stream.error(new Error('aborted')) });
    // An unhandled rejection would fail this file.
    late(new Response(body));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  });
});

describe('the limit of a page', async () => {
  const ROWS = 1_250;
  const warnings = (log: ReturnType<typeof recorder>) =>
    log.lines.filter((line) => line.startsWith('warn: '));

  describe('a server that allows fewer rows a page than are asked for', () => {
    const refusal: No = { status: 400, says: 'error', id: 'QUERY-4M0fs' };
    /** As some servers leave ids out. */
    const nameless: No = { status: 400, says: 'error', id: undefined };
    const limitIn = ({ json }: Call) => {
      const { query, pagination } = json as Record<string, { limit?: number } | undefined>;
      return (query ?? pagination)?.limit;
    };

    function serverOf(most: number, refused: No) {
      const asked: (number | undefined)[] = [];
      const log = recorder();
      const http = withPageLimit((call) => {
        const limit = limitIn(call);
        asked.push(limit);
        const isTooMuch = limit !== undefined && limit > most;
        return Promise.resolve(isTooMuch ? refused : { status: 200, body: {} });
      }, log);
      const ask = (limit: number, place: 'query' | 'pagination' = 'query') =>
        http({
          family: 'memberships',
          method: 'POST',
          path: '/',
          json: { [place]: { limit, asc: true } },
        });
      return { ask, asked, log };
    }

    it.each([refusal, nameless])(
      'is asked without a limit from its first refusal on, for all lists, and everybody is answered',
      async (refused) => {
        const { ask, asked, log } = serverOf(100, refused);
        expect(await ask(1_000)).toMatchObject({ status: 200 });
        expect(await ask(1_000, 'pagination')).toMatchObject({ status: 200 });
        expect(await ask(2_000)).toMatchObject({ status: 200 });
        expect(await ask(100)).toMatchObject({ status: 200 });
        expect(asked).toEqual([1_000, undefined, undefined, undefined, 100]);
        expect(warnings(log)).toHaveLength(1);
        expect(log.lines.join()).toContain('SystemDefaults.MaxQueryLimit');
      },
    );

    it('is told about once, however many calls meet it at the same time, and whatever they ask for', async () => {
      const { ask, log } = serverOf(100, refusal);
      const limits = Array.from({ length: 20 }, (_, at) => 1_000 - at * 10);
      const answers = await Promise.all(limits.map((limit) => ask(limit)));
      expect(new Set(answers.map((answer) => 'status' in answer && answer.status))).toEqual(
        new Set([200]),
      );
      expect(warnings(log)).toHaveLength(1);
    });

    it('is not what another bad request is about', async () => {
      const log = recorder();
      const asked: (number | undefined)[] = [];
      const other: No = { status: 400, says: 'error', id: 'X-1' };
      const unclear: No = { status: 400, says: 'error', id: undefined };
      let answer = other;
      const http = withPageLimit((call) => {
        asked.push(limitIn(call));
        return Promise.resolve(answer);
      }, log);
      const call: Call = {
        family: 'memberships',
        method: 'POST',
        path: '/',
        json: { query: { limit: 1_000 } },
      };
      expect(await http(call)).toBe(other);
      answer = unclear;
      expect(await http(call)).toBe(unclear);
      expect(await http(call)).toBe(unclear);
      expect(asked).toEqual([1_000, 1_000, undefined, 1_000, undefined]);
      expect(log.lines).toEqual([]);
    });
  });

  /** Somebody with more rows than a page holds, on servers with different limits. */
  describe.each([
    ['1000 rows', { max: 1_000 }],
    ['100 rows', { max: 100 }],
    ['100 rows, and 30 without a limit', { max: 100, default: 30 }],
    ['100 rows, and all without a limit', { max: 100, default: 0 }],
    ['any number of rows', { max: 0, default: 0 }],
    ['any number of rows on API v1 alone', { v1Max: 0 }],
  ] as readonly [string, QueryLimits][])(
    'on a ZITADEL that allows %s a page',
    (_what, queryLimits) => {
      let zitadel: ZitadelEmulator;
      let [acme, globex]: Org[] = [];
      let frank: User;
      let grace: User;
      let last: string;
      let other: string;
      let own: string;
      let reader: string;
      let log: ReturnType<typeof recorder>;
      const refuses = queryLimits.max === 100;

      beforeAll(async () => {
        zitadel = await ZitadelEmulator.start({ queryLimits });
        acme = zitadel.addOrg('acme');
        globex = zitadel.addOrg('globex');
        frank = zitadel.addUser('frank', { org: globex });
        grace = zitadel.addUser('grace');
        const projects = Array.from({ length: ROWS }, (_, at) =>
          zitadel.addProject(`project ${at}`, { org: acme as Org, roles: ['reader'] }),
        );
        for (const each of projects) zitadel.addMember(frank, { project: each }, ['PROJECT_OWNER']);
        last = projects.at(-1)?.id ?? '';
        zitadel.addMember(frank, { org: globex }, ['ORG_OWNER']);
        other = zitadel.addProject('other', { org: acme }).id;
        own = zitadel.addProject('own', { org: globex }).id;
        const svc = zitadel.addServiceUser('svc', { org: acme });
        zitadel.addMember(svc, 'instance', ['IAM_OWNER']);
        reader = zitadel.patFor(svc);
        for (let at = 0; at < 130; at += 1) {
          zitadel.grantProject(last, zitadel.addOrg(`more ${at}`), ['reader']);
        }
      });
      afterAll(() => zitadel.stop());
      beforeEach(() => {
        log = recorder();
      });

      const ofApi = (api: 'v1' | 'v2', more: Partial<ZitadelOptions> = {}): Zitadel =>
        createZitadel(zitadel.options({ api, logger: log, serviceUser: pat(reader), ...more }));
      const asServiceUser = (api: 'v1' | 'v2'): Partial<ZitadelOptions> => ({
        memberships: {
          as: 'serviceUser',
          ...(api === 'v1' && { organizations: [acme?.id ?? '', globex?.id ?? ''] }),
        },
      });

      it.each([
        ['v1', 'the caller', () => ({})],
        ['v2', 'the caller', () => ({})],
        ['v1', 'the service user', () => asServiceUser('v1')],
        ['v2', 'the service user', () => asServiceUser('v2')],
      ] as const)(
        'by API %s, read as %s, every row counts and no other',
        async (api, _as, more) => {
          const library = ofApi(api, more());
          const token = zitadel.tokenFor(frank);
          expect(await verdict(library, token, role('PROJECT_OWNER', project(last)))).toBe('yes');
          expect(await verdict(library, token, role('ORG_OWNER', org(globex?.id ?? '')))).toBe(
            'yes',
          );
          expect(await verdict(library, token, role('PROJECT_OWNER', project(own)))).toBe('yes');
          expect(await verdict(library, token, role('ORG_OWNER', org(acme?.id ?? '')))).toBe(
            'role_missing',
          );
          expect(await verdict(library, token, role('PROJECT_OWNER', project(other)))).toBe(
            'role_missing',
          );
          expect(warnings(log).filter((line) => line.includes('MaxQueryLimit'))).toHaveLength(
            refuses ? 1 : 0,
          );
        },
      );

      it.each(['v1', 'v2'] as const)('by API %s whoever has no rows is told no', async (api) => {
        const token = zitadel.tokenFor(grace);
        const library = ofApi(api);
        for (let again = 0; again < 2; again += 1) {
          expect(await verdict(library, token, role('PROJECT_OWNER', project(last)))).toBe(
            'role_missing',
          );
        }
      });

      it.each(['v1', 'v2'] as const)('by API %s lists of memberships are whole', async (api) => {
        const { membershipLists } = ofApi(api);
        const mine = await membershipLists.listMine(zitadel.tokenFor(frank));
        expect(mine.details.totalResult).toBe(ROWS + 1);
        expect(new Set(mine.result.map((row) => row.projectId ?? row.orgId)).size).toBe(ROWS + 1);
        const asked = { userId: frank.id, organizationId: acme?.id ?? '' };
        const ofFrank = await membershipLists.listOfUser(asked);
        expect(ofFrank.result).toHaveLength(ROWS);
        const part = { query: { offset: 10, limit: 1_200 } };
        const some = await membershipLists.listOfUser({ ...asked, ...part });
        expect(some.details.totalResult).toBe(ROWS);
        expect(some.result).toEqual(ofFrank.result.slice(10, 1_210));
        expect((await membershipLists.listMine(zitadel.tokenFor(frank), part)).result).toHaveLength(
          1_200,
        );
      });

      it.each(['v1', 'v2'] as const)('by API %s lists of project grants are whole', async (api) => {
        const { projectGrants } = ofApi(api);
        const granted = new Set<string>();
        const of = { organizationId: acme?.id ?? '', projectId: last };
        for await (const { grantedOrgId } of projectGrants.list(of)) granted.add(grantedOrgId);
        expect(granted.size).toBe(130);
      });
    },
  );

  describe('on a ZITADEL that allows one row a page', () => {
    it.each([
      ['v1', {}],
      ['both', { api: 'v1' }],
      ['both', {}],
    ] as const)(
      'that serves %s a grant is found by its two ends, or is not there: %j',
      async (apis, more) => {
        const zitadel = await ZitadelEmulator.start({ apis, queryLimits: { max: 1, default: 1 } });
        try {
          const [acme, globex] = [zitadel.addOrg('acme'), zitadel.addOrg('globex')];
          const [first, second, other] = ['first', 'second', 'other'].map((name) =>
            zitadel.addProject(name, { org: acme }),
          ) as [Project, Project, Project];
          for (const each of [first, second]) zitadel.grantProject(each, globex, []);
          const gina = zitadel.addUser('gina', { org: globex });
          zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
          const library = createZitadel(zitadel.options({ logger: recorder(), ...more }));
          const manages = ({ id }: Project) =>
            verdict(
              library,
              zitadel.tokenFor(gina),
              role('PROJECT_GRANT_OWNER', projectGrant({ project: id, grantedOrg: globex.id })),
            );
          expect(await manages(first)).toBe('yes');
          expect(await manages(second)).toBe('yes');
          expect(await manages(other)).toBe('role_missing');
        } finally {
          await zitadel.stop();
        }
      },
    );
  });

  describe('on a ZITADEL whose limits are those of API v2 alone', () => {
    it('a part of a list of API v1, asked without a limit, is no longer than was wanted', async () => {
      const result = ['1', '2', '3'].map((orgId) => ({
        userId: '9',
        orgId,
        roles: [],
        details: {},
      }));
      const body = { details: { totalResult: '3' }, result };
      const answer: Done = { status: 200, body };
      const request = { query: { limit: 2 } };
      const list = await readMembershipPages(() => Promise.resolve(answer), request, 1);
      expect(list).toMatchObject({
        goesOn: false,
        hasMoved: false,
        total: 3,
        rows: result.slice(0, 2),
      });
      expect('rows' in list && list.rows).toHaveLength(2);
    });
  });

  describe('on a ZITADEL from before January 2026, which cannot narrow a list by roles', () => {
    it.each(['caller', 'serviceUser'] as const)(
      'everybody is answered, read as the %s, and it is asked for that once',
      async (as) => {
        const zitadel = await ZitadelEmulator.start({
          apis: 'v2',
          queryLimits: { max: 100 },
          administratorFilters: false,
        });
        try {
          const acme = zitadel.addOrg('acme');
          const frank = zitadel.addUser('frank');
          for (let at = 0; at < 1_200; at += 1) {
            const each = zitadel.addProject(`project ${at}`, { org: acme });
            zitadel.addMember(frank, { project: each }, ['PROJECT_OWNER']);
          }
          const globex = zitadel.addOrg('globex');
          zitadel.addMember(frank, { org: globex }, ['ORG_OWNER']);
          const [own, other] = [globex, acme].map((of) => zitadel.addProject('p', { org: of }));
          const svc = zitadel.addServiceUser('svc');
          zitadel.addMember(svc, 'instance', ['IAM_OWNER_VIEWER']);
          const log = recorder();
          const library = createZitadel(
            zitadel.options({
              logger: log,
              serviceUser: pat(zitadel.patFor(svc)),
              memberships: { as },
              cache: { ttlMs: 0 },
            }),
          );
          const owner = (id = '') => role('PROJECT_OWNER', project(id));
          const token = zitadel.tokenFor(frank);
          expect(await verdict(library, token, owner(own?.id))).toBe('yes');
          expect(await verdict(library, token, owner(other?.id))).toBe('role_missing');
          const byRole = zitadel
            .requestLog('administrators')
            .filter(({ body }) => body.includes('roleKey'));
          // Asked without a limit too, since the refusal has no id.
          expect(byRole.length).toBeLessThanOrEqual(2);
        } finally {
          await zitadel.stop();
        }
      },
    );
  });
});
