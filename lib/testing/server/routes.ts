import { APPLICATIONS_AND_USERS } from '../api/applications-and-users.js';
import type { Method } from '../api/caller.js';
import { EVENTS } from '../api/events.js';
import { getProjectV2, listOrganizations, ORGS_AND_PROJECTS } from '../api/orgs-and-projects.js';
import { PROJECT_GRANTS } from '../api/v1-grants.js';
import { MEMBERSHIPS } from '../api/v1-memberships.js';
import { ACTIONS } from '../api/v2-actions.js';
import { ADMINISTRATORS_BETA, listAdministrators } from '../api/v2-administrators.js';
import { listAuthorizations } from '../api/v2-authorizations.js';
import { GRANT_METHODS, LIST_GRANTS } from '../api/v2-grants.js';
import { discovery, healthz, introspect, keys, ready, userinfo } from '../oidc/info-routes.js';
import { authorize, login, loginPage } from '../oidc/sign-in.js';
import { revoke, token } from '../oidc/token-routes.js';
import type { EndpointName, ServedApis } from './endpoints.js';
import { connectMethod, type Handle, restMethod, restMethodV2 } from './protocols.js';
import { jsonReply, notEmulated, type Reply, textReply } from './replies.js';

/** How refusals look: as in the REST API, in Connect, in OpenID Connect. `debug` refuses nothing. */
type Family = 'api' | 'connect' | 'oidc' | 'debug';

export interface Route {
  readonly endpoint: EndpointName;
  readonly family: Family;
  readonly handle: Handle;
}

/** A route with what stood at the places of its pattern. If there is no route: the refusal. */
type Match =
  | { readonly route: Route; readonly params: readonly string[] }
  | { readonly route?: undefined; readonly refusal: Reply };

type Row = readonly [methods: string, path: string, endpoint: EndpointName, handle: Handle];

const API = [
  ...MEMBERSHIPS,
  ...ORGS_AND_PROJECTS,
  ...APPLICATIONS_AND_USERS,
  ...PROJECT_GRANTS,
  EVENTS,
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

interface RestRoute extends Route {
  readonly methods: readonly string[];
  readonly pattern: readonly string[];
}

const ROUTES: readonly RestRoute[] = [
  ...API.map(([method, path, endpoint, handle]) =>
    routeOf([method, path, endpoint, restMethod(handle)], 'api'),
  ),
  ...ACTIONS.map(([method, path, endpoint, handle]) =>
    routeOf([method, path, endpoint, restMethodV2(handle)], 'api'),
  ),
  routeOf(ADMINISTRATORS_BETA, 'api'),
  ...OIDC.map((row) => routeOf(row, 'oidc')),
  ...DEBUG.map((row) => routeOf(row, 'debug')),
];

/** Calls that exist in ZITADEL beside emulated ones, under the same path. */
const OTHER_METHODS: readonly RegExp[] = [
  /^(PUT|DELETE) \/management\/v1\/orgs\/me$/,
  /^GET \/admin\/v1\/orgs\/[^/]+$/,
  /^PUT \/management\/v1\/projects\/[^/]+$/,
  /^(GET|PUT) \/management\/v1\/projects\/[^/]+\/(roles|apps(\/[^/]+\/keys)?)\/[^/]+$/,
  /^(GET|PUT) \/management\/v1\/(users(\/[^/]+\/keys)?|metadata)\/[^/]+$/,
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

const V1 = /^\/(auth|management|admin)\/v1\//;
const V2 = /^\/(zitadel\.|v2(alpha|beta)?\/|v3alpha\/)/;

function isServed(apis: ServedApis, path: string): boolean {
  if (apis === 'v1') return !V2.test(path);
  return apis === 'both' || !V1.test(path);
}

/** Finds the route of a request. A path of a generation that is not served is unknown. */
export function match(method: string, path: string, apis: ServedApis): Match {
  if (!isServed(apis, path)) return UNKNOWN;
  const segments = path.split('/').slice(1);
  const params = segments.map(decode);
  // Neither stands for an id anywhere.
  if (params.includes(undefined) || params.includes('')) return UNKNOWN;
  if (path.startsWith('/zitadel.')) return matchConnect(method, path);
  const fitting = ROUTES.filter((route) => fits(route.pattern, segments));
  const route = fitting.find(({ methods }) => methods.includes(method));
  if (route !== undefined) {
    const starred = params.filter((_, index) => route.pattern[index] === '*');
    return { route, params: starred.map(String) };
  }
  const call = `${method} ${path}`;
  if (OTHER_METHODS.some((known) => known.test(call))) return unavailable(call);
  if (fitting.length > 0) {
    return { refusal: jsonReply(405, { code: 12, message: 'Method Not Allowed' }, {}) };
  }
  return NOT_EMULATED.some((known) => known.test(path)) ? unavailable(call) : UNKNOWN;
}

const UNKNOWN: Match = { refusal: jsonReply(404, { code: 5, message: 'Not Found' }, {}) };

function unavailable(call: string): Match {
  const { code, message } = notEmulated(call);
  return { refusal: jsonReply(501, { code, message }, {}) };
}

function routeOf([methods, path, endpoint, handle]: Row, family: Family): RestRoute {
  const pattern = path.split('/').slice(1);
  return { methods: methods.split(' '), pattern, endpoint, family, handle };
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, index) => {
      const segment = segments[index] ?? '';
      // Verbs such as _search stand where ids do.
      return part === segment || (part === '*' && !segment.startsWith('_'));
    })
  );
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

interface Service {
  readonly name: string;
  readonly methods: readonly Method[];
  /** What ZITADEL serves beside them. */
  readonly others: readonly string[];
}

const GET_PROJECT: Method = ['GetProject', 'projectV2', getProjectV2];
const OTHER_PROJECT_METHODS = [
  ...['CreateProject', 'UpdateProject', 'DeleteProject', 'ActivateProject', 'DeactivateProject'],
  ...['ListProjects', 'AddProjectRole', 'UpdateProjectRole', 'RemoveProjectRole'],
  'ListProjectRoles',
];

const SERVICES: readonly Service[] = [
  ...['v2', 'v2beta'].map((version): Service => ({
    name: `zitadel.internal_permission.${version}.InternalPermissionService`,
    methods: [['ListAdministrators', 'administrators', listAdministrators]],
    others: ['CreateAdministrator', 'UpdateAdministrator', 'DeleteAdministrator'],
  })),
  {
    name: 'zitadel.authorization.v2.AuthorizationService',
    methods: [['ListAuthorizations', 'authorizations', listAuthorizations]],
    others: ['Create', 'Update', 'Delete', 'Activate', 'Deactivate'].map(
      (what) => `${what}Authorization`,
    ),
  },
  {
    name: 'zitadel.org.v2.OrganizationService',
    methods: [['ListOrganizations', 'orgV2', listOrganizations]],
    others: ['AddOrganization'],
  },
  {
    name: 'zitadel.project.v2.ProjectService',
    methods: [GET_PROJECT, ...GRANT_METHODS, LIST_GRANTS],
    others: OTHER_PROJECT_METHODS,
  },
  {
    name: 'zitadel.project.v2beta.ProjectService',
    methods: [LIST_GRANTS],
    others: [...OTHER_PROJECT_METHODS, ...[GET_PROJECT, ...GRANT_METHODS].map(([name]) => name)],
  },
];

/** Services that exist in ZITADEL and not here. */
const NO_SUCH_METHOD =
  /^zitadel\.(action|app|application|authorization|feature|group|idp|instance|oidc|org|saml|session|settings|user|webkey)\.v2(alpha|beta)?\.\w+Service$/;

/** Which method of which service a path names. A service that nobody knows is an unknown path. */
function matchConnect(method: string, path: string): Match {
  const [, name = '', rpc = '', rest] = path.split('/');
  const service = SERVICES.find((each) => each.name === name);
  if (rest !== undefined) return UNKNOWN;
  if (service === undefined) {
    return NO_SUCH_METHOD.test(name) ? unavailable(`${method} ${path}`) : UNKNOWN;
  }
  const found = service.methods.find(([each]) => each === rpc);
  if (found === undefined) {
    if (service.others.includes(rpc)) return unavailable(`${method} ${path}`);
    return { refusal: textReply(404, '404 page not found\n') };
  }
  if (method !== 'POST') return { refusal: { status: 405, headers: { allow: 'POST' }, body: '' } };
  const [, endpoint, handle] = found;
  // The package of its messages in Go, which complaints about a message name.
  const goPackage = name.split('.')[1] ?? '';
  const connected = connectMethod(`${goPackage}.${rpc}Request`, handle);
  return { route: { endpoint, family: 'connect', handle: connected }, params: [] };
}
