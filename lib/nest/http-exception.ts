import { HttpException } from '@nestjs/common';
import { denialAnswer, type DenialBody } from '../core/denial.js';
import type { Refusal } from '../core/decision.js';

/**
 * A refusal as Nest's exception: status and body of the denial table. Nest sends no headers with an exception, so they go along: the guard
 * and the filter of the module set them.
 */
export class DenialException extends HttpException {
  constructor(
    body: DenialBody,
    readonly headers: Readonly<Record<string, string>>,
  ) {
    super({ ...body }, body.statusCode);
  }
}

/** What the guard throws by default, and so do the questions of a service. */
export function httpExceptionFor(refusal: Refusal): DenialException {
  const { body, headers } = denialAnswer(refusal);
  return new DenialException(body, headers);
}
