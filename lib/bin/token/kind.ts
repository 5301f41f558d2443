import { jsonOf } from '../../zitadel/callers/access-token.js';

/** What a token says about itself, before anybody has verified it. */
export interface Form {
  readonly kind: TokenKind;
  /** Undefined where only ZITADEL can read it. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

type TokenKind = keyof typeof KINDS;

/** The kinds in words. */
export const KINDS = {
  accessToken: 'a JWT access token',
  idToken: 'an ID token: it tells an application who signed in, and no API takes it',
  assertion: 'a client assertion: it proves who asks for a token, and is none',
  otherJwt: 'a JWT, but no access token of ZITADEL',
  opaque: 'an opaque access token: only ZITADEL can read it',
  sealed:
    'a personal access token or a session token: only ZITADEL can read it and tell them apart',
  unknown: 'no token of ZITADEL: JWTs have three parts, its other tokens five',
} as const;

/** Tells tokens apart as a real server makes them. Whether one is taken is said elsewhere. */
export function formOf(token: string): Form {
  const parts = token.split('.');
  if (parts.length === 5) {
    const header = jsonOf(parts[0]);
    if (!header) return { kind: 'unknown', claims: undefined };
    // Personal access tokens name the key that they are encrypted with, opaque access tokens do not.
    return { kind: Object.hasOwn(header, 'kid') ? 'sealed' : 'opaque', claims: undefined };
  }
  const claims = parts.length === 3 && jsonOf(parts[0]) ? jsonOf(parts[1]) : undefined;
  return { kind: claims ? kindOf(claims) : 'unknown', claims };
}

function kindOf(claims: Readonly<Record<string, unknown>>): TokenKind {
  const has = (name: string) => Object.hasOwn(claims, name);
  if (has('at_hash') || has('nonce') || has('azp')) return 'idToken';
  if (has('jti') && has('client_id')) return 'accessToken';
  return has('iss') && claims['iss'] === claims['sub'] ? 'assertion' : 'otherJwt';
}
