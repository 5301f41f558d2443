import type { Access } from '../nest/access.js';
import { described, type DescribedRequirement, placesIn } from './requirement.js';
import { referenceTo, type RefusalStatus } from './refusals.js';
import type { Schemes } from './schemes.js';
import { inWords } from './words.js';

/** What a route asks for, as `x-zitadel` says it. */
export interface ZitadelAccess {
  /** `optional`: asked only of requests that carry a token. `undeclared`: always denied. */
  readonly access: Access['access'];
  readonly requirement?: DescribedRequirement;
  /** Whether whoever acts as another user may call it. */
  readonly forActors?: true;
  /** Where the version does not stand in the path, and several handlers share the operation. */
  readonly version?: string;
}

/** The value of `x-zitadel`. Several: by version. */
export type ZitadelExtension = ZitadelAccess | { readonly versions: readonly ZitadelAccess[] };

/** What is touched of an operation. */
export interface Operation {
  readonly description?: string;
  readonly security?: readonly Readonly<Record<string, string[]>>[];
  readonly responses?: Readonly<Record<string, unknown>>;
  readonly 'x-zitadel'?: unknown;
}

/** An operation with what its handlers ask for, and with which statuses they may be refused. What the application wrote stays. */
export function withAccess(
  operation: Operation,
  handlers: readonly Access[],
  schemes: Schemes,
): { readonly operation: Operation; readonly statuses: readonly RefusalStatus[] } {
  const statuses = new Set(handlers.flatMap(statusesOf));
  const added = Object.fromEntries(
    [...statuses].map((status) => [String(status), referenceTo(status)]),
  );
  const all = handlers.map(accessOf);
  const [only] = all;
  const extension = all.length === 1 ? only : { versions: all };
  const description = [operation.description, ...sentences(handlers)].filter(Boolean).join('\n\n');
  return {
    operation: {
      ...operation,
      ...(description !== '' && { description }),
      security: operation.security ?? securityOf(handlers, schemes),
      responses: { ...added, ...operation.responses },
      'x-zitadel': extension,
    },
    statuses: [...statuses],
  };
}

function accessOf({ access, requirement, forActors, version }: Access): ZitadelAccess {
  return {
    access,
    ...(requirement && { requirement: described(requirement) }),
    ...(forActors && { forActors }),
    ...(version !== undefined && { version }),
  };
}

/** Any one of them is enough. `{}`: no token. None at all: it is public. */
function securityOf(
  handlers: readonly Access[],
  schemes: Schemes,
): NonNullable<Operation['security']> {
  const isOpen = (each: Access) => each.access === 'public' || each.access === 'optional';
  const asking = handlers.filter(({ access }) => access !== 'public');
  const all = asking.flatMap((each) => schemes.securityFor(each.zitadel, each.requirement));
  const different = [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
  return [...(asking.length > 0 && handlers.some(isOpen) ? [{}] : []), ...different];
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
    return handlers.length === 1 ? [text] : [`Version ${each.version ?? 'neutral'}: ${text}`];
  });
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
