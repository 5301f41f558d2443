import type { MembershipRows, RowsOn } from '../../../lib/core/caller.js';
import type { MembershipQuestion, ReadMemberships } from '../../../lib/core/memory/caller-facts.js';
import { isRefusal, type Refusal } from '../../../lib/core/decision.js';
import type { Org, User, ZitadelEmulator } from '../../../lib/testing/index.js';
import { openServiceUser, pat } from '../../../lib/zitadel/credentials.js';
import { ApiGeneration, type Generation } from '../../../lib/zitadel/generation.js';
import { createMembershipReader } from '../../../lib/zitadel/memberships/read.js';
import { ServiceToken } from '../../../lib/zitadel/service-user.js';
import { OUTAGES, realFetch, recorder, verdict, wayTo } from '../parts.js';
import { json, scripted, type ScriptedServer } from '../scripted-server.js';
import { impatiently } from '../../support/impatience.js';
import { useEmulator } from '../../support/world.js';
import { addFrank } from './franks-world.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { role } from '../../../lib/core/requirement/builders.js';
import { org } from '../../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';

interface Asked extends Partial<MembershipQuestion> {
  readonly userId: string;
}

function readerAt(
  server: Pick<ZitadelEmulator, 'issuer' | 'url'>,
  serviceUser?: string,
  setting: 'auto' | Generation = 'v2',
  everywhere = true,
  timeoutMs?: number,
): ReadMemberships {
  const { http, discover } = wayTo(server, timeoutMs);
  const credential = openServiceUser(pat(serviceUser ?? 'none'));
  return createMembershipReader({
    http,
    generation: new ApiGeneration('memberships', setting, recorder()),
    as: serviceUser === undefined ? 'caller' : 'serviceUser',
    serviceToken: new ServiceToken(http, discover, server.issuer, credential),
    everywhere,
  });
}

const ask = (read: ReadMemberships, question: Asked) =>
  read({ token: 'token', organizations: [], ...question });

function rowsOf(read: MembershipRows | Refusal): MembershipRows['rows'] {
  if (isRefusal(read)) throw new Error(`refused: ${JSON.stringify(read)}`);
  return read.rows;
}

describe('memberships by API v2', async () => {
  const zitadel = await useEmulator();
  const { acme, globex, portal, other, grant, frank, nobody } = addFrank(zitadel);
  const viewer = zitadel.addServiceUser('viewer');
  zitadel.addMember(viewer, 'instance', ['IAM_OWNER_VIEWER']);
  const ofAcme = zitadel.addServiceUser('of acme', { org: acme });
  zitadel.addMember(ofAcme, { org: acme }, ['ORG_OWNER']);

  const asCaller = (user = frank): Asked => ({
    userId: user.id,
    token: zitadel.tokenFor(user),
  });
  const all = () => {
    const userId = frank.id;
    return [
      { userId, kind: 'instance', id: '', roles: ['IAM_USER_MANAGER'] },
      { userId, kind: 'org', id: acme.id, roles: ['ORG_OWNER_VIEWER', 'ORG_USER_MANAGER'] },
      { userId, kind: 'org', id: globex.id, roles: ['ORG_OWNER'] },
      {
        userId,
        kind: 'project',
        id: other.id,
        roles: ['PROJECT_OWNER_VIEWER'],
        ownerOrgId: acme.id,
      },
      {
        userId,
        kind: 'projectGrant',
        id: grant.id,
        roles: ['PROJECT_GRANT_OWNER_VIEWER'],
        ownerOrgId: acme.id,
        projectId: portal.id,
        grantedOrgId: globex.id,
      },
    ];
  };

  it('are the caller’s own, of every kind, with both ends of a project grant', async () => {
    expect(await ask(readerAt(zitadel), asCaller())).toEqual({ rows: all(), complete: true });
    const [asked, ...more] = zitadel.requestLog();
    expect(more).toEqual([]);
    expect(asked).toMatchObject({
      method: 'POST',
      path: '/zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators',
    });
    expect(JSON.parse(asked?.body ?? '')).toEqual({
      pagination: { offset: '0', limit: 1000, asc: true },
      sortingColumn: 'ADMINISTRATOR_FIELD_NAME_CREATION_DATE',
      filters: [{ inUserIdsFilter: { ids: [frank.id] } }],
    });
  });

  it('of somebody without any are none', async () => {
    const read = await ask(readerAt(zitadel), asCaller(nobody));
    expect(read).toEqual({ rows: [], complete: true });
  });

  it('are any user’s for a service user that sees the whole instance', async () => {
    const read = readerAt(zitadel, zitadel.patFor(viewer));
    expect(await ask(read, { userId: frank.id })).toEqual({ rows: all(), complete: true });
    expect(zitadel.requests('userMemberships')).toBe(0);
  });

  it('are the same by both APIs, but for what v1 does not tell', async () => {
    const plain = (rows: MembershipRows['rows']) =>
      rows
        .map(({ kind, id, roles, ownerOrgId }) =>
          JSON.stringify([kind, kind === 'instance' ? '' : id, roles, ownerOrgId]),
        )
        .toSorted();
    const v1 = await ask(readerAt(zitadel, undefined, 'v1'), asCaller());
    const v2 = await ask(readerAt(zitadel), asCaller());
    expect(plain(rowsOf(v2))).toEqual(plain(rowsOf(v1)));
  });

  it('of a service user that sees some rows only are asked for twice, and are a misconfiguration', async () => {
    const read = readerAt(zitadel, zitadel.patFor(ofAcme));
    expect(await ask(read, { userId: frank.id })).toMatchObject({
      reason: 'misconfigured',
      detail: expect.stringContaining('3 of 5') as string,
      remedy: expect.stringContaining('IAM_OWNER_VIEWER') as string,
    });
    expect(zitadel.requests('administrators')).toBe(2);
    const none = readerAt(zitadel, zitadel.patFor(nobody));
    expect(await ask(none, { userId: frank.id })).toMatchObject({ reason: 'misconfigured' });
  });

  it.each<[string, () => RowsOn, readonly string[]]>([
    ['the instance', () => ({ kind: 'instance' }), ['instance']],
    ['an organization', () => ({ kind: 'org', id: globex.id }), ['org']],
    ['a project', () => ({ kind: 'project', id: other.id }), ['project']],
    [
      'a grant',
      () => ({
        kind: 'projectGrantBetween',
        projectId: portal.id,
        grantedOrgId: globex.id,
      }),
      ['projectGrant'],
    ],
    ['what there is no row of', () => ({ kind: 'org', id: '404404404404404404' }), []],
  ])('can be narrowed to %s', async (_what, on, kinds) => {
    for (const read of [readerAt(zitadel), readerAt(zitadel, zitadel.patFor(viewer))]) {
      const narrowed = await ask(read, { ...asCaller(), on: on() });
      expect(narrowed).toMatchObject({ complete: true });
      expect(rowsOf(narrowed).map(({ kind }) => kind)).toEqual(kinds);
    }
  });

  it('has nothing to add about a grant by its id: it is asked for by its two ends', async () => {
    const on: RowsOn = { kind: 'projectGrant', id: grant.id };
    zitadel.resetRequests();
    expect(await ask(readerAt(zitadel), { ...asCaller(), on })).toEqual({
      rows: [],
      complete: true,
    });
    expect(zitadel.requests()).toBe(0);
  });

  it('are narrowed to the organizations on which one of some roles is held', async () => {
    const on: RowsOn = { kind: 'orgsByRoles', roles: ['ORG_OWNER', 'ORG_USER_MANAGER'] };
    const read = await ask(readerAt(zitadel), { ...asCaller(), on });
    expect(rowsOf(read).map(({ id }) => id)).toEqual([acme.id, globex.id]);
  });

  it.each<[string, (user: User) => string, string]>([
    [
      'without the scope for ZITADEL',
      (user) => zitadel.tokenFor(user, { zitadelAudience: false }),
      'token_rejected',
    ],
    [
      'of somebody without the second factor that is asked for',
      (user) => {
        zitadel.requireMfa(user);
        return zitadel.tokenFor(user);
      },
      'mfa_required',
    ],
    [
      'of somebody who is deactivated',
      (user) => {
        const token = zitadel.tokenFor(user);
        zitadel.deactivateUser(user);
        return token;
      },
      'token_rejected',
    ],
  ])('with a token %s are refused like by v1', async (what, tokenOf, reason) => {
    const user = zitadel.addUser(`user ${what}`);
    const question = { userId: user.id, token: tokenOf(user) };
    for (const setting of ['v1', 'v2'] as const) {
      const read = await ask(readerAt(zitadel, undefined, setting), question);
      expect(read).toMatchObject({ reason });
    }
  });

  it('that the server does not have are our misconfiguration, with the way out', async () => {
    zitadel.serveApis('v1');
    const reader = readerAt(zitadel, zitadel.patFor(viewer));
    expect(await ask(reader, { userId: frank.id })).toMatchObject({
      reason: 'misconfigured',
      remedy: expect.stringContaining('memberships.organizations') as string,
    });
    expect(await ask(readerAt(zitadel), asCaller())).toMatchObject({
      reason: 'misconfigured',
      remedy: expect.stringContaining("'auto'") as string,
    });
    zitadel.serveApis('v2');
    const byOrganizations = readerAt(zitadel, zitadel.patFor(viewer), 'auto', false);
    const question = { userId: frank.id, organizations: [acme.id] };
    expect(await ask(byOrganizations, question)).toMatchObject({
      reason: 'misconfigured',
      remedy: expect.stringContaining('IAM_OWNER_VIEWER') as string,
    });
  });

  it.each([...OUTAGES, 502, 504, 'wrong-user'] as const)(
    'that fail (%s) are an outage',
    async (fault) => {
      zitadel.fail('administrators', fault);
      for (const serviceUser of [undefined, zitadel.patFor(viewer)]) {
        const reader = readerAt(zitadel, serviceUser, 'v2', true);
        const read = await impatiently(() => ask(reader, asCaller()));
        expect(read).toMatchObject({ reason: 'unavailable' });
      }
    },
  );
});

/** A list of v2 as it is, and as it may be bent. */
describe('a list of administrators', () => {
  const USER = '9';
  let server: ScriptedServer;

  const row = (id: number, more: object = {}) => ({
    creationDate: '2026-11-24T08:56:37.725525Z',
    user: { id: USER },
    organization: { id: String(id), name: 'x' },
    roles: ['ORG_OWNER'],
    ...more,
  });
  const rows = (count: number, from = 1) =>
    Array.from({ length: count }, (_, at) => row(from + at));
  const page = (total: number, administrators: readonly object[], limit = 1000) => ({
    pagination: { totalResult: String(total), appliedLimit: String(limit) },
    administrators,
  });

  /** Answers the pages one after another; the last one again and again. */
  async function pages(...bodies: readonly object[]): Promise<ScriptedServer> {
    server = await scripted((response, { number }) =>
      json(response, bodies[Math.min(number, bodies.length) - 1]),
    );
    return server;
  }

  /** A server that has these rows and cuts them as it is asked, or shorter. */
  async function list(all: readonly object[], most = 1000): Promise<ScriptedServer> {
    server = await scripted((response, { body }) => {
      const { pagination } = JSON.parse(body) as { pagination: { offset: string; limit: number } };
      const [offset, limit] = [Number(pagination.offset), Math.min(pagination.limit, most)];
      json(response, page(all.length, all.slice(offset, offset + limit), limit));
    });
    return server;
  }

  const at = ({ url }: ScriptedServer) => ({ issuer: url, url });
  const asCaller = (of: ScriptedServer, on?: RowsOn) =>
    ask(readerAt(at(of)), { userId: USER, ...(on && { on }) });
  const asReader = (of: ScriptedServer) => ask(readerAt(at(of), 'a-token'), { userId: USER });
  const offsets = () =>
    server.requests.map(
      ({ body }) => (JSON.parse(body) as { pagination: { offset: string } }).pagination.offset,
    );

  it('of several pages is read to its end', async () => {
    const read = await asCaller(await list(rows(2_500)));
    expect(read).toMatchObject({ complete: true });
    expect(rowsOf(read)).toHaveLength(2_500);
    expect(offsets()).toEqual(['0', '999', '1998']);
  });

  it('whose last page is full is not asked beyond its end', async () => {
    expect(rowsOf(await asCaller(await list(rows(1_999))))).toHaveLength(1_999);
    expect(offsets()).toEqual(['0', '999']);
  });

  it('in shorter pages than were asked for is read to its end too', async () => {
    expect(rowsOf(await asCaller(await list(rows(250), 100)))).toHaveLength(250);
    expect(offsets()).toEqual(['0', '99', '198']);
  });

  it('over the cap is read up to it and said to be incomplete', async () => {
    const read = await asCaller(await list(rows(10_001)));
    expect(read).toMatchObject({ complete: false });
    expect(rowsOf(read)).toHaveLength(10_000);
    expect(offsets()).toHaveLength(11);
    expect(await asReader(await list(rows(10_000)))).toMatchObject({ complete: true });
  });

  it('over the cap of which a reader does not see all is still a misconfiguration', async () => {
    const all = rows(10_500);
    server = await scripted((response, { body }) => {
      const { pagination } = JSON.parse(body) as { pagination: { offset: string; limit: number } };
      const offset = Number(pagination.offset);
      json(response, page(all.length, all.slice(offset + 1, offset + 1000)));
    });
    expect(await asReader(server)).toMatchObject({ reason: 'misconfigured' });
  });

  const first = page(1_500, rows(1_000));
  const rest = page(1_500, rows(501, 1_000));
  it.each<[string, object, number]>([
    [
      'of which a row comes on two pages and another one on none',
      rows(501, 999).with(0, row(1_000)),
      1_499,
    ],
    ['of which a row is removed and one added between two pages', rows(501, 1_001), 1_501],
    ['that grows', page(1_501, rows(502, 1_000)), 1_501],
    ['that shrinks', page(1_499, rows(500, 1_000)), 1_499],
    ['that ends before its next page', { pagination: { appliedLimit: '1000' } }, 1_000],
  ])('%s is read again, and what came of it counts', async (_what, then, came) => {
    const moved = Array.isArray(then) ? page(1_500, then) : then;
    for (const read of [asCaller, asReader]) {
      const twice = await read(await pages(first, moved, first, moved));
      expect(twice).toMatchObject({ complete: false });
      expect(rowsOf(twice)).toHaveLength(came);
      expect(server.requests).toHaveLength(4);
      const once = await read(await pages(first, moved, first, rest));
      expect(once).toMatchObject({ complete: true });
      expect(rowsOf(once)).toHaveLength(1_500);
    }
  });

  it('that is short for the caller, who sees all the own rows, is an outage', async () => {
    expect(await asCaller(await pages(page(2, rows(1))))).toMatchObject({ reason: 'unavailable' });
    expect(server.requests).toHaveLength(2);
  });

  it('that was short for a moment only is taken', async () => {
    expect(rowsOf(await asReader(await pages(page(2, rows(1)), page(2, rows(2)))))).toHaveLength(2);
  });

  it.each<[string, unknown]>([
    ['0', '0'],
    ['nothing', undefined],
    ['a negative number', '-1'],
    ['a text', 'x'],
    ['more than was asked for', '5000'],
    ['a fraction', 0.5],
  ])('whose pages say that they are of %s rows is not read without end', async (_what, limit) => {
    const body = {
      pagination: { totalResult: '1500', appliedLimit: limit },
      administrators: rows(1),
    };
    expect(await asCaller(await pages(body))).toMatchObject({ reason: 'unavailable' });
    expect(server.requests).toHaveLength(4);
  });

  it.each([1, 100])(
    'in pages of %i rows each is not read without end, and said to be incomplete',
    async (most) => {
      const read = await asCaller(await list(rows(5_000), most));
      expect(read).toMatchObject({ complete: false });
      expect(server.requests).toHaveLength(11);
      expect(rowsOf(read)).toHaveLength(most === 1 ? 11 : 11 * 99 + 1);
    },
  );

  it('that is narrowed is read to its end, however short its pages are', async () => {
    const on: RowsOn = { kind: 'orgsByRoles', roles: ['ORG_OWNER'] };
    const read = await asCaller(await list(rows(2_500), 100), on);
    expect(read).toMatchObject({ complete: true });
    expect(rowsOf(read)).toHaveLength(2_500);
  });

  it('that says nothing of how many there are is taken', async () => {
    const pagination = { appliedLimit: '1000' };
    const two = await pages({ pagination, administrators: rows(2) });
    expect(rowsOf(await asCaller(two))).toHaveLength(2);
    expect(await asCaller(await pages({ pagination }))).toEqual({ rows: [], complete: true });
  });

  it.each<[string, object]>([
    ['of another user', row(2, { user: { id: '8' } })],
    ['of nobody', row(2, { user: {} })],
    ['without a user', row(2, { user: undefined })],
    ['of a list of users', row(2, { user: [{ id: USER }] })],
    ['of a number', row(2, { user: { id: 9 } })],
  ])('with a row %s is an outage', async (_what, wrong) => {
    const of = await pages(page(2, [row(1), wrong]));
    expect(await asCaller(of)).toMatchObject({ reason: 'unavailable' });
    expect(await asReader(of)).toMatchObject({ reason: 'unavailable' });
  });

  it.each<[string, unknown]>([
    ['a list', []],
    ['null', null],
    ['a text', 'x'],
    ['nothing', {}],
    ['rows that are no list', { pagination: {}, administrators: {} }],
    ['rows that are no objects', { pagination: {}, administrators: [1] }],
    ['rows that are lists', { pagination: {}, administrators: [[]] }],
    ['no page', { administrators: [] }],
    ['pages that are no object', { pagination: 1, administrators: [] }],
    ['pages that are a list', { pagination: [], administrators: [] }],
    ['many rows', { pagination: { totalResult: 'many' }, administrators: [] }],
    ['a part of a row', { pagination: { totalResult: 0.5 }, administrators: [] }],
    ['less than no rows', { pagination: { totalResult: '-1' }, administrators: [] }],
  ])('that is %s is an outage', async (_what, body) => {
    expect(await asCaller(await pages(body as object))).toMatchObject({ reason: 'unavailable' });
  });

  const nothing = { organization: undefined };
  it.each<[string, object]>([
    ['on nothing', nothing],
    ['on two things', { instance: true }],
    ['on an organization and a project', { project: { id: '1', name: 'x', organizationId: '2' } }],
    ['on a thing that we do not know', { ...nothing, application: { id: '1' } }],
  ])('with a row %s says nothing by it', async (_what, more) => {
    const read = await asCaller(await pages(page(2, [row(1), row(2, more)])));
    expect(rowsOf(read).map(({ id }) => id)).toEqual(['1']);
  });

  it.each<[string, object]>([
    ['on an instance that is false', { ...nothing, instance: false }],
    ['on an instance that is a text', { ...nothing, instance: 'true' }],
    ['on an organization that is a text', { organization: '1' }],
    ['on an organization that is a list', { organization: ['1'] }],
    ['on null', { organization: null }],
    ['on an organization with an empty id', { organization: { id: '' } }],
    ['on an organization with a number as id', { organization: { id: 1 } }],
    ['on a project without an id', { ...nothing, project: { name: 'x', organizationId: '1' } }],
    ['on a project of a number', { ...nothing, project: { id: '1', organizationId: 1 } }],
    ['on a grant without an id', { ...nothing, projectGrant: { projectId: '1' } }],
    ['on a grant of nothing', { ...nothing, projectGrant: { id: '1', projectId: '' } }],
    [
      'on a grant to a number',
      { ...nothing, projectGrant: { id: '1', projectId: '1', grantedOrganizationId: 1 } },
    ],
    ['with a text as roles', { roles: 'ORG_OWNER' }],
    ['with null as roles', { roles: null }],
    ['with lists as roles', { roles: [['ORG_OWNER']] }],
    ['with one role that is no text', { roles: ['ORG_OWNER', 1] }],
  ])('with a row %s is an outage', async (_what, more) => {
    const of = await pages(page(2, [row(1), row(2, more)]));
    expect(await asCaller(of)).toMatchObject({ reason: 'unavailable' });
    expect(await asReader(of)).toMatchObject({ reason: 'unavailable' });
  });

  it('with a row without roles gives none', async () => {
    const read = await asCaller(await pages(page(1, [row(1, { roles: undefined })])));
    expect(rowsOf(read)).toMatchObject([{ id: '1', roles: [] }]);
  });

  it.each<[string, string, boolean]>([
    ['ZITADEL', JSON.stringify({ code: 'invalid_argument', message: 'unknown filter' }), false],
    ['a firewall', '<html><title>400 Bad Request</title></html>', true],
  ])('is narrowed by roles until a 400 of %s', async (_whose, text, goesOn) => {
    const of = await scripted((response, { number }) => {
      if (number > 1) json(response, page(0, []));
      else response.writeHead(400).end(text);
    });
    server = of;
    const read = readerAt(at(of));
    const on: RowsOn = { kind: 'orgsByRoles', roles: ['ORG_OWNER'] };
    const first = await ask(read, { userId: USER, on });
    expect(first).toMatchObject(goesOn ? { reason: 'unavailable' } : { complete: true });
    await ask(read, { userId: '8', on });
    expect(of.requests.at(-1)?.body.includes('roleKey')).toBe(goesOn);
  });

  it.each<[number, object, string]>([
    [
      401,
      { code: 'unauthenticated', message: 'Errors.Token.Invalid (AUTH-7fs1e)' },
      'token_rejected',
    ],
    [403, { code: 'permission_denied', message: 'mfa required (AUTHZ-Kl3p0)' }, 'mfa_required'],
    [
      403,
      { code: 'permission_denied', message: 'x', details: [{ debug: { id: 'APP-Shi0J' } }] },
      'impersonated',
    ],
    [400, { code: 'invalid_argument', message: 'Limit exceeded (QUERY-4M0fs)' }, 'misconfigured'],
    [404, { code: 'not_found', message: 'membership not found (AUTHZ-cdgFk)' }, 'misconfigured'],
    [404, { code: 5, message: 'unable to set instance using origin x' }, 'misconfigured'],
    [503, { code: 'unavailable', message: 'x' }, 'unavailable'],
  ])('that is refused with %d %o is %s for a caller', async (status, body, reason) => {
    server = await scripted((response) => json(response, body, status));
    const read = await asCaller(server);
    expect(read).toMatchObject({ reason });
    if (reason === 'misconfigured') expect((read as Refusal).remedy).not.toBe('');
    // Of our service user it is never the caller's fault.
    const ours = status === 503 ? 'unavailable' : 'misconfigured';
    expect(await asReader(server)).toMatchObject({ reason: ours });
  });
});

describe('moving lists', async () => {
  const PAGE = 1_000;

  let alice: User;
  let foreign: Org[];
  let orgs = 0;

  const zitadel = await useEmulator({ apis: 'v2' });
  const acme = zitadel.addOrg('acme');
  const svc = zitadel.addServiceUser('svc');
  zitadel.addMember(svc, 'instance', ['IAM_OWNER_VIEWER']);
  const reader = zitadel.patFor(svc);
  beforeEach(() => {
    alice = zitadel.addUser(`alice of ${orgs}`, { org: acme });
    foreign = [];
  });

  function addForeignRow(): void {
    const one = zitadel.addOrg(`evil ${(orgs += 1)}`);
    foreign.push(one);
    zitadel.addMember(alice, { org: one }, ['ORG_OWNER_VIEWER']);
  }

  const WAYS: readonly [string, () => Partial<ZitadelOptions>][] = [
    ['with the callers’ own tokens', () => ({})],
    [
      'as the service user',
      () => ({ serviceUser: pat(reader), memberships: { as: 'serviceUser' as const } }),
    ],
  ];

  describe.each(WAYS)('a list of managers that others change, read %s', (_how, more) => {
    /** Does something whenever a page was read that is not the last one. */
    function libraryThat(between: () => void): Zitadel {
      return createZitadel(
        zitadel.options({
          ...more(),
          logger: recorder(),
          timeoutMs: 60_000,
          budgetMs: 120_000,
          fetch: async (url, init) => {
            const response = await realFetch(url, init);
            if (!url.endsWith('/ListAdministrators')) return response;
            const text = await response.text();
            const { administrators = [] } = JSON.parse(text) as { administrators?: unknown[] };
            if (administrators.length === PAGE) between();
            return new Response(text, response);
          },
        }),
      );
    }
    const isOwner = (library: Zitadel) =>
      verdict(library, zitadel.tokenFor(alice), role('ORG_OWNER', org(acme.id)));

    it('each time it is read locks nobody out', async () => {
      for (let rows = 0; rows < 1_200; rows += 1) addForeignRow();
      zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
      expect(await isOwner(libraryThat(addForeignRow))).toBe('yes');
    });

    it('so that the own row slips through between two pages hides nothing', async () => {
      for (let rows = 0; rows < PAGE; rows += 1) addForeignRow();
      zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
      for (let rows = 0; rows < 200; rows += 1) addForeignRow();
      const shift = () => {
        zitadel.removeMember(alice, { org: foreign.shift() as Org });
        addForeignRow();
      };
      expect(await isOwner(libraryThat(shift))).toBe('yes');
    });

    it('and that has no row that counts is still a no', async () => {
      for (let rows = 0; rows < 1_200; rows += 1) addForeignRow();
      expect(await isOwner(libraryThat(addForeignRow))).toBe('role_missing');
    });
  });
});
