import { type RoleQuestion, roleClaims } from './role-claims.js';
import type { State, UserRecord } from './state.js';

const AUDIENCE = /^urn:zitadel:iam:org:project:id:(.+):aud$/;
const RESOURCE_OWNER = 'urn:zitadel:iam:user:resourceowner';

export function scopesOf(text: string | null): string[] {
  return (text ?? '').split(' ').filter((scope) => scope !== '');
}

/** The scope that puts a project, or ZITADEL itself (`zitadel`), into the audience. */
export function audienceScope(projectId: string): string {
  return `urn:zitadel:iam:org:project:id:${projectId}:aud`;
}

/** The audiences that scopes ask for, in their order; the word `zitadel` stands for its own project. */
export function audienceOfScopes(scopes: readonly string[], zitadelProjectId: string): string[] {
  const ids = scopes
    .map((scope) => AUDIENCE.exec(scope)?.[1])
    .filter((id) => id !== undefined)
    .map((id) => (id === 'zitadel' ? zitadelProjectId : id));
  return [...new Set(ids)];
}

/** Claims about organization and roles that scopes ask for. Without a question there are no roles. */
export function claimsOfScopes(
  state: State,
  user: UserRecord,
  scopes: readonly string[],
  host: string,
  roles: Omit<RoleQuestion, 'scopes'> | undefined,
): Record<string, unknown> {
  const domainOf = (orgId: string): string =>
    primaryDomain(state.orgs.get(orgId)?.name ?? '', host);
  const org = state.orgs.get(user.orgId);
  const claims: Record<string, unknown> =
    roles === undefined ? {} : roleClaims(state, user, { ...roles, scopes }, domainOf);
  if (org !== undefined && scopes.includes(RESOURCE_OWNER)) {
    claims[`${RESOURCE_OWNER}:id`] = org.id;
    claims[`${RESOURCE_OWNER}:name`] = org.name;
    claims[`${RESOURCE_OWNER}:primary_domain`] = domainOf(org.id);
  }
  return claims;
}

function primaryDomain(orgName: string, host: string): string {
  const label = orgName.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${label}.${host}`;
}
