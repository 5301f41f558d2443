import { ZitadelOptionsError } from './core/errors.js';
import { own } from './core/own-properties.js';
import { checkId } from './core/request.js';
import { unfilled } from './core/unfilled.js';
import { type WaysByForm, waysByForm } from './callers.js';
import type { ZitadelOptions } from './options.js';
import type { ResolvedOptions } from './resolved-options.js';
import { openClient, openServiceUser } from './zitadel/credentials.js';
import { isLoopback } from './zitadel/loopback.js';

/** What was given, in words: never the content of anything that may be secret. */
function got(value: unknown, secret = false): string {
  if (value === '') return 'an empty string';
  if (typeof value === 'string') {
    // A secret may stand in the wrong option. The shortest ones of ZITADEL have 36 characters, so only shorter values and origins are quoted.
    const isShort = value.length <= 32 && !value.includes('@');
    if (!secret && isShort) return `'${value}'`;
    const origin = !secret && URL.canParse(value) ? new URL(value).origin : 'null';
    return origin === 'null'
      ? `a string of ${value.length} characters`
      : `'${origin}'${value === origin ? '' : ' with more around it'}`;
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === undefined || value === null) return String(value);
  return Array.isArray(value) ? `a list of ${value.length}` : `a value of type ${typeof value}`;
}

/** The error for an option: its name, what it got, what to write. */
export function wrong(
  option: string,
  value: unknown,
  write: string,
  secret = false,
): ZitadelOptionsError {
  const parts = [`${option}: got ${got(value, secret)}`, `write ${write}`];
  const why = secret && typeof value === 'string' && value !== '' ? undefined : unfilled(value);
  return new ZitadelOptionsError(option, [...parts, ...(why ? [why] : [])].join('; '));
}

/** Refuses options of which each is right alone, but not together. @throws ZitadelOptionsError */
export function checkTogether(options: ZitadelOptions, resolved: ResolvedOptions): void {
  checkCallers(options, resolved);
  const { memberships, shared } = resolved;
  const asServiceUser = memberships.as === 'serviceUser';
  if (
    new URL(resolved.issuer).protocol === 'http:' &&
    resolved.internalUrl === undefined &&
    !isLoopback(new URL(resolved.issuer)) &&
    !options.allowHttp
  ) {
    throw wrong(
      'issuer',
      resolved.issuer,
      'https, or set allowHttp: true if tokens may travel in the clear',
    );
  }
  if (resolved.budgetMs < resolved.timeoutMs) {
    throw wrong(
      'budgetMs',
      resolved.budgetMs,
      `at least timeoutMs, which is ${resolved.timeoutMs}`,
    );
  }
  if (asServiceUser) {
    if (!resolved.serviceUser) {
      throw wrong(
        'serviceUser',
        undefined,
        "keyFile('./service-user.json') or another credential: memberships are read with it",
      );
    }
    checkOrganizations(memberships, resolved);
  }
  if (
    resolved.projectId !== undefined &&
    checkId(resolved.projectId, resolved.idPattern) !== resolved.projectId
  ) {
    throw wrong('projectId', resolved.projectId, 'an id that matches the option idPattern');
  }
  if (resolved.projectRoles === 'api') checkAuthorizations(resolved);
  checkInactive(memberships, resolved);
  const known = asServiceUser ? ['as', 'organizations', 'inactive'] : ['as', 'inactive'];
  const extra = Object.keys(memberships).find((name) => !known.includes(name));
  if (extra !== undefined) {
    const write = asServiceUser
      ? 'only as, organizations and inactive'
      : "only inactive beside as: 'caller': all organizations are read";
    throw wrong(`memberships.${extra}`, 'something', write);
  }
  if (resolved.allowImpersonation && !asServiceUser) {
    throw wrong(
      'allowImpersonation',
      resolved.allowImpersonation,
      "false, or memberships: { as: 'serviceUser', ... }: ZITADEL refuses such tokens at its own API",
    );
  }
  if (resolved.allowImpersonation && typeof resolved.callers === 'function') {
    throw wrong(
      'allowImpersonation',
      resolved.allowImpersonation,
      'no allowImpersonation: a function in callers decides about such tokens itself',
    );
  }
  const { path, signingKeys } = resolved.events ?? {};
  if (path !== undefined && signingKeys === undefined) {
    throw wrong(
      'events.path',
      path,
      'events.signingKeys too: without them nothing is received',
      true,
    );
  }
  if (shared && shared.secret !== false) {
    const { secret }: { secret: unknown } = shared;
    const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
    const fit = secrets.every((each) => typeof each === 'string' && each.length >= 32);
    if (!fit || secrets.length === 0) {
      throw wrong(
        'cache.shared.secret',
        secret,
        'a random string of at least 32 characters, the same in every process, or a list of such strings while it is rotated; or false, which trusts everyone who can write to the store',
        true,
      );
    }
  }
  if (shared) {
    const [extra] = Object.keys(shared).filter((name) => name !== 'secret');
    if (extra !== undefined) throw wrong(`cache.shared.${extra}`, 'something', 'only secret');
  }
}

/** Refuses ways to know callers, audiences and credentials that do not go together. */
function checkCallers(options: ZitadelOptions, resolved: ResolvedOptions): void {
  const ways = waysByForm(resolved.callers);
  if (resolved.serviceUser) openServiceUser(resolved.serviceUser);
  if (ways.other?.type === 'introspection') openClient(ways.other.credential);
  checkAudience(options.audience, ways);
  const asServiceUser = resolved.memberships.as === 'serviceUser';
  if (ways.other?.type === 'userinfo' && asServiceUser) {
    throw wrong(
      'callers',
      'userinfo()',
      "introspection(...) in its place, or memberships: { as: 'caller' }: userinfo shows neither whom a token is for nor who holds it, so ZITADEL’s API has to take it",
    );
  }
  if (ways.jwt?.clients && ways.other) {
    throw wrong(
      'callers',
      'jwt({ clients })',
      'jwt({ clients }) alone: nothing would check the clients of other tokens',
    );
  }
  if (ways.jwt?.recheckMs !== undefined && !asServiceUser) {
    throw wrong(
      'callers',
      'jwt({ recheckMs })',
      'jwt(): with memberships as the caller every read confirms the token',
    );
  }
}

function checkAudience(audience: ZitadelOptions['audience'], ways: WaysByForm): void {
  if (ways.jwt) {
    if (audience !== undefined) return;
    throw wrong(
      'audience',
      undefined,
      'the project id (or client ids) that callers’ tokens must be for; it is required with jwt()',
    );
  }
  if (audience === undefined || ways.other?.type === 'introspection') return;
  throw wrong(
    'audience',
    audience,
    ways.other
      ? 'no audience: userinfo() does not show whom a token is for; introspection(...) does'
      : 'no audience: a function in callers checks the audience itself',
  );
}

function checkOrganizations(
  memberships: ResolvedOptions['memberships'],
  { api, idPattern }: ResolvedOptions,
): void {
  const name = 'memberships.organizations';
  // An explicit `undefined` is a mistake, and not the same as a missing option.
  const isNamed = Object.hasOwn(memberships, 'organizations');
  const value = isNamed ? own(memberships, 'organizations') : LEFT_OUT;
  if (value === LEFT_OUT) {
    if (api !== 'v1') return;
    throw wrong(
      name,
      undefined,
      "a list of ids, or api: 'auto': API v1 reads one organization a call",
    );
  }
  if (api === 'v2') {
    throw wrong(
      name,
      value,
      "nothing with api: 'v2', which reads all organizations in one call as an IAM_OWNER_VIEWER",
    );
  }
  if (typeof value === 'function' || isOrganizations(value, idPattern)) return;
  throw wrong(
    name,
    value,
    'a list of the ids of the organizations that are read, or a function that promises one; or leave it out, and all are read with API v2',
  );
}

function checkInactive(
  memberships: ResolvedOptions['memberships'],
  { serviceUser }: ResolvedOptions,
): void {
  if (!Object.hasOwn(memberships, 'inactive')) return;
  const value: unknown = memberships.inactive;
  if (value !== 'asZitadel' && value !== 'deny') {
    throw wrong('memberships.inactive', value, "'asZitadel' or 'deny'");
  }
  if (value === 'asZitadel' || serviceUser) return;
  throw wrong(
    'serviceUser',
    undefined,
    "keyFile('./service-user.json') or another credential: with memberships.inactive: 'deny' it reads what is active, as IAM_OWNER_VIEWER, or as ORG_OWNER_VIEWER in every organization where callers have a role",
  );
}

function checkAuthorizations({ serviceUser, api }: ResolvedOptions): void {
  if (!serviceUser) {
    throw wrong(
      'serviceUser',
      undefined,
      "keyFile('./service-user.json') or another credential: with projectRoles: 'api' authorizations are read with it",
    );
  }
  if (api !== 'v1') return;
  throw wrong(
    'projectRoles',
    'api',
    "'token', or api: 'auto': API v1 does not tell which authorizations are inactive",
  );
}

const LEFT_OUT = Symbol('left out');

/** Whether a value is a list of organizations that can be asked. A function of the application may have returned it. */
export function isOrganizations(value: unknown, pattern: RegExp): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((id) => id !== undefined && checkId(id, pattern) === id)
  );
}
