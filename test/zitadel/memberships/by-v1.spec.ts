import { describe, expect, it } from 'vitest';
import type { RowsOn } from '../../../lib/core/caller.js';
import type { MembershipQuestion } from '../../../lib/core/memory/caller-facts.js';
import { isRefusal } from '../../../lib/core/decision.js';
import { openServiceUser, pat } from '../../../lib/zitadel/credentials.js';
import { ApiGeneration } from '../../../lib/zitadel/generation.js';
import { createMembershipReader } from '../../../lib/zitadel/memberships/read.js';
import { ServiceToken } from '../../../lib/zitadel/service-user.js';
import { recorder, wayTo } from '../parts.js';
import { type Arrived, json, scripted, type ScriptedServer } from '../scripted-server.js';

const USER = '9';
let server: ScriptedServer;

type Answer = (asked: Arrived, limit: number) => unknown;

async function serve(answer: Answer): Promise<void> {
  server = await scripted((response, request) => {
    const { query } = JSON.parse(request.body) as { query: { limit: number } };
    json(response, answer(request, query.limit));
  });
}

function read(as: 'caller' | 'serviceUser', more: Partial<MembershipQuestion> = {}) {
  const { url } = server;
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

const bodies = () => server.requests.map(({ body }) => JSON.parse(body) as unknown);
const orgIds = () => server.requests.map(({ headers }) => String(headers['x-zitadel-orgid']));

describe('a list of API v1', () => {
  it('of as many rows as one answer holds is complete', async () => {
    await serve(cut(rows(1_000)));
    expect(await read('caller')).toMatchObject({ complete: true });
    expect(bodies()).toEqual([{ query: { limit: 1_000 } }]);
  });

  it.each([1_000, 100])(
    'of more rows than a server gives at once (%i) counts as far as it came, and is said to be incomplete',
    async (most) => {
      const all = rows(most + 1);
      await serve((_asked, limit) => list(all.length, all.slice(0, Math.min(limit, most))));
      const many = await read('caller');
      if (isRefusal(many)) throw new Error('refused');
      expect(many.complete).toBe(false);
      expect(many.rows).toHaveLength(most);
      expect(bodies()).toHaveLength(1);
    },
  );

  it('that counts rows and shows none is an outage, and not read any further', async () => {
    await serve(() => list(20_000, []));
    const on: RowsOn = { kind: 'orgsByRoles', roles: ['ORG_OWNER'] };
    expect(await read('caller', { on })).toMatchObject({ reason: 'unavailable' });
    expect(bodies()).toHaveLength(1);
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
    expect(bodies()).toEqual([{ query: { limit: 1_000 }, queries: [query] }]);
  });

  const project: RowsOn = { kind: 'project', id: '5' };
  /** As ZITADEL cuts it, and no more than so many rows at once. */
  const inPages = (all: readonly object[], most: number) => (asked: Arrived, limit: number) => {
    const { query } = JSON.parse(asked.body) as { query: { offset?: string } };
    const offset = Number(query.offset ?? 0);
    return list(all.length, all.slice(offset, offset + Math.min(limit, most)));
  };

  it('that is narrowed is read to its end, however short its pages are', async () => {
    await serve(inPages(rows(250), 100));
    const read250 = await read('caller', { on: project });
    if (isRefusal(read250)) throw new Error('refused');
    expect(read250.complete).toBe(true);
    expect(read250.rows).toHaveLength(250);
    expect(bodies()).toHaveLength(3);
  });

  it('that is narrowed and comes in another order each time is asked for twice, and is not told as whole', async () => {
    let asked = 0;
    await serve((request, limit) => {
      asked += 1;
      const all = rows(250);
      return inPages([...all.slice(asked * 7), ...all.slice(0, asked * 7)], 100)(request, limit);
    });
    expect(await read('caller', { on: project })).toMatchObject({ complete: false });
    expect(asked).toBe(6);
  });

  it('that is longer than is ever read is not told as whole, and not read any further', async () => {
    await serve((_asked, limit) => list(20_001, rows(limit)));
    expect(await read('caller', { on: project })).toMatchObject({ complete: false });
    expect(bodies()).toHaveLength(1);
  });

  it('that is asked for organizations is read to its end, since v1 has no such query', async () => {
    const others = Array.from({ length: 1_500 }, (_, at) => ({
      userId: USER,
      roles: ['PROJECT_OWNER'],
      projectId: String(at + 1),
    }));
    await serve(inPages([...others, ...rows(2)], 1_000));
    const on: RowsOn = { kind: 'orgsByRoles', roles: ['ORG_OWNER'] };
    const orgs = await read('caller', { on });
    if (isRefusal(orgs)) throw new Error('refused');
    expect(orgs.complete).toBe(true);
    expect(orgs.rows.map(({ kind, id }) => `${kind} ${id}`)).toEqual(['org 1', 'org 2']);
    expect(bodies()).toHaveLength(2);
  });
});

describe('lists of several organizations', () => {
  it('are joined, and one that is over the cap makes the whole incomplete', async () => {
    await serve(({ headers }, limit) =>
      headers['x-zitadel-orgid'] === '2'
        ? cut(rows(1_001))({} as never, limit)
        : cut(rows(1, 20_000))({} as never, limit),
    );
    const joined = await read('serviceUser', { organizations: ['1', '2'] });
    if (isRefusal(joined)) throw new Error('refused');
    expect(joined.complete).toBe(false);
    expect(joined.rows).toHaveLength(1_001);
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
