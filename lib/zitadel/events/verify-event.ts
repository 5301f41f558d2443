import { jsonFrom, own } from '../../core/own-properties.js';
import { eventFrom, type ZitadelEvent } from './event.js';
import { verifyEventSignature } from './signature.js';

/**
 * Why a delivery is not taken. `too_long`: longer than any event. `malformed`: no signature as ZITADEL writes it. `untimely`: its time is
 * more than 300 seconds from now. `mismatch`: none of the keys signed it. `encrypted`: the target sends JWE. `not_an_event`: signed, and
 * something else.
 */
export type EventProblem =
  | 'too_long'
  | 'malformed'
  | 'untimely'
  | 'mismatch'
  | 'encrypted'
  | 'not_an_event';

/** What a delivery is, and the HTTP status to answer with. The answer needs no body. */
export type EventVerdict =
  | { readonly valid: true; readonly event: ZitadelEvent; readonly status: 200 }
  | { readonly valid: false; readonly reason: EventProblem; readonly status: 400 | 401 | 413 };

/** The largest events are project grants with thousands of roles. */
export const LONGEST_BODY = 256 * 1_024;

const STATUS = {
  too_long: 413,
  malformed: 401,
  untimely: 401,
  mismatch: 401,
  encrypted: 400,
  not_an_event: 400,
} as const satisfies Record<EventProblem, number>;

const JWT = /^[\w-]+\.([\w-]+)\.[\w-]*$/;
const JWE = /^[\w-]+(?:\.[\w-]*){4}$/;

/**
 * Verifies what ZITADEL's Actions v2 posts about an event, by its header `ZITADEL-Signature`: HMAC-SHA256 over the body and its time, compared
 * in constant time. The time may be 300 seconds from now on both sides. The target may send JSON or JWT. A JWT stands under the same
 * signature, and says no issuer, no audience and no time of its own, so nothing else is asked of it. Replays are not told: evicting
 * again does no harm.
 *
 * @param rawBody the bytes as they were received, before anything parsed them
 * @param headers of the request: as Node gives them, with names in lower case, or `Headers` of the Fetch API
 * @param signingKeys the signing key of the target, as ZITADEL showed it. While it is rotated: several keys
 * @param now milliseconds since the epoch
 * @throws ZitadelArgumentError on a missing or empty key, and on a body that is not raw
 * @example `const verdict = verifyEvent(await request.bytes(), request.headers, signingKey)`
 */
export function verifyEvent(
  rawBody: Uint8Array | string,
  headers: object,
  signingKeys: string | readonly string[],
  now = Date.now(),
): EventVerdict {
  if (Object(rawBody).length > LONGEST_BODY) return refused('too_long');
  const given = headers instanceof Headers ? Object.fromEntries(headers) : headers;
  const header = own(given, 'zitadel-signature') ?? own(given, 'x-zitadel-signature');
  const signature = verifyEventSignature(rawBody, header as string | undefined, signingKeys, now);
  if (signature !== 'valid') return refused(signature);
  const text = typeof rawBody === 'string' ? rawBody : Buffer.from(rawBody).toString();
  if (JWE.test(text)) return refused('encrypted');
  const [, claims] = JWT.exec(text) ?? [];
  const event = eventFrom(jsonIn(claims ? Buffer.from(claims, 'base64url').toString() : text));
  return event ? { valid: true, event, status: 200 } : refused('not_an_event');
}

function refused(reason: EventProblem): EventVerdict {
  return { valid: false, reason, status: STATUS[reason] };
}

function jsonIn(text: string): unknown {
  try {
    return jsonFrom(text);
  } catch {
    return undefined;
  }
}
