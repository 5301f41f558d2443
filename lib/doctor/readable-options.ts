import type { OneWay } from '../callers.js';
import { ZitadelOptionsError } from '../core/errors.js';
import { withoutInheritance } from '../core/own-properties.js';
import type { ZitadelOptions } from '../options.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { resolveOptions } from '../validate-options.js';
import { openClient, openServiceUser } from '../zitadel/credentials.js';
import { amiss, EFFECT, type Finding, fine, found, warning } from './finding.js';
import { isLoopback } from '../zitadel/http.js';

/** Each round leaves out one option. */
const MOST_ROUNDS = 12;

/**
 * What the options say on their own. An option that the library refuses is told and left out, so that what the others lead to can be
 * examined all the same. Undefined: nothing is left to examine.
 */
export function readOptions(
  given: ZitadelOptions,
  ofTheDoor: readonly string[] = [],
): { readonly resolved: ResolvedOptions | undefined; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const options: Record<string, unknown> = { ...withoutInheritance(Object(given) as object) };
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    try {
      const all = resolveOptions(options as unknown as ZitadelOptions, { ofTheDoor });
      openAll(all);
      const isMissing = all.audience[0] === NO_AUDIENCE;
      const resolved = isMissing ? { ...all, audience: [] } : all;
      if (findings.length === 0) {
        findings.push(fine('options.valid', 'the options are complete and fit together'));
      }
      return { resolved, findings: [...findings, ...risksOf(resolved, options)] };
    } catch (error) {
      if (!(error instanceof ZitadelOptionsError)) throw error;
      findings.push(invalidOption(error));
      if (!leaveOut(options, error.option)) break;
    }
  }
  return { resolved: undefined, findings };
}

/** An option that the library refuses. Its message ends with what to write. */
export function invalidOption({ option, message }: ZitadelOptionsError): Finding {
  const [what = '', ...write] = message.split(/;\s(?=write\s)|:\s(?=check\s)/);
  return amiss('options.invalid', {
    what,
    why: `the option ${option} is checked before anything is built`,
    effect: EFFECT.noStart,
    remedy: write.length > 0 ? write.join('; ') : message,
  });
}

/** Credentials of the wrong kind are found when they are opened. */
function openAll({ serviceUser, events, callers }: ResolvedOptions): void {
  if (serviceUser) openServiceUser(serviceUser);
  if (events?.tail) openServiceUser(events.tail.serviceUser);
  for (const way of callerWays(callers)) {
    if (way.type === 'introspection') openClient(way.credential);
  }
}

/** Ways to know callers. None if a function of the application knows them. */
export function callerWays(callers: ResolvedOptions['callers']): readonly OneWay[] {
  return typeof callers === 'function' ? [] : ([callers].flat() as readonly OneWay[]);
}

/** Stands for an audience that nobody named. */
const NO_AUDIENCE = 'none';

/** Whether something else is left to look at. */
function leaveOut(options: Record<string, unknown>, option: string): boolean {
  const [name = ''] = option.split('.');
  if (name === 'issuer') {
    // It was refused only because tokens would travel in the clear.
    const isClear = /^http:\/\/[^/]+$/.test(String(options['issuer'])) && !options['allowHttp'];
    if (isClear) options['allowHttp'] = true;
    return isClear;
  }
  if (Object.hasOwn(options, name)) {
    delete options[name];
    return true;
  }
  if (name === 'audience') {
    options['audience'] = NO_AUDIENCE;
    return true;
  }
  if (name !== 'serviceUser') return false;
  for (const needs of ['memberships', 'projectRoles']) delete options[needs];
  return true;
}

/** What is allowed, and better not so. */
function risksOf(resolved: ResolvedOptions, options: object): readonly Finding[] {
  const { issuer, internalUrl, shared, callers, ttlMs } = resolved;
  const isClear =
    internalUrl === undefined && issuer.startsWith('http:') && !isLoopback(new URL(issuer));
  const recheck = callerWays(callers).some((way) => way.type === 'jwt' && way.recheckMs === false);
  return found(
    isClear &&
      Object.hasOwn(options, 'allowHttp') &&
      warning('options.clear-text', {
        what: 'tokens travel to the issuer over plain http',
        why: 'whoever sees the traffic can use the tokens',
        effect: 'no request is refused',
        remedy: 'write an issuer with https, and leave out allowHttp',
      }),
    recheck &&
      warning('options.no-recheck', {
        what: 'jwt({ recheckMs: false }): ZITADEL is never asked whether a token still counts',
        why: 'a token lives for up to 12 hours after its user signed out or was deactivated',
        effect: 'requests with a revoked token go on until the token expires',
        remedy: 'leave out recheckMs',
      }),
    shared?.secret === false &&
      warning('options.unsigned-store', {
        what: 'cache.shared has no secret',
        why: 'whoever can write to the store can give everybody every role',
        effect: 'requests are let in by what stands in the store',
        remedy: 'write cache: { shared: { secret } } with at least 32 random characters',
      }),
    ttlMs > LONG_MS &&
      warning('options.long-memory', {
        what: `memberships count for ${Math.round(ttlMs / 60_000)} minutes (cache.ttlMs)`,
        why: 'a role that was taken away counts for as long',
        effect: 'requests of such users are let in until then',
        remedy: 'write cache: { ttlMs: 30_000 }, or leave it out',
      }),
  );
}

const LONG_MS = 5 * 60_000;
