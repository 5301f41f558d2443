import { describe, expect, it } from 'vitest';
import { RefusedTokens } from '../../../lib/core/memory/refused-tokens.js';

const NOW = Date.now();
/** A caller whose token was issued so many seconds ago. */
const issued = (secondsAgo: number, userId = 'alice', jti?: string) => ({
  userId,
  claims: { iat: Math.floor(NOW / 1_000) - secondsAgo, ...(jti !== undefined && { jti }) },
});
const reason = (tokens: RefusedTokens, caller: Parameters<RefusedTokens['refusal']>[0]) =>
  tokens.refusal(caller)?.reason ?? 'accepted';

describe('tokens that were issued up to a time', () => {
  it.each([
    ['of one user', 'alice', 'accepted'],
    ['of everyone', undefined, 'token_invalid'],
  ] as const)('%s are refused for good, and those without a time with them', (_of, userId, bob) => {
    const tokens = new RefusedTokens();
    expect(reason(tokens, { userId: 'alice', claims: {} })).toBe('accepted');
    expect(tokens.issuedBefore(userId, NOW - 60_000)).toBe(true);
    const kinds = [
      [issued(61), 'token_invalid'],
      [issued(59), 'accepted'],
      [{ userId: 'alice', claims: {} }, 'token_invalid'],
      [{ userId: 'alice', claims: { iat: String(NOW / 1_000) } }, 'token_invalid'],
      // Milliseconds instead of seconds, and what is only inherited.
      [{ userId: 'alice', claims: { iat: NOW } }, 'token_invalid'],
      [{ userId: 'alice', claims: Object.create({ iat: NOW / 1_000 }) as object }, 'token_invalid'],
      [issued(61, 'bob'), bob],
      [{ userId: 'bob', claims: {} }, bob],
    ] as const;
    for (const [caller, expected] of kinds) {
      expect(reason(tokens, caller as never), JSON.stringify(caller)).toBe(expected);
    }
  });

  it('include those of that very second', () => {
    const tokens = new RefusedTokens();
    const second = Math.floor(NOW / 1_000) * 1_000;
    tokens.issuedBefore('alice', second - 1);
    expect(reason(tokens, issued(0))).toBe('accepted');
    tokens.issuedBefore('alice', second);
    expect(reason(tokens, issued(0))).toBe('token_invalid');
  });

  it('become more, never less, whatever comes later', () => {
    const tokens = new RefusedTokens();
    tokens.issuedBefore('alice', NOW - 60_000);
    for (const time of [NOW - 90_000, 0, -Infinity, NOW - 60_000]) {
      expect(tokens.issuedBefore('alice', time)).toBe(false);
    }
    tokens.issuedBefore(undefined, NOW - 120_000);
    expect(
      [issued(61), issued(59), issued(121, 'bob'), issued(119, 'bob')].map((each) =>
        reason(tokens, each),
      ),
    ).toEqual(['token_invalid', 'accepted', 'token_invalid', 'accepted']);
    tokens.issuedBefore(undefined, NOW - 30_000);
    expect(tokens.issuedBefore('alice', NOW - 40_000)).toBe(false);
    expect(reason(tokens, issued(31))).toBe('token_invalid');
  });

  it.each([Infinity, NaN, 1e300, NOW + 86_400_000])(
    'by the time %d are those of up to now, since nobody knows the future',
    (time) => {
      const tokens = new RefusedTokens();
      tokens.issuedBefore('alice', time);
      expect(reason(tokens, issued(0))).toBe('token_invalid');
      expect(reason(tokens, issued(-60))).toBe('accepted');
    },
  );
});

describe('a token that is refused by an id', () => {
  const SESSION = 'V2_400999956128795686';
  it.each([
    [`${SESSION}-at_1`, SESSION, 'token_invalid'],
    [`${SESSION}-at_1`, `${SESSION}-at_1`, 'token_invalid'],
    [`${SESSION}-at_2`, `${SESSION}-at_1`, 'accepted'],
    [`${SESSION}0-at_1`, SESSION, 'accepted'],
    [SESSION, `${SESSION}-at_1`, 'accepted'],
    ['400999950088932390', '400999950088932390', 'token_invalid'],
    ['a-b-c-d', 'a-b', 'token_invalid'],
    ['a-b-c-d', 'a-b-c-d', 'token_invalid'],
    ['a-b-c-d', 'b', 'accepted'],
  ])('%s by %s: %s', (jti, id, expected) => {
    const tokens = new RefusedTokens();
    tokens.id(id);
    expect(reason(tokens, issued(0, 'alice', jti))).toBe(expected);
    expect(reason(tokens, issued(0, 'alice'))).toBe('accepted');
  });
});

describe('more than is remembered', () => {
  it('lets nobody in again: what was pushed out counts for everyone', () => {
    const tokens = new RefusedTokens(20);
    tokens.issuedBefore('alice', NOW - 60_000);
    for (let i = 0; i < 100; i += 1) {
      tokens.issuedBefore(`user ${i}`, NOW - 50_000 + i);
      expect(reason(tokens, issued(61))).toBe('token_invalid');
    }
    expect(reason(tokens, issued(61, 'bob'))).toBe('token_invalid');
    expect(reason(tokens, issued(40, 'bob'))).toBe('accepted');
    expect(reason(tokens, issued(40))).toBe('accepted');
    // Whoever knows this caller is asked anyway.
    expect(reason(tokens, { userId: 'bob', claims: {} })).toBe('accepted');
  });

  it('does so with ids too', () => {
    const tokens = new RefusedTokens(20);
    tokens.id('V2_1');
    for (let i = 2; i < 100; i += 1) tokens.id(`V2_${i}`);
    expect(reason(tokens, issued(1, 'alice', 'V2_1-at_1'))).toBe('token_invalid');
    expect(reason(tokens, issued(-60, 'alice', 'V2_0-at_1'))).toBe('accepted');
  });

  it('costs little: 5,000 evictions over and over', () => {
    const tokens = new RefusedTokens(1_000);
    for (let round = 0; round < 10; round += 1) {
      for (let i = 0; i < 5_000; i += 1) tokens.issuedBefore(`user ${i}`, NOW - 60_000);
    }
    expect(reason(tokens, issued(61))).toBe('token_invalid');
  });
});
