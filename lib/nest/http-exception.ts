import { HttpException } from '@nestjs/common';
import { denialAnswer } from '../core/denial.js';
import type { Refusal } from '../core/decision.js';

/** A refusal as Nest's exception: status and body of the denial table. The challenge is set on the response by the guard. */
export function httpExceptionFor(refusal: Refusal): HttpException {
  const { status, body } = denialAnswer(refusal);
  return new HttpException({ ...body }, status);
}
