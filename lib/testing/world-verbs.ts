import type { Instance } from './instance.js';
import {
  type AuthorizationOptions,
  idOf,
  type IdOption,
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
import { authorizeUser, setAuthorizationActive, unauthorizeUser } from './world/authorizations.js';
import { addGrant, changeGrant, grantOf, removeGrant, setGrantActive } from './world/grants.js';
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
import { requireGrant, requireUser, type World } from './world/world.js';

/**
 * The verbs that build the world. They are synchronous, take effect at once and need no permission. If ZITADEL would refuse, they throw,
 * with ZITADEL's text and error id in the message.
 */
export class WorldVerbs {
  /** The organization of the instance. Users and projects go there unless you name another one. */
  readonly rootOrg: Org;
  /** The project named `app` that {@link options} names as audience. */
  readonly defaultProject: Project;

  /** @internal */
  protected readonly instance: Instance;

  /** @internal */
  protected constructor(instance: Instance) {
    this.instance = instance;
    this.rootOrg = instance.rootOrg;
    this.defaultProject = instance.defaultProject;
  }

  get #world(): World {
    return this.instance.world;
  }

  /** Id of the instance: the owner of `IAM_*` memberships. */
  get instanceId(): string {
    return this.#world.instanceId;
  }

  /** The audience that the scope `urn:zitadel:iam:org:project:id:zitadel:aud` adds. */
  get zitadelProjectId(): string {
    return this.instance.zitadelProjectId;
  }

  /** Sets whom events name as the editor of what the verbs change from now on. Before that they name nobody. */
  setEditor(user: Ref | undefined): void {
    const world = this.#world;
    world.events.verbEditor = user === undefined ? undefined : requireUser(world, idOf(user));
  }

  /**
   * Adds an organization. Names of organizations are unique.
   *
   * @example `const acme = zitadel.addOrg('acme')`
   */
  addOrg(name: string, options: IdOption = {}): Org {
    return createOrg(this.#world, name, options);
  }

  renameOrg(org: Ref, name: string): void {
    updateOrg(this.#world, idOf(org), { name });
  }

  /** Deactivates an organization. Memberships and tokens stay, and its users still get tokens, as in ZITADEL. */
  deactivateOrg(org: Ref): void {
    updateOrg(this.#world, idOf(org), { active: false });
  }

  reactivateOrg(org: Ref): void {
    updateOrg(this.#world, idOf(org), { active: true });
  }

  /** Removes an organization with its projects, their grants, every membership on any of them, and its users. */
  removeOrg(org: Ref): void {
    removeOrgAndAll(this.#world, this.instance.credentials, idOf(org));
  }

  /**
   * Adds a project. Names of projects are unique within their organization.
   *
   * @example
   * ```ts
   * const portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] });
   * ```
   */
  addProject(name: string, options: ProjectOptions = {}): Project {
    return createProject(this.#world, name, idOf(options.org ?? this.rootOrg), options);
  }

  deactivateProject(project: Ref): void {
    updateProject(this.#world, idOf(project), { active: false });
  }

  reactivateProject(project: Ref): void {
    updateProject(this.#world, idOf(project), { active: true });
  }

  /** Removes a project with its grants, applications and memberships. */
  removeProject(project: Ref): void {
    removeProjectAndAll(this.#world, this.instance.credentials, idOf(project));
  }

  /**
   * Adds a person, who can be picked on the sign-in page. User names are unique.
   *
   * @example
   * ```ts
   * const alice = zitadel.addUser('alice', { org: acme, displayName: 'Alice' });
   * ```
   */
  addUser(userName: string, options: UserOptions = {}): User {
    return createUser(this.#world, 'person', userName, idOf(options.org ?? this.rootOrg), options);
  }

  /** Adds a service user. Its user name is the client id of its client credentials. */
  addServiceUser(userName: string, options: ServiceUserOptions = {}): User {
    const orgId = idOf(options.org ?? this.rootOrg);
    return createUser(this.#world, 'serviceUser', userName, orgId, options);
  }

  /** Deactivates a user. Tokens made so far are refused, even after {@link reactivateUser}. Memberships stay. */
  deactivateUser(user: Ref): void {
    setUserState(this.#world, idOf(user), 'inactive');
  }

  reactivateUser(user: Ref): void {
    setUserState(this.#world, idOf(user), 'active');
  }

  /** Locks a user, with the effects of {@link deactivateUser}. */
  lockUser(user: Ref): void {
    setUserState(this.#world, idOf(user), 'locked');
  }

  unlockUser(user: Ref): void {
    setUserState(this.#world, idOf(user), 'active');
  }

  /** Removes a user with the memberships. */
  removeUser(user: Ref): void {
    removeUserAndAll(this.#world, this.instance.credentials, idOf(user));
  }

  /**
   * Ends a person's sessions: the tokens made so far are refused.
   *
   * @throws Error for a service user, who has no sessions
   */
  endSessions(user: Ref): void {
    endSessionsOf(this.#world, idOf(user));
  }

  /**
   * From now on the API refuses a person's tokens with 403 `AUTHZ-Kl3p0`. Userinfo does not.
   *
   * @throws Error for a service user, who is never asked for a second factor
   */
  requireMfa(user: Ref): void {
    requireMfaOf(this.#world, idOf(user));
  }

  /**
   * Makes a user a manager. Any role with the right prefix is accepted, so that you can try roles of a configured
   * ZITADEL. {@link setRolePermissions} says what they permit.
   *
   * @example
   * ```ts
   * zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
   * zitadel.addMember(bob, { project: portal }, ['PROJECT_OWNER_VIEWER']);
   * zitadel.addMember(carol, 'instance', ['IAM_OWNER']);
   * ```
   */
  addMember(user: Ref, on: MemberResource, roles: readonly string[]): void {
    addMember(this.#world, idOf(user), on, roles);
  }

  /**
   * What a manager role permits (`project.grant.write`), as `InternalAuthZ.RolePermissionMappings` of a
   * configured ZITADEL says it. ZITADEL's own roles begin with its defaults, others with nothing.
   */
  setRolePermissions(role: string, permissions: readonly string[]): void {
    this.#world.rolePermissions.set(role, [...permissions]);
  }

  /** Replaces the roles of a member. */
  changeMember(user: Ref, on: MemberResource, roles: readonly string[]): void {
    changeMember(this.#world, idOf(user), on, roles);
  }

  removeMember(user: Ref, on: MemberResource): void {
    removeMember(this.#world, idOf(user), on);
  }

  /**
   * Grants a project to an organization, with the roles that it may hand on.
   *
   * @example
   * ```ts
   * const grant = zitadel.grantProject(portal, customer, ['reader']);
   * zitadel.addMember(dave, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
   * ```
   */
  grantProject(
    project: Ref,
    grantedOrg: Ref,
    roleKeys: readonly string[],
    { id }: IdOption = {},
  ): ProjectGrant {
    const projectId = idOf(project);
    const ownerOrgId = this.#world.now.projects.get(projectId)?.orgId ?? '';
    const grantedOrgId = idOf(grantedOrg);
    return grantOf(addGrant(this.#world, { projectId, ownerOrgId, grantedOrgId, roleKeys, id }));
  }

  /** Replaces the roles that a grant hands on. */
  changeGrant(grant: Ref, roleKeys: readonly string[]): ProjectGrant {
    return grantOf(changeGrant(this.#world, this.#grant(grant), roleKeys));
  }

  /** Deactivates a grant. The memberships on it stay, as in ZITADEL. */
  deactivateGrant(grant: Ref): void {
    setGrantActive(this.#world, this.#grant(grant), false);
  }

  reactivateGrant(grant: Ref): void {
    setGrantActive(this.#world, this.#grant(grant), true);
  }

  /** Removes a grant with the memberships on it. */
  removeGrant(grant: Ref): void {
    removeGrant(this.#world, this.#grant(grant));
  }

  /** All project grants that there are right now, even if reads do not see them yet. */
  grants(): ProjectGrant[] {
    return [...this.#world.now.grants.values()].map(grantOf);
  }

  /**
   * Gives a user roles of a project (an authorization, or user grant), for role claims and for the list of authorizations. They
   * replace earlier ones of the same organization. A granted organization gives what its project grant hands on.
   */
  authorizeUser(
    user: Ref,
    project: Ref,
    roleKeys: readonly string[],
    options: AuthorizationOptions = {},
  ): void {
    authorizeUser(this.#world, this.#endsOf(user, project, options), roleKeys);
  }

  unauthorizeUser(user: Ref, project: Ref, options: AuthorizationOptions = {}): void {
    unauthorizeUser(this.#world, this.#endsOf(user, project, options));
  }

  /** From now on tokens do not show the roles of an authorization. */
  deactivateAuthorization(user: Ref, project: Ref, options: AuthorizationOptions = {}): void {
    setAuthorizationActive(this.#world, this.#endsOf(user, project, options), false);
  }

  reactivateAuthorization(user: Ref, project: Ref, options: AuthorizationOptions = {}): void {
    setAuthorizationActive(this.#world, this.#endsOf(user, project, options), true);
  }

  #endsOf(user: Ref, project: Ref, { org }: AuthorizationOptions) {
    const projectId = idOf(project);
    const owner = this.#world.now.projects.get(projectId)?.orgId ?? '';
    return { userId: idOf(user), projectId, orgId: org === undefined ? owner : idOf(org) };
  }

  #grant(ref: Ref): GrantRecord {
    return requireGrant(this.#world, idOf(ref));
  }
}
