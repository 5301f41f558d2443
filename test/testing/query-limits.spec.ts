import { afterEach, describe, expect, it } from 'vitest';
import { type EmulatorSettings, type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { connectCall, type Json, PERMISSIONS, PROJECTS } from './calls.js';

const ROWS = 1_005;
const REFUSED = {
  code: 3,
  message: 'Limit exceeded (QUERY-4M0fs)',
  details: [
    {
      '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail',
      id: 'QUERY-4M0fs',
      message: 'Limit exceeded',
    },
  ],
};
const REFUSED_V2 = {
  code: 'invalid_argument',
  message: 'Limit exceeded (QUERY-4M0fs)',
  details: [
    {
      type: 'zitadel.v1.ErrorDetail',
      value: 'CgtRVUVSWS00TTBmcxIOTGltaXQgZXhjZWVkZWQ',
      debug: { id: 'QUERY-4M0fs', message: 'Limit exceeded' },
    },
  ],
};

let zitadel: ZitadelEmulator;
let frank: User;
afterEach(() => zitadel.stop());

/** Somebody with many rows, and a project with as many grants. */
async function start(settings: EmulatorSettings = {}): Promise<void> {
  zitadel = await ZitadelEmulator.start(settings);
  const acme = zitadel.addOrg('acme');
  frank = zitadel.addUser('frank', { org: acme });
  const granted = zitadel.addProject('granted', { org: acme });
  zitadel.addMember(frank, 'instance', ['IAM_OWNER']);
  for (let at = 1; at < ROWS; at += 1) {
    const project = zitadel.addProject(`project ${at}`, { org: acme });
    zitadel.addMember(frank, { project }, ['PROJECT_OWNER']);
  }
  for (let at = 0; at < ROWS; at += 1) {
    zitadel.grantProject(granted, zitadel.addOrg(`other ${at}`), []);
  }
  LISTS['a user’s memberships'] = `/management/v1/users/${frank.id}/memberships/_search`;
  LISTS['grants of a project'] = `/management/v1/projects/${granted.id}/grants/_search`;
  orgId = acme.id;
}

let orgId = '';
const LISTS: Record<string, string> = {
  'the own memberships': '/auth/v1/memberships/me/_search',
  'a user’s memberships': '',
  'grants of a project': '',
  'all grants': '/management/v1/projectgrants/_search',
};
const V2_LISTS: Record<string, [string, string]> = {
  administrators: [`${PERMISSIONS}/ListAdministrators`, 'administrators'],
  'project grants': [`${PROJECTS}/ListProjectGrants`, 'projectGrants'],
};

async function post(path: string, json: object): Promise<{ status: number; body: Json }> {
  const headers = { 'x-zitadel-orgid': orgId };
  const called = await connectCall(zitadel, path, zitadel.tokenFor(frank), json, headers);
  return { status: called.status, body: called.json };
}

/** How many rows came, and of how many. */
async function countOf(path: string, json: object, name = 'result'): Promise<readonly number[]> {
  const { body } = await post(path, json);
  const { totalResult, appliedLimit } = (body['details'] ?? body['pagination']) as Record<
    string,
    string
  >;
  const rows = (body[name] as readonly unknown[] | undefined)?.length ?? 0;
  return [rows, Number(totalResult), ...(appliedLimit === undefined ? [] : [Number(appliedLimit)])];
}

describe('a list of API v1', () => {
  it('refuses a limit above 1000, gives 1000 rows without one, and counts all of them', async () => {
    await start();
    for (const path of Object.values(LISTS)) {
      expect(await post(path, { query: { limit: 1_001 } })).toEqual({ status: 400, body: REFUSED });
      for (const query of [
        {},
        { query: {} },
        { query: { limit: 0 } },
        { query: { limit: 1_000 } },
      ]) {
        expect(await countOf(path, query)).toEqual([1_000, ROWS]);
      }
      expect(await countOf(path, { query: { offset: '1000' } })).toEqual([5, ROWS]);
    }
  }, 30_000);

  it('of older servers gives as many as are asked for, and all without a limit', async () => {
    await start({ queryLimits: { v1Max: 0 } });
    for (const path of Object.values(LISTS)) {
      expect(await countOf(path, {})).toEqual([ROWS, ROWS]);
      expect(await countOf(path, { query: { limit: 10_000 } })).toEqual([ROWS, ROWS]);
    }
    const [path] = V2_LISTS['administrators'] ?? [''];
    expect(await post(path, { pagination: { limit: 1_001 } })).toMatchObject({ status: 400 });
  }, 30_000);

  it('is not refused to somebody whom the API does not let in', async () => {
    await start();
    zitadel.deactivateUser(frank);
    const { status } = await post(LISTS['the own memberships'] ?? '', { query: { limit: 1_001 } });
    expect(status).toBe(401);
  }, 30_000);
});

describe('a list of API v2', () => {
  it('gives 100 rows without a limit, 1000 with one, and refuses more', async () => {
    await start();
    for (const [path, name] of Object.values(V2_LISTS)) {
      expect(await countOf(path, {}, name)).toEqual([100, ROWS, 100]);
      expect(await countOf(path, { pagination: { limit: 1_000 } }, name)).toEqual([
        1_000,
        ROWS,
        1_000,
      ]);
      expect(await post(path, { pagination: { limit: 1_001 } })).toEqual({
        status: 400,
        body: REFUSED_V2,
      });
    }
  }, 30_000);

  it('has the limits that the operator sets, also while it runs; 0 is none', async () => {
    await start({ queryLimits: { default: 7, max: 20 } });
    const [path, name] = V2_LISTS['administrators'] ?? ['', ''];
    expect(await countOf(path, {}, name)).toEqual([7, ROWS, 7]);
    expect(await post(path, { pagination: { limit: 21 } })).toMatchObject({ status: 400 });
    expect(await countOf(LISTS['all grants'] ?? '', {})).toEqual([20, ROWS]);
    zitadel.limitQueries({ default: 0, max: 0 });
    expect(await countOf(path, {}, name)).toEqual([ROWS, ROWS]);
    expect(await countOf(path, { pagination: { limit: 5_000 } }, name)).toEqual([
      ROWS,
      ROWS,
      5_000,
    ]);
    expect(await countOf(LISTS['all grants'] ?? '', { query: { limit: 5_000 } })).toEqual([
      ROWS,
      ROWS,
    ]);
    // A default above the maximum is what ZITADEL gives.
    zitadel.limitQueries({ default: 50, max: 20 });
    expect(await countOf(path, {}, name)).toEqual([50, ROWS, 50]);
  }, 30_000);
});

describe('the event API', () => {
  it.each([{}, { max: 20 }, { max: 0, default: 0 }])(
    'gives 1000 at most with %o',
    async (limits) => {
      await start({ queryLimits: limits });
      const { status, body } = await post('/admin/v1/events/_search', { limit: 5_000 });
      expect(status).toBe(200);
      expect(body['events']).toHaveLength(1_000);
    },
    30_000,
  );
});

describe('limits that are no number of rows', () => {
  it.each([-1, 0.5, Number.NaN, Infinity])(
    '(%d) are refused',
    async (max) => {
      await start({ queryLimits: {} });
      await expect(ZitadelEmulator.start({ queryLimits: { max } })).rejects.toThrow(TypeError);
      expect(() => zitadel.limitQueries({ default: max })).toThrow(TypeError);
    },
    30_000,
  );
});

describe('ListAdministrators of a server from before January 2026', () => {
  const ofFrank = () => ({ inUserIdsFilter: { ids: [frank.id] } });

  it.each([
    { role: { roleKey: 'PROJECT_OWNER' } },
    { or: { queries: [{ role: { roleKey: 'PROJECT_OWNER' } }] } },
    { and: { queries: [{ role: { roleKey: 'PROJECT_OWNER' } }] } },
    { not: { query: { role: { roleKey: 'PROJECT_OWNER' } } } },
  ])(
    'does not know the filter %o',
    async (filter) => {
      await start({ administratorFilters: false });
      const [path, name] = V2_LISTS['administrators'] ?? ['', ''];
      expect(await post(path, { filters: [ofFrank(), filter] })).toMatchObject({
        status: 400,
        body: { code: 'invalid_argument' },
      });
      expect(await countOf(path, { filters: [ofFrank()] }, name)).toEqual([100, ROWS, 100]);
      const instance = { resource: { instance: true } };
      expect(await countOf(path, { filters: [ofFrank(), instance] }, name)).toEqual([1, 1, 100]);
    },
    30_000,
  );
});
