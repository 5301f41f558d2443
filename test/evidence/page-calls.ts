import {
  basic,
  clientCredentials,
  introspection,
  jwt,
  key,
  org,
  permission,
  project,
  projectGrant,
  role,
  userinfo,
  type Decision,
  type ProjectGrant,
  type Requirement,
  type ZitadelOptions,
} from 'nestjs-zitadel/express';
import type { Library } from './data-path.js';
import { openWorld as openFaultWorld, type World as FaultWorld } from './fault-subjects.js';
import type { PageAnswer } from './page-answers.js';

/** Who and what there is at ZITADEL. */
export interface World extends FaultWorld {
  /** The token of an owner of the organization to which a project is granted. */
  readonly granted: string;
  readonly aliceId: string;
  readonly secret: { readonly clientId: string; readonly clientSecret: string };
}

/** A question that one call of the library is needed for. */
export interface Asked {
  readonly name: string;
  /** That call. */
  readonly path: RegExp;
  /** Userinfo does not show whom a token is for, so nobody may be named. */
  readonly forAnybody?: true;
  /** An empty answer is ZITADEL's own. */
  readonly isEmptyWell?: true;
  options(world: World): Partial<ZitadelOptions>;
  /** Nothing where all went well. */
  ask(library: Library, world: World): Promise<Decision | undefined>;
}

export async function openWorld(): Promise<World> {
  const world = await openFaultWorld();
  const { zitadel } = world;
  const gina = zitadel.addUser('gina', { org: { id: world.grantedOrgId } });
  zitadel.addMember(gina, { org: { id: world.grantedOrgId } }, ['ORG_OWNER']);
  const service = zitadel.addServiceUser('with a secret');
  zitadel.addMember(service, 'instance', ['IAM_OWNER']);
  const [aliceId = ''] = world.ids;
  return { ...world, aliceId, granted: zitadel.tokenFor(gina), secret: zitadel.addSecret(service) };
}

const decide =
  (
    requirement: (world: World) => Requirement,
    tokenOf = ({ tokens: [token] }: World) => token,
  ): Asked['ask'] =>
  async ({ decisions }, world) =>
    decisions.authorize(
      { headers: { authorization: `Bearer ${tokenOf(world)}` } },
      decisions.prepare(requirement(world)),
    );
const owns = decide(({ orgId }) => role('ORG_OWNER', org(orgId)));
const use =
  (task: (library: Library, world: World) => Promise<unknown>): Asked['ask'] =>
  async (library, world) => {
    await task(library, world);
    return undefined;
  };
const first = async (list: AsyncIterable<ProjectGrant>): Promise<void> => {
  for await (const { grantedOrgId } of list) if (grantedOrgId !== '') return;
};

type Api = 'v1' | 'v2';
const asCaller = (api: Api) => () => ({ api }) as const;
const reading = ({ orgId, serviceKey }: World, api: Api): Partial<ZitadelOptions> => ({
  callers: jwt({ recheckMs: false }),
  serviceUser: key(serviceKey),
  memberships: { as: 'serviceUser', ...(api === 'v1' && { organizations: [orgId] }) },
});
const serving =
  (api: Api) =>
  ({ serviceKey }: World): Partial<ZitadelOptions> => ({ api, serviceUser: key(serviceKey) });
const of = ({ orgId: organizationId, projectId }: World) => ({ organizationId, projectId });
const between = ({ projectId, grantedOrgId }: World) =>
  role('PROJECT_GRANT_OWNER', projectGrant({ project: projectId, grantedOrg: grantedOrgId }));
const grantee = ({ granted }: World) => granted;

const OIDC: readonly Asked[] = [
  { name: 'discovery', path: /openid-configuration/, options: () => ({}), ask: owns },
  { name: 'keys', path: /\/keys$/, options: () => ({}), ask: owns },
  {
    name: 'userinfo that knows callers',
    path: /\/userinfo$/,
    forAnybody: true,
    options: () => ({ callers: userinfo() }),
    ask: owns,
  },
  {
    name: 'userinfo that confirms a token',
    path: /\/userinfo$/,
    options: (world) => ({ ...reading(world, 'v2'), callers: jwt() }),
    ask: owns,
  },
  {
    name: 'introspection by secret',
    path: /\/introspect$/,
    options: ({ application: { clientId, clientSecret } }) => ({
      callers: introspection(basic(clientId, clientSecret)),
    }),
    ask: owns,
  },
  {
    name: 'introspection by key',
    path: /\/introspect$/,
    options: ({ applicationKey }) => ({ callers: introspection(key(applicationKey)) }),
    ask: owns,
  },
  {
    name: 'token by key',
    path: /\/token$/,
    options: (world) => reading(world, 'v2'),
    ask: owns,
  },
  {
    name: 'token by secret, for a service',
    path: /\/token$/,
    options: ({ secret }) => ({
      serviceUser: clientCredentials(secret.clientId, secret.clientSecret),
    }),
    ask: use(({ projectGrants }, world) => first(projectGrants.list(of(world)))),
  },
];

const READS: readonly Asked[] = [
  {
    name: 'v1 memberships of the caller',
    path: /\/memberships\/me\//,
    options: asCaller('v1'),
    ask: owns,
  },
  {
    name: 'v1 memberships, where both APIs may be asked',
    path: /\/memberships\/me\//,
    options: () => ({}),
    ask: owns,
  },
  {
    name: 'v1 memberships of a user',
    path: /\/users\/\d+\/memberships\//,
    options: (world) => reading(world, 'v1'),
    ask: owns,
  },
  {
    name: 'v2 administrators, as the caller',
    path: /ListAdministrators$/,
    options: asCaller('v2'),
    ask: owns,
  },
  {
    name: 'v2 administrators, as the service user',
    path: /ListAdministrators$/,
    options: (world) => reading(world, 'v2'),
    ask: owns,
  },
  {
    name: 'permissions',
    path: /\/permissions\//,
    isEmptyWell: true,
    options: () => ({}),
    ask: decide(({ orgId }) => permission('project.read', org(orgId))),
  },
  {
    name: 'v1 project',
    path: /\/v1\/projects\/\d+$/,
    options: asCaller('v1'),
    ask: decide(({ projectId }) => role('PROJECT_OWNER', project(projectId))),
  },
  {
    name: 'v2 project',
    path: /\/GetProject$/,
    options: asCaller('v2'),
    ask: decide(({ projectId }) => role('PROJECT_OWNER', project(projectId))),
  },
  {
    name: 'v1 grant by its id',
    path: /\/projects\/0\/grants\/\d+$/,
    options: asCaller('v1'),
    ask: decide(({ grantId }) => role('PROJECT_GRANT_OWNER', projectGrant(grantId)), grantee),
  },
  {
    name: 'v1 granted projects',
    path: /\/granted_projects\//,
    options: asCaller('v1'),
    ask: decide(between, grantee),
  },
  {
    name: 'v2 grants between two',
    path: /\/ListProjectGrants$/,
    options: asCaller('v2'),
    ask: decide(between, grantee),
  },
];

const lists = (api: Api): readonly Asked[] => {
  const path = api === 'v1' ? /\/memberships\/(me\/)?_search$/ : /ListAdministrators$/;
  return [
    {
      name: `${api} listMine()`,
      path,
      options: asCaller(api),
      ask: use(({ membershipLists }, { tokens: [token] }) => membershipLists.listMine(token)),
    },
    {
      name: `${api} listOfUser()`,
      path,
      options: serving(api),
      ask: use(({ membershipLists }, { aliceId: userId, orgId: organizationId }) =>
        membershipLists.listOfUser({ userId, organizationId }),
      ),
    },
  ];
};

const grants = (api: Api): readonly Asked[] => {
  const isV1 = api === 'v1';
  const asked = (
    name: string,
    path: RegExp,
    task: (service: Library['projectGrants'], world: World) => Promise<unknown>,
  ): Asked => ({
    name: `${api} ${name}`,
    path,
    options: serving(api),
    ask: use(({ projectGrants }, world) => task(projectGrants, world)),
  });
  const grant = (world: World) => ({
    ...of(world),
    ...(isV1 ? { grantId: world.grantId } : { grantedOrgId: world.grantedOrgId }),
  });
  return [
    asked('add()', isV1 ? /\/grants$/ : /\/CreateProjectGrant$/, (service, world) =>
      service.add({ ...of(world), grantedOrgId: world.grantedOrgId, roleKeys: ['reader'] }),
    ),
    asked('get()', isV1 ? /\/grants\/\d+$/ : /\/ListProjectGrants$/, (service, world) =>
      service.get(grant(world)),
    ),
    asked('list()', isV1 ? /\/grants\/_search$/ : /\/ListProjectGrants$/, (service, world) =>
      first(service.list(of(world))),
    ),
    asked(
      'list() of all projects',
      isV1 ? /\/projectgrants\/_search$/ : /\/ListProjectGrants$/,
      (service, { orgId: organizationId }) => first(service.list({ organizationId })),
    ),
    asked(
      'listGranted()',
      isV1 ? /\/granted_projects\// : /\/ListProjectGrants$/,
      (service, { grantedOrgId: organizationId }) => first(service.listGranted({ organizationId })),
    ),
    asked('changeRoles()', isV1 ? /\/grants\/\d+$/ : /\/UpdateProjectGrant$/, (service, world) =>
      service.changeRoles({ ...grant(world), roleKeys: ['reader'] }),
    ),
    asked('deactivate()', isV1 ? /\/_deactivate$/ : /\/DeactivateProjectGrant$/, (service, world) =>
      service.deactivate(grant(world)),
    ),
    asked('reactivate()', isV1 ? /\/_reactivate$/ : /\/ActivateProjectGrant$/, (service, world) =>
      service.reactivate(grant(world)),
    ),
    asked('remove()', isV1 ? /\/grants\/\d+$/ : /\/DeleteProjectGrant$/, (service, world) =>
      service.remove(grant(world)),
    ),
  ];
};

const APIS = ['v1', 'v2'] as const;

/** Every endpoint that the library calls, for everything that it calls it for. */
export const CALLS: readonly Asked[] = [
  ...OIDC,
  ...READS,
  ...APIS.flatMap(lists),
  ...APIS.flatMap(grants),
];

interface OwnWord {
  readonly call: Asked;
  readonly answer: PageAnswer;
  readonly as: string;
}

function own(name: string, status: number, body: unknown, as: string): OwnWord {
  const call = CALLS.find((each) => each.name === name);
  if (!call) throw new Error(`no call is named ${name}`);
  const headers = { 'content-type': 'application/json' };
  return { call, answer: { from: 'ZITADEL', status, body: JSON.stringify(body), headers }, as };
}

const detailsOf = (id: string, message: string) => [
  { '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail', id, message },
];
const DEAD = 'Errors.Token.Invalid';
const DEAD_V1 = {
  code: 16,
  message: `${DEAD} (AUTH-7fs1e)`,
  details: detailsOf('AUTH-7fs1e', DEAD),
};

/** What ZITADEL says itself, as it was recorded: that stays what it is. */
export const OWN_WORDS: readonly OwnWord[] = [
  own('v1 memberships of the caller', 401, DEAD_V1, 'token_rejected'),
  own(
    'v2 administrators, as the caller',
    401,
    { code: 'unauthenticated', message: `${DEAD} (AUTH-7fs1e)` },
    'token_rejected',
  ),
  own(
    'userinfo that knows callers',
    401,
    { error: 'access_denied', error_description: 'access token invalid' },
    'token_rejected',
  ),
  own('introspection by secret', 400, { error: 'unauthorized_client' }, 'misconfigured'),
  own(
    'token by key',
    400,
    { error: 'invalid_grant', error_description: 'invalid assertion' },
    'misconfigured',
  ),
  own('permissions', 200, {}, 'permission_missing'),
  own(
    'v1 project',
    404,
    {
      code: 5,
      message: 'Project not found (QUERY-fk2fs)',
      details: detailsOf('QUERY-fk2fs', 'Project not found'),
    },
    'role_missing',
  ),
  own(
    'v1 memberships of the caller',
    200,
    { details: { viewTimestamp: '2026-11-24T08:56:37.709477Z' } },
    'role_missing',
  ),
];
