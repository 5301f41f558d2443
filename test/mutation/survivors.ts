/** A change that no test notices, and why that is right. */
export interface Accepted {
  readonly file: string;
  /** The function, method or constant that it stands in. */
  readonly within: string;
  /** The line as it would be. */
  readonly mutated: string;
  readonly reason: string;
}

export const ACCEPTED: readonly Accepted[] = [];
