import type { Callers } from './callers.js';
import type { HierarchyTable } from './core/requirement/roles.js';
import type { StartTelemetry } from './core/telemetry.js';
import type { ZitadelLogger } from './core/tell.js';
import type { RequestLike } from './core/request.js';
import type { MessageBus } from './fleet/fleet.js';
import type { RedisClient } from './fleet/redis-client.js';
import type { ServiceUserCredential } from './zitadel/credentials.js';
import type { Fetch } from './zitadel/call.js';

/** Which generation of ZITADEL's API is used. */
export type ApiSetting = 'auto' | 'v1' | 'v2';

/** What entries of the shared store are signed with. Of a list the first one signs, and each is accepted. */
export type SharedSecret = string | readonly [string, ...string[]] | false;

/** Otherwise an object with `issuer` and `instances` would pass for the options of one instance. */
interface OfOneInstance {
  readonly instances?: never;
}

/**
 * Everything that can be set.
 *
 * @throws ZitadelOptionsError on an option that is unknown, wrong or explicitly `undefined`, before anything is built
 */
export interface ZitadelOptions extends OfOneInstance {
  /**
   * The external origin of the instance, exactly as tokens name it in `iss`: `https://acme.zitadel.cloud`, without a trailing slash. Behind
   * some proxies that has a port, though https implies it: `https://acme.example:443`.
   *
   * @throws ZitadelOptionsError when it is plain http, unless it is on this host, `internalUrl` is set, or `allowHttp` is `true`
   */
  readonly issuer: string;
  /**
   * Another origin at which the same instance is reached, for example inside a cluster. `iss` stays the issuer.
   *
   * @default the issuer
   */
  readonly internalUrl?: string;
  /**
   * Whom a caller's token must be for: a project id or client ids. At least one of them must be in `aud`. With `introspection()` alone
   * it is optional: ZITADEL checks the audience itself.
   *
   * @default none; required with `jwt()`
   * @throws ZitadelOptionsError when it is missing with `jwt()`, or set with `userinfo()` alone or with a function in `callers`, where
   * nothing would check it
   */
  readonly audience?: string | readonly string[];
  /**
   * How callers are known: `jwt()`, `introspection(...)`, `userinfo()`, a list of `jwt()` and one of the other two, or a function from a
   * token to a `Caller`.
   *
   * @default jwt()
   * @throws ZitadelOptionsError when `userinfo()` stands beside memberships as the service user, or a credential is of the wrong kind
   */
  readonly callers?: Callers;
  /**
   * Who reads a caller's memberships. `{ as: 'caller' }`: the caller's own token, in all organizations. `{ as: 'serviceUser' }`: the
   * service user, in all organizations (API v2, needs `IAM_OWNER_VIEWER`). `{ as: 'serviceUser', organizations }`: the service user, in
   * these organizations and no others (API v1, needs a manager role in each). Managers of the instance are seen there too, and count
   * everywhere.
   *
   * @default { as: 'caller' }
   * @throws ZitadelOptionsError when `serviceUser` is missing, `organizations` stands beside `api: 'v2'`, or is missing with `api: 'v1'`
   */
  readonly memberships?: (
    | { readonly as: 'caller' }
    | {
        readonly as: 'serviceUser';
        readonly organizations?: readonly string[] | (() => Promise<readonly string[]>);
      }
  ) & {
    /**
     * Whether manager roles on a deactivated organization, project or project grant count. `'asZitadel'`: they do, because ZITADEL goes on
     * accepting them. `'deny'`: they do not, nor do roles on a project or project grant of a deactivated organization, or on a grant to one.
     * Roles on the instance always count. The service user asks ZITADEL for the states, and needs `IAM_OWNER_VIEWER`, or
     * `ORG_OWNER_VIEWER` in every organization where callers have a role. They are remembered for `cache.ttlMs`, for all callers together.
     * A permission does not count in a deactivated organization if the caller has any role on it. Project roles do not depend on this.
     *
     * @default 'asZitadel'
     * @throws ZitadelOptionsError when it is `'deny'` without `serviceUser`
     */
    readonly inactive?: 'asZitadel' | 'deny';
  };
  /**
   * Which generation of ZITADEL's API is used. `'auto'`: v1 as long as the server has it, v2 where it has not. The first call finds out,
   * and what it finds is remembered and logged. Only v1 has ids of project grants, and permissions.
   *
   * @default 'auto'
   */
  readonly api?: ApiSetting;
  /**
   * The project whose roles a project role requirement means if it names no project.
   *
   * @default none
   */
  readonly projectId?: string;
  /**
   * Where project roles are read. `'token'`: from the claims of the caller's token. `'api'`: where a token lacks the role claim of the
   * project, or the home organization, from ZITADEL's authorizations, by the service user (API v2, needs `ORG_OWNER_VIEWER` in the
   * organization that gives the roles, or `IAM_OWNER_VIEWER`). What ZITADEL says is remembered like memberships.
   *
   * @default 'token'
   * @throws ZitadelOptionsError when it is `'api'` without `serviceUser`, or beside `api: 'v1'`, which does not tell what is inactive
   */
  readonly projectRoles?: 'token' | 'api';
  /**
   * Your application's own identity at ZITADEL: `keyFile(path)`, `key(json)`, `pat(token)` or `clientCredentials(id, secret)`. Project
   * grants need it, and so do memberships that are read as the service user.
   *
   * @default none
   */
  readonly serviceUser?: ServiceUserCredential;
  readonly cache?: {
    /**
     * Milliseconds, from 0 to 3,600,000: for how long memberships count, since they were asked for. This is the bound on every
     * revocation. With 0 they are asked for on every request.
     *
     * @default 30000
     */
    readonly ttlMs?: number;
    /**
     * Milliseconds, from 0 to 3,600,000: how old the knowledge behind a "no" may be. If it is older, ZITADEL is asked again, so that a
     * right that was just given counts. This happens once for each token (as the service user: for each user), and up to 8 times a user in
     * this time. Any further "no" is repeated from memory. With 0 no "no" is repeated, and a user with more than 200 in 30 seconds gets
     * 503. A value above `cache.ttlMs` changes nothing.
     *
     * @default 2000
     */
    readonly denialMs?: number;
    /**
     * Bytes, from 1,048,576 (1 MiB) to 2 ** 40: the memory for what is remembered.
     *
     * @default 67108864
     */
    readonly maxBytes?: number;
    /**
     * `{ secret }` puts a shared store behind the memory cache: Nest's `CACHE_MANAGER`, in Express `sharedCache` of the second argument of
     * `createZitadel`. Entries are signed with `secret`, a string of at least 32 characters that is the same in every process. While it is
     * rotated: a list, of which the first one signs. `secret: false` trusts everyone who can write to the store with every role.
     *
     * @default false
     * @throws ZitadelOptionsError when there is no such store, or the secret is shorter
     */
    readonly shared?: false | { readonly secret: SharedSecret };
  };
  /**
   * The application's own client of `redis` (5) or `ioredis`, or any bus of two functions. Over it the processes of an application tell one another
   * what is forgotten. With a client of Redis, one of them at a time asks ZITADEL about a user. It opens one connection more, by `duplicate()`.
   * Keys and channels begin with `nestjs-zitadel:`.
   *
   * @default none: each process forgets for itself, and the others no later than `cache.ttlMs`
   */
  readonly redis?: RedisClient | MessageBus;
  readonly events?: {
    /**
     * The signing keys of the target at ZITADEL, as it showed them. While a key is rotated: the new one and the old one. With them the
     * application receives ZITADEL's events: in Nest by itself, in Express by `zitadelEvents(zitadel)`.
     *
     * @default none: nothing is received
     */
    readonly signingKeys?: string | readonly [string, ...string[]];
    /**
     * Where Nest receives deliveries: as it is written, whatever the global prefix and the versions of routes are. In Express the route of the
     * application says it.
     *
     * @throws ZitadelOptionsError when it is no plain path, or stands there without `events.signingKeys`
     *
     * @default '/zitadel/events'
     */
    readonly path?: string;
    /**
     * Asks ZITADEL for its events, for applications that ZITADEL cannot call: `{ serviceUser, everyMs }`. The service user needs
     * `IAM_OWNER_VIEWER`, which can read hashes of passwords in events, so take one that does nothing else. `everyMs`: from 1,000 to 60,000,
     * 3,000 unless given.
     *
     * @default none: nothing is asked
     */
    readonly tail?: { readonly serviceUser: ServiceUserCredential; readonly everyMs?: number };
  };
  /**
   * Which role satisfies which other roles: ZITADEL's own hierarchy, none (`'exact'`), or a table of yours.
   *
   * @default 'zitadel'
   */
  readonly hierarchy?: 'zitadel' | 'exact' | HierarchyTable;
  /**
   * Your own knowledge of which organization owns a project. It is asked last, when neither a membership nor ZITADEL says it.
   *
   * @default none
   */
  readonly projectOwner?: (projectId: string) => Promise<string | undefined>;
  /**
   * What an id must match, as a whole.
   *
   * @default /[0-9]{1,200}/
   * @throws ZitadelOptionsError when it has the flag g, m or y
   */
  readonly idPattern?: RegExp;
  /**
   * Milliseconds, from 1 to 60,000: for one attempt to reach ZITADEL.
   *
   * @default 3000
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds, from 1 to 120,000: all that one request waits for ZITADEL.
   *
   * @default 5000
   * @throws ZitadelOptionsError when it is less than `timeoutMs`
   */
  readonly budgetMs?: number;
  /**
   * Milliseconds, from 0 to 300,000: how far in the future `iat` and `nbf` of a caller's token may be, for a host whose clock is behind
   * ZITADEL's. `exp` has no tolerance: no token counts for longer than ZITADEL says.
   *
   * @default 5000
   */
  readonly clockToleranceMs?: number;
  /**
   * What HTTP calls are made with, for proxies and HTTP/2.
   *
   * @default the global fetch
   */
  readonly fetch?: Fetch;
  /**
   * Where the library writes: an object with `debug`, `log`, `warn` and `error`.
   *
   * @default Nest's Logger; in Express the console, without debug
   */
  readonly logger?: ZitadelLogger;
  /**
   * Where the library tells of its work: spans and metrics. `openTelemetry()` of `nestjs-zitadel/opentelemetry` is what to write.
   *
   * @default none: nothing is told, and nothing is measured
   */
  readonly telemetry?: StartTelemetry;
  /**
   * Allow plain http to an issuer that is not on this host. Tokens then travel in the clear.
   *
   * @default false
   */
  readonly allowHttp?: boolean;
  /**
   * Accept impersonation tokens (with the claim `act`): everywhere with `true`. With `'perRoute'` only on routes with
   * `@AllowImpersonation()` (Express: `requireThat(zitadel, requirement, { allowImpersonation: true })`); on all others they are 401
   * `impersonated`. `Caller.actor` is the user who acts.
   *
   * @default false
   * @throws ZitadelOptionsError when it is set with memberships as the caller, because ZITADEL's API refuses such tokens, or with a
   * function in `callers`, which decides about them itself
   */
  readonly allowImpersonation?: boolean | 'perRoute';
  /**
   * Finds the token in a request, for clients that do not send it in the Authorization header.
   *
   * @default Authorization: Bearer
   */
  readonly token?: (request: RequestLike) => string | undefined;
  /**
   * A property of the request that is set to its caller, where code of others looks for it: `'user'` for CASL, and for handlers that were
   * written for passport. It is set as soon as a request is let in.
   *
   * @default none
   * @throws ZitadelOptionsError when requests have such a property already, for example `body`
   */
  readonly requestProperty?: string;
}
