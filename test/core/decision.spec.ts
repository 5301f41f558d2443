import { describe, expect, it } from 'vitest';
import { DENIAL, denialAnswer, type DenyReason } from '../../lib/core/decision.js';

type Row = readonly [DenyReason, number, string | undefined];

/** Written down once more, as clients rely on it. */
const EXPECTED: readonly Row[] = [
  ['unsupported_context', 403, undefined],
  ['not_declared', 403, undefined],
  ['token_missing', 401, 'Bearer'],
  ['token_invalid', 401, 'Bearer error="invalid_token"'],
  ['impersonated', 401, 'Bearer error="invalid_token"'],
  ['token_rejected', 401, 'Bearer error="invalid_token"'],
  ['mfa_required', 403, undefined],
  ['resource_invalid', 400, undefined],
  ['resource_missing', 400, undefined],
  ['role_missing', 403, 'Bearer error="insufficient_scope"'],
  ['unavailable', 503, undefined],
  ['permission_missing', 403, 'Bearer error="insufficient_scope"'],
  ['project_role_missing', 403, 'Bearer error="insufficient_scope"'],
  ['organization_not_accepted', 403, 'Bearer error="insufficient_scope"'],
  ['misconfigured', 500, undefined],
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

  it.each(EXPECTED)('answers %s with %d and the challenge %s', (reason, status, challenge) => {
    const answer = denialAnswer({ reason });
    expect(answer.status).toBe(status);
    expect(answer.headers['WWW-Authenticate']).toBe(challenge);
    expect(answer.body).toEqual({
      statusCode: status,
      error: PHRASES[status],
      message: DENIAL[reason].message,
      errorCode: reason,
    });
  });

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
