import type { Caller } from './core/caller.js';
import { own } from './core/own-properties.js';
import { askedAbout } from './core/unfilled.js';
import { type IntrospectionCredential, isCredential } from './zitadel/credentials.js';

/** Callers are known by JWT access tokens, verified locally. Made by `jwt()`. */
export interface JwtCallers extends JwtSettings {
  readonly type: 'jwt';
}

/** Settings of `jwt()`. */
export interface JwtSettings {
  /**
   * Milliseconds, from 1,000 to 3,600,000: for how long ZITADEL's acceptance of a token counts before userinfo is asked again. With
   * `false` it is never asked, and a revoked token counts until it expires.
   *
   * @default cache.ttlMs
   * @throws ZitadelOptionsError with memberships as the caller: there every read of the memberships confirms the token
   */
  readonly recheckMs?: number | false;
  /**
   * Ids of clients (`client_id`): only tokens that one of them has obtained are accepted. ZITADEL puts the ids of all applications of a
   * project into `aud`, so the option `audience` cannot tell them apart.
   *
   * @default none
   * @throws ZitadelOptionsError when `jwt()` stands in a list, because nothing would check the clients of other tokens
   */
  readonly clients?: readonly [string, ...string[]];
}

/** Callers are known by asking ZITADEL about their tokens (RFC 7662). Made by `introspection()`. */
export interface IntrospectionCallers {
  readonly type: 'introspection';
  readonly credential: IntrospectionCredential;
}

/** Callers are known by what ZITADEL's userinfo says about their own tokens. Made by `userinfo()`. */
export interface UserinfoCallers {
  readonly type: 'userinfo';
}

/** JWTs are verified locally, ZITADEL is asked about everything else. The form of a token decides: the two are never tried in turn. */
export type MixedCallers =
  | readonly [JwtCallers, IntrospectionCallers | UserinfoCallers]
  | readonly [IntrospectionCallers | UserinfoCallers, JwtCallers];

/** A way to know callers that can stand in a list. */
export type OneWay = JwtCallers | IntrospectionCallers | UserinfoCallers;

/** Your own way to know a caller. `undefined` or `null`: the token is not valid. Throwing means an outage: 503. Remembered per token. */
export type CallerFunction = (
  token: string,
) => Caller | null | undefined | Promise<Caller | null | undefined>;

/** Every way to know callers. */
export type Callers = OneWay | MixedCallers | CallerFunction;

/** It has no settings. Anything that is given is refused at boot. */
type NoSettings = Readonly<Record<string, never>>;

/**
 * Callers send JWT access tokens of ZITADEL. The application's token type must be JWT.
 *
 * @example `callers: jwt()`
 * @example `callers: jwt({ recheckMs: 10_000 })`
 * @example `callers: jwt({ clients: ['<client id>'] })`
 */
export function jwt(settings: JwtSettings = {}): JwtCallers {
  return Object.freeze({ type: 'jwt', ...settings });
}

/**
 * Callers send access tokens of any kind, also opaque ones and personal access tokens. ZITADEL is asked about each token once per
 * `cache.ttlMs`, in the name of an application of type API: `keyFile('./api.json')`, `key(json)` or `basic(clientId, clientSecret)`.
 * ZITADEL accepts tokens that are for this application or its project. The option `audience` is checked here as well.
 *
 * @example `callers: introspection(basic(clientId, clientSecret))`
 */
export function introspection(
  credential: IntrospectionCredential,
  settings: NoSettings = {},
): IntrospectionCallers {
  return Object.freeze({ ...settings, type: 'introspection', credential });
}

/**
 * Callers send access tokens of any kind, and ZITADEL's userinfo says whose they are: no application and no secret is needed. Userinfo
 * does not say whom a token is for. So a token of any application of the instance is accepted if ZITADEL's own API takes it. Reading the
 * memberships with that token proves it, which is why this works only with memberships as the caller.
 *
 * @example `callers: userinfo()`
 */
export function userinfo(settings: NoSettings = {}): UserinfoCallers {
  return Object.freeze({ ...settings, type: 'userinfo' });
}

/** How JWTs are known, and how all other tokens are (without `jwt()`: all tokens). If a function knows callers, both are missing. */
interface WaysByForm {
  readonly jwt?: JwtCallers | undefined;
  readonly other?: IntrospectionCallers | UserinfoCallers | undefined;
}

export function waysByForm(callers: Callers): WaysByForm {
  if (typeof callers === 'function') return {};
  const list = [callers].flat() as readonly OneWay[];
  return {
    jwt: list.find((way) => way.type === 'jwt'),
    other: list.find((way) => way.type !== 'jwt'),
  };
}

type Problem = string | undefined;

const WAYS =
  "jwt(), introspection(keyFile('./api.json')), userinfo(), a list of jwt() and one of the other two, or a function of the token";

/** What is wrong with the option `callers` on its own. */
export function callersProblem(value: unknown): Problem {
  if (value === jwt || value === introspection || value === userinfo) return `${WAYS}, called`;
  if (typeof value === 'function') return undefined;
  if (!Array.isArray(value)) return wayProblem(value);
  const list: readonly unknown[] = value;
  const jwts = list.filter((way) => own(way, 'type') === 'jwt').length;
  if (list.length !== 2 || jwts !== 1) {
    return '[jwt(), introspection(...)] or [jwt(), userinfo()]: a list has exactly these two';
  }
  return list.map(wayProblem).find((problem) => problem !== undefined);
}

function wayProblem(value: unknown): Problem {
  switch (own(value, 'type')) {
    case 'jwt':
      return jwtProblem(settingsOf(value));
    case 'introspection': {
      const { credential, ...more } = settingsOf(value);
      return isCredential(credential)
        ? noneOf(more, 'introspection()')
        : "introspection(keyFile('./api.json')), introspection(key(json)) or introspection(basic(clientId, clientSecret))";
    }
    case 'userinfo':
      return noneOf(settingsOf(value), 'userinfo()');
    default:
      return WAYS;
  }
}

function settingsOf(value: unknown): Readonly<Record<string, unknown>> {
  const { type: _type, ...settings } = value as Readonly<Record<string, unknown>>;
  return settings;
}

function jwtProblem(settings: Readonly<Record<string, unknown>>): Problem {
  const { recheckMs, clients, ...unknown } = settings;
  const list: readonly unknown[] = Array.isArray(clients) ? clients : [];
  const unfilled = askedAbout(clients);
  const fitsClients = list.length > 0 && list.every((id) => typeof id === 'string') && !unfilled;
  if (Object.hasOwn(settings, 'clients') && !fitsClients) {
    return `jwt({ clients }) with a list of client ids, at least one${unfilled}`;
  }
  const fits =
    !Object.hasOwn(settings, 'recheckMs') ||
    recheckMs === false ||
    (typeof recheckMs === 'number' && recheckMs >= 1_000 && recheckMs <= 3_600_000);
  const names = Object.keys(unknown);
  return fits && names.length === 0
    ? undefined
    : `jwt({ recheckMs, clients }) with recheckMs as milliseconds from 1000 to 3600000, or false, and no other setting${suchAs(names)}`;
}

function noneOf(settings: object, way: string): Problem {
  const names = Object.keys(settings);
  return names.length === 0 ? undefined : `${way} without settings${suchAs(names)}`;
}

function suchAs(names: readonly string[]): string {
  return names.map((name) => ` such as ${name}`).join('');
}
