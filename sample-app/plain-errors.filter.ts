import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import { ZitadelApiError, ZitadelArgumentError, ZitadelUnavailableError } from 'nestjs-zitadel';

/**
 * The page tells operators what ZITADEL refused and what to do about it. Most applications leave that to the filter that
 * `ZitadelModule` brings: it tells clients the status, and the log the rest. Here it answers every other error of the library.
 */
@Catch(ZitadelApiError, ZitadelArgumentError)
export class PlainErrors implements ExceptionFilter<ZitadelApiError | ZitadelArgumentError> {
  catch(error: ZitadelApiError | ZitadelArgumentError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    // An event stream that breaks has its status behind it.
    if (response.headersSent) return void response.end();
    const { statusCode, ...words } =
      error instanceof ZitadelApiError ? refused(error) : invalid(error);
    response.status(statusCode).json({ statusCode, ...words });
  }
}

/** The same where the trouble is one of many, and no answer of its own. */
export function troubleInWords(error: unknown): string {
  if (error instanceof ZitadelArgumentError) return invalid(error).message;
  if (error instanceof ZitadelUnavailableError) return 'ZITADEL does not answer: run it again.';
  if (!(error instanceof ZitadelApiError)) return 'It did not work out.';
  const { message, remedy } = refused(error);
  return `${message} ${remedy}`;
}

function invalid({ code, message, argument }: ZitadelArgumentError) {
  return { statusCode: 400, error: 'Bad Request', message, errorCode: code, field: argument };
}

function refused({ status, id, code, remedy }: ZitadelApiError) {
  // A "no" to our service user is not a "no" to the caller, so 401 and 403 are not passed on.
  const isCallers = status === 400 || status === 404 || status === 409;
  return {
    statusCode: isCallers ? status : 424,
    error: isCallers ? 'Refused' : 'Failed Dependency',
    message: `ZITADEL refused it${id === undefined ? '' : ` (${id})`}.`,
    errorCode: id ?? code,
    remedy: `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.`,
  };
}
