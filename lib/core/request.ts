import { type Caller, homeOf } from './caller.js';
import { ZitadelRequirementError } from './errors.js';
import { noteThrown } from './thrown.js';

/**
 * What the data path reads from a request. Express and Fastify requests fit as they are, so nothing is copied.
 * `rawHeaders` (Fastify: under `raw`) shows a doubled Authorization header, of which Node keeps only the first.
 */
export interface RequestLike {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly params?: unknown;
  readonly query?: unknown;
  /** Also the payload of a message. */
  readonly body?: unknown;
  /** The arguments of a field of GraphQL, or the fields of a reference of a federation. */
  readonly args?: unknown;
  /** The object whose field is asked for, in GraphQL. */
  readonly parent?: unknown;
  /** What a door other than HTTP shows beside: the context of GraphQL or of a microservice, the client of a gateway. */
  readonly context?: unknown;
  readonly rawHeaders?: readonly string[];
  readonly raw?: { readonly rawHeaders?: readonly string[] };
}

type Awaitable<T> = T | Promise<T>;

/** What code of the application finds: an id, which is checked like any other, or nothing. */
type Found = Awaitable<string | null | undefined>;

/**
 * Finds the id of a resource for a request. `caller` is the verified caller. `undefined` or `null` means that there is no such resource:
 * the client is answered as if it were there and the caller had no right to it.
 */
export type ReadId = (request: RequestLike, caller: Caller) => Found;

/** An injectable class that does the same: Nest resolves it, so it may ask other services. */
export interface IdReader {
  readId(request: RequestLike, caller: Caller): Found;
}

/** The class of an {@link IdReader}. */
export type IdReaderClass = abstract new (...args: never[]) => IdReader;

/** Where the id of a resource stands under a name that clients know. */
export type NamedPlace = 'param' | 'query' | 'body' | 'header' | 'arg';

/** Where the id of a resource stands. */
export type IdSource =
  | { readonly from: 'literal'; readonly id: string }
  | { readonly from: NamedPlace; readonly name: string }
  /** The caller's home organization, as the token says it. */
  | { readonly from: 'caller'; readonly name: string }
  | { readonly from: 'function'; readonly name: string; readonly read: ReadId }
  | { readonly from: 'class'; readonly name: string; readonly type: IdReaderClass };

/** The Authorization header. '' if it was sent twice: that is never a valid token. */
export function authorizationHeader(request: RequestLike): string | undefined {
  const header = request.headers['authorization'];
  if (typeof header !== 'string') return header === undefined ? undefined : '';
  const raw = request.rawHeaders ?? request.raw?.rawHeaders;
  if (raw) {
    let seen = 0;
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i];
      if (name?.length === 13 && name.toLowerCase() === 'authorization') seen += 1;
    }
    if (seen > 1) return '';
  }
  return header;
}

/** The same header in the usual spelling, `Bearer <token>`, if it carries a bearer token. */
export function inUsualSpelling(header: string): string {
  if (header.startsWith('Bearer ') && header[7] !== ' ') return header;
  const { token } = bearerToken(header);
  return token === undefined ? header : `Bearer ${token}`;
}

/** The characters a bearer token may have (RFC 6750, section 2.1). */
export const TOKEN_68 = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * The token of a Bearer header: 'none' for another scheme, 'malformed' for what is not `Bearer <token>`. The case of the scheme does not matter
 * (RFC 9110, section 11.1), and one or more spaces follow it (RFC 6750, section 2.1).
 */
export function bearerToken(
  header: string,
): { readonly token: string } | { readonly token?: never; readonly no: 'none' | 'malformed' } {
  const [scheme = ''] = /^bearer */i.exec(header) ?? [];
  if (scheme === '' && header !== '') return { no: 'none' };
  const token = header.slice(scheme.length);
  return scheme.endsWith(' ') && TOKEN_68.test(token) ? { token } : { no: 'malformed' };
}

/** The token of a credential. `isBare`: the option `token` has returned it. */
export function tokenIn(credential: string, isBare: boolean): ReturnType<typeof bearerToken> {
  if (!isBare) return bearerToken(credential);
  return TOKEN_68.test(credential) ? { token: credential } : { no: 'malformed' };
}

/** A value was given, and it is not an id. */
export const INVALID = Symbol('invalid id');

/** The application's code that reads an id threw or rejected, so nothing is known. */
export const THREW = Symbol('threw');

/** What reading one id gave: the id, nothing, INVALID or THREW. */
type IdRead = string | undefined | typeof INVALID | typeof THREW;

/** The option `token`. */
export type TokenFinder = ((request: RequestLike) => string | undefined) | undefined;

/** A credential, nothing, or THREW. */
export type CredentialRead = string | undefined | typeof THREW;

/** What a request carries to prove who calls: the Authorization header, or what the option `token` returns. */
export function credentialOf(request: RequestLike, token: TokenFinder): CredentialRead {
  if (!token) return authorizationHeader(request);
  try {
    const given: unknown = token(request);
    return given === undefined || typeof given === 'string' ? given : '';
  } catch (error) {
    noteThrown(request, error);
    return THREW;
  }
}

/** Asks an injectable class of the application for an id. */
export type ReadFromClass = (type: IdReaderClass, request: RequestLike, caller: Caller) => Found;

export const NO_CLASSES: ReadFromClass = (type) => {
  throw new ZitadelRequirementError(
    `${type.name} is a class, and only Nest can build it: give .from() a function here`,
  );
};

/** Reads one id. Only an own property that is a string and matches the pattern is an id. */
export function readId(
  source: IdSource,
  request: RequestLike,
  caller: Caller,
  pattern: RegExp,
  fromClass: ReadFromClass,
): IdRead | Promise<IdRead> {
  switch (source.from) {
    case 'literal':
      return source.id;
    case 'caller': {
      const home = checkId(homeOf(caller), pattern);
      // The request did not say it, so it is not to blame.
      return home === INVALID ? undefined : home;
    }
    case 'function':
    case 'class':
      return readByCode(source, request, caller, pattern, fromClass);
    default:
      return checkId(ownValue(placeIn(request, source.from), source.name), pattern);
  }
}

export function placeIn(request: RequestLike, from: NamedPlace): unknown {
  switch (from) {
    case 'param':
      return request.params;
    case 'query':
      return request.query;
    case 'body':
      return request.body;
    case 'header':
      return request.headers;
    case 'arg':
      return request.args;
  }
}

/** The ids of a request, by slot; `undefined` where the request names none. */
export type Ids = readonly (string | undefined)[];

/** What reading all ids gave: the ids, or what is wrong with one of them. */
export type IdsRead = Ids | typeof INVALID | typeof THREW;

/** Reads every id once. Returns a promise only if the code that reads an id returns one. */
export function readIds(
  sources: readonly IdSource[],
  request: RequestLike,
  caller: Caller,
  pattern: RegExp,
  fromClass: ReadFromClass,
): IdsRead | Promise<IdsRead> {
  const reads = sources.map((source) => {
    const read = readId(source, request, caller, pattern, fromClass);
    return typeof read === 'string' ? apart(read) : read;
  });
  return reads.some((read) => read instanceof Promise)
    ? Promise.all(reads.map(async (read) => read)).then(judged)
    : judged(reads as readonly IdRead[]);
}

/**
 * Whether a request of the same caller names the ids that were read before, each at its place. False also if code of the application finds
 * one of them: nobody knows what it finds this time.
 */
export function namesAgain(ids: Ids, sources: readonly IdSource[], request: RequestLike): boolean {
  for (let slot = 0; slot < sources.length; slot += 1) {
    const source = sources[slot] as IdSource;
    switch (source.from) {
      case 'literal':
      case 'caller':
        break;
      case 'function':
      case 'class':
        return false;
      default:
        if (ownValue(placeIn(request, source.from), source.name) !== ids[slot]) return false;
    }
  }
  return true;
}

/** If the code that reads one id failed, that comes before an invalid id: an outage must not look like a denial. */
function judged(reads: readonly IdRead[]): IdsRead {
  if (reads.includes(THREW)) return THREW;
  return reads.includes(INVALID) ? INVALID : (reads as Ids);
}

/** The same text, but not as a slice of the request that it came in: V8 would keep all of that for as long as the id is remembered. */
function apart(id: string): string {
  return ` ${id}`.slice(1);
}

function readByCode(
  source: Extract<IdSource, { from: 'function' | 'class' }>,
  request: RequestLike,
  caller: Caller,
  pattern: RegExp,
  fromClass: ReadFromClass,
): IdRead | Promise<IdRead> {
  try {
    const value =
      source.from === 'function'
        ? source.read(request, caller)
        : fromClass(source.type, request, caller);
    // A query builder is a promise too, though not the engine's own.
    return isThenable(value)
      ? Promise.resolve(value).then(
          (settled) => checkId(settled ?? undefined, pattern),
          (error: unknown) => threw(request, error),
        )
      : checkId(value ?? undefined, pattern);
  } catch (error) {
    return threw(request, error);
  }
}

function threw(request: RequestLike, error: unknown): typeof THREW {
  noteThrown(request, error);
  return THREW;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

function ownValue(container: unknown, name: string): unknown {
  if (typeof container !== 'object' || container === null) return undefined;
  const value = (container as Readonly<Record<string, unknown>>)[name];
  if (Object.hasOwn(container, name)) return value;
  // An inherited name is not an id that the client left out, so it is refused.
  return value === undefined ? undefined : null;
}

/** Checks a value that claims to be an id. */
export function checkId(value: unknown, pattern: RegExp): string | undefined | typeof INVALID {
  if (value === undefined) return undefined;
  const fits =
    typeof value === 'string' && value !== '' && value.length <= 200 && pattern.test(value);
  // Even if the pattern allows these two: in a path they would climb.
  return fits && value !== '.' && value !== '..' ? value : INVALID;
}
