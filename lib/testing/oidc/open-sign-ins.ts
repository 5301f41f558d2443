import { BoundedMap } from '../world/world.js';

const OPEN_AT_ONCE = 1000;

/** What a person's browser came with, kept until the code is redeemed. */
export interface AuthRequest {
  readonly id: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly state: string | undefined;
  readonly nonce: string | undefined;
  readonly codeChallenge: string;
}

export interface SignIn {
  readonly request: AuthRequest;
  readonly userId: string;
  /** Id of the session that the sign-in began: `sid` of ID tokens. */
  readonly sessionId: string;
  /** Id of what its tokens belong to: in their `jti`. */
  readonly tokenSessionId: string;
  /** Seconds since 1970. */
  readonly authTime: number;
}

/** Sign-ins under way. The oldest are forgotten when too many are left open. */
export class SignIns {
  /** Those at the sign-in page. */
  readonly open = new BoundedMap<AuthRequest>(OPEN_AT_ONCE);
  /** Those with a code that can be redeemed once, by the id of the code. */
  readonly codes = new BoundedMap<SignIn>(OPEN_AT_ONCE);
  /** A session has one refresh token; a new one replaces it. */
  readonly refreshTokens = new BoundedMap<{ signIn: SignIn; tokenId: string }>(OPEN_AT_ONCE);

  /** The sign-in of an opened refresh token, while it is the newest of its session. */
  refreshOf(payload: Readonly<Record<string, unknown>> | undefined): SignIn | undefined {
    if (payload?.['kind'] !== 'refresh') return undefined;
    const kept = this.refreshTokens.get(String(payload['sid']));
    return kept?.tokenId === payload['id'] ? kept?.signIn : undefined;
  }
}
