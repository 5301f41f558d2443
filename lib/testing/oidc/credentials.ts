import { type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccessTokenType, ApplicationOptions } from '../model.js';
import { type Exchange, oauthError, type Reply } from '../server/replies.js';
import { nowInSeconds, type World } from '../world/world.js';
import { decodeJwt, isSignedBy, type KeyFile, newKeyFile } from './keys.js';

const OLDEST_ASSERTION_SECONDS = 3600;
const CLOCK_SKEW_SECONDS = 1;

/** A key that somebody signs assertions with. */
interface RegisteredKey {
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

/** What may be said of a new application. */
type NewApplication = Partial<ApplicationOptions & Pick<Application, 'name' | 'apiMethod'>>;

/** What a program brought to say which application it is. RFC 6749 section 2.3, RFC 7523 section 2.2. */
export interface ClientClaim {
  readonly clientId: string;
  readonly secret: string;
  readonly assertion: string;
}

/** Keys, secrets and applications: with what users and programs prove who they are. */
export class Credentials {
  readonly keys = new Map<string, RegisteredKey>();
  /** By user id, those of applications by client id. */
  readonly secrets = new Map<string, string>();
  /** By client id. */
  readonly applications = new Map<string, Application>();

  constructor(readonly world: World) {}

  addUserKey(userId: string, given?: KeyFile): string {
    const { keyId, key } = this.#addKey(userId, 'serviceaccount', given);
    const expirationDate = '9999-12-31T23:59:59Z';
    return JSON.stringify({ type: 'serviceaccount', keyId, key, expirationDate, userId });
  }

  addApplicationKey({ appId, clientId }: Application, given?: KeyFile): string {
    const { keyId, key } = this.#addKey(clientId, 'application', given);
    return JSON.stringify({ type: 'application', keyId, key, appId, clientId });
  }

  #addKey(
    ownerId: string,
    type: RegisteredKey['type'],
    { keyId = this.world.ids.next(), pem, publicKey } = newKeyFile(),
  ): { readonly keyId: string; readonly key: string } {
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
    { clientId, name, redirectUris = [], accessTokenType = 'jwt', ...more }: NewApplication,
  ): Application {
    const appId = this.world.ids.next();
    const application = {
      appId,
      name: name ?? appId,
      apiMethod: more.apiMethod,
      made: this.world.clock.stamp(),
      clientId: this.world.ids.nextOr(clientId),
      projectId,
      redirectUris: [...redirectUris],
      accessTokenType,
      accessTokenRoles: more.accessTokenRoles ?? false,
      idTokenUserInfo: more.idTokenUserInfo ?? false,
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

  /** The application that a claim proves; nothing also where it, its project or the project's organization is not active. */
  authenticated(
    { clientId, secret, assertion }: ClientClaim,
    issuer: string,
  ): Application | undefined {
    const bySecret = this.isSecretOf(clientId, secret) ? clientId : undefined;
    const proven =
      assertion === '' ? bySecret : this.ownerOfAssertion(assertion, 'application', issuer);
    const application = this.applications.get(proven ?? '');
    const project = this.world.now.projects.get(application?.projectId ?? '');
    const org = this.world.now.orgs.get(project?.orgId ?? '');
    return project?.active === true && org?.active === true && application?.active === true
      ? application
      : undefined;
  }

  /**
   * Whose assertion it is: that of a registered key's owner, signed with the key, about the owner, for this
   * issuer, and made just now. RFC 7523 section 3.
   */
  ownerOfAssertion(
    assertion: string,
    type: RegisteredKey['type'],
    issuer: string,
  ): string | undefined {
    const decoded = decodeJwt(assertion);
    const key = this.keys.get(String(decoded?.header['kid']));
    if (decoded === undefined || key?.type !== type) return undefined;
    const { ownerId, publicKey } = key;
    const { iss, sub, aud, exp, iat } = decoded.claims;
    const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    const now = nowInSeconds();
    const right =
      iss === ownerId &&
      sub === ownerId &&
      audience.includes(issuer) &&
      typeof exp === 'number' &&
      exp > now &&
      typeof iat === 'number' &&
      iat >= now - OLDEST_ASSERTION_SECONDS &&
      iat <= now + CLOCK_SKEW_SECONDS &&
      isSignedBy(assertion, decoded, publicKey);
    return right ? ownerId : undefined;
  }
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const AUTHORIZATION_BASIC = /^Basic (.+)$/;

/** The form of a request; none where it was sent as something else. */
export function formOf(exchange: Exchange): URLSearchParams {
  const type = exchange.headers['content-type'] ?? '';
  const isForm = type.startsWith('application/x-www-form-urlencoded');
  return new URLSearchParams(isForm ? exchange.body : '');
}

/** Reads the claim without judging it. A reply is a refusal. */
export function clientClaimOf(exchange: Exchange, form: URLSearchParams): ClientClaim | Reply {
  const assertion = form.get('client_assertion') ?? '';
  const assertionType = form.get('client_assertion_type') ?? '';
  const posted = { clientId: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' };
  const methods = [
    assertion !== '' && assertionType !== '',
    posted.clientId !== '' && posted.secret !== '',
  ];
  const basic = AUTHORIZATION_BASIC.exec(exchange.headers.authorization ?? '')?.[1];
  if (methods.filter(Boolean).length + (basic === undefined ? 0 : 1) > 1) {
    return invalidRequest('client authentication must not use more than one method');
  }
  const named = basic === undefined ? posted : decodeBasic(basic);
  if (named === undefined) {
    return oauthError(400, 'invalid_client', 'invalid basic auth header');
  }
  if (named.clientId === '' && assertion === '') {
    return invalidRequest('client_id or client_assertion must be provided');
  }
  if (assertion !== '' && assertionType !== ASSERTION_TYPE) {
    return invalidRequest(`invalid client_assertion_type ${assertionType}`);
  }
  return { ...named, assertion };
}

function decodeBasic(basic: string): { clientId: string; secret: string } | undefined {
  const text = Buffer.from(basic, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon === -1) return { clientId: '', secret: '' };
  try {
    return {
      clientId: unescapeQuery(text.slice(0, colon)),
      secret: unescapeQuery(text.slice(colon + 1)),
    };
  } catch {
    return undefined;
  }
}

function unescapeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function invalidRequest(description: string): Reply {
  return oauthError(400, 'invalid_request', description);
}
