import { ZitadelOptionsError } from './core/errors.js';
import { withoutInheritance } from './core/own-properties.js';
import { type HierarchyTable, kindOfRole, ZITADEL_HIERARCHY } from './core/requirement/roles.js';
import type { ZitadelLogger } from './core/tell.js';
import { unfilled } from './core/unfilled.js';
import { checkTogether, wrong } from './option-combinations.js';
import { type Callers, jwt, type MixedCallers } from './callers.js';
import type { ZitadelOptions } from './options.js';
import type { ResolvedOptions } from './resolved-options.js';
import { redisProblem } from './fleet/redis-client.js';
import { callersProblem } from './validate-callers.js';
import { requestPropertyProblem } from './validate-request-property.js';
import { isCredential } from './zitadel/credentials.js';

type Check = (value: unknown) => string | undefined;

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
  isCredential(value)
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

const issuer: Check = (value) =>
  Array.isArray(value)
    ? "one issuer; several instances or domains stand in the option instances: [{ issuer: '...', audience: '...' }, { issuer: '...', audience: '...' }]"
    : origin(value);

const CHECKS: Readonly<Record<Exclude<keyof ZitadelOptions, 'instances'>, Check>> = {
  issuer,
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
  projectRoles: (value) => (value === 'token' || value === 'api' ? undefined : "'token' or 'api'"),
  serviceUser,
  cache: (value) =>
    isObject(value)
      ? undefined
      : '{ ttlMs, denialMs, maxBytes, shared }, each of which may be left out',
  redis: redisProblem,
  events: (value) =>
    isObject(value) ? undefined : '{ signingKeys, path, tail }, each of which may be left out',
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
  telemetry: aFunction("openTelemetry() of 'nestjs-zitadel/opentelemetry'"),
  allowHttp: trueOrFalse,
  allowImpersonation: (value) =>
    value === 'perRoute' || typeof value === 'boolean' ? undefined : "true, false or 'perRoute'",
  token: aFunction('a function from the request to the token'),
  requestProperty: requestPropertyProblem,
};

const EVENTS_CHECKS: Readonly<Record<string, Check>> = {
  signingKeys: (value) => {
    const keys: readonly unknown[] = Array.isArray(value) ? value : [value];
    const fit = keys.every((key) => typeof key === 'string' && key !== '' && !/\s/.test(key));
    return fit && keys.length > 0
      ? undefined
      : 'the signing key of the target, as ZITADEL showed it, or a list of keys while it is rotated';
  },
  path: (value) =>
    typeof value === 'string' && /^(?:\/[\w.~-]+)+$/.test(value)
      ? undefined
      : "a plain path, e.g. '/zitadel/events': it begins with a slash, and has no parameters, no wildcards and no slash at the end",
  tail: (value) =>
    isObject(value) && Object.hasOwn(value, 'serviceUser')
      ? undefined
      : '{ serviceUser, everyMs }, of which everyMs may be left out',
};

const TAIL_CHECKS: Readonly<Record<string, Check>> = {
  serviceUser,
  everyMs: milliseconds(1_000, 60_000),
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

function unknownKey(options: object, known: readonly string[], prefix: string): string | undefined {
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
