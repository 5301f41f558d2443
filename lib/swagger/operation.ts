import { DENIAL, type DenyReason } from '../core/decision.js';
import type { Access } from '../nest/access.js';
import { described, type DescribedRequirement, inWords, placesIn } from './requirement.js';
import type { Schemes } from './schemes.js';

/** What a route asks for, as `x-zitadel` says it. */
export interface ZitadelAccess {
  /** `optional`: asked only of requests that carry a token. `undeclared`: always denied. */
  readonly access: Access['access'];
  readonly requirement?: DescribedRequirement;
  /** The name of the ZITADEL that is asked, if it has one. */
  readonly zitadel?: string;
  /** Whether whoever acts as another user may call it. */
  readonly forActors?: true;
  /** Where the version does not stand in the path, and several handlers share the operation. */
  readonly version?: string;
  /** Where the handler answers under some hosts only. Several: `a.example, b.example`. */
  readonly host?: string;
}

/** The value of `x-zitadel`. Several handlers share an operation by version or by host. */
export type ZitadelExtension = ZitadelAccess | { readonly handlers: readonly ZitadelAccess[] };

/** What is touched of an operation. */
export interface Operation {
  readonly description?: string;
  readonly security?: readonly Readonly<Record<string, string[]>>[];
  readonly responses?: Readonly<Record<string, unknown>>;
  readonly 'x-zitadel'?: unknown;
}

/** An operation with what its handlers ask for. `used` gets the statuses with which they refuse. What the application wrote stays. */
export function withAccess(
  operation: Operation,
  handlers: readonly Access[],
  schemes: Schemes,
  used: Set<RefusalStatus>,
): Operation {
  const statuses = handlers.flatMap(statusesOf);
  for (const status of statuses) used.add(status);
  const added = Object.fromEntries(statuses.map((status) => [status, referenceTo(status)]));
  const all = handlers.map(accessOf);
  const description = [operation.description, ...sentences(handlers)].filter(Boolean).join('\n\n');
  return {
    ...operation,
    ...(description !== '' && { description }),
    security: operation.security ?? securityOf(handlers, schemes),
    responses: { ...added, ...operation.responses },
    'x-zitadel': all.length === 1 ? all[0] : { handlers: all },
  };
}

function accessOf(given: Access): ZitadelAccess {
  const { access, requirement, zitadel, forActors, version, host } = given;
  return {
    access,
    ...(requirement && { requirement: described(requirement) }),
    ...(zitadel !== undefined && { zitadel }),
    ...(forActors && { forActors }),
    ...(version !== undefined && { version }),
    ...(host !== undefined && { host }),
  };
}

/**
 * Any one of them is enough. `{}`: no token. None at all: it is public. Of several handlers it is what every one of them is content with: one
 * that asks for a token is not called without, and a token has the scopes for all. Handlers that ask different ZITADELs each take only tokens
 * of their own. OpenAPI cannot say that of one operation, so the schemes stand side by side.
 */
function securityOf(
  handlers: readonly Access[],
  schemes: Schemes,
): NonNullable<Operation['security']> {
  const asking = handlers.filter(({ access }) => access !== 'public');
  const scopesBy = new Map<string, readonly string[]>();
  for (const { zitadel, requirement } of asking) {
    for (const { name, scopes } of schemes.scopesFor(zitadel, requirement)) {
      scopesBy.set(name, [...(scopesBy.get(name) ?? []), ...scopes]);
    }
  }
  const merged = [...scopesBy].map(([scheme, scopes]) => ({ [scheme]: [...new Set(scopes)] }));
  const isOpen = asking.length > 0 && asking.every(({ access }) => access === 'optional');
  return [...(isOpen ? [{}] : []), ...merged];
}

function statusesOf({ access, requirement }: Access): readonly RefusalStatus[] {
  if (access === 'public') return [];
  if (!requirement) return [403];
  const isNamed = placesIn(described(requirement)).some(
    (from) => from !== 'literal' && from !== 'caller',
  );
  return [...(isNamed ? ([400] as const) : []), 401, 403, 503];
}

function sentences(handlers: readonly Access[]): readonly string[] {
  return handlers.flatMap((each) => {
    const text = sentence(each);
    if (text === undefined) return [];
    const place = placeOf(each, handlers);
    return place === '' ? [text] : [`${place}: ${text}`];
  });
}

/** Which of several handlers is meant, and under which host one answers. */
function placeOf({ version, host }: Access, all: readonly Access[]): string {
  const byHost = all.some((each) => each.host !== undefined);
  const byVersion = all.length > 1 && all.some((each) => each.version !== undefined);
  return [
    ...(byHost ? [host === undefined ? 'Any other host' : `Host ${host}`] : []),
    ...(byVersion ? [`Version ${version ?? 'neutral'}`] : []),
  ].join(', ');
}

function sentence({ access, requirement, forActors }: Access): string | undefined {
  if (access === 'undeclared') return 'Nobody may call this: it does not declare what it asks for.';
  if (!requirement) return undefined;
  const actors = forActors ? ' Whoever acts as such a user may call it, too.' : '';
  const words = inWords(described(requirement));
  return access === 'optional'
    ? `It can be called without a token. A caller who sends one needs ${words}.${actors}`
    : `The caller needs ${words}.${actors}`;
}

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
function referenceTo(status: RefusalStatus): { readonly $ref: string } {
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
