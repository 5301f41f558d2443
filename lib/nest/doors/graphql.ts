import type { ArgumentsHost } from '@nestjs/common';
import { denialAnswer, type Refusal } from '../../core/decision.js';
import { own } from '../../core/own-properties.js';
import type { RequestLike } from '../../core/request.js';
import type { Door } from './door.js';

/** Codes that clients of GraphQL know, by the status that HTTP would have. */
const CODES: Readonly<Record<number, string>> = {
  400: 'BAD_USER_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
};

type ErrorClass = new (
  message: string,
  options: { readonly extensions: Readonly<Record<string, unknown>> },
) => Error;
let errorClass: ErrorClass | undefined;

/** A field of GraphQL, or a reference of a federation. */
export const graphql = {
  requestOf(host: ArgumentsHost) {
    const { args, context } = partsOf(host);
    const request = Object(
      own(context, 'req') ?? own(context, 'request') ?? own(own(context, 'extra'), 'request'),
    ) as Partial<RequestLike>;
    const connectionParams = own(context, 'connectionParams');
    return {
      headers: headersOf(request, connectionParams),
      ...(request.rawHeaders && { rawHeaders: request.rawHeaders }),
      ...(request.raw && { raw: request.raw }),
      args,
      context,
    };
  },

  callOf: (host: ArgumentsHost) => partsOf(host).call,

  exceptionFor(refusal: Refusal): Error {
    const { status, body } = denialAnswer(refusal);
    const extensions = { code: CODES[status], errorCode: body.errorCode };
    return errorClass
      ? new errorClass(body.message, { extensions })
      : Object.assign(new Error(body.message), { extensions });
  },

  async load() {
    errorClass = (await import('graphql')).GraphQLError;
  },
} satisfies Door;

/**
 * A field gets the parent, the arguments, the context and the field, which is a new object for each call. A reference gets itself, the
 * context and the field of all references.
 */
function partsOf(host: ArgumentsHost): {
  readonly args: unknown;
  readonly context: unknown;
  readonly call: object;
} {
  const given = host.getArgs<unknown[]>();
  return given.length > 3
    ? { args: given[1], context: given[2], call: Object(given[3]) as object }
    : { args: given[0], context: given[1], call: Object(given[0]) as object };
}

/** A browser cannot set a header of a WebSocket, so clients of graphql-ws send the token in the parameters of the connection. */
function headersOf(
  { headers = {} }: Partial<RequestLike>,
  connectionParams: unknown,
): RequestLike['headers'] {
  const given = own(connectionParams, 'authorization') ?? own(connectionParams, 'Authorization');
  if (given === undefined) return headers;
  const sent = headers['authorization'];
  const isOne = typeof given === 'string' && (sent === undefined || sent === given);
  return { ...headers, authorization: isOne ? given : '' };
}
