import { ZitadelOptionsError } from './core/errors.js';
import { own, withoutInheritance } from './core/own-properties.js';
import { type HierarchyTable, kindOfRole, ZITADEL_HIERARCHY } from './core/requirement/roles.js';
import type { ZitadelLogger } from './core/tell.js';
import { unfilled } from './core/unfilled.js';
import { checkTogether, wrong } from './option-combinations.js';
import {
  type Callers,
  introspection,
  jwt,
  type MixedCallers,
  type ResolvedOptions,
  userinfo,
  type ZitadelOptions,
} from './options.js';
import { ZitadelCredential } from './zitadel/credentials.js';

type Problem = string | undefined;
type Check = (value: unknown) => Problem;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const ORIGIN = "an origin without path and trailing slash, e.g. 'https://acme.zitadel.cloud'";

const origin: Check = (value) => {
  if (!isText(value) || !URL.canParse(value)) return ORIGIN;
  const { protocol, origin: plain } = new URL(value);
  // Behind some proxies ZITADEL writes the port into `iss`, though the scheme implies it.
  const withPort = `${plain}:${protocol === 'https:' ? 443 : 80}`;
  const fits = /^https?:$/.test(protocol) && (value === plain || value === withPort);
  return fits ? undefined : ORIGIN;
};

const aFunction =
  (what: string): Check =>
  (value) =>
    typeof value === 'function' ? undefined : what;
const trueOrFalse: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false');
const milliseconds =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === 'number' && value >= least && value <= most
      ? undefined
      : `milliseconds from ${least} to ${most}`;

const audience: Check = (value) => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.length > 0 && list.every(isText)
    ? undefined
    : 'the project id (or client ids) that callers’ tokens must be for: a string or a list of strings';
};

const serviceUser: Check = (value) =>
  value instanceof ZitadelCredential
    ? undefined
    : "keyFile('./service-user.json'), key(json), pat(token) or clientCredentials(id, secret)";

const idPattern: Check = (value) =>
  value instanceof RegExp && !/[gmy]/.test(value.flags)
    ? undefined
    : 'a regular expression without the flags g, m and y, e.g. /[0-9]{1,200}/';

const logger: Check = (value) =>
  Object(value) === value &&
  (['debug', 'log', 'warn', 'error'] as const).every(
    (level) => typeof (value as Record<string, unknown>)[level] === 'function',
  )
    ? undefined
    : 'an object with the methods debug, log, warn and error';

const hierarchy: Check = (value) => {
  if (value === 'zitadel' || value === 'exact') return undefined;
  const fits =
    isObject(value) &&
    Object.entries(value).every(
      ([role, lower]) =>
        kindOfRole(role) &&
        Array.isArray(lower) &&
        lower.every((each) => isText(each) && kindOfRole(each)),
    );
  return fits
    ? undefined
    : "'zitadel', 'exact', or a table such as { ORG_OWNER: ['ORG_OWNER_VIEWER'] } of roles with ZITADEL's prefixes";
};

const WAYS =
  "jwt(), introspection(keyFile('./api.json')), userinfo(), a list of jwt() and one of the other two, or a function of the token";

/** What is wrong with the option `callers` on its own. */
function callersProblem(value: unknown): Problem {
  if (value === jwt || value === introspection || value === userinfo) return `${WAYS}, called`;
  if (typeof value === 'function') return undefined;
  if (!Array.isArray(value)) return wayProblem(value);
  const list: readonly unknown[] = value;
  const jwts = list.filter((way) => typeOf(way) === 'jwt').length;
  if (list.length !== 2 || jwts !== 1) {
    return '[jwt(), introspection(...)] or [jwt(), userinfo()]: a list has exactly these two';
  }
  return list.map(wayProblem).find((problem) => problem !== undefined);
}

function wayProblem(value: unknown): Problem {
  switch (typeOf(value)) {
    case 'jwt':
      return jwtProblem(settingsOf(value));
    case 'introspection': {
      const { credential, ...more } = settingsOf(value);
      return credential instanceof ZitadelCredential
        ? noneOf(more, 'introspection()')
        : "introspection(keyFile('./api.json')), introspection(key(json)) or introspection(basic(clientId, clientSecret))";
    }
    case 'userinfo':
      return noneOf(settingsOf(value), 'userinfo()');
    default:
      return WAYS;
  }
}

function typeOf(value: unknown): unknown {
  return own(value, 'type');
}

function settingsOf(value: unknown): Readonly<Record<string, unknown>> {
  const { type: _type, ...settings } = value as Readonly<Record<string, unknown>>;
  return settings;
}

function jwtProblem(settings: Readonly<Record<string, unknown>>): Problem {
  const { recheckMs, ...unknown } = settings;
  const fits =
    !Object.hasOwn(settings, 'recheckMs') ||
    recheckMs === false ||
    (typeof recheckMs === 'number' && recheckMs >= 1_000 && recheckMs <= 3_600_000);
  const names = Object.keys(unknown);
  return fits && names.length === 0
    ? undefined
    : `jwt({ recheckMs }) with milliseconds from 1000 to 3600000, or false, and no other setting${suchAs(names)}`;
}

function noneOf(settings: object, way: string): Problem {
  const names = Object.keys(settings);
  return names.length === 0 ? undefined : `${way} without settings${suchAs(names)}`;
}

function suchAs(names: readonly string[]): string {
  return names.map((name) => ` such as ${name}`).join('');
}

const CHECKS: Readonly<Record<keyof ZitadelOptions, Check>> = {
  issuer: origin,
  internalUrl: origin,
  audience,
  callers: callersProblem,
  memberships: (value) =>
    isObject(value) && (value['as'] === 'caller' || value['as'] === 'serviceUser')
      ? undefined
      : "{ as: 'caller' } or { as: 'serviceUser' }, with organizations or without",
  api: (value) =>
    value === 'auto' || value === 'v1' || value === 'v2' ? undefined : "'auto', 'v1' or 'v2'",
  projectId: (value) => (isText(value) ? undefined : 'the id of the project'),
  serviceUser,
  cache: (value) =>
    isObject(value)
      ? undefined
      : '{ ttlMs, denialMs, maxBytes, shared }, each of which may be left out',
  hierarchy,
  projectOwner: aFunction(
    'a function from a project id to the id of the organization that owns it',
  ),
  idPattern,
  timeoutMs: milliseconds(1, 60_000),
  budgetMs: milliseconds(1, 120_000),
  clockToleranceMs: milliseconds(0, 300_000),
  fetch: aFunction('a function like the global fetch'),
  logger,
  allowHttp: trueOrFalse,
  allowImpersonation: trueOrFalse,
  token: aFunction('a function from the request to the token'),
};

const CACHE_CHECKS: Readonly<Record<string, Check>> = {
  ttlMs: milliseconds(0, 3_600_000),
  denialMs: milliseconds(0, 3_600_000),
  maxBytes: (value) =>
    Number.isSafeInteger(value) && Number(value) >= 2 ** 20 && Number(value) <= 2 ** 40
      ? undefined
      : 'bytes from 1048576 (1 MiB) to 2 ** 40',
  shared: (value) =>
    value === false || (isObject(value) && Object.hasOwn(value, 'secret'))
      ? undefined
      : 'false, or { secret: a string of at least 32 characters } (secret: false trusts everyone who can write to the store)',
};

/**
 * Checks every option and every combination, and fills in the defaults.
 *
 * @throws ZitadelOptionsError naming the option, what it got and what to write
 */
export function resolveOptions(
  given: ZitadelOptions,
  door: {
    readonly ofTheDoor?: readonly string[] | undefined;
    readonly logger?: ZitadelLogger | undefined;
  } = {},
): ResolvedOptions {
  if (!isObject(given)) throw wrong('options', given, '{ issuer, audience, ... }');
  const options = withoutInheritance(given);
  if (!Object.hasOwn(options, 'issuer')) throw wrong('issuer', undefined, ORIGIN);
  checkAll(options, CHECKS, '', door.ofTheDoor);
  const cache = withoutInheritance(options.cache ?? {});
  checkAll(cache, CACHE_CHECKS, 'cache.');
  const pattern = options.idPattern ?? /[0-9]{1,200}/;
  const resolved: ResolvedOptions = {
    issuer: options.issuer,
    internalUrl: options.internalUrl,
    audience: options.audience === undefined ? [] : [options.audience].flat(),
    callers: callersFrom(options.callers ?? jwt()),
    memberships: withoutInheritance(options.memberships ?? { as: 'caller' }),
    api: options.api ?? 'auto',
    projectId: options.projectId,
    serviceUser: options.serviceUser,
    ttlMs: cache.ttlMs ?? 30_000,
    denialMs: cache.denialMs ?? 2_000,
    maxBytes: cache.maxBytes ?? 64 * 2 ** 20,
    shared: cache.shared ? withoutInheritance(cache.shared) : undefined,
    hierarchy: tableOf(options.hierarchy ?? 'zitadel'),
    projectOwner: options.projectOwner,
    // As a whole: without anchors, a path that merely contains an id would match.
    idPattern: new RegExp(`^(?:${pattern.source})$`, pattern.flags),
    timeoutMs: options.timeoutMs ?? 3_000,
    budgetMs: options.budgetMs ?? 5_000,
    clockToleranceMs: options.clockToleranceMs ?? 5_000,
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    logger: options.logger ?? door.logger ?? consoleLogger,
    allowImpersonation: options.allowImpersonation ?? false,
    token: options.token,
  };
  checkTogether(options, resolved);
  return Object.freeze(resolved);
}

function callersFrom(callers: Callers): Callers {
  if (typeof callers === 'function') return callers;
  return Array.isArray(callers)
    ? (callers.map(withoutInheritance) as unknown as MixedCallers)
    : withoutInheritance(callers);
}

/** Options that hold secrets, or where people put them by mistake. Their values are never shown. */
const SECRET: ReadonlySet<string> = new Set(['shared', 'serviceUser', 'token', 'callers']);

function checkAll(
  options: object,
  checks: Readonly<Record<string, Check>>,
  prefix: string,
  others: readonly string[] = [],
): void {
  const unknown = unknownKey(options, [...Object.keys(checks), ...others], prefix);
  if (unknown) throw new ZitadelOptionsError(unknown.slice(0, unknown.indexOf(':')), unknown);
  for (const [name, check] of Object.entries(checks)) {
    if (!Object.hasOwn(options, name)) continue;
    const value = (options as Readonly<Record<string, unknown>>)[name];
    const secret = SECRET.has(name);
    const problem = check(value) ?? (unfilled(value) && 'your own value');
    if (problem) throw wrong(prefix + name, value, problem, secret);
  }
}

function unknownKey(options: object, known: readonly string[], prefix: string): Problem {
  const extra = Object.keys(options).find((name) => !known.includes(name));
  return extra === undefined
    ? undefined
    : `${prefix}${extra}: there is no such option; write one of ${known.join(', ')}`;
}

function tableOf(given: 'zitadel' | 'exact' | HierarchyTable): HierarchyTable {
  if (given === 'zitadel') return ZITADEL_HIERARCHY;
  return given === 'exact' ? {} : given;
}

/** The console of a server. Debug messages are not written. */
const { console: terminal } = globalThis;
const PREFIX = '[nestjs-zitadel]';
const consoleLogger: ZitadelLogger = {
  debug: () => undefined,
  log: (message) => terminal.log(`${PREFIX} ${message}`),
  warn: (message) => terminal.warn(`${PREFIX} ${message}`),
  error: (message) => terminal.error(`${PREFIX} ${message}`),
};
