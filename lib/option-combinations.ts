import { ZitadelOptionsError } from './core/errors.js';
import { unfilled } from './core/unfilled.js';
import { own } from './core/own-properties.js';
import { checkId } from './core/request.js';
import { waysByForm } from './callers.js';
import type { ZitadelOptions } from './options.js';
import type { ResolvedOptions } from './resolved-options.js';
import { openClient, openServiceUser } from './zitadel/credentials.js';
import { isLoopback } from './zitadel/http.js';

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

function refuse(isWrong: unknown, ...what: Parameters<typeof wrong>): void {
  if (isWrong) throw wrong(...what);
}

function needServiceUser({ serviceUser }: ResolvedOptions, why: string): void {
  const write = `keyFile('./service-user.json') or another credential: ${why}`;
  refuse(!serviceUser, 'serviceUser', undefined, write);
}

/** Refuses options of which each is right alone, but not together. @throws ZitadelOptionsError */
export function checkTogether(options: ZitadelOptions, resolved: ResolvedOptions): void {
  checkCallers(options, resolved);
  const { issuer, memberships, timeoutMs, budgetMs, projectId, allowImpersonation } = resolved;
  const asServiceUser = memberships.as === 'serviceUser';
  const url = new URL(issuer);
  const isClear = url.protocol === 'http:' && !isLoopback(url);
  refuse(
    isClear && resolved.internalUrl === undefined && !options.allowHttp,
    'issuer',
    issuer,
    'https, or set allowHttp: true if tokens may travel in the clear',
  );
  refuse(budgetMs < timeoutMs, 'budgetMs', budgetMs, `at least timeoutMs, which is ${timeoutMs}`);
  if (asServiceUser) {
    needServiceUser(resolved, 'memberships are read with it');
    checkOrganizations(resolved);
  }
  refuse(
    projectId !== undefined && checkId(projectId, resolved.idPattern) !== projectId,
    'projectId',
    projectId,
    'an id that matches the option idPattern',
  );
  if (resolved.projectRoles === 'api') {
    needServiceUser(resolved, "with projectRoles: 'api' authorizations are read with it");
    refuse(
      resolved.api === 'v1',
      'projectRoles',
      'api',
      "'token', or api: 'auto': API v1 does not tell which authorizations are inactive",
    );
  }
  checkInactive(resolved);
  const known = asServiceUser ? ['as', 'organizations', 'inactive'] : ['as', 'inactive'];
  const extra = Object.keys(memberships).find((name) => !known.includes(name));
  refuse(
    extra !== undefined,
    `memberships.${extra}`,
    'something',
    asServiceUser
      ? 'only as, organizations and inactive'
      : "only inactive beside as: 'caller': all organizations are read",
  );
  refuse(
    allowImpersonation && !asServiceUser,
    'allowImpersonation',
    allowImpersonation,
    "false, or memberships: { as: 'serviceUser', ... }: ZITADEL refuses such tokens at its own API",
  );
  refuse(
    allowImpersonation && typeof resolved.callers === 'function',
    'allowImpersonation',
    allowImpersonation,
    'no allowImpersonation: a function in callers decides about such tokens itself',
  );
  const { path, signingKeys } = resolved.events ?? {};
  refuse(
    path !== undefined && signingKeys === undefined,
    'events.path',
    path,
    'events.signingKeys too: without them nothing is received',
    true,
  );
  if (resolved.shared) checkShared(resolved.shared);
}

function checkShared({ secret, ...others }: NonNullable<ResolvedOptions['shared']>): void {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  const fit = secrets.every((each) => typeof each === 'string' && each.length >= 32);
  refuse(
    secret !== false && (!fit || secrets.length === 0),
    'cache.shared.secret',
    secret,
    'a random string of at least 32 characters, the same in every process, or a list of such strings while it is rotated; or false, which trusts everyone who can write to the store',
    true,
  );
  const [extra] = Object.keys(others);
  refuse(extra !== undefined, `cache.shared.${extra}`, 'something', 'only secret');
}

/** Refuses ways to know callers, audiences and credentials that do not go together. */
function checkCallers({ audience }: ZitadelOptions, resolved: ResolvedOptions): void {
  const { jwt, other } = waysByForm(resolved.callers);
  if (resolved.serviceUser) openServiceUser(resolved.serviceUser);
  if (other?.type === 'introspection') openClient(other.credential);
  refuse(
    jwt && audience === undefined,
    'audience',
    undefined,
    'the project id (or client ids) that callers’ tokens must be for; it is required with jwt()',
  );
  refuse(
    !jwt && audience !== undefined && other?.type !== 'introspection',
    'audience',
    audience,
    other
      ? 'no audience: userinfo() does not show whom a token is for; introspection(...) does'
      : 'no audience: a function in callers checks the audience itself',
  );
  const asServiceUser = resolved.memberships.as === 'serviceUser';
  refuse(
    other?.type === 'userinfo' && asServiceUser,
    'callers',
    'userinfo()',
    "introspection(...) in its place, or memberships: { as: 'caller' }: userinfo shows neither whom a token is for nor who holds it, so ZITADEL’s API has to take it",
  );
  refuse(
    jwt?.clients && other,
    'callers',
    'jwt({ clients })',
    'jwt({ clients }) alone: nothing would check the clients of other tokens',
  );
  refuse(
    jwt?.recheckMs !== undefined && !asServiceUser,
    'callers',
    'jwt({ recheckMs })',
    'jwt(): with memberships as the caller every read confirms the token',
  );
}

function checkOrganizations({ api, idPattern, memberships }: ResolvedOptions): void {
  const name = 'memberships.organizations';
  const value = own(memberships, 'organizations');
  // An explicit `undefined` is a mistake, and not the same as a missing option.
  if (!Object.hasOwn(memberships, 'organizations')) {
    refuse(
      api === 'v1',
      name,
      undefined,
      "a list of ids, or api: 'auto': API v1 reads one organization a call",
    );
    return;
  }
  refuse(
    api === 'v2',
    name,
    value,
    "nothing with api: 'v2', which reads all organizations in one call as an IAM_OWNER_VIEWER",
  );
  refuse(
    typeof value !== 'function' && !isOrganizations(value, idPattern),
    name,
    value,
    'a list of the ids of the organizations that are read, or a function that promises one; or leave it out, and all are read with API v2',
  );
}

function checkInactive(resolved: ResolvedOptions): void {
  const { memberships } = resolved;
  if (!Object.hasOwn(memberships, 'inactive')) return;
  const value: unknown = memberships.inactive;
  const fits = value === 'asZitadel' || value === 'deny';
  refuse(!fits, 'memberships.inactive', value, "'asZitadel' or 'deny'");
  if (value !== 'deny') return;
  needServiceUser(
    resolved,
    "with memberships.inactive: 'deny' it reads what is active, as IAM_OWNER_VIEWER, or as ORG_OWNER_VIEWER in every organization where callers have a role",
  );
}

/** Whether a value is a list of organizations that can be asked. A function of the application may have returned it. */
export function isOrganizations(value: unknown, pattern: RegExp): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((id) => id !== undefined && checkId(id, pattern) === id)
  );
}
