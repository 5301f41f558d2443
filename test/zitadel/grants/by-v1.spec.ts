import { beforeEach, describe, expect, it } from 'vitest';
import { ZitadelArgumentError } from '../../../lib/core/errors.js';
import { createZitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { Project, User } from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import type { ProjectGrantService } from '../../../lib/zitadel/grants/project-grant-service.js';
import type { ProjectGrant } from '../../../lib/zitadel/grants/project-grant.js';
import { ZitadelApiError, ZitadelUnavailableError } from '../../../lib/zitadel/refusals.js';
import { errorOf, realFetch, recorder } from '../parts.js';
import { useEmulator } from '../../support/world.js';

const UNKNOWN = '404404404404404404';

let grants: ProjectGrantService;
/** A project of its own for each test. */
let portal: Project;
let count = 0;

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const initech = zitadel.addOrg('initech');
const svc = zitadel.addServiceUser('svc', { org: acme });
zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
beforeEach(() => {
  count += 1;
  portal = zitadel.addProject(`portal ${count}`, {
    org: acme,
    roles: ['reader', 'writer', 'admin'],
  });
  grants = grantsBy(svc);
});

function grantsBy(user: User | undefined, more: Partial<ZitadelOptions> = {}): ProjectGrantService {
  const serviceUser = user && { serviceUser: pat(zitadel.patFor(user)) };
  return createZitadel(zitadel.options({ ...serviceUser, logger: recorder(), ...more }))
    .projectGrants;
}

const here = () => ({ organizationId: acme.id, projectId: portal.id });
const toGlobex = (...roleKeys: string[]) => ({ ...here(), grantedOrgId: globex.id, roleKeys });

async function all(list: AsyncIterable<ProjectGrant>): Promise<ProjectGrant[]> {
  const found: ProjectGrant[] = [];
  for await (const grant of list) found.push(grant);
  return found;
}

describe('a project grant', () => {
  it('is added, read, changed, deactivated, reactivated and removed', async () => {
    const { grantId = '', details } = await grants.add(toGlobex('reader', 'writer', 'reader'));
    expect(details).toMatchObject({ resourceOwner: acme.id });
    const of = { ...here(), grantId };
    expect(await grants.get(of)).toEqual({
      grantId,
      projectId: portal.id,
      projectName: portal.name,
      projectOwnerId: acme.id,
      projectOwnerName: 'acme',
      grantedOrgId: globex.id,
      grantedOrgName: 'globex',
      grantedRoleKeys: ['reader', 'writer'],
      state: 'active',
      details: {
        sequence: expect.stringMatching(/^\d+$/) as string,
        creationDate: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        changeDate: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        resourceOwner: acme.id,
      },
    });
    await grants.changeRoles({ ...of, roleKeys: ['admin'] });
    expect((await grants.get(of)).grantedRoleKeys).toEqual(['admin']);
    await grants.deactivate(of);
    expect((await grants.get(of)).state).toBe('inactive');
    await grants.reactivate(of);
    expect((await grants.get(of)).state).toBe('active');
    await grants.remove(of);
    expect(await errorOf(grants.get(of))).toMatchObject({ status: 404, id: 'QUERY-n98GGs' });
  });

  it('can be without roles, which ZITADEL leaves out', async () => {
    const { grantId = '' } = await grants.add(toGlobex());
    expect(await grants.get({ ...here(), grantId })).toMatchObject({ grantedRoleKeys: [] });
  });

  it('is listed by project, by organization, by granted organization, and on the other side', async () => {
    const { grantId: one = '' } = await grants.add(toGlobex('reader'));
    const { grantId: two = '' } = await grants.add({ ...toGlobex(), grantedOrgId: initech.id });
    const ids = async (list: AsyncIterable<ProjectGrant>) =>
      (await all(list)).map(({ grantId = '' }) => grantId).filter((id) => id === one || id === two);
    expect((await ids(grants.list(here()))).toSorted()).toEqual([one, two].toSorted());
    expect(await ids(grants.list({ ...here(), grantedOrgId: globex.id }))).toEqual([one]);
    const organizationId = acme.id;
    expect((await ids(grants.list({ organizationId }))).toSorted()).toEqual([one, two].toSorted());
    expect(await ids(grants.list({ organizationId, grantedOrgId: initech.id }))).toEqual([two]);
    const gina = zitadel.addServiceUser(`svc globex ${count}`, { org: globex });
    zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
    expect(await ids(grantsBy(gina).listGranted({ organizationId: globex.id }))).toEqual([one]);
    expect(await ids(grantsBy(gina).listGranted())).toEqual([one]);
  });

  it('is listed completely, page after page', async () => {
    const orgs = Array.from({ length: 1_050 }, (_, at) => zitadel.addOrg(`of many ${at}`));
    for (const org of orgs) zitadel.grantProject(portal, org, ['reader']);
    const listed = await all(grants.list(here()));
    expect(new Set(listed.map(({ grantedOrgId }) => grantedOrgId)).size).toBe(1_050);
    expect(listed).toHaveLength(1_050);
    expect(zitadel.requests('listGrants')).toBe(2);
    const queries = zitadel.requestLog('listGrants').map(({ body }) => JSON.parse(body) as object);
    expect(queries).toEqual([
      { query: { offset: '0', limit: 1_000, asc: true } },
      { query: { offset: '999', limit: 1_000, asc: true } },
    ]);
    const some: string[] = [];
    for await (const { grantId = '' } of grants.list(here())) {
      some.push(grantId);
      if (some.length === 3) break;
    }
    expect(zitadel.requests('listGrants')).toBe(3);
  });

  it('is never missing from a list that others change while it is read', async () => {
    const orgs = Array.from({ length: 1_050 }, (_, at) => zitadel.addOrg(`changing ${at}`));
    const [first] = orgs.map((org) => zitadel.grantProject(portal, org, ['reader']));
    const fetch: typeof realFetch = async (url, init) => {
      const response = await realFetch(url, init);
      if (!url.endsWith('/grants/_search') || zitadel.requests('listGrants') > 1) return response;
      // One less before, one more behind: as many as ever.
      zitadel.removeGrant(first as { readonly id: string });
      zitadel.grantProject(portal, globex, ['reader']);
      return response;
    };
    const error = await errorOf(all(grantsBy(svc, { fetch }).list(here())));
    expect(error).toBeInstanceOf(ZitadelUnavailableError);
    expect(error.message).toContain('changes while it is read');
  });

  it('goes to the path, the method and the organization that ZITADEL documents', async () => {
    const { grantId = '' } = await grants.add(toGlobex('reader'));
    const of = { ...here(), grantId };
    await grants.get(of);
    await grants.changeRoles({ ...of, roleKeys: ['writer'] });
    await grants.deactivate(of);
    await grants.reactivate(of);
    await all(grants.list(here()));
    await grants.remove(of);
    const base = `/management/v1/projects/${portal.id}/grants`;
    const sent = zitadel.requestLog().map(({ method, path, body }) => [method, path, body]);
    expect(sent).toEqual([
      ['POST', base, JSON.stringify({ grantedOrgId: globex.id, roleKeys: ['reader'] })],
      ['GET', `${base}/${grantId}`, ''],
      ['PUT', `${base}/${grantId}`, JSON.stringify({ roleKeys: ['writer'] })],
      ['POST', `${base}/${grantId}/_deactivate`, '{}'],
      ['POST', `${base}/${grantId}/_reactivate`, '{}'],
      ['POST', `${base}/_search`, expect.any(String)],
      ['DELETE', `${base}/${grantId}`, ''],
    ]);
    for (const { headers } of zitadel.requestLog()) {
      expect(headers['x-zitadel-orgid']).toBe(acme.id);
    }
  });

  it('of another project is none of this one, though ZITADEL answers it', async () => {
    const { grantId = '' } = await grants.add(toGlobex('reader'));
    const other = zitadel.addProject(`other ${count}`, { org: acme });
    const error = await errorOf(grants.get({ ...here(), projectId: other.id, grantId }));
    expect(error).toBeInstanceOf(ZitadelApiError);
    expect(error).toMatchObject({ status: 404 });
  });
});

describe('the organization of a call', () => {
  it('is the one that is told, else what the option projectOwner says, else the service user’s', async () => {
    const orgOf = () => zitadel.requestLog('addGrant').at(-1)?.headers['x-zitadel-orgid'];
    const grant = { projectId: portal.id, roleKeys: ['reader'] };
    await grants.add({ ...grant, grantedOrgId: globex.id });
    expect(orgOf()).toBeUndefined();
    const knowing = grantsBy(svc, { projectOwner: () => Promise.resolve(acme.id) });
    await knowing.add({ ...grant, grantedOrgId: initech.id });
    expect(orgOf()).toBe(acme.id);
    await errorOf(knowing.add({ ...grant, organizationId: globex.id, grantedOrgId: globex.id }));
    expect(orgOf()).toBe(globex.id);
  });

  it('that is missing where the service user is of another one is what the error says', async () => {
    const admin = zitadel.addServiceUser(`admin ${count}`);
    zitadel.addMember(admin, 'instance', ['IAM_OWNER']);
    const { organizationId: _none, ...grant } = toGlobex('reader');
    const error = await errorOf(grantsBy(admin).add(grant));
    expect(error).toMatchObject({ status: 400, id: 'COMMAND-m9gsd' });
    expect(error.message).toContain('organizationId');
    expect(await grantsBy(admin).add({ ...grant, organizationId: acme.id })).toHaveProperty(
      'grantId',
    );
  });
});

describe('a refusal', () => {
  it('of a removal of an unknown grant is a typed error, with what to do', async () => {
    const error = await errorOf(grants.remove({ ...here(), grantId: UNKNOWN }));
    expect(error).toBeInstanceOf(ZitadelApiError);
    expect(error).toMatchObject({ code: 'zitadel_refused', status: 404, id: 'PROJECT-D8JxR' });
    expect((error as ZitadelApiError).remedy).toMatch(/no such project grant/);
    expect(error.message).toContain((error as ZitadelApiError).remedy);
  });

  it('under an organization that has nothing to do with the grant says which one has', async () => {
    const { id: grantId } = zitadel.grantProject(portal, globex, ['reader']);
    const owner = zitadel.addServiceUser(`owner of all ${count}`);
    zitadel.addMember(owner, 'instance', ['IAM_OWNER']);
    const of = { ...here(), grantId, organizationId: zitadel.rootOrg.id };
    expect(await errorOf(grantsBy(owner).get(of))).toMatchObject({
      id: 'MANAG-d3g31',
      remedy: expect.stringContaining('the organization that owns the project') as string,
    });
    expect(await errorOf(grantsBy(owner).deactivate(of))).toMatchObject({
      id: 'COMMAND-EbFMN',
      remedy: expect.stringContaining('organizationId that owns it') as string,
    });
  });

  it('is read by its id, whatever the language of its text', async () => {
    zitadel.fail('addGrant', {
      status: 409,
      body: { code: 6, message: 'Existiert bereits', details: [{ id: 'V3-DKcYh', message: 'x' }] },
    });
    expect(await errorOf(grants.add(toGlobex('reader')))).toMatchObject({ id: 'V3-DKcYh' });
  });

  it('of a service user with too little right says so', async () => {
    const viewer = zitadel.addServiceUser(`viewer ${count}`, { org: acme });
    zitadel.addMember(viewer, { org: acme }, ['ORG_OWNER_VIEWER']);
    const error = await errorOf(grantsBy(viewer).add(toGlobex('reader')));
    expect(error).toMatchObject({ status: 403, id: 'AUTH-5mWD2' });
    expect(error.message).toContain('do not allow');
  });

  it('of a manager of another project says so, with what to do', async () => {
    const other = zitadel.addProject(`another ${count}`, { org: acme });
    const owner = zitadel.addServiceUser(`owner ${count}`, { org: acme });
    zitadel.addMember(owner, { project: other }, ['PROJECT_OWNER']);
    const error = await errorOf(grantsBy(owner).add(toGlobex('reader')));
    expect(error).toMatchObject({ status: 403 });
    expect((error as ZitadelApiError).remedy).toContain('do not allow');
  });

  it('of the service user itself is another error, with what to look at', async () => {
    const gone = zitadel.addServiceUser(`gone ${count}`, { org: acme });
    const ofGone = grantsBy(gone);
    zitadel.removeUser(gone);
    const error = await errorOf(ofGone.add(toGlobex('reader')));
    expect(error.code).toBe('service_user_refused');
    expect(error.message).toContain('service user');
  });

  it('for want of a service user names the option', async () => {
    const error = await errorOf(grantsBy(undefined).add(toGlobex('reader')));
    expect(error.code).toBe('service_user_refused');
    expect(error.message).toContain('serviceUser');
  });
});

describe('an outage', () => {
  it('of a read is tried again', async () => {
    const { grantId = '' } = await grants.add(toGlobex('reader'));
    zitadel.failNext('getGrant', 503);
    expect(await grants.get({ ...here(), grantId })).toMatchObject({ grantId });
    expect(zitadel.requests('getGrant')).toBe(2);
  });

  it.each<[string, unknown]>([
    ['nothing', {}],
    ['another grant', { projectGrant: { grantId: '1', projectId: '1', grantedOrgId: '1' } }],
    ['a list', { projectGrant: [] }],
    [
      'roles that are a text',
      {
        projectGrant: { grantId: UNKNOWN, projectId: '1', grantedOrgId: '1', grantedRoleKeys: 'x' },
      },
    ],
  ])('that answers %s is an error', async (_what, body) => {
    zitadel.fail('getGrant', { status: 200, body });
    const error = await errorOf(grants.get({ ...here(), grantId: UNKNOWN }));
    expect(error).toBeInstanceOf(ZitadelUnavailableError);
  });

  it('that answers no id to a new grant is an error', async () => {
    for (const body of [{}, { grantId: '' }, { grantId: 1 }]) {
      zitadel.fail('addGrant', { status: 200, body });
      expect(await errorOf(grants.add(toGlobex()))).toBeInstanceOf(ZitadelUnavailableError);
    }
  });

  it.each<[string, string, (grantId: string) => Promise<unknown>]>([
    ['addition', 'addGrant', () => grants.add(toGlobex('reader'))],
    [
      'change',
      'changeGrant',
      (grantId) => grants.changeRoles({ ...here(), grantId, roleKeys: ['reader'] }),
    ],
    ['deactivation', 'deactivateGrant', (grantId) => grants.deactivate({ ...here(), grantId })],
    ['reactivation', 'reactivateGrant', (grantId) => grants.reactivate({ ...here(), grantId })],
    ['removal', 'removeGrant', (grantId) => grants.remove({ ...here(), grantId })],
  ])('that answers the %s (%s) without details is an error', async (_what, name, call) => {
    const endpoint = name as Parameters<typeof zitadel.fail>[0];
    for (const details of [undefined, null, 'x', []]) {
      zitadel.fail(endpoint, { status: 200, body: { grantId: '1', details } });
      expect(await errorOf(call('1'))).toBeInstanceOf(ZitadelUnavailableError);
    }
    expect(zitadel.requests(endpoint)).toBe(4);
  });
});

describe('what is no id', () => {
  const HOSTILE = [
    '',
    '.',
    '..',
    '../..',
    '1/2',
    '1?x=1',
    '1#x',
    '%2e%2e',
    '1\r\nx-evil: 1',
    ' 1',
    '１',
    '1'.repeat(201),
    undefined,
    null,
    1,
    {},
    ['1'],
  ];
  const right = {
    organizationId: '1',
    projectId: '2',
    grantId: '3',
    grantedOrgId: '4',
    roleKeys: ['reader'],
  };
  type Grants = ProjectGrantService;
  const calls: readonly [
    string,
    readonly string[],
    (of: Grants, args: typeof right) => Promise<unknown>,
  ][] = [
    ['add', ['organizationId', 'projectId', 'grantedOrgId'], (of, args) => of.add(args)],
    ['get', ['organizationId', 'projectId', 'grantId'], (of, args) => of.get(args)],
    ['list', ['organizationId', 'projectId', 'grantedOrgId'], (of, args) => all(of.list(args))],
    ['listGranted', ['organizationId'], (of, args) => all(of.listGranted(args))],
    ['changeRoles', ['organizationId', 'projectId', 'grantId'], (of, args) => of.changeRoles(args)],
    ['deactivate', ['organizationId', 'projectId', 'grantId'], (of, args) => of.deactivate(args)],
    ['reactivate', ['organizationId', 'projectId', 'grantId'], (of, args) => of.reactivate(args)],
    ['remove', ['organizationId', 'projectId', 'grantId'], (of, args) => of.remove(args)],
    ['ensure', ['organizationId', 'projectId', 'grantedOrgId'], (of, args) => of.ensure(args)],
  ];

  it.each(
    calls.flatMap(([name, args, call]) => args.map((argument) => ({ name, argument, call }))),
  )('is never sent as $argument of $name', async ({ name, argument, call }) => {
    for (const value of HOSTILE) {
      // Left out, an organization is looked up, a grant is found by its organization, and a list is longer.
      const canBeLeftOut = argument === 'organizationId' || argument === 'grantId';
      const isLeftOut = value === undefined && (canBeLeftOut || name === 'list');
      if (isLeftOut) continue;
      const error = await errorOf(call(grants, { ...right, [argument]: value } as never));
      expect([value, error.code]).toEqual([value, 'argument_invalid']);
      expect(error).toBeInstanceOf(ZitadelArgumentError);
      expect((error as ZitadelArgumentError).argument).toBe(argument);
      if (typeof value === 'string' && value.length > 2) expect(error.message).not.toContain(value);
    }
    expect(zitadel.requests()).toBe(0);
  });

  it.each(['add', 'changeRoles', 'ensure'] as const)(
    'nor are roleKeys of %s that are none',
    async (name) => {
      for (const roleKeys of [
        undefined,
        null,
        'reader',
        {},
        [1],
        [''],
        ['x'.repeat(201)],
        [['reader']],
        [null],
      ]) {
        const error = await errorOf(grants[name]({ ...right, roleKeys } as never));
        expect([roleKeys, error.code]).toEqual([roleKeys, 'argument_invalid']);
        expect((error as ZitadelArgumentError).argument).toBe('roleKeys');
      }
      expect(zitadel.requests()).toBe(0);
    },
  );
});
