import { type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccessTokenType, ApplicationOptions } from '../model.js';
import type { World } from '../world/world.js';
import { newKeyFile } from './keys.js';

/** A key that somebody signs assertions with. */
export interface RegisteredKey {
  readonly ownerId: string;
  readonly type: 'serviceaccount' | 'application';
  readonly publicKey: KeyObject;
  readonly made: number;
}

export interface Application {
  readonly appId: string;
  readonly name: string;
  /** How an API application says who it is. Undefined for one that people sign in with. */
  readonly apiMethod: ApiMethod | undefined;
  readonly made: number;
  readonly clientId: string;
  readonly projectId: string;
  readonly redirectUris: readonly string[];
  readonly accessTokenType: AccessTokenType;
  /** Whether its JWTs carry roles; see {@link ApplicationOptions.accessTokenRoles}. */
  readonly accessTokenRoles: boolean;
  /** Whether its ID tokens tell names and email; see {@link ApplicationOptions.idTokenUserInfo}. */
  readonly idTokenUserInfo: boolean;
  active: boolean;
}

export type ApiMethod = 'API_AUTH_METHOD_TYPE_BASIC' | 'API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT';

type ApplicationClaims = Pick<ApplicationOptions, 'accessTokenRoles' | 'idTokenUserInfo'>;

/** Keys, secrets and applications: with what users and programs prove who they are. */
export class Credentials {
  readonly keys = new Map<string, RegisteredKey>();
  /** By user id, those of applications by client id. */
  readonly secrets = new Map<string, string>();
  /** By client id. */
  readonly applications = new Map<string, Application>();

  constructor(readonly world: World) {}

  addUserKey(userId: string): string {
    const { keyId, key } = this.#addKey(userId, 'serviceaccount');
    const expirationDate = '9999-12-31T23:59:59Z';
    return JSON.stringify({ type: 'serviceaccount', keyId, key, expirationDate, userId });
  }

  addApplicationKey({ appId, clientId }: Application): string {
    const { keyId, key } = this.#addKey(clientId, 'application');
    return JSON.stringify({ type: 'application', keyId, key, appId, clientId });
  }

  #addKey(ownerId: string, type: RegisteredKey['type']): { keyId: string; key: string } {
    const keyId = this.world.ids.next();
    const { pem, publicKey } = newKeyFile();
    this.keys.set(keyId, { ownerId, type, publicKey, made: this.world.clock.stamp() });
    return { keyId, key: pem };
  }

  /** Ids of the keys of a user, or of an application by its client id. */
  keyIdsOf(ownerId: string): string[] {
    return [...this.keys].filter(([, key]) => key.ownerId === ownerId).map(([keyId]) => keyId);
  }

  /** What the key stood for is refused from now on; what was issued for it stays valid. */
  removeKey(keyId: string): void {
    const key = this.keys.get(keyId);
    if (key === undefined) throw new Error(`there is no key ${keyId}`);
    this.keys.delete(keyId);
    const owner = this.world.users.get(key.ownerId);
    if (owner === undefined) return;
    const removed = { type: 'user.machine.key.removed', payload: { keyId } };
    this.world.happened(owner.id, owner.orgId, removed);
  }

  addSecret(ownerId: string): string {
    const secret = randomBytes(48).toString('base64url');
    this.secrets.set(ownerId, secret);
    return secret;
  }

  isSecretOf(ownerId: string, secret: string): boolean {
    const expected = Buffer.from(this.secrets.get(ownerId) ?? '');
    const given = Buffer.from(secret);
    const { length } = expected;
    return length > 0 && length === given.length && timingSafeEqual(expected, given);
  }

  /** Whether it has something to prove itself with. */
  isConfidential(clientId: string): boolean {
    const keys = [...this.keys.values()];
    return this.secrets.has(clientId) || keys.some(({ ownerId }) => ownerId === clientId);
  }

  addApiApplication(projectId: string, apiMethod: ApiMethod, name?: string): Application {
    return this.addApplication(projectId, [], 'jwt', {}, name, apiMethod);
  }

  addApplication(
    projectId: string,
    redirectUris: readonly string[],
    accessTokenType: AccessTokenType,
    { accessTokenRoles = false, idTokenUserInfo = false }: ApplicationClaims = {},
    name?: string,
    apiMethod?: ApiMethod,
  ): Application {
    const appId = this.world.ids.next();
    const application = {
      appId,
      name: name ?? appId,
      apiMethod,
      made: this.world.clock.stamp(),
      clientId: this.world.ids.next(),
      projectId,
      redirectUris: [...redirectUris],
      accessTokenType,
      accessTokenRoles,
      idTokenUserInfo,
      active: true,
    };
    this.applications.set(application.clientId, application);
    return application;
  }

  requireApplication(clientId: string): Application {
    const application = this.applications.get(clientId);
    if (application === undefined) throw new Error(`no application has the client id ${clientId}`);
    return application;
  }

  removeApplication(clientId: string): void {
    this.requireApplication(clientId);
    this.applications.delete(clientId);
    this.dropUser(clientId);
  }

  applicationsOf(projectId: string): Application[] {
    return [...this.applications.values()].filter((each) => each.projectId === projectId);
  }

  /** Applications of a project know each other: a person's token is for all of them. */
  clientIdsOf(projectId: string): string[] {
    return this.applicationsOf(projectId).map(({ clientId }) => clientId);
  }

  dropUser(userId: string): void {
    this.secrets.delete(userId);
    for (const [keyId, key] of this.keys) {
      if (key.ownerId === userId) this.keys.delete(keyId);
    }
  }

  dropProject(projectId: string): void {
    for (const clientId of this.clientIdsOf(projectId)) this.removeApplication(clientId);
  }
}
