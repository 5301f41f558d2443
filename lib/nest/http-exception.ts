import { HttpException } from '@nestjs/common';
import type { Refusal } from '../core/decision.js';
import { denialAnswer } from '../core/denial.js';

/** A refusal as Nest's exception. The guard, or the filter of the module, sets its headers on the response. */
export class DenialException extends HttpException {
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
