import { expect } from 'vitest';
import type { DenyReason } from '../../lib/index.js';
import { speak, type Heard, type Spoken } from '../support/speak.js';
import type { Door, Seen } from './door.js';
import type { Person, World } from '../support/world.js';

/** What a client hears for each reason, as the documentation prints it. */
export const ANSWERS: Readonly<
  Record<
    DenyReason,
    {
      readonly status: number;
      readonly error: string;
      readonly message: string;
      challenge?: string;
    }
  >
> = {
  unsupported_context: {
    status: 403,
    error: 'Forbidden',
    message: 'This kind of request is not supported here.',
  },
  not_declared: {
    status: 403,
    error: 'Forbidden',
    message: 'This route declares no requirement.',
  },
  token_missing: {
    status: 401,
    error: 'Unauthorized',
    message: 'An access token is required.',
    challenge: 'Bearer',
  },
  token_invalid: {
    status: 401,
    error: 'Unauthorized',
    message: 'The access token is not valid.',
    challenge: 'Bearer error="invalid_token"',
  },
  impersonated: {
    status: 401,
    error: 'Unauthorized',
    message: 'Impersonation tokens are not accepted.',
    challenge: 'Bearer error="invalid_token"',
  },
  token_rejected: {
    status: 401,
    error: 'Unauthorized',
    message: 'ZITADEL does not accept the access token.',
    challenge: 'Bearer error="invalid_token"',
  },
  mfa_required: { status: 403, error: 'Forbidden', message: 'A second factor is required.' },
  resource_invalid: {
    status: 400,
    error: 'Bad Request',
    message: 'The request contains an invalid resource id.',
  },
  resource_missing: {
    status: 400,
    error: 'Bad Request',
    message: 'The request does not name the resource.',
  },
  role_missing: {
    status: 403,
    error: 'Forbidden',
    message: 'A manager role is missing.',
    challenge: 'Bearer error="insufficient_scope"',
  },
  permission_missing: {
    status: 403,
    error: 'Forbidden',
    message: 'A permission is missing.',
    challenge: 'Bearer error="insufficient_scope"',
  },
  project_role_missing: {
    status: 403,
    error: 'Forbidden',
    message: 'A role of the project is missing.',
    challenge: 'Bearer error="insufficient_scope"',
  },
  organization_not_accepted: {
    status: 403,
    error: 'Forbidden',
    message: 'The home organization of the caller is not accepted here.',
    challenge: 'Bearer error="insufficient_scope"',
  },
  unavailable: {
    status: 503,
    error: 'Service Unavailable',
    message: 'Authorization is not available at the moment.',
  },
  misconfigured: {
    status: 500,
    error: 'Internal Server Error',
    message: 'Authorization is not set up correctly.',
  },
};

/** What a case asks: a request, and as whom (nobody: without a token). */
export interface Asked extends Spoken {
  readonly as?: Person;
  /** Instead of a person's: any Authorization header. */
  readonly authorization?: string;
}

/** What a case is answered. */
export type Expected =
  | { readonly seen: Seen }
  | { readonly denied: DenyReason; readonly description?: string }
  /** Nothing of ours: the platform or the application answered. */
  | { readonly status: number };

export function ask(door: Door, world: World, asked: Asked): Promise<Heard> {
  const { as, authorization, headers = [], ...rest } = asked;
  const credential = authorization ?? (as === undefined ? undefined : `Bearer ${world.tokens[as]}`);
  return speak(door.url, {
    ...rest,
    headers: credential === undefined ? headers : [...headers, ['Authorization', credential]],
  });
}

/** Checks status, body and headers of an answer, to the letter. */
export function expectAnswer(heard: Heard, expected: Expected): void {
  if ('seen' in expected) {
    expect({ status: heard.status, json: heard.json }).toEqual({
      status: 200,
      json: expected.seen,
    });
    return;
  }
  if ('status' in expected) {
    expect(heard.status).toBe(expected.status);
    return;
  }
  const { denied: errorCode, description } = expected;
  const { status: statusCode, error, message, challenge } = ANSWERS[errorCode];
  expect({ status: heard.status, json: heard.json }).toEqual({
    status: statusCode,
    json: { statusCode, error, message, errorCode },
  });
  expect(heard.headers['content-type']).toBe('application/json; charset=utf-8');
  const described = description === undefined ? '' : `, error_description="${description}"`;
  expect(heard.headers['www-authenticate']).toBe(challenge && challenge + described);
  if (errorCode === 'unavailable') expect(Number(heard.headers['retry-after'])).toBeGreaterThan(0);
  else expect(heard.headers).not.toHaveProperty('retry-after');
}
