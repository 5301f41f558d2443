import { own } from '../own-properties.js';
import { CLOCK_SKEW_MS } from './epochs.js';
import { FAILED, type FoundFields } from './signed-cache.js';

/** What some process read from ZITADEL. */
export interface Stored<T> {
  readonly value: T;
  /** Milliseconds since the epoch. */
  readonly fetchedAt: number;
  readonly expiresAt: number;
}

/** A kind of values that can be stored: its name in the store, and how it is read back. Anything odd is a miss. */
export interface StoredKind<T> {
  readonly name: 'rows' | 'permissions' | 'givenRoles';
  readonly from: (value: unknown, userId: string) => T | undefined;
  /** The organizations on which the value rests. Undefined: any organization may be one of them. */
  readonly organizationsOf: (value: T) => readonly string[] | undefined;
}

/** The ids of the epochs in which something was asked for. */
export interface Epochs {
  readonly everyone: string;
  readonly user: string;
  readonly anyOrganization: string;
}

/** How it stands in the store. */
export interface Envelope<T> extends Stored<T> {
  readonly userId: string;
  readonly epochs: Epochs;
  /** The organizations on which the value rests, and their epochs. Undefined: any organization may be one of them. */
  readonly organizations: readonly (readonly [string, string])[] | undefined;
}

/** With more organizations, a value counts as one that rests on any. */
export const MOST_ORGANIZATIONS = 100;

/** Reads it back. Undefined for anything odd. */
export function envelopeFrom<T>(
  kind: StoredKind<T>,
  found: FoundFields,
  userId: string,
): Envelope<T> | undefined {
  if (found === undefined || found === FAILED || own(found, 'userId') !== userId) return undefined;
  const { fetchedAt, expiresAt } = found;
  if (!isTime(fetchedAt) || !isTime(expiresAt)) return undefined;
  const now = Date.now();
  const isTimely = fetchedAt <= now + CLOCK_SKEW_MS && expiresAt > now && expiresAt > fetchedAt;
  const epochs = epochsFrom(found['epochs']);
  const organizations = organizationsFrom(found['organizations']);
  const value = kind.from(own(found, kind.name), userId);
  return isTimely && epochs && organizations !== 'odd' && value
    ? { userId, epochs, organizations, fetchedAt, expiresAt, value }
    : undefined;
}

function epochsFrom(value: unknown): Epochs | undefined {
  const everyone = own(value, 'everyone');
  const user = own(value, 'user');
  const anyOrganization = own(value, 'anyOrganization');
  return typeof everyone === 'string' &&
    typeof user === 'string' &&
    typeof anyOrganization === 'string'
    ? { everyone, user, anyOrganization }
    : undefined;
}

function organizationsFrom(value: unknown): Envelope<unknown>['organizations'] | 'odd' {
  if (value === undefined) return undefined;
  const isPair = (each: unknown): each is readonly [string, string] =>
    Array.isArray(each) && each.length === 2 && each.every((text) => typeof text === 'string');
  return Array.isArray(value) && value.length <= MOST_ORGANIZATIONS && value.every(isPair)
    ? value
    : 'odd';
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
