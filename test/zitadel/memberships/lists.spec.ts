import { beforeEach, describe, expect, it } from 'vitest';
import { ZitadelArgumentError } from '../../../lib/core/errors.js';
import { authenticated } from '../../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { User } from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import type { MembershipList } from '../../../lib/zitadel/memberships/by-v1.js';
import { ZitadelApiError, ZitadelUnavailableError } from '../../../lib/zitadel/refusals.js';
import { decide, errorOf, realFetch, recorder } from '../parts.js';
import { useEmulator } from '../../support/world.js';
import { addFrank } from './franks-world.js';

let library: Zitadel;

const zitadel = await useEmulator();
const { acme, globex, portal, other, grant, frank, nobody } = addFrank(zitadel);
const reader = zitadel.addServiceUser('reader', { org: acme });
zitadel.addMember(reader, { org: acme }, ['ORG_OWNER_VIEWER']);
const viewer = zitadel.addServiceUser('viewer');
zitadel.addMember(viewer, 'instance', ['IAM_OWNER_VIEWER']);
const token = zitadel.tokenFor(frank);

type Api = 'v1' | 'v2';

/** A ZITADEL on which the library speaks this API: v1 where both are served. */
function speak(api: Api): void {
  zitadel.serveApis(api === 'v1' ? 'both' : 'v2');
  library = libraryOf(api === 'v1' ? reader : viewer);
}

function libraryOf(user: User | undefined, more: Partial<ZitadelOptions> = {}): Zitadel {
  const serviceUser = pat(zitadel.patFor(user as User));
  return createZitadel(zitadel.options({ serviceUser, logger: recorder(), ...more }));
}

const mine = (request = {}, who = token) => library.membershipLists.listMine(who, request);
const ofUser = (more = {}) =>
  library.membershipLists.listOfUser({ userId: frank.id, organizationId: acme.id, ...more });
const places = ({ result }: MembershipList) =>
  result
    .map(
      ({ iam, orgId, projectId, projectGrantId }) =>
        (iam && 'instance') ?? orgId ?? projectId ?? projectGrantId ?? '',
    )
    .toSorted();

describe.each(['v1', 'v2'] as const)('the own list, by API %s', (api) => {
  beforeEach(() => speak(api));

  /** v2 tells how many rows there are and nothing else. */
  const counted = (totalResult: number): unknown =>
    api === 'v2' ? { totalResult } : expect.objectContaining({ totalResult });

  it.each<[string, () => readonly object[], () => readonly string[]]>([
    ['an organization', () => [{ orgQuery: { orgId: acme.id } }], () => [acme.id]],
    ['a project', () => [{ projectQuery: { projectId: other.id } }], () => [other.id]],
    ['a granted project', () => [{ projectQuery: { projectId: portal.id } }], () => [grant.id]],
    ['a grant', () => [{ projectGrantQuery: { projectGrantId: grant.id } }], () => [grant.id]],
    ['the instance', () => [{ iamQuery: { iam: true } }], () => ['instance']],
    ['the instance, said otherwise', () => [{ iamQuery: { iam: false } }], () => ['instance']],
    ['what there is not', () => [{ orgQuery: { orgId: '1' } }], () => []],
    [
      'two things at once',
      () => [{ iamQuery: { iam: true } }, { orgQuery: { orgId: acme.id } }],
      () => [],
    ],
  ])('is filtered to %s', async (_what, queries, expected) => {
    const list = await mine({ queries: queries() });
    expect(places(list)).toEqual(expected());
    expect(list.details.totalResult).toBe(expected().length);
  });

  it('can be asked for a page', async () => {
    const { result } = await mine();
    for (const [query, rows] of [
      [{ limit: 2 }, result.slice(0, 2)],
      [{ offset: 1, limit: 2 }, result.slice(1, 3)],
      [{ offset: 2, limit: 2 }, result.slice(2, 4)],
      [{ limit: 0 }, result],
    ] as const) {
      expect(await mine({ query })).toEqual({ details: counted(5), result: rows });
    }
    for (const query of [{ offset: 5 }, { offset: 100 }]) {
      expect(await mine({ query })).toEqual({ details: counted(0), result: [] });
    }
  });

  it('of somebody without any is an empty list', async () => {
    const none = await mine({}, zitadel.tokenFor(nobody));
    expect(none).toEqual({ details: counted(0), result: [] });
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

  it.each<[string, object]>([
    ['a negative offset', { offset: -1, limit: 2 }],
    ['a fraction of a row', { limit: 1.5 }],
    ['a negative limit', { limit: -1 }],
    ['a fraction as offset', { offset: 0.5 }],
    ['no number', { offset: Number.NaN }],
    ['no end', { limit: Number.POSITIVE_INFINITY }],
    ['a text', { limit: '1' }],
    ['more than 32 bits', { limit: 2 ** 32 }],
  ])('is not asked for with %s as a page, nor is that of a user', async (_what, query) => {
    for (const error of [await errorOf(mine({ query })), await errorOf(ofUser({ query }))]) {
      expect(error).toBeInstanceOf(ZitadelArgumentError);
      expect(error).toMatchObject({ argument: 'query' });
    }
    expect(zitadel.requests()).toBe(0);
  });

  const asked = api === 'v1' ? 'memberships' : 'administrators';

  it.each([401, 403, 400] as const)(
    'that ends in a refusal (%d) is a typed error with a remedy',
    async (status) => {
      zitadel.fail(asked, status);
      const error = await errorOf(mine());
      expect(error).toBeInstanceOf(ZitadelApiError);
      expect(error).toMatchObject({ status, code: 'zitadel_refused' });
      expect((error as ZitadelApiError).remedy).not.toBe('');
      expect(error.message).not.toContain(token);
    },
  );

  it.each([500, 503, 429, 'hang', 'refuse', 'garbage', 'html', 'truncated', 'redirect'] as const)(
    'that ends in an outage (%s) is another one',
    async (fault) => {
      zitadel.fail(asked, fault);
      library = libraryOf(viewer, { timeoutMs: 500 });
      const error = await errorOf(mine());
      expect(error).toBeInstanceOf(ZitadelUnavailableError);
      expect(error.code).toBe('zitadel_unavailable');
      expect(error.message).not.toContain(token);
    },
  );

  it('that is about another user is no list of this one', async () => {
    zitadel.fail(api === 'v1' ? 'userMemberships' : 'administrators', 'wrong-user');
    const error = await errorOf(api === 'v1' ? ofUser() : mine());
    expect(error).toBeInstanceOf(ZitadelUnavailableError);
  });
});

describe.each(['v1', 'v2'] as const)('the list of a user, by API %s', (api) => {
  beforeEach(() => speak(api));

  it('has the rows of the instance and of one organization', async () => {
    const expected = ['instance', acme.id, other.id, grant.id].toSorted();
    expect(places(await ofUser())).toEqual(expected);
  });

  it('takes filters and pages like the other one', async () => {
    expect(places(await ofUser({ queries: [{ iamQuery: { iam: true } }] }))).toEqual(['instance']);
    expect(places(await ofUser({ query: { limit: 1, offset: 1 } }))).toHaveLength(1);
  });
});

describe('List My ZITADEL Manager Roles, of API v1', () => {
  beforeEach(() => speak('v1'));

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
    const userId = frank.id;
    const rows = [
      {
        userId,
        roles: ['IAM_USER_MANAGER'],
        displayName: 'ZITADEL',
        on: { kind: 'instance', id: zitadel.instanceId },
        iam: true,
        details: details(zitadel.instanceId),
      },
      {
        userId,
        roles: ['ORG_OWNER_VIEWER', 'ORG_USER_MANAGER'],
        displayName: 'acme',
        on: { kind: 'org', id: acme.id },
        orgId: acme.id,
        details: details(acme.id),
      },
      {
        userId,
        roles: ['ORG_OWNER'],
        displayName: 'globex',
        on: { kind: 'org', id: globex.id },
        orgId: globex.id,
        details: details(globex.id),
      },
      {
        userId,
        roles: ['PROJECT_OWNER_VIEWER'],
        displayName: 'other',
        on: { kind: 'project', id: other.id },
        projectId: other.id,
        details: details(acme.id),
      },
      {
        userId,
        roles: ['PROJECT_GRANT_OWNER_VIEWER'],
        displayName: 'portal',
        on: { kind: 'projectGrant', id: grant.id },
        projectGrantId: grant.id,
        details: details(acme.id),
      },
    ];
    expect(list.result).toHaveLength(5);
    expect(list.result).toEqual(expect.arrayContaining(rows));
  });

  it('is asked as ZITADEL documents it, once, without an organization', async () => {
    await mine({
      query: { offset: 1, limit: 2, asc: true },
      queries: [{ orgQuery: { orgId: acme.id } }, { iamQuery: { iam: true } }],
    });
    const [asked, ...more] = zitadel.requestLog();
    expect(more).toEqual([]);
    expect(asked).toMatchObject({ method: 'POST', path: '/auth/v1/memberships/me/_search' });
    expect(asked?.headers).not.toHaveProperty('x-zitadel-orgid');
    expect(JSON.parse(asked?.body ?? '')).toEqual({
      // uint64 are texts in protojson.
      query: { offset: '1', limit: 2, asc: true },
      queries: [{ orgQuery: { orgId: acme.id } }, { iamQuery: { iam: true } }],
    });
  });

  it('refuses more than one filter in one, by ZITADEL’s words', async () => {
    const both = { orgQuery: { orgId: '1' }, iamQuery: { iam: true } };
    expect(await errorOf(mine({ queries: [both] }))).toMatchObject({ status: 400 });
  });
});

describe('List ZITADEL Permissions of a user, of API v1', () => {
  beforeEach(() => speak('v1'));

  it('is asked as ZITADEL documents it', async () => {
    await ofUser();
    const [asked] = zitadel.requestLog('userMemberships');
    expect(asked).toMatchObject({
      method: 'POST',
      path: `/management/v1/users/${frank.id}/memberships/_search`,
    });
    expect(asked?.headers['x-zitadel-orgid']).toBe(acme.id);
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
    library = libraryOf(outsider);
    const error = await errorOf(ofUser());
    expect(error).toMatchObject({ status: 404, id: 'AUTHZ-cdgFk', code: 'zitadel_refused' });
    expect(error.message).toContain('make the service user a manager there');
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

describe('a list of API v1 that cannot be read', () => {
  beforeEach(() => speak('v1'));

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
});

describe('the own list, by API v2 alone', () => {
  beforeEach(() => speak('v2'));

  it('has the rows that v1 would answer, but for what v2 does not tell', async () => {
    const byV2 = await mine();
    zitadel.serveApis('v1');
    const byV1 = await libraryOf(viewer).membershipLists.listMine(token);
    expect(byV2.details).toEqual({ totalResult: 5 });
    const told = byV1.result.map((row) => {
      const { sequence: _sequence, resourceOwner, ...details } = row.details;
      const owner = row.iam ? {} : { resourceOwner };
      return {
        ...row,
        details: { ...details, ...owner },
        ...(row.iam && { displayName: '', on: { kind: 'instance', id: '' } }),
      };
    });
    expect(byV2.result).toHaveLength(5);
    expect(byV2.result).toEqual(expect.arrayContaining(told));
  });

  it('can be asked for with a JWT, but with no opaque token', async () => {
    const error = await errorOf(mine({}, zitadel.patFor(frank)));
    expect(error).toBeInstanceOf(ZitadelArgumentError);
    expect(error.message).toContain('pass the Caller');
    expect(await errorOf(mine({}, 'a.b.c'))).toBeInstanceOf(ZitadelArgumentError);
  });

  it('with a JWT that names somebody else is refused by ZITADEL', async () => {
    const [header, payload, signature] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: nobody.id }));
    const error = await errorOf(
      mine({}, [header, forged.toString('base64url'), signature].join('.')),
    );
    expect(error).toMatchObject({ status: 401, id: 'AUTH-7fs1e' });
  });

  it.each<[string, unknown]>([
    ['two in one', { orgQuery: { orgId: '1' }, iamQuery: { iam: true } }],
    ['none', {}],
    ['an unknown one', { orgIdQuery: { orgId: '1' } }],
    ['an id that is no text', { orgQuery: { orgId: 1 } }],
    ['no id', { projectQuery: {} }],
    ['a text', 'orgQuery'],
    ['nothing', undefined],
  ])('is not asked for with %s as a filter', async (_what, query) => {
    const error = await errorOf(mine({ queries: [query as never] }));
    expect(error).toBeInstanceOf(ZitadelArgumentError);
    expect(error).toMatchObject({ argument: 'queries' });
  });
});

describe('the list of a user, by API v2 alone', () => {
  beforeEach(() => speak('v2'));

  it('has the rows of the organization that is asked for', async () => {
    expect(places(await ofUser({ organizationId: globex.id }))).toEqual(
      ['instance', globex.id].toSorted(),
    );
  });

  it('must name the organization: there is none of the service user’s own', async () => {
    const error = await errorOf(ofUser({ organizationId: undefined }));
    expect(error).toBeInstanceOf(ZitadelArgumentError);
    expect(error).toMatchObject({ argument: 'organizationId' });
  });

  it('of which the service user does not see all is an error with the remedy, never a short list', async () => {
    const ofAcme = zitadel.addServiceUser('of acme', { org: acme });
    zitadel.addMember(ofAcme, { org: acme }, ['ORG_OWNER']);
    library = libraryOf(ofAcme);
    const error = await errorOf(ofUser());
    expect(error).toMatchObject({ code: 'service_user_refused' });
    expect(error.message).toContain('IAM_OWNER_VIEWER');
  });
});

describe('a list of API v2 of several pages', () => {
  /** A library to which the list has so many rows, all of organizations. */
  function libraryOver(totalOf: (page: number) => number): Zitadel {
    let pages = 0;
    return createZitadel(
      zitadel.options({
        logger: recorder(),
        api: 'v2',
        fetch: async (url, init) => {
          if (!url.endsWith('/ListAdministrators')) return realFetch(url, init);
          const { pagination, filters } = JSON.parse(init.body as string) as {
            pagination: { offset: string; limit: number };
            filters: object[];
          };
          pages += 1;
          const offset = Number(pagination.offset);
          const total = filters.length > 1 ? 1 : totalOf(pages);
          const length = Math.max(0, Math.min(pagination.limit, total - offset));
          return Response.json({
            pagination: { totalResult: String(total), appliedLimit: String(pagination.limit) },
            administrators: Array.from({ length }, (_, at) => ({
              user: { id: frank.id },
              organization: { id: String(offset + at + 1) },
              roles: ['ORG_OWNER'],
            })),
          });
        },
      }),
    );
  }

  it('of more than 10,000 rows is an error that says how to narrow it', async () => {
    library = libraryOver(() => 10_000);
    expect(await mine()).toMatchObject({ details: { totalResult: 10_000 } });
    library = libraryOver(() => 10_001);
    const error = await errorOf(mine());
    expect(error).not.toBeInstanceOf(ZitadelArgumentError);
    expect(error).toMatchObject({ code: 'zitadel_unavailable' });
    expect(error.message).toContain('orgQuery');
    const { result } = await mine({ queries: [{ orgQuery: { orgId: '1' } }] });
    expect(result).toMatchObject([{ orgId: '1' }]);
  });

  it('that changes twice while it is read is an outage, never a short list', async () => {
    library = libraryOver((page) => (page <= 2 ? 1_500 + page : 1_503));
    expect((await mine()).result).toHaveLength(1_503);
    library = libraryOver((page) => 1_500 + page);
    expect(await errorOf(mine())).toBeInstanceOf(ZitadelUnavailableError);
  });
});

describe('a list where neither API is served', () => {
  it('is our misconfiguration', async () => {
    speak('v2');
    zitadel.fail('administrators', { status: 404, body: { code: 5, message: 'Not Found' } });
    expect(await errorOf(mine())).toMatchObject({ status: 404, code: 'zitadel_refused' });
  });
});
