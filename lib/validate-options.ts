import { IncomingMessage } from 'node:http';
import { ZitadelOptionsError } from './core/errors.js';
import { unfilled } from './core/unfilled.js';
import { withoutInheritance } from './core/own-properties.js';
import { type HierarchyTable, kindOfRole, ZITADEL_HIERARCHY } from './core/requirement/roles.js';
import type { ZitadelLogger } from './core/tell.js';
import { checkTogether, wrong } from './option-combinations.js';
import { type Callers, callersProblem, jwt, type MixedCallers } from './callers.js';
import type { ZitadelOptions } from './options.js';
import type { ResolvedOptions } from './resolved-options.js';
import { redisProblem } from './fleet/redis-client.js';
import { isCredential } from './zitadel/credentials.js';

/** What to write in place of a value. Undefined: it is right. */
type Check = (value: unknown) => string | undefined;

const mustBe =
  (what: string, fits: (value: unknown) => boolean): Check =>
  (value) =>
    fits(value) ? undefined : what;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isOneOrMore = (value: unknown, fits: (each: unknown) => boolean): boolean => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.length > 0 && list.every(fits);
};

const aFunction = (what: string) => mustBe(what, (value) => typeof value === 'function');
const oneOf = (what: string, ...values: readonly unknown[]) =>
  mustBe(what, (value) => values.includes(value));
const trueOrFalse = oneOf('true or false', true, false);
const milliseconds = (least: number, most: number) =>
  mustBe(
    `milliseconds from ${least} to ${most}`,
    (value) => typeof value === 'number' && value >= least && value <= most,
  );

const ORIGIN = "an origin without path and trailing slash, e.g. 'https://acme.zitadel.cloud'";

const origin = mustBe(ORIGIN, (value) => {
  if (!isText(value) || !URL.canParse(value)) return false;
  const { protocol, origin: plain } = new URL(value);
  // Behind some proxies ZITADEL writes the port into `iss`, though the scheme implies it.
  const withPort = `${plain}:${protocol === 'https:' ? 443 : 80}`;
  return /^https?:$/.test(protocol) && (value === plain || value === withPort);
});

const issuer: Check = (value) =>
  Array.isArray(value)
    ? "one issuer; several instances or domains stand in the option instances: [{ issuer: '...', audience: '...' }, { issuer: '...', audience: '...' }]"
    : origin(value);

const serviceUser = mustBe(
  "keyFile('./service-user.json'), key(json), pat(token) or clientCredentials(id, secret)",
  isCredential,
);

const isRole = (value: unknown) => isText(value) && kindOfRole(value) !== undefined;
const isTable = (value: unknown): boolean =>
  isObject(value) &&
  Object.entries(value).every(
    ([role, lower]) => isRole(role) && Array.isArray(lower) && lower.every(isRole),
  );

/** What requests of Node, Express, Fastify and sessions carry on themselves, and what tells handlers which route it is. */
const TAKEN: ReadonlySet<string> = new Set(
  [
    'aborted app baseUrl body client complete context cookies file files fresh host hostname',
    'httpVersion httpVersionMajor httpVersionMinor id ip ips is404 joinDuplicateHeaders log method next',
    'originalUrl params path port protocol query raw rawHeaders rawTrailers readableEnded req res route',
    'routeOptions routerMethod routerPath secret secure server session sessionID sessionStore',
    'signedCookies socket stale statusCode statusMessage subdomains upgrade url validationError xhr',
    'accepts acceptsCharsets acceptsEncodings acceptsLanguages get getDecorator getValidationFunction',
    'compileValidationSchema header is param range setDecorator validateInput',
  ].flatMap((names) => names.split(' ')),
);

const CHECKS: Readonly<Record<Exclude<keyof ZitadelOptions, 'instances'>, Check>> = {
  issuer,
  internalUrl: origin,
  audience: mustBe(
    'the project id (or client ids) that callers’ tokens must be for: a string or a list of strings',
    (value) => isOneOrMore(value, isText),
  ),
  callers: callersProblem,
  memberships: mustBe(
    "{ as: 'caller' } or { as: 'serviceUser' }, with organizations or without",
    (value) => isObject(value) && (value['as'] === 'caller' || value['as'] === 'serviceUser'),
  ),
  api: oneOf("'auto', 'v1' or 'v2'", 'auto', 'v1', 'v2'),
  projectId: mustBe('the id of the project', isText),
  projectRoles: oneOf("'token' or 'api'", 'token', 'api'),
  serviceUser,
  cache: mustBe('{ ttlMs, denialMs, maxBytes, shared }, each of which may be left out', isObject),
  redis: redisProblem,
  events: mustBe('{ signingKeys, path, tail }, each of which may be left out', isObject),
  hierarchy: mustBe(
    "'zitadel', 'exact', or a table such as { ORG_OWNER: ['ORG_OWNER_VIEWER'] } of roles with ZITADEL's prefixes",
    (value) => value === 'zitadel' || value === 'exact' || isTable(value),
  ),
  projectOwner: aFunction(
    'a function from a project id to the id of the organization that owns it',
  ),
  idPattern: mustBe(
    'a regular expression without the flags g, m and y, e.g. /[0-9]{1,200}/',
    (value) => value instanceof RegExp && !/[gmy]/.test(value.flags),
  ),
  timeoutMs: milliseconds(1, 60_000),
  budgetMs: milliseconds(1, 120_000),
  clockToleranceMs: milliseconds(0, 300_000),
  fetch: aFunction('a function like the global fetch'),
  logger: mustBe('an object with the methods debug, log, warn and error', (value) => {
    const methods = Object(value) as Readonly<Record<string, unknown>>;
    return ['debug', 'log', 'warn', 'error'].every((name) => typeof methods[name] === 'function');
  }),
  telemetry: aFunction("openTelemetry() of 'nestjs-zitadel/opentelemetry'"),
  allowHttp: trueOrFalse,
  allowImpersonation: oneOf("true, false or 'perRoute'", true, false, 'perRoute'),
  token: aFunction('a function from the request to the token'),
  requestProperty: mustBe(
    "a name that requests do not use themselves, e.g. 'user'",
    (value) =>
      typeof value === 'string' &&
      /^[A-Za-z$][\w$]{0,99}$/.test(value) &&
      !TAKEN.has(value) &&
      !Reflect.has(IncomingMessage.prototype, value),
  ),
};

const EVENTS_CHECKS: Readonly<Record<string, Check>> = {
  signingKeys: mustBe(
    'the signing key of the target, as ZITADEL showed it, or a list of keys while it is rotated',
    (value) => isOneOrMore(value, (key) => isText(key) && !/\s/.test(key)),
  ),
  path: mustBe(
    "a plain path, e.g. '/zitadel/events': it begins with a slash, and has no parameters, no wildcards and no slash at the end",
    (value) => isText(value) && /^(?:\/[\w.~-]+)+$/.test(value),
  ),
  tail: mustBe(
    '{ serviceUser, everyMs }, of which everyMs may be left out',
    (value) => isObject(value) && Object.hasOwn(value, 'serviceUser'),
  ),
};

const TAIL_CHECKS: Readonly<Record<string, Check>> = {
  serviceUser,
  everyMs: milliseconds(1_000, 60_000),
};

const CACHE_CHECKS: Readonly<Record<string, Check>> = {
  ttlMs: milliseconds(0, 3_600_000),
  denialMs: milliseconds(0, 3_600_000),
  maxBytes: mustBe(
    'bytes from 1048576 (1 MiB) to 2 ** 40',
    (value) => Number.isSafeInteger(value) && Number(value) >= 2 ** 20 && Number(value) <= 2 ** 40,
  ),
  shared: mustBe(
    'false, or { secret: a string of at least 32 characters } (secret: false trusts everyone who can write to the store)',
    (value) => value === false || (isObject(value) && Object.hasOwn(value, 'secret')),
  ),
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
    /** Options that stand elsewhere. */
    readonly ofAll?: Partial<ZitadelOptions> | undefined;
  } = {},
): ResolvedOptions {
  if (!isObject(given)) throw wrong('options', given, '{ issuer, audience, ... }');
  const options = Object.assign(withoutInheritance(given), door.ofAll);
  if (!Object.hasOwn(options, 'issuer')) throw wrong('issuer', undefined, ORIGIN);
  checkAll(options, CHECKS, '', door.ofTheDoor);
  const cache = withoutInheritance(options.cache ?? {});
  checkAll(cache, CACHE_CHECKS, 'cache.');
  const events = options.events && withoutInheritance(options.events);
  if (events) checkAll(events, EVENTS_CHECKS, 'events.');
  if (events?.tail) checkAll(withoutInheritance(events.tail), TAIL_CHECKS, 'events.tail.');
  const pattern = options.idPattern ?? /[0-9]{1,200}/;
  const resolved: ResolvedOptions = {
    issuer: options.issuer,
    internalUrl: options.internalUrl,
    audience: options.audience === undefined ? [] : [options.audience].flat(),
    callers: callersFrom(options.callers ?? jwt()),
    memberships: withoutInheritance(options.memberships ?? { as: 'caller' }),
    inactive: options.memberships?.inactive ?? 'asZitadel',
    api: options.api ?? 'auto',
    projectId: options.projectId,
    projectRoles: options.projectRoles ?? 'token',
    serviceUser: options.serviceUser,
    ttlMs: cache.ttlMs ?? 30_000,
    denialMs: cache.denialMs ?? 2_000,
    maxBytes: cache.maxBytes ?? 64 * 2 ** 20,
    shared: cache.shared ? withoutInheritance(cache.shared) : undefined,
    redis: options.redis,
    events,
    hierarchy: tableOf(options.hierarchy ?? 'zitadel'),
    projectOwner: options.projectOwner,
    // As a whole: without anchors, a path that merely contains an id would match.
    idPattern: new RegExp(`^(?:${pattern.source})$`, pattern.flags),
    timeoutMs: options.timeoutMs ?? 3_000,
    budgetMs: options.budgetMs ?? 5_000,
    clockToleranceMs: options.clockToleranceMs ?? 5_000,
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    logger: options.logger ?? door.logger ?? consoleLogger,
    startTelemetry: options.telemetry,
    allowImpersonation: options.allowImpersonation ?? false,
    token: options.token,
    requestProperty: options.requestProperty,
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
const SECRET: ReadonlySet<string> = new Set([
  'shared',
  'serviceUser',
  'token',
  'callers',
  'events',
  'signingKeys',
  'path',
  'tail',
]);

function checkAll(
  options: object,
  checks: Readonly<Record<string, Check>>,
  prefix: string,
  others: readonly string[] = [],
): void {
  const known = [...Object.keys(checks), ...others];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const option = prefix + unknown;
    const text = `${option}: there is no such option; write one of ${known.join(', ')}`;
    throw new ZitadelOptionsError(option, text);
  }
  for (const [name, check] of Object.entries(checks)) {
    if (!Object.hasOwn(options, name)) continue;
    const value = (options as Readonly<Record<string, unknown>>)[name];
    const problem = check(value) ?? (unfilled(value) && 'your own value');
    if (problem) throw wrong(prefix + name, value, problem, SECRET.has(name));
  }
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
