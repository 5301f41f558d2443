import { afterEach, describe, expect, it } from 'vitest';
import { isRefusal } from '../../lib/core/decision.js';
import type { MembershipQuestion, RowsOn } from '../../lib/core/membership.js';
import { ApiGeneration } from '../../lib/zitadel/api-generation.js';
import { openServiceUser, pat } from '../../lib/zitadel/credentials.js';
import { createMembershipReader } from '../../lib/zitadel/read-memberships.js';
import { ServiceToken } from '../../lib/zitadel/service-token.js';
import { recorder, wayTo } from './parts.js';
import { json, scripted, type Arrived, type ScriptedServer } from './scripted-server.js';

const USER = '9';
let server: ScriptedServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

type Answer = (asked: Arrived, limit: number) => unknown;

async function serve(answer: Answer): Promise<void> {
  server = await scripted((response, request) => {
    const { query } = JSON.parse(request.body) as { query: { limit: number } };
    json(response, answer(request, query.limit));
  });
}

function read(as: 'caller' | 'serviceUser', more: Partial<MembershipQuestion> = {}) {
  const { url = '' } = server ?? {};
  const { http, discover } = wayTo({ issuer: url, url });
  const reader = createMembershipReader({
    http,
    generation: new ApiGeneration('memberships', 'v1', recorder()),
    as,
    serviceToken: new ServiceToken(http, discover, url, openServiceUser(pat('a-token'))),
    everywhere: false,
  });
  return reader({ userId: USER, token: 'token', organizations: ['1', '2', '3'], ...more });
}

const row = (id: number) => ({ userId: USER, roles: ['ORG_OWNER'], orgId: String(id) });
const rows = (count: number, from = 1) => Array.from({ length: count }, (_, at) => row(from + at));
const list = (total: number, result: readonly object[]) => ({
  details: { totalResult: String(total), viewTimestamp: '2026-11-24T08:56:37Z' },
  result,
});
/** As ZITADEL cuts it. */
const cut = (all: readonly object[]) => (_asked: Arrived, limit: number) =>
  list(all.length, all.slice(0, limit));

const bodies = () => server?.requests.map(({ body }) => JSON.parse(body) as unknown) ?? [];
const orgIds = () =>
  server?.requests.map(({ headers }) => String(headers['x-zitadel-orgid'])) ?? [];

describe('a list of API v1', () => {
  it('of as many rows as the cap allows is complete', async () => {
    await serve(cut(rows(10_000)));
    expect(await read('caller')).toMatchObject({ complete: true });
    expect(bodies()).toEqual([{ query: { limit: 10_000 } }]);
  });

  it('of more rows counts as far as it came, and is said to be incomplete', async () => {
    await serve(cut(rows(10_001)));
    const many = await read('caller');
    if (isRefusal(many)) throw new Error('refused');
    expect(many.complete).toBe(false);
    expect(many.rows).toHaveLength(10_000);
  });

  it('of more bytes than are read is asked for again with fewer rows', async () => {
    const all = rows(9_000).map((each) => ({ ...each, displayName: 'x'.repeat(1_000) }));
    await serve(cut(all));
    const many = await read('caller');
    if (isRefusal(many)) throw new Error('refused');
    expect(many.complete).toBe(false);
    expect(many.rows).toHaveLength(1_000);
    expect(bodies()).toEqual([{ query: { limit: 10_000 } }, { query: { limit: 1_000 } }]);
  });

  it('that is shorter than it says and than was asked for is an outage', async () => {
    await serve(() => list(10, rows(9)));
    expect(await read('caller')).toMatchObject({ reason: 'unavailable' });
  });

  it.each<[RowsOn, unknown]>([
    [{ kind: 'instance' }, { iamQuery: { iam: true } }],
    [{ kind: 'org', id: '5' }, { orgQuery: { orgId: '5' } }],
    [{ kind: 'project', id: '5' }, { projectQuery: { projectId: '5' } }],
    [{ kind: 'projectGrant', id: '5' }, { projectGrantQuery: { projectGrantId: '5' } }],
    [
      { kind: 'projectGrantBetween', projectId: '5', grantedOrgId: '6' },
      { projectQuery: { projectId: '5' } },
    ],
  ])('is narrowed to %o by %o', async (on, query) => {
    await serve(cut(rows(1)));
    expect(await read('caller', { on })).toMatchObject({ complete: true });
    expect(bodies()).toEqual([{ query: { limit: 10_000 }, queries: [query] }]);
  });
});

describe('lists of several organizations', () => {
  it('are joined, and one that is over the cap makes the whole incomplete', async () => {
    await serve(({ headers }, limit) =>
      headers['x-zitadel-orgid'] === '2'
        ? cut(rows(10_001))({} as never, limit)
        : cut(rows(1, 20_000))({} as never, limit),
    );
    const joined = await read('serviceUser', { organizations: ['1', '2'] });
    if (isRefusal(joined)) throw new Error('refused');
    expect(joined.complete).toBe(false);
    expect(joined.rows).toHaveLength(10_001);
  });

  it('of which one is too long are incomplete, however few rows there are together', async () => {
    const long = rows(9_000).map((each) => ({ ...each, displayName: 'x'.repeat(1_000) }));
    await serve((asked, limit) =>
      cut(asked.headers['x-zitadel-orgid'] === '1' ? long : [])(asked, limit),
    );
    const joined = await read('serviceUser', { organizations: ['1', '2'] });
    expect(joined).toMatchObject({ complete: false });
    expect(isRefusal(joined) || joined.rows.length).toBe(1_000);
  });

  it('that are together over the cap are not read any further', async () => {
    const organizations = Array.from({ length: 12 }, (_, at) => String(at + 1));
    await serve(({ headers }) => {
      const org = Number(headers['x-zitadel-orgid']);
      return list(2_600, rows(2_600, org * 10_000));
    });
    expect(await read('serviceUser', { organizations })).toMatchObject({ complete: false });
    expect(orgIds()).toEqual(['1', '2', '3', '4']);
  });

  it.each<[RowsOn, readonly string[]]>([
    [{ kind: 'instance' }, ['1']],
    [{ kind: 'org', id: '2' }, ['2']],
    [{ kind: 'org', id: '4' }, []],
    [{ kind: 'project', id: '2' }, ['1', '2', '3']],
    [{ kind: 'projectGrant', id: '2' }, ['1', '2', '3']],
  ])('narrowed to %o are asked of %o', async (on, asked) => {
    await serve(cut(rows(1)));
    expect(await read('serviceUser', { on })).toMatchObject({ complete: true });
    expect(orgIds().toSorted()).toEqual(asked);
  });
});
