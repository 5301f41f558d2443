import { jsonFrom } from '../core/own-properties.js';
import { isRecord, textOf } from './reading.js';

/** What the call asked for, as a JSON object. */
export interface Done {
  /** 200; of what changes something any 2xx. */
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** ZITADEL replied, and did not do what the call asked for. */
export interface No {
  readonly status: number;
  readonly says: Said;
  /** ZITADEL's error id. Always an own property, so that an inherited one never turns an outage into a no. */
  readonly id: string | undefined;
  /** The name of an OAuth error (RFC 6749, section 5.2). */
  readonly oauth?: string;
  readonly retryAfterMs?: number;
}

/** What ZITADEL says: it has no such API, no instance has this name, it cannot do it now, or anything else. */
export type Said = 'notServed' | 'noInstance' | 'outage' | 'error';

/**
 * There is no usable reply. The call was not sent, the connection did not come about or broke, nothing came in time, or the reply is too
 * large or not ZITADEL's. Unless the call was not sent, it may have been done.
 */
export interface Trouble {
  readonly trouble: string;
  readonly kind: 'notSent' | 'noReply' | 'late' | 'unusable' | 'tooLarge';
  /** No connection came about. That cannot be about one user. */
  readonly unreachable?: true;
  /** The status of a reply that is not ZITADEL's. */
  readonly status?: number;
  readonly retryAfterMs?: number;
}

export type Reply = Done | No | Trouble;

export function isDone<T extends object>(reply: Done | T): reply is Done {
  return Object.hasOwn(reply, 'body');
}

export function isTrouble<T extends object>(reply: Trouble | T): reply is Trouble {
  return Object.hasOwn(reply, 'trouble');
}

/** A reply of another shape than ZITADEL's. */
export function unusableReply(trouble: string): Trouble {
  return { trouble, kind: 'unusable' };
}

/**
 * Reads a reply. Other servers send similar ones: gateways say `{"message":"Forbidden"}`, and some even `{"code":16,...}`. A reply that passes
 * for ZITADEL's own can refuse a token or deny a right. So only replies count that look like those recorded from ZITADEL.
 */
export function replyFrom(
  call: { readonly path: string; readonly token?: string; readonly repeatable?: boolean },
  status: number,
  text: string,
): Reply {
  let body: unknown;
  try {
    body = jsonFrom(text);
  } catch {
    // It is read as a text.
  }
  // A write that was done must not be told as one that may or may not be done.
  const isAsHoped = call.repeatable ? status === 200 : status < 300;
  if (isAsHoped && isRecord(body)) return { status, body };
  const says = status < 300 ? undefined : saidBy(call, status, body, text);
  if (!says) return { ...unusableReply(`the reply (${status}) is not ZITADEL’s`), status };
  const error = isRecord(body) ? textOf(body['error']) : '';
  return {
    status,
    says,
    id: errorIdOf(body),
    ...(/^[a-z_]{3,40}$/.test(error) && { oauth: error }),
  };
}

/** REST v1, REST v2 and connect reply with `code` and `message`. All other paths belong to OpenID Connect. */
const API = /^\/((auth|management|admin)\/v1\/|v2\/|zitadel\.)/;
const CONNECT = /^\/zitadel\./;
const NO_INSTANCE = 'unable to set instance';

function saidBy(
  { path, token }: { readonly path: string; readonly token?: string },
  status: number,
  body: unknown,
  text: string,
): Said | undefined {
  if (status === 404 && text.startsWith(NO_INSTANCE)) return 'noInstance';
  const failed = isOutage(status) ? 'outage' : 'error';
  if (!API.test(path)) return isOAuthError(status, body, token) ? failed : undefined;
  // These are Go's own words. ZITADEL uses them only for unknown methods of a connect service.
  const isUnknown = status === 404 && text.trim() === '404 page not found';
  if (isUnknown && CONNECT.test(path)) return 'notServed';
  if (!isRecord(body)) return undefined;
  const { code, message } = body;
  if (typeof message !== 'string' || !CODES.has(code)) return undefined;
  if (isSigned(body)) return failed;
  // From here on: what ZITADEL says without an error id. "You sent no token" is not among it. We sent one, so something else replies so.
  if (status === 404 && message.startsWith(NO_INSTANCE)) return 'noInstance';
  if (status === 404 && message === 'Not Found') return 'notServed';
  if ((status === 405 || status === 501) && (code === 12 || code === 'unimplemented')) {
    return 'notServed';
  }
  const isArgument = status === 400 && (code === 3 || code === 'invalid_argument');
  return isArgument || isOutage(status) ? failed : undefined;
}

/** Whether a status is about the state of ZITADEL, instead of about the call. 429 is about the whole instance: its quota is used up. */
export function isOutage(status: number): boolean {
  return status === 429 || status >= 500;
}

/** Whether it has an error id, or a detail of ZITADEL's own type: newer servers may give a slug instead of the id. */
function isSigned(body: Readonly<Record<string, unknown>>): boolean {
  const details: unknown = body['details'];
  return (
    errorIdOf(body) !== undefined ||
    (Array.isArray(details) &&
      details.some(
        (each) => isRecord(each) && /(^|\/)zitadel\./.test(textOf(each['type'] ?? each['@type'])),
      ))
  );
}

const ID = /^[A-Za-z0-9]+-[A-Za-z0-9]+$/;
const AT_THE_END = /\(([A-Za-z0-9]+-[A-Za-z0-9]+)\)$/;

/**
 * Reads the error id of a reply. In REST (google.rpc.Status) it is `details[].id`, in connect `details[].debug.id`, which a server may leave
 * out. In both, the message ends with it in brackets. Texts follow Accept-Language, ids do not.
 */
export function errorIdOf(body: unknown): string | undefined {
  if (!isRecord(body)) return undefined;
  const { details, message } = body;
  for (const detail of Array.isArray(details) ? (details as readonly unknown[]) : []) {
    if (!isRecord(detail)) continue;
    const id = detail['id'] ?? (isRecord(detail['debug']) ? detail['debug']['id'] : undefined);
    if (typeof id === 'string' && ID.test(id)) return id;
  }
  return typeof message === 'string' ? AT_THE_END.exec(message)?.[1] : undefined;
}

/** The codes of gRPC: v1 has their numbers, connect has their names. */
const CODES: ReadonlySet<unknown> = new Set([
  ...Array.from({ length: 16 }, (_, at) => at + 1),
  'canceled',
  'unknown',
  'invalid_argument',
  'deadline_exceeded',
  'not_found',
  'already_exists',
  'permission_denied',
  'resource_exhausted',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
]);

/** Whether it is an error of RFC 6749, section 5.2, about a client. UserInfo is asked with a token, and refuses it in other words. */
function isOAuthError(status: number, body: unknown, token: string | undefined): boolean {
  const { error, error_description: description } = isRecord(body) ? body : {};
  if (isOutage(status)) return error === 'server_error';
  if (token !== undefined) {
    const isRefused = error === 'access_denied' && description === 'access token invalid';
    return status === 401 && isRefused;
  }
  return status === 400 ? OAUTH_ERRORS.has(error) : status === 401 && error === 'invalid_client';
}

const OAUTH_ERRORS: ReadonlySet<unknown> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
  'server_error',
]);
