import { ZitadelArgumentError } from './errors.js';
import { checkId } from './request.js';

/** What ends remembered answers early. The next request asks ZITADEL. */
export type Eviction =
  | { readonly type: 'user'; readonly userId: string }
  /** Everybody with a membership in the organization, or on its projects and project grants. */
  | { readonly type: 'organization'; readonly orgId: string }
  | { readonly type: 'everyone' }
  /** Tokens of the user that were issued at this time (milliseconds since the epoch) or before are refused for good. Undefined: of everyone. */
  | {
      readonly type: 'issuedBefore';
      readonly userId: string | undefined;
      readonly time: number;
    }
  /** A token by its `jti`, or a session at ZITADEL with all of its tokens: refused for good. */
  | { readonly type: 'token'; readonly id: string };

/** What listeners hear of an eviction, and what travels to the other processes. */
export interface EvictionEvent {
  /** Milliseconds since the epoch. It only grows: a later eviction of the same has a later time, whatever the clocks say. */
  readonly at: number;
  readonly eviction: Eviction;
  /** Who asked for it: the application, an event of ZITADEL, or another process. */
  readonly from: 'application' | 'zitadel' | 'fleet';
}

/** Is called with every eviction. If it throws or rejects, nothing changes. */
export type EvictionListener = (event: EvictionEvent) => unknown;

/** @throws ZitadelArgumentError when it is not an id */
export function checkName(argument: 'userId' | 'orgId', value: unknown): void {
  if (checkId(value, NAME) === value && value !== undefined) return;
  throw new ZitadelArgumentError(argument, `${argument} is not an id: write a string of ZITADEL’s`);
}

const NAME = /^[\x21-\x7e]+$/;
const CLOCK_SKEW_MS = 5_000;
/** Whoever gives seconds instead of milliseconds gives a time before this. */
const YEAR_2000 = Date.UTC(2000);

/** @throws ZitadelArgumentError when it is not a time up to now */
export function checkTime(given: unknown): number {
  const time = given instanceof Date ? given.getTime() : given;
  const latest = Date.now() + CLOCK_SKEW_MS;
  if (typeof time === 'number' && time >= YEAR_2000 && time <= latest) return time;
  throw new ZitadelArgumentError(
    'time',
    'time must be a Date, or milliseconds (not seconds) since the epoch, and not in the future',
  );
}
