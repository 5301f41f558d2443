import { homeOf } from '../../core/caller.js';

type Claims = Readonly<Record<string, unknown>>;

/** Something that an application can do with a token, or not. */
export interface Use {
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
  return {
    what: 'memberships as the caller, and permissions',
    there: others.length === 0 ? false : undefined,
    why:
      others.length === 0
        ? request('urn:zitadel:iam:org:project:id:zitadel:aud')
        : `only if ${others.map(shown).join(' or ')} in its audience is the project of ZITADEL itself: --check says it`,
  };
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
