import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import { type Org, type Project, ZitadelEmulator } from '../../lib/testing/index.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { ZitadelUnavailableError } from '../../lib/zitadel/refusals.js';
import { recorder } from './parts.js';

let zitadel: ZitadelEmulator;
let acme: Org;
let globex: Org;
let portal: Project;
let token: string;
let library: Zitadel;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
  token = zitadel.tokenFor(zitadel.addUser('alice'));
  const svc = zitadel.addServiceUser('svc', { org: acme });
  zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
  const serviceUser = pat(zitadel.patFor(svc));
  library = createZitadel(zitadel.options({ serviceUser, logger: recorder() }));
});
afterAll(() => zitadel.stop());
beforeEach(() => {
  zitadel.heal();
  zitadel.resetRequests();
});

const answer = (body: unknown) => ({ status: 200, body });

const DETAILS = { viewTimestamp: '2026-01-01T00:00:00Z' };
/** Answers of 200 that are no lists. */
const NO_LISTS: readonly [string, unknown][] = [
  ['an object', { details: DETAILS, result: {} }],
  ['a text', { details: DETAILS, result: 'none' }],
  ['null', { details: DETAILS, result: null }],
  ['a list with null in it', { details: DETAILS, result: [null] }],
  ['a list with texts in it', { details: DETAILS, result: ['x'] }],
  ['a list of lists', { details: DETAILS, result: [[]] }],
  ['without anything', {}],
  ['without details', { result: [] }],
  ['with details that are a text', { details: 'x', result: [] }],
  ['with details that are a list', { details: [], result: [] }],
  ['with details that say nothing', { details: {} }],
  ['of many rows', { details: { totalResult: 'many' }, result: [] }],
  ['of a hexadecimal number of rows', { details: { totalResult: '0x0' }, result: [] }],
  ['of half a row', { details: { totalResult: 0.5 }, result: [] }],
  ['of less than no rows', { details: { totalResult: -1 }, result: [] }],
  ['of null rows', { details: { totalResult: null }, result: [] }],
];

describe.each(NO_LISTS)('where a list is %s', (_what, body) => {
  it('the list of one’s own manager roles is an error', async () => {
    zitadel.fail('memberships', answer(body));
    await expect(library.membershipLists.listMine(token)).rejects.toThrow(ZitadelUnavailableError);
  });

  it('the list of a user’s manager roles is an error', async () => {
    zitadel.fail('userMemberships', answer(body));
    const asked = library.membershipLists.listOfUser({ userId: '1', organizationId: acme.id });
    await expect(asked).rejects.toThrow(ZitadelUnavailableError);
  });

  it('every list of project grants is an error', async () => {
    zitadel.fail('listGrants', answer(body));
    zitadel.fail('listAllGrants', answer(body));
    zitadel.fail('grantedProjects', answer(body));
    const { projectGrants } = library;
    const organizationId = acme.id;
    for (const list of [
      projectGrants.list({ organizationId, projectId: portal.id }),
      projectGrants.list({ organizationId }),
      projectGrants.listGranted({ organizationId }),
    ]) {
      await expect(list.next()).rejects.toThrow(ZitadelUnavailableError);
    }
  });
});

describe('a list of project grants', () => {
  const grantsOf = async () => {
    const found: string[] = [];
    const list = library.projectGrants.list({ organizationId: acme.id, projectId: portal.id });
    for await (const { grantId = '' } of list) found.push(grantId);
    return found;
  };
  const row = (grantId: unknown) => ({
    grantId,
    projectId: portal.id,
    grantedOrgId: globex.id,
    state: 'PROJECT_GRANT_STATE_ACTIVE',
  });

  it('of which one row cannot be read is an error', async () => {
    for (const bad of [
      row(1),
      row(undefined),
      row(''),
      { ...row('2'), grantedRoleKeys: 'all' },
      { ...row('2'), grantedRoleKeys: ['reader', 1] },
      { ...row('2'), projectId: '' },
      { ...row('2'), grantedOrgId: '' },
      { ...row('2'), projectOwnerId: 1 },
      { ...row('2'), details: 'x' },
      { ...row('2'), details: { resourceOwner: 1 } },
    ]) {
      zitadel.fail(
        'listGrants',
        answer({ details: { totalResult: '2' }, result: [row('1'), bad] }),
      );
      await expect(grantsOf()).rejects.toThrow(ZitadelUnavailableError);
    }
  });

  it('with fewer rows than ZITADEL says there are is an error', async () => {
    zitadel.fail('listGrants', answer({ details: { totalResult: '2' }, result: [row('1')] }));
    await expect(grantsOf()).rejects.toThrow(ZitadelUnavailableError);
    zitadel.fail('listGrants', answer({ details: { totalResult: '1' } }));
    await expect(grantsOf()).rejects.toThrow(ZitadelUnavailableError);
  });

  it('whose pages are all the same ends in an error', async () => {
    const result = Array.from({ length: 1_000 }, (_, at) => row(String(at)));
    zitadel.fail('listGrants', answer({ details: { totalResult: '100000' }, result }));
    await expect(grantsOf()).rejects.toThrow(ZitadelUnavailableError);
    expect(zitadel.requests('listGrants')).toBe(2);
  });

  it('without any is empty and no error', async () => {
    zitadel.fail('listGrants', answer({ details: DETAILS }));
    expect(await grantsOf()).toEqual([]);
  });
});
