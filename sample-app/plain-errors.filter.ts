import {
  Catch,
  HttpException,
  Logger,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { Response } from 'express';
import {
  denialAnswer,
  ZitadelApiError,
  ZitadelArgumentError,
  ZitadelError,
  ZitadelNotAllowedError,
  ZitadelUnavailableError,
} from 'nestjs-zitadel';

/** Every error as the page reads it: what happened, and what to do about it. */
interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Turns whatever was thrown into words. What nobody foresaw is told to the log only. */
@Catch()
export class PlainErrors implements ExceptionFilter {
  readonly #logger = new Logger(PlainErrors.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    // An event stream that breaks has its status behind it.
    if (response.headersSent) return void response.end();
    const { status, body, headers = {} } = this.#answerTo(error);
    response.status(status).set(headers).json(body);
  }

  #answerTo(error: unknown): Answer {
    if (error instanceof HttpException) return ofNest(error);
    if (error instanceof ZitadelNotAllowedError) {
      const { status, body, headers } = denialAnswer(error.decision);
      return { status, body: { ...body }, headers };
    }
    if (error instanceof ZitadelArgumentError) {
      return answer(400, 'argument_invalid', error.message, { field: error.argument });
    }
    if (error instanceof ZitadelApiError) {
      const id = error.id === undefined ? '' : ` (${error.id})`;
      return answer(statusFor(error), error.id ?? error.code, `ZITADEL refused it${id}.`, {
        remedy: sentence(error.remedy),
      });
    }
    if (error instanceof ZitadelUnavailableError) return unavailable(error.retryAfterMs);
    if (error instanceof ZitadelError) {
      this.#logger.error(`${error.code}: ${JSON.stringify(error.message)}`);
      return error.code === 'grant_not_settled'
        ? answer(503, error.code, 'ZITADEL did not settle the project grant in time. Try again.')
        : answer(500, error.code, 'The service user of this app cannot do that: see its log.');
    }
    if (isClientError(error))
      return answer(error.status, 'request_invalid', 'The request cannot be read.');
    const { name, stack } = error instanceof Error ? error : new Error('not an Error');
    this.#logger.error(`${name} that nobody foresaw: ${JSON.stringify(stack)}`);
    return answer(500, 'unexpected', 'Something went wrong here: see the log of the app.');
  }
}

const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Payload Too Large',
  424: 'Failed Dependency',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

function answer(
  status: number,
  errorCode: string,
  message: string,
  more: Readonly<Record<string, string>> = {},
): Answer {
  const error = PHRASES[status] ?? 'Error';
  return { status, body: { statusCode: status, error, message, errorCode, ...more } };
}

function unavailable(retryAfterMs = 1_000): Answer {
  const seconds = String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
  const message = 'ZITADEL does not answer at the moment. Try again later.';
  return { ...answer(503, 'zitadel_unavailable', message), headers: { 'Retry-After': seconds } };
}

function ofNest(error: HttpException): Answer {
  const body = error.getResponse();
  return {
    status: error.getStatus(),
    body: typeof body === 'string' ? { message: body } : { ...body },
  };
}

/** A "no" to our service user is no "no" to the caller, so 401 and 403 are not handed on. */
function statusFor({ status }: ZitadelApiError): number {
  if (status === 401 || status === 403) return 424;
  return status >= 400 && status < 500 ? status : 424;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** What the body parser throws. */
function isClientError(error: unknown): error is { readonly status: number } {
  const status: unknown = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 500;
}
