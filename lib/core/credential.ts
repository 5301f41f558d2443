import type { Refusal } from './decision.js';
import { authorizationHeader, type RequestLike, THREW } from './request.js';
import { noteThrown, thrownBy } from './thrown.js';

/** The option `token`. */
export type TokenFinder = ((request: RequestLike) => string | undefined) | undefined;

/** A credential, nothing, or THREW. */
export type CredentialRead = string | undefined | typeof THREW;

/** What a request carries to prove who calls: the Authorization header, or what the option `token` returns. */
export function credentialOf(request: RequestLike, token: TokenFinder): CredentialRead {
  if (!token) return authorizationHeader(request);
  try {
    const given: unknown = token(request);
    return given === undefined || typeof given === 'string' ? given : '';
  } catch (error) {
    noteThrown(request, error);
    return THREW;
  }
}

/** A function of the application failed that reads a request. */
export function threwAt(request: RequestLike): Refusal {
  const got = thrownBy(request);
  return {
    reason: 'unavailable',
    detail: 'a function of the application, in .from() or the option token, threw or rejected',
    ...(got !== undefined && { got }),
    remedy: 'look there; a function that finds nothing returns undefined',
  };
}
