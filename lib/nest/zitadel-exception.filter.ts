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
import { denialAnswer, type Refusal } from '../core/decision.js';
import { ZitadelArgumentError, ZitadelError } from '../core/errors.js';
import { quietLogger, type ZitadelLogger } from '../core/tell.js';
import { ZitadelNotAllowedError } from '../core/zitadel-authorizer.js';
import { ZitadelApiError, ZitadelUnavailableError } from '../zitadel/refusals.js';
import { MODULE_OPTIONS_TOKEN, type ZitadelModuleOptions } from './zitadel.module-definition.js';

/** The guard, or the filter of the module, sets its headers on the response. */
class DenialException extends HttpException {
  readonly #headers: Readonly<Record<string, string>>;

  constructor(refusal: Refusal) {
    const { status, headers, body } = denialAnswer(refusal);
    super({ ...body }, status);
    this.#headers = headers;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#headers;
  }
}

/** A refusal as Nest's exception: status and body of the denial table. */
export function httpExceptionFor(refusal: Refusal): HttpException {
  return new DenialException(refusal);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What ZITADEL refuses for what the request asked for. Every other refusal is one of our service user. */
const REFUSED: Readonly<Record<number, readonly [error: string, message: string]>> = {
  400: ['Bad Request', 'The request contains an invalid value.'],
  404: ['Not Found', 'There is no such resource.'],
  409: ['Conflict', 'The resource is already there, or its state does not allow this.'],
};

/** Refusals that say how we are set up, whatever their status: rights of our service user (404 is one of theirs), limits of the server. */
const OURS = /^(?:AUTHZ?-|QUERY-4M0fs$)/;

/**
 * Answers the errors of this library that leave a handler with their true status: an outage is 503 with `Retry-After`, what ZITADEL does
 * not have 404, and a refusal of our service user 500. `ZitadelModule` brings it; every filter of the application comes before it.
 * The answer tells nothing of what ZITADEL said; the log does, with the remedy.
 */
@Catch(ZitadelError, DenialException)
export class ZitadelExceptionFilter implements ExceptionFilter<ZitadelError | DenialException> {
  readonly #log: ZitadelLogger;

  constructor(
    @Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost,
    @Optional() @Inject(MODULE_OPTIONS_TOKEN) options?: ZitadelModuleOptions,
  ) {
    this.#log = quietLogger(options?.logger ?? new Logger('nestjs-zitadel'));
  }

  /** @throws the error itself where it is about neither an HTTP request nor a message of a microservice */
  catch(error: ZitadelError | DenialException, host: ArgumentsHost): void | Observable<never> {
    if (host.getType() === 'rpc') return this.#answerMessage(error);
    if (host.getType() !== 'http') throw error;
    const { httpAdapter } = this.adapters;
    const response = host.switchToHttp().getResponse<object>();
    const { status, headers, body } = answerTo(error);
    // What was decided is in the log already.
    if (error instanceof ZitadelError && !(error instanceof ZitadelNotAllowedError)) {
      this.#log[status === 500 ? 'error' : 'warn'](`${error.code}: ${error.message}`);
    }
    // A stream that breaks has its status behind it.
    if (httpAdapter.isHeadersSent(response)) return void httpAdapter.end(response);
    for (const [name, value] of Object.entries(headers)) {
      httpAdapter.setHeader(response, name, value);
    }
    httpAdapter.reply(response, body, status);
  }

  /** As Nest does without a filter: what is thrown here instead would be caught by nobody, and end the process. */
  #answerMessage(error: ZitadelError | DenialException): Observable<never> {
    if (error instanceof ZitadelError) this.#log.error(`${error.code}: ${error.message}`);
    return throwError(() => ({ status: 'error', message: 'Internal server error' }));
  }
}

function answerTo(error: ZitadelError | DenialException): Answer {
  if (error instanceof DenialException) {
    const { headers } = error;
    return {
      status: error.getStatus(),
      headers,
      body: Object(error.getResponse()) as object as Answer['body'],
    };
  }
  if (error instanceof ZitadelNotAllowedError) return ofDenial(error.decision);
  if (error instanceof ZitadelUnavailableError) {
    const { retryAfterMs } = error;
    return ofDenial({ reason: 'unavailable', ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }
  if (error.code === 'grant_not_settled') return ofDenial({ reason: 'unavailable' });
  const status = statusOf(error);
  const refused = status === undefined ? undefined : REFUSED[status];
  if (status === undefined || !refused) return ofDenial({ reason: 'misconfigured' });
  const [phrase, message] = refused;
  return {
    status,
    headers: {},
    body: { statusCode: status, error: phrase, message, errorCode: error.code },
  };
}

function ofDenial(denied: Refusal): Answer {
  const { status, headers, body } = denialAnswer(denied);
  return { status, headers, body: { ...body } };
}

/** The status that is true for the client: of a value it sent, or of a thing it named. */
function statusOf(error: ZitadelError): number | undefined {
  if (error instanceof ZitadelArgumentError) return 400;
  if (!(error instanceof ZitadelApiError)) return undefined;
  // Without an id it is the address, or the API, that is not there.
  const { id, status } = error;
  return id === undefined || OURS.test(id) || !Object.hasOwn(REFUSED, status) ? undefined : status;
}
