import { nameOf } from './checked.js';
import { ZitadelRequirementError } from './errors.js';
import { satisfying, type HierarchyTable, type Satisfying } from './hierarchy.js';
import { checkId } from './request.js';
import { requirementOf, type Requirement, type RoleRequirement } from './requirement.js';
import type { IdSource } from './resource.js';
import type { ResourceKind } from './roles.js';

/** Position of an id among those that are read from the request; -1: none. */
export type Slot = number;

/** A role requirement, ready to be decided: which rows would do, and where its ids will stand. */
export interface RoleNode {
  readonly type: 'role';
  readonly kind: ResourceKind;
  readonly by: Satisfying;
  readonly id: Slot;
  /** Of a project: the organization that must own it. */
  readonly owner: Slot;
  /** Of a project grant that is named by its two ends. */
  readonly project: Slot;
  readonly grantedOrg: Slot;
}

/** A requirement, ready to be decided. */
export type Node =
  | RoleNode
  | { readonly type: 'authenticated' }
  | { readonly type: 'allOf' | 'anyOf'; readonly of: readonly Node[] };

/** A requirement together with everything that does not depend on the request. */
export interface Compiled {
  readonly root: Node;
  readonly sources: readonly IdSource[];
  /** The name of each source's id, for `@CheckedResource`. */
  readonly names: readonly string[];
  readonly fresh: boolean;
}

/**
 * Prepares a requirement.
 *
 * @throws ZitadelRequirementError when a literal id does not match the pattern of ids
 */
export function compile(
  requirement: Requirement,
  hierarchy: HierarchyTable,
  idPattern: RegExp,
): Compiled {
  const sources: IdSource[] = [];
  let fresh = false;

  const slotOf = (source: IdSource): Slot => {
    if (source.from === 'literal' && checkId(source.id, idPattern) !== source.id) {
      throw new ZitadelRequirementError(
        `'${source.id}' is not a valid id by the option idPattern: correct the id, or set idPattern`,
      );
    }
    const known = sources.findIndex((other) => sameSource(other, source));
    return known >= 0 ? known : sources.push(source) - 1;
  };

  const leaf = (required: RoleRequirement): RoleNode => {
    fresh ||= required.fresh;
    const { ref } = required;
    const pair = ref?.kind === 'projectGrant' && 'project' in ref ? ref : undefined;
    const owner = ref?.kind === 'project' ? ref.owner : undefined;
    return {
      type: 'role',
      kind: required.kind,
      by: satisfying(hierarchy, required.roles),
      id: ref && 'source' in ref ? slotOf(ref.source) : -1,
      owner: owner ? slotOf(owner.source) : -1,
      project: pair ? slotOf(pair.project.source) : -1,
      grantedOrg: pair ? slotOf(pair.grantedOrg.source) : -1,
    };
  };

  const walk = (part: Requirement): Node =>
    part.type === 'role'
      ? leaf(part)
      : part.type === 'authenticated'
        ? { type: 'authenticated' }
        : { type: part.type, of: part.of.map(walk) };

  const root = walk(requirementOf(requirement, 'a requirement'));
  return {
    root,
    sources,
    names: sources.map(nameOf),
    fresh,
  };
}

function sameSource(a: IdSource, b: IdSource): boolean {
  if (a.from === 'literal') return b.from === 'literal' && a.id === b.id;
  if (a.from === 'function') return b.from === 'function' && a.read === b.read;
  if (a.from === 'class') return b.from === 'class' && a.type === b.type;
  return a.from === b.from && 'name' in b && a.name === b.name;
}
