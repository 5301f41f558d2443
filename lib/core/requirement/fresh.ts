import { ZitadelRequirementError } from '../errors.js';

/**
 * What was asked for before this time does not count (monotonic clock, milliseconds). With this one, knowledge of any age counts, as long
 * as it is valid.
 */
export const ANY_AGE = -Infinity;

/** With this one, nothing counts that is remembered, or already being asked for. */
export const ANEW = Infinity;

/** Settings of one role or permission requirement. */
export interface FreshOptions {
  /**
   * Ask ZITADEL anew instead of using what is remembered. It is for routes where the TTL of the cache is too long. The reply is remembered
   * for later requests with the same token (as the service user: of the same user).
   *
   * @default false
   */
  readonly fresh?: boolean;
}

/** Reads the options of a requirement. @throws ZitadelRequirementError when they are anything else */
export function freshOf(options: unknown): boolean {
  if (options === undefined) return false;
  const { fresh = false, ...rest } = Object(options) as { fresh?: unknown };
  if (typeof options !== 'object' || typeof fresh !== 'boolean' || Object.keys(rest).length > 0) {
    throw new ZitadelRequirementError('the options of a requirement are { fresh: true | false }');
  }
  return fresh;
}
