const ENDPOINTS = [
  'discovery',
  'keys',
  'token',
  'introspect',
  'revoke',
  'userinfo',
  'authorize',
  'login',
  'memberships',
  'userMemberships',
  'permissions',
  'events',
  'administrators',
  'authorizations',
  'org',
  'orgV2',
  'removeOrg',
  'project',
  'projectV2',
  'addGrant',
  'getGrant',
  'listGrants',
  'listAllGrants',
  'changeGrant',
  'deactivateGrant',
  'reactivateGrant',
  'removeGrant',
  'grantedProjects',
  'addGrantV2',
  'listGrantsV2',
  'changeGrantV2',
  'deactivateGrantV2',
  'activateGrantV2',
  'removeGrantV2',
  'addTarget',
  'getTarget',
  'listTargets',
  'changeTarget',
  'removeTarget',
  'setExecution',
  'listExecutions',
  'projects',
  'roles',
  'applications',
  'applicationKeys',
  'users',
  'userKeys',
  'members',
  'orgMetadata',
  'health',
] as const;

/** What the emulator serves, by the names that faults, delays and counters use. */
export type EndpointName = (typeof ENDPOINTS)[number];

/** Throws where a name is misspelled: a fault that never strikes must not look like a pass. */
export function requireEndpoint(name: string): void {
  if (ENDPOINTS.some((each) => each === name)) return;
  throw new TypeError(`no endpoint is called '${name}'; there are ${ENDPOINTS.join(', ')}`);
}

/** Which generation of ZITADEL's API an instance serves. OpenID Connect is there in any case. */
export type ServedApis = 'v1' | 'v2' | 'both';
