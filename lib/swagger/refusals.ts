import { DENIAL, type DenyReason } from '../core/decision.js';

/** What the guard may answer instead of the route. */
const REFUSALS = {
  400: {
    name: 'ZitadelBadRequest',
    description: 'The request names no resource, or names it by something that is not an id.',
    headers: [],
  },
  401: {
    name: 'ZitadelUnauthorized',
    description: 'There is no access token, or it is not accepted.',
    headers: ['WWW-Authenticate'],
  },
  403: {
    name: 'ZitadelForbidden',
    description: 'The caller lacks what this route asks for.',
    headers: ['WWW-Authenticate'],
  },
  503: {
    name: 'ZitadelUnavailable',
    description: 'ZITADEL cannot be asked at the moment. Try again after `Retry-After` seconds.',
    headers: ['Retry-After'],
  },
} as const;

/** A status with which the guard refuses. */
export type RefusalStatus = keyof typeof REFUSALS;

/** The response of an operation. The component has the words and the schema. */
export function referenceTo(status: RefusalStatus): { readonly $ref: string } {
  return { $ref: `#/components/responses/${REFUSALS[status].name}` };
}

/** The components that references lead to, by name. */
export function refusalComponents(statuses: ReadonlySet<RefusalStatus>) {
  const of = [...statuses].sort((a, b) => a - b);
  return {
    responses: Object.fromEntries(of.map((status) => [REFUSALS[status].name, responseOf(status)])),
    schemas: Object.fromEntries(of.map((status) => [schemaName(status), schemaOf(status)])),
  };
}

const schemaName = (status: RefusalStatus): string => `${REFUSALS[status].name}Body`;

function responseOf(status: RefusalStatus) {
  const { description, headers } = REFUSALS[status];
  return {
    description,
    ...(headers.length > 0 && {
      headers: Object.fromEntries(headers.map((name) => [name, { schema: { type: 'string' } }])),
    }),
    content: {
      'application/json': { schema: { $ref: `#/components/schemas/${schemaName(status)}` } },
    },
  };
}

function schemaOf(status: RefusalStatus) {
  const reasons = (Object.keys(DENIAL) as DenyReason[]).filter(
    (reason) => DENIAL[reason].status === status,
  );
  const text = { type: 'string' };
  return {
    type: 'object',
    required: ['statusCode', 'error', 'message', 'errorCode'],
    properties: {
      statusCode: { type: 'integer', enum: [status] },
      error: text,
      message: text,
      errorCode: { type: 'string', enum: reasons },
    },
  };
}
