import { describe, expect, it } from 'vitest';
import { invalidId, lackingId, notBearer } from '../../lib/core/request-problems.js';
import type { IdSource, RequestLike } from '../../lib/core/request.js';

const PATTERN = /^[0-9]{1,200}$/;
const SECRET = 'canary-that-is-secret';

describe('a header without a bearer token', () => {
  it.each<[string, 'none' | 'malformed', RegExp]>([
    ['BASIC YTpi', 'none', /scheme Bearer, but basic$/],
    [`Apikey ${SECRET}`, 'none', /scheme Bearer, but apikey$/],
    [SECRET, 'none', /scheme Bearer$/],
    [`${SECRET} ${SECRET}`, 'none', /scheme Bearer$/],
    ['', 'malformed', /empty, or was sent twice$/],
    ['Bearer', 'malformed', /no token follows$/],
    ['Bearer   ', 'malformed', /no token follows$/],
    [`bearer${SECRET}`, 'malformed', /no space follows/],
    [`Bearer "${SECRET}"`, 'malformed', /quotation marks$/],
    [`Bearer ${SECRET}, Bearer ${SECRET}`, 'malformed', /more than one word follows$/],
    [`Bearer  ${SECRET} `, 'malformed', /more than one word follows$/],
    [`Bearer ${SECRET}!`, 'malformed', /another character is in the token$/],
  ])('%j is told apart, and nothing of it is repeated', (header, no, detail) => {
    const refusal = notBearer(header, no, false);
    expect(refusal.reason).toBe(no === 'none' ? 'token_missing' : 'token_invalid');
    expect(refusal.detail).toMatch(detail);
    expect(refusal.remedy).toContain('Authorization: Bearer <access token>');
    expect(JSON.stringify(refusal)).not.toContain(SECRET);
  });

  it('is told apart from what the option token returned', () => {
    const refusal = notBearer(`Bearer ${SECRET}`, 'malformed', true);
    expect(refusal.remedy).toContain('without "Bearer"');
    expect(JSON.stringify(refusal)).not.toContain(SECRET);
  });
});

describe('an id', () => {
  const read = () => undefined;
  it.each<[IdSource, RegExp, RegExp]>([
    [{ from: 'param', name: 'a' }, /no path parameter a/, /write :a into its path/],
    [{ from: 'query', name: 'a' }, /query string has no a/, /send \?a=/],
    [{ from: 'body', name: 'a' }, /body has no a/, /express\.json\(\)/],
    [{ from: 'header', name: 'a' }, /no header a/, /send the header a/],
    [{ from: 'function', name: 'a', read }, /a in \.from\(\) found no id/, /what it returns/],
  ])('that is left out is named by its place: %j', (source, detail, remedy) => {
    const refusal = lackingId([{ from: 'literal', id: '1' }, source], ['1', undefined]);
    // What code of the application does not find must look like somebody else's.
    const reason = source.from === 'function' ? undefined : 'resource_missing';
    expect({ reason: undefined, ...refusal }).toMatchObject({
      reason,
      detail: expect.stringMatching(detail),
      remedy: expect.stringMatching(remedy),
    });
    expect(lackingId([source], ['1'])).toBeUndefined();
  });

  it('that the token does not tell comes first, and is nobody’s fault', () => {
    const sources: IdSource[] = [
      { from: 'query', name: 'a' },
      { from: 'caller', name: 'ofCaller' },
    ];
    expect(lackingId(sources, [undefined, undefined])).toMatchObject({ reason: 'misconfigured' });
  });

  it.each<[string, Partial<RequestLike>, IdSource, string | undefined, RegExp]>([
    [
      'a name',
      { params: { a: SECRET } },
      { from: 'param', name: 'a' },
      '21 characters',
      /idPattern .*\^\[0-9\]/,
    ],
    [
      'two',
      { query: { a: ['1', '2'] } },
      { from: 'query', name: 'a' },
      'a list of 2',
      /send it once/,
    ],
    [
      'a number',
      { body: { a: 1 } },
      { from: 'body', name: 'a' },
      'a value of type number',
      /as a string/,
    ],
    ['null', { body: { a: null } }, { from: 'body', name: 'a' }, 'null', /as a string/],
    [
      'nothing',
      { headers: { a: '' } },
      { from: 'header', name: 'a' },
      'an empty string',
      /idPattern/,
    ],
    ['what a function returns', {}, { from: 'function', name: 'a', read }, undefined, /idPattern/],
  ])('that is not one is not repeated: %s', (_what, request, source, got, remedy) => {
    const good: IdSource = { from: 'header', name: 'good' };
    const literal: IdSource = { from: 'literal', id: '1' };
    const headers = { good: '1', ...request.headers };
    const refusal = invalidId([literal, good, source], { ...request, headers }, PATTERN);
    expect(refusal).toMatchObject({
      reason: 'resource_invalid',
      detail: `${source.from} a is not an id`,
    });
    expect(refusal.got).toBe(got);
    expect(refusal.remedy).toMatch(remedy);
    expect(JSON.stringify(refusal)).not.toContain(SECRET);
  });
});
