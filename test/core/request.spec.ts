import { describe, expect, it } from 'vitest';
import {
  authorizationHeader,
  bearerToken,
  checkId,
  INVALID,
  readId,
  readIds,
  THREW,
  type IdSource,
  type RequestLike,
} from '../../lib/core/request.js';

const IDS = /^(?:[0-9]{1,200})$/;
const never = () => {
  throw new Error('no class was to be built');
};
const read = (source: IdSource, request: Partial<RequestLike>) =>
  readId(source, { headers: {}, ...request }, IDS, never);

describe('an id', () => {
  const INHERITED: unknown = Object.create({ orgId: '1' });
  it.each<[string, unknown]>([
    ['a number', 1],
    ['null', null],
    ['true', true],
    ['a list', ['1']],
    ['a doubled name', ['1', '2']],
    ['an object', { toString: () => '1' }],
    ['a text object', Object('1')],
    ['an empty text', ''],
    ['a blank', ' '],
    ['blanks around it', ' 1 '],
    ['a line break after it', '1\n'],
    ['a second line', '1\n2'],
    ['a carriage return', '1\r'],
    ['a zero byte', '1\u0000'],
    ['a path', '1/2'],
    ['a path up', '..'],
    ['an encoded path', '%2e%2e'],
    ['a query', '1?x'],
    ['a fragment', '1#x'],
    ['a sign', '-1'],
    ['a point', '1.0'],
    ['an exponent', '1e3'],
    ['hexadecimal', '0x1'],
    ['full-width digits', '１２'],
    ['Arabic digits', '١'],
    ['an invisible character', '1\u200b'],
    ['a mark of direction', '\u202e1'],
    ['a word of every object', '__proto__'],
    ['201 characters', '1'.repeat(201)],
    ['a megabyte', '1'.repeat(2 ** 20)],
  ])('is not %s', (_what, value) => {
    for (const from of ['param', 'query', 'body', 'header'] as const) {
      const container = { orgId: value };
      const place = { param: 'params', query: 'query', body: 'body', header: 'headers' }[from];
      expect(read({ from, name: 'orgId' }, { [place]: container } as never)).toBe(INVALID);
    }
    expect(read({ from: 'function', name: 'f', read: () => value as never }, {})).toBe(INVALID);
  });

  it('is a text of 1 to 200 characters that matches as a whole', () => {
    for (const id of ['1', '69629023906488334', '1'.repeat(200)]) {
      expect(read({ from: 'param', name: 'orgId' }, { params: { orgId: id } })).toBe(id);
    }
  });

  it('is missing where the request has no such name', () => {
    for (const params of [undefined, null, {}, [], '1', 1, { other: '1' }, { orgId: undefined }]) {
      expect(read({ from: 'param', name: 'orgId' }, { params })).toBeUndefined();
    }
  });

  it('is never an inherited one', () => {
    expect(read({ from: 'body', name: 'orgId' }, { body: INHERITED })).not.toBe('1');
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(typeof read({ from: 'body', name }, { body: {} })).not.toBe('string');
    }
  });

  it('is read of a body that JSON gave a name of every object', () => {
    const body: unknown = JSON.parse('{"__proto__": {"orgId": "1"}, "constructor": "2"}');
    expect(read({ from: 'body', name: 'orgId' }, { body })).toBeUndefined();
    expect(read({ from: 'body', name: 'constructor' }, { body })).toBe('2');
  });

  it('that a query builder stands for is waited for, and checked', async () => {
    // Like an ORM's query: it runs when it is awaited, and is no promise of the engine's own.
    const query = (id: string) => ({ then: (tell: (found: string) => void) => tell(id) });
    const from = (id: string): IdSource => ({
      from: 'function',
      name: 'f',
      read: () => query(id) as never,
    });
    await expect(read(from('1'), {})).resolves.toBe('1');
    await expect(read(from('../1'), {})).resolves.toBe(INVALID);
  });

  it('that a function promises is checked as well', async () => {
    const source = (value: unknown): IdSource => ({
      from: 'function',
      name: 'f',
      read: () => Promise.resolve(value as never),
    });
    expect(await read(source('1'), {})).toBe('1');
    expect(await read(source('../1'), {})).toBe(INVALID);
    expect(await read(source(undefined), {})).toBeUndefined();
  });

  it('of a pattern without a bound is still at most 200 characters long', () => {
    expect(checkId('x'.repeat(200), /^x+$/)).toBe('x'.repeat(200));
    expect(checkId('x'.repeat(201), /^x+$/)).toBe(INVALID);
  });
});

describe('the Authorization header', () => {
  it('is none where it was not sent', () => {
    expect(authorizationHeader({ headers: {} })).toBeUndefined();
  });

  it('counts as malformed where it was sent twice, as Express and as Fastify show it', () => {
    const headers = { authorization: 'Bearer a' };
    const twice = ['Authorization', 'Bearer a', 'X', 'y', 'AUTHORIZATION', 'Bearer b'];
    const once = ['Authorization', 'Bearer a', 'X-Authorization', 'Bearer b'];
    expect(authorizationHeader({ headers, rawHeaders: twice })).toBe('');
    expect(authorizationHeader({ headers, raw: { rawHeaders: twice } })).toBe('');
    expect(authorizationHeader({ headers, rawHeaders: once })).toBe('Bearer a');
  });

  it('counts as malformed where a framework made a list of it', () => {
    expect(authorizationHeader({ headers: { authorization: ['Bearer a'] } })).toBe('');
  });
});

describe('a bearer token', () => {
  it.each(['Bearer abc', 'Bearer a-._~+/9==', `Bearer ${'x'.repeat(10_000)}`])(
    'is found in %j',
    (header) => {
      expect(bearerToken(header)).toEqual({ token: header.slice(7) });
    },
  );

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Bearer  a',
    'Bearer\ta',
    'bearer a',
    'BEARER a',
    'Bearer a b',
    'Bearer a,Bearer b',
    'Bearer a ',
    'Bearer a=b',
    'Bearer =',
    'Bearer é',
    'Bearer a\n',
    'Bearer "a"',
    'Bearera',
    'Bearer: a',
  ])('is malformed in %j', (header) => {
    expect(bearerToken(header)).toEqual({ no: 'malformed' });
  });

  it.each(['Basic YTpi', 'DPoP abc', 'Token abc', ' Bearer a', 'a'])('is none in %j', (header) => {
    expect(bearerToken(header)).toEqual({ no: 'none' });
  });

  it('is looked for in time that grows with the header at most', () => {
    // A tenth of a millisecond, or half a minute if it grew with the square.
    const beginning = process.cpuUsage();
    bearerToken(`Bearer ${'='.repeat(200_000)}!`);
    bearerToken(`Bearer ${'a='.repeat(100_000)}`);
    expect(process.cpuUsage(beginning).user / 1_000).toBeLessThan(5_000);
  });
});

describe('an id that is read with care', () => {
  const read = (source: IdSource, request: Partial<RequestLike> = {}, pattern = /^.+$/) =>
    readId(source, { headers: {}, ...request }, pattern, () => undefined);

  it('is refused where a name is only inherited, and missing where nothing has it', () => {
    const params: unknown = Object.create({ id: '1' });
    expect(read({ from: 'param', name: 'id' }, { params })).toBe(INVALID);
    expect(read({ from: 'param', name: 'other' }, { params })).toBeUndefined();
  });

  it.each(['.', '..'])('is never %s, whatever the pattern allows', (id) => {
    expect(read({ from: 'param', name: 'id' }, { params: { id } })).toBe(INVALID);
    expect(read({ from: 'param', name: 'id' }, { params: { id: `${id}x` } })).toBe(`${id}x`);
  });

  it('is not known where the code that reads it throws or rejects', async () => {
    const rejecting = () => Promise.reject(new Error('down'));
    const throwing = () => {
      throw new Error('down');
    };
    expect(await read({ from: 'function', name: 'id', read: rejecting })).toBe(THREW);
    expect(read({ from: 'function', name: 'id', read: throwing })).toBe(THREW);
  });
});

describe('ids that are remembered', () => {
  it('do not keep the request that they came in', () => {
    const source: IdSource = { from: 'param', name: 'orgId' };
    const held = (): number => {
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };
    const before = held();
    const kept = Array.from({ length: 1_000 }, (_, i) => {
      const line = `/orgs/${String(i).padStart(20, '1')}?${String(i).repeat(20_000)}`;
      const orgId = line.slice('/orgs/'.length, '/orgs/'.length + 20);
      return readIds([source], { headers: {}, params: { orgId } }, IDS, never, []);
    });
    expect(held() - before).toBeLessThan(8 * 2 ** 20);
    expect(kept).toHaveLength(1_000);
  });
});
