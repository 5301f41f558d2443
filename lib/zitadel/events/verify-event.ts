import { createHmac, timingSafeEqual } from 'node:crypto';
import { ZitadelArgumentError } from '../../core/errors.js';
import { jsonFrom, own } from '../../core/own-properties.js';
import { eventFrom, type ZitadelEvent } from './event.js';

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

type SignatureProblem = Extract<EventProblem, 'malformed' | 'untimely' | 'mismatch'>;

const TOLERANCE_S = 300;
/** While a key is rotated, there is more than one. The limit keeps a sender from making us compute without end. */
const MOST_SIGNATURES = 8;
const LONGEST_HEADER = 1_024;

/**
 * Verifies the header `ZITADEL-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>]`, where each v1 is HMAC-SHA256 over `t`, a dot and the body.
 * Undefined: there was no header.
 */
export function verifyEventSignature(
  rawBody: Uint8Array | string,
  header: string | undefined,
  signingKeys: string | readonly string[],
  now: number,
): 'valid' | SignatureProblem {
  const keys = keysFrom(signingKeys);
  if (typeof rawBody !== 'string' && !(rawBody instanceof Uint8Array)) {
    throw new ZitadelArgumentError(
      'rawBody',
      'rawBody is not what was received: verify the bytes before they are parsed (Nest: the option rawBody; Express: express.raw())',
    );
  }
  const parts = partsOf(header);
  if (!parts) return 'malformed';
  // In this form, a time that is not a number does not pass.
  const isTimely = Math.abs(now / 1_000 - parts.seconds) <= TOLERANCE_S;
  if (!isTimely) return 'untimely';
  let isValid = false;
  for (const key of keys) {
    const right = createHmac('sha256', key).update(`${parts.t}.`).update(rawBody).digest();
    for (const signature of parts.signatures) {
      // All of them are compared, so that the time does not tell which one was near.
      isValid = timingSafeEqual(right, signature) || isValid;
    }
  }
  return isValid ? 'valid' : 'mismatch';
}

function keysFrom(signingKeys: unknown): readonly string[] {
  const keys: readonly unknown[] = Array.isArray(signingKeys) ? signingKeys : [signingKeys];
  const isRight = keys.every((key) => typeof key === 'string' && key.trim() !== '');
  if (isRight && keys.length > 0) return keys as readonly string[];
  throw new ZitadelArgumentError(
    'signingKeys',
    'signingKeys is not a signing key: pass the one that ZITADEL showed when the target was created (the environment variable may be missing)',
  );
}

interface Parts {
  readonly t: string;
  readonly seconds: number;
  readonly signatures: readonly Buffer[];
}

/** Undefined if ZITADEL would not write it. Unknown schemes are skipped, as ZITADEL does. */
function partsOf(header: unknown): Parts | undefined {
  if (typeof header !== 'string' || header.length > LONGEST_HEADER) return undefined;
  const times: string[] = [];
  const signatures: Buffer[] = [];
  for (const part of header.split(',')) {
    const [, scheme = '', value = ''] = /^([a-z0-9]+)=([^=\s]+)$/.exec(part) ?? [];
    if (scheme === '') return undefined;
    if (scheme === 't') times.push(value);
    if (scheme !== 'v1') continue;
    if (!/^[0-9a-f]{64}$/.test(value)) return undefined;
    signatures.push(Buffer.from(value, 'hex'));
  }
  const [t = ''] = times;
  const isRight = times.length === 1 && /^(?:0|[1-9][0-9]{0,11})$/.test(t);
  if (!isRight || signatures.length === 0 || signatures.length > MOST_SIGNATURES) return undefined;
  return { t, seconds: Number(t), signatures };
}
