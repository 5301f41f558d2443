import { ZitadelError } from '../server/replies.js';
import type { UserRecord } from '../world/state.js';
import { BoundedMap, nowInSeconds } from '../world/world.js';
import type { Grounds, TokenMint } from './mint.js';

const JTI = /^V2_(\d{18})-at_(\d{18})$/;
const REMEMBERED = 10_000;
const PAT_SCOPES = [
  'openid',
  'profile',
  'urn:zitadel:iam:user:metadata',
  'urn:zitadel:iam:user:resourceowner',
];

interface Content {
  readonly kind: 'jwt' | 'opaque' | 'pat' | 'session';
  readonly id: string;
  readonly sessionId: string | undefined;
  /** What it says about itself: of a PAT, a session token its `iat` at most. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What is left of a token after the checks that do not depend on where it is used. */
export interface LiveToken extends Content {
  readonly user: UserRecord;
  readonly audience: readonly string[];
  readonly scopes: readonly string[];
  /** How the user proved who it is, where that is known. */
  readonly amr: readonly string[] | undefined;
  /** Seconds since 1970. */
  readonly authTime: number | undefined;
}

/** What a token was given for: the server keeps it, a JWT does not say all of it. */
interface Remembered extends Pick<Grounds, 'scopes' | 'amr' | 'authTime'> {
  /** Where the claim `aud` is not it: a JWT for nobody names its client there. */
  readonly audience?: readonly string[] | undefined;
}

/** Says which tokens still count. */
export class TokenCheck {
  readonly #mint: TokenMint;
  readonly #revoked = new BoundedMap<true>(REMEMBERED);
  readonly #grounds = new BoundedMap<Remembered>(REMEMBERED);
  readonly #newestOfSession = new BoundedMap<string>(REMEMBERED);

  constructor(mint: TokenMint) {
    this.#mint = mint;
  }

  revoke(token: string): void {
    const content = this.#content(token);
    if (content === undefined) throw new Error('this emulator did not issue that token');
    if (this.#revoked.get(content.id) === true) return;
    this.#revoked.set(content.id, true);
    this.#tell(content);
  }

  /** The client to which a token was issued. Undefined if this instance did not issue it, or the token names none. */
  clientIdOf(token: string): string | undefined {
    const clientId = this.#content(token)?.claims['client_id'];
    return typeof clientId === 'string' ? clientId : undefined;
  }

  /** No access token of the session counts any more. */
  endSession(sessionId: string, userId: string): void {
    this.#newestOfSession.set(sessionId, '');
    const revoked = { type: 'oidc_session.refresh_token.revoked', payload: {} };
    this.#mint.world.happened(`V2_${sessionId}`, this.#orgOf(userId), revoked);
  }

  /** Userinfo and introspection need to know. */
  remember(tokenId: string, grounds: Remembered): void {
    this.#grounds.set(tokenId, grounds);
  }

  /** A refreshed session knows its newest access token only. */
  rememberNewest(sessionId: string, tokenId: string): void {
    this.#newestOfSession.set(sessionId, tokenId);
  }

  /** `issuers` are the names of this instance. Personal access tokens and session tokens name no issuer. */
  check(token: string, issuers: readonly string[]): LiveToken | undefined {
    const content = this.#content(token);
    const user = this.#mint.world.users.get(String(content?.claims['sub']));
    if (content === undefined || user === undefined || !this.#isLive(content, user)) {
      return undefined;
    }
    const { iss, aud, iat } = content.claims;
    if (typeof iss === 'string' && !issuers.includes(iss)) return undefined;
    const known = this.#grounds.get(content.id);
    return {
      ...content,
      user,
      audience: known?.audience ?? strings(aud),
      amr: known?.amr,
      authTime: known?.authTime ?? (typeof iat === 'number' ? iat : undefined),
      scopes: this.#scopesOf(content),
    };
  }

  /** Which events a revocation is told by depends on what is revoked. */
  #tell({ kind, id, sessionId, claims }: Content): void {
    const { world } = this.#mint;
    const userId = String(claims['sub']);
    if (kind === 'pat') {
      const removed = { type: 'user.pat.removed', payload: { tokenId: id } };
      world.happened(userId, this.#orgOf(userId), removed);
    } else if (kind === 'session') {
      world.happened(id, world.instanceId, { type: 'session.terminated', payload: {} });
    } else {
      const revoked = { type: 'oidc_session.access_token.revoked', payload: {} };
      world.happened(`V2_${String(sessionId)}`, this.#orgOf(userId), revoked);
    }
  }

  #orgOf(userId: string): string {
    return this.#mint.world.users.get(userId)?.orgId ?? '';
  }

  #content(token: string): Content | undefined {
    const { box, keys } = this.#mint;
    const isSealed = token.split('.').length === 5 || box.isGiven(token);
    if (isSealed) return contentOfSealed(box.open(token));
    const claims = keys.read(token)?.claims;
    const jti = JTI.exec(String(claims?.['jti']));
    if (claims === undefined || jti === null) return undefined;
    const [, sessionId = '', id = ''] = jti;
    return { kind: 'jwt', id, sessionId, claims };
  }

  #isLive(content: Content, user: UserRecord): boolean {
    const { id, sessionId, claims } = content;
    const now = nowInSeconds();
    const { exp, nbf, iat } = claims;
    if (sessionId !== undefined && !(typeof exp === 'number' && exp > now)) return false;
    if (typeof nbf === 'number' && nbf > now + 1) return false;
    if (typeof iat === 'number' && iat > now + 1) return false;
    if (user.state !== 'active' || id < user.tokensFrom) return false;
    if (content.kind !== 'pat' && id < user.sessionsFrom) return false;
    if (this.#revoked.get(id) === true) return false;
    const newest = sessionId === undefined ? undefined : this.#newestOfSession.get(sessionId);
    return newest === undefined || newest === id;
  }

  #scopesOf({ kind, id, claims }: Content): readonly string[] {
    if (kind === 'pat') return PAT_SCOPES;
    if (kind === 'opaque') return strings(claims['scopes']);
    return this.#grounds.get(id)?.scopes ?? ['openid', 'profile'];
  }
}

/** The check at ZITADEL's own API: who may come in, before any permission. */
export function requireApiToken(live: LiveToken | undefined, zitadelProjectId: string): UserRecord {
  const invalid = new ZitadelError(16, 'AUTH-7fs1e', 'Errors.Token.Invalid');
  if (live === undefined) throw invalid;
  const issuedForApps = live.kind === 'jwt' || live.kind === 'opaque';
  if (issuedForApps && !live.audience.includes(zitadelProjectId)) throw invalid;
  if (live.user.orgRemoved) {
    throw issuedForApps ? new ZitadelError(13, 'QUERY-Dun75', 'Errors.Internal') : invalid;
  }
  if (live.claims['act'] !== undefined) {
    throw new ZitadelError(7, 'APP-Shi0J', 'Errors.TokenExchange.Token.NotForAPI');
  }
  if (live.user.mfaRequired && live.kind !== 'pat') {
    throw new ZitadelError(7, 'AUTHZ-Kl3p0', 'mfa required');
  }
  return live.user;
}

function contentOfSealed(
  payload: Readonly<Record<string, unknown>> | undefined,
): Content | undefined {
  if (payload === undefined) return undefined;
  const kind = payload['kind'];
  if (kind === 'access') {
    const [, sessionId = '', id = ''] = JTI.exec(String(payload['jti'])) ?? [];
    return { kind: 'opaque', id, sessionId, claims: payload };
  }
  if (kind !== 'pat' && kind !== 'session') return undefined;
  return { kind, id: String(payload['id']), sessionId: undefined, claims: payload };
}

function strings(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((entry) => typeof entry === 'string');
}
