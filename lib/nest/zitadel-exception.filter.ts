import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Inject,
  Logger,
  Optional,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type Observable, throwError } from 'rxjs';
import { type DenialAnswer, denialAnswer } from '../core/decision.js';
import { ZitadelArgumentError, ZitadelError } from '../core/errors.js';
import { quietLogger, type ZitadelLogger } from '../core/tell.js';
import { ZitadelNotAllowedError } from '../core/zitadel-authorizer.js';
import { RefusalError } from './doors/door.js';
import { graphqlErrorOf } from './doors/graphql.js';
import { DenialException } from './doors/http.js';
import { toldByGrpc } from './doors/rpc.js';
import { tellClient } from './doors/ws.js';
import { ZitadelApiError, ZitadelUnavailableError } from '../zitadel/refusals.js';
import { MODULE_OPTIONS_TOKEN, type AnyModuleOptions } from './zitadel.module-definition.js';

interface Answer extends Pick<DenialAnswer, 'status' | 'headers'> {
  readonly body: { readonly message?: unknown; readonly errorCode?: unknown };
}

/** Refusals that are about what the request asked for. Every other refusal is about our service user. */
const REFUSED: Readonly<Record<number, readonly [error: string, message: string]>> = {
  400: ['Bad Request', 'The request contains an invalid value.'],
  404: ['Not Found', 'There is no such resource.'],
  409: ['Conflict', 'The resource is already there, or its state does not allow this.'],
};

/** Refusals that are about our set-up, whatever their status: rights of our service user (some are 404), limits of the server. */
const OURS = /^(?:AUTHZ?-|QUERY-4M0fs$)/;

/**
 * Answers errors of this library that leave a handler, with their true status: an outage is 503 with `Retry-After`, a resource that ZITADEL does
 * not have is 404, and a refusal of our service user is 500. `ZitadelModule` brings it. Every filter of the application comes before it. What
 * ZITADEL said stands in the log, with the remedy, and not in the answer. Clients of gateways and microservices get the same codes.
 *
 * @example
 * ```ts
 * class Errors extends ZitadelExceptionFilter {
 *   override catch(error: ZitadelError | HttpException, host: ArgumentsHost) {
 *     count(error);
 *     return super.catch(error, host);
 *   }
 * }
 * ```
 */
@Catch(ZitadelError, DenialException, RefusalError)
export class ZitadelExceptionFilter implements ExceptionFilter<ZitadelError | HttpException> {
  readonly #log: ZitadelLogger;

  constructor(
    @Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost,
    @Optional() @Inject(MODULE_OPTIONS_TOKEN) options?: AnyModuleOptions,
  ) {
    this.#log = quietLogger(options?.logger ?? new Logger('nestjs-zitadel'));
  }

  /**
   * @throws GraphQLError in GraphQL, with the code in its extensions
   * @throws ZitadelError the error itself, in a context of another kind
   */
  catch(error: ZitadelError | HttpException, host: ArgumentsHost): void | Observable<never> {
    const type = host.getType<string>();
    if (!['http', 'graphql', 'ws', 'rpc'].includes(type)) throw error;
    if (error instanceof RefusalError) {
      // The guard has logged it.
      if (type === 'graphql') throw error;
      return tell((error as object as { getError(): object }).getError(), host);
    }
    const answer = answerTo(error);
    const { message, errorCode } = answer.body;
    // Decisions are in the log already. If the message is an event, nobody else is told.
    if (error instanceof ZitadelError && !(error instanceof ZitadelNotAllowedError)) {
      this.#log[answer.status === 500 ? 'error' : 'warn'](`${error.code}: ${error.message}`);
    } else if (type === 'rpc') this.#log.warn(`${String(errorCode)}: ${String(message)}`);
    if (type === 'graphql') throw graphqlErrorOf(answer);
    if (type === 'http') return this.#answer(answer, host);
    const told = {
      status: 'error',
      message: String(message),
      errorCode: String(errorCode),
    } as const;
    return tell(type === 'rpc' ? toldByGrpc(told, answer.status, host) : told, host);
  }

  #answer({ status, headers, body }: Answer, host: ArgumentsHost): void {
    const { httpAdapter } = this.adapters;
    const response = host.switchToHttp().getResponse<object>();
    // A stream that breaks has sent its status already.
    if (httpAdapter.isHeadersSent(response)) return void httpAdapter.end(response);
    for (const [name, value] of Object.entries(headers)) {
      httpAdapter.setHeader(response, name, value);
    }
    httpAdapter.reply(response, body, status);
  }
}

/** Tells a client of a gateway or of a microservice. */
function tell(told: object, host: ArgumentsHost): void | Observable<never> {
  if (host.getType() === 'ws') return tellClient(host.getArgByIndex<object>(0), told);
  // Nobody would catch an error that is thrown here, and the process would end.
  return throwError(() => told);
}

function answerTo(error: ZitadelError | HttpException): Answer {
  if (error instanceof HttpException) {
    return {
      status: error.getStatus(),
      headers: error instanceof DenialException ? error.headers : {},
      body: Object(error.getResponse()) as object as Answer['body'],
    };
  }
  if (error instanceof ZitadelNotAllowedError) return denialAnswer(error.decision);
  if (error instanceof ZitadelUnavailableError) {
    const { retryAfterMs } = error;
    return denialAnswer({
      reason: 'unavailable',
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }
  if (error.code === 'grant_not_settled') return denialAnswer({ reason: 'unavailable' });
  const status = statusOf(error);
  const refused = status === undefined ? undefined : REFUSED[status];
  if (status === undefined || !refused) return denialAnswer({ reason: 'misconfigured' });
  const [phrase, message] = refused;
  const body = { statusCode: status, error: phrase, message, errorCode: error.code };
  return { status, headers: {}, body };
}

/** The status if the error is about a value that the client sent, or about a thing that it named. */
function statusOf(error: ZitadelError): number | undefined {
  if (error instanceof ZitadelArgumentError) return 400;
  if (!(error instanceof ZitadelApiError)) return undefined;
  // Without an id, the address or the API is what is missing.
  const { id, status } = error;
  return id === undefined || OURS.test(id) || !Object.hasOwn(REFUSED, status) ? undefined : status;
}
