import type { Allowed, CheckedRef } from './decision.js';
import { has } from './own-properties.js';
import type { Requirement } from './requirement.js';
import type { IdSource, ResourceRef } from './resource.js';

/** The kinds of resources whose checked id a handler can be given. */
export type CheckedKind = CheckedRef['kind'];

const DECISIONS = Symbol.for('nestjs-zitadel:decisions');

// Under a registered symbol, so that two copies of the package see the same decisions; a WeakMap, so that nothing a client sends
// can look like one.
const decisions = ((globalThis as { [DECISIONS]?: WeakMap<object, Allowed> })[DECISIONS] ??=
  new WeakMap<object, Allowed>());

/** Keeps the decision with the request that it let through. */
export function attachDecision(request: object, decision: Allowed): void {
  decisions.set(request, decision);
}

/** The decision that let this request through. */
export function decisionOf(request: object): Allowed | undefined {
  return decisions.get(request);
}

/** The id of a kind that was checked; undefined when none was, or several were and `name` does not tell which. */
export function checkedId(
  { checked }: Allowed,
  kind: CheckedKind,
  name: string | undefined,
): string | undefined {
  const ids = new Set<string>();
  for (const each of checked) {
    if (each.kind === kind && (name === undefined || each.name === name)) ids.add(each.id);
  }
  const [id] = ids;
  return ids.size === 1 ? id : undefined;
}

/** Every resource whose id a requirement checks, wherever it stands in the tree. */
export function checkedBy(requirement: Requirement): readonly Omit<CheckedRef, 'id'>[] {
  switch (requirement.type) {
    case 'authenticated':
      return [];
    case 'allOf':
    case 'anyOf':
      return requirement.of.flatMap(checkedBy);
    case 'projectRole': {
      const { project, org } = requirement;
      return [...(project ? checkedByRef(project) : []), ...checkedByRef(org)];
    }
    default:
      return requirement.ref ? checkedByRef(requirement.ref) : [];
  }
}

function checkedByRef(ref: ResourceRef): readonly Omit<CheckedRef, 'id'>[] {
  if (ref.kind === 'projectGrant' && has(ref, 'project')) {
    return [
      { kind: 'project', name: nameOf(ref.project.source) },
      { kind: 'org', name: nameOf(ref.grantedOrg.source) },
    ];
  }
  const own = { kind: ref.kind, name: nameOf(ref.source) };
  const owner = ref.kind === 'project' ? ref.owner : undefined;
  return owner ? [{ kind: 'org', name: nameOf(owner.source) }, own] : [own];
}

/** The name under which an id that was read from a source is known. */
export function nameOf(source: IdSource): string {
  return source.from === 'literal' ? source.id : source.name;
}
