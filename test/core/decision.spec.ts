import { describe, expect, it, vi } from 'vitest';
import {
  attachDecision,
  attachNoCaller,
  decisionOf,
  lacksCaller,
  letIn,
} from '../../lib/core/attached-decision.js';
import {
  type Allowed,
  checkedId,
  type CheckedRef,
  DENIAL,
  denialAnswer,
  type DenyReason,
  isError,
  isRefusal,
} from '../../lib/core/decision.js';
import { callerOf } from './rows.js';

type Row = readonly [DenyReason, number, string | undefined, string];

/** Written down once more, as clients rely on it. */
const EXPECTED: readonly Row[] = [
  ['unsupported_context', 403, undefined, 'This kind of request is not supported here.'],
  ['not_declared', 403, undefined, 'This route declares no requirement.'],
  ['token_missing', 401, 'Bearer', 'An access token is required.'],
  ['token_invalid', 401, 'Bearer error="invalid_token"', 'The access token is not valid.'],
  ['impersonated', 401, 'Bearer error="invalid_token"', 'Impersonation tokens are not accepted.'],
  [
    'token_rejected',
    401,
    'Bearer error="invalid_token"',
    'ZITADEL does not accept the access token.',
  ],
  ['mfa_required', 403, undefined, 'A second factor is required.'],
  ['resource_invalid', 400, undefined, 'The request contains an invalid resource id.'],
  ['resource_missing', 400, undefined, 'The request does not name the resource.'],
  ['role_missing', 403, 'Bearer error="insufficient_scope"', 'A manager role is missing.'],
  ['unavailable', 503, undefined, 'Authorization is not available at the moment.'],
  ['permission_missing', 403, 'Bearer error="insufficient_scope"', 'A permission is missing.'],
  [
    'project_role_missing',
    403,
    'Bearer error="insufficient_scope"',
    'A role of the project is missing.',
  ],
  [
    'organization_not_accepted',
    403,
    'Bearer error="insufficient_scope"',
    'The home organization of the caller is not accepted here.',
  ],
  ['misconfigured', 500, undefined, 'Authorization is not set up correctly.'],
];

const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

describe('the table of refusals', () => {
  it('has a row for each reason and no other', () => {
    expect(Object.keys(DENIAL).toSorted()).toEqual(EXPECTED.map(([reason]) => reason).toSorted());
  });

  it.each(EXPECTED)(
    'answers %s with %d and the challenge %s',
    (reason, status, challenge, message) => {
      const answer = denialAnswer({ reason });
      expect(answer.status).toBe(status);
      expect(answer.headers['WWW-Authenticate']).toBe(challenge);
      expect(answer.body).toEqual({
        statusCode: status,
        error: PHRASES[status],
        message,
        errorCode: reason,
      });
    },
  );

  it.each(EXPECTED)('says of %s nothing beyond the reason', (reason) => {
    const inner = { detail: 'inner-detail', remedy: 'inner-remedy' };
    const text = JSON.stringify(denialAnswer({ reason, ...inner }));
    expect(text).not.toContain('inner-');
  });

  it('challenges every 401, as HTTP demands', () => {
    for (const [reason, status] of EXPECTED) {
      if (status !== 401) continue;
      expect(denialAnswer({ reason }).headers['WWW-Authenticate']).toMatch(/^Bearer/);
    }
  });

  it('puts a description into the challenge, where there is one', () => {
    const description = 'the token is expired';
    expect(denialAnswer({ reason: 'token_invalid', description }).headers).toEqual({
      'WWW-Authenticate': `Bearer error="invalid_token", error_description="${description}"`,
    });
    expect(denialAnswer({ reason: 'misconfigured', description }).headers).toEqual({});
  });

  it.each([
    [undefined, '1'],
    [0, '1'],
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
    [29_500, '30'],
  ])('asks to come back after %s ms with Retry-After: %s', (retryAfterMs, seconds) => {
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    expect(denialAnswer({ reason: 'unavailable', ...wait }).headers).toEqual({
      'Retry-After': seconds,
    });
  });

  it.each(EXPECTED.filter(([reason]) => reason !== 'unavailable'))(
    'does not ask to come back after %s',
    (reason) => {
      expect(denialAnswer({ reason, retryAfterMs: 1 }).headers).not.toHaveProperty('Retry-After');
    },
  );
});

describe('a refusal', () => {
  it('is told by its reason from what was hoped for', () => {
    expect(isRefusal({ reason: 'token_invalid' })).toBe(true);
    expect(isRefusal(callerOf('alice'))).toBe(false);
  });
});

describe('a decision', () => {
  const allowed = (...checked: readonly CheckedRef[]): Allowed => ({
    allowed: true,
    caller: callerOf('alice'),
    by: undefined,
    checked,
    read: { at: 0, from: 'zitadel' },
  });
  const ORG: CheckedRef = { kind: 'org', id: '1', name: 'orgId' };
  const OTHER: CheckedRef = { kind: 'org', id: '2', name: 'otherId' };
  const PROJECT: CheckedRef = { kind: 'project', id: '3', name: 'orgId' };

  const REQUESTS: readonly (readonly [string, () => object])[] = [
    ['a request of Express', () => ({ rawHeaders: [] })],
    ['a request of Fastify', () => ({ raw: { rawHeaders: [] } })],
  ];

  it.each(REQUESTS)('is found by %s that it let through, and by no other', (_whose, make) => {
    const [request, decision] = [make(), allowed()];
    attachDecision(request, decision);
    expect(decisionOf(request)).toEqual(decision);
    expect(decisionOf({})).toBeUndefined();
  });

  it.each(REQUESTS)(
    'of another guard stays on %s, where the caller is optional',
    (_whose, make) => {
      const [before, after, decision] = [make(), make(), allowed()];
      attachDecision(before, decision);
      attachNoCaller(before);
      attachNoCaller(after);
      attachDecision(after, decision);
      for (const request of [before, after]) {
        expect(decisionOf(request)).toEqual(decision);
        expect(lacksCaller(request)).toBe(false);
      }
    },
  );

  it('is no field of a request of Express: there that is dearer', () => {
    const request = { rawHeaders: [] };
    attachDecision(request, allowed());
    expect(Object.getOwnPropertySymbols(request)).toEqual([]);
  });

  it('is missing where a request was let in without a caller', () => {
    const [request, other] = [{}, {}];
    attachNoCaller(request);
    attachDecision(other, allowed());
    expect([request, other, {}].map((each) => lacksCaller(each))).toEqual([true, false, false]);
    expect(decisionOf(request)).toBeUndefined();
  });

  it('puts its caller under a property of the request only where one is named', () => {
    const [request, decision] = [{}, allowed()];
    attachDecision(request, decision);
    expect(Object.keys(request)).toEqual([]);
    attachDecision(request, decision, 'user');
    expect(request).toHaveProperty('user', decision.caller);
    expect(decisionOf(request)).toEqual(decision);
  });

  it('is the last one, also where a middleware of Express has set `raw` in between', () => {
    const request: { raw?: unknown } = {};
    const [first, last] = [allowed(), allowed()];
    attachDecision(request, first);
    request.raw = 'the bytes of the body';
    attachDecision(request, last);
    expect(decisionOf(request)?.caller).toBe(last.caller);
  });

  it('may be the application’s own: it has the caller and the ids that the application named', () => {
    const before = Date.now();
    const caller = { userId: 'key 7', claims: { scopes: ['read'] } };
    const [request, other] = [{}, {}];
    expect(letIn(request, caller, [ORG])).toBe(true);
    const decision = decisionOf(request);
    expect(decision).toMatchObject({ allowed: true, caller, checked: [ORG] });
    expect(decision?.by).toBeUndefined();
    expect(decision?.read.from).toBe('application');
    expect(decision?.read.at).toBeGreaterThanOrEqual(before);
    const scopes = decision?.caller.claims['scopes'] as string[];
    expect(() => scopes.push('write')).toThrow(TypeError);
    expect(() => Object.assign(decision ?? {}, { checked: [] })).toThrow(TypeError);
    expect(letIn(other, caller)).toBe(true);
    expect(decisionOf(other)?.checked).toEqual([]);
  });

  it.each(REQUESTS)('is found for %s by another copy of the package', async (_whose, make) => {
    const [request, decision] = [make(), allowed()];
    attachDecision(request, decision);
    vi.resetModules();
    const copy = await import('../../lib/core/attached-decision.js');
    expect(copy.decisionOf).not.toBe(decisionOf);
    expect(copy.decisionOf(request)).toEqual(decision);
    const shared = Symbol.for('nestjs-zitadel:decisions');
    expect((globalThis as unknown as Record<symbol, unknown>)[shared]).toBeInstanceOf(WeakMap);
  });

  it.each(REQUESTS)('is not found by what inherits from %s, nor in its JSON', (_whose, make) => {
    const request = make();
    const before = JSON.stringify(request);
    attachDecision(request, allowed());
    expect(decisionOf(Object.create(request) as object)).toBeUndefined();
    expect(JSON.stringify(request)).toBe(before);
    const sent: unknown = JSON.parse('{"nestjs-zitadel:decision":{"allowed":true}}');
    expect(decisionOf(Object.assign({}, sent))).toBeUndefined();
  });

  it.each<[string, readonly CheckedRef[], string | undefined, string | undefined]>([
    ['nothing where nothing was checked', [], undefined, undefined],
    ['the id of the kind', [PROJECT, ORG], undefined, '1'],
    ['nothing of another kind', [PROJECT], undefined, undefined],
    ['nothing of another kind by the name', [PROJECT], 'orgId', undefined],
    ['nothing where two were checked', [ORG, OTHER], undefined, undefined],
    ['the one of that name', [ORG, OTHER], 'otherId', '2'],
    ['nothing by another name', [ORG], 'otherId', undefined],
    ['an id that was checked twice', [ORG, { ...OTHER, id: '1' }], undefined, '1'],
  ])('gives %s', (_what, checked, name, id) => {
    expect(checkedId(allowed(...checked), 'org', name)).toBe(id);
  });
});

it('an outage and a mistake are errors, and no other refusal is', () => {
  const errors = EXPECTED.map(([reason]) => reason).filter(isError);
  expect(errors).toEqual(['unavailable', 'misconfigured']);
});
