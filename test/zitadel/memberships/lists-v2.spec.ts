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
import { decide, realFetch, recorder } from '../parts.js';

let zitadel: ZitadelEmulator;
let library: Zitadel;
let [acme, globex]: Org[] = [];
let [portal, other]: Project[] = [];
let grant: ProjectGrant;
let [frank, nobody, viewer, ofAcme]: User[] = [];
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
  viewer = zitadel.addServiceUser('viewer');
  zitadel.addMember(viewer, 'instance', ['IAM_OWNER_VIEWER']);
  ofAcme = zitadel.addServiceUser('of acme', { org: acme });
  zitadel.addMember(ofAcme, { org: acme }, ['ORG_OWNER']);
  token = zitadel.tokenFor(frank);
});
afterAll(async () => {
  await zitadel.stop();
});
beforeEach(() => {
  zitadel.heal();
  zitadel.serveApis('v2');
  zitadel.resetRequests();
  library = libraryOf(viewer, 'auto');
});

function libraryOf(
  user: User | undefined,
  api: 'auto' | 'v1' | 'v2',
  more: Partial<ZitadelOptions> = {},
): Zitadel {
  const serviceUser = pat(zitadel.patFor(user as User));
  return createZitadel(zitadel.options({ serviceUser, logger: recorder(), api, ...more }));
}

const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';
const mine = (request = {}, who = token) => library.membershipLists.listMine(who, request);
const ofUser = (more = {}) =>
  library.membershipLists.listOfUser({ userId: idOf(frank), organizationId: idOf(acme), ...more });
const places = ({ result }: MembershipList) =>
  result
    .map(
      ({ iam, orgId, projectId, projectGrantId }) =>
        (iam && 'instance') ?? orgId ?? projectId ?? projectGrantId ?? '',
    )
    .toSorted();

async function errorOf(promise: Promise<unknown>): Promise<ZitadelError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ZitadelError) return error;
  throw new Error(`no error of ours: ${String(error)}`);
}

describe('the own list, by API v2', () => {
  it('has the rows that v1 would answer, but for what v2 does not tell', async () => {
    const byV2 = await mine();
    zitadel.serveApis('v1');
    const byV1 = await libraryOf(viewer, 'v1').membershipLists.listMine(token);
    expect(byV2.details).toEqual({ totalResult: 5 });
    const told = byV1.result.map((row) => {
      const { sequence: _sequence, resourceOwner, ...details } = row.details;
      const owner = row.iam ? {} : { resourceOwner };
      return {
        ...row,
        details: { ...details, ...owner },
        ...(row.iam && { displayName: '' }),
      };
    });
    expect(byV2.result).toHaveLength(5);
    expect(byV2.result).toEqual(expect.arrayContaining(told));
  });

  it.each<[string, () => object, () => readonly string[]]>([
    ['an organization', () => ({ orgQuery: { orgId: idOf(acme) } }), () => [idOf(acme)]],
    ['a project', () => ({ projectQuery: { projectId: idOf(other) } }), () => [idOf(other)]],
    ['a granted project', () => ({ projectQuery: { projectId: idOf(portal) } }), () => [grant.id]],
    ['a grant', () => ({ projectGrantQuery: { projectGrantId: grant.id } }), () => [grant.id]],
    ['the instance', () => ({ iamQuery: { iam: true } }), () => ['instance']],
    ['the instance, said otherwise', () => ({ iamQuery: { iam: false } }), () => ['instance']],
    ['what there is not', () => ({ orgQuery: { orgId: '1' } }), () => []],
  ])('is filtered to %s like by v1', async (_what, query, expected) => {
    const byV2 = await mine({ queries: [query()] });
    expect(places(byV2)).toEqual(expected());
    expect(byV2.details.totalResult).toBe(expected().length);
    zitadel.serveApis('v1');
    const byV1 = await libraryOf(viewer, 'v1').membershipLists.listMine(token, {
      queries: [query() as never],
    });
    expect(places(byV1)).toEqual(expected());
  });

  it('takes all filters together, and pages', async () => {
    const queries = [{ iamQuery: { iam: true } }, { orgQuery: { orgId: idOf(acme) } }];
    expect(await mine({ queries })).toMatchObject({ result: [], details: { totalResult: 0 } });
    const { result } = await mine();
    const page = await mine({ query: { offset: 1, limit: 2 } });
    expect(page).toEqual({ details: { totalResult: 5 }, result: result.slice(1, 3) });
    expect((await mine({ query: { limit: 0 } })).result).toEqual(result);
    const beyond = { details: { totalResult: 0 }, result: [] };
    expect(await mine({ query: { offset: 100 } })).toEqual(beyond);
    expect(await mine({ query: { offset: 5 } })).toEqual(beyond);
    zitadel.serveApis('v1');
    library = libraryOf(viewer, 'v1');
    expect(await mine({ query: { offset: 100 } })).toMatchObject(beyond);
  });

  it('can be asked for the caller of a request, and for a JWT, but for no opaque token', async () => {
    const { caller } = await decide(library, token, authenticated());
    if (!caller) throw new Error('no caller');
    expect(places(await library.membershipLists.listMine(caller))).toHaveLength(5);
    const error = await errorOf(mine({}, zitadel.patFor(frank as User)));
    expect(error).toBeInstanceOf(ZitadelArgumentError);
    expect(error.message).toContain('pass the Caller');
    expect(await errorOf(mine({}, 'a.b.c'))).toBeInstanceOf(ZitadelArgumentError);
  });

  it('of somebody without any is an empty list', async () => {
    const none = await mine({}, zitadel.tokenFor(nobody as User));
    expect(none).toEqual({ details: { totalResult: 0 }, result: [] });
  });

  it('with a JWT that names somebody else is refused by ZITADEL', async () => {
    const [header, payload, signature] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: idOf(nobody) }));
    const error = await errorOf(
      mine({}, [header, forged.toString('base64url'), signature].join('.')),
    );
    expect(error).toMatchObject({ status: 401, id: 'AUTH-7fs1e' });
  });

  it.each<[string, object]>([
    ['a negative offset', { offset: -1, limit: 2 }],
    ['a fraction of a row', { limit: 1.5 }],
    ['a negative limit', { limit: -1 }],
    ['a fraction as offset', { offset: 0.5 }],
    ['no number', { offset: Number.NaN }],
    ['no end', { limit: Number.POSITIVE_INFINITY }],
    ['a text', { limit: '1' }],
    ['more than 32 bits', { limit: 2 ** 32 }],
  ])('is not asked for with %s as a page, whichever API is served', async (_what, query) => {
    for (const api of ['v1', 'v2'] as const) {
      zitadel.serveApis(api);
      library = libraryOf(viewer, api);
      for (const error of [await errorOf(mine({ query })), await errorOf(ofUser({ query }))]) {
        expect(error).toBeInstanceOf(ZitadelArgumentError);
        expect(error).toMatchObject({ argument: 'query' });
      }
    }
    expect(zitadel.requests()).toBe(0);
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

describe('the list of a user, by API v2', () => {
  it('has the rows of the instance and of one organization', async () => {
    const expected = ['instance', idOf(acme), idOf(other), grant.id].toSorted();
    expect(places(await ofUser())).toEqual(expected);
    expect(places(await ofUser({ organizationId: idOf(globex) }))).toEqual(
      ['instance', idOf(globex)].toSorted(),
    );
    expect(places(await ofUser({ queries: [{ iamQuery: { iam: true } }] }))).toEqual(['instance']);
  });

  it('must name the organization: there is none of the service user’s own', async () => {
    const error = await errorOf(ofUser({ organizationId: undefined }));
    expect(error).toBeInstanceOf(ZitadelArgumentError);
    expect(error).toMatchObject({ argument: 'organizationId' });
  });

  it('of which the service user does not see all is an error with the remedy, never a short list', async () => {
    library = libraryOf(ofAcme, 'auto');
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
              user: { id: idOf(frank) },
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

describe('a list of API v2 that fails', () => {
  it.each([401, 403, 400] as const)('with a refusal (%d) is a typed error', async (status) => {
    zitadel.fail('administrators', status);
    const error = await errorOf(mine());
    expect(error).toBeInstanceOf(ZitadelApiError);
    expect(error).toMatchObject({ status, code: 'zitadel_refused' });
    expect(error.message).not.toContain(token);
  });

  it.each([
    500,
    503,
    429,
    'hang',
    'refuse',
    'garbage',
    'html',
    'truncated',
    'redirect',
    'wrong-user',
  ] as const)('with an outage (%s) is another one', async (fault) => {
    zitadel.fail('administrators', fault);
    library = libraryOf(viewer, 'auto', { timeoutMs: 500 });
    expect(await errorOf(mine())).toBeInstanceOf(ZitadelUnavailableError);
  });

  it('because neither API is served is our misconfiguration', async () => {
    zitadel.fail('administrators', { status: 404, body: { code: 5, message: 'Not Found' } });
    expect(await errorOf(mine())).toMatchObject({ status: 404, code: 'zitadel_refused' });
  });
});
