import { isRefusal, type Refusal } from '../core/decision.js';
import { ZitadelError } from '../core/errors.js';
import {
  type Done,
  isDone,
  isTrouble,
  type No,
  type Reply,
  type Said,
  type Trouble,
  unusableReply,
} from './reply.js';

/**
 * ZITADEL refused. `id` is ZITADEL's error id. `remedy` says what to do about it.
 *
 * @example `if (error instanceof ZitadelApiError && error.status === 404) return undefined`
 */
export class ZitadelApiError extends ZitadelError {
  constructor(
    /** HTTP status of ZITADEL's reply. */
    readonly status: number,
    readonly id: string | undefined,
    readonly remedy: string,
    what: string,
  ) {
    super('zitadel_refused', `${what}: ZITADEL answered ${status}${id ? ` ${id}` : ''}; ${remedy}`);
  }
}

/**
 * ZITADEL could not be asked, or gave no usable reply. A write may or may not have been done.
 *
 * @example `if (error instanceof ZitadelUnavailableError) retryIn(error.retryAfterMs ?? 1_000)`
 */
export class ZitadelUnavailableError extends ZitadelError {
  constructor(
    what: string,
    why: string,
    /** After how many milliseconds it is worth trying again, if that is known. */
    readonly retryAfterMs?: number,
    remedy = 'try again later',
  ) {
    super('zitadel_unavailable', `${what}: ${why}; ${remedy}`);
  }
}

/** What a reply other than 200 means. This is the only place that says it. */
interface Meaning {
  /** It says nothing about the question. Asked again later, it may be done. */
  readonly isOutage: boolean;
  readonly detail: string;
  readonly remedy?: string;
  readonly retryAfterMs?: number;
}

function meaningOf(reply: No | Trouble): Meaning {
  const { retryAfterMs } = reply;
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (isTrouble(reply)) {
    const remedy = reply.kind === 'unusable' ? { remedy: STRAY_REMEDY } : {};
    return { isOutage: true, detail: reply.trouble, ...remedy, ...wait };
  }
  const { status, says, id, oauth } = reply;
  const detail = ['ZITADEL answered', status, id ?? oauth].filter(Boolean).join(' ');
  if (says === 'outage') return { isOutage: true, detail, ...wait };
  return { isOutage: false, detail, remedy: REMEDY_OF[says] ?? remedyFor(id) };
}

/** What to do if something else keeps replying in ZITADEL's place. */
const STRAY_REMEDY =
  'something other than ZITADEL replies: look at the proxy, gateway or firewall before it, and check issuer and internalUrl; where a gateway keeps one API from you, set the option api to the other';

/** What to do if a server does not have an API. Users see it only if neither API is served. */
const NOT_SERVED =
  "this server, or a proxy before it, does not serve this API: leave the option api at 'auto', or check issuer and internalUrl";

const REMEDY_OF: Readonly<Partial<Record<Said, string>>> = {
  notServed: NOT_SERVED,
  noInstance: 'the host serves no ZITADEL instance under this name: check issuer and internalUrl',
};

/** What to do about a refusal with this error id, or with none. */
function remedyFor(id: string | undefined): string {
  if (id === undefined) {
    return 'ZITADEL does not understand the question: compare its version with those that this library supports, and look whether a proxy changes what is sent';
  }
  const known = Object.hasOwn(REMEDIES, id) ? REMEDIES[id] : undefined;
  return known ?? 'see the error id in ZITADEL’s documentation';
}

/** What to do about the refusals that people meet, by ZITADEL's error id. */
const REMEDIES: Readonly<Record<string, string>> = {
  'COMMAND-m9gsd':
    'no project with this id is owned by organizationId, or the service user’s own organization without one: pass the organizationId that owns it',
  'COMMAND-3m9gg': 'the granted organization does not exist: check grantedOrgId',
  'COMMAND-6m9gd': 'a role key does not exist on the project: add the role to the project first',
  'PROJECT-ckUpbvboAH': 'a project cannot be granted to the organization that owns it',
  'V3-DKcYh':
    'the project is already granted to this organization: use ensure(), or change the roles of the grant that is there',
  'PROJECT-D8JxR': 'there is no such project grant under this project and organization',
  'QUERY-n98GGs': 'there is no project grant with this id',
  'MANAG-d3g31':
    'the project grant is known only to the organization that owns the project and to the one it is granted to: pass the organizationId of one of them',
  'COMMAND-EbFMN':
    'no project with this id is owned by organizationId, or the service user’s own organization without one: pass the organizationId that owns it',
  'PROJECT-47fu8': 'the project grant is not in a state that allows this',
  'QUERY-fk2fs': 'there is no project with this id',
  'MANAG-SFf2a':
    'no project with this id is owned by organizationId, or the service user’s own organization without one',
  'AUTHZ-cdgFk':
    'the service user holds no manager role in organizationId, or its own organization without one: pass the organizationId that is meant (for grants: the one that owns the project), and make the service user a manager there (ORG_OWNER or PROJECT_OWNER to grant projects)',
  'AUTH-5mWD2': 'the service user’s manager roles do not allow this',
  'AUTH-3jknH': 'the service user’s manager roles do not allow this on this resource',
  'AUTH-AWfge': 'the service user’s manager roles do not allow this on this project or grant',
  'AUTH-Swrgg2': 'the service user’s manager roles do not allow this on this project or grant',
  'AUTH-Bs7Ds': 'there is no organization with this id: check organizationId',
  'QUERY-4M0fs':
    'the server refuses lists also without a limit: set its SystemDefaults.MaxQueryLimit to 1000, as it is by default, and DefaultQueryLimit to no more',
  'AUTHZ-Kl3p0': 'the login policy asks for a second factor that this session does not have',
  'AUTH-7fs1e':
    'the token is expired or revoked, or was requested without the scope urn:zitadel:iam:org:project:id:zitadel:aud',
};

/** What came instead of what was asked for. */
export type NotDone = No | Trouble | Refusal;

/** Whether an error says that the server does not have the API that was asked. */
export function isNotServedError(error: unknown): boolean {
  return error instanceof ZitadelApiError && error.remedy === NOT_SERVED;
}

/**
 * The body of a reply.
 *
 * @throws ZitadelError as {@link errorFrom} says
 */
export function bodyOrThrow(reply: Reply | Refusal, what: string): Done['body'] {
  if (!isRefusal(reply) && isDone(reply)) return reply.body;
  throw errorFrom(reply, what);
}

/** The error for a reply. Users can tell by it what to do. A refusal is about our service user. */
export function errorFrom(reply: NotDone, what: string): ZitadelError {
  if (isRefusal(reply)) {
    const { reason, detail = 'ZITADEL is not available', remedy, retryAfterMs } = reply;
    if (reason === 'unavailable') {
      return new ZitadelUnavailableError(what, detail, retryAfterMs, remedy);
    }
    const why = [detail, remedy].filter(Boolean).join('; ');
    return new ZitadelError('service_user_refused', `${what}: ${why}`);
  }
  const { isOutage, detail, remedy, retryAfterMs } = meaningOf(reply);
  return isOutage || isTrouble(reply)
    ? new ZitadelUnavailableError(what, detail, retryAfterMs, remedy)
    : new ZitadelApiError(reply.status, reply.id, remedy ?? '', what);
}

/** The refusal that ZITADEL would give. It is known without asking. */
export function refusedBy(id: string, status: number, what: string): ZitadelApiError {
  return new ZitadelApiError(status, id, remedyFor(id), what);
}

/** A reply that does not fit the question. */
export function unusable(what: string): ZitadelUnavailableError {
  const why = 'the reply does not fit the question';
  return new ZitadelUnavailableError(what, why, undefined, STRAY_REMEDY);
}

/** A list that is too long to be read. */
export function tooLongList(what: string, by: string): ZitadelError {
  return new ZitadelError(
    'zitadel_unavailable',
    `${what}: the list has more rows than are read; narrow it by ${by}`,
  );
}

/** A list whose pages do not fit together. */
export function changing(what: string): ZitadelUnavailableError {
  return new ZitadelUnavailableError(what, 'the list changes while it is read');
}

/** A list that always has one more page. */
export function endless(what: string): ZitadelUnavailableError {
  return new ZitadelUnavailableError(what, 'the list does not end');
}

/**
 * In whose name ZITADEL was asked. If ZITADEL refuses our service user, that says nothing about the caller. The instance reader is a
 * service user that reads all organizations at once.
 */
export type AskedAs = 'caller' | 'serviceUser' | 'instanceReader';

/** Without this scope, ZITADEL's own API refuses a caller's token as if it were revoked. */
const API_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** What a reply means for a request: an outage, a refused token, or our own misconfiguration. A refusal is passed on. */
export function refusalOf(reply: NotDone, as: AskedAs, what: string): Refusal {
  if (isRefusal(reply)) return reply;
  const { isOutage, detail, ...more } = meaningOf(reply);
  const told = { detail: `${what}: ${detail}`, ...more };
  if (isOutage || isTrouble(reply)) return { reason: 'unavailable', ...told };
  const { says, status, id } = reply;
  if (says !== 'error') return { reason: 'misconfigured', ...told };
  if (as === 'caller' && status === 401) {
    return {
      reason: 'token_rejected',
      detail: told.detail,
      remedy: `the token is expired or revoked, its user or session is gone, or it was requested without the scope ${API_SCOPE}`,
      description: `revoked, or requested without scope ${API_SCOPE}`,
    };
  }
  if (as === 'caller' && status === 403) {
    if (id === 'AUTHZ-Kl3p0') return { reason: 'mfa_required', ...told };
    if (IMPERSONATION.has(id)) return { reason: 'impersonated', detail: told.detail };
  }
  return { reason: 'misconfigured', detail: told.detail, remedy: remedyForUs(status, id, as) };
}

/** What it means for a request that ZITADEL refuses our own credentials. It never says anything about the caller. */
export function refusalOfOurs(reply: No | Trouble, what: string, remedy: string): Refusal {
  const refusal = refusalOf(reply, 'serviceUser', what);
  return isTrouble(reply) || reply.says !== 'error' ? refusal : { ...refusal, remedy };
}

/** Reports any reply other than 200 as an outage. */
export function outage(what: string, reply: No | Trouble): Refusal {
  const { detail, remedy, retryAfterMs } = meaningOf(reply);
  return {
    reason: 'unavailable',
    detail: `${what}: ${detail}`,
    ...(isTrouble(reply) && remedy !== undefined && { remedy }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** An outage: the reply has another shape than ZITADEL's. */
export function unfit(what: string, why: string): Refusal {
  return outage(what, unusableReply(why));
}

const IMPERSONATION: ReadonlySet<string | undefined> = new Set(['APP-Shi0J', 'APP-wai8O']);

function remedyForUs(status: number, id: string | undefined, as: AskedAs): string {
  // This is about the question, not about a right.
  if (id === undefined || status === 400) return remedyFor(id);
  if (as === 'instanceReader') return READER_REMEDY;
  if (id === 'AUTH-Bs7Ds') return 'an organization does not exist: check memberships.organizations';
  if (as === 'serviceUser') {
    return 'give the service user a manager role (ORG_OWNER_VIEWER is enough) in every organization of memberships.organizations, or IAM_OWNER_VIEWER';
  }
  if (id === 'AUTHZ-cdgFk') {
    return 'the caller holds no manager role in the organization that was asked';
  }
  return remedyFor(id);
}

/** What a service user needs to read memberships over all organizations. */
export const READER_REMEDY =
  'give the service user IAM_OWNER_VIEWER, or name the organizations in memberships.organizations (API v1)';

/** What cannot be asked on API v2. */
export const NO_GRANT_IDS: Refusal = {
  reason: 'misconfigured',
  detail: 'API v2 does not know project grants by their id',
  remedy: 'name the grant by projectGrant({ project, grantedOrg })',
};
