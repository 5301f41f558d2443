import type { Generation } from '../zitadel/generation.js';
import { isDone, isTrouble, type Reply } from '../zitadel/reply.js';
import { PAGE } from '../zitadel/reading.js';
import { amiss, EFFECT, type Finding, fine, found, warning } from './finding.js';
import type { Scene } from './scene.js';

const LISTS: Readonly<Record<Generation, { readonly path: string; readonly limit: string }>> = {
  v1: { path: '/auth/v1/memberships/me/_search', limit: 'query' },
  v2: {
    path: '/zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators',
    limit: 'pagination',
  },
};

/** Which generations of the API are served, and whether the options get along with that. No token is sent. */
export async function examineApis(
  scene: Scene,
): Promise<{ readonly findings: readonly Finding[]; readonly served: readonly Generation[] }> {
  const served: Generation[] = [];
  for (const generation of ['v1', 'v2'] as const) {
    const { path } = LISTS[generation];
    const reply = await scene.http({ family: `api ${generation}`, method: 'POST', path, json: {} });
    if (isServed(reply)) served.push(generation);
  }
  return { findings: judge(scene, served), served };
}

/** Without a token, what is served answers 401. Here a proxy may answer, too: 403 if it lets nobody in. */
const isServed = (reply: Reply): boolean =>
  isDone(reply) || ![403, 404, 405, 501].includes(reply.status ?? 0);

function judge({ resolved }: Scene, served: readonly Generation[]): readonly Finding[] {
  const { api, memberships } = resolved;
  const organizations = memberships.as === 'serviceUser' ? memberships.organizations : undefined;
  const isEverywhere = memberships.as === 'serviceUser' && organizations === undefined;
  const [v1, v2] = [served.includes('v1'), served.includes('v2')];
  if (!v1 && !v2) {
    return [
      amiss('api.none', {
        what: 'neither API v1 nor v2 is served',
        why: 'memberships are read there',
        effect: 'every request for a role: 500 misconfigured or 503 unavailable',
        remedy: `let the proxy before ZITADEL pass /auth/, /management/, /admin/, /v2/ and /zitadel. to it`,
      }),
    ];
  }
  const missing = (generation: Generation, what: string, remedy: string) =>
    amiss(`api.no-${generation}`, {
      what: `API ${generation} is not served, and ${what}`,
      why: 'the two generations answer different questions',
      effect: EFFECT.misconfigured,
      remedy,
    });
  const used = api === 'auto' ? (v1 ? 'v1' : 'v2') : api;
  const of = isEverywhere ? 'v2' : used;
  const lacks = of === 'v2' && !v1 ? ': it has no permissions, and no ids of project grants' : '';
  const both = v1 && v2 ? 'API v1 and v2 are served' : `API ${v1 ? 'v1' : 'v2'} alone is served`;
  const problem =
    (!v1 &&
      organizations !== undefined &&
      missing(
        'v1',
        'memberships.organizations needs it',
        'leave out memberships.organizations, and make the service user an IAM_OWNER_VIEWER',
      )) ||
    (!v2 &&
      isEverywhere &&
      missing(
        'v2',
        'the service user reads all organizations by it',
        'name the organizations in memberships.organizations: then API v1 is used',
      )) ||
    (!v2 &&
      resolved.projectRoles === 'api' &&
      missing('v2', "projectRoles: 'api' needs it", "write projectRoles: 'token'")) ||
    (!served.includes(used) &&
      missing(used, `the option api is '${used}'`, "leave out the option api: 'auto' finds out"));
  return found(
    problem || fine('api.served', `${both}; memberships are read by ${of}${lacks}`),
    resolved.events?.tail !== undefined &&
      !v1 &&
      warning('api.no-events', {
        what: 'API v1 is not served, and events.tail asks its Event API',
        why: 'nothing tells this application what changes',
        effect: EFFECT.late,
        remedy: 'receive events instead: npx nestjs-zitadel events setup',
      }),
  );
}

/** How many rows a list gives at most. Whoever asks needs a token. */
export async function examineLimits(
  { plainHttp }: Scene,
  generation: Generation,
  token: string,
): Promise<Finding | undefined> {
  const { path, limit: place } = LISTS[generation];
  const isTaken = async (limit: number): Promise<boolean | undefined> => {
    const json = { [place]: { limit } };
    const reply = await plainHttp({ family: 'limits', method: 'POST', path, token, json });
    if (isDone(reply)) return true;
    return isTrouble(reply) || reply.id !== 'QUERY-4M0fs' ? undefined : false;
  };
  const full = await isTaken(PAGE);
  if (full === false) {
    return warning('api.short-lists', {
      what: `the server refuses lists of ${PAGE} rows a page`,
      why: 'long lists take more calls, and so longer',
      effect: 'no request is refused; those of users with many memberships are slower',
      remedy: `set SystemDefaults.MaxQueryLimit of ZITADEL to ${PAGE}, as it is by default`,
    });
  }
  const more = await isTaken(PAGE + 1);
  if (full === undefined || more === undefined) return undefined;
  return fine(
    'api.limits',
    more
      ? `lists have no limit of ${PAGE} rows: as before v4.19.5 of ZITADEL, or with MaxQueryLimit 0`
      : `lists have at most ${PAGE} rows a page, as since v4.19.5 of ZITADEL`,
  );
}
