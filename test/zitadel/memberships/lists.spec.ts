import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ZitadelArgumentError, ZitadelError } from '../../../lib/core/errors.js';
import { authenticated } from '../../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import {
  type Org,
  type Project,
  type ProjectGrant,
  type User,
  ZitadelEmulator,
} from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import type { MembershipList } from '../../../lib/zitadel/memberships/pages.js';
import { ZitadelApiError, ZitadelUnavailableError } from '../../../lib/zitadel/refusals.js';
import { decide, recorder } from '../parts.js';

let zitadel: ZitadelEmulator;
let library: Zitadel;
let [acme, globex]: Org[] = [];
let [portal, other]: Project[] = [];
let grant: ProjectGrant;
let [frank, nobody, reader]: User[] = [];
let token: string;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
  other = zitadel.addProject('other', { org: acme });
  grant = zitadel.grantProject(portal, globex, ['reader']);
  frank = zitadel.addUser('frank', { org: acme });
  nobody = zitadel.addUser('nobody', { org: acme });
  zitadel.addMember(frank, 'instance', ['IAM_USER_MANAGER']);
  zitadel.addMember(frank, { org: acme }, ['ORG_OWNER_VIEWER', 'ORG_USER_MANAGER']);
  zitadel.addMember(frank, { org: globex }, ['ORG_OWNER']);
  zitadel.addMember(frank, { project: other }, ['PROJECT_OWNER_VIEWER']);
  zitadel.addMember(frank, { projectGrant: grant }, ['PROJECT_GRANT_OWNER_VIEWER']);
  reader = zitadel.addServiceUser('reader', { org: acme });
  zitadel.addMember(reader, { org: acme }, ['ORG_OWNER_VIEWER']);
  token = zitadel.tokenFor(frank);
});
afterAll(async () => {
  await zitadel.stop();
});
beforeEach(() => {
  zitadel.heal();
  zitadel.resetRequests();
  library = libraryOf();
});

function libraryOf(
  serviceToken = zitadel.patFor(reader as User),
  more: Partial<ZitadelOptions> = {},
): Zitadel {
  const serviceUser = pat(serviceToken);
  return createZitadel(zitadel.options({ serviceUser, logger: recorder(), ...more }));
}

const mine = (request = {}, who = token) => library.membershipLists.listMine(who, request);
const places = ({ result }: MembershipList) =>
  result.map(
    ({ iam, orgId, projectId, projectGrantId }) =>
      (iam && 'instance') ?? orgId ?? projectId ?? projectGrantId,
  );
const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';

async function errorOf(promise: Promise<unknown>): Promise<ZitadelError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ZitadelError) return error;
  throw new Error(`no error of ours: ${String(error)}`);
}

describe('List My ZITADEL Manager Roles', () => {
  it('answers every row with every field, and how many there are as of when', async () => {
    const list = await mine();
    expect(list.details).toEqual({
      totalResult: 5,
      viewTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      ...(list.details.processedSequence !== undefined && {
        processedSequence: list.details.processedSequence,
      }),
    });
    const details = (owner: string) => ({
      sequence: expect.stringMatching(/^\d+$/) as string,
      creationDate: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      changeDate: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      resourceOwner: owner,
    });
    const userId = idOf(frank);
    const rows = [
      {
        userId,
        roles: ['IAM_USER_MANAGER'],
        displayName: 'ZITADEL',
        iam: true,
        details: details(zitadel.instanceId),
      },
      {
        userId,
        roles: ['ORG_OWNER_VIEWER', 'ORG_USER_MANAGER'],
        displayName: 'acme',
        orgId: idOf(acme),
        details: details(idOf(acme)),
      },
      {
        userId,
        roles: ['ORG_OWNER'],
        displayName: 'globex',
        orgId: idOf(globex),
        details: details(idOf(globex)),
      },
      {
        userId,
        roles: ['PROJECT_OWNER_VIEWER'],
        displayName: 'other',
        projectId: idOf(other),
        details: details(idOf(acme)),
      },
      {
        userId,
        roles: ['PROJECT_GRANT_OWNER_VIEWER'],
        displayName: 'portal',
        projectGrantId: grant.id,
        details: details(idOf(acme)),
      },
    ];
    expect(list.result).toHaveLength(5);
    expect(list.result).toEqual(expect.arrayContaining(rows));
  });

  it('is asked as ZITADEL documents it, once, without an organization', async () => {
    await mine({
      query: { offset: 1, limit: 2, asc: true },
      queries: [{ orgQuery: { orgId: idOf(acme) } }, { iamQuery: { iam: true } }],
    });
    const [asked, ...more] = zitadel.requestLog();
    expect(more).toEqual([]);
    expect(asked).toMatchObject({ method: 'POST', path: '/auth/v1/memberships/me/_search' });
    expect(asked?.headers).not.toHaveProperty('x-zitadel-orgid');
    expect(JSON.parse(asked?.body ?? '')).toEqual({
      // uint64 are texts in protojson.
      query: { offset: '1', limit: 2, asc: true },
      queries: [{ orgQuery: { orgId: idOf(acme) } }, { iamQuery: { iam: true } }],
    });
  });

  it('can be asked for a page', async () => {
    const all = places(await mine());
    expect(places(await mine({ query: { limit: 2 } }))).toEqual(all.slice(0, 2));
    expect(places(await mine({ query: { offset: 2, limit: 2 } }))).toEqual(all.slice(2, 4));
    expect((await mine({ query: { offset: 2, limit: 2 } })).details.totalResult).toBe(5);
    expect(await mine({ query: { offset: 100 } })).toMatchObject({ result: [] });
    expect(places(await mine({ query: { limit: 0 } }))).toEqual(all);
  });

  it('takes each of the four filters, and all of them together', async () => {
    expect(places(await mine({ queries: [{ orgQuery: { orgId: idOf(acme) } }] }))).toEqual([
      idOf(acme),
    ]);
    expect(places(await mine({ queries: [{ projectQuery: { projectId: idOf(other) } }] }))).toEqual(
      [idOf(other)],
    );
    expect(
      places(await mine({ queries: [{ projectGrantQuery: { projectGrantId: grant.id } }] })),
    ).toEqual([grant.id]);
    expect(places(await mine({ queries: [{ iamQuery: { iam: true } }] }))).toEqual(['instance']);
    expect(
      await mine({ queries: [{ iamQuery: { iam: true } }, { orgQuery: { orgId: idOf(acme) } }] }),
    ).toMatchObject({ result: [], details: { totalResult: 0 } });
  });

  it('of somebody without any is an empty list, though ZITADEL leaves it out', async () => {
    expect(await mine({}, zitadel.tokenFor(nobody as User))).toMatchObject({
      result: [],
      details: { totalResult: 0 },
    });
  });

  it('can be asked for the caller of a request, whose token nobody has to handle', async () => {
    const { caller } = await decide(library, token, authenticated());
    if (!caller) throw new Error('no caller');
    expect(places(await library.membershipLists.listMine(caller))).toHaveLength(5);
    const copy = { ...caller };
    expect(await errorOf(library.membershipLists.listMine(copy))).toBeInstanceOf(
      ZitadelArgumentError,
    );
  });

  it.each(['', ' ', 'a b', 'a\r\nx-evil: 1', undefined, null, 1, {}])(
    'is not asked with what is no token: %j',
    async (who) => {
      const error = await errorOf(library.membershipLists.listMine(who as never));
      expect(error).toBeInstanceOf(ZitadelArgumentError);
      expect(zitadel.requests()).toBe(0);
    },
  );

  it('refuses more than one filter in one, by ZITADEL’s words', async () => {
    const both = { orgQuery: { orgId: '1' }, iamQuery: { iam: true } };
    expect(await errorOf(mine({ queries: [both] }))).toMatchObject({ status: 400 });
  });
});

describe('List ZITADEL Permissions of a user', () => {
  const ofUser = (more = {}) =>
    library.membershipLists.listOfUser({
      userId: idOf(frank),
      organizationId: idOf(acme),
      ...more,
    });

  it('answers the rows of the instance and of one organization', async () => {
    expect(new Set(places(await ofUser()))).toEqual(
      new Set(['instance', idOf(acme), idOf(other), grant.id]),
    );
    const [asked] = zitadel.requestLog('userMemberships');
    expect(asked).toMatchObject({
      method: 'POST',
      path: `/management/v1/users/${idOf(frank)}/memberships/_search`,
    });
    expect(asked?.headers['x-zitadel-orgid']).toBe(idOf(acme));
  });

  it('takes filters and pages like the other one', async () => {
    expect(places(await ofUser({ queries: [{ iamQuery: { iam: true } }] }))).toEqual(['instance']);
    expect(places(await ofUser({ query: { limit: 1, offset: 1 } }))).toHaveLength(1);
  });

  it('asks in the service user’s own organization where none is named', async () => {
    await ofUser({ organizationId: undefined });
    expect(zitadel.requestLog('userMemberships')[0]?.headers).not.toHaveProperty('x-zitadel-orgid');
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['userId', { userId: '' }],
    ['userId', { userId: '..' }],
    ['userId', { userId: '.' }],
    ['userId', { userId: '1/../../x' }],
    ['userId', { userId: '1?x' }],
    ['userId', { userId: ['1'] }],
    ['userId', { userId: undefined }],
    ['userId', { userId: '1'.repeat(201) }],
    ['organizationId', { organizationId: '' }],
    ['organizationId', { organizationId: '1\r\nx-evil: 1' }],
    ['organizationId', { organizationId: ['1'] }],
  ])('sends nothing with a %s that is no id (%#)', async (argument, more) => {
    const error = await errorOf(ofUser(more));
    expect(error).toBeInstanceOf(ZitadelArgumentError);
    expect(error).toMatchObject({ argument, code: 'argument_invalid' });
    expect(zitadel.requests()).toBe(0);
  });

  it('says which right the service user lacks, and where', async () => {
    const outsider = zitadel.addServiceUser('outsider');
    library = libraryOf(zitadel.patFor(outsider));
    const error = await errorOf(ofUser());
    expect(error).toMatchObject({ status: 404, id: 'AUTHZ-cdgFk', code: 'zitadel_refused' });
    expect(error.message).toContain('manager role in this organization');
    expect(await errorOf(ofUser({ organizationId: '404404404404404404' }))).toMatchObject({
      status: 403,
      id: 'AUTH-Bs7Ds',
    });
  });

  it('says how to set up a service user where there is none', async () => {
    library = createZitadel(zitadel.options({ logger: recorder() }));
    const error = await errorOf(ofUser());
    expect(error.code).toBe('service_user_refused');
    expect(error.message).toContain('keyFile(');
  });
});

describe('a list that fails', () => {
  it.each([401, 403, 400] as const)(
    'with a refusal (%d) is a typed error with a remedy',
    async (status) => {
      zitadel.fail('memberships', status);
      const error = await errorOf(mine());
      expect(error).toBeInstanceOf(ZitadelApiError);
      expect(error).toMatchObject({ status, code: 'zitadel_refused' });
      expect((error as ZitadelApiError).remedy).not.toBe('');
      expect(error.message).not.toContain(token);
    },
  );

  it.each([500, 503, 429, 'hang', 'refuse', 'garbage', 'html', 'truncated', 'redirect'] as const)(
    'with an outage (%s) is another one',
    async (fault) => {
      zitadel.fail('memberships', fault);
      library = libraryOf(undefined, { timeoutMs: 500 });
      const error = await errorOf(mine());
      expect(error).toBeInstanceOf(ZitadelUnavailableError);
      expect(error.code).toBe('zitadel_unavailable');
      expect(error.message).not.toContain(token);
    },
  );

  it.each<[string, unknown]>([
    ['a list', []],
    ['null', null],
    ['a text', '"x"'],
    ['nothing', {}],
    ['rows without details', { result: [] }],
    ['rows that are no list', { details: {}, result: {} }],
    ['rows that are no objects', { details: {}, result: [1] }],
    ['rows of nobody', { details: {}, result: [{ orgId: '1' }] }],
    ['rows with a text as roles', { details: {}, result: [{ userId: '1', roles: 'x' }] }],
    ['as many rows as there are', { details: { totalResult: 'all' }, result: [] }],
  ])('because it is %s is no empty list', async (_what, body) => {
    zitadel.fail('memberships', { status: 200, body });
    expect(await errorOf(mine())).toBeInstanceOf(ZitadelUnavailableError);
  });

  it('because it is about another user is no list of this one', async () => {
    zitadel.fail('userMemberships', 'wrong-user');
    const request = { userId: idOf(frank), organizationId: idOf(acme) };
    expect(await errorOf(library.membershipLists.listOfUser(request))).toBeInstanceOf(
      ZitadelUnavailableError,
    );
  });
});
