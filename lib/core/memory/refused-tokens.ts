import type { Caller } from '../caller.js';
import type { Refusal } from '../decision.js';
import { own } from '../own-properties.js';
import { CLOCK_SKEW_MS } from '../store/epochs.js';

/** The most that the option clockToleranceMs allows. What was issued even later does not say when. */
const MOST_AHEAD_MS = 300_000;
const MOST = 100_000;

const BEFORE: Refusal = {
  reason: 'token_invalid',
  detail: 'access token: issued at a time up to which tokens are refused, or it does not say when',
  remedy: 'sign in again; a function in the option callers tells the time by the claim iat',
  description: 'the token is revoked',
};

const ENDED: Refusal = {
  reason: 'token_invalid',
  detail: 'access token: it was revoked, or its session has ended',
  remedy: 'sign in again',
  description: 'the token is revoked',
};

/**
 * Tokens that are refused for good: all of a user or of everyone that were issued up to some time, and those of a session. Nothing here is
 * ever taken back. If there is too much of it, the oldest tenth goes, and tokens of everyone up to the latest of its times are refused instead:
 * nobody gets in again by making many others leave.
 */
export class RefusedTokens {
  /** Of everyone. */
  #upTo = -Infinity;
  /** Of everyone too, for what was pushed out. What does not say when it was issued passes this: nobody accepts that without asking about it. */
  #pushedOut = -Infinity;
  readonly #ofUsers = new Map<string, number>();
  /** Ids of tokens and sessions, and when they were refused. */
  readonly #ids = new Map<string, number>();

  constructor(private readonly most = MOST) {}

  /** Refuses what was issued at this time or before, in milliseconds since the epoch. False: all of that is refused already. */
  issuedBefore(userId: string | undefined, time: number): boolean {
    const upTo = believedTime(time);
    if (userId === undefined) {
      if (upTo <= this.#upTo) return false;
      this.#upTo = upTo;
      for (const [id, each] of this.#ofUsers) if (each <= upTo) this.#ofUsers.delete(id);
      return true;
    }
    if (upTo <= Math.max(this.#upTo, this.#ofUsers.get(userId) ?? -Infinity)) return false;
    this.#ofUsers.set(userId, upTo);
    this.#bound(this.#ofUsers);
    return true;
  }

  /** Refuses a token by its `jti`, or all tokens of a session. */
  id(id: string): void {
    this.#ids.set(id, Date.now() + CLOCK_SKEW_MS);
    this.#bound(this.#ids);
  }

  /** Why a caller’s token is refused. */
  refusal({ userId, claims }: Pick<Caller, 'userId' | 'claims'>): Refusal | undefined {
    const upTo = Math.max(this.#upTo, this.#ofUsers.get(userId) ?? -Infinity);
    const issuedAt = issuedAtOf({ claims });
    if (upTo > -Infinity && !(issuedAt > upTo)) return BEFORE;
    if (issuedAt <= this.#pushedOut) return BEFORE;
    const jti = tokenIdOf({ claims });
    return jti !== undefined && idsIn(jti).some((id) => this.#ids.has(id)) ? ENDED : undefined;
  }

  #bound(times: Map<string, number>): void {
    if (times.size <= this.most) return;
    const byTime = [...times].sort(([, one], [, other]) => one - other);
    for (const [key, time] of byTime.slice(0, Math.ceil(this.most / 10))) {
      times.delete(key);
      this.#pushedOut = Math.max(this.#pushedOut, time);
    }
  }
}

/** The id of a caller’s token. ZITADEL’s are `V2_<session>-at_<id>`; that of a personal access token is one number. */
export function tokenIdOf({ claims }: Pick<Caller, 'claims'>): string | undefined {
  const jti = own(claims, 'jti');
  return typeof jti === 'string' ? jti : undefined;
}

/** The session of a token, or of a session itself. */
export function sessionIn(id: string): string {
  const [session = id] = id.split('-', 1);
  return session;
}

/** A time up to which tokens are refused. What is further in the future than clocks are apart, or no number, is now. */
export function believedTime(time: number): number {
  const latest = Date.now() + CLOCK_SKEW_MS;
  return time <= latest ? time : latest;
}

/** In milliseconds since the epoch. NaN: the token does not say it. */
function issuedAtOf({ claims }: Pick<Caller, 'claims'>): number {
  const iat = own(claims, 'iat');
  const issuedAt = typeof iat === 'number' ? iat * 1_000 : NaN;
  return issuedAt <= Date.now() + MOST_AHEAD_MS ? issuedAt : NaN;
}

/** Everything by which a token can be refused: each part of its id up to a dash, and all of it. */
function idsIn(jti: string): readonly string[] {
  const parts = jti.split('-');
  return [jti, ...parts.map((_part, at) => parts.slice(0, at + 1).join('-'))];
}

/** Whether the token with this `jti` is refused by an id. */
export function isRefusedBy(jti: string | undefined, id: string): boolean {
  return jti === id || (jti?.startsWith(`${id}-`) ?? false);
}
