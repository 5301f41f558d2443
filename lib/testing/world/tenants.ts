import type {
  IdOption,
  Org,
  Project,
  ProjectOptions,
  ServiceUserOptions,
  User,
  UserOptions,
} from '../model.js';
import type { Credentials } from '../oidc/credentials.js';
import { ZitadelError } from '../server/replies.js';
import { dropAuthorizations, takeRoleFromAll } from './authorizations.js';
import type { Happening } from './events.js';
import { changeGrant } from './grants.js';
import { dropMembersOf } from './managers.js';
import {
  dropGrants,
  dropMembers,
  dropProject,
  hasProject,
  type OrgRecord,
  type ProjectRecord,
  putProject,
  type UserRecord,
} from './state.js';
import { requireOrg, requireProject, requireUser, type World } from './world.js';

export function createOrg(world: World, name: string, options: IdOption = {}): Org {
  requireFreeName(world, name);
  const id = world.ids.nextOr(options.id);
  const details = world.created(id, id, { type: 'org.added', payload: { name } });
  const org: OrgRecord = { id, name, active: true, details };
  world.commit((state) => state.orgs.set(id, org));
  return { id, name };
}

type OrgChange = Partial<Pick<OrgRecord, 'name' | 'active'>>;

export function updateOrg(world: World, id: string, change: OrgChange): void {
  const before = requireOrg(world, id);
  if (change.name !== undefined && change.name !== before.name) requireFreeName(world, change.name);
  const details = world.changed(id, before.details, orgEvent(change));
  const org: OrgRecord = { ...before, ...change, details };
  world.commit((state) => state.orgs.set(id, org));
}

/** With its projects, its users, the grants it has, and every membership on any of them. */
export function removeOrgAndAll(world: World, credentials: Credentials, id: string): void {
  const org = world.now.orgs.get(id);
  if (org === undefined) throw new ZitadelError(5, 'COMMA-aps2n', 'Organisation not found');
  world.removedOrgs.set(id, org.name);
  // ZITADEL tells nothing of what goes with it.
  world.happened(id, id, { type: 'org.removed' });
  for (const project of [...world.now.projects.values()]) {
    if (project.orgId === id) dropProjectAndCredentials(world, credentials, project.id);
  }
  const users = [...world.users.values()].filter((user) => user.orgId === id);
  for (const user of users) {
    // Not deleted: ZITADEL still knows the tokens of such a user, and trips over them.
    user.orgRemoved = true;
    credentials.dropUser(user.id);
  }
  const userIds = new Set(users.map((user) => user.id));
  dropAuthorizations(world, ({ orgId, userId }) => orgId === id || userIds.has(userId));
  world.commit((state) => {
    state.orgs.delete(id);
    for (const userId of userIds) {
      state.members.delete(userId);
      state.logins.delete(userId);
    }
    dropGrants(state, ({ grantedOrgId }) => grantedOrgId === id);
    dropMembers(state, ({ details }) => details.resourceOwner === id);
  });
}

function orgEvent({ name, active }: OrgChange): Happening {
  if (name !== undefined) return { type: 'org.changed', payload: { name } };
  return { type: active === true ? 'org.reactivated' : 'org.deactivated', payload: {} };
}

function requireFreeName(world: World, name: string): void {
  for (const org of world.now.orgs.values()) {
    if (org.name === name) throw new ZitadelError(6, 'V3-DKcYh', 'Errors.Org.AlreadyExists');
  }
}

const MOST_SESSIONS = 100;

/** By the state that a user comes into, or out of. */
const EVENT_OF: Readonly<Record<string, string>> = {
  inactive: 'user.deactivated',
  'not inactive': 'user.reactivated',
  locked: 'user.locked',
  'not locked': 'user.unlocked',
};

export function createUser(
  world: World,
  kind: User['kind'],
  userName: string,
  orgId: string,
  naming: Omit<UserOptions & ServiceUserOptions, 'org'>,
): User {
  requireOrg(world, orgId);
  for (const user of world.users.values()) {
    if (user.userName === userName && !user.orgRemoved) {
      throw new ZitadelError(6, 'V3-DKcYh', 'Errors.User.AlreadyExists');
    }
  }
  const id = world.ids.nextOr(naming.id);
  const displayName = naming.displayName ?? userName;
  const email = kind === 'person' ? (naming.email ?? addressOf(userName)) : undefined;
  const record: UserRecord = {
    id,
    kind,
    userName,
    displayName,
    givenName: naming.givenName ?? displayName,
    familyName: naming.familyName ?? displayName,
    email,
    emailVerified: naming.emailVerified ?? true,
    metadata: { ...naming.metadata },
    password: naming.password,
    orgId,
    accessTokenType: naming.accessTokenType ?? 'jwt',
    updated: world.happened(id, orgId, userAdded(kind, userName, displayName)).stamp,
    state: 'active',
    tokensFrom: '',
    sessionsFrom: '',
    openSessions: [],
    mfaRequired: false,
    orgRemoved: false,
  };
  world.users.set(id, record);
  world.commit((state) => state.logins.set(id, record));
  return { id, name: displayName, userName, orgId, kind, ...(email !== undefined && { email }) };
}

function addressOf(userName: string): string {
  return userName.includes('@') ? userName : `${userName}@example.com`;
}

export function setUserState(world: World, id: string, state: UserRecord['state']): void {
  const user = requireUser(world, id);
  if (state !== 'active') user.tokensFrom = world.ids.next();
  const type = EVENT_OF[state === 'active' ? `not ${user.state}` : state];
  if (state !== user.state && type !== undefined) world.happened(id, user.orgId, { type });
  user.state = state;
}

export function beginSession(world: World, user: UserRecord): string {
  const id = world.ids.next();
  world.happened(id, world.instanceId, { type: 'session.added', payload: {} });
  user.openSessions = [...user.openSessions, id].slice(-MOST_SESSIONS);
  return id;
}

export function endSessionsOf(world: World, id: string): void {
  const why = 'a service user has no sessions: revoke a token, or deactivate the user';
  const user = requirePerson(world, id, why);
  user.sessionsFrom = world.ids.next();
  // Tokens that a verb made belong to a session that nobody began.
  const ended = user.openSessions.length === 0 ? [world.ids.next()] : user.openSessions;
  user.openSessions = [];
  for (const session of ended) {
    world.happened(session, world.instanceId, { type: 'session.terminated', payload: {} });
  }
}

export function requireMfaOf(world: World, id: string): void {
  const why = 'ZITADEL asks no service user for a second factor';
  requirePerson(world, id, why).mfaRequired = true;
}

function requirePerson(world: World, id: string, why: string): UserRecord {
  const user = requireUser(world, id);
  if (user.kind === 'serviceUser') throw new Error(why);
  return user;
}

export function removeUserAndAll(world: World, credentials: Credentials, id: string): void {
  const { orgId } = requireUser(world, id);
  const { stamp } = world.happened(id, orgId, { type: 'user.removed' });
  world.users.delete(id);
  credentials.dropUser(id);
  dropAuthorizations(world, ({ userId }) => userId === id, stamp);
  dropMembersOf(world, id, stamp);
  world.commit((state) => state.logins.delete(id));
}

function userAdded(kind: User['kind'], userName: string, name: string): Happening {
  return kind === 'person'
    ? { type: 'user.human.added', payload: { userName, displayName: name } }
    : { type: 'user.machine.added', payload: { userName, name } };
}

export function createProject(
  world: World,
  name: string,
  orgId: string,
  options: Omit<ProjectOptions, 'org'>,
): Project {
  requireOrg(world, orgId);
  if (hasProject(world.now, { orgId, name })) {
    throw new ZitadelError(6, 'V3-DKcYh', 'Errors.Project.AlreadyExists');
  }
  const id = world.ids.nextOr(options.id);
  const added = { type: 'project.added', payload: { name } };
  const project: ProjectRecord = {
    id,
    name,
    orgId,
    roles: [...(options.roles ?? [])],
    rolesMade: new Map(),
    roleAssertion: options.roleAssertion ?? false,
    active: true,
    details: world.created(id, orgId, added),
  };
  world.commit((state) => putProject(state, project));
  for (const key of project.roles) {
    world.happened(id, orgId, { type: 'project.role.added', payload: { key } });
  }
  return { id, name, orgId };
}

export function updateProject(
  world: World,
  id: string,
  change: { readonly active: boolean },
): void {
  const before = requireProject(world, id);
  const type = change.active ? 'project.reactivated' : 'project.deactivated';
  const details = world.changed(id, before.details, { type });
  const project = { ...before, ...change, details };
  world.commit((state) => putProject(state, project));
}

export function addRole(world: World, project: ProjectRecord, key: string): ProjectRecord {
  if (project.roles.includes(key)) {
    throw new ZitadelError(6, 'V3-DKcYh', 'Errors.Project.Role.AlreadyExists');
  }
  const happening = { type: 'project.role.added', payload: { key } };
  const details = world.changed(project.id, project.details, happening);
  const rolesMade = new Map(project.rolesMade).set(key, details.changed);
  const after = { ...project, roles: [...project.roles, key], rolesMade, details };
  world.commit((state) => putProject(state, after));
  return after;
}

/** With what project grants and authorizations have of it. */
export function removeRole(world: World, project: ProjectRecord, key: string): ProjectRecord {
  if (!project.roles.includes(key)) {
    throw new ZitadelError(5, 'COMMAND-m9vMf', 'Errors.Project.Role.NotExisting');
  }
  for (const grant of [...world.now.grants.values()]) {
    if (grant.projectId !== project.id || !grant.roleKeys.includes(key)) continue;
    const left = grant.roleKeys.filter((each) => each !== key);
    changeGrant(world, grant, left);
  }
  takeRoleFromAll(world, project.id, key);
  const happening = { type: 'project.role.removed', payload: { key } };
  const details = world.changed(project.id, project.details, happening);
  const after = { ...project, roles: project.roles.filter((each) => each !== key), details };
  world.commit((state) => putProject(state, after));
  return after;
}

export function removeProjectAndAll(world: World, credentials: Credentials, id: string): void {
  const { orgId } = requireProject(world, id);
  const { stamp } = world.happened(id, orgId, { type: 'project.removed' });
  dropAuthorizations(world, ({ projectId }) => projectId === id, stamp);
  dropProjectAndCredentials(world, credentials, id);
}

/** With its grants, applications, memberships and authorizations, and without an event. */
function dropProjectAndCredentials(world: World, credentials: Credentials, id: string): void {
  credentials.dropProject(id);
  dropAuthorizations(world, ({ projectId }) => projectId === id);
  world.commit((state) => dropProject(state, id));
}
