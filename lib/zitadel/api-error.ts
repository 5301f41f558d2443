import { isRefusal, type Refusal } from '../core/decision.js';
import { ZitadelError } from '../core/errors.js';
import { errorIdOf } from './error-id.js';
import { isTrouble, type Answered, type Trouble } from './exchange.js';
import { isRecord } from './shape.js';
import { isOutage, STRAY_REMEDY, type Said } from './stray-answer.js';

/** What to do about the refusals that people meet, by ZITADEL's error id. */
const REMEDIES: Readonly<Record<string, string>> = {
  'COMMAND-m9gsd':
    'the project is not owned by the organization in x-zitadel-orgid: pass the organizationId that owns it',
  'COMMAND-3m9gg': 'the granted organization does not exist: check grantedOrgId',
  'COMMAND-6m9gd': 'a role key does not exist on the project: add the role to the project first',
  'PROJECT-ckUpbvboAH': 'a project cannot be granted to the organization that owns it',
  'V3-DKcYh':
    'the project is already granted to this organization: use ensure(), or change the roles of the grant that is there',
  'PROJECT-D8JxR': 'there is no such project grant under this project and organization',
  'QUERY-n98GGs': 'there is no project grant with this id',
  'PROJECT-47fu8': 'the project grant is not in a state that allows this',
  'QUERY-fk2fs': 'there is no project with this id',
  'MANAG-SFf2a': 'the project is not owned by the organization in x-zitadel-orgid',
  'AUTHZ-cdgFk':
    'the service user holds no manager role in this organization: add it there as a manager (ORG_OWNER or PROJECT_OWNER to grant projects)',
  'AUTH-5mWD2': 'the service user’s manager roles do not allow this',
  'AUTH-3jknH': 'the service user’s manager roles do not allow this on this resource',
  'AUTH-AWfge': 'the service user’s manager roles do not allow this on this project or grant',
  'AUTH-Swrgg2': 'the service user’s manager roles do not allow this on this project or grant',
  'AUTH-Bs7Ds': 'there is no organization with the id in x-zitadel-orgid: check organizationId',
  'QUERY-4M0fs':
    'the server allows fewer rows a page than ZITADEL does by default: set its MaxQueryLimit to 1000 or more',
  'AUTHZ-Kl3p0': 'the login policy asks for a second factor that this session does not have',
  'AUTH-7fs1e':
    'the token is expired or revoked, or was requested without the scope urn:zitadel:iam:org:project:id:zitadel:aud',
};

/** ZITADEL answered, and the answer is no. `id` is ZITADEL's error id; `remedy` says what to do about it. */
export class ZitadelApiError extends ZitadelError {
  constructor(
    /** HTTP status of ZITADEL's answer. */
    readonly status: number,
    readonly id: string | undefined,
    readonly remedy: string,
    what: string,
  ) {
    super('zitadel_refused', `${what}: ZITADEL answered ${status}${id ? ` ${id}` : ''}; ${remedy}`);
  }
}

/** ZITADEL could not be asked, or gave no usable answer. What was to be done may or may not be done. */
export class ZitadelUnavailableError extends ZitadelError {
  constructor(
    what: string,
    why: string,
    /** After how many milliseconds it is worth trying again, where that is known. */
    readonly retryAfterMs?: number,
    remedy = 'try again later',
  ) {
    super('zitadel_unavailable', `${what}: ${why}; ${remedy}`);
  }
}

/** What to do where a server does not have an API. Where another generation is served, nobody sees it. */
export const NOT_SERVED =
  "this server, or a proxy before it, does not serve this API: leave the option api at 'auto', or check issuer and internalUrl";

/** What to do where an address leads to no instance. */
export const NO_INSTANCE =
  'the host serves no ZITADEL instance under this name: check issuer and internalUrl';

/** Whether an error says that the server does not have the API that was asked. */
export function isNotServedError(error: unknown): boolean {
  return error instanceof ZitadelApiError && error.remedy === NOT_SERVED;
}

/** Turns a reply into its body, or throws the error that a caller can branch on. A refusal is one of our service user. */
export function bodyOrThrow(
  reply: Answered | Trouble | Refusal,
  what: string,
): Readonly<Record<string, unknown>> {
  if (isRefusal(reply)) throw errorOf(reply, what);
  if (isTrouble(reply)) {
    const remedy = reply.kind === 'unusable' ? STRAY_REMEDY : undefined;
    throw new ZitadelUnavailableError(what, reply.trouble, reply.retryAfterMs, remedy);
  }
  const { status, body, says, retryAfterMs } = reply;
  if (says === undefined && isRecord(body)) return body;
  if (isOutage(reply)) {
    throw new ZitadelUnavailableError(what, `ZITADEL answered ${status}`, retryAfterMs);
  }
  const id = errorIdOf(body);
  throw new ZitadelApiError(status, id, remedyOf(says, id), what);
}

function remedyOf(says: Said | undefined, id: string | undefined): string {
  if (says === 'notServed') return NOT_SERVED;
  return says === 'noInstance' ? NO_INSTANCE : remedyFor(id);
}

function errorOf({ reason, detail, remedy, retryAfterMs }: Refusal, what: string): ZitadelError {
  if (reason === 'unavailable') {
    const why = detail ?? 'ZITADEL is not available';
    return new ZitadelUnavailableError(what, why, retryAfterMs, remedy);
  }
  const why = [detail, remedy].filter(Boolean).join('; ');
  return new ZitadelError('service_user_refused', `${what}: ${why}`);
}

/** What to do about a refusal with this error id, or with none. */
export function remedyFor(id: string | undefined): string {
  if (id === undefined) return NO_ID;
  const known = Object.hasOwn(REMEDIES, id) ? REMEDIES[id] : undefined;
  return known ?? 'see the error id in ZITADEL’s documentation';
}

/** A refusal that ZITADEL would give, where we know it without having asked. */
export function refusedBy(id: string, status: number, what: string): ZitadelApiError {
  return new ZitadelApiError(status, id, remedyFor(id), what);
}

/** ZITADEL gives no error id where it does not even understand a question. */
const NO_ID =
  'ZITADEL does not understand the question: compare its version with those that this library supports, and look whether a proxy changes what is sent';

/** An answer that cannot be one to what was asked. */
export function unusable(
  what: string,
  why = 'the answer does not fit the question',
): ZitadelUnavailableError {
  return new ZitadelUnavailableError(what, why, undefined, STRAY_REMEDY);
}

/** A list of which there is always one more page. */
export function endless(what: string): ZitadelUnavailableError {
  return new ZitadelUnavailableError(what, 'the list does not end');
}
