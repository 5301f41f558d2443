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

/** Which generation of ZITADEL's API an instance answers; OpenID Connect is there in any case. */
export type ServedApis = 'v1' | 'v2' | 'both';

const CHOICES: ReadonlySet<string> = new Set<ServedApis>(['v1', 'v2', 'both']);
const V1 = /^\/(auth|management|admin)\/v1\//;
const V2 = /^\/(zitadel\.|v2(alpha|beta)?\/|v3alpha\/)/;

export function requireApis(apis: string): void {
  if (CHOICES.has(apis)) return;
  throw new TypeError(`apis '${apis}' is none of ${[...CHOICES].join(', ')}`);
}

export function isServed(apis: ServedApis, path: string): boolean {
  if (apis === 'v1') return !V2.test(path);
  return apis === 'both' || !V1.test(path);
}
