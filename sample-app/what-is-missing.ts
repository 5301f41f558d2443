import type { Explanation, PermissionRef, Requirement, ResourceRef } from 'nestjs-zitadel';
import type { Row } from './remembered-rows.js';
import { kindOf, rolesPermitted, rolesThatCount } from './roles-that-count.js';

/** Which rows would have let a request in. */
export type Missing =
  | { readonly type: 'allOf' | 'anyOf'; readonly of: readonly Missing[] }
  /** Any one of the rows, with any one of its roles. Those that the route names come first. */
  | { readonly type: 'row'; readonly rows: readonly Row[] }
  | { readonly type: 'nothing'; readonly why: string };

/** What one has to know of the world to tell which rows count. Undefined: there is no such thing. */
export interface Owners {
  /** The organization that owns the project. */
  ownerOf(projectId: string): string | undefined;
  /** The organization that was granted the project. */
  granteeOf(projectGrantId: string): string | undefined;
}

/** What is missing of a requirement with literal ids, by what the library's `explain` says of its parts. */
export function missingOf(
  requirement: Requirement,
  { parts }: Explanation,
  owners: Owners,
): Missing {
  switch (requirement.type) {
    case 'allOf':
    case 'anyOf': {
      const open = requirement.of.flatMap((part, index) => {
        const said = parts[index];
        return !said || said.allowed ? [] : [missingOf(part, said, owners)];
      });
      return requirement.type === 'anyOf' ? anyOf(open) : { type: 'allOf', of: open };
    }
    case 'role': {
      const { roles, kind, ref } = requirement;
      return missingOn(ref, rolesThatCount(roles, kind), owners);
    }
    case 'permission': {
      const { permissions, ref } = requirement;
      return missingOn(ref, rolesPermitted(permissions), owners);
    }
    default:
      return { type: 'nothing', why: 'No manager role is asked for here.' };
  }
}

/** What is enough for one of the parts is enough. */
function anyOf(parts: readonly Missing[]): Missing {
  const open = parts.filter(({ type }) => type !== 'nothing');
  const rows = open.flatMap((part) => (part.type === 'row' ? part.rows : []));
  const [first] = open.length > 0 ? open : parts;
  if (open.length <= 1 && first) return first;
  if (open.some(({ type }) => type !== 'row')) return { type: 'anyOf', of: open };
  const merged = new Map<string, Row>();
  for (const { kind, id, roles } of rows) {
    const before = merged.get(`${kind} ${id}`)?.roles ?? [];
    merged.set(`${kind} ${id}`, { kind, id, roles: [...new Set([...before, ...roles])] });
  }
  return { type: 'row', rows: [...merged.values()] };
}

function missingOn(
  ref: ResourceRef | PermissionRef | undefined,
  roles: readonly string[],
  owners: Owners,
): Missing {
  const where = placesOf(ref, owners);
  if (typeof where === 'string') return { type: 'nothing', why: where };
  const rows = where.map(({ kind, id }) => ({
    kind,
    id,
    roles: roles.filter((role) => kindOf(role) === kind),
  }));
  return { type: 'row', rows: rows.filter((row) => row.roles.length > 0) };
}

/** Where a row counts for a resource, the nearest first. Or why none does. */
function placesOf(
  ref: ResourceRef | undefined,
  owners: Owners,
): readonly Pick<Row, 'kind' | 'id'>[] | string {
  const instance = { kind: 'instance', id: '' } as const;
  if (!ref) return [instance];
  const id = idOf(ref);
  if (ref.kind === 'org') return [{ kind: 'org', id }, instance];
  if (ref.kind === 'projectGrant') {
    const grantee = owners.granteeOf(id);
    if (grantee === undefined) return `There is no project grant ${id}.`;
    return [{ kind: 'projectGrant', id }, { kind: 'org', id: grantee }, instance];
  }
  const owner = owners.ownerOf(id);
  if (owner === undefined) return `There is no project ${id}.`;
  const named = ref.owner && idOf(ref.owner);
  if (named !== undefined && named !== owner) {
    return `Project ${id} belongs to organization ${owner}, and the request names organization ${named}.`;
  }
  return [{ kind: 'project', id }, { kind: 'org', id: owner }, instance];
}

function idOf(ref: ResourceRef): string {
  const source = Object.hasOwn(ref, 'source')
    ? (ref as { source: { id?: unknown } }).source
    : undefined;
  return typeof source?.id === 'string' ? source.id : '';
}
