/** Every `code` that an error of this library carries. Codes are stable; messages are not. */
export type ZitadelErrorCode =
  | 'options_invalid'
  | 'argument_invalid'
  | 'requirement_invalid'
  | 'not_allowed'
  | 'zitadel_refused'
  | 'zitadel_unavailable'
  | 'service_user_refused'
  | 'grant_not_settled';

/** What every error of this library has in common: a stable `code`, and a message that ends with what to do. */
export class ZitadelError extends Error {
  constructor(
    readonly code: ZitadelErrorCode,
    message: string,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** An option is missing or wrong. Thrown before anything is built; `option` names it. */
export class ZitadelOptionsError extends ZitadelError {
  constructor(
    readonly option: string,
    message: string,
  ) {
    super('options_invalid', message);
  }
}

/** A requirement, a ref or a decorator was written in a way that cannot be checked. Thrown where it is written, or at boot. */
export class ZitadelRequirementError extends ZitadelError {
  constructor(message: string) {
    super('requirement_invalid', message);
  }
}

/** An argument of a call is no id, no list of role keys ...; nothing was sent. `argument` names it. Its value is never shown. */
export class ZitadelArgumentError extends ZitadelError {
  constructor(
    readonly argument: string,
    message: string,
  ) {
    super('argument_invalid', message);
  }
}
