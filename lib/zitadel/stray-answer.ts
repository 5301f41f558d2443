import { errorIdOf, isRecord, textOf } from './reading.js';

/** What to do where something else than ZITADEL answers, and it does not go away. */
export const STRAY_REMEDY =
  'something else than ZITADEL answers: look at the proxy, gateway or firewall before it, and check issuer and internalUrl; where a gateway keeps one API from you, set the option api to the other';

/** What came instead of an answer of ZITADEL. */
export function notZitadels(status: number): string {
  return `the answer (${status}) is not ZITADEL’s`;
}

/** What an error of ZITADEL says: that it has no such API; that no instance has this name; or anything else. */
export type Said = 'notServed' | 'noInstance' | 'error';

/** REST v1 and connect answer with `code` and `message`; all other paths are those of OpenID Connect. */
const API = /^\/((auth|management)\/v1\/|zitadel\.)/;
const CONNECT = /^\/zitadel\./;
const NO_INSTANCE = 'unable to set instance';

/**
 * Reads the answer to a call that was not done; undefined: it is not ZITADEL's. What other servers answer looks alike (gateways say
 * `{"message":"Forbidden"}`, and some even `{"code":16,...}`), so only what was recorded from ZITADEL counts: an answer that is taken for
 * its own can refuse a token or deny a right.
 */
export function saidBy(
  { path, token }: { readonly path: string; readonly token?: string },
  status: number,
  body: unknown,
  text: string,
): Said | undefined {
  if (status === 404 && text.startsWith(NO_INSTANCE)) return 'noInstance';
  if (!API.test(path)) return isOAuthError(status, body, token) ? 'error' : undefined;
  // Go's own words, which ZITADEL uses for the unknown methods of a connect service alone.
  if (CONNECT.test(path) && text.trim() === '404 page not found') return 'notServed';
  return isRecord(body) ? saidByApi(status, body) : undefined;
}

function saidByApi(status: number, body: Readonly<Record<string, unknown>>): Said | undefined {
  const { code, message } = body;
  if (typeof message !== 'string' || !CODES.has(code)) return undefined;
  if (isSigned(body)) return 'error';
  // What ZITADEL says without an error id. That we sent no token is not among it: who answers so has not got it.
  if (status === 404 && message.startsWith(NO_INSTANCE)) return 'noInstance';
  if (status === 404 && message === 'Not Found') return 'notServed';
  if ((status === 405 || status === 501) && (code === 12 || code === 'unimplemented')) {
    return 'notServed';
  }
  const isArgument = status === 400 && (code === 3 || code === 'invalid_argument');
  return isArgument || isOutage({ status }) ? 'error' : undefined;
}

/** An error id, or a detail of ZITADEL's own type: newer servers may give a slug instead of the id. */
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

/** Of gRPC by number, as v1 has them, and by name, as connect has them. */
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

/** RFC 6749, section 5.2, about a client; UserInfo, which is asked with a token, refuses that one in these words. */
function isOAuthError(status: number, body: unknown, token: string | undefined): boolean {
  const { error, error_description: description } = isRecord(body) ? body : {};
  if (isOutage({ status })) return error === 'server_error';
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

/** Whether a status is about the state of ZITADEL, rather than about what was asked. */
export function isOutage({ status }: { readonly status: number }): boolean {
  return status === 429 || status >= 500;
}
