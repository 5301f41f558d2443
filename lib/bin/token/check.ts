import type { Caller, Membership } from '../../core/caller.js';
import { type DenyReason, isRefusal, type Refusal } from '../../core/decision.js';
import { ZitadelOptionsError } from '../../core/errors.js';
import { authenticated } from '../../core/requirement/builders.js';
import { createZitadel } from '../../create-zitadel.js';
import { jwt, userinfo } from '../../callers.js';
import type { ZitadelOptions } from '../../options.js';
import { UsageError } from '../command.js';
import { optionsFromEnvironment } from '../environment.js';
import type { Asked } from './asked.js';
import type { Form } from './kind.js';
import { audienceOf } from './uses.js';

/** What ZITADEL says about a token. */
export type Checked =
  | { readonly refused: Refusal; readonly isTrouble: boolean }
  | {
      readonly refused?: never;
      readonly caller: Caller;
      readonly as: 'caller' | 'serviceUser';
      readonly memberships: readonly Membership[];
      readonly complete: boolean;
    };

/** "No" that is not about the token. */
const TROUBLE: ReadonlySet<DenyReason> = new Set(['unavailable', 'misconfigured']);

const SILENT = { debug() {}, log() {}, warn() {}, error() {} };

/** Asks as the application would: it goes the whole way of a request. @throws UsageError */
export async function askZitadel(token: string, form: Form, asked: Asked): Promise<Checked> {
  const { zitadel, as } = open(form, asked);
  try {
    const headers = { authorization: `Bearer ${token}` };
    const decision = await zitadel.authorizer.authorize({ headers }, authenticated());
    if (!decision.allowed) return refused(decision);
    const known = await zitadel.decisions.knownFor(decision.caller);
    if (isRefusal(known)) return refused(known);
    const { rows, complete } = known.index;
    return { caller: decision.caller, as, memberships: rows, complete };
  } finally {
    await zitadel.close();
  }
}

const refused = (refusal: Refusal): Checked => ({
  refused: refusal,
  isTrouble: TROUBLE.has(refusal.reason),
});

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
