/** The gRPC codes ZITADEL answers with, and the HTTP status each becomes. */
const STATUS_OF_CODE: Readonly<Record<number, number>> = {
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  12: 501,
  13: 500,
  14: 503,
  16: 401,
};

/**
 * What ZITADEL refuses with: a gRPC code, a text, and mostly an id such as `V3-DKcYh`. World verbs throw
 * it as it is; over HTTP it becomes the body and status of the API.
 */
export class ZitadelError extends Error {
  override readonly name = 'ZitadelError';

  constructor(
    readonly code: number,
    readonly id: string | undefined,
    readonly text: string,
  ) {
    super(id === undefined ? text : `${text} (${id})`);
  }

  get status(): number {
    return STATUS_OF_CODE[this.code] ?? 500;
  }
}

/** A refusal of the layer in front of the API: it has seen neither instance nor token. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';

  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}
