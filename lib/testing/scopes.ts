import type { AuthorizationRecord, State, UserRecord } from './state.js';

const AUDIENCE = /^urn:zitadel:iam:org:project:id:(.+):aud$/;
const ALL_ROLES = 'urn:zitadel:iam:org:projects:roles';
const RESOURCE_OWNER = 'urn:zitadel:iam:user:resourceowner';

export function scopesOf(text: string | null): string[] {
  return (text ?? '').split(' ').filter((scope) => scope !== '');
}

/** The audiences that scopes ask for, in their order; the word `zitadel` stands for its own project. */
export function audienceOfScopes(scopes: readonly string[], zitadelProjectId: string): string[] {
  const ids = scopes
    .map((scope) => AUDIENCE.exec(scope)?.[1])
    .filter((id) => id !== undefined)
    .map((id) => (id === 'zitadel' ? zitadelProjectId : id));
  return [...new Set(ids)];
}

/** Claims about roles and organization that scopes ask for, in tokens and userinfo alike. */
export function claimsOfScopes(
  state: State,
  user: UserRecord,
  scopes: readonly string[],
  audience: readonly string[],
  host: string,
): Record<string, unknown> {
  const claims: Record<string, unknown> = {};
  const wantsRoles = scopes.includes(ALL_ROLES);
  if (wantsRoles) {
    for (const authorization of state.authorizations.values()) {
      if (authorization.userId !== user.id || !audience.includes(authorization.projectId)) continue;
      const name = `urn:zitadel:iam:org:project:${authorization.projectId}:roles`;
      claims[name] = rolesJson(state, authorization, host);
    }
  }
  const org = state.orgs.get(user.orgId);
  if (org !== undefined && (scopes.includes(RESOURCE_OWNER) || wantsRoles)) {
    claims[`${RESOURCE_OWNER}:id`] = org.id;
    claims[`${RESOURCE_OWNER}:name`] = org.name;
    claims[`${RESOURCE_OWNER}:primary_domain`] = primaryDomain(org.name, host);
  }
  return claims;
}

function rolesJson(state: State, authorization: AuthorizationRecord, host: string): object {
  const { orgId, roleKeys } = authorization;
  const domain = primaryDomain(state.orgs.get(orgId)?.name ?? '', host);
  return Object.fromEntries(roleKeys.map((key) => [key, { [orgId]: domain }]));
}

function primaryDomain(orgName: string, host: string): string {
  const label = orgName.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${label}.${host}`;
}
