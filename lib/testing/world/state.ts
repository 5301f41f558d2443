import type { AccessTokenType } from '../model.js';

export interface Details {
  readonly sequence: number;
  readonly created: number;
  readonly changed: number;
  readonly resourceOwner: string;
}

export interface OrgRecord {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  readonly details: Details;
}

export interface ProjectRecord {
  readonly id: string;
  readonly name: string;
  readonly orgId: string;
  readonly roles: readonly string[];
  /** When each role was made. */
  readonly rolesMade: ReadonlyMap<string, number>;
  readonly roleAssertion: boolean;
  readonly active: boolean;
  readonly details: Details;
}

export interface GrantEnds {
  readonly projectId: string;
  readonly grantedOrgId: string;
}

export interface GrantRecord extends GrantEnds {
  readonly id: string;
  readonly ownerOrgId: string;
  readonly roleKeys: readonly string[];
  readonly active: boolean;
  readonly details: Details;
}

export type MemberScope =
  | { readonly kind: 'instance'; readonly id: string }
  | { readonly kind: 'org'; readonly id: string }
  | { readonly kind: 'project'; readonly id: string }
  | { readonly kind: 'projectGrant'; readonly id: string; readonly projectId: string };

export interface MemberRecord {
  readonly userId: string;
  readonly scope: MemberScope;
  readonly roles: readonly string[];
  readonly details: Details;
}

/** Project roles given to a user: an authorization, or user grant. */
export interface AuthorizationRecord {
  readonly id: string;
  readonly userId: string;
  readonly projectId: string;
  /** The organization that gave them. */
  readonly orgId: string;
  /** The project grant that it gave them through; none where it owns the project. */
  readonly grantId: string | undefined;
  readonly roleKeys: readonly string[];
  readonly active: boolean;
  readonly details: Details;
}

export type LoginRecord = Readonly<
  Pick<UserRecord, 'id' | 'kind' | 'userName' | 'displayName' | 'orgId'>
>;

/** Users are not lagged: ZITADEL checks tokens against the events themselves. */
export interface UserRecord {
  readonly id: string;
  readonly kind: 'person' | 'serviceUser';
  readonly userName: string;
  readonly displayName: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly email: string | undefined;
  readonly emailVerified: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** None: who picks this user is let in. */
  readonly password: string | undefined;
  readonly orgId: string;
  readonly accessTokenType: AccessTokenType;
  readonly updated: number;
  state: 'active' | 'inactive' | 'locked';
  /** Tokens with a smaller id were made before a deactivation or lock and stay refused. */
  tokensFrom: string;
  /** Tokens of a session with a smaller id belong to a session that was ended. */
  sessionsFrom: string;
  /** Ids of the sessions that sign-ins began, while they are open: the newest. */
  openSessions: readonly string[];
  mfaRequired: boolean;
  orgRemoved: boolean;
}

/** What commands or reads see. Records are never changed in place, so two states may share them. */
export class State {
  readonly orgs = new Map<string, OrgRecord>();
  readonly projects = new Map<string, ProjectRecord>();
  readonly grants = new Map<string, GrantRecord>();
  /** The id of a project by its owner and name, and of a grant by its two ends: both are unique. */
  readonly ids = new Map<string, string>();
  /** By user, then by resource. */
  readonly members = new Map<string, Map<string, MemberRecord>>();
  /** Who has a login name: what a list can name a user by. */
  readonly logins = new Map<string, LoginRecord>();
  readonly authorizations = new Map<string, AuthorizationRecord>();
  viewed = 0;
}

const projectKey = ({ orgId, name }: Pick<ProjectRecord, 'orgId' | 'name'>) =>
  `project ${orgId} ${name}`;
const grantKey = ({ projectId, grantedOrgId }: GrantEnds) => `grant ${projectId} ${grantedOrgId}`;

export function putProject(state: State, project: ProjectRecord): void {
  state.projects.set(project.id, project);
  state.ids.set(projectKey(project), project.id);
}

export function hasProject(state: State, project: Pick<ProjectRecord, 'orgId' | 'name'>): boolean {
  return state.ids.has(projectKey(project));
}

/** With the grants of it, and the memberships on both. */
export function dropProject(state: State, id: string): void {
  const project = state.projects.get(id);
  if (project === undefined) return;
  state.projects.delete(id);
  state.ids.delete(projectKey(project));
  dropGrants(state, ({ projectId }) => projectId === id);
  dropMembers(state, ({ scope }) => scope.kind === 'project' && scope.id === id);
}

export function putGrant(state: State, grant: GrantRecord): void {
  state.grants.set(grant.id, grant);
  state.ids.set(grantKey(grant), grant.id);
}

export function scopeKey(scope: MemberScope): string {
  return `${scope.kind}:${scope.id}`;
}

export function putMember(state: State, member: MemberRecord): void {
  const rows = state.members.get(member.userId);
  if (rows === undefined) {
    state.members.set(member.userId, new Map([[scopeKey(member.scope), member]]));
  } else {
    rows.set(scopeKey(member.scope), member);
  }
}

export function dropMembers(state: State, unwanted: (member: MemberRecord) => boolean): void {
  for (const rows of state.members.values()) {
    for (const [key, member] of rows) {
      if (unwanted(member)) rows.delete(key);
    }
  }
}

/** With the memberships on them. */
export function dropGrants(state: State, unwanted: (grant: GrantRecord) => boolean): void {
  const grants = [...state.grants.values()].filter(unwanted);
  const ids = grants.map(({ id }) => id);
  for (const grant of grants) {
    state.grants.delete(grant.id);
    state.ids.delete(grantKey(grant));
  }
  dropMembers(state, ({ scope }) => scope.kind === 'projectGrant' && ids.includes(scope.id));
}

/** The grant of a project to an organization. */
export function grantBetween(state: State, ends: GrantEnds): GrantRecord | undefined {
  return state.grants.get(state.ids.get(grantKey(ends)) ?? '');
}
