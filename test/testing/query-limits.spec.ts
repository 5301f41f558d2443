import { afterEach, describe, expect, it } from 'vitest';
import { type QueryLimits, ZitadelEmulator } from '../../lib/testing/index.js';
import { call, connectCall, type Json, PERMISSIONS, PROJECTS, useFurnished } from './calls.js';

const ROWS = 1_005;
const REFUSED = { id: 'QUERY-4M0fs', message: 'Limit exceeded' };
const message = 'Limit exceeded (QUERY-4M0fs)';
const details = {
  v1: { '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail', ...REFUSED },
  v2: {
    type: 'zitadel.v1.ErrorDetail',
    value: 'CgtRVUVSWS00TTBmcxIOTGltaXQgZXhjZWVkZWQ',
    debug: REFUSED,
  },
};
const REFUSALS = {
  v1: { code: 3, message, details: [details.v1] },
  v2: { code: 'invalid_argument', message, details: [details.v2] },
};

/** Somebody with many rows, and a project with as many grants. */
const w = useFurnished((zitadel) => {
  const acme = zitadel.addOrg('acme');
  const frank = zitadel.addUser('frank', { org: acme });
  const granted = zitadel.addProject('granted', { org: acme });
  zitadel.addMember(frank, 'instance', ['IAM_OWNER']);
  for (let at = 1; at < ROWS; at += 1) {
    const project = zitadel.addProject(`project ${at}`, { org: acme });
    zitadel.addMember(frank, { project }, ['PROJECT_OWNER']);
  }
  for (let at = 0; at < ROWS; at += 1) {
    zitadel.grantProject(granted, zitadel.addOrg(`other ${at}`), []);
  }
  return { acme, frank, granted };
});

afterEach(() => w.zitadel.limitQueries({}));

interface List {
  readonly api: 'v1' | 'v2';
  readonly path: () => string;
  readonly field: string;
}

const v1 = (path: () => string): List => ({ api: 'v1', path, field: 'result' });
const v2 = (path: string, field: string): List => ({ api: 'v2', path: () => path, field });
const mine = v1(() => '/auth/v1/memberships/me/_search');
const administrators = v2(`${PERMISSIONS}/ListAdministrators`, 'administrators');

const LISTS: readonly (readonly [string, List])[] = [
  ['the own memberships', mine],
  ['a user’s memberships', v1(() => `/management/v1/users/${w.frank.id}/memberships/_search`)],
  ['grants of a project', v1(() => `/management/v1/projects/${w.granted.id}/grants/_search`)],
  ['all grants', v1(() => '/management/v1/projectgrants/_search')],
  ['administrators', administrators],
  ['project grants', v2(`${PROJECTS}/ListProjectGrants`, 'projectGrants')],
];

async function ask({ path }: Pick<List, 'path'>, json: object) {
  const headers = { 'x-zitadel-orgid': w.acme.id };
  const token = w.zitadel.tokenFor(w.frank);
  const called = await connectCall(w.zitadel, path(), token, json, headers);
  return { status: called.status, body: called.json };
}

/** A page with this limit, as either generation asks for it. */
function page({ api }: List, page: object): object {
  return { [api === 'v1' ? 'query' : 'pagination']: page };
}

/** How many rows came, and of how many, and in API v2 which limit that is said to be: 0 for none. */
async function countOf(list: List, json: object): Promise<readonly number[]> {
  const { body } = await ask(list, json);
  const told = (body['details'] ?? body['pagination']) as Json;
  const rows = (body[list.field] as readonly unknown[] | undefined)?.length ?? 0;
  const counts = [rows, Number(told['totalResult'])];
  return list.api === 'v1' ? counts : [...counts, Number(told['appliedLimit'] ?? 0)];
}

describe.each(LISTS)('the list of %s', (_name, list) => {
  const counted = (rows: number, limit = rows) =>
    list.api === 'v1' ? [rows, ROWS] : [rows, ROWS, limit];

  it('gives at most 1000, refuses to give more, and counts all', async () => {
    const refused = { status: 400, body: REFUSALS[list.api] };
    expect(await ask(list, page(list, { limit: 1_001 }))).toEqual(refused);
    expect(await countOf(list, page(list, { limit: 1_000 }))).toEqual(counted(1_000));
    const usual = list.api === 'v1' ? 1_000 : 100;
    for (const json of [{}, page(list, {}), page(list, { limit: 0 })]) {
      expect(await countOf(list, json)).toEqual(counted(usual));
    }
    expect(await countOf(list, page(list, { offset: '1000' }))).toEqual(counted(5, 100));
  });

  it('on an older server gives all in API v1, and no more than before in v2', async () => {
    w.zitadel.limitQueries({ v1Max: 0 });
    if (list.api === 'v2') {
      expect((await ask(list, page(list, { limit: 1_001 }))).status).toBe(400);
      return;
    }
    expect(await countOf(list, {})).toEqual(counted(ROWS));
    expect(await countOf(list, page(list, { limit: 10_000 }))).toEqual(counted(ROWS));
  });

  it('has the limits that the operator sets while it runs; 0 is none', async () => {
    const isV1 = list.api === 'v1';
    w.zitadel.limitQueries({ default: 7, max: 20 });
    expect(await countOf(list, {})).toEqual(counted(isV1 ? 20 : 7));
    expect((await ask(list, page(list, { limit: 21 }))).status).toBe(400);
    w.zitadel.limitQueries({ default: 0, max: 0 });
    expect(await countOf(list, {})).toEqual(counted(ROWS, 0));
    expect(await countOf(list, page(list, { limit: 5_000 }))).toEqual(counted(ROWS, 5_000));
    // A default above the maximum is what ZITADEL gives.
    w.zitadel.limitQueries({ default: 50, max: 20 });
    expect(await countOf(list, {})).toEqual(counted(isV1 ? 20 : 50));
  });
});

describe('limits', () => {
  it.each<QueryLimits>([{}, { max: 20 }, { max: 0, default: 0 }])(
    'of %o leave the event API at 1000',
    async (limits) => {
      w.zitadel.limitQueries(limits);
      const path = () => '/admin/v1/events/_search';
      const { status, body } = await ask({ path }, { limit: 5_000 });
      expect(status).toBe(200);
      expect(body['events']).toHaveLength(1_000);
    },
  );

  it('can be there from the start', async () => {
    const zitadel = await ZitadelEmulator.start({ queryLimits: { max: 1 } });
    const token = zitadel.tokenFor(zitadel.addUser('somebody'));
    const { status } = await call(zitadel, mine.path(), token, { body: { query: { limit: 2 } } });
    await zitadel.stop();
    expect(status).toBe(400);
  });

  it.each([-1, 0.5, Number.NaN, Infinity])('are no number of rows: %d', async (max) => {
    await expect(ZitadelEmulator.start({ queryLimits: { max } })).rejects.toThrow(TypeError);
    expect(() => w.zitadel.limitQueries({ default: max })).toThrow(TypeError);
  });

  it('are not told to somebody whom the API does not let in', async () => {
    w.zitadel.deactivateUser(w.frank);
    expect((await ask(mine, { query: { limit: 1_001 } })).status).toBe(401);
    w.zitadel.reactivateUser(w.frank);
  });
});

describe('ListAdministrators of a server from before January 2026', () => {
  const older = useFurnished(
    (zitadel) => {
      const user = zitadel.addUser('frank');
      zitadel.addMember(user, 'instance', ['IAM_OWNER']);
      zitadel.addMember(user, { org: zitadel.rootOrg }, ['ORG_OWNER']);
      return { user, token: zitadel.tokenFor(user) };
    },
    { administratorFilters: false },
  );
  const role = { role: { roleKey: 'PROJECT_OWNER' } };

  it.each([
    role,
    { or: { queries: [role] } },
    { and: { queries: [role] } },
    { not: { query: role } },
  ])('does not know the filter %o', async (filter) => {
    const own = { inUserIdsFilter: { ids: [older.user.id] } };
    const list = async (...filters: readonly object[]) =>
      connectCall(older.zitadel, administrators.path(), older.token, { filters });
    const refused = await list(own, filter);
    expect([refused.status, refused.json['code']]).toEqual([400, 'invalid_argument']);
    expect((await list(own)).json['administrators']).toHaveLength(2);
    expect((await list(own, { resource: { instance: true } })).json['administrators']).toHaveLength(
      1,
    );
  });
});
