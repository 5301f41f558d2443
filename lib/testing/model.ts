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
  /** The login name; for a service user also the client id of its client credentials. */
  readonly userName: string;
  readonly orgId: string;
  readonly kind: 'person' | 'serviceUser';
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
  'instance' | { readonly org: Ref } | { readonly project: Ref } | { readonly projectGrant: Ref };

export type AccessTokenType = 'jwt' | 'opaque';

export interface ProjectOptions {
  /** The owner; the organization of the instance unless given. */
  readonly org?: Ref;
  /** Keys of the project's roles, those that a project grant hands on. */
  readonly roles?: readonly string[];
  /** "Assert roles on authentication". */
  readonly roleAssertion?: boolean;
}

export interface UserOptions {
  readonly org?: Ref;
  /** What the user is shown as; the user name unless given. */
  readonly displayName?: string;
  readonly givenName?: string;
  readonly familyName?: string;
}

export interface ServiceUserOptions {
  readonly org?: Ref;
  readonly displayName?: string;
  /** What the token endpoint hands out to this user; `'jwt'` unless given. */
  readonly accessTokenType?: AccessTokenType;
}

export interface ApplicationOptions {
  /** Exactly these addresses are redirected to. */
  readonly redirectUris: readonly string[];
  /** `'jwt'` unless given. */
  readonly accessTokenType?: AccessTokenType;
  /** "User roles inside access token"; false unless given, as in ZITADEL. */
  readonly accessTokenRoles?: boolean;
}

export interface AuthorizationOptions {
  /** Who gives the roles: the owner of the project unless given, or an organization it is granted to. */
  readonly org?: Ref;
}

export interface TokenOptions {
  /** Whether the token may be used at ZITADEL's own API; true unless given. */
  readonly zitadelAudience?: boolean;
  /** Who else it is for; the default project unless given. */
  readonly audience?: readonly string[];
  /**
   * Scopes besides `openid profile` and those of the audience, as at the token endpoint: for the role claims
   * (`urn:zitadel:iam:org:projects:roles`) and the home organization (`urn:zitadel:iam:user:resourceowner`)
   * of the token, of userinfo and of introspection.
   */
  readonly scopes?: readonly string[];
  /** 43,200 (12 h) unless given; negative makes an expired token. */
  readonly expiresInSeconds?: number;
  /** Put over the claims last; `undefined` takes a claim away. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Put over the header last; `undefined` takes a parameter away. */
  readonly header?: Readonly<Record<string, unknown>>;
}

export function idOf(ref: Ref): string {
  return typeof ref === 'string' ? ref : ref.id;
}
