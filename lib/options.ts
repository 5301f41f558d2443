import type { Caller } from './core/caller.js';
import type { HierarchyTable } from './core/requirement/roles.js';
import type { ZitadelLogger } from './core/tell.js';
import type { RequestLike } from './core/request.js';
import type { IntrospectionCredential, ServiceUserCredential } from './zitadel/credentials.js';
import type { Fetch } from './zitadel/call.js';

/** Callers are known by JWT access tokens, verified locally. Made by `jwt()`. */
export interface JwtCallers {
  readonly type: 'jwt';
  readonly recheckMs?: number | false;
}

/** Settings of `jwt()`. */
export interface JwtSettings {
  /**
   * With memberships read as the service user: how long, in milliseconds, ZITADEL's acceptance of a token counts before it is asked
   * again (userinfo). `false`: never asked; then a revoked token counts until it expires. @default cache.ttlMs
   */
  readonly recheckMs?: number | false;
}

/** Callers are known by asking ZITADEL about their tokens (RFC 7662). Made by `introspection()`. */
export interface IntrospectionCallers {
  readonly type: 'introspection';
  readonly credential: IntrospectionCredential;
}

/** Callers are known by what ZITADEL answers to their own tokens. Made by `userinfo()`. */
export interface UserinfoCallers {
  readonly type: 'userinfo';
}

/** JWTs are verified locally, everything else is asked about. Which of the two a token is, its form says: they are never tried in turn. */
export type MixedCallers =
  | readonly [JwtCallers, IntrospectionCallers | UserinfoCallers]
  | readonly [IntrospectionCallers | UserinfoCallers, JwtCallers];

/** Ways to know callers that can stand in a list. */
export type OneWay = JwtCallers | IntrospectionCallers | UserinfoCallers;

/** Your own way to know a caller. `undefined` or `null`: the token is not valid. Throwing means an outage: 503. Remembered per token. */
export type CallerFunction = (
  token: string,
) => Caller | null | undefined | Promise<Caller | null | undefined>;

/** Every way to know callers. */
export type Callers = OneWay | MixedCallers | CallerFunction;

/** There are none; what is given all the same is refused at boot. */
type NoSettings = Readonly<Record<string, never>>;

/** Callers send JWT access tokens of ZITADEL (the application's token type must be JWT). */
export function jwt(settings: JwtSettings = {}): JwtCallers {
  return Object.freeze({ type: 'jwt', ...settings });
}

/**
 * Callers send access tokens of any kind, also opaque ones and personal access tokens. ZITADEL is asked about each once per cache.ttlMs,
 * in the name of an application of type API: `keyFile('./api.json')`, `key(json)` or `basic(clientId, clientSecret)`. It accepts tokens
 * that are for this application or its project; with the option `audience` that is checked again here.
 */
export function introspection(
  credential: IntrospectionCredential,
  settings: NoSettings = {},
): IntrospectionCallers {
  return Object.freeze({ ...settings, type: 'introspection', credential });
}

/**
 * Callers send access tokens of any kind, and ZITADEL's userinfo says whose they are: no application and no secret is needed. It does not
 * say whom a token is for, so a token of any application of the instance is accepted if ZITADEL's own API takes it. Only with memberships
 * as the caller, whose read proves that.
 */
export function userinfo(settings: NoSettings = {}): UserinfoCallers {
  return Object.freeze({ ...settings, type: 'userinfo' });
}

/** Which generation of ZITADEL's API is used. */
export type ApiSetting = 'auto' | 'v1' | 'v2';

/** Everything that can be set. Unknown, undefined and wrong options throw before anything is built. */
export interface ZitadelOptions {
  /** The external origin of the instance, exactly as tokens name it in `iss`: `https://acme.zitadel.cloud`, no trailing slash. */
  readonly issuer: string;
  /** Another origin at which the same instance is reached, e.g. inside a cluster. `iss` stays the issuer. @default the issuer */
  readonly internalUrl?: string;
  /**
   * Whom a caller's token must be for: a project id or client ids, at least one of which is in `aud`. Required with `jwt()`; with
   * `introspection()` alone ZITADEL checks it, and this once more.
   */
  readonly audience?: string | readonly string[];
  /** How callers are known: `jwt()`, `introspection(...)`, `userinfo()`, a list of `jwt()` and one of these, or a function. @default jwt() */
  readonly callers?: Callers;
  /**
   * Who reads a caller's memberships: the caller's own token, over all organizations; or the service user, either in `organizations` and
   * nowhere else (API v1, a manager role in each of them; managers of the instance are seen there too, and count everywhere), or, without `organizations`, everywhere (API v2, IAM_OWNER_VIEWER).
   * @default { as: 'caller' }
   */
  readonly memberships?:
    | { readonly as: 'caller' }
    | {
        readonly as: 'serviceUser';
        readonly organizations?: readonly string[] | (() => Promise<readonly string[]>);
      };
  /**
   * Which generation of ZITADEL's API is used. 'auto': v1 as long as the server has it (it alone has ids of project grants, and
   * permissions), v2 where it has not; found out by the first call, remembered and logged. @default 'auto'
   */
  readonly api?: ApiSetting;
  /** The project whose roles `projectRole` means where it names none. */
  readonly projectId?: string;
  /** Our identity at ZITADEL: `keyFile(path)`, `key(json)`, `pat(token)` or `clientCredentials(id, secret)`. For project grants, and memberships as the service user. */
  readonly serviceUser?: ServiceUserCredential;
  readonly cache?: {
    /** How long memberships count, in milliseconds since they were asked for: the bound on every revocation. 0: not at all. @default 30000 */
    readonly ttlMs?: number;
    /**
     * How old, in milliseconds, what a "no" rests on may be. A "no" that rests on older memberships, permissions or look-ups is not
     * repeated: they are asked for again, so that a right that was just given counts. Once for each token (as the service user: each
     * user), and up to 8 times a user in this time; what a user is denied beyond that is repeated. 0: no "no" is repeated, and beyond 200
     * in 30 seconds the user gets 503. Above ttlMs it changes nothing. @default 2000
     */
    readonly denialMs?: number;
    /** Memory for what is remembered, in bytes. @default 67108864 (64 MiB) */
    readonly maxBytes?: number;
    /**
     * Puts Nest's CACHE_MANAGER (Express: the second argument of `createZitadel`) behind the memory cache. Entries are signed with
     * `secret`, at least 32 characters; `secret: false` trusts everyone who can write there. @default false
     */
    readonly shared?: false | { readonly secret: string | false };
  };
  /** Which role satisfies which: ZITADEL's own hierarchy, none, or a table of yours. @default 'zitadel' */
  readonly hierarchy?: 'zitadel' | 'exact' | HierarchyTable;
  /** Who owns a project, where neither a membership nor ZITADEL says it. */
  readonly projectOwner?: (projectId: string) => Promise<string | undefined>;
  /** What an id must match, as a whole. @default /[0-9]{1,200}/ */
  readonly idPattern?: RegExp;
  /** One attempt to reach ZITADEL, in milliseconds. @default 3000 */
  readonly timeoutMs?: number;
  /** All that one request waits for ZITADEL, in milliseconds. @default 5000 */
  readonly budgetMs?: number;
  /**
   * How far, in milliseconds, a caller's token may come from the future (`iat`, `nbf`): for a host whose clock is behind ZITADEL's; at
   * most 300000. `exp` has no tolerance: no token counts for longer than ZITADEL says. @default 5000
   */
  readonly clockToleranceMs?: number;
  /** For proxies and HTTP/2. @default the global fetch */
  readonly fetch?: Fetch;
  /** @default Nest's Logger; in Express the console, without debug */
  readonly logger?: ZitadelLogger;
  /** Allow plain http to an issuer that is not on this host. @default false */
  readonly allowHttp?: boolean;
  /** Accept impersonation tokens (`act`). ZITADEL refuses them at its API, so only with memberships as the service user. @default false */
  readonly allowImpersonation?: boolean;
  /** Where the token stands when it is not in the Authorization header. @default Authorization: Bearer */
  readonly token?: (request: RequestLike) => string | undefined;
}

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly issuer: string;
  readonly internalUrl: string | undefined;
  readonly audience: readonly string[];
  readonly callers: Callers;
  readonly memberships: Required<ZitadelOptions>['memberships'];
  readonly api: ApiSetting;
  readonly projectId: string | undefined;
  readonly serviceUser: ServiceUserCredential | undefined;
  readonly ttlMs: number;
  readonly denialMs: number;
  readonly maxBytes: number;
  readonly shared: { readonly secret: string | false } | undefined;
  readonly hierarchy: HierarchyTable;
  readonly projectOwner: ZitadelOptions['projectOwner'];
  readonly idPattern: RegExp;
  readonly timeoutMs: number;
  readonly budgetMs: number;
  readonly clockToleranceMs: number;
  readonly fetch: Fetch;
  readonly logger: ZitadelLogger;
  readonly allowImpersonation: boolean;
  readonly token: ZitadelOptions['token'];
}
