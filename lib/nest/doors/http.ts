import { HttpException } from '@nestjs/common';
import { denialAnswer, type Refusal } from '../../core/decision.js';
import type { RequestLike } from '../../core/request.js';
import type { Door } from './door.js';

/** Its headers are set on the response by the guard, or by the filter of the module. */
export class DenialException extends HttpException {
  readonly #headers: Readonly<Record<string, string>>;

  constructor(refusal: Refusal) {
    const { status, headers, body } = denialAnswer(refusal);
    super(body, status);
    this.#headers = headers;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#headers;
  }
}

/** The request itself stands for the call. */
export const http: Door = {
  requestOf: (host) => host.getArgByIndex<RequestLike & object>(0),
  callOf: (host) => host.getArgByIndex<object>(0),
  exceptionFor: (refusal) => new DenialException(refusal),
};
