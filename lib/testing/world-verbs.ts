import type { Core } from './core.js';
import {
  type AuthorizationOptions,
  idOf,
  type MemberResource,
  type Org,
  type Project,
  type ProjectGrant,
  type ProjectOptions,
  type Ref,
  type ServiceUserOptions,
  type User,
  type UserOptions,
} from './model.js';
import { ZitadelError } from './server/answers.js';
import { type AuthorizationEnds, authorizeUser, unauthorizeUser } from './world/authorizations.js';
import { addGrant, changeGrant, removeGrant, setGrantActive } from './world/grants.js';
import { addMember, changeMember, removeMember } from './world/managers.js';
import type { GrantRecord } from './world/state.js';
import {
  createOrg,
  createProject,
  createUser,
  endSessionsOf,
  removeOrgAndAll,
  removeProjectAndAll,
  removeUserAndAll,
  requireMfaOf,
  setUserState,
  updateOrg,
  updateProject,
} from './world/tenants.js';
import { requireUser } from './world/world.js';

/**
 * The verbs that build the world. They are synchronous, take effect at once and skip every permission;
 * what ZITADEL would refuse throws, with ZITADEL's text and error id in the message.
 */
export class WorldVerbs {
  /** The organization of the instance, where users and projects go unless told otherwise. */
  readonly rootOrg: Org;
  /** The project named `app` that {@link options} names as audience. */
  readonly defaultProject: Project;

  protected constructor(
    protected readonly core: Core,
    rootOrg: Org,
    defaultProject: Project,
  ) {
    this.rootOrg = rootOrg;
    this.defaultProject = defaultProject;
  }

  /** Id of the instance: the owner of `IAM_*` memberships. */
  get instanceId(): string {
    return this.core.world.instanceId;
  }

  /** The audience that the scope `urn:zitadel:iam:org:project:id:zitadel:aud` adds. */
  get zitadelProjectId(): string {
    return this.core.zitadelProjectId;
  }

  /** Whom events name as the editor of what the verbs change from now on; nobody until told. */
  setEditor(user: Ref | undefined): void {
    const { world } = this.core;
    world.events.verbEditor = user === undefined ? undefined : requireUser(world, idOf(user));
  }

  /** Names of organizations are unique. */
  addOrg(name: string): Org {
    return createOrg(this.core.world, name);
  }

  renameOrg(org: Ref, name: string): void {
    updateOrg(this.core.world, idOf(org), { name });
  }

  /** Takes nothing away: memberships, tokens and new tokens stay, as in ZITADEL. */
  deactivateOrg(org: Ref): void {
    updateOrg(this.core.world, idOf(org), { active: false });
  }

  reactivateOrg(org: Ref): void {
    updateOrg(this.core.world, idOf(org), { active: true });
  }

  /** With its projects, their grants, every membership on any of them, and its users. */
  removeOrg(org: Ref): void {
    removeOrgAndAll(this.core, idOf(org));
  }

  /** Names of projects are unique within their organization. */
  addProject(name: string, options: ProjectOptions = {}): Project {
    return createProject(this.core.world, name, idOf(options.org ?? this.rootOrg), options);
  }

  deactivateProject(project: Ref): void {
    updateProject(this.core.world, idOf(project), { active: false });
  }

  reactivateProject(project: Ref): void {
    updateProject(this.core.world, idOf(project), { active: true });
  }

  /** With its grants, applications and memberships. */
  removeProject(project: Ref): void {
    removeProjectAndAll(this.core, idOf(project));
  }

  /** A person, who can be picked on the sign-in page. User names are unique. */
  addUser(userName: string, options: UserOptions = {}): User {
    return createUser(
      this.core.world,
      'person',
      userName,
      idOf(options.org ?? this.rootOrg),
      options,
    );
  }

  addServiceUser(userName: string, options: ServiceUserOptions = {}): User {
    const orgId = idOf(options.org ?? this.rootOrg);
    return createUser(this.core.world, 'serviceUser', userName, orgId, options);
  }

  /** Tokens made so far are refused from now on, also after {@link reactivateUser}. Memberships stay. */
  deactivateUser(user: Ref): void {
    setUserState(this.core.world, idOf(user), 'inactive');
  }

  reactivateUser(user: Ref): void {
    setUserState(this.core.world, idOf(user), 'active');
  }

  /** As {@link deactivateUser}. */
  lockUser(user: Ref): void {
    setUserState(this.core.world, idOf(user), 'locked');
  }

  unlockUser(user: Ref): void {
    setUserState(this.core.world, idOf(user), 'active');
  }

  /** With the memberships. */
  removeUser(user: Ref): void {
    removeUserAndAll(this.core, idOf(user));
  }

  /** Ends a person's sessions: the tokens made so far are refused. Throws for service users, who have none. */
  endSessions(user: Ref): void {
    endSessionsOf(this.core.world, idOf(user));
  }

  /**
   * From now on the API refuses a person's tokens with 403 `AUTHZ-Kl3p0`; userinfo does not. Throws for
   * service users, who are never asked.
   */
  requireMfa(user: Ref): void {
    requireMfaOf(this.core.world, idOf(user));
  }

  /**
   * Makes a user a manager. Any role with the right prefix is taken, so that roles of a configured
   * ZITADEL can be tried; what they permit is for {@link setRolePermissions} to say.
   */
  addMember(user: Ref, on: MemberResource, roles: readonly string[]): void {
    addMember(this.core.world, idOf(user), on, roles);
  }

  /**
   * What a manager role permits (`project.grant.write`), as `InternalAuthZ.RolePermissionMappings` of a
   * configured ZITADEL says it. ZITADEL's own roles begin with its defaults, others with nothing.
   */
  setRolePermissions(role: string, permissions: readonly string[]): void {
    this.core.world.rolePermissions.set(role, [...permissions]);
  }

  /** Replaces the roles of a member. */
  changeMember(user: Ref, on: MemberResource, roles: readonly string[]): void {
    changeMember(this.core.world, idOf(user), on, roles);
  }

  removeMember(user: Ref, on: MemberResource): void {
    removeMember(this.core.world, idOf(user), on);
  }

  grantProject(project: Ref, grantedOrg: Ref, roleKeys: readonly string[]): ProjectGrant {
    const projectId = idOf(project);
    const ownerOrgId = this.core.world.now.projects.get(projectId)?.orgId ?? '';
    const grantedOrgId = idOf(grantedOrg);
    return grantOf(addGrant(this.core.world, { projectId, ownerOrgId, grantedOrgId, roleKeys }));
  }

  /** Replaces the roles that a grant hands on. */
  changeGrant(grant: Ref, roleKeys: readonly string[]): ProjectGrant {
    return grantOf(changeGrant(this.core.world, this.#addressOf(grant), roleKeys));
  }

  /** The memberships on it stay, as in ZITADEL. */
  deactivateGrant(grant: Ref): void {
    setGrantActive(this.core.world, this.#addressOf(grant), false);
  }

  reactivateGrant(grant: Ref): void {
    setGrantActive(this.core.world, this.#addressOf(grant), true);
  }

  /** With the memberships on it. */
  removeGrant(grant: Ref): void {
    removeGrant(this.core.world, this.#addressOf(grant));
  }

  /** All project grants there are right now, whatever reads see. */
  grants(): ProjectGrant[] {
    return [...this.core.world.now.grants.values()].map(grantOf);
  }

  /**
   * Gives a user roles of a project (an authorization), for the role claims of tokens, userinfo and
   * introspection; earlier ones of the same organization are replaced. A granted organization gives what
   * its project grant hands on.
   */
  authorizeUser(
    user: Ref,
    project: Ref,
    roleKeys: readonly string[],
    options: AuthorizationOptions = {},
  ): void {
    authorizeUser(this.core.world, this.#endsOf(user, project, options), roleKeys);
  }

  unauthorizeUser(user: Ref, project: Ref, options: AuthorizationOptions = {}): void {
    unauthorizeUser(this.core.world, this.#endsOf(user, project, options));
  }

  #endsOf(user: Ref, project: Ref, { org }: AuthorizationOptions): AuthorizationEnds {
    const projectId = idOf(project);
    const owner = this.core.world.now.projects.get(projectId)?.orgId ?? '';
    return { userId: idOf(user), projectId, orgId: org === undefined ? owner : idOf(org) };
  }

  #addressOf(ref: Ref): { grantId: string; projectId: string; ownerOrgId: string } {
    const grant = this.core.world.now.grants.get(idOf(ref));
    if (grant === undefined) throw new ZitadelError(5, 'PROJECT-D8JxR', 'Project Grant not found');
    return { grantId: grant.id, projectId: grant.projectId, ownerOrgId: grant.ownerOrgId };
  }
}

function grantOf(record: GrantRecord): ProjectGrant {
  const { id, projectId, grantedOrgId, roleKeys, active } = record;
  return { id, projectId, grantedOrgId, roleKeys, state: active ? 'active' : 'inactive' };
}
