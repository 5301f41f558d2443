import { BoundedMap, type IdSource } from '../world/world.js';

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

const OPEN_AT_ONCE = 1000;

/** Sign-ins under way. The oldest are forgotten when too many are left open. */
export class AuthRequests {
  readonly #open = new BoundedMap<AuthRequest>(OPEN_AT_ONCE);
  readonly #codes = new BoundedMap<SignIn>(OPEN_AT_ONCE);
  readonly #refreshTokens = new BoundedMap<{ signIn: SignIn; tokenId: string }>(OPEN_AT_ONCE);

  constructor(private readonly ids: IdSource) {}

  open(request: Omit<AuthRequest, 'id'>): AuthRequest {
    const opened = { ...request, id: `V2_${this.ids.next()}` };
    this.#open.set(opened.id, opened);
    return opened;
  }

  find(id: string): AuthRequest | undefined {
    return this.#open.get(id);
  }

  /** Ends the request. Returns the id of a code that can be redeemed once. */
  signIn(request: AuthRequest, userId: string, sessionId: string, authTime: number): string {
    const codeId = this.ids.next();
    const tokenSessionId = this.ids.next();
    this.#open.delete(request.id);
    this.#codes.set(codeId, { request, userId, sessionId, tokenSessionId, authTime });
    return codeId;
  }

  findCode(codeId: string): SignIn | undefined {
    return this.#codes.get(codeId);
  }

  useCode(codeId: string): void {
    this.#codes.delete(codeId);
  }

  /** A session has one refresh token; a new one replaces it. */
  rememberRefresh(signIn: SignIn, tokenId: string): void {
    this.#refreshTokens.set(signIn.sessionId, { signIn, tokenId });
  }

  /** The sign-in of an opened refresh token, while it is the newest of its session. */
  refreshOf(payload: Readonly<Record<string, unknown>> | undefined): SignIn | undefined {
    if (payload?.['kind'] !== 'refresh') return undefined;
    const kept = this.#refreshTokens.get(String(payload['sid']));
    return kept?.tokenId === payload['id'] ? kept?.signIn : undefined;
  }

  forgetRefresh(sessionId: string): void {
    this.#refreshTokens.delete(sessionId);
  }
}
