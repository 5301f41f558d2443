import type { Instance } from '../instance.js';
import { type Reply, type Exchange, headerOf, oauthError } from '../server/replies.js';
import { nowInSeconds } from '../world/world.js';
import type { Application, Credentials, RegisteredKey } from './credentials.js';
import { decodeJwt, isSignedBy } from './keys.js';

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

/** Reads the claim without judging it. A reply is a refusal. */
export function clientClaimOf(exchange: Exchange, form: URLSearchParams): ClientClaim | Reply {
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
  instance: Instance,
  claim: ClientClaim,
  issuer: string,
): Application | undefined {
  const proven =
    claim.assertion === ''
      ? clientOfSecret(instance, claim)
      : clientOfAssertion(instance, claim, issuer);
  return proven !== undefined && isInUse(instance, proven) ? proven : undefined;
}

/** An application is in use while it, its project and the project's organization are active. */
function isInUse(instance: Instance, application: Application): boolean {
  const project = instance.world.now.projects.get(application.projectId);
  const org = instance.world.now.orgs.get(project?.orgId ?? '');
  return application.active && project?.active === true && org?.active === true;
}

function clientOfSecret(instance: Instance, claim: ClientClaim): Application | undefined {
  const { credentials } = instance;
  return credentials.isSecretOf(claim.clientId, claim.secret)
    ? credentials.applications.get(claim.clientId)
    : undefined;
}

function clientOfAssertion(
  { credentials }: Instance,
  { assertion }: ClientClaim,
  issuer: string,
): Application | undefined {
  const clientId = ownerOfAssertion(credentials, assertion, 'application', issuer);
  return credentials.applications.get(clientId ?? '');
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

function invalidRequest(description: string): Reply {
  return oauthError(400, 'invalid_request', description);
}

const OLDEST_ASSERTION_SECONDS = 3600;
const CLOCK_SKEW_SECONDS = 1;

/**
 * Whose assertion it is: that of a registered key's owner, signed with the key, about the owner, for this
 * issuer, and made just now. RFC 7523 section 3.
 */
export function ownerOfAssertion(
  credentials: Credentials,
  assertion: string,
  type: RegisteredKey['type'],
  issuer: string,
): string | undefined {
  const decoded = decodeJwt(assertion);
  const key = credentials.keys.get(String(decoded?.header['kid']));
  if (decoded === undefined || key?.type !== type) return undefined;
  const { ownerId, publicKey } = key;
  const { iss, sub, aud, exp, iat } = decoded.claims;
  const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const now = nowInSeconds();
  const right =
    iss === ownerId &&
    sub === ownerId &&
    audience.includes(issuer) &&
    typeof exp === 'number' &&
    exp > now &&
    typeof iat === 'number' &&
    iat >= now - OLDEST_ASSERTION_SECONDS &&
    iat <= now + CLOCK_SKEW_SECONDS &&
    isSignedBy(assertion, decoded, publicKey);
  return right ? ownerId : undefined;
}
