import {
  type ApiApplicationOptions,
  type ApplicationOptions,
  idOf,
  type Ref,
  type TokenOptions,
} from './model.js';
import { audienceOfScopes, audienceScope, claimsOfScopes } from './oidc/claims.js';
import { type PublishedKey, readKeyFile } from './oidc/keys.js';
import { type Grounds, TOKEN_SECONDS } from './oidc/mint.js';
import { WorldVerbs } from './world-verbs.js';
import type { UserRecord } from './world/state.js';
import { nowInSeconds, requireUser } from './world/world.js';

/** The verbs that make tokens, keys and secrets. All are synchronous. */
export class TokenVerbs extends WorldVerbs {
  /** The client that tokens of persons and of actors were made for, where no application was named. */
  #clientId: string | undefined;

  /**
   * An access token (JWT), as the token endpoint would give it.
   *
   * @example
   * ```ts
   * const token = zitadel.tokenFor(alice);
   * const short = zitadel.tokenFor(alice, { expiresInSeconds: 60 });
   * const narrow = zitadel.tokenFor(alice, { zitadelAudience: false });
   * ```
   */
  tokenFor(user: Ref, options: TokenOptions = {}): string {
    const grounds = this.#grounds(user, options);
    return this.#jwt(grounds, options);
  }

  /**
   * An access token that expired an hour ago.
   *
   * @example `const late = zitadel.expiredTokenFor(alice)`
   */
  expiredTokenFor(user: Ref, options: TokenOptions = {}): string {
    return this.tokenFor(user, { expiresInSeconds: -3600, ...options });
  }

  /** A token with the right claims and the right `kid`, but signed by a key that the instance does not have. */
  foreignTokenFor(user: Ref, options: TokenOptions = {}): string {
    const grounds = this.#grounds(user, options);
    const { claims } = this.instance.mint.claims(grounds);
    const asked = this.#claimsOf(grounds, options);
    return this.instance.mint.keys.signForeign({ ...claims, ...asked }, options.header);
  }

  /** A valid ID token with the audience of an access token. No API may accept it. */
  idTokenFor(user: Ref, options: TokenOptions = {}): string {
    const grounds = this.#grounds(user, options);
    const { token: accessToken, sessionId: sid } = this.instance.mint.jwt(grounds);
    const person = grounds.user.kind === 'person' ? { nonce: 'n-1', sid } : {};
    const lifetime = grounds.expiresInSeconds;
    return this.instance.mint.idToken(grounds, { accessToken, lifetime, ...person });
  }

  /**
   * An opaque access token: it has five parts, and only the instance can read it.
   *
   * @example `const opaque = zitadel.opaqueTokenFor(alice)`
   */
  opaqueTokenFor(user: Ref, options: TokenOptions = {}): string {
    const grounds = this.#grounds(user, options);
    const { token, tokenId } = this.instance.mint.opaque(grounds);
    this.instance.tokens.remember(tokenId, grounds);
    return token;
  }

  /**
   * A personal access token. The API does not look at its audience.
   *
   * @param text what it is to be: for clients that know it beforehand
   *
   * @example `const pat = zitadel.patFor(robot)`
   */
  patFor(user: Ref, text?: string): string {
    const { mint } = this.instance;
    const { token } = mint.sealed('pat', this.#user(user).id, { iat: nowInSeconds() });
    if (text !== undefined) mint.box.give(text, token);
    return text ?? token;
  }

  /** A session token. The API accepts it too. */
  sessionTokenFor(user: Ref): string {
    return this.instance.mint.sealed('session', this.#user(user).id).token;
  }

  /** A token of `user` that `actor` uses (claim `act`). The API refuses it, userinfo does not. */
  impersonationTokenFor(user: Ref, actor: Ref, options: TokenOptions = {}): string {
    const act = { iss: this.instance.issuer, sub: this.#user(actor).id };
    // The exchange made it, an application's: not the user's own client.
    const exchanged = { clientId: this.#applicationId(), actor: act, amr: undefined };
    const grounds = { ...this.#grounds(user, options), ...exchanged };
    return this.#jwt(grounds, options);
  }

  /** A token with any claims, signed by the active key of the instance. */
  signJwt(
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<Record<string, unknown>> = {},
  ): string {
    return this.instance.mint.keys.sign(claims, header);
  }

  /**
   * From now on the instance refuses this token (or personal access token), and no other.
   *
   * @throws Error for a token that it did not make
   */
  revokeToken(token: string): void {
    this.instance.tokens.revoke(token);
  }

  /** From now on signs with a new key. The earlier ones stay published. Returns the new `kid`. */
  rotateKeys(): string {
    return this.instance.mint.keys.rotate();
  }

  /** Removes a key from the JWKS. Tokens that it signed are refused. */
  withdrawKey(kid: string): void {
    this.instance.mint.keys.withdraw(kid);
  }

  /** The JWKS as it is published right now. */
  publicKeys(): { keys: PublishedKey[] } {
    return this.instance.mint.keys.published();
  }

  /**
   * A key file of a service user (RFC 7523), as ZITADEL writes it: JSON with a PKCS#1 key.
   *
   * @param file one of this user that was made before
   * @throws TypeError if the file is not one of this user
   *
   * @example `const serviceUser = key(JSON.parse(zitadel.addKey(robot)))`
   */
  addKey(user: Ref, file?: string): string {
    const { id } = this.#serviceUser(user);
    const given = file === undefined ? undefined : readKeyFile(file, 'userId', id);
    return this.instance.credentials.addUserKey(id, given);
  }

  /**
   * A key file of an API application: of the one with this client id, or of a new one. Service users have their own: {@link addKey}.
   *
   * @param file one of this application that was made before
   * @throws TypeError if the file is not one of this application
   */
  addApplicationKey(project: Ref, clientId?: string, file?: string): string {
    const { credentials } = this.instance;
    const apiMethod = 'API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT';
    const application =
      credentials.applications.get(clientId ?? '') ??
      credentials.addApplication(idOf(project), { apiMethod, clientId });
    const given =
      file === undefined ? undefined : readKeyFile(file, 'clientId', application.clientId);
    return credentials.addApplicationKey(application, given);
  }

  /** An API application that asks with a client id and a secret (Basic), as introspection wants it. */
  addApiApplication(
    project: Ref,
    { clientId: asked, clientSecret }: ApiApplicationOptions = {},
  ): { appId: string; clientId: string; clientSecret: string } {
    const { credentials } = this.instance;
    const { appId, clientId } = credentials.addApplication(idOf(project), {
      apiMethod: 'API_AUTH_METHOD_TYPE_BASIC',
      clientId: asked,
    });
    return { appId, clientId, clientSecret: credentials.addSecret(clientId, clientSecret) };
  }

  /** Removes a key by the `keyId` of its file. Tokens that were issued for it stay valid. */
  removeKey(keyId: string): void {
    this.instance.credentials.removeKey(keyId);
  }

  /** Removes an application with its keys and its secret. Tokens that were issued for it stay valid. */
  removeApplication(clientId: string): void {
    this.instance.credentials.removeApplication(clientId);
  }

  /** From now on an application gets neither tokens nor introspection. Tokens that were issued for it stay valid. */
  deactivateApplication(clientId: string): void {
    this.instance.credentials.requireApplication(clientId).active = false;
  }

  reactivateApplication(clientId: string): void {
    this.instance.credentials.requireApplication(clientId).active = true;
  }

  /** Makes client credentials of a service user, with a secret of yours if you give one. They replace an earlier secret. */
  addSecret(user: Ref, secret?: string): { clientId: string; clientSecret: string } {
    const { id, userName } = this.#serviceUser(user);
    return { clientId: userName, clientSecret: this.instance.credentials.addSecret(id, secret) };
  }

  /** A public client for the authorization code flow with PKCE. */
  addApplication(project: Ref, options: ApplicationOptions): { clientId: string } {
    for (const address of options.redirectUris) {
      if (!URL.canParse(address))
        throw new TypeError(`'${address}' is not an address to redirect to`);
    }
    const { clientId } = this.instance.credentials.addApplication(idOf(project), options);
    return { clientId };
  }

  #grounds(ref: Ref, options: TokenOptions): Grounds {
    const user = this.#user(ref);
    const { zitadelAudience = true, audience = [this.defaultProject.id], scopes = [] } = options;
    const own = zitadelAudience ? [this.zitadelProjectId, ...audience] : audience;
    const named = audience
      .filter((id) => this.instance.world.now.projects.has(id))
      .map(audienceScope);
    return {
      issuer: this.instance.issuer,
      user,
      clientId: user.kind === 'person' ? this.#applicationId() : user.userName,
      audience: [...new Set([...own, ...audienceOfScopes(scopes, this.zitadelProjectId)])],
      scopes: [
        ...new Set([
          'openid',
          'profile',
          ...(zitadelAudience ? [audienceScope('zitadel')] : []),
          ...named,
          ...scopes,
        ]),
      ],
      expiresInSeconds: options.expiresInSeconds ?? TOKEN_SECONDS,
      amr: user.kind === 'person' ? ['pwd'] : undefined,
    };
  }

  #applicationId(): string {
    this.#clientId ??= this.instance.world.ids.next();
    return this.#clientId;
  }

  #jwt(grounds: Grounds, options: TokenOptions): string {
    const asked = this.#claimsOf(grounds, options);
    const { token, tokenId } = this.instance.mint.jwt(grounds, asked, options.header);
    const audience = options.claims?.['aud'] === undefined ? grounds.audience : undefined;
    this.instance.tokens.remember(tokenId, { ...grounds, audience });
    return token;
  }

  /** What the scopes ask for, with the given claims over it. */
  #claimsOf({ issuer, user, scopes, audience }: Grounds, options: TokenOptions): object {
    const roles = { projectIds: audience };
    const asked = claimsOfScopes(this.instance.world.now, user, scopes, issuer, roles);
    return { ...asked, ...options.claims };
  }

  #user(ref: Ref): UserRecord {
    return requireUser(this.instance.world, idOf(ref));
  }

  #serviceUser(ref: Ref): UserRecord {
    const user = this.#user(ref);
    if (user.kind === 'serviceUser') return user;
    throw new Error(`${user.userName} is a person: keys and secrets belong to service users`);
  }
}
