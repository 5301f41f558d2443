import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { UserRecord } from '../world/state.js';
import { nowInSeconds, type World } from '../world/world.js';
import type { SigningKeys } from './keys.js';

/** Default lifetime of an access token: 12 h. */
export const TOKEN_SECONDS = 43_200;

/** What a token is about, before it has a form. */
export interface Grounds {
  readonly issuer: string;
  readonly user: UserRecord;
  readonly clientId: string;
  readonly audience: readonly string[];
  readonly scopes: readonly string[];
  /** The session it belongs to; a new one unless given. */
  readonly sessionId?: string;
  readonly expiresInSeconds?: number;
  /** How the user proved who it is, where that is known. */
  readonly amr?: readonly string[] | undefined;
  /** When that was, in seconds since 1970; just now unless given. */
  readonly authTime?: number | undefined;
  /** Who acts as the user, in an impersonation token. */
  readonly actor?: { readonly iss: string; readonly sub: string };
}

/** What an ID token says beside its grounds. */
export interface IdTokenDetails {
  readonly accessToken: string;
  readonly nonce?: string | undefined;
  readonly sid?: string;
  /** 0 for the JWT profile, whose ID tokens are over when they are issued. */
  readonly lifetime?: number | undefined;
  /** What it says about the user beside the id. */
  readonly userInfo?: object;
}

interface MintedToken {
  readonly token: string;
  readonly tokenId: string;
  readonly sessionId: string;
}

/** Makes tokens of every kind. What they say about themselves is all that the server remembers of most. */
export class TokenMint {
  constructor(
    public world: World,
    readonly keys: SigningKeys,
    readonly box: TokenBox,
  ) {}

  claims(grounds: Grounds): {
    claims: Record<string, unknown>;
    tokenId: string;
    sessionId: string;
  } {
    const sessionId = grounds.sessionId ?? this.world.ids.next();
    const tokenId = this.world.ids.next();
    const lifetime = grounds.expiresInSeconds ?? TOKEN_SECONDS;
    const now = nowInSeconds();
    // A token that is already over was also made before it was over.
    const issued = lifetime < 0 ? now + lifetime - TOKEN_SECONDS : now;
    const claims = {
      iss: grounds.issuer,
      sub: grounds.user.id,
      aud: audienceOf(grounds),
      exp: now + lifetime,
      iat: issued,
      nbf: issued,
      client_id: grounds.clientId,
      jti: `V2_${sessionId}-at_${tokenId}`,
      ...(grounds.actor === undefined ? {} : { act: grounds.actor }),
    };
    return { claims, tokenId, sessionId };
  }

  jwt(grounds: Grounds, extra: object = {}, header: object = {}): MintedToken {
    const { claims, ...ids } = this.claims(grounds);
    return { token: this.keys.sign({ ...claims, ...extra }, header), ...ids };
  }

  opaque(grounds: Grounds): MintedToken {
    const { claims, ...ids } = this.claims(grounds);
    const payload = { kind: 'access', ...claims, aud: grounds.audience, scopes: grounds.scopes };
    return { token: this.box.seal(payload), ...ids };
  }

  /** Personal access tokens, session tokens and refresh tokens: an id and whose it is. */
  sealed(
    kind: 'pat' | 'session' | 'refresh',
    userId: string,
    more: object = {},
  ): Omit<MintedToken, 'sessionId'> {
    const tokenId = this.world.ids.next();
    const payload = { kind, id: tokenId, sub: userId, ...more };
    return { token: this.box.seal(payload, 'oidcKey'), tokenId };
  }

  idToken(grounds: Grounds, details: IdTokenDetails): string {
    const now = nowInSeconds();
    return this.keys.sign({
      ...details.userInfo,
      iss: grounds.issuer,
      sub: grounds.user.id,
      aud: [...new Set([...audienceOf(grounds), grounds.clientId])],
      exp: now + (details.lifetime ?? TOKEN_SECONDS),
      iat: now,
      auth_time: grounds.authTime ?? now,
      nonce: details.nonce,
      amr: grounds.amr,
      azp: grounds.clientId,
      client_id: grounds.clientId,
      at_hash: halfHash(details.accessToken),
      sid: details.sid,
    });
  }
}

/** A JWT is never for nobody: without an audience it is for its client. */
function audienceOf(grounds: Grounds): string[] {
  return grounds.audience.length === 0 ? [grounds.clientId] : [...grounds.audience];
}

/** OpenID Connect Core 3.1.3.6. */
function halfHash(token: string): string {
  return createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url');
}

/**
 * Opaque tokens of ZITADEL are compact JWEs: `A256GCMKW` around `A256GCM`. Five parts, beginning like a
 * JWT; nobody but the server can read them. RFC 7516, RFC 7518 section 4.7.
 */
export class TokenBox {
  readonly #secret = randomBytes(32);
  /** What texts of somebody's own stand for. */
  readonly #given = new Map<string, string>();

  /** `keyId` stands in the header of some kinds of token only. */
  seal(payload: object, keyId?: string): string {
    const contentKey = randomBytes(32);
    const wrapped = encrypt(this.#secret, contentKey);
    const header = {
      alg: 'A256GCMKW',
      enc: 'A256GCM',
      iv: wrapped.iv.toString('base64url'),
      ...(keyId === undefined ? {} : { kid: keyId }),
      tag: wrapped.tag.toString('base64url'),
    };
    const head = Buffer.from(JSON.stringify(header)).toString('base64url');
    const content = encrypt(contentKey, Buffer.from(JSON.stringify(payload)), head);
    const parts = [wrapped.text, content.iv, content.text, content.tag];
    return [head, ...parts.map((part) => part.toString('base64url'))].join('.');
  }

  /** From now on a text of somebody's own is as good as what was sealed. */
  give(text: string, sealed: string): void {
    this.#given.set(text, sealed);
  }

  forgetGiven(): void {
    this.#given.clear();
  }

  isGiven(text: string): boolean {
    return this.#given.has(text);
  }

  open(token: string): Readonly<Record<string, unknown>> | undefined {
    const parts = (this.#given.get(token) ?? token).split('.');
    if (parts.length !== 5) return undefined;
    const [head = '', wrappedKey = '', iv = '', text = '', tag = ''] = parts;
    try {
      const header: unknown = JSON.parse(Buffer.from(head, 'base64url').toString());
      const { iv: keyIv, tag: keyTag } = header as Record<string, string>;
      const contentKey = decrypt(this.#secret, keyIv ?? '', wrappedKey, keyTag ?? '');
      const payload: unknown = JSON.parse(decrypt(contentKey, iv, text, tag, head).toString());
      return payload as Readonly<Record<string, unknown>>;
    } catch {
      return undefined;
    }
  }
}

function encrypt(
  key: Buffer,
  text: Buffer,
  associated = '',
): { iv: Buffer; text: Buffer; tag: Buffer } {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(associated));
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return { iv, text: sealed, tag: cipher.getAuthTag() };
}

function decrypt(key: Buffer, iv: string, text: string, tag: string, associated = ''): Buffer {
  const bytes = (part: string): Buffer => Buffer.from(part, 'base64url');
  const options = { authTagLength: 16 };
  const decipher = createDecipheriv('aes-256-gcm', key, bytes(iv), options);
  decipher.setAAD(Buffer.from(associated)).setAuthTag(bytes(tag));
  return Buffer.concat([decipher.update(bytes(text)), decipher.final()]);
}
