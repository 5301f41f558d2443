import { beforeEach, describe, expect, it } from 'vitest';
import { ZitadelArgumentError } from '../../../lib/core/errors.js';
import { createZitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { Project, User } from '../../../lib/testing/index.js';
import { openServiceUser, pat } from '../../../lib/zitadel/credentials.js';
import { ApiGeneration } from '../../../lib/zitadel/generation.js';
import { ProjectGrantService } from '../../../lib/zitadel/grants/project-grant-service.js';
import type { ProjectGrant } from '../../../lib/zitadel/grants/project-grant.js';
import { ZitadelUnavailableError } from '../../../lib/zitadel/refusals.js';
import { ServiceToken } from '../../../lib/zitadel/service-user.js';
import { errorOf, recorder, wayTo } from '../parts.js';
import { json, scripted, type ScriptedServer } from '../scripted-server.js';
import { useEmulator } from '../../support/world.js';

const SERVICE = '/zitadel.project.v2.ProjectService/';

let portal: Project;
let grants: ProjectGrantService;
let count = 0;

const zitadel = await useEmulator({ apis: 'v2' });
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const initech = zitadel.addOrg('initech');
const svc = zitadel.addServiceUser('svc', { org: acme });
zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
beforeEach(() => {
  count += 1;
  const roles = ['reader', 'writer', 'admin'];
  portal = zitadel.addProject(`portal ${count}`, { org: acme, roles });
  grants = grantsBy(svc);
});

const here = () => ({ organizationId: acme.id, projectId: portal.id });
const ofGlobex = () => ({ ...here(), grantedOrgId: globex.id });
const toGlobex = (...roleKeys: string[]) => ({ ...ofGlobex(), roleKeys });

function grantsBy(user: User, more: Partial<ZitadelOptions> = {}): ProjectGrantService {
  const serviceUser = pat(zitadel.patFor(user));
  const logger = recorder();
  const settings = { serviceUser, logger, api: 'v2' } as const;
  return createZitadel(zitadel.options({ ...settings, ...more })).projectGrants;
}

async function all(list: AsyncIterable<ProjectGrant>): Promise<ProjectGrant[]> {
  const found: ProjectGrant[] = [];
  for await (const grant of list) found.push(grant);
  return found;
}

/** What was asked, without the question whose project it is. */
const asked = () =>
  zitadel
    .requestLog()
    .map(({ path, body }) => [path.slice(SERVICE.length), JSON.parse(body) as unknown])
    .filter(([method]) => method !== 'GetProject');

describe('a project grant on API v2', () => {
  it('is added, read, changed, deactivated, reactivated and removed, by its two ends', async () => {
    const added = await grants.add(toGlobex('reader', 'writer', 'reader'));
    expect(added).toEqual({
      details: { creationDate: expect.stringMatching(/^\d{4}-.*Z$/) as string },
    });
    expect(await grants.get(ofGlobex())).toEqual({
      projectId: portal.id,
      projectName: `portal ${count}`,
      projectOwnerId: acme.id,
      projectOwnerName: '',
      grantedOrgId: globex.id,
      grantedOrgName: 'globex',
      grantedRoleKeys: ['reader', 'writer'],
      state: 'active',
      details: {
        creationDate: added.details.creationDate,
        changeDate: added.details.creationDate,
        resourceOwner: acme.id,
      },
    });
    const { details } = await grants.changeRoles(toGlobex('admin'));
    expect(details.changeDate).not.toBe(added.details.creationDate);
    expect(await grants.get(ofGlobex())).toMatchObject({ grantedRoleKeys: ['admin'], details });
    await grants.deactivate(ofGlobex());
    expect(await grants.get(ofGlobex())).toMatchObject({ state: 'inactive' });
    await grants.reactivate(ofGlobex());
    expect(await grants.get(ofGlobex())).toMatchObject({ state: 'active' });
    expect(await grants.remove(ofGlobex())).toHaveProperty('details.changeDate');
    expect(await errorOf(grants.get(ofGlobex()))).toMatchObject({ id: 'PROJECT-D8JxR' });
  });

  it('is asked for as ZITADEL documents it, under the organization that owns the project', async () => {
    const ends = { projectId: portal.id, grantedOrganizationId: globex.id };
    await grants.add(toGlobex('reader'));
    await grants.changeRoles(toGlobex('writer'));
    await grants.deactivate(ofGlobex());
    await grants.reactivate(ofGlobex());
    await grants.get(ofGlobex());
    await grants.remove(ofGlobex());
    const filters = [
      { inProjectIdsFilter: { ids: [portal.id] } },
      { grantedOrganizationIdFilter: { id: globex.id } },
    ];
    expect(asked()).toEqual([
      ['CreateProjectGrant', { ...ends, roleKeys: ['reader'] }],
      ['UpdateProjectGrant', { ...ends, roleKeys: ['writer'] }],
      ['DeactivateProjectGrant', ends],
      ['ActivateProjectGrant', ends],
      ['ListProjectGrants', { pagination: { offset: '0', limit: 1000, asc: true }, filters }],
      ['DeleteProjectGrant', ends],
    ]);
    for (const { method, headers } of zitadel.requestLog()) {
      expect([method, headers['x-zitadel-orgid']]).toEqual(['POST', acme.id]);
    }
    // Whose project it is was asked once: that never changes.
    expect(zitadel.requests('projectV2')).toBe(1);
  });

  it('can be passed on as it was listed', async () => {
    await grants.add(toGlobex('reader'));
    const [listed] = await all(grants.list(here()));
    if (!listed) throw new Error('nothing listed');
    await grants.remove(listed);
    expect(await all(grants.list(here()))).toEqual([]);
  });

  it('has no id: whoever names it by one is told so, and nothing is sent', async () => {
    const named = { ...here(), grantId: '1' };
    for (const call of [
      () => grants.get(named),
      () => grants.changeRoles({ ...named, roleKeys: ['reader'] }),
      () => grants.deactivate(named),
      () => grants.reactivate(named),
      () => grants.remove(named),
    ]) {
      const error = await errorOf(call());
      expect(error).toBeInstanceOf(ZitadelArgumentError);
      expect(error).toMatchObject({ argument: 'grantId' });
      expect(error.message).toContain('grantedOrgId');
    }
    expect(zitadel.requests()).toBe(0);
  });

  it('has no id, so one beside the organization is refused too: it cannot be compared', async () => {
    await grants.add(toGlobex('reader'));
    zitadel.resetRequests();
    const named = { ...ofGlobex(), grantId: '1' };
    for (const call of [
      () => grants.get(named),
      () => grants.changeRoles({ ...named, roleKeys: ['reader'] }),
      () => grants.deactivate(named),
      () => grants.reactivate(named),
      () => grants.remove(named),
    ]) {
      expect(await errorOf(call())).toMatchObject({ argument: 'grantId' });
    }
    expect(zitadel.requests()).toBe(0);
    // What is wanted has no id, whatever it was made from.
    expect(await grants.ensure({ ...named, roleKeys: ['writer'] })).toMatchObject({
      outcome: 'changed',
    });
  });

  it('that is not there is removed without an error, which proves nothing', async () => {
    expect(await grants.remove(ofGlobex())).toHaveProperty('details');
  });

  it('with the same roles is changed without a change', async () => {
    const { details } = await grants.add(toGlobex('reader'));
    const again = await grants.changeRoles(toGlobex('reader'));
    expect(again.details.changeDate).toBe(details.creationDate);
  });
});

describe('lists on API v2', () => {
  const ends = (list: readonly ProjectGrant[]) =>
    list.map(({ projectId, grantedOrgId }) => `${projectId} ${grantedOrgId}`).toSorted();

  it('are of a project, of an organization, and to an organization', async () => {
    const other = zitadel.addProject(`other ${count}`, { org: acme });
    const foreign = zitadel.addProject(`foreign ${count}`, { org: initech });
    zitadel.grantProject(portal, globex, ['reader']);
    zitadel.grantProject(portal, initech, []);
    zitadel.grantProject(other, globex, []);
    zitadel.grantProject(foreign, acme, []);
    const [a, g, i] = [acme.id, globex.id, initech.id];
    const one = await all(grants.list(here()));
    expect(ends(one)).toEqual([`${portal.id} ${g}`, `${portal.id} ${i}`].toSorted());
    expect(ends(await all(grants.list(ofGlobex())))).toEqual([`${portal.id} ${g}`]);
    const ofAcme = await all(grants.list({ organizationId: a }));
    expect(ends(ofAcme)).toEqual(expect.arrayContaining([`${other.id} ${g}`, `${portal.id} ${i}`]));
    expect(ofAcme.every(({ projectOwnerId }) => projectOwnerId === a)).toBe(true);
    const toOne = await all(grants.list({ organizationId: a, grantedOrgId: i }));
    expect(toOne.every(({ grantedOrgId }) => grantedOrgId === i)).toBe(true);
    expect(ends(await all(grants.listGranted({ organizationId: a })))).toContain(
      `${foreign.id} ${a}`,
    );
    expect(
      ends(await all(grants.list({ ...here(), organizationId: a, projectId: foreign.id }))),
    ).toEqual([]);
  });

  it('to an organization must name it: there is none of the service user’s own', async () => {
    const error = await errorOf(all(grants.listGranted()));
    expect(error).toBeInstanceOf(ZitadelArgumentError);
    expect(error).toMatchObject({ argument: 'organizationId' });
    expect(zitadel.requests()).toBe(0);
  });

  it('leave out what the service user may not see', async () => {
    const owner = zitadel.addServiceUser(`owner ${count}`, { org: acme });
    zitadel.addMember(owner, { project: portal }, ['PROJECT_OWNER']);
    const other = zitadel.addProject(`other ${count}`, { org: acme });
    zitadel.grantProject(other, globex, []);
    zitadel.grantProject(portal, globex, []);
    const ofOwner = grantsBy(owner);
    expect(ends(await all(ofOwner.list({ organizationId: acme.id })))).toEqual([
      `${portal.id} ${globex.id}`,
    ]);
    // One that is known to be there and is not shown is no "there is none".
    const unseen = { ...ofGlobex(), projectId: other.id };
    const error = await errorOf(ofOwner.get(unseen));
    expect(error).toMatchObject({ code: 'service_user_refused' });
    expect(error.message).toContain('PROJECT_OWNER');
  });
});

describe('the owner of a project on API v2', () => {
  it('is not what somebody else says: a write is refused before it is sent', async () => {
    const admin = zitadel.addServiceUser(`admin ${count}`);
    zitadel.addMember(admin, 'instance', ['IAM_OWNER']);
    const ofAdmin = grantsBy(admin);
    zitadel.grantProject(portal, globex, ['reader']);
    const wrong = { ...toGlobex('writer'), organizationId: initech.id };
    for (const call of [
      () => ofAdmin.add({ ...wrong, grantedOrgId: initech.id }),
      () => ofAdmin.changeRoles(wrong),
      () => ofAdmin.deactivate(wrong),
      () => ofAdmin.remove(wrong),
      () => ofAdmin.ensure(wrong),
    ]) {
      const error = await errorOf(call());
      expect(error).toMatchObject({ status: 400, id: 'COMMAND-m9gsd' });
      expect(error.message).toContain('organizationId');
    }
    expect(zitadel.grants().filter(({ projectId }) => projectId === portal.id)).toMatchObject([
      { roleKeys: ['reader'], state: 'active', grantedOrgId: globex.id },
    ]);
    await ofAdmin.changeRoles(toGlobex('writer'));
    expect(zitadel.requests('changeGrantV2')).toBe(1);
  });

  it('is not what somebody else says: under another organization there is no grant', async () => {
    const admin = zitadel.addServiceUser(`admin ${count}`);
    zitadel.addMember(admin, 'instance', ['IAM_OWNER']);
    const { id } = zitadel.grantProject(portal, globex, ['reader', 'admin']);
    const wrong = { ...ofGlobex(), organizationId: initech.id };
    for (const api of ['v1', 'v2'] as const) {
      zitadel.serveApis(api);
      const ofAdmin = grantsBy(admin, { api });
      expect(await errorOf(ofAdmin.get(wrong)), api).toMatchObject({
        status: 404,
        id: 'PROJECT-D8JxR',
      });
      for (const keepOthers of [true, false]) {
        const ensured = ofAdmin.ensure({ ...wrong, roleKeys: ['reader'], keepOthers });
        expect(await errorOf(ensured), api).toMatchObject({ status: 400, id: 'COMMAND-m9gsd' });
      }
      expect(await ofAdmin.get(ofGlobex())).toMatchObject({ grantedOrgId: globex.id });
    }
    expect(zitadel.grants().find((grant) => grant.id === id)?.roleKeys).toEqual([
      'reader',
      'admin',
    ]);
  });

  it('need not be named', async () => {
    const { organizationId: _none, ...grant } = toGlobex('reader');
    await grants.add(grant);
    await grants.changeRoles({ ...grant, roleKeys: ['writer'] });
    expect(await grants.get(grant)).toMatchObject({ grantedRoleKeys: ['writer'] });
    expect(zitadel.requests('projectV2')).toBe(0);
  });
});

describe('a refusal on API v2', () => {
  it('of an API that is not served is our misconfiguration, with the way out', async () => {
    zitadel.serveApis('v1');
    const error = await errorOf(grants.add(toGlobex('reader')));
    expect(error).toMatchObject({ status: 404, code: 'zitadel_refused' });
    expect(error.message).toContain("'auto'");
  });
});

describe('an outage on API v2', () => {
  it.each<[string, string, () => Promise<unknown>]>([
    ['addition', 'addGrantV2', () => grants.add(toGlobex('reader'))],
    ['change', 'changeGrantV2', () => grants.changeRoles(toGlobex('reader'))],
    ['deactivation', 'deactivateGrantV2', () => grants.deactivate(ofGlobex())],
    ['reactivation', 'activateGrantV2', () => grants.reactivate(ofGlobex())],
    ['removal', 'removeGrantV2', () => grants.remove(ofGlobex())],
  ])(
    'is an answer to the %s (%s) that does not say when it was done',
    async (_what, name, call) => {
      const endpoint = name as Parameters<typeof zitadel.fail>[0];
      for (const date of [undefined, '', 1, null, {}]) {
        const body = { creationDate: date, changeDate: date, deletionDate: date, other: '2026' };
        zitadel.fail(endpoint, { status: 200, body });
        expect(await errorOf(call())).toBeInstanceOf(ZitadelUnavailableError);
      }
      expect(zitadel.requests(endpoint)).toBe(5);
    },
  );

  it('of the question whose project it is sends no write', async () => {
    for (const fault of [
      500,
      'html',
      { status: 200, body: { project: { projectId: '1' } } },
    ] as const) {
      zitadel.fail('projectV2', fault);
      expect(await errorOf(grants.add(toGlobex('reader')))).toBeInstanceOf(ZitadelUnavailableError);
    }
    expect(zitadel.requests('addGrantV2')).toBe(0);
  });

  it('of a read is tried again', async () => {
    await grants.add(toGlobex('reader'));
    zitadel.failNext('listGrantsV2', 503);
    expect(await grants.get(ofGlobex())).toMatchObject({ grantedRoleKeys: ['reader'] });
    expect(zitadel.requests('listGrantsV2')).toBe(2);
  });

  const of = (more: object) => ({
    projectGrants: [{ projectId: '1', grantedOrganizationId: '2', ...more }],
    pagination: { totalResult: '1' },
  });
  it.each<[string, unknown]>([
    ['a list', []],
    ['nothing', {}],
    ['no page', { projectGrants: [] }],
    ['many grants', { projectGrants: [], pagination: { totalResult: 'many' } }],
    ['rows that are no list', { projectGrants: {}, pagination: {} }],
    ['rows that are none', { projectGrants: [{}], pagination: { totalResult: '1' } }],
    ['another grant', of({})],
    ['roles that are a text', of({ projectId: '3', grantedRoleKeys: 'x' })],
  ])('that answers %s is an error', async (_what, body) => {
    zitadel.fail('listGrantsV2', { status: 200, body });
    expect(await errorOf(grants.get(ofGlobex()))).toBeInstanceOf(ZitadelUnavailableError);
  });

  it.each<[string, object]>([
    ['a text as roles', { grantedRoleKeys: 'x' }],
    ['one role that is no text', { grantedRoleKeys: ['reader', 1] }],
    ['an owner that is no text', { organizationId: 1 }],
    ['an empty owner', { organizationId: '' }],
  ])('that answers the grant with %s is an error', async (_what, more) => {
    const theOne = { projectId: portal.id, grantedOrganizationId: globex.id };
    zitadel.fail('listGrantsV2', { status: 200, body: of({ ...theOne, ...more }) });
    expect(await errorOf(grants.get(ofGlobex()))).toBeInstanceOf(ZitadelUnavailableError);
  });
});

describe('pages of API v2', () => {
  let server: ScriptedServer;

  const rows = (amount: number) =>
    Array.from({ length: amount }, (_, at) => ({
      projectId: '1',
      organizationId: '3',
      grantedOrganizationId: String(at + 10),
    }));

  /** Says that there are so many, and shows what `seen` leaves of a page. Before it the oldest are removed and as many are added. */
  async function listed(
    total: (page: number) => number,
    seen: (at: number) => boolean,
    replaced: (page: number) => number = () => 0,
  ) {
    server = await scripted((response, { body, number }) => {
      const { pagination } = JSON.parse(body) as { pagination: { offset: string; limit: number } };
      const [offset, limit] = [Number(pagination.offset), pagination.limit];
      const gone = replaced(number);
      const page = rows(total(number) + gone).slice(gone + offset, gone + offset + limit);
      json(response, {
        pagination: { totalResult: String(total(number)), appliedLimit: String(limit) },
        projectGrants: page.filter((_row, at) => seen(offset + at)),
      });
    });
    const { url } = server;
    const { http, discover } = wayTo({ issuer: url, url });
    const service = new ProjectGrantService({
      serviceToken: new ServiceToken(http, discover, url, openServiceUser(pat('a-token'))),
      idPattern: /^[0-9]{1,200}$/,
      ownerOf: () => Promise.resolve(undefined),
      generation: new ApiGeneration('project grants', 'v2', recorder()),
    });
    return service.list({ projectId: '1' });
  }
  const offsets = () =>
    server.requests.map(
      ({ body }) => (JSON.parse(body) as { pagination: { offset: string } }).pagination.offset,
    );

  it('are read to the end, whatever they show: rows are left out after they are counted', async () => {
    const list = await listed(
      () => 2_500,
      (at) => at < 3 || at === 2_499,
    );
    expect((await all(list)).map(({ grantedOrgId }) => grantedOrgId)).toEqual([
      '10',
      '11',
      '12',
      '2509',
    ]);
    expect(offsets()).toEqual(['0', '999', '1998']);
  });

  it('are not read any further than somebody wants', async () => {
    for await (const grant of await listed(
      () => 2_500,
      () => true,
    )) {
      if (grant.grantedOrgId === '15') break;
    }
    expect(offsets()).toEqual(['0']);
  });

  it('between which one grant is removed and another one added are an error, never a short list', async () => {
    const list = await listed(
      () => 1_500,
      () => true,
      (page) => page - 1,
    );
    expect(await errorOf(all(list))).toBeInstanceOf(ZitadelUnavailableError);
  });

  it('between which the list changes are an error, never a short list', async () => {
    const list = await listed(
      (page) => (page === 1 ? 1_500 : 1_499),
      () => true,
    );
    expect(await errorOf(all(list))).toBeInstanceOf(ZitadelUnavailableError);
  });
});

describe('a project grant on API v1, named by its granted organization', () => {
  beforeEach(() => {
    zitadel.serveApis('v1');
    grants = grantsBy(svc, { api: 'v1' });
  });

  it('is found by the list, and read by its id', async () => {
    const { grantId } = await grants.add(toGlobex('reader'));
    expect(await grants.get(ofGlobex())).toMatchObject({ grantId, grantedRoleKeys: ['reader'] });
    await grants.changeRoles(toGlobex('writer'));
    await grants.deactivate(ofGlobex());
    await grants.reactivate(ofGlobex());
    expect(await grants.get(ofGlobex())).toMatchObject({ grantId, grantedRoleKeys: ['writer'] });
    await grants.remove(ofGlobex());
    for (const gone of [grants.get(ofGlobex()), grants.remove(ofGlobex())]) {
      expect(await errorOf(gone)).toMatchObject({ status: 404, id: 'PROJECT-D8JxR' });
    }
  });

  it('and by an id of another one is refused, and nothing is written', async () => {
    const { grantId = '' } = await grants.add(toGlobex('reader'));
    await grants.add({ ...toGlobex('reader'), grantedOrgId: initech.id });
    const two = { ...here(), grantId, grantedOrgId: initech.id };
    for (const call of [
      () => grants.get(two),
      () => grants.changeRoles({ ...two, roleKeys: ['writer'] }),
      () => grants.deactivate(two),
      () => grants.reactivate(two),
      () => grants.remove(two),
    ]) {
      expect(await errorOf(call())).toMatchObject({ status: 404 });
    }
    const left = zitadel.grants().filter(({ projectId }) => projectId === portal.id);
    expect(left).toMatchObject([
      { roleKeys: ['reader'], state: 'active' },
      { roleKeys: ['reader'], state: 'active' },
    ]);
  });

  it('and by its own id is that one', async () => {
    await grants.add(toGlobex('reader'));
    const [listed] = await all(grants.list(here()));
    if (!listed) throw new Error('nothing listed');
    await grants.deactivate(listed);
    expect(await grants.get(listed)).toMatchObject({ state: 'inactive' });
    await grants.remove(listed);
    expect(await all(grants.list(here()))).toEqual([]);
  });
});
