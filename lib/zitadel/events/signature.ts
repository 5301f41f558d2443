import { createHmac, timingSafeEqual } from 'node:crypto';
import { ZitadelArgumentError } from '../../core/errors.js';

/**
 * What a delivery's signature is. 'malformed': ZITADEL would not write it. 'untimely': its time is too far from now, as it also is if
 * somebody sends a delivery again. 'mismatch': none of the keys signed this body.
 */
type SignatureVerdict = 'valid' | 'malformed' | 'untimely' | 'mismatch';

const TOLERANCE_S = 300;
/** While a key is rotated, there is more than one. The limit keeps a sender from making us compute without end. */
const MOST_SIGNATURES = 8;
const LONGEST_HEADER = 1_024;

/**
 * Verifies a delivery of ZITADEL's Actions v2: the header `ZITADEL-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>]`, where each v1 is
 * HMAC-SHA256 over `t`, a dot and the body. Compared in constant time, against every key.
 *
 * @param rawBody the bytes as they were received, before anything parsed them
 * @param header the header as it was received. Undefined: there was no header
 * @param signingKeys the signing key of the target, as ZITADEL showed it. While it is rotated: several keys
 * @param now milliseconds since the epoch
 * @throws ZitadelArgumentError on a missing or empty key, and on a body that is not raw
 */
export function verifyEventSignature(
  rawBody: Uint8Array | string,
  header: string | undefined,
  signingKeys: string | readonly string[],
  now: number,
): SignatureVerdict {
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
