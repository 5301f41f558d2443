import { errorIdOf } from './error-id.js';
import type { Answered } from './exchange.js';
import { isRecord } from './shape.js';

/** What to do where a 404 is none of ZITADEL's and does not go away. */
export const STRAY_REMEDY =
  'something else than ZITADEL answers: a proxy without a way to it (wait), or another server (check issuer and internalUrl); where a gateway keeps one API from you, set the option api to the other';

/** A 404 in words that are none of ZITADEL's: of a proxy that has nowhere to send the call, while ZITADEL starts or is moved. */
export function isStray({ status, body, says }: Answered): boolean {
  if (status !== 404 || says !== undefined) return false;
  if (!isRecord(body)) return true;
  return body['code'] !== 5 && body['code'] !== 'not_found' && errorIdOf(body) === undefined;
}

/** Whether an answer is about ZITADEL's or a proxy's state, rather than about what was asked. */
export function isOutage(answer: Answered): boolean {
  const { status } = answer;
  return status === 429 || status >= 500 || status < 400 || isStray(answer);
}
