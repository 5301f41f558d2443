import { allOf, anyOf, permission, role } from '../../../lib/core/requirement/builders.js';
import {
  org,
  project,
  projectGrant,
  type ResourceRef,
} from '../../../lib/core/requirement/refs.js';
import type { Requirement } from '../../../lib/core/requirement/requirement.js';
import type { Demand, Kind, Leaf, Target } from '../../evidence/oracle.js';
import { IDS, KINDS, ROLES } from './worlds.js';

const literal = (id: string) => ({ literal: id });

/** Every way to name a resource of a kind, by every id. */
export function targetsOf(kind: Kind): readonly Target[] {
  const pairs = IDS.flatMap((one) => IDS.map((two) => [literal(one), literal(two)] as const));
  const byId = IDS.map((id) => ({ id: literal(id) }));
  switch (kind) {
    case 'instance':
      return [{ on: kind }];
    case 'org':
      return byId.map((id) => ({ on: kind, ...id }));
    case 'project':
      return [
        ...byId.map((id) => ({ on: kind, ...id })),
        ...pairs.map(([id, ownedBy]) => ({ on: kind, id, ownedBy })),
      ];
    case 'grant':
      return [
        ...byId.map((id) => ({ on: kind, ...id })),
        ...pairs.map(([of, grantedOrg]) => ({ on: kind, project: of, grantedOrg })),
      ];
  }
}

/** Each role on each resource. */
export const LEAVES: readonly Leaf[] = KINDS.flatMap((kind) =>
  targetsOf(kind).flatMap((target) => ROLES[kind].map((one) => ({ roles: [one], target }))),
);

const idOf = (place: object) => (place as { readonly literal: string }).literal;

function refOf(target: Target): ResourceRef | undefined {
  switch (target.on) {
    case 'instance':
      return undefined;
    case 'org':
      return org(idOf(target.id));
    case 'project': {
      const ref = project(idOf(target.id));
      return target.ownedBy ? ref.in(org(idOf(target.ownedBy))) : ref;
    }
    case 'grant':
      return 'id' in target
        ? projectGrant(idOf(target.id))
        : projectGrant({
            project: project(idOf(target.project)),
            grantedOrg: org(idOf(target.grantedOrg)),
          });
  }
}

// The signatures let a compiler refuse what does not fit; here everything that fits is tried.
const roleOn = role as unknown as (roles: readonly string[], ...on: unknown[]) => Requirement;
const permissionOn = permission as unknown as (
  names: readonly string[],
  on: unknown,
) => Requirement;

/** The requirement as an application would write it. */
export function requirementOf(demand: Demand): Requirement {
  if ('every' in demand) return allOf(...demand.every.map(requirementOf));
  if ('some' in demand) return anyOf(...demand.some.map(requirementOf));
  if ('caller' in demand) throw new Error('a caller is no question of rows');
  const ref = refOf(demand.target);
  return roleOn(demand.roles, ...(ref ? [ref] : []));
}

export const permissionFor = (names: readonly string[], target: Target): Requirement =>
  permissionOn(names, refOf(target));
