// What a request brings and cannot be used, in words for the log. Nothing of it is quoted: anything may be a secret.
import type { Refusal } from './decision.js';
import {
  checkId,
  type Ids,
  INVALID,
  type IdSource,
  type NamedPlace,
  placeIn,
  type RequestLike,
  TOKEN_68,
} from './request.js';
import { thrownBy } from './thrown.js';
import { nameOf, sourceText } from './requirement/refs.js';

const SEND = 'send the header Authorization: Bearer <access token>';

const noTokens = new WeakMap<RequestLike, Pick<Refusal, 'detail' | 'remedy'>>();

/** What a door says of a request that carries no token, where a header alone does not say it. */
export function noteNoToken(request: RequestLike, words: Pick<Refusal, 'detail' | 'remedy'>): void {
  noTokens.set(request, words);
}

/** The ids stand elsewhere than in the request. */
export const LATE_IDS: Refusal = {
  reason: 'unavailable',
  detail: 'what a function given to .from() reads was not known in time',
};

/** A function of the application failed that reads a request. */
export function threwAt(request: RequestLike): Refusal {
  const got = thrownBy(request);
  return {
    reason: 'unavailable',
    detail: 'a function of the application, in .from() or the option token, threw or rejected',
    ...(got !== undefined && { got }),
    remedy: 'look there; a function that finds nothing returns undefined',
  };
}

/** The request has no credential at all. `isCustom`: the option `token` looks for it. */
export function noCredential(request: RequestLike, isCustom: boolean): Refusal {
  return isCustom
    ? {
        reason: 'token_missing',
        detail: 'the function in the option token found no token in the request',
        remedy: 'look where clients send the token, and what the function returns',
      }
    : {
        reason: 'token_missing',
        detail: 'the request has no Authorization header',
        remedy: `${SEND}, or say with the option token where the token stands`,
        ...noTokens.get(request),
      };
}

/** Schemes that clients use by mistake. Other first words may be a token, so they are not shown. */
const SCHEME = /^(?:Basic|Digest|DPoP|Negotiate|Token|JWT|ApiKey)(?= )/i;

/** The credential is not a bearer token. `isBare`: it comes from the option `token`. */
export function notBearer(credential: string, no: 'none' | 'malformed', isBare: boolean): Refusal {
  if (isBare) {
    return {
      reason: 'token_invalid',
      detail: 'what the function in the option token returned is not a token',
      got: inWords(credential),
      remedy: `return the token alone, without "Bearer": ${GRAMMAR}`,
    };
  }
  if (no === 'none') {
    const [scheme] = SCHEME.exec(credential) ?? [];
    const instead = scheme === undefined ? '' : `, but ${scheme.toLowerCase()}`;
    return {
      reason: 'token_missing',
      detail: `the Authorization header is not of the scheme Bearer${instead}`,
      ...(scheme === undefined && { got: `${inWords(credential)} without that word before it` }),
      remedy: SEND,
    };
  }
  return {
    reason: 'token_invalid',
    detail: `the Authorization header is not "Bearer", a space and one token: ${malformation(credential)}`,
    remedy: `${SEND}: ${GRAMMAR}`,
  };
}

const GRAMMAR = 'a token has only letters, digits and -._~+/, and = at its end';

function malformation(credential: string): string {
  if (credential === '') return 'it is empty, or was sent twice';
  const token = credential.slice('bearer'.length).replace(/^ +/, '');
  if (token === '') return 'no token follows';
  if (TOKEN_68.test(token)) return 'no space follows "Bearer"';
  if (/^["']/.test(token)) return 'the token is in quotation marks';
  return /[\s,]/.test(token) ? 'more than one word follows' : 'another character is in the token';
}

/**
 * What is to be said where an id is missing. A reason only if the request leaves it out, or the token does not tell it: if code of the
 * application finds none, the answer must be that to a resource of somebody else, or it would tell what is there.
 */
export function lackingId(
  sources: readonly IdSource[],
  ids: Ids,
): Refusal | Pick<Refusal, 'detail' | 'remedy'> | undefined {
  const lacking = sources.filter((_, slot) => ids[slot] === undefined);
  if (lacking.some(({ from }) => from === 'caller')) return NO_HOME;
  const leftOut = lacking.find(isPlain);
  if (leftOut) {
    const [detail, remedy] = missing(leftOut);
    return { reason: 'resource_missing', detail, remedy };
  }
  const [unfound] = lacking;
  return (
    unfound && {
      detail: `${nameOf(unfound)} in .from() found no id for the request`,
      remedy: 'look at what the client sends, and what it returns',
    }
  );
}

/** The requirement is about the caller's own organization, and the token does not name it. */
export const NO_HOME: Refusal = {
  reason: 'misconfigured',
  detail: 'the token does not say to which organization its user belongs',
  remedy:
    'the client must request the scope urn:zitadel:iam:user:resourceowner, and the option idPattern must match the ids of organizations',
};

function missing(source: Plain): readonly [detail: string, remedy: string] {
  const name = nameOf(source);
  switch (source.from) {
    case 'param':
      return [
        `the route has no path parameter ${name}`,
        `write :${name} into its path; in Express, app.use() does not see the parameters of the routes behind it, and a Router only with mergeParams: true`,
      ];
    case 'query':
      return [`the query string has no ${name}`, `send ?${name}=<id>`];
    case 'body':
      return [
        `the payload or body has no ${name}`,
        `send ${name} at the top of a JSON body, or of the payload of a message; in Express, put express.json() before the middleware`,
      ];
    case 'header':
      return [`the request has no header ${name}`, `send the header ${name}: <id>`];
    case 'arg':
      return [
        `the field has no argument ${name}`,
        `send ${name}: "<id>", or name an argument that the field has`,
      ];
  }
}

/** The request names a resource by something that is not an id. */
export function invalidId(
  sources: readonly IdSource[],
  request: RequestLike,
  pattern: RegExp,
): Refusal {
  const plain = sources
    .filter(isPlain)
    .find((source) => checkId(valueOf(source, request), pattern) === INVALID);
  // If no plain one is wrong, what a function returned is.
  const source = plain ?? sources.find((each) => !isPlain(each) && each.from !== 'literal');
  const value = plain && valueOf(plain, request);
  return {
    reason: 'resource_invalid',
    detail: `${source ? sourceText(source) : 'the resource'} is not an id`,
    ...(plain && { got: inWords(value) }),
    remedy: Array.isArray(value)
      ? 'send it once'
      : typeof value === 'string' || !plain
        ? `an id is a string that matches the option idPattern as a whole, which is ${String(pattern)}, and has at most 200 characters`
        : 'send it as a string',
  };
}

type Plain = Extract<IdSource, { readonly from: NamedPlace }>;

function isPlain(source: IdSource): source is Plain {
  return ['param', 'query', 'body', 'header', 'arg'].includes(source.from);
}

function valueOf({ from, name }: Plain, request: RequestLike): unknown {
  return (Object(placeIn(request, from)) as Readonly<Record<string, unknown>>)[name];
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value === '') return 'an empty string';
  if (typeof value === 'string') return `${value.length} characters`;
  return value === null ? 'null' : `a value of type ${typeof value}`;
}
