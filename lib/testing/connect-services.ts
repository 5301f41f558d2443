import { listAdministrators } from './administrator-routes.js';
import {
  activateProjectGrant,
  createProjectGrant,
  deactivateProjectGrant,
  deleteProjectGrant,
  listProjectGrants,
  updateProjectGrant,
} from './connect-grant-routes.js';
import { type ConnectHandle, connectMethod } from './connect.js';
import type { EndpointName } from './endpoints.js';
import { getProjectV2 } from './project-routes.js';
import type { Match } from './routes.js';

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
const NOT_EMULATED =
  /^zitadel\.(action|app|application|authorization|feature|group|idp|instance|oidc|org|saml|session|settings|user|webkey)\.v2(alpha|beta)?\.\w+Service$/;

/** Which method of which service a path names; a service that nobody knows is an unknown path. */
export function matchConnect(method: string, path: string): Match {
  const [, name = '', rpc = '', rest] = path.split('/');
  if (rest !== undefined) return { kind: 'unknown' };
  const service = SERVICES.find((each) => each.name === name);
  if (service === undefined) {
    return { kind: NOT_EMULATED.test(name) ? 'notEmulated' : 'unknown' };
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
