import { HttpException } from '@nestjs/common';
import { denialAnswer, type Refusal } from '../core/decision.js';

/** Its headers are set on the response by the guard, or by the filter of the module. */
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

/** A refusal as Nest's exception, with the status and body of the denial table. */
export function httpExceptionFor(refusal: Refusal): HttpException {
  return new DenialException(refusal);
}
