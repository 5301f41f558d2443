/** What the emulator answers, by the names that faults, delays and counters use. */
export type EndpointName =
  | 'discovery'
  | 'keys'
  | 'token'
  | 'introspect'
  | 'revoke'
  | 'userinfo'
  | 'authorize'
  | 'login'
  | 'memberships'
  | 'userMemberships'
  | 'permissions'
  | 'events'
  | 'administrators'
  | 'org'
  | 'removeOrg'
  | 'project'
  | 'projectV2'
  | 'addGrant'
  | 'getGrant'
  | 'listGrants'
  | 'listAllGrants'
  | 'changeGrant'
  | 'deactivateGrant'
  | 'reactivateGrant'
  | 'removeGrant'
  | 'grantedProjects'
  | 'addGrantV2'
  | 'listGrantsV2'
  | 'changeGrantV2'
  | 'deactivateGrantV2'
  | 'activateGrantV2'
  | 'removeGrantV2'
  | 'health';

const NAMES: ReadonlySet<string> = new Set<EndpointName>([
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
  'org',
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
  'health',
]);

/** Throws where a name is misspelled, so that a fault that never strikes does not look like a pass. */
export function requireEndpoint(name: string): void {
  if (NAMES.has(name)) return;
  throw new TypeError(`no endpoint is called '${name}'; there are ${[...NAMES].join(', ')}`);
}
