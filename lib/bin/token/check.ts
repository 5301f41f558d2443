import type { Caller, Membership } from '../../core/caller.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import { ZitadelOptionsError } from '../../core/errors.js';
import { bearerToken } from '../../core/request.js';
import { notBearer } from '../../core/request-problems.js';
import { authenticated } from '../../core/requirement/builders.js';
import { createZitadel } from '../../create-zitadel.js';
import { jwt, userinfo } from '../../callers.js';
import type { ZitadelOptions } from '../../options.js';
import { resolveOptions } from '../../validate-options.js';
import { createJwtVerifier } from '../../zitadel/callers/access-token.js';
import { UsageError } from '../command.js';
import { type Environment, optionsFromEnvironment, type Settings } from '../environment.js';
import { audienceOf, type Form, usesOf } from './form.js';

/** What the arguments and the environment say about the application. */
export interface Asked extends Settings {
  readonly env: Environment;
  readonly check: boolean;
  /** Whether `callers` has `userinfo()`. */
  readonly userinfo: boolean;
}

/** Every rule of the library but the signature has let the token through. */
const NOT_ASKED: Refusal = { reason: 'unavailable', detail: 'the signature is not verified here' };

/** A setting that nobody gave has its default. What must be given is not used. */
const { clockToleranceMs } = resolveOptions({ issuer: 'https://not.given', audience: '0' });

/**
 * What the library itself says about a token, without asking ZITADEL. Undefined: nothing speaks against it. An issuer or an audience that is
 * not set is not compared.
 */
export async function verdictOn(
  token: string,
  { claims }: Form,
  { check, issuer, audience, projectId, apiKey, memberships, userinfo }: Asked,
): Promise<Refusal | undefined> {
  const header = `Bearer ${token}`;
  if (bearerToken(header).token === undefined) return notBearer(header, 'malformed', false);
  const isJwt = token.split('.').length === 3;
  if (!isJwt && (userinfo || apiKey !== undefined)) return undefined;
  const verify = createJwtVerifier(
    { get: () => Promise.resolve(NOT_ASKED) },
    {
      issuer: issuer ?? String(claims?.['iss']),
      audience: audience === undefined ? [] : [audience],
      allowImpersonation: false,
      clockToleranceMs,
    },
  );
  const verdict = await verify(token);
  if (isRefusal(verdict) && verdict !== NOT_ASKED) return verdict;
  // Where ZITADEL is asked, it says so itself.
  const isForAll = check || memberships !== undefined || !claims;
  return isForAll || usesOf(claims, projectId)[0]?.there !== false ? undefined : NOT_FOR_ZITADEL;
}

const NOT_FOR_ZITADEL: Refusal = {
  reason: 'token_rejected',
  detail:
    'the token is not for ZITADEL itself, so the memberships cannot be read as the caller, which is the default',
  remedy:
    'request the scope urn:zitadel:iam:org:project:id:zitadel:aud; or set ZITADEL_SERVICE_USER_KEY and ZITADEL_ORGANIZATIONS, if your application reads memberships as the service user',
};

/** What ZITADEL says about a token. */
export type Checked =
  | { readonly refused: Refusal }
  | {
      readonly refused?: never;
      readonly caller: Caller;
      readonly as: 'caller' | 'serviceUser';
      readonly memberships: readonly Membership[];
      readonly complete: boolean;
    };

const SILENT = { debug() {}, log() {}, warn() {}, error() {} };

/** Asks as the application would: it goes the whole way of a request. @throws UsageError */
export async function askZitadel(token: string, form: Form, asked: Asked): Promise<Checked> {
  const { zitadel, as } = open(form, asked);
  try {
    const headers = { authorization: `Bearer ${token}` };
    const decision = await zitadel.authorizer.authorize({ headers }, authenticated());
    if (!decision.allowed) return { refused: decision };
    const known = await zitadel.decisions.knownFor(decision.caller);
    if (isRefusal(known)) return { refused: known };
    const { rows, complete } = known.index;
    return { caller: decision.caller, as, memberships: rows, complete };
  } finally {
    await zitadel.close();
  }
}

function open(form: Form, asked: Asked) {
  try {
    const options = optionsOf(form, asked);
    return { zitadel: createZitadel(options), as: options.memberships?.as ?? 'caller' };
  } catch (error) {
    if (!(error instanceof ZitadelOptionsError)) throw error;
    throw new UsageError(`the environment does not fit: ${error.message}`);
  }
}

/** The way to know the caller follows from the form of the token, as it does in a list of two ways. */
function optionsOf({ claims }: Form, { env, userinfo: takesAll }: Asked): ZitadelOptions {
  const { events: _, callers, audience, ...others } = optionsFromEnvironment(env);
  const { serviceUser: _user, memberships: _rows, ...withoutUser } = others;
  // The library takes no userinfo() beside a service user that reads memberships.
  const base = { ...(takesAll ? withoutUser : others), logger: SILENT };
  if (claims) return { ...base, callers: jwt(), audience: audience ?? audienceOf(claims) ?? [] };
  if (!callers) return { ...base, callers: userinfo() };
  return { ...base, callers, ...(audience !== undefined && { audience }) };
}
