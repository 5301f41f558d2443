import { describe, expect, it } from 'vitest';
import type { Caller } from '../../lib/core/caller.js';
import {
  authorizationHeader,
  bearerToken,
  tokenIn,
  checkId,
  credentialOf,
  INVALID,
  inUsualSpelling,
  type Ids,
  type IdSource,
  namesAgain,
  NO_CLASSES,
  readId,
  readIds,
  type RequestLike,
  THREW,
} from '../../lib/core/request.js';
import { thrownBy } from '../../lib/core/thrown.js';

const IDS = /^(?:[0-9]{1,200})$/;
const HOME = 'urn:zitadel:iam:user:resourceowner:id';
const CALLER: Caller = { userId: 'alice', claims: { [HOME]: '5' } };
const never = () => {
  throw new Error('no class was to be built');
};
const read = (source: IdSource, request: Partial<RequestLike>) =>
  readId(source, { headers: {}, ...request }, CALLER, IDS, never);

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
    for (const from of ['param', 'query', 'body', 'header', 'arg'] as const) {
      const container = { orgId: value };
      const place = {
        param: 'params',
        query: 'query',
        body: 'body',
        header: 'headers',
        arg: 'args',
      }[from];
      expect(read({ from, name: 'orgId' }, { [place]: container } as never)).toBe(INVALID);
    }
    const ofCode = read({ from: 'function', name: 'f', read: () => value as never }, {});
    // Many databases say null where they find nothing.
    expect(ofCode).toBe(value === null ? undefined : INVALID);
  });

  it('is a text of 1 to 200 characters that matches as a whole', () => {
    for (const id of ['1', '69629023906488334', '1'.repeat(200)]) {
      expect(read({ from: 'param', name: 'orgId' }, { params: { orgId: id } })).toBe(id);
      expect(read({ from: 'arg', name: 'orgId' }, { args: { orgId: id } })).toBe(id);
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
    expect(await read(source(null), {})).toBeUndefined();
  });

  it('of a pattern without a bound is still at most 200 characters long', () => {
    expect(checkId('x'.repeat(200), /^x+$/)).toBe('x'.repeat(200));
    expect(checkId('x'.repeat(201), /^x+$/)).toBe(INVALID);
    expect(checkId('', /^x*$/)).toBe(INVALID);
  });
});

describe('the Authorization header', () => {
  it('is none where it was not sent', () => {
    expect(authorizationHeader({ headers: {} })).toBeUndefined();
  });

  it('counts as malformed where it was sent twice, as Express and as Fastify show it', () => {
    const headers = { authorization: 'Bearer a' };
    const twice = ['Authorization', 'Bearer a', 'X', 'y', 'AUTHORIZATION', 'Bearer b'];
    const once = ['Authorization', 'Bearer a', 'X-Authorization', 'Bearer b', 'X-Request-Ids', 'c'];
    expect(authorizationHeader({ headers, rawHeaders: twice })).toBe('');
    expect(authorizationHeader({ headers, raw: { rawHeaders: twice } })).toBe('');
    expect(authorizationHeader({ headers, rawHeaders: once })).toBe('Bearer a');
    expect(authorizationHeader({ headers, rawHeaders: [...once, ...once] })).toBe('');
    const ofThirteen = ['Authorization', 'Bearer a', 'X-RequestedBy', 'authorization'];
    expect(authorizationHeader({ headers, rawHeaders: ofThirteen })).toBe('Bearer a');
  });

  it('is as it is where nothing shows what was sent', () => {
    const headers = { authorization: 'Bearer a' };
    expect(authorizationHeader({ headers })).toBe('Bearer a');
    expect(authorizationHeader({ headers, raw: {} })).toBe('Bearer a');
  });

  it('counts as malformed where a framework made a list of it', () => {
    expect(authorizationHeader({ headers: { authorization: ['Bearer a'] } })).toBe('');
  });
});

describe('a bearer token', () => {
  it.each([
    'Bearer abc',
    'Bearer a-._~+/9==',
    `Bearer ${'x'.repeat(10_000)}`,
    'Bearer  a',
    'bearer a',
    'BEARER a',
    `bEARER${' '.repeat(1_000)}a`,
  ])('is found in %j', (header) => {
    expect(bearerToken(header)).toEqual({ token: header.split(' ').at(-1) });
  });

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Bearer  ',
    'Bearer\ta',
    'Bearer \ta',
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

  it('is what the header or the option token gives: anything odd is no valid token', () => {
    const request = { headers: { authorization: 'Bearer a' } };
    expect(credentialOf(request, undefined)).toBe('Bearer a');
    expect(credentialOf(request, () => 'b')).toBe('b');
    expect(credentialOf(request, () => undefined)).toBeUndefined();
    expect(credentialOf(request, () => 1 as never)).toBe('');
    expect(credentialOf(request, never)).toBe(THREW);
    expect(thrownBy(request)).toMatch(/^Error/);
  });

  it.each(['a', 'a-._~+/9==', 'bearer'])('is a bare credential: %j', (credential) => {
    expect(tokenIn(credential, true)).toEqual({ token: credential });
    expect(tokenIn(`Bearer ${credential}`, false)).toEqual({ token: credential });
    expect(tokenIn(credential, false)).toEqual(bearerToken(credential));
  });

  it.each(['', 'Bearer a', 'a b', 'a=b', 'é'])('is malformed in the bare credential %j', (bare) => {
    expect(tokenIn(bare, true)).toEqual({ no: 'malformed' });
  });

  it('is looked for in time that grows with the header at most', () => {
    // A tenth of a millisecond, or half a minute if it grew with the square.
    const beginning = process.cpuUsage();
    bearerToken(`Bearer ${'='.repeat(200_000)}!`);
    bearerToken(`Bearer ${'a='.repeat(100_000)}`);
    bearerToken(`Bearer${' '.repeat(200_000)}!`);
    expect(process.cpuUsage(beginning).user / 1_000).toBeLessThan(5_000);
  });
});

describe('an id that is read with care', () => {
  const read = (source: IdSource, request: Partial<RequestLike> = {}, pattern = /^.+$/) =>
    readId(source, { headers: {}, ...request }, CALLER, pattern, () => undefined);

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
    const request = { headers: {} };
    expect(
      readId({ from: 'function', name: 'id', read: throwing }, request, CALLER, IDS, never),
    ).toBe(THREW);
    expect(thrownBy(request)).toMatch(/Error/);
  });
});

describe('the organization of the caller', () => {
  const OF_CALLER: IdSource = { from: 'caller', name: 'ofCaller' };
  const of = (claims: Caller['claims']) =>
    readId(OF_CALLER, { headers: {} }, { userId: 'alice', claims }, IDS, never);

  it('is what the token says, whatever the request says', () => {
    expect(of({ [HOME]: '5' })).toBe('5');
    expect(read(OF_CALLER, { params: { ofCaller: '6' } })).toBe('5');
  });

  it.each<[string, Caller['claims']]>([
    ['nothing', {}],
    ['an inherited name', Object.create({ [HOME]: '5' }) as Caller['claims']],
    ['a number', { [HOME]: 5 }],
    ['a list', { [HOME]: ['5'] }],
    ['an empty text', { [HOME]: '' }],
    ['what idPattern refuses', { [HOME]: '../5' }],
  ])('is missing where the token says %s: the request is not to blame', (_what, claims) => {
    expect(of(claims)).toBeUndefined();
  });
});

describe('code that finds an id', () => {
  it('is given the request and its verified caller', () => {
    const given: unknown[] = [];
    const request: RequestLike = { headers: {}, params: {} };
    const read = (...all: readonly unknown[]) => {
      given.push(all);
      return '1';
    };
    const type = class {} as never;
    const byFunction: IdSource = { from: 'function', name: 'f', read };
    const byClass: IdSource = { from: 'class', name: 'C', type };
    expect(readId(byFunction, request, CALLER, IDS, never)).toBe('1');
    expect(readId(byClass, request, CALLER, IDS, read)).toBe('1');
    expect(readIds([byFunction], request, CALLER, IDS, never)).toEqual(['1']);
    expect(given).toEqual([
      [request, CALLER],
      [type, request, CALLER],
      [request, CALLER],
    ]);
  });

  it('is no class where nobody builds one, which is said by its name', () => {
    class OrgOfTenant {}
    expect(() => NO_CLASSES(OrgOfTenant as never, { headers: {} }, CALLER)).toThrow(
      /OrgOfTenant is a class.*give \.from\(\) a function/,
    );
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
      return readIds([source], { headers: {}, params: { orgId } }, CALLER, IDS, never);
    });
    expect(held() - before).toBeLessThan(8 * 2 ** 20);
    expect(kept).toHaveLength(1_000);
  });
});

describe('all ids of a request', () => {
  const id = (name: string): IdSource => ({ from: 'param', name });
  const by = (give: () => unknown): IdSource => ({
    from: 'function',
    name: 'f',
    read: give as () => string,
  });
  const params = { a: '1', b: '2', c: '3', bad: 'x' };
  const ids = (sources: readonly IdSource[]) =>
    readIds(sources, { headers: {}, params }, CALLER, IDS, () => '7');
  const down = () => {
    throw new Error('down');
  };
  const late = (value: string) => () => Promise.resolve(value);

  it.each<[string, readonly IdSource[], unknown]>([
    ['nothing', [], []],
    ['one', [id('a')], ['1']],
    ['a literal', [{ from: 'literal', id: '5' }], ['5']],
    ['of a class', [{ from: 'class', name: 'C', type: class {} as never }], ['7']],
    ['several, in their order', [id('c'), id('a'), id('b')], ['3', '1', '2']],
    ['one that is missing', [id('a'), id('none'), id('b')], ['1', undefined, '2']],
    ['one that is none', [id('a'), id('bad'), id('b')], INVALID],
    ['one that code does not find', [by(() => undefined), id('b')], [undefined, '2']],
    [
      'one for which code gives a function',
      [by(() => Object.assign(() => 1, { then: (to: (id: string) => void) => to('1') }))],
      INVALID,
    ],
    ['one that is none, first', [id('bad'), id('a')], INVALID],
    ['one that is not known', [id('a'), by(down), id('b')], THREW],
    ['one that is not known, beside one that is none', [id('bad'), by(down)], THREW],
    ['one that is none, beside one that is missing', [id('none'), id('bad')], INVALID],
  ])('are %s', (_what, sources, expected) => {
    expect(ids(sources)).toEqual(expected);
  });

  it.each<[string, readonly IdSource[], unknown]>([
    ['one', [by(late('1'))], ['1']],
    ['one beside others', [id('a'), by(late('4')), id('b')], ['1', '4', '2']],
    ['one beside one that is missing', [id('none'), by(late('4'))], [undefined, '4']],
    ['one that is none', [id('a'), by(late('x'))], INVALID],
    ['one beside one that is none', [id('bad'), by(late('4'))], INVALID],
    ['one that is not known', [by(late('4')), by(async () => down()), id('bad')], THREW],
  ])('are promised where code promises %s', async (_what, sources, expected) => {
    const promised = ids(sources);
    expect(promised).toBeInstanceOf(Promise);
    expect(await promised).toEqual(expected);
  });
});

describe('a request names the same ids again', () => {
  const ALL: readonly IdSource[] = [
    { from: 'param', name: 'a' },
    { from: 'query', name: 'a' },
    { from: 'body', name: 'a' },
    { from: 'header', name: 'a' },
    { from: 'arg', name: 'a' },
  ];
  const IDS_OF_ALL: Ids = ['1', '2', '3', '4', undefined];
  const request: RequestLike = {
    headers: { a: '4' },
    params: { a: '1' },
    query: { a: '2' },
    body: { a: '3' },
  };

  it('where each stands at its place, and what was missing still is', () => {
    expect(namesAgain([], [], request)).toBe(true);
    expect(namesAgain(IDS_OF_ALL, ALL, request)).toBe(true);
    for (const [slot, source] of ALL.entries()) {
      expect(namesAgain([IDS_OF_ALL[slot]], [source], request)).toBe(true);
    }
  });

  it('unless one is another one, none, missing or there for the first time', () => {
    for (const [slot, id] of IDS_OF_ALL.entries()) {
      const other = IDS_OF_ALL.with(slot, id === undefined ? '9' : `${id}9`);
      expect(namesAgain(other, ALL, request), `slot ${slot}`).toBe(false);
    }
    const [param] = ALL as [IdSource];
    for (const params of [undefined, {}, { a: ['1'] }, { a: 1 }, Object.create({ a: '1' })]) {
      expect(namesAgain(['1'], [param], { headers: {}, params })).toBe(false);
    }
    const inherited: unknown = Object.create({ a: '1' });
    expect(namesAgain([undefined], [param], { headers: {}, params: inherited })).toBe(false);
    expect(namesAgain([undefined], [param], request)).toBe(false);
  });

  it('where the request has no say in them', () => {
    const sources: readonly IdSource[] = [
      { from: 'literal', id: '6' },
      { from: 'caller', name: 'ofCaller' },
    ];
    expect(namesAgain(['6', '7'], sources, request)).toBe(true);
  });

  it('never, where code of the application finds one: it is asked each time', () => {
    const sources: readonly IdSource[] = [
      { from: 'function', name: 'f', read: never },
      { from: 'class', name: 'C', type: class {} as never },
    ];
    for (const source of sources) {
      for (const id of ['1', undefined]) expect(namesAgain([id], [source], request)).toBe(false);
    }
  });
});

describe('a bearer token', () => {
  it.each([
    ['Bearer abc', 'Bearer abc'],
    ['bearer abc', 'Bearer abc'],
    ['BEARER   abc', 'Bearer abc'],
    ['Bearer  abc', 'Bearer abc'],
    ['Bearer a b', 'Bearer a b'],
    ['Bearer', 'Bearer'],
    ['Basic abc', 'Basic abc'],
    ['bearerabc', 'bearerabc'],
    ['', ''],
  ])('is the same in each spelling of the scheme: %j', (authorization, expected) => {
    expect(inUsualSpelling(authorization)).toBe(expected);
  });
});
