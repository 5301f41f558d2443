import type { ServedApis } from './server/endpoints.js';
import type { ServerLine } from './world/role-permissions.js';

export interface EmulatorSettings {
  /** 0, the default, takes any free port. */
  readonly port?: number | undefined;
  /** The address to listen at. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /**
   * The address by which the instance knows itself. With another one than that where it listens, the emulator
   * is an instance that is reached over an internal address. Then requests must name the instance in
   * `x-zitadel-instance-host`, and in `x-zitadel-public-host` where it matters.
   *
   * @default where it listens
   */
  readonly issuer?: string | undefined;
  /**
   * Which generation of ZITADEL's API it serves: `'v1'` is the REST API (`/auth/v1`, `/management/v1`,
   * `/admin/v1`), `'v2'` the Connect services (`/zitadel.*`). @default 'both'
   */
  readonly apis?: ServedApis | undefined;
  /**
   * How many rows its lists give. `{ v1Max: 0 }` is an older ZITADEL. The event API never gives more than 1000
   * rows.
   *
   * @default those of ZITADEL since v4.19.5
   */
  readonly queryLimits?: QueryLimits | undefined;
  /**
   * Whether `ListAdministrators` has the filters `role`, `and`, `or` and `not`, as ZITADEL has since
   * January 2026. Without them a request that names one is refused. @default true
   */
  readonly administratorFilters?: boolean | undefined;
  /**
   * What its manager roles permit: as on servers of the `'v4'` line, or of ZITADEL's `'main'` branch, where
   * some of them may also do something with user groups. @default 'v4'
   */
  readonly line?: ServerLine | undefined;
  /**
   * Ids count up by one from here. Two emulators with the same number have the same ids for what is made in the same order: for tests of an
   * application with several instances. @default a random number, and random steps
   */
  readonly firstId?: string | undefined;
}

/** How many rows lists give. */
export interface QueryLimits {
  /**
   * `SystemDefaults.DefaultQueryLimit`: how many rows a list of API v2 gives without a limit. 0 gives all rows.
   *
   * @default 100
   */
  readonly default?: number;
  /** `SystemDefaults.MaxQueryLimit`: a larger limit is refused. 0 refuses none. @default 1000 */
  readonly max?: number;
  /**
   * The maximum of API v1. Its lists also give this many rows without a limit. 0: no maximum, as in ZITADEL
   * before v4.19.5.
   *
   * @default as `max`
   */
  readonly v1Max?: number;
}

/** An object of the world, or just its id. */
export type Ref = string | { readonly id: string };

export interface Org {
  readonly id: string;
  readonly name: string;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  /** The organization that owns it. */
  readonly orgId: string;
}

export interface User {
  readonly id: string;
  /** What the user is shown as. */
  readonly name: string;
  /** The login name. For a service user it is also the client id of its client credentials. */
  readonly userName: string;
  readonly orgId: string;
  readonly kind: 'person' | 'serviceUser';
  /** A service user has none. */
  readonly email?: string;
}

export interface ProjectGrant {
  readonly id: string;
  readonly projectId: string;
  readonly grantedOrgId: string;
  readonly roleKeys: readonly string[];
  readonly state: 'active' | 'inactive';
}

/** What a membership is on. */
export type MemberResource =
  | 'instance'
  | { readonly org: Ref }
  | { readonly project: Ref }
  | { readonly projectGrant: Ref };

export type AccessTokenType = 'jwt' | 'opaque';

/** What may be given to anything that gets an id. */
export interface IdOption {
  /** One that nothing else has or had: 1 to 200 letters, digits, `-` and `_`. @default ZITADEL makes one up: 18 digits */
  readonly id?: string | undefined;
}

export interface ProjectOptions extends IdOption {
  /** The owner. @default the organization of the instance */
  readonly org?: Ref;
  /** The keys of the project's roles. A project grant hands some of them on. */
  readonly roles?: readonly string[];
  /** "Assert roles on authentication". */
  readonly roleAssertion?: boolean;
}

export interface UserOptions extends IdOption {
  readonly org?: Ref;
  /** What the user is shown as. @default the user name */
  readonly displayName?: string;
  /** @default what the user is shown as */
  readonly givenName?: string;
  /** @default what the user is shown as */
  readonly familyName?: string;
  /** For the scope `email`. @default the user name, with `@example.com` where it is no address */
  readonly email?: string;
  /** @default true */
  readonly emailVerified?: boolean;
  /** The sign-in page asks for it. @default none: to pick the user is enough */
  readonly password?: string | undefined;
  /** For the scope `urn:zitadel:iam:user:metadata`. Tokens have the values in base64url. @default none */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ServiceUserOptions extends IdOption {
  readonly org?: Ref;
  readonly displayName?: string;
  /** As in {@link UserOptions}. @default none */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What the token endpoint gives this user. @default 'jwt' */
  readonly accessTokenType?: AccessTokenType;
}

export interface ApplicationOptions {
  /** As {@link IdOption}: its client id. */
  readonly clientId?: string | undefined;
  /** Exactly these addresses are redirected to. */
  readonly redirectUris: readonly string[];
  /** What its users get. @default 'jwt' */
  readonly accessTokenType?: AccessTokenType;
  /** "User roles inside access token". @default false, as in ZITADEL */
  readonly accessTokenRoles?: boolean;
  /** "User info inside ID token": names and email by the scopes `profile` and `email`. @default false, as in ZITADEL */
  readonly idTokenUserInfo?: boolean;
}

export interface ApiApplicationOptions {
  /** As {@link IdOption}: its client id. */
  readonly clientId?: string | undefined;
  /** @default 64 random characters */
  readonly clientSecret?: string | undefined;
}

export interface AuthorizationOptions {
  /** Who gives the roles: the owner of the project, or an organization to which it is granted. @default the owner */
  readonly org?: Ref;
}

export interface TokenOptions {
  /** Whether ZITADEL's own API accepts the token. @default true */
  readonly zitadelAudience?: boolean;
  /** Ids of the projects or clients for which it is. @default the default project */
  readonly audience?: readonly string[];
  /**
   * Scopes besides `openid profile` and those of the audience, as at the token endpoint: for the role claims
   * (`urn:zitadel:iam:org:projects:roles`), the home organization (`urn:zitadel:iam:user:resourceowner`) and the
   * metadata (`urn:zitadel:iam:user:metadata`) of the token, of userinfo and of introspection. With `email` the
   * last two tell the email.
   */
  readonly scopes?: readonly string[];
  /** Seconds from now. A negative number makes an expired token. @default 43200 (12 hours) */
  readonly expiresInSeconds?: number;
  /** Put over the claims at the end. `undefined` removes a claim. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Put over the header at the end. `undefined` removes a parameter. */
  readonly header?: Readonly<Record<string, unknown>>;
}

export function idOf(ref: Ref): string {
  return typeof ref === 'string' ? ref : ref.id;
}

/** What happens to deliveries on their way to targets. What is not named does not happen. */
export interface DeliveryFaults {
  /**
   * How many milliseconds after the change an event is delivered: always as many, or any number between two. ZITADEL's deliveries take
   * 10 to 1,100 ms.
   *
   * @default 0
   */
  readonly delayMs?: number | readonly [least: number, most: number];
  /** Which share of the deliveries never arrives, from 0 to 1. @default 0 */
  readonly lose?: number;
  /** Which share arrives twice, from 0 to 1. @default 0 */
  readonly duplicate?: number;
  /**
   * Whether a later event may arrive before an earlier one. Without it they arrive in their order, each after the one before it was
   * answered.
   *
   * @default false
   */
  readonly reorder?: boolean;
  /** Chance begins here: the same number and the same events have the same fate. @default 1 */
  readonly seed?: number;
}

/** Where events are delivered to. */
export interface Target {
  readonly id: string;
  /** What its deliveries are signed with. */
  readonly signingKey: string;
}

export interface TargetOptions {
  /** Which events: types such as `org.member.removed`, or groups such as `org.member`. @default all of them */
  readonly events?: readonly string[];
  /** ZITADEL makes up a key. Give one to know it before the application starts. */
  readonly signingKey?: string;
  /** How long an endpoint may take to answer, in milliseconds. @default 5000 */
  readonly timeoutMs?: number;
}

/** How an endpoint misbehaves. */
export type Fault =
  /** That status, with the body ZITADEL gives it. */
  | number
  /** Exactly this reply. A body that is not text is sent as JSON. */
  | {
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A redirect (302) to another address. */
  | { readonly redirectTo: string }
  /** Accepts the request and never replies. */
  | 'hang'
  /** Closes the connection instead of replying. Nothing is done. */
  | 'refuse'
  /** Does the work, then closes the connection instead of replying. */
  | 'lose'
  /** 200 and `application/json`, but no JSON. */
  | 'garbage'
  /** 200 and a page. */
  | 'html'
  /** The right reply, cut in half. */
  | 'truncated'
  /** The right reply about the wrong user: for endpoints that tell about a user. */
  | 'wrong-user'
  /** 200 and a body that never ends. */
  | 'endless'
  /** A redirect (302) to another origin. */
  | 'redirect';
