import type { ArgumentsHost } from '@nestjs/common';
import { type DenialAnswer, denialAnswer, type Refusal } from '../../core/decision.js';
import { own } from '../../core/own-properties.js';
import type { RequestLike } from '../../core/request.js';
import { noteNoToken } from '../../core/request-problems.js';
import { asRefusal, type Door } from './door.js';
import { endsWithDecision } from './graphql-subscriptions.js';

/** Codes that clients of GraphQL know, by the status that HTTP would have. */
const CODES: Readonly<Record<number, string>> = {
  400: 'BAD_USER_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
};

type ErrorClass = new (
  message: string,
  options: { readonly extensions: Readonly<Record<string, unknown>> },
) => Error;
let errorClass: ErrorClass | undefined;

/** What the log says of a call that shows no token. */
const NO_TOKEN = {
  detail:
    'the call of GraphQL has no Authorization header, and its context shows no authorization in connectionParams',
  remedy:
    'send the header Authorization: Bearer <access token>; over graphql-ws send connectionParams: { authorization: "Bearer <access token>" }, and if the option context of GraphQLModule is a function of yours, let it return connectionParams as well',
};

/** A field of GraphQL, or a reference of a federation. */
export const graphql = {
  requestOf(host: ArgumentsHost) {
    const { parent, args, context } = partsOf(host);
    const found = requestIn(context);
    if (found === undefined) return undefined;
    const { rawHeaders, raw = found } = found;
    const headers = headersOf(found, paramsOf(context));
    const request: RequestLike & object = {
      headers,
      ...(rawHeaders && { rawHeaders }),
      raw,
      args,
      parent,
      context,
    };
    if (headers['authorization'] === undefined) noteNoToken(request, NO_TOKEN);
    return request;
  },

  callOf: (host: ArgumentsHost) => partsOf(host).call,

  exceptionFor: (refusal: Refusal) => asRefusal(graphqlErrorOf(denialAnswer(refusal))),

  endsWithDecision: (host: ArgumentsHost) => endsWithDecision(partsOf(host).call),

  async load() {
    errorClass = (await import('graphql')).GraphQLError;
  },
} satisfies Door;

/** An answer of HTTP as an error of GraphQL. */
export function graphqlErrorOf({ status, body }: GivenAnswer): Error {
  const { message, errorCode } = body;
  const extensions = { code: CODES[status] ?? CODES[500], errorCode };
  return errorClass
    ? new errorClass(String(message), { extensions })
    : Object.assign(new Error(String(message)), { extensions });
}

interface GivenAnswer extends Pick<DenialAnswer, 'status'> {
  readonly body: { readonly message?: unknown; readonly errorCode?: unknown };
}

interface Parts {
  readonly parent?: unknown;
  readonly args: unknown;
  readonly context: unknown;
  readonly call: object | undefined;
}

/**
 * A field gets its parent, its arguments, the context and its `info`, which GraphQL makes anew for each call. References get one `info` all
 * together, and stand for themselves. What tells the type of a value gets the value first: it may be shared, so nothing is kept with it.
 */
function partsOf(host: ArgumentsHost): Parts {
  const given = host.getArgs<unknown[]>();
  const [first, second, third, fourth] = given;
  if (given.length === 3) return { args: first, context: second, call: Object(first) as object };
  const info = Object(fourth) as { readonly fieldName?: unknown };
  if (info.fieldName === undefined) return { args: undefined, context: second, call: undefined };
  return info.fieldName === '_entities'
    ? { args: first, context: third, call: Object(first) as object }
    : { parent: first, args: second, context: third, call: info };
}

type Sent = Partial<RequestLike>;

/**
 * The HTTP request beneath, or that of the upgrade. Drivers and applications put it under several names. Undefined if two of them are
 * requests of two clients: Mercurius shares a context that is written as an object between all requests.
 */
function requestIn(context: unknown): Sent | undefined {
  const [req, request, reply] = ['req', 'request', 'reply'].map((name) => own(context, name));
  const extra = own(context, 'extra') ?? own(req, 'extra');
  const ofReply = own(reply, 'request');
  const all = [req, request, ofReply, own(extra, 'request')].filter(isRequest);
  const [first = {}] = all;
  return isRequest(ofReply) && rawOf(ofReply) !== rawOf(first) ? undefined : first;
}

function isRequest(value: unknown): value is Sent {
  return typeof (Object(value) as Sent).headers === 'object';
}

const rawOf = (request: Sent): object => request.raw ?? request;

/** A browser cannot set a header of a WebSocket, so clients of graphql-ws send the token in the parameters of the connection. */
function headersOf({ headers = {} }: Sent, params: unknown): RequestLike['headers'] {
  const given = authorizationOf(params);
  if (given === undefined) return headers;
  const sent = headers['authorization'];
  return { ...headers, authorization: sent === undefined || sent === given ? given : '' };
}

/**
 * The parameters of a connection of graphql-ws, as the context shows them: by the application's own function, by the default of Apollo (which
 * puts the whole connection under `req`), or by Mercurius.
 */
function paramsOf(context: unknown): unknown {
  return (
    own(context, 'connectionParams') ??
    own(own(context, 'req'), 'connectionParams') ??
    own(context, '_connectionInit')
  );
}

/** What stands under `authorization` there, or under `headers`, in any case. '' if it was sent twice: that is never a valid token. */
function authorizationOf(params: unknown): string | undefined {
  const given = [params, ...valuesOf(params, 'headers')].flatMap((each) =>
    valuesOf(each, 'authorization'),
  );
  const [first] = given;
  if (first === undefined) return undefined;
  return typeof first === 'string' && given.every((each) => each === first) ? first : '';
}

function valuesOf(params: unknown, name: string): readonly unknown[] {
  if (typeof params !== 'object' || params === null) return [];
  return Object.keys(params)
    .filter((key) => key.toLowerCase() === name)
    .map((key) => own(params, key))
    .filter((value) => value !== undefined && value !== null);
}
