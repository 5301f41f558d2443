import {
  ZitadelEmulator,
  type EmulatorSettings,
  type MemberResource,
  type QueryLimits,
} from 'nestjs-zitadel/testing';
import { send } from './http.js';
import { Ears } from './listening.js';
import { codeFlow, signedInFrom } from './oauth.js';
import type { Call } from './real-api.js';
import {
  REDIRECT_URI,
  type ApiApplication,
  type Application,
  type Feature,
  type Generation,
  type Grant,
  type Key,
  type KeyApplication,
  type Listening,
  type MemberOn,
  type Org,
  type Pat,
  type Project,
  type ProjectSettings,
  type SignedIn,
  type User,
  type World,
} from './world.js';

/** The limits of ZITADEL before v4.19.5: none on lists of API v1. */
export const OLDER_LIMITS: QueryLimits = { v1Max: 0 };

/** The emulator, by its verbs, which show at once. */
export class EmulatorWorld implements World {
  readonly server = 'emulator';
  readonly version = 'the emulator';
  readonly patienceMs = 0;
  readonly root: Org;
  readonly adminToken: string;
  readonly #admin: string;
  readonly #ears = new Ears();
  /** How many were made. */
  organizations = 0;

  private constructor(
    private readonly zitadel: ZitadelEmulator,
    readonly serves: ReadonlySet<Feature>,
    private readonly suffix: string,
  ) {
    this.root = zitadel.rootOrg;
    this.#admin = zitadel.addServiceUser(`admin-${suffix}`).id;
    zitadel.addMember(this.#admin, { org: this.root }, ['ORG_OWNER']);
    zitadel.addMember(this.#admin, 'instance', ['IAM_OWNER']);
    this.adminToken = zitadel.patFor(this.#admin);
    zitadel.setEditor(this.#admin);
  }

  static async start(
    apis: Generation | 'both',
    suffix: string,
    like: Pick<EmulatorSettings, 'line' | 'queryLimits'> = {},
  ): Promise<EmulatorWorld> {
    const served: readonly Generation[] = apis === 'both' ? ['v1', 'v2'] : [apis];
    const others = ['instance header', 'long lists', 'new keys'] as const;
    const serves = new Set<Feature>([...served, ...others]);
    // They are set up over API v2.
    if (serves.has('v2')) serves.add('webhooks');
    return new EmulatorWorld(await ZitadelEmulator.start({ apis, ...like }), serves, suffix);
  }

  get issuer(): string {
    return this.zitadel.issuer;
  }

  addOrg(name: string): Promise<Org> {
    const org = this.zitadel.addOrg(`${name}-${this.suffix}`);
    this.organizations += 1;
    // Whoever creates an organization owns it.
    this.zitadel.addMember(this.#admin, { org }, ['ORG_OWNER']);
    return Promise.resolve(org);
  }

  deactivateOrg(org: Org): Promise<void> {
    return done(this.zitadel.deactivateOrg(org));
  }

  reactivateOrg(org: Org): Promise<void> {
    return done(this.zitadel.reactivateOrg(org));
  }

  removeOrg(org: Org): Promise<void> {
    return done(this.zitadel.removeOrg(org));
  }

  addProject(org: Org, name: string, settings: ProjectSettings = {}): Promise<Project> {
    const { roles = [], assertRoles: roleAssertion = false } = settings;
    return Promise.resolve(this.zitadel.addProject(name, { org, roles, roleAssertion }));
  }

  deactivateProject(project: Project): Promise<void> {
    return done(this.zitadel.deactivateProject(project));
  }

  reactivateProject(project: Project): Promise<void> {
    return done(this.zitadel.reactivateProject(project));
  }

  addServiceUser(org: Org, name: string, accessTokenType: 'jwt' | 'opaque' = 'jwt') {
    const options = { org, displayName: name, accessTokenType };
    return Promise.resolve(this.zitadel.addServiceUser(`${name}-${this.suffix}`, options));
  }

  addPerson(org: Org, name: string): Promise<User> {
    const [first = '', ...rest] = name;
    const givenName = first.toUpperCase() + rest.join('');
    const names = { givenName, familyName: 'Human', displayName: `${givenName} Human` };
    return Promise.resolve(this.zitadel.addUser(`${name}-${this.suffix}`, { org, ...names }));
  }

  deactivateUser(user: User): Promise<void> {
    return done(this.zitadel.deactivateUser(user));
  }

  reactivateUser(user: User): Promise<void> {
    return done(this.zitadel.reactivateUser(user));
  }

  lockUser(user: User): Promise<void> {
    return done(this.zitadel.lockUser(user));
  }

  unlockUser(user: User): Promise<void> {
    return done(this.zitadel.unlockUser(user));
  }

  removeUser(user: User): Promise<void> {
    return done(this.zitadel.removeUser(user));
  }

  /** Nobody has a password here: the sign-in page asks for none. */
  changePassword(): Promise<void> {
    return Promise.resolve();
  }

  addMember(user: User, on: MemberOn, roles: readonly string[]): Promise<void> {
    return done(this.zitadel.addMember(user, resourceOf(on), roles));
  }

  changeMember(user: User, on: MemberOn, roles: readonly string[]): Promise<void> {
    return done(this.zitadel.changeMember(user, resourceOf(on), roles));
  }

  removeMember(user: User, on: MemberOn): Promise<void> {
    return done(this.zitadel.removeMember(user, resourceOf(on)));
  }

  grantProject(project: Project, to: Org, roleKeys: readonly string[]): Promise<Grant> {
    const { id } = this.zitadel.grantProject(project, to, roleKeys);
    return Promise.resolve({
      id,
      projectId: project.id,
      ownerOrgId: project.orgId,
      grantedOrgId: to.id,
    });
  }

  deactivateGrant(grant: Grant): Promise<void> {
    return done(this.zitadel.deactivateGrant(grant));
  }

  reactivateGrant(grant: Grant): Promise<void> {
    return done(this.zitadel.reactivateGrant(grant));
  }

  removeGrant(grant: Grant): Promise<void> {
    return done(this.zitadel.removeGrant(grant));
  }

  authorizeUser(user: User, project: Project, roleKeys: readonly string[]): Promise<void> {
    return done(this.zitadel.authorizeUser(user, project, roleKeys));
  }

  addKey(user: User): Promise<Key> {
    return Promise.resolve(keyOf(this.zitadel.addKey(user)));
  }

  removeKey(_user: User, key: Key): Promise<void> {
    return done(this.zitadel.removeKey(key.keyId));
  }

  addSecret(user: User): Promise<string> {
    return Promise.resolve(this.zitadel.addSecret(user).clientSecret);
  }

  addPat(user: User): Promise<Pat> {
    const token = this.zitadel.patFor(user);
    return Promise.resolve({ id: token, token });
  }

  removePat(_user: User, pat: Pat): Promise<void> {
    return done(this.zitadel.revokeToken(pat.token));
  }

  addApiApplication(project: Project): Promise<ApiApplication> {
    return Promise.resolve({ ...this.zitadel.addApiApplication(project), project });
  }

  addKeyApplication(project: Project): Promise<KeyApplication> {
    const json = this.zitadel.addApplicationKey(project);
    const { appId, clientId } = JSON.parse(json) as Application;
    return Promise.resolve({ appId, clientId, project, key: keyOf(json) });
  }

  addWebApplication(project: Project): Promise<Application> {
    const options = { redirectUris: [REDIRECT_URI] };
    const { clientId } = this.zitadel.addApplication(project, options);
    return Promise.resolve({ appId: clientId, clientId, project });
  }

  deactivateApplication(application: Application): Promise<void> {
    return done(this.zitadel.deactivateApplication(application.clientId));
  }

  removeApplication(application: Application): Promise<void> {
    return done(this.zitadel.removeApplication(application.clientId));
  }

  rotateKeys(): Promise<void> {
    this.zitadel.rotateKeys();
    return Promise.resolve();
  }

  /** By its API, as on a real server. */
  listen(events: readonly string[]): Promise<Listening> {
    const headers = { authorization: `Bearer ${this.adminToken}` };
    const wiring = {
      host: '127.0.0.1',
      name: this.suffix,
      change: async (call: Call) => (await send(this.issuer, { ...call, headers })).body,
      make: (target: () => Promise<string>) => target(),
    };
    return this.#ears.open(wiring, events);
  }

  async signIn(person: User, to: Application, scopes: readonly string[]): Promise<SignedIn> {
    const redeemed = await codeFlow(this.issuer, to, scopes, async (authRequest) => {
      const form = { authRequest, userId: person.id };
      const asked = { method: 'POST', path: '/ui/v2/login/login', form };
      const { headers } = await send(this.issuer, asked);
      return headers['location'] ?? '';
    });
    const session = { sessionId: '', sessionToken: this.zitadel.sessionTokenFor(person) };
    return signedInFrom(redeemed, session);
  }

  endSession(person: User): Promise<void> {
    return done(this.zitadel.endSessions(person));
  }

  impersonate(user: User, actor: User, project: Project): Promise<string> {
    const audience = [project.id];
    return Promise.resolve(this.zitadel.impersonationTokenFor(user, actor, { audience }));
  }

  async close(): Promise<void> {
    await this.zitadel.stop();
    await this.#ears.close();
  }
}

function resourceOf(on: MemberOn): MemberResource {
  if (on === 'instance') return on;
  return 'grant' in on ? { projectGrant: on.grant } : on;
}

function keyOf(json: string): Key {
  const { keyId } = JSON.parse(json) as { keyId: string };
  return { keyId, json };
}

/** The verbs are synchronous; what they refuse is thrown where it happened. */
function done(_result: unknown): Promise<void> {
  return Promise.resolve();
}
