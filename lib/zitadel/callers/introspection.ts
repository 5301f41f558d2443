import { createHash } from 'node:crypto';
import type { Caller } from '../../core/caller.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import { bounded } from '../../core/memory/bounded.js';
import { isValid, validFor, type Validity } from '../../core/validity.js';
import type { Call } from '../call.js';
import { type ClientCredential, signAssertion } from '../credentials.js';
import type { Discover } from '../discovery.js';
import type { Http } from '../http.js';
import { ProvenTokens } from '../limits.js';
import { refusalOfOurs, unfit } from '../refusals.js';
import { isDone } from '../reply.js';
import {
  actorOf,
  checkClaims,
  type ClaimRules,
  invalid,
  isText,
  ownClaim,
  tooLong,
} from './access-token.js';

const WHAT = 'introspection';
/** ZITADEL also says "inactive" when its own database fails, so that is believed for a moment only. */
const INACTIVE_FOR_MS = 2_000;
const INACTIVE_AT_MOST = 20_000;
/** An assertion is made anew every minute, not for each call: signing costs more than the rest of a call. It is valid for longer. */
const ASSERTION_FOR_MS = 60_000;

const INACTIVE: Refusal = {
  ...invalid(
    'ZITADEL says that it is not active',
    'it is expired or revoked, is not an access token, or was requested without the scope urn:zitadel:iam:org:project:id:<project id>:aud of the project of the application that introspects',
  ),
  description: 'the token is not active',
};

/**
 * Asks ZITADEL about tokens of every kind (RFC 7662): opaque ones, personal access tokens, JWTs. ZITADEL says "active" only of tokens for
 * the application that asks, or for its project.
 */
export function createIntrospection(
  http: Http,
  discover: Discover,
  credential: ClientCredential,
  rules: ClaimRules,
): (token: string) => Promise<Caller | Refusal> {
  const proof = proofOf(credential, rules.issuer);
  const inactiveUntil = bounded<string, number>(INACTIVE_AT_MOST);
  const proven = new ProvenTokens();
  // Some tokens lack these claims. Without the option audience, ZITADEL alone checks whom a token is for.
  const optional = new Set(['iss', 'iat', ...(rules.audience.length === 0 ? ['aud'] : [])]);

  const callerOf = (claims: Readonly<Record<string, unknown>>): Caller | Refusal => {
    const checked = checkClaims(claims, rules, optional);
    if (isRefusal(checked)) return checked;
    const acting = actorOf(claims, rules);
    if (isRefusal(acting)) return acting;
    const clientId = ownClaim(claims, 'client_id');
    if (clientId === undefined) return { ...checked, ...acting, claims };
    return isText(clientId)
      ? { ...checked, clientId, ...acting, claims }
      : invalid('no usable client_id');
  };

  return async (token) => {
    const long = tooLong(token);
    if (long) return long;
    const who = createHash('sha256').update(token).digest('base64url');
    if ((inactiveUntil.get(who) ?? 0) > performance.now()) return INACTIVE;
    const endpoints = await discover();
    if (isRefusal(endpoints)) return endpoints;
    if (endpoints.introspection === undefined) return NO_ENDPOINT;
    const { basic, form } = await proof();
    const askedAt = performance.now();
    const reply = await http({
      family: 'introspection',
      method: 'POST',
      path: endpoints.introspection,
      form: { token, ...form },
      ...(basic && { basic }),
      who,
      stranger: !proven.has(who),
      repeatable: true,
    });
    // A refusal is about the application that asks, never about the caller: for a bad token ZITADEL replies 200.
    if (!isDone(reply)) return refusalOfOurs(reply, WHAT, REMEDY[credential.type]);
    const active = ownClaim(reply.body, 'active');
    if (active === true) {
      proven.add(who);
      return callerOf(reply.body);
    }
    // It is a boolean (RFC 7662). Anything else says nothing about the token.
    if (active !== false) return unfit(WHAT, 'the reply does not say "active"');
    proven.remove(who);
    inactiveUntil.set(who, askedAt + INACTIVE_FOR_MS);
    return INACTIVE;
  };
}

const NO_ENDPOINT: Refusal = {
  reason: 'misconfigured',
  detail: 'discovery: there is no introspection endpoint on the issuer’s origin',
  remedy: 'look at what replies under the issuer’s address',
};

type Proof = Pick<Call, 'basic' | 'form'>;

function proofOf(credential: ClientCredential, issuer: string): () => Promise<Proof> {
  if (credential.type === 'basic') return () => Promise.resolve({ basic: credential });
  let assertion: Promise<string> | undefined;
  let validity: Validity | undefined;
  return async () => {
    if (!assertion || !validity || !isValid(validity)) {
      assertion = signAssertion(credential.clientId, credential, issuer);
      validity = validFor(ASSERTION_FOR_MS);
    }
    return {
      form: {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assertion,
      },
    };
  };
}

const REMOVED =
  'or the application that introspects is removed, or its project or organization is deactivated';

const REMEDY: Readonly<Record<ClientCredential['type'], string>> = {
  basic: `the client id and secret of basic() may be wrong; ${REMOVED}`,
  applicationKey: `the key file may belong to another instance, or its key may be deleted; compare the clocks too; ${REMOVED}`,
};
