import { listOf, requiredId, textAt } from './http.js';
import { Ears, isNobodysExecution } from './listening.js';
import { type Call, RealApi } from './real-api.js';
import { RealBounds } from './real-bounds.js';
import { EXECUTIONS, post, V1 } from './real-calls.js';
import { RealCredentials } from './real-credentials.js';
import { RealMembers } from './real-members.js';
import { RealOrgs } from './real-orgs.js';
import type { RealServer } from './real-server.js';
import { misgivings, requireInstanceOwner, versionOf } from './real-preflight.js';
import { RealSignIn } from './real-sign-in.js';
import { RealSteps } from './real-steps.js';
import { capitalized, RealUsers } from './real-users.js';
import { Undo } from './undo.js';
import type {
  ApiApplication,
  Application,
  Feature,
  Grant,
  Key,
  KeyApplication,
  Listening,
  MemberOn,
  Org,
  Pat,
  Project,
  ProjectSettings,
  SignedIn,
  User,
  World,
} from './world.js';

/** How a run behaves to people and to a server in trouble. */
interface Manners {
  readonly say?: (line: string) => void;
  /** How long what was made is tried to be removed, in all. @default 30_000 */
  readonly tidyMs?: number;
}

/** A real server, by its management API v1 and the session API v2, as the owner of the instance. */
export class RealWorld implements World {
  readonly patienceMs = 5_000;
  readonly #undo: Undo;
  readonly #bounds: RealBounds;
  readonly #steps: RealSteps;
  readonly #orgs: RealOrgs;
  readonly #users: RealUsers;
  readonly #members: RealMembers;
  readonly #credentials: RealCredentials;
  readonly #signIn: RealSignIn;
  readonly #ears = new Ears();
  readonly #suffix: string;
  readonly #webhooksHost: string | undefined;

  private constructor(
    private readonly api: RealApi,
    readonly serves: ReadonlySet<Feature>,
    readonly root: Org,
    readonly version: string,
    suffix: string,
    tidyMs: number,
    webhooksHost: string | undefined,
  ) {
    this.#suffix = suffix;
    this.#webhooksHost = webhooksHost;
    this.#undo = new Undo(tidyMs);
    this.#bounds = new RealBounds(api, root, suffix);
    this.#steps = new RealSteps(api, this.#bounds);
    this.#orgs = new RealOrgs(this.#steps, this.#bounds, this.#undo, suffix);
    this.#users = new RealUsers(this.#steps, this.#bounds, this.#undo, root, suffix);
    this.#members = new RealMembers(this.#steps, this.#undo, root);
    this.#credentials = new RealCredentials(this.#steps);
    const addLoginClient = async () => {
      const client = await this.addServiceUser(root, 'svc-login');
      await this.addMember(client, 'instance', ['IAM_LOGIN_CLIENT']);
      return client;
    };
    this.#signIn = new RealSignIn(
      this.#steps,
      this.#credentials,
      this.#bounds,
      this.#undo,
      addLoginClient,
    );
  }

  /**
   * @throws when the server is not there, is another, does not take the token, or does not say whom it obeys; and when the token's user is
   * no IAM_OWNER
   */
  static async start(
    { origin, token, webhooksHost }: RealServer,
    suffix: string,
    { say = () => undefined, tidyMs = 30_000 }: Manners = {},
  ): Promise<RealWorld> {
    const api = new RealApi(origin, token);
    await api.ready(say);
    const root = await api.ownOrg();
    await api.requireOrgHeader();
    await requireInstanceOwner(api);
    for (const line of await misgivings(api)) say(line);
    const [serves, version] = [new Set(await api.serves()), await versionOf(api)];
    if (webhooksHost !== undefined) {
      if (isNobodysExecution(await api.ask(post(`${EXECUTIONS}/search`, {}))))
        serves.add('webhooks');
      else say('Somebody listens to the events of this server already: webhooks are left out.');
    }
    return new RealWorld(api, serves, root, version, suffix, tidyMs, webhooksHost);
  }

  get server(): string {
    return this.api.origin;
  }

  get issuer(): string {
    return this.api.origin;
  }

  get adminToken(): string {
    return this.api.token;
  }

  addOrg(short: string): Promise<Org> {
    return this.#orgs.add(short);
  }

  deactivateOrg(org: Org): Promise<void> {
    return this.#orgs.deactivate(org);
  }

  reactivateOrg(org: Org): Promise<void> {
    return this.#orgs.reactivate(org);
  }

  removeOrg(org: Org): Promise<void> {
    return this.#orgs.remove(org);
  }

  async addProject(org: Org, name: string, settings: ProjectSettings = {}): Promise<Project> {
    const { roles = [], assertRoles = false } = settings;
    const wanted = { name, ...(assertRoles && { projectRoleAssertion: true }) };
    const id = requiredId(await this.#steps.post(`${V1}/projects`, wanted, org.id), 'id');
    const path = `${V1}/projects/${id}`;
    await this.#steps.inState('PROJECT_STATE_ACTIVE', path, org.id, 'project');
    if (roles.length > 0) {
      const named = roles.map((key) => ({ key, displayName: capitalized(key) }));
      await this.#steps.post(`${path}/roles/_bulk`, { roles: named }, org.id);
      const list = post(`${path}/roles/_search`, {}, org.id);
      await this.#steps.seen(`roles of ${name}`, list, ({ body }) => {
        const keys = listOf(body['result']).map((role) => textAt(role, 'key'));
        return roles.every((key) => keys.includes(key));
      });
    }
    return { id, name, orgId: org.id };
  }

  async deactivateProject({ id, orgId }: Project): Promise<void> {
    const path = `${V1}/projects/${id}`;
    await this.#steps.post(`${path}/_deactivate`, {}, orgId);
    await this.#steps.inState('PROJECT_STATE_INACTIVE', path, orgId, 'project');
  }

  async reactivateProject({ id, orgId }: Project): Promise<void> {
    const path = `${V1}/projects/${id}`;
    await this.#steps.post(`${path}/_reactivate`, {}, orgId);
    await this.#steps.inState('PROJECT_STATE_ACTIVE', path, orgId, 'project');
  }

  addServiceUser(org: Org, name: string, tokens: 'jwt' | 'opaque' = 'jwt'): Promise<User> {
    return this.#users.addService(org, name, tokens);
  }

  addPerson(org: Org, name: string): Promise<User> {
    return this.#users.addPerson(org, name);
  }

  deactivateUser(user: User): Promise<void> {
    return this.#users.change(user, '_deactivate', 'USER_STATE_INACTIVE');
  }

  reactivateUser(user: User): Promise<void> {
    return this.#users.change(user, '_reactivate', 'USER_STATE_ACTIVE');
  }

  lockUser(user: User): Promise<void> {
    return this.#users.change(user, '_lock', 'USER_STATE_LOCKED');
  }

  unlockUser(user: User): Promise<void> {
    return this.#users.change(user, '_unlock', 'USER_STATE_ACTIVE');
  }

  removeUser(user: User): Promise<void> {
    return this.#users.remove(user);
  }

  changePassword(person: User): Promise<void> {
    return this.#users.changePassword(person);
  }

  addMember(user: User, on: MemberOn, roles: readonly string[]): Promise<void> {
    return this.#members.add(user, on, roles);
  }

  changeMember(user: User, on: MemberOn, roles: readonly string[]): Promise<void> {
    return this.#members.change(user, on, roles);
  }

  removeMember(user: User, on: MemberOn): Promise<void> {
    return this.#members.remove(user, on);
  }

  async grantProject(project: Project, to: Org, roleKeys: readonly string[]): Promise<Grant> {
    const { id: projectId, orgId: ownerOrgId } = project;
    const wanted = { grantedOrgId: to.id, roleKeys };
    const body = await this.#steps.post(`${V1}/projects/${projectId}/grants`, wanted, ownerOrgId);
    const grant = { id: requiredId(body, 'grantId'), projectId, ownerOrgId, grantedOrgId: to.id };
    await this.#grantIn('PROJECT_GRANT_STATE_ACTIVE', grant);
    return grant;
  }

  async deactivateGrant(grant: Grant): Promise<void> {
    await this.#steps.post(`${pathOf(grant)}/_deactivate`, {}, grant.ownerOrgId);
    await this.#grantIn('PROJECT_GRANT_STATE_INACTIVE', grant);
  }

  async reactivateGrant(grant: Grant): Promise<void> {
    await this.#steps.post(`${pathOf(grant)}/_reactivate`, {}, grant.ownerOrgId);
    await this.#grantIn('PROJECT_GRANT_STATE_ACTIVE', grant);
  }

  async removeGrant(grant: Grant): Promise<void> {
    await this.#steps.delete(pathOf(grant), grant.ownerOrgId);
    await this.#grantIn('', grant);
  }

  listen(events: readonly string[]): Promise<Listening> {
    const [host, what] = [this.#webhooksHost, `target for ${String(events.length)} events`];
    if (host === undefined) throw new Error('this server does not reach the suite');
    const wiring = {
      host,
      name: `events-${this.#suffix}`,
      change: async (call: Call) => (await this.#steps.change(call)).body,
      make: (target: () => Promise<string>, undo: (id: string) => Call) =>
        this.#undo.making(
          what,
          async () => {
            const id = await target();
            this.#bounds.noteTarget(id);
            return id;
          },
          undo,
        ),
    };
    return this.#ears.open(wiring, events);
  }

  async authorizeUser(user: User, project: Project, roleKeys: readonly string[]): Promise<void> {
    const given = { projectId: project.id, roleKeys };
    await this.#steps.post(`${V1}/users/${user.id}/grants`, given, project.orgId);
    const queries = [{ userIdQuery: { userId: user.id } }];
    const list = post(`${V1}/users/grants/_search`, { queries }, project.orgId);
    await this.#steps.seen(`authorization of ${user.userName}`, list, ({ body }) =>
      listOf(body['result']).some((row) => textAt(row, 'projectId') === project.id),
    );
  }

  addKey(user: User): Promise<Key> {
    return this.#credentials.addKey(user);
  }

  removeKey(user: User, key: Key): Promise<void> {
    return this.#credentials.removeKey(user, key);
  }

  addSecret(user: User): Promise<string> {
    return this.#credentials.addSecret(user);
  }

  addPat(user: User): Promise<Pat> {
    return this.#credentials.addPat(user);
  }

  removePat(user: User, pat: Pat): Promise<void> {
    return this.#credentials.removePat(user, pat);
  }

  addApiApplication(project: Project, name: string): Promise<ApiApplication> {
    return this.#credentials.addApi(project, name);
  }

  addKeyApplication(project: Project, name: string): Promise<KeyApplication> {
    return this.#credentials.addApiWithKey(project, name);
  }

  addWebApplication(project: Project, name: string): Promise<Application> {
    return this.#credentials.addWeb(project, name);
  }

  deactivateApplication(application: Application): Promise<void> {
    return this.#credentials.deactivateApplication(application);
  }

  removeApplication(application: Application): Promise<void> {
    return this.#credentials.removeApplication(application);
  }

  rotateKeys(): Promise<void> {
    return Promise.reject(new Error('the keys of a real server are not the suite’s to change'));
  }

  signIn(person: User, to: Application, scopes: readonly string[]): Promise<SignedIn> {
    return this.#signIn.signIn(person, this.#users.passwordOf(person), to, scopes);
  }

  endSession(person: User, signedIn: SignedIn): Promise<void> {
    return this.#signIn.endSession(person, signedIn);
  }

  impersonate(user: User, actor: User, project: Project): Promise<string> {
    return this.#signIn.impersonate(user, actor, project);
  }

  async close(): Promise<void> {
    this.#steps.end();
    try {
      await this.#undo.run(this.api, this.#bounds);
    } finally {
      await this.#ears.close();
    }
  }

  /** Lists lag; a grant by its id does not. No state: it is gone. */
  #grantIn(state: string, { id, projectId, ownerOrgId }: Grant): Promise<void> {
    const list = post(`${V1}/projects/${projectId}/grants/_search`, {}, ownerOrgId);
    return this.#steps.seen(`grant ${id} ${state}`, list, ({ status, body }) => {
      const row = listOf(body['result']).find((each) => textAt(each, 'grantId') === id);
      return status === 200 && textAt(row, 'state') === state;
    });
  }
}

function pathOf({ id, projectId }: Grant): string {
  return `${V1}/projects/${projectId}/grants/${id}`;
}
