import type { Core } from '../core.js';
import { type Answer, type Exchange, headerOf, oauthError } from '../server/answers.js';
import { nowInSeconds } from '../world/world.js';
import type { Application, RegisteredKey } from './credentials.js';
import { type DecodedJwt, decodeJwt, isSignedBy } from './keys.js';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const AUTHORIZATION_BASIC = /^Basic (.+)$/;

/** What a program brought to say which application it is. RFC 6749 section 2.3, RFC 7523 section 2.2. */
export interface ClientClaim {
  readonly clientId: string;
  readonly secret: string;
  readonly assertion: string;
}

/** The form of a request; none where it was sent as something else. */
export function formOf(exchange: Exchange): URLSearchParams {
  const type = headerOf(exchange, 'content-type') ?? '';
  const isForm = type.startsWith('application/x-www-form-urlencoded');
  return new URLSearchParams(isForm ? exchange.body : '');
}

/** Reads the claim without judging it. An answer is a refusal. */
export function clientClaimOf(exchange: Exchange, form: URLSearchParams): ClientClaim | Answer {
  const assertion = form.get('client_assertion') ?? '';
  const assertionType = form.get('client_assertion_type') ?? '';
  const posted = { clientId: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' };
  const methods = [
    assertion !== '' && assertionType !== '',
    posted.clientId !== '' && posted.secret !== '',
  ];
  const basic = AUTHORIZATION_BASIC.exec(headerOf(exchange, 'authorization') ?? '')?.[1];
  if (methods.filter(Boolean).length + (basic === undefined ? 0 : 1) > 1) {
    return invalidRequest('client authentication must not use more than one method');
  }
  const named = basic === undefined ? posted : decodeBasic(basic);
  if (named === undefined) {
    return oauthError(400, 'invalid_client', 'invalid basic auth header');
  }
  if (named.clientId === '' && assertion === '') {
    return invalidRequest('client_id or client_assertion must be provided');
  }
  if (assertion !== '' && assertionType !== ASSERTION_TYPE) {
    return invalidRequest(`invalid client_assertion_type ${assertionType}`);
  }
  return { ...named, assertion };
}

/** The application that a claim proves; nothing also where it, its project or organization is off. */
export function authenticatedClient(
  core: Core,
  claim: ClientClaim,
  issuer: string,
): Application | undefined {
  const proven =
    claim.assertion === '' ? clientOfSecret(core, claim) : clientOfAssertion(core, claim, issuer);
  return proven !== undefined && isInUse(core, proven) ? proven : undefined;
}

/** Applications answer as long as they, their project and its organization are active. */
function isInUse(core: Core, application: Application): boolean {
  const project = core.world.now.projects.get(application.projectId);
  const org = core.world.now.orgs.get(project?.orgId ?? '');
  return application.active && project?.active === true && org?.active === true;
}

function clientOfSecret(core: Core, claim: ClientClaim): Application | undefined {
  const { credentials } = core;
  return credentials.isSecretOf(claim.clientId, claim.secret)
    ? credentials.applications.get(claim.clientId)
    : undefined;
}

function clientOfAssertion(
  core: Core,
  { assertion }: ClientClaim,
  issuer: string,
): Application | undefined {
  const decoded = decodeJwt(assertion);
  const key = core.credentials.keys.get(String(decoded?.header['kid']));
  if (decoded === undefined || key?.type !== 'application') return undefined;
  return isRightAssertion(assertion, decoded, key, issuer)
    ? core.credentials.applications.get(key.ownerId)
    : undefined;
}

function decodeBasic(basic: string): { clientId: string; secret: string } | undefined {
  const text = Buffer.from(basic, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon === -1) return { clientId: '', secret: '' };
  try {
    return {
      clientId: unescapeQuery(text.slice(0, colon)),
      secret: unescapeQuery(text.slice(colon + 1)),
    };
  } catch {
    return undefined;
  }
}

function unescapeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function invalidRequest(description: string): Answer {
  return oauthError(400, 'invalid_request', description);
}

const OLDEST_ASSERTION_SECONDS = 3600;
const CLOCK_SKEW_SECONDS = 1;

/** RFC 7523 section 3: signed by the key's owner, about the owner, for this issuer, made just now. */
export function isRightAssertion(
  assertion: string,
  decoded: DecodedJwt,
  key: RegisteredKey,
  issuer: string,
): boolean {
  const { iss, sub, aud, exp, iat } = decoded.claims;
  const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const now = nowInSeconds();
  return (
    iss === key.ownerId &&
    sub === key.ownerId &&
    audience.includes(issuer) &&
    typeof exp === 'number' &&
    exp > now &&
    typeof iat === 'number' &&
    iat >= now - OLDEST_ASSERTION_SECONDS &&
    iat <= now + CLOCK_SKEW_SECONDS &&
    isSignedBy(assertion, decoded, key.publicKey)
  );
}
