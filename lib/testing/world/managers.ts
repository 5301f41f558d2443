import { idOf, type MemberResource } from '../model.js';
import { ZitadelError } from '../server/replies.js';
import type { Happening } from './events.js';
import {
  type Details,
  type MemberRecord,
  type MemberScope,
  putMember,
  scopeKey,
  type State,
} from './state.js';
import { requireGrant, requireOrg, requireProject, requireUser, type World } from './world.js';

/** Of each kind: how its roles begin, the refusal of others, and the id of the one for a member who is none. */
const RULES: Readonly<
  Record<
    MemberScope['kind'],
    readonly [prefix: string, invalid: readonly [id: string, text: string], missing: string]
  >
> = {
  instance: ['IAM', ['INSTANCE-4m0fS', 'Member is invalid'], 'INSTANCE-D8JxR'],
  org: ['ORG', ['Org-4N8es', 'Errors.Org.MemberInvalid'], 'Org-D8JxR'],
  // ZITADEL compares prefixes, so a project takes PROJECT_GRANT_* too.
  project: ['PROJECT', ['PROJECT-3m9ds', 'Errors.Project.Member.Invalid'], 'PROJECT-D8JxR'],
  projectGrant: [
    'PROJECT_GRANT',
    ['PROJECT-m9gKK', 'Errors.Project.Grant.Member.Invalid'],
    'PROJECT-D8JxR',
  ],
};

/** The order in which ZITADEL joins its four tables; within one, the order of adding. */
const LIST_ORDER: readonly MemberScope['kind'][] = ['org', 'instance', 'project', 'projectGrant'];

export function addMember(
  world: World,
  userId: string,
  on: MemberResource,
  roles: readonly string[],
): Details {
  const { scope, owner } = resolve(world, on);
  requireUser(world, userId);
  requireRoles(scope, roles, true);
  if (world.now.members.get(userId)?.has(scopeKey(scope)) === true) {
    throw new ZitadelError(6, 'V3-DKcYh', 'Errors.Member.AlreadyExists');
  }
  const happening = memberEvent(scope, 'added', userId, roles);
  const details = world.created(aggregateOf(scope), owner, happening);
  world.commit((state) => putMember(state, { userId, scope, roles: [...roles], details }));
  return details;
}

export function changeMember(
  world: World,
  userId: string,
  on: MemberResource,
  roles: readonly string[],
): Details {
  const { scope } = resolve(world, on);
  requireRoles(scope, roles, false);
  const before = requireMember(world, userId, scope);
  const happening = memberEvent(scope, 'changed', userId, roles);
  const details = world.changed(aggregateOf(scope), before.details, happening);
  world.commit((state) => putMember(state, { ...before, roles: [...roles], details }));
  return details;
}

/** Returns what was said of the membership last. */
export function removeMember(world: World, userId: string, on: MemberResource): Details {
  const { scope, owner } = resolve(world, on);
  const { details } = requireMember(world, userId, scope);
  world.happened(aggregateOf(scope), owner, memberEvent(scope, 'removed', userId));
  world.commit((state) => state.members.get(userId)?.delete(scopeKey(scope)));
  return details;
}

/** The memberships that go with their user. */
export function dropMembersOf(world: World, userId: string, stamp: number): void {
  for (const { scope, details } of membersOf(world.now, userId)) {
    const happening = memberEvent(scope, 'cascade.removed', userId);
    world.happened(aggregateOf(scope), details.resourceOwner, happening, stamp);
  }
  world.commit((state) => state.members.delete(userId));
}

export function membersOf(state: State, userId: string): MemberRecord[] {
  const rows = [...(state.members.get(userId)?.values() ?? [])];
  return rows.sort(
    (left, right) => LIST_ORDER.indexOf(left.scope.kind) - LIST_ORDER.indexOf(right.scope.kind),
  );
}

function memberEvent(
  scope: MemberScope,
  what: string,
  userId: string,
  roles?: readonly string[],
): Happening {
  const resource = scope.kind === 'projectGrant' ? 'project.grant' : scope.kind;
  const payload = {
    ...(roles === undefined ? {} : { roles: [...roles] }),
    userId,
    ...(scope.kind === 'projectGrant' ? { grantId: scope.id } : {}),
  };
  return { type: `${resource}.member.${what}`, payload };
}

function requireMember(world: World, userId: string, scope: MemberScope): MemberRecord {
  const member = world.now.members.get(userId)?.get(scopeKey(scope));
  if (member !== undefined) return member;
  throw new ZitadelError(5, RULES[scope.kind][2], 'Errors.NotFound');
}

function requireRoles(scope: MemberScope, roles: readonly string[], adding: boolean): void {
  const [prefix, invalid] = RULES[scope.kind];
  const selfManagement =
    adding && scope.kind === 'org' && roles.every((role) => role === 'SELF_MANAGEMENT_GLOBAL');
  const allowed = selfManagement || roles.every((role) => role.startsWith(`${prefix}_`));
  if (roles.length === 0 || !allowed) throw new ZitadelError(3, ...invalid);
}

function resolve(world: World, on: MemberResource): { scope: MemberScope; owner: string } {
  if (on === 'instance') {
    const id = world.instanceId;
    return { scope: { kind: 'instance', id }, owner: id };
  }
  if ('org' in on) {
    const { id } = requireOrg(world, idOf(on.org));
    return { scope: { kind: 'org', id }, owner: id };
  }
  if ('project' in on) {
    const { id, orgId } = requireProject(world, idOf(on.project));
    return { scope: { kind: 'project', id }, owner: orgId };
  }
  const { id, projectId, ownerOrgId } = requireGrant(world, idOf(on.projectGrant));
  return { scope: { kind: 'projectGrant', id, projectId }, owner: ownerOrgId };
}

/** In whose stream of events memberships stand. */
function aggregateOf(scope: MemberScope): string {
  return scope.kind === 'projectGrant' ? scope.projectId : scope.id;
}
