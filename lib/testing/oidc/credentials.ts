import { type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccessTokenType, ApplicationOptions } from '../model.js';
import type { World } from '../world/world.js';
import { type KeyFile, newKeyFile } from './keys.js';

/** A key that somebody signs assertions with. */
export interface RegisteredKey {
  readonly ownerId: string;
  readonly type: 'serviceaccount' | 'application';
  readonly publicKey: KeyObject;
}

export interface Application {
  readonly appId: string;
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

type ApplicationClaims = Omit<ApplicationOptions, 'redirectUris' | 'accessTokenType'>;

/** Keys, secrets and applications: with what users and programs prove who they are. */
export class Credentials {
  readonly keys = new Map<string, RegisteredKey>();
  /** By user id, those of applications by client id. */
  readonly secrets = new Map<string, string>();
  /** By client id. */
  readonly applications = new Map<string, Application>();

  constructor(readonly world: World) {}

  addUserKey(userId: string, given?: KeyFile): string {
    const { keyId, pem } = this.#register('serviceaccount', userId, given);
    const expirationDate = '9999-12-31T23:59:59Z';
    return JSON.stringify({ type: 'serviceaccount', keyId, key: pem, expirationDate, userId });
  }

  addApplicationKey({ appId, clientId }: Application, given?: KeyFile): string {
    const { keyId, pem } = this.#register('application', clientId, given);
    return JSON.stringify({ type: 'application', keyId, key: pem, appId, clientId });
  }

  #register(
    type: RegisteredKey['type'],
    ownerId: string,
    { keyId = this.world.ids.next(), pem, publicKey } = newKeyFile(),
  ): { readonly keyId: string; readonly pem: string } {
    this.keys.set(keyId, { ownerId, type, publicKey });
    return { keyId, pem };
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

  addSecret(ownerId: string, secret = randomBytes(48).toString('base64url')): string {
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

  addApplication(
    projectId: string,
    redirectUris: readonly string[],
    accessTokenType: AccessTokenType,
    { clientId, accessTokenRoles = false, idTokenUserInfo = false }: ApplicationClaims = {},
  ): Application {
    const application = {
      appId: this.world.ids.next(),
      clientId: this.world.ids.nextOr(clientId),
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

  /** Applications of a project know each other: a person's token is for all of them. */
  clientIdsOf(projectId: string): string[] {
    return [...this.applications.values()]
      .filter((application) => application.projectId === projectId)
      .map((application) => application.clientId);
  }

  begin(): void {
    for (const map of [this.keys, this.secrets, this.applications]) map.clear();
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
