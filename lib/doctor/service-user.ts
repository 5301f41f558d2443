import type { Membership } from '../core/caller.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { isManagerRole } from '../core/requirement/roles.js';
import { createUserinfoVerifier } from '../zitadel/callers/userinfo.js';
import type { Generation } from '../zitadel/generation.js';
import { createMembershipReader } from '../zitadel/memberships/read.js';
import { READER_REMEDY } from '../zitadel/refusals.js';
import { amiss, EFFECT, type Finding, fine, found, warning } from './finding.js';
import type { Scene } from './scene.js';

/** Whether the service user signs in, and may see what the options need. The token if it signs in. */
export async function examineServiceUser(
  scene: Scene,
  served: readonly Generation[],
): Promise<{ readonly findings: readonly Finding[]; readonly token?: string }> {
  const { serviceToken, http, discover } = scene;
  if (!serviceToken) return { findings: [] };
  const token = await serviceToken.get();
  if (typeof token !== 'string') return { findings: [refused(token)] };
  const user = await createUserinfoVerifier(http, discover)(token);
  if (isRefusal(user)) return { findings: [refused(user)] };
  const { userId } = user;
  const parts = { http, generation: scene.generation, serviceToken: undefined };
  const read = createMembershipReader({ ...parts, as: 'caller', everywhere: false });
  const own = await read({ userId, token, organizations: [] });
  if (isRefusal(own)) return { findings: [refused(own)] };
  const { rows } = own;
  const findings = [
    fine('service-user.signs-in', `the service user ${userId} signs in; ${rolesText(rows)}`),
    ...(await reads(scene, served, userId, rows)),
    ...needs(scene, rows),
  ];
  return { findings, token };
}

function refused({ detail = 'no token', remedy, reason }: Refusal): Finding {
  const isOutage = reason === 'unavailable';
  return amiss('service-user.refused', {
    what: detail,
    why: 'what the service user is asked for cannot be read',
    effect: isOutage ? EFFECT.unavailable : EFFECT.misconfigured,
    remedy:
      reason === 'token_rejected'
        ? 'make a new token or key for the service user: this one is expired, or was removed'
        : (remedy ?? 'look whether ZITADEL is in order'),
  });
}

/** What memberships as the service user need. */
async function reads(
  { resolved, http, generation, serviceToken }: Scene,
  served: readonly Generation[],
  userId: string,
  rows: readonly Membership[],
): Promise<readonly Finding[]> {
  const { memberships } = resolved;
  if (memberships.as !== 'serviceUser') return [];
  const { organizations } = memberships;
  if (organizations === undefined) return [readsAll(rows)];
  // What is not served is told with the APIs.
  if (!served.includes('v1')) return [];
  const list = typeof organizations === 'function' ? await listFrom(organizations) : organizations;
  if (!Array.isArray(list)) return [list as Finding];
  const ids = list as readonly string[];
  const parts = { http, generation, serviceToken };
  const read = createMembershipReader({ ...parts, as: 'serviceUser', everywhere: false });
  const findings: Finding[] = [];
  for (const id of ids.slice(0, MOST_ORGANIZATIONS)) {
    const said = await read({ userId, token: '', organizations: [id] });
    if (!isRefusal(said)) continue;
    const { detail = '', remedy = '' } = said;
    findings.push(
      amiss('service-user.organization', {
        what: `organization ${id}: ${detail}`,
        why: 'memberships are read in each organization of memberships.organizations',
        effect: 'every request for a role: 500 misconfigured',
        remedy,
      }),
    );
  }
  const what = `the service user reads memberships in ${ids.length} ${ids.length === 1 ? 'organization' : 'organizations'}`;
  return findings.length > 0 ? findings : [fine('service-user.reads', what)];
}

/** Calls beyond that would take too long. */
const MOST_ORGANIZATIONS = 50;

async function listFrom(
  organizations: () => Promise<readonly string[]>,
): Promise<readonly string[] | Finding> {
  try {
    const list: unknown = await organizations();
    if (Array.isArray(list) && list.length > 0) return list as readonly string[];
  } catch {
    // What it threw may show anything.
  }
  return amiss('options.organizations', {
    what: 'the function memberships.organizations returned no list of ids',
    why: 'memberships are read in these organizations',
    effect: 'every request for a role: 500 misconfigured',
    remedy: 'let memberships.organizations return at least one id',
  });
}

/** ZITADEL leaves out rows that a reader may not see, so that reading a list once proves nothing. Its roles tell. */
function readsAll(rows: readonly Membership[]): Finding {
  const roles = rolesOn('instance', rows);
  if (holds(rows, 'instance', INSTANCE_READERS)) {
    return fine('service-user.reads', 'the service user reads the memberships of everybody');
  }
  const say = roles.some((role) => !isManagerRole(role)) ? warning : amiss;
  return say('service-user.reads-less', {
    what: `the service user has no IAM_OWNER_VIEWER${roles.length > 0 ? `, but ${roles.join(', ')}` : ''}`,
    why: 'ZITADEL shows a reader with less right only a part of the memberships',
    effect: 'every request for a role: 500 misconfigured',
    remedy: READER_REMEDY,
  });
}

const INSTANCE_READERS = ['IAM_OWNER', 'IAM_OWNER_VIEWER'];
const ORG_READERS = ['ORG_OWNER', 'ORG_OWNER_VIEWER'];

/** What the other options need of the service user. */
function needs({ resolved }: Scene, rows: readonly Membership[]): readonly Finding[] {
  const { inactive, projectRoles, memberships } = resolved;
  const seesOrganizations =
    holds(rows, 'instance', INSTANCE_READERS) || holds(rows, 'org', ORG_READERS);
  const lacks = (id: string, option: string, reads: string) =>
    amiss(id, {
      what: `${option} needs a service user that may see ${reads}, and this one has neither IAM_OWNER_VIEWER nor ORG_OWNER_VIEWER`,
      why: `${option} asks ZITADEL for ${reads}`,
      effect: EFFECT.misconfigured,
      remedy:
        'give the service user IAM_OWNER_VIEWER on the instance, or ORG_OWNER_VIEWER in every organization concerned',
    });
  const isForGrants =
    memberships.as === 'caller' && inactive === 'asZitadel' && projectRoles === 'token';
  return found(
    inactive === 'deny' &&
      !seesOrganizations &&
      lacks('service-user.states', "memberships.inactive: 'deny'", 'what is deactivated'),
    projectRoles === 'api' &&
      !seesOrganizations &&
      lacks('service-user.project-roles', "projectRoles: 'api'", 'authorizations'),
    isForGrants &&
      rows.length === 0 &&
      warning('service-user.no-roles', {
        what: 'the service user holds no manager role, so it can grant no project',
        why: 'with these options it is there to grant projects',
        effect: 'ProjectGrantService throws zitadel_refused; no request is refused',
        remedy:
          'make the service user an ORG_OWNER of the organization whose projects it grants, or leave out serviceUser',
      }),
  );
}

function holds(
  rows: readonly Membership[],
  kind: Membership['kind'],
  wanted: readonly string[],
): boolean {
  return rolesOn(kind, rows).some((role) => wanted.includes(role));
}

function rolesOn(kind: Membership['kind'], rows: readonly Membership[]): readonly string[] {
  return rows.flatMap((row) => (row.kind === kind ? row.roles : []));
}

const KINDS: Readonly<Record<Membership['kind'], string>> = {
  instance: 'the instance',
  org: 'organization',
  project: 'project',
  projectGrant: 'project grant',
};
const AT_MOST = 5;

/** Manager roles in words. Names of resources belong to others, and are not shown. */
export function rolesText(rows: readonly Membership[]): string {
  if (rows.length === 0) return 'it holds no manager role';
  const texts = rows
    .slice(0, AT_MOST)
    .map(({ kind, id, roles }) => `${roles.join(', ')} on ${KINDS[kind]}${idText(kind, id)}`);
  const more = rows.length - texts.length;
  return `it holds ${texts.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

const idText = (kind: Membership['kind'], id: string): string =>
  kind === 'instance' || id === '' ? '' : ` ${id}`;
