import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MembershipRows } from '../../../lib/core/caller.js';
import type { Permissions } from '../../../lib/core/decide/case.js';
import { isRefusal, type Refusal } from '../../../lib/core/decision.js';
import type { Toll } from '../../../lib/core/memory/allowance.js';
import type { MembershipQuestion } from '../../../lib/core/memory/caller-facts.js';
import { CallerSource, type CallerSourceParts } from '../../../lib/core/memory/caller-source.js';
import type { KnownCaller } from '../../../lib/core/memory/remembered-callers.js';
import { ANEW, ANY_AGE } from '../../../lib/core/validity.js';
import { gate, settle } from '../gate.js';
import { callerOf, orgRow } from '../rows.js';

const REJECTED: Refusal = { reason: 'token_rejected' };
const DOWN: Refusal = { reason: 'unavailable' };
const FREE: Toll = {
  pay: () => undefined,
  giveBack: () => undefined,
  keep: () => undefined,
  isSpent: () => false,
};

/** Nothing is known of any resource. */
const NO_FACTS = {
  ownerOf: () => undefined,
  grantOf: () => undefined,
  grantBetween: () => undefined,
};

interface Setup {
  readonly as?: 'caller' | 'serviceUser';
  readonly rows?: (question: MembershipQuestion) => Promise<MembershipRows | Refusal>;
  readonly permissions?: CallerSourceParts['permissions'];
}

/** A user whose list is over its cap: it holds nothing, and everything is asked for apart. */
function sourceOf({ as = 'caller', rows, permissions }: Setup = {}) {
  const asked: MembershipQuestion[] = [];
  const source = new CallerSource({
    issuer: 'https://acme.example',
    verify: (token) => callerOf(token.split('-')[0] ?? ''),
    verifiedForMs: Infinity,
    confirm: undefined,
    permissions: permissions ?? (() => Promise.resolve([])),
    memberships: {
      as,
      organizations: () => Promise.resolve([]),
      read: (question) => {
        asked.push(question);
        if (!question.on) return Promise.resolve({ rows: [], complete: false });
        return rows?.(question) ?? Promise.resolve({ rows: [], complete: true });
      },
    },
    bareTokens: true,
    ttlMs: 30_000,
    maxBytes: 2 ** 22,
    budgetMs: 5_000,
    shared: undefined,
  });
  return { source, asked };
}

async function answerOf(source: CallerSource, token: string): Promise<KnownCaller> {
  const answer = await source.resolve(token, ANY_AGE);
  if (isRefusal(answer)) throw new Error(answer.reason);
  return answer;
}

function held(permissions: Permissions | Refusal): Permissions {
  if (isRefusal(permissions)) throw new Error(permissions.reason);
  return permissions;
}

const on = (id: string) => ({ kind: 'org', id }) as const;
const rowOn = ({ userId, on: asked }: MembershipQuestion): Promise<MembershipRows> =>
  Promise.resolve({
    rows: asked?.kind === 'org' ? [orgRow(userId, asked.id)] : [],
    complete: true,
  });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.parse('2026-11-24T12:00:00Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('rows on one resource', () => {
  it('are asked for once, and remembered as long as the list', async () => {
    const { source, asked } = sourceOf({ rows: rowOn });
    const answer = await answerOf(source, 'alice-1');
    expect(source.lookups.known(answer, ANY_AGE, NO_FACTS).rowsOn(on('1'))).toBeUndefined();
    await source.lookups.rowsOn(answer, on('1'), ANY_AGE, FREE);
    await source.lookups.rowsOn(answer, on('1'), ANY_AGE, FREE);
    expect(asked.map((question) => question.on)).toEqual([undefined, on('1')]);
    expect(source.lookups.known(answer, ANY_AGE, NO_FACTS).rowsOn(on('1'))?.orgs.has('1')).toBe(
      true,
    );
    vi.advanceTimersByTime(30_000);
    expect(source.lookups.known(answer, ANY_AGE, NO_FACTS).rowsOn(on('1'))).toBeUndefined();
  });

  it('are asked for again where what is remembered is too old', async () => {
    const { source, asked } = sourceOf({ rows: rowOn });
    const answer = await answerOf(source, 'alice-1');
    await source.lookups.rowsOn(answer, on('1'), ANY_AGE, FREE);
    vi.advanceTimersByTime(2_000);
    const notBefore = performance.now() - 1_999;
    expect(source.lookups.known(answer, notBefore, NO_FACTS).rowsOn(on('1'))).toBeUndefined();
    expect(source.lookups.known(answer, notBefore - 1, NO_FACTS).rowsOn(on('1'))).toBeDefined();
    await source.lookups.rowsOn(answer, on('1'), notBefore - 1, FREE);
    expect(asked).toHaveLength(2);
    await source.lookups.rowsOn(answer, on('1'), notBefore, FREE);
    expect(asked).toHaveLength(3);
    expect(source.lookups.known(answer, notBefore, NO_FACTS).rowsOn(on('1'))).toBeDefined();
  });

  it('are remembered for the token that asked, and for no other of the same user', async () => {
    const { source } = sourceOf({ rows: rowOn });
    await source.lookups.rowsOn(await answerOf(source, 'alice-1'), on('1'), ANY_AGE, FREE);
    const other = await answerOf(source, 'alice-2');
    expect(source.lookups.known(other, ANY_AGE, NO_FACTS).rowsOn(on('1'))).toBeUndefined();
  });

  it('are forgotten with the user, also those that are being asked for', async () => {
    const waiting = gate<MembershipRows>();
    const { source } = sourceOf({ rows: () => waiting.passed });
    const answer = await answerOf(source, 'alice-1');
    const asking = source.lookups.rowsOn(answer, on('1'), ANY_AGE, FREE);
    await settle();
    source.forget({ type: 'user', userId: 'alice' });
    waiting.open({ rows: [orgRow('alice', '1')], complete: true });
    await asking;
    expect(source.lookups.known(answer, ANY_AGE, NO_FACTS).rowsOn(on('1'))).toBeUndefined();
  });

  it('that are too many as well are no answer', async () => {
    const { source } = sourceOf({ rows: () => Promise.resolve({ rows: [], complete: false }) });
    const answer = await answerOf(source, 'alice-1');
    expect(await source.lookups.rowsOn(answer, on('1'), ANY_AGE, FREE)).toMatchObject({
      reason: 'unavailable',
    });
    expect(source.lookups.known(answer, ANY_AGE, NO_FACTS).rowsOn(on('1'))).toBeUndefined();
  });

  it('that ZITADEL refuses are a refusal of the token, for a while', async () => {
    const { source } = sourceOf({ rows: () => Promise.resolve(REJECTED) });
    const answer = await answerOf(source, 'alice-1');
    expect(await source.lookups.rowsOn(answer, on('1'), ANY_AGE, FREE)).toBe(REJECTED);
    expect(source.warm('alice-1')).toBeUndefined();
    expect(await source.resolve('alice-1', ANY_AGE)).toBe(REJECTED);
  });
});

describe('permissions in one organization', () => {
  it('are asked for with the caller’s token, once, and remembered for that token', async () => {
    const permissions = vi.fn<CallerSourceParts['permissions']>(() =>
      Promise.resolve(['user.read', 'project.write:7']),
    );
    const { source } = sourceOf({ permissions });
    const answer = await answerOf(source, 'alice-1');
    for (let i = 0; i < 2; i += 1) {
      const found = held(await source.lookups.permissionsIn(answer, '1', ANY_AGE, FREE));
      expect(
        ['user.read', 'project.write:7', 'project.write'].map((one) => found.has(one)),
      ).toEqual([true, true, false]);
    }
    expect(permissions.mock.calls).toEqual([['alice', 'alice-1', '1']]);
    const other = await answerOf(source, 'alice-2');
    expect(source.lookups.known(other, ANY_AGE, NO_FACTS).permissionsIn('1')).toBeUndefined();
    expect(source.lookups.known(answer, ANY_AGE, NO_FACTS).permissionsIn('2')).toBeUndefined();
  });

  it('are asked anew where they must be fresh, and forgotten with the user', async () => {
    const permissions = vi.fn(() => Promise.resolve(['user.read']));
    const { source } = sourceOf({ permissions });
    const answer = await answerOf(source, 'alice-1');
    await source.lookups.permissionsIn(answer, '1', ANY_AGE, FREE);
    await source.lookups.permissionsIn(answer, '1', ANEW, FREE);
    expect(permissions).toHaveBeenCalledTimes(2);
    source.forget({ type: 'user', userId: 'alice' });
    expect(source.lookups.known(answer, ANY_AGE, NO_FACTS).permissionsIn('1')).toBeUndefined();
  });

  it.each([
    ['caller', true],
    ['serviceUser', false],
  ] as const)(
    'that ZITADEL refuses, with memberships read as the %s, refuse the token on every route: %s',
    async (as, everywhere) => {
      const { source } = sourceOf({ as, permissions: () => Promise.resolve(REJECTED) });
      const answer = await answerOf(source, 'alice-1');
      expect(await source.lookups.permissionsIn(answer, '1', ANY_AGE, FREE)).toBe(REJECTED);
      expect(source.warm('alice-1') === undefined).toBe(everywhere);
    },
  );

  it('cannot be asked for without a token', async () => {
    const { source } = sourceOf({ as: 'serviceUser' });
    const answer = await source.ofUser('alice', ANY_AGE);
    if (isRefusal(answer)) throw new Error(answer.reason);
    expect(await source.lookups.permissionsIn(answer, '1', ANY_AGE, FREE)).toMatchObject({
      reason: 'misconfigured',
    });
  });
});

describe('what a decision may cost', () => {
  it('is asked for before each call, and not for what is remembered', async () => {
    const { source } = sourceOf({ rows: rowOn });
    const answer = await answerOf(source, 'alice-1');
    const pay = vi.fn(() => undefined);
    const toll = { ...FREE, pay };
    await source.lookups.rowsOn(answer, on('1'), ANY_AGE, toll);
    await source.lookups.rowsOn(answer, on('1'), ANY_AGE, toll);
    await source.lookups.permissionsIn(answer, '1', ANY_AGE, toll);
    expect(pay).toHaveBeenCalledTimes(2);
  });

  it('ends the question where nothing is left', async () => {
    const { source, asked } = sourceOf({ rows: rowOn });
    const answer = await answerOf(source, 'alice-1');
    const before = asked.length;
    const toll = { ...FREE, pay: () => DOWN };
    expect(await source.lookups.rowsOn(answer, on('1'), ANY_AGE, toll)).toBe(DOWN);
    expect(await source.lookups.permissionsIn(answer, '1', ANY_AGE, toll)).toBe(DOWN);
    expect(asked).toHaveLength(before);
  });
});
