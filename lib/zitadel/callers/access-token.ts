import { compactVerify } from 'jose';
import type { Caller } from '../../core/caller.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import { jsonFrom, own } from '../../core/own-properties.js';
import { checkId } from '../../core/request.js';
import { isRecord } from '../reading.js';
import { shownAudience, shownIssuer } from '../shown.js';
import { ALGORITHMS, type SigningKeys } from './signing-keys.js';

/**
 * Verifies access tokens locally (RFC 7519, RFC 8725). ZITADEL's ID tokens have the same issuer, audience, key and `typ`. An access
 * token must have what only access tokens have (`jti`, `client_id`), and nothing that only ID tokens have (`azp`, `at_hash`, `nonce`).
 */
export function createJwtVerifier(
  keys: Pick<SigningKeys, 'get'>,
  rules: ClaimRules,
): (token: string) => Promise<Caller | Refusal> {
  return async (token) => {
    const long = tooLong(token);
    if (long) return long;
    const parts = token.split('.');
    if (parts.length !== 3) return notJwt(token, parts.length);
    const header = jsonOf(parts[0]);
    const claims = jsonOf(parts[1]);
    if (!header || !claims || !isCanonical(parts[2])) return invalid('not a well-formed JWT');
    const { alg, kid, typ } = header;
    if (typeof alg !== 'string' || !ALGORITHMS.has(alg)) return foreignAlgorithm(alg);
    if (typeof kid !== 'string' || kid === '' || kid.length > 200) return invalid('no key id');
    if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64'))
      return invalid('critical header not supported');
    if (typ !== undefined && typ !== 'JWT' && typ !== 'at+jwt') return invalid('other type of JWT');

    // The claims are not verified yet. Refusing by them is safe, and saves the fetch and the check of the signature.
    const caller = callerOf(claims, rules);
    if (isRefusal(caller)) return caller;
    const key = await keys.get(kid);
    if (key === undefined) return invalid('signed by a key that the instance does not have');
    if (isRefusal(key)) return key;
    if (key.alg !== alg) return invalid('algorithm of another key');
    try {
      await compactVerify(token, key.key, { algorithms: [alg] });
    } catch {
      return invalid('the signature is wrong');
    }
    return caller;
  };
}

function foreignAlgorithm(alg: unknown): Refusal {
  const isKnown = typeof alg === 'string' && /^(?:none|[HP]S(?:256|384|512))$/.test(alg);
  const got = isKnown ? `alg ${alg}` : 'another alg';
  return invalid(
    'algorithm not allowed',
    AS_IT_IS,
    `${got}, expected RS256 or another with a key pair`,
  );
}

function notJwt(token: string, parts: number): Refusal {
  if (token === 'undefined' || token === 'null') {
    return invalid(
      `not a JWT, but the word ${token}`,
      'the client sends the header before it has a token: let it sign in first',
    );
  }
  if (parts !== 5) return invalid('not a JWT', AS_IT_IS, `${parts} of 3 parts`);
  return {
    ...invalid(
      'an opaque token, a personal access token or a session token where a JWT is expected',
      'set the application’s token type to JWT, or accept both: callers: [jwt(), introspection(...)] or [jwt(), userinfo()]',
    ),
    description: 'a JWT access token is expected',
  };
}

function isCanonical(part: string | undefined): part is string {
  return !!part && Buffer.from(part, 'base64url').toString('base64url') === part;
}

/** A part of a JWT. Undefined if it is not a JSON object in canonical base64url. */
export function jsonOf(part: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!isCanonical(part)) return undefined;
  try {
    const value = jsonFrom(
      new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url')),
    );
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function callerOf(claims: Readonly<Record<string, unknown>>, rules: ClaimRules): Caller | Refusal {
  const checked = checkClaims(claims, rules);
  if (isRefusal(checked)) return checked;
  const clientId = ownClaim(claims, 'client_id');
  if (!isName(ownClaim(claims, 'jti')) || !isText(clientId)) {
    return invalid(
      'not an access token: no jti, no client_id',
      'if it is an ID token, send the access_token instead',
    );
  }
  if (['azp', 'at_hash', 'nonce', 'events'].some((name) => Object.hasOwn(claims, name))) {
    return invalid(
      'an ID token where an access token is expected',
      'send the access_token instead',
    );
  }
  if (rules.clients && !rules.clients.includes(clientId)) {
    return foreignClient(clientId, rules.clients);
  }
  const acting = actorOf(claims, rules);
  return isRefusal(acting) ? acting : { ...checked, clientId, ...acting, claims };
}

/** What a caller's access token must be. JWTs and introspection share these rules. */
export interface ClaimRules {
  readonly issuer: string;
  /** One of these must be in `aud`. Empty: ZITADEL has checked whom the token is for. */
  readonly audience: readonly string[];
  readonly allowImpersonation: boolean | 'perRoute';
  /** One of these must have obtained a JWT. Missing: any client. */
  readonly clients?: readonly string[] | undefined;
  /** How far in the future a token may begin, because ZITADEL's clock may be ahead of ours. `exp` is exact. */
  readonly clockToleranceMs: number;
}

type Claims = Readonly<Record<string, unknown>>;

/** Longer tokens are refused first. Node's own limit for all headers is 16 KiB. */
const MAX_CHARACTERS = 8_192;

/** Refuses a token. What is given is for the log. */
export const invalid = (detail: string, remedy = AS_IT_IS, got?: string): Refusal => ({
  reason: 'token_invalid',
  detail: `access token: ${detail}`,
  remedy,
  ...(got !== undefined && { got }),
});

const AS_IT_IS = 'send the access_token of a sign-in at this instance, as ZITADEL gave it';
const foreignClient = (clientId: string, wanted: readonly string[]) =>
  invalid(
    'obtained by another client than those of jwt({ clients })',
    'if its client_id is one of yours, add that to the option callers',
    `client_id ${shownAudience([clientId])}, expected ${shownAudience(wanted)}`,
  );

/** The refusal of a token that is too long. */
export function tooLong(token: string): Refusal | undefined {
  return token.length > MAX_CHARACTERS
    ? invalid(`longer than ${MAX_CHARACTERS} characters`, 'ask for fewer scopes')
    : undefined;
}

/** Reads a claim as an own property: other people choose some of the names. */
export function ownClaim(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

/** Checks `iss`, `aud`, `exp`, `iat`, `nbf` and `sub` (RFC 7519, section 4.1). What is `optional` may be missing, but not wrong. */
export function checkClaims(
  claims: Claims,
  { issuer, audience, clockToleranceMs }: ClaimRules,
  optional: ReadonlySet<string> = new Set(),
): { readonly userId: string; readonly expiresAt: number } | Refusal {
  const isLeftOut = (name: string) => optional.has(name) && !Object.hasOwn(claims, name);
  const iss = ownClaim(claims, 'iss');
  if (!isLeftOut('iss') && iss !== issuer) {
    return invalid(
      'another issuer',
      'the option issuer must equal the token’s iss exactly',
      `iss ${shownIssuer(iss)}, expected ${issuer}`,
    );
  }
  if (!isLeftOut('aud')) {
    const problem = audienceProblem(ownClaim(claims, 'aud'), audience);
    if (problem) return problem;
  }
  const now = Date.now() / 1_000;
  const exp = ownClaim(claims, 'exp');
  const iat = isLeftOut('iat') ? 0 : ownClaim(claims, 'iat');
  const nbf = Object.hasOwn(claims, 'nbf') ? claims['nbf'] : iat;
  if (!isSeconds(exp) || !isSeconds(iat) || !isSeconds(nbf)) {
    return invalid('exp, iat and nbf must be whole seconds');
  }
  if (exp <= now) {
    return {
      ...invalid('expired', 'get a new token', `exp ${secondsApart(now, exp)} ago`),
      description: 'the token is expired',
    };
  }
  if (Math.max(iat, nbf) > now + clockToleranceMs / 1_000) {
    return invalid(
      'from the future',
      'compare the clocks of this host and of ZITADEL; the option clockToleranceMs allows for a difference',
      `iat or nbf ${secondsApart(Math.max(iat, nbf), now)} ahead`,
    );
  }
  const sub = ownClaim(claims, 'sub');
  if (!isName(sub)) return invalid('no usable sub');
  return { userId: sub, expiresAt: exp * 1_000 };
}

function audienceProblem(aud: unknown, wanted: readonly string[]): Refusal | undefined {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.every((each) => typeof each === 'string')) return invalid('malformed audience');
  return wanted.length === 0 || wanted.some((each) => audiences.includes(each))
    ? undefined
    : invalid(
        'for another audience',
        'the client must request the scope urn:zitadel:iam:org:project:id:<project id>:aud, and the option audience name that project or the client id',
        `aud ${shownAudience(audiences)}, expected ${shownAudience(wanted)}`,
      );
}

/** Who holds a token, if it is another user than the one it names (`act`, RFC 8693, section 4.1). Refuses it where nobody may. */
export function actorOf(
  claims: Claims,
  { allowImpersonation }: ClaimRules,
): { readonly actor?: string } | Refusal {
  if (!Object.hasOwn(claims, 'act')) return {};
  if (allowImpersonation === false) {
    return {
      reason: 'impersonated',
      detail: 'the token is for an impersonated user',
      remedy:
        'allowImpersonation lets such tokens through, with memberships read as the service user',
    };
  }
  const actor = own(claims['act'], 'sub');
  return isName(actor) ? { actor } : invalid('act names no user');
}

function secondsApart(later: number, earlier: number): string {
  return `${(later - earlier).toFixed(0)} s`;
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether a value can name a user or a token. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && checkId(value, /^[\x21-\x7e]+$/) === value;
}

/** Whether a value can name a client. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 1_000;
}
