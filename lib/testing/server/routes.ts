import {
  deactivateGrant,
  deleteGrant,
  getGrant,
  listAllGrants,
  listGrantedProjects,
  listGrants,
  postGrant,
  putGrant,
  reactivateGrant,
} from '../api/v1-grants.js';
import {
  listMyMemberships,
  listMyPermissions,
  listUserMemberships,
} from '../api/v1-memberships.js';
import { deleteOrg, getMyOrg, getProject, getProjectV2, listEvents } from '../api/v1-rest.js';
import { listAdministrators, searchAdministratorsBeta } from '../api/v2-administrator-routes.js';
import {
  activateProjectGrant,
  createProjectGrant,
  deactivateProjectGrant,
  deleteProjectGrant,
  listProjectGrants,
  updateProjectGrant,
} from '../api/v2-grants.js';
import type { Core } from '../core.js';
import { discovery, healthz, introspect, keys, ready, userinfo } from '../oidc/info-routes.js';
import { authorize, login, loginPage } from '../oidc/sign-in.js';
import { revoke, token } from '../oidc/token-routes.js';
import type { Answer, Exchange } from './answers.js';
import { type ConnectHandle, connectMethod } from './connect.js';
import { type EndpointName, isServed, type ServedApis } from './endpoints.js';

/** How refusals look: as of the REST API, of Connect, of OpenID Connect, or there are none. */
export type Family = 'api' | 'connect' | 'oidc' | 'debug';

export interface Route {
  readonly methods: readonly string[];
  readonly pattern: readonly string[];
  readonly endpoint: EndpointName;
  readonly family: Family;
  readonly handle: (core: Core, exchange: Exchange) => Answer;
}

export type Match =
  | { readonly kind: 'route'; readonly route: Route; readonly params: readonly string[] }
  | { readonly kind: 'wrongMethod' | 'notEmulated' | 'unknown' }
  | { readonly kind: 'wrongConnectMethod' | 'unknownMethod' };

type Row = [methods: string, path: string, endpoint: EndpointName, handle: Route['handle']];

const GRANTS = '/management/v1/projects/*/grants';

const API: readonly Row[] = [
  ['POST', '/auth/v1/memberships/me/_search', 'memberships', listMyMemberships],
  ['POST', '/auth/v1/permissions/zitadel/me/_search', 'permissions', listMyPermissions],
  ['POST', '/management/v1/users/*/memberships/_search', 'userMemberships', listUserMemberships],
  ['POST', '/admin/v1/events/_search', 'events', listEvents],
  ['GET', '/management/v1/orgs/me', 'org', getMyOrg],
  ['DELETE', '/admin/v1/orgs/*', 'removeOrg', deleteOrg],
  ['GET', '/management/v1/projects/*', 'project', getProject],
  ['POST', GRANTS, 'addGrant', postGrant],
  ['POST', `${GRANTS}/_search`, 'listGrants', listGrants],
  ['GET', `${GRANTS}/*`, 'getGrant', getGrant],
  ['PUT', `${GRANTS}/*`, 'changeGrant', putGrant],
  ['DELETE', `${GRANTS}/*`, 'removeGrant', deleteGrant],
  ['POST', `${GRANTS}/*/_deactivate`, 'deactivateGrant', deactivateGrant],
  ['POST', `${GRANTS}/*/_reactivate`, 'reactivateGrant', reactivateGrant],
  ['POST', '/management/v1/projectgrants/_search', 'listAllGrants', listAllGrants],
  ['POST', '/management/v1/granted_projects/_search', 'grantedProjects', listGrantedProjects],
  ['POST', '/v2beta/administrators/search', 'administrators', searchAdministratorsBeta],
];

const OIDC: readonly Row[] = [
  ['GET', '/.well-known/openid-configuration', 'discovery', discovery],
  ['GET', '/oauth/v2/keys', 'keys', keys],
  ['POST', '/oauth/v2/token', 'token', token],
  ['POST', '/oauth/v2/introspect', 'introspect', introspect],
  ['POST', '/oauth/v2/revoke', 'revoke', revoke],
  ['GET POST', '/oidc/v1/userinfo', 'userinfo', userinfo],
  ['GET POST', '/oauth/v2/authorize', 'authorize', authorize],
  ['GET', '/ui/v2/login/login', 'login', loginPage],
  ['POST', '/ui/v2/login/login', 'login', login],
];

const DEBUG: readonly Row[] = [
  ['GET', '/debug/healthz', 'health', healthz],
  ['GET', '/debug/ready', 'health', ready],
];

const ROUTES: readonly Route[] = [
  ...API.map((row) => routeOf(row, 'api')),
  ...OIDC.map((row) => routeOf(row, 'oidc')),
  ...DEBUG.map((row) => routeOf(row, 'debug')),
];

/** Calls that exist in ZITADEL beside emulated ones, under the same path. */
const OTHER_METHODS: readonly (readonly [method: string, path: RegExp])[] = [
  ['PUT', /^\/management\/v1\/orgs\/me$/],
  ['DELETE', /^\/management\/v1\/orgs\/me$/],
  ['GET', /^\/admin\/v1\/orgs\/[^/]+$/],
  ['PUT', /^\/management\/v1\/projects\/[^/]+$/],
  ['DELETE', /^\/management\/v1\/projects\/[^/]+$/],
];

/** What exists in ZITADEL and not here. */
const NOT_EMULATED: readonly RegExp[] = [
  // The projects of v2beta have no REST API, although their service names one.
  /^\/(v2|v2alpha|v2beta(?!\/projects(\/|$))|v3alpha)\//,
  /^\/(admin|system)\/v1\/./,
  /^\/oauth\/v2\/device_authorization$/,
  /^\/oidc\/v1\/end_session$/,
  /^\/(ui|saml|idps|scim|assets|grpc)\//,
  /^\/auth\/v1\/(users|usergrants|permissions|memberships|policies|languages|idps|metadata)(\/|$)/,
  /^\/management\/v1\/(orgs|users|projects|granted_projects|projectgrants|policies|idps)(\/|$)/,
  /^\/management\/v1\/(actions|flows|members|global|iam|zitadel|text|metadata|login)(\/|$)/,
  /^\/debug\/(validate|metrics)$/,
];

export function match(method: string, path: string, apis: ServedApis): Match {
  if (!isServed(apis, path)) return { kind: 'unknown' };
  const segments = path.split('/').slice(1);
  const params = segments.map(decode);
  // Neither stands for an id anywhere.
  if (params.includes(undefined) || params.includes('')) return { kind: 'unknown' };
  if (path.startsWith('/zitadel.')) return matchConnect(method, path);
  const fitting = ROUTES.filter((route) => fits(route.pattern, segments));
  const route = fitting.find(({ methods }) => methods.includes(method));
  if (route !== undefined) {
    const starred = params.filter((_, index) => route.pattern[index] === '*');
    return { kind: 'route', route, params: starred.map(String) };
  }
  if (OTHER_METHODS.some(([each, pattern]) => each === method && pattern.test(path))) {
    return { kind: 'notEmulated' };
  }
  if (fitting.length > 0) return { kind: 'wrongMethod' };
  return { kind: NOT_EMULATED.some((known) => known.test(path)) ? 'notEmulated' : 'unknown' };
}

function routeOf([methods, path, endpoint, handle]: Row, family: Family): Route {
  return {
    methods: methods.split(' '),
    pattern: path.split('/').slice(1),
    endpoint,
    family,
    handle,
  };
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, index) => part === '*' || part === segments[index])
  );
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

type Method = readonly [name: string, endpoint: EndpointName, handle: ConnectHandle];

interface Service {
  readonly name: string;
  /** The package of its messages in Go, which complaints about a message name. */
  readonly goPackage: string;
  readonly methods: readonly Method[];
  /** What ZITADEL serves beside them. */
  readonly others: readonly string[];
}

const LIST_ADMINISTRATORS: Method = ['ListAdministrators', 'administrators', listAdministrators];
const LIST_GRANTS: Method = ['ListProjectGrants', 'listGrantsV2', listProjectGrants];

const PERMISSION_METHODS = [
  'CreateAdministrator',
  'UpdateAdministrator',
  'DeleteAdministrator',
] as const;
const PROJECT_METHODS = [
  'CreateProject',
  'UpdateProject',
  'DeleteProject',
  'ActivateProject',
  'DeactivateProject',
  'ListProjects',
  'AddProjectRole',
  'UpdateProjectRole',
  'RemoveProjectRole',
  'ListProjectRoles',
] as const;

const SERVICES: readonly Service[] = [
  {
    name: 'zitadel.internal_permission.v2.InternalPermissionService',
    goPackage: 'internal_permission',
    methods: [LIST_ADMINISTRATORS],
    others: PERMISSION_METHODS,
  },
  {
    name: 'zitadel.internal_permission.v2beta.InternalPermissionService',
    goPackage: 'internal_permission',
    methods: [LIST_ADMINISTRATORS],
    others: PERMISSION_METHODS,
  },
  {
    name: 'zitadel.project.v2.ProjectService',
    goPackage: 'project',
    methods: [
      ['GetProject', 'projectV2', getProjectV2],
      ['CreateProjectGrant', 'addGrantV2', createProjectGrant],
      ['UpdateProjectGrant', 'changeGrantV2', updateProjectGrant],
      ['DeleteProjectGrant', 'removeGrantV2', deleteProjectGrant],
      ['DeactivateProjectGrant', 'deactivateGrantV2', deactivateProjectGrant],
      ['ActivateProjectGrant', 'activateGrantV2', activateProjectGrant],
      LIST_GRANTS,
    ],
    others: PROJECT_METHODS,
  },
  {
    name: 'zitadel.project.v2beta.ProjectService',
    goPackage: 'project',
    methods: [LIST_GRANTS],
    others: [
      ...PROJECT_METHODS,
      'GetProject',
      'CreateProjectGrant',
      'UpdateProjectGrant',
      'DeleteProjectGrant',
      'DeactivateProjectGrant',
      'ActivateProjectGrant',
    ],
  },
];

/** Services that exist in ZITADEL and not here. */
const NO_SUCH_METHOD =
  /^zitadel\.(action|app|application|authorization|feature|group|idp|instance|oidc|org|saml|session|settings|user|webkey)\.v2(alpha|beta)?\.\w+Service$/;

/** Which method of which service a path names; a service that nobody knows is an unknown path. */
export function matchConnect(method: string, path: string): Match {
  const [, name = '', rpc = '', rest] = path.split('/');
  if (rest !== undefined) return { kind: 'unknown' };
  const service = SERVICES.find((each) => each.name === name);
  if (service === undefined) {
    return { kind: NO_SUCH_METHOD.test(name) ? 'notEmulated' : 'unknown' };
  }
  const found = service.methods.find(([each]) => each === rpc);
  if (found === undefined) {
    return { kind: service.others.includes(rpc) ? 'notEmulated' : 'unknownMethod' };
  }
  if (method !== 'POST') return { kind: 'wrongConnectMethod' };
  const [, endpoint, handle] = found;
  const route = {
    methods: ['POST'],
    pattern: [name, rpc],
    endpoint,
    family: 'connect',
    handle: connectMethod(`${service.goPackage}.${rpc}Request`, handle),
  } as const;
  return { kind: 'route', route, params: [] };
}
