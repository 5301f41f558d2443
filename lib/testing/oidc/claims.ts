import type { AuthorizationRecord, State, UserRecord } from '../world/state.js';

const AUDIENCE = /^urn:zitadel:iam:org:project:id:(.+):aud$/;
const RESOURCE_OWNER = 'urn:zitadel:iam:user:resourceowner';
const METADATA = 'urn:zitadel:iam:user:metadata';

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

/** Claims about organization, metadata and roles that scopes ask for. Without a question there are no roles. */
export function claimsOfScopes(
  state: State,
  user: UserRecord,
  scopes: readonly string[],
  issuer: string,
  question?: RoleQuestion,
): Record<string, unknown> {
  const { hostname } = new URL(issuer);
  const domainOf = (orgId: string): string =>
    primaryDomain(state.orgs.get(orgId)?.name ?? '', hostname);
  const claims: Record<string, unknown> =
    question === undefined ? {} : { ...roleClaims(state, user, scopes, question, domainOf) };
  const org = state.orgs.get(user.orgId);
  if (org !== undefined && scopes.includes(RESOURCE_OWNER)) {
    claims[`${RESOURCE_OWNER}:id`] = org.id;
    claims[`${RESOURCE_OWNER}:name`] = org.name;
    claims[`${RESOURCE_OWNER}:primary_domain`] = domainOf(org.id);
  }
  const metadata = Object.entries(user.metadata);
  if (metadata.length > 0 && scopes.includes(METADATA)) {
    const encoded = metadata.map(([key, value]) => [key, Buffer.from(value).toString('base64url')]);
    claims[METADATA] = Object.fromEntries(encoded) as object;
  }
  return claims;
}

/** What the scopes `profile` and `email` ask for: for userinfo and introspection, and for ID tokens that tell it. */
export function profileClaims(user: UserRecord, scopes: readonly string[]): object {
  // ZITADEL leaves out what is false.
  const verified = user.emailVerified ? { email_verified: true } : undefined;
  const hasEmail = user.email !== undefined && scopes.includes('email');
  return {
    ...(scopes.includes('profile') ? profileOf(user) : undefined),
    ...(hasEmail ? { email: user.email, ...verified } : undefined),
  };
}

function profileOf(user: UserRecord): object {
  const person = { given_name: user.givenName, family_name: user.familyName, locale: null };
  return {
    name: user.displayName,
    ...(user.kind === 'person' ? person : undefined),
    updated_at: Math.floor(user.updated / 1_000_000),
    preferred_username: user.userName,
  };
}

function primaryDomain(orgName: string, host: string): string {
  const label = orgName.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${label}.${host}`;
}

const ROLE_SCOPE = 'urn:zitadel:iam:org:project:role:';
const ALL_ROLES_SCOPE = 'urn:zitadel:iam:org:projects:roles';
const ROLES_OF_ORG_SCOPE = 'urn:zitadel:iam:org:roles:id:';
const OWN_ROLES_CLAIM = 'urn:zitadel:iam:org:project:roles';

/** Whose roles are looked for: a role, then an organization that gave it, then its primary domain. */
type Roles = Record<string, Record<string, string>>;

/** Of which projects roles are shown, beside what the scopes say. */
export interface RoleQuestion {
  /** The projects that the scopes ask for as audience. */
  readonly projectIds: readonly string[];
  /** The project of the client, where there is a client. */
  readonly ownProjectId?: string | undefined;
  /** Introspection shows the roles of the asking client's project, whatever was asked for. */
  readonly ownProjectOnly?: boolean;
}

/** The project roles of a user, as claims: `urn:zitadel:iam:org:project:{id}:roles` and its like. */
function roleClaims(
  state: State,
  user: UserRecord,
  scopes: readonly string[],
  question: RoleQuestion,
  domainOf: (orgId: string) => string,
): Record<string, Roles> {
  const { ownProjectId } = question;
  const wanted = namedAfter(ROLE_SCOPE, scopes);
  const orgIds = namedAfter(ROLES_OF_ORG_SCOPE, scopes);
  const projectIds = projectsOf(state, scopes, question, wanted.length > 0);
  const claims = empty<Roles>();
  for (const authorization of state.authorizations.values()) {
    const { userId, projectId, orgId, active } = authorization;
    if (userId !== user.id || !projectIds.has(projectId) || !active) continue;
    if (orgIds.length > 0 && !orgIds.includes(orgId)) continue;
    const keys = authorization.roleKeys.filter(
      (key) => wanted.length === 0 || wanted.includes(key),
    );
    for (const key of keys) {
      for (const name of namesOf(authorization, ownProjectId)) {
        const roles = (claims[name] ??= empty<Roles[string]>());
        (roles[key] ??= empty<string>())[orgId] = domainOf(orgId);
      }
    }
  }
  return claims;
}

/** Without a prototype: a role may be called `__proto__`. */
function empty<Value>(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>;
}

/**
 * What an application's sign-in asks for on its own where the project asserts roles: every role there is,
 * unless it asks for some by name.
 */
export function withRoleScopes(
  scopes: readonly string[],
  project: { readonly roles: readonly string[] },
): string[] {
  if (scopes.some((scope) => scope.startsWith(ROLE_SCOPE))) return [...scopes];
  return [...scopes, ...roleScopesOf(project)];
}

export function roleScopesOf(project: { readonly roles: readonly string[] }): string[] {
  return [...project.roles].sort().map((key) => `${ROLE_SCOPE}${key}`);
}

/** What follows a prefix in the scopes that have it. */
function namedAfter(prefix: string, scopes: readonly string[]): string[] {
  return scopes
    .filter((scope) => scope.startsWith(prefix))
    .map((scope) => scope.slice(prefix.length));
}

function projectsOf(
  state: State,
  scopes: readonly string[],
  question: RoleQuestion,
  byName: boolean,
): ReadonlySet<string> {
  const { projectIds, ownProjectId, ownProjectOnly = false } = question;
  const asked = byName || scopes.includes(ALL_ROLES_SCOPE);
  const projects = new Set(asked && !ownProjectOnly ? projectIds : []);
  if (ownProjectId === undefined) return projects;
  const asserted = state.projects.get(ownProjectId)?.roleAssertion === true;
  if (asserted || ownProjectOnly || byName || projects.size > 0) projects.add(ownProjectId);
  return projects;
}

function namesOf({ projectId }: AuthorizationRecord, ownProjectId: string | undefined): string[] {
  const name = `urn:zitadel:iam:org:project:${projectId}:roles`;
  return projectId === ownProjectId ? [OWN_ROLES_CLAIM, name] : [name];
}
