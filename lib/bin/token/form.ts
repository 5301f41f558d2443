import { homeOf } from '../../core/caller.js';
import { jsonOf } from '../../zitadel/callers/access-token.js';

type Claims = Readonly<Record<string, unknown>>;

/** What a token says about itself, before anybody has verified it. */
export interface Form {
  readonly kind: TokenKind;
  /** Undefined where only ZITADEL can read it. */
  readonly claims: Claims | undefined;
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

function kindOf(claims: Claims): TokenKind {
  const has = (name: string) => Object.hasOwn(claims, name);
  if (has('at_hash') || has('nonce') || has('azp')) return 'idToken';
  if (has('jti') && has('client_id')) return 'accessToken';
  return has('iss') && claims['iss'] === claims['sub'] ? 'assertion' : 'otherJwt';
}

/** Something that an application can do with a token, or not. */
interface Use {
  readonly what: string;
  /** Undefined: only ZITADEL knows. */
  readonly there: boolean | undefined;
  readonly why: string;
}

const ROLES_CLAIM = /^urn:zitadel:iam:org:project:(?:([^:]+):)?roles$/;

/** What the claims of an access token are enough for, and the scope that is missing for the rest. */
export function usesOf(claims: Claims, projectId: string | undefined): readonly Use[] {
  const audience = audienceOf(claims);
  const home = homeOf({ claims });
  const roles = projectRolesOf(claims);
  const ofProject = projectId === undefined || !audience || audience.includes(projectId);
  return [
    asCaller([claims['client_id'], projectId], audience),
    {
      what: 'the home organization (@Authenticated({ organizations }), org.ofCaller(), @RequireProjectRole)',
      there: home !== undefined,
      why:
        home === undefined ? request('urn:zitadel:iam:user:resourceowner') : `it is ${shown(home)}`,
    },
    {
      what: 'project roles (@RequireProjectRole)',
      there: roles.length > 0,
      why:
        roles.length > 0
          ? roles.map(({ project, keys }) => `${keys.join(', ')} of ${project}`).join('; ')
          : `${request(`urn:zitadel:iam:org:projects:roles${ofProject ? '' : ` and urn:zitadel:iam:org:project:id:${projectId}:aud`}`)}, or the user has no role of a project in the audience`,
    },
  ];
}

/** The audience names ZITADEL's own project by its id, which differs from instance to instance. */
function asCaller(own: readonly unknown[], audience: readonly string[] = []): Use {
  const others = audience.filter((each) => /^\d+$/.test(each) && !own.includes(each));
  const what = 'memberships as the caller, and permissions';
  if (others.length === 0) {
    return { what, there: false, why: request('urn:zitadel:iam:org:project:id:zitadel:aud') };
  }
  const why = `only if ${others.map(shown).join(' or ')} in its audience is the project of ZITADEL itself: --check says it`;
  return { what, there: undefined, why };
}

const request = (scopes: string): string => `missing: request the scope ${scopes}`;

/** Whom the token is for. Userinfo does not say it. */
export function audienceOf(claims: Claims): readonly string[] | undefined {
  if (!Object.hasOwn(claims, 'aud')) return undefined;
  return [claims['aud']].flat().filter((each) => typeof each === 'string');
}

/** The project roles that a token tells. `project`: its id, or in words. */
function projectRolesOf(claims: Claims): readonly { project: string; keys: readonly string[] }[] {
  return Object.entries(claims).flatMap(([name, roles]) => {
    const [found, id] = ROLES_CLAIM.exec(name) ?? [];
    const keys = Object.keys(Object(roles) as object).map(shown);
    if (found === undefined || keys.length === 0) return [];
    return [
      { project: id === undefined ? 'the project of its client' : `project ${shown(id)}`, keys },
    ];
  });
}

/** A value from a token. Anybody can make one, so nothing in it may steer a terminal. */
export function shown(value: unknown): string {
  if (typeof value !== 'string') return value === undefined ? 'none' : 'no text';
  return value.length <= 200 && /^[\p{L}\p{N}\p{P}\p{S} ]+$/u.test(value)
    ? value
    : `${value.length} characters`;
}
