import type { DenyReason } from './decision.js';

/** What a refusal looks like over HTTP. */
export interface DenialRow {
  readonly status: 400 | 401 | 403 | 500 | 503;
  /** Reason phrase of the status. */
  readonly error: string;
  /** What the client reads: never why beyond the reason. */
  readonly message: string;
  /** The challenge of RFC 6750, section 3: bare, or with an error code. */
  readonly challenge?: 'bare' | 'invalid_token' | 'insufficient_scope';
  readonly retryAfter?: true;
}

/** Every reason's answer. A reason without a row does not compile. */
export const DENIAL = {
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
    challenge: 'bare',
  },
  token_invalid: {
    status: 401,
    error: 'Unauthorized',
    message: 'The access token is not valid.',
    challenge: 'invalid_token',
  },
  impersonated: {
    status: 401,
    error: 'Unauthorized',
    message: 'Impersonation tokens are not accepted.',
    challenge: 'invalid_token',
  },
  token_rejected: {
    status: 401,
    error: 'Unauthorized',
    message: 'ZITADEL does not accept the access token.',
    challenge: 'invalid_token',
  },
  mfa_required: {
    status: 403,
    error: 'Forbidden',
    message: 'A second factor is required.',
  },
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
    challenge: 'insufficient_scope',
  },
  permission_missing: {
    status: 403,
    error: 'Forbidden',
    message: 'A permission is missing.',
    challenge: 'insufficient_scope',
  },
  project_role_missing: {
    status: 403,
    error: 'Forbidden',
    message: 'A role of the project is missing.',
    challenge: 'insufficient_scope',
  },
  organization_not_accepted: {
    status: 403,
    error: 'Forbidden',
    message: 'The home organization of the caller is not accepted here.',
    challenge: 'insufficient_scope',
  },
  unavailable: {
    status: 503,
    error: 'Service Unavailable',
    message: 'Authorization is not available at the moment.',
    retryAfter: true,
  },
  misconfigured: {
    status: 500,
    error: 'Internal Server Error',
    message: 'Authorization is not set up correctly.',
  },
} as const satisfies Record<DenyReason, DenialRow>;

/** The body of every refusal. */
export interface DenialBody {
  readonly statusCode: number;
  readonly error: string;
  readonly message: string;
  readonly errorCode: DenyReason;
}

/** A refusal, ready for any HTTP door. */
export interface DenialAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: DenialBody;
}

/** Turns a refusal into an HTTP answer: status, challenge, `Retry-After`, body. */
export function denialAnswer(denied: {
  readonly reason: DenyReason;
  readonly description?: string;
  readonly retryAfterMs?: number;
}): DenialAnswer {
  const row: DenialRow = DENIAL[denied.reason];
  const headers: Record<string, string> = {};
  if (row.challenge) {
    const parts = row.challenge === 'bare' ? [] : [`error="${row.challenge}"`];
    if (denied.description) parts.push(`error_description="${denied.description}"`);
    headers['WWW-Authenticate'] = ['Bearer', parts.join(', ')].filter(Boolean).join(' ');
  }
  if (row.retryAfter) {
    headers['Retry-After'] = String(Math.max(1, Math.ceil((denied.retryAfterMs ?? 1_000) / 1_000)));
  }
  return {
    status: row.status,
    headers,
    body: {
      statusCode: row.status,
      error: row.error,
      message: row.message,
      errorCode: denied.reason,
    },
  };
}
