/** The `code` of every error of this library. Codes are stable. Messages may change. */
export type ZitadelErrorCode =
  | 'options_invalid'
  | 'argument_invalid'
  | 'requirement_invalid'
  | 'not_allowed'
  | 'zitadel_refused'
  | 'zitadel_unavailable'
  | 'service_user_refused'
  | 'grant_not_settled';

/**
 * The class of all errors of this library. Each has a stable `code`, and a message that ends with what to do.
 *
 * @example `if (error instanceof ZitadelError && error.code === 'zitadel_unavailable') retryLater()`
 */
export class ZitadelError extends Error {
  constructor(
    readonly code: ZitadelErrorCode,
    message: string,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/**
 * An option is missing or wrong. It is thrown before anything is built. `option` names the option.
 *
 * @example `if (error instanceof ZitadelOptionsError) exitWith(error.option, error.message)`
 */
export class ZitadelOptionsError extends ZitadelError {
  constructor(
    readonly option: string,
    message: string,
  ) {
    super('options_invalid', message);
  }
}

/**
 * A requirement, a ref or a decorator cannot be checked as it is written. It is thrown where it is written, or at boot.
 *
 * @example `expect(() => role([] as never)).toThrow(ZitadelRequirementError)`
 */
export class ZitadelRequirementError extends ZitadelError {
  constructor(message: string) {
    super('requirement_invalid', message);
  }
}

/**
 * An argument of a call is wrong, for example not an id. Nothing was sent. `argument` names the argument. Its value is never shown.
 *
 * @example `if (error instanceof ZitadelArgumentError) throw new BadRequestException(error.argument)`
 */
export class ZitadelArgumentError extends ZitadelError {
  constructor(
    readonly argument: string,
    message: string,
  ) {
    super('argument_invalid', message);
  }
}
