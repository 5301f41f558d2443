import type { ReceivedDelivery } from '../support/deliveries.js';

/** A generation of ZITADEL's API. */
export type Generation = 'v1' | 'v2';

/**
 * What a server may have; whether `x-zitadel-instance-host` comes through to it is decided by what stands before. A list of more than a
 * thousand rows would take two thousand changes on a real server: only the emulator has them. Webhooks need a server that reaches this
 * machine, and on which nobody else listens to events.
 */
export type Feature = Generation | 'instance header' | 'long lists' | 'new keys' | 'webhooks';

export interface Org {
  readonly id: string;
  readonly name: string;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly orgId: string;
}

export interface User {
  readonly id: string;
  /** The login name; of a service user also its client id. */
  readonly userName: string;
  readonly orgId: string;
}

export interface Grant {
  readonly id: string;
  readonly projectId: string;
  /** The organization that owns the project. */
  readonly ownerOrgId: string;
  readonly grantedOrgId: string;
}

export type MemberOn =
  | 'instance'
  | { readonly org: Org }
  | { readonly project: Project }
  | { readonly grant: Grant };

/** A key file as ZITADEL writes it, and the id by which it is removed. */
export interface Key {
  readonly keyId: string;
  readonly json: string;
}

export interface Pat {
  readonly id: string;
  readonly token: string;
}

/** An application; an API one has a secret or a key, one for people neither. */
export interface Application {
  readonly appId: string;
  readonly clientId: string;
  readonly project: Project;
}

export interface ApiApplication extends Application {
  readonly clientSecret: string;
}

export interface KeyApplication extends Application {
  readonly key: Key;
}

/** What a person has after signing in. */
export interface SignedIn {
  readonly accessToken: string;
  readonly idToken: string;
  /** Empty unless `offline_access` was asked for. */
  readonly refreshToken: string;
  /** The request by which the code was redeemed. */
  readonly redeemedBy: Readonly<Record<string, string>>;
  readonly sessionId: string;
  readonly sessionToken: string;
}

/** A target of the server at which the suite listens. */
export interface Listening {
  readonly signingKey: string;
  /** What has come in so far, oldest first. */
  readonly deliveries: readonly ReceivedDelivery[];
}

export interface ProjectSettings {
  /** Keys of the project's roles. */
  readonly roles?: readonly string[];
  /** "Assert roles on authentication". */
  readonly assertRoles?: boolean;
}

/**
 * A ZITADEL on which the suite builds what its cases need. There are two: the emulator, by its verbs, and a
 * real server, by its API. Every verb ends when what it did can be seen by whoever reads.
 */
export interface World {
  /** `emulator`, or the origin of a real server. */
  readonly server: string;
  /** What the server says that it is. */
  readonly version: string;
  /** Where it is reached, and the `iss` of its tokens. */
  readonly issuer: string;
  readonly serves: ReadonlySet<Feature>;
  /** How long a read may lag behind a change that was made through the library or a raw request. */
  readonly patienceMs: number;
  /** A personal access token of an IAM_OWNER. */
  readonly adminToken: string;
  /** The organization that owns the IAM_OWNER. */
  readonly root: Org;

  addOrg(name: string): Promise<Org>;
  deactivateOrg(org: Org): Promise<void>;
  reactivateOrg(org: Org): Promise<void>;
  removeOrg(org: Org): Promise<void>;

  addProject(org: Org, name: string, settings?: ProjectSettings): Promise<Project>;
  deactivateProject(project: Project): Promise<void>;
  reactivateProject(project: Project): Promise<void>;

  addServiceUser(org: Org, name: string, tokens?: 'jwt' | 'opaque'): Promise<User>;
  addPerson(org: Org, name: string): Promise<User>;
  deactivateUser(user: User): Promise<void>;
  reactivateUser(user: User): Promise<void>;
  lockUser(user: User): Promise<void>;
  unlockUser(user: User): Promise<void>;
  removeUser(user: User): Promise<void>;
  changePassword(person: User): Promise<void>;

  addMember(user: User, on: MemberOn, roles: readonly string[]): Promise<void>;
  changeMember(user: User, on: MemberOn, roles: readonly string[]): Promise<void>;
  removeMember(user: User, on: MemberOn): Promise<void>;

  grantProject(project: Project, to: Org, roleKeys: readonly string[]): Promise<Grant>;
  deactivateGrant(grant: Grant): Promise<void>;
  reactivateGrant(grant: Grant): Promise<void>;
  removeGrant(grant: Grant): Promise<void>;
  /** Gives a user roles of a project, of the organization that owns it. */
  authorizeUser(user: User, project: Project, roleKeys: readonly string[]): Promise<void>;

  addKey(user: User): Promise<Key>;
  removeKey(user: User, key: Key): Promise<void>;
  addSecret(user: User): Promise<string>;
  addPat(user: User): Promise<Pat>;
  removePat(user: User, pat: Pat): Promise<void>;

  addApiApplication(project: Project, name: string): Promise<ApiApplication>;
  addKeyApplication(project: Project, name: string): Promise<KeyApplication>;
  /** A public client for the authorization code flow; {@link REDIRECT_URI} is its redirect address. */
  addWebApplication(project: Project, name: string): Promise<Application>;
  deactivateApplication(application: Application): Promise<void>;
  removeApplication(application: Application): Promise<void>;

  /** From now on tokens are signed by a new key. */
  rotateKeys(): Promise<void>;

  signIn(person: User, to: Application, scopes: readonly string[]): Promise<SignedIn>;
  endSession(person: User, signedIn: SignedIn): Promise<void>;
  /** Has these events delivered to the suite, until the end. Only where the world serves webhooks. */
  listen(events: readonly string[]): Promise<Listening>;
  /** A token of `user` that `actor` uses (claim `act`), for the API and for the project. */
  impersonate(user: User, actor: User, project: Project): Promise<string>;

  /** Removes everything that was made. Called once, also after a failure. */
  close(): Promise<void>;
}

export const REDIRECT_URI = 'http://localhost:9/callback';

/** Asks until `ask` answers true, or throws after `limitMs`: for reads that may lag. */
export async function until(
  what: string,
  ask: () => Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  const limit = performance.now() + limitMs;
  for (let waitMs = 5; !(await ask()); waitMs = Math.min(200, waitMs * 2)) {
    if (performance.now() > limit) {
      throw new Error(`${what}: not seen within ${String(limitMs / 1_000)} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
