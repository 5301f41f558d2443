import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import { useWorld } from '../support/world.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { ZitadelUnavailableError } from '../../lib/zitadel/refusals.js';
import { recorder } from './parts.js';

const world = useWorld();
let library: Zitadel;

beforeAll(() => {
  const { zitadel, acme } = world;
  const svc = zitadel.addServiceUser('svc', { org: acme });
  zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
  const serviceUser = pat(zitadel.patFor(svc));
  library = createZitadel(zitadel.options({ serviceUser, logger: recorder() }));
});
beforeEach(() => {
  world.zitadel.heal();
  world.zitadel.resetRequests();
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
    world.zitadel.fail('memberships', answer(body));
    await expect(library.membershipLists.listMine(world.tokens.nobody)).rejects.toThrow(
      ZitadelUnavailableError,
    );
  });

  it('the list of a user’s manager roles is an error', async () => {
    world.zitadel.fail('userMemberships', answer(body));
    const asked = library.membershipLists.listOfUser({ userId: '1', organizationId: world.acme });
    await expect(asked).rejects.toThrow(ZitadelUnavailableError);
  });

  it('every list of project grants is an error', async () => {
    world.zitadel.fail('listGrants', answer(body));
    world.zitadel.fail('listAllGrants', answer(body));
    world.zitadel.fail('grantedProjects', answer(body));
    const { projectGrants } = library;
    const organizationId = world.acme;
    for (const list of [
      projectGrants.list({ organizationId, projectId: world.portal }),
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
    const list = library.projectGrants.list({
      organizationId: world.acme,
      projectId: world.portal,
    });
    for await (const { grantId = '' } of list) found.push(grantId);
    return found;
  };
  const row = (grantId: unknown) => ({
    grantId,
    projectId: world.portal,
    grantedOrgId: world.globex,
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
      world.zitadel.fail(
        'listGrants',
        answer({ details: { totalResult: '2' }, result: [row('1'), bad] }),
      );
      await expect(grantsOf()).rejects.toThrow(ZitadelUnavailableError);
    }
  });

  it('with fewer rows than ZITADEL says there are is an error', async () => {
    world.zitadel.fail('listGrants', answer({ details: { totalResult: '2' }, result: [row('1')] }));
    await expect(grantsOf()).rejects.toThrow(ZitadelUnavailableError);
    world.zitadel.fail('listGrants', answer({ details: { totalResult: '1' } }));
    await expect(grantsOf()).rejects.toThrow(ZitadelUnavailableError);
  });

  it('whose pages are all the same ends in an error', async () => {
    const result = Array.from({ length: 1_000 }, (_, at) => row(String(at)));
    world.zitadel.fail('listGrants', answer({ details: { totalResult: '100000' }, result }));
    await expect(grantsOf()).rejects.toThrow(ZitadelUnavailableError);
    expect(world.zitadel.requests('listGrants')).toBe(2);
  });

  it('without any is empty and no error', async () => {
    world.zitadel.fail('listGrants', answer({ details: DETAILS }));
    expect(await grantsOf()).toEqual([]);
  });
});
