import { ZitadelRequirementError } from '../errors.js';
import { unfilled } from '../unfilled.js';
import { has, withoutInheritance } from '../own-properties.js';
import { checkId, type IdSource } from '../request.js';
import { nameOf, project, type ResourceRef } from './refs.js';
import {
  type PermissionRequirement,
  type ProjectRoleRequirement,
  type Requirement,
  requirementOf,
  type RoleRequirement,
} from './requirement.js';
import { type HierarchyTable, type ResourceKind, satisfying, type Satisfying } from './roles.js';

/** The place of an id among those that are read from the request. -1: there is none. */
export type Slot = number;

/** Where the ids of a ref stand. */
export interface RefSlots {
  readonly id: Slot;
  /** The organization that must own the project. */
  readonly owner: Slot;
  /** The two ends of a project grant that is named by them. */
  readonly project: Slot;
  readonly grantedOrg: Slot;
}

/** A role requirement, ready to be decided: which rows satisfy it, and where its ids will stand. */
export interface RoleNode extends RefSlots {
  readonly type: 'role';
  readonly kind: ResourceKind;
  readonly by: Satisfying;
}

/** A permission requirement, ready to be decided. */
export interface PermissionNode extends RefSlots {
  readonly type: 'permission';
  readonly kind: ResourceRef['kind'];
  readonly permissions: readonly string[];
}

/** A project role requirement, ready to be decided. */
export interface ProjectRoleNode {
  readonly type: 'projectRole';
  readonly roles: readonly string[];
  readonly project: Slot;
  /** Whether the requirement names the project. Otherwise the option `projectId` does. */
  readonly namesProject: boolean;
  readonly org: Slot;
  readonly acrossOrganizations: boolean;
  /** Whether ZITADEL is asked where the token does not tell. */
  readonly asks: boolean;
}

/** A requirement about the caller alone, ready to be decided. */
interface CallerNode {
  readonly type: 'authenticated';
  /** The home organization must be one of these. */
  readonly organizations: readonly string[] | undefined;
}

/** One condition, ready to be decided. */
export type Leaf = RoleNode | PermissionNode | ProjectRoleNode | CallerNode;

/** Several conditions. */
export type Branch =
  | { readonly type: 'allOf'; readonly of: readonly Node[] }
  | { readonly type: 'anyOf'; readonly of: readonly Node[] };

/** A requirement, ready to be decided. */
export type Node = Leaf | Branch;

/** Whether a node is several conditions, instead of one. */
export function isBranch(node: Node): node is Branch {
  return node.type === 'allOf' || node.type === 'anyOf';
}

/** Whether a node can hold in requests that lack the ids of these slots. */
export function canHold(node: Node, isLacking: (slot: Slot) => boolean): boolean {
  const holds = (part: Node) => canHold(part, isLacking);
  switch (node.type) {
    case 'anyOf':
      return node.of.some(holds);
    case 'allOf':
      return node.of.every(holds);
    case 'authenticated':
      return true;
    case 'projectRole':
      return ![node.project, node.org].some(isLacking);
    default:
      return ![node.id, node.owner, node.project, node.grantedOrg].some(isLacking);
  }
}

/** A requirement together with everything that does not depend on the request. */
export interface Compiled {
  /** The requirement as it was written. The log and listeners get it. */
  readonly requirement: Requirement;
  readonly root: Node;
  readonly sources: readonly IdSource[];
  /** The name of each source's id, for `@CheckedResource`. */
  readonly names: readonly string[];
  readonly fresh: boolean;
  /** Whether it lets nobody in who acts as another user. */
  readonly refusesActors: boolean;
  /** Whether ZITADEL may be asked for more about the caller than the list of memberships. */
  readonly asksMore: boolean;
  /** Whether nothing but the caller's token can tell: with it permissions are asked, and it has the claims. */
  readonly needsToken: boolean;
  /** Whether it names project grants: facts that one caller sees and another does not. */
  readonly namesGrants: boolean;
  /** Whether the claims of the caller's token are read. */
  readonly readsClaims: boolean;
  /** Whether the caller's memberships are read. */
  readonly readsRows: boolean;
}

/** The options by which a requirement is compiled. */
export interface CompileSettings {
  readonly hierarchy: HierarchyTable;
  readonly idPattern: RegExp;
  /** The project whose roles are meant if a requirement names no project. */
  readonly projectId: string | undefined;
  /** Whether project roles may be asked for where the token does not tell them. @default 'token' */
  readonly projectRoles?: 'token' | 'api';
  /** Whether ZITADEL evaluates permissions. API v2 does not. */
  readonly permissions: boolean;
}

/**
 * Prepares a requirement.
 *
 * @throws ZitadelRequirementError when a literal id does not match the option `idPattern`, or an option that it needs is missing
 */
export function compile(
  requirement: Requirement,
  settings: CompileSettings,
  refusesActors = false,
): Compiled {
  const { hierarchy, idPattern, projectId } = settings;
  const sources: IdSource[] = [];
  const found = {
    fresh: false,
    asksMore: false,
    needsToken: false,
    namesGrants: false,
    readsClaims: false,
    readsRows: false,
  };

  const slotOf = (source: IdSource): Slot => {
    if (source.from === 'literal') requireLiteral(source.id, idPattern);
    found.readsClaims ||= source.from === 'caller';
    found.needsToken ||= source.from === 'caller';
    const known = sources.findIndex((other) => sameSource(other, source));
    return known >= 0 ? known : sources.push(source) - 1;
  };

  const slotsOf = (given: ResourceRef | undefined): RefSlots => {
    const ref = given && withoutInheritance(given);
    found.namesGrants ||= ref?.kind === 'projectGrant';
    const pair = ref?.kind === 'projectGrant' && has(ref, 'project') ? ref : undefined;
    const owner = ref?.kind === 'project' ? ref.owner : undefined;
    return {
      id: ref && has(ref, 'source') ? slotOf(ref.source) : -1,
      owner: owner ? slotOf(owner.source) : -1,
      project: pair ? slotOf(pair.project.source) : -1,
      grantedOrg: pair ? slotOf(pair.grantedOrg.source) : -1,
    };
  };

  const roleNode = (required: RoleRequirement): RoleNode => {
    found.fresh ||= required.fresh;
    found.readsRows = true;
    const { kind, ref, roles } = required;
    return { type: 'role', kind, by: satisfying(hierarchy, roles), ...slotsOf(ref) };
  };

  const permissionNode = (required: PermissionRequirement): PermissionNode => {
    if (!settings.permissions) {
      throw new ZitadelRequirementError(
        "permissions are evaluated by ZITADEL's API v1 only: take them away, or set the option api to 'auto' or 'v1'",
      );
    }
    found.fresh ||= required.fresh;
    found.asksMore = true;
    found.needsToken = true;
    found.readsRows = true;
    const { permissions, ref } = required;
    return { type: 'permission', kind: ref.kind, permissions, ...slotsOf(ref) };
  };

  const projectRoleNode = (required: ProjectRoleRequirement): ProjectRoleNode => {
    const of = required.project ?? (projectId === undefined ? undefined : project(projectId));
    if (!of) {
      throw new ZitadelRequirementError(
        'projectRole() names no project: give { project }, or set the option projectId',
      );
    }
    found.fresh ||= required.fresh;
    found.readsClaims = true;
    const asks = settings.projectRoles === 'api';
    found.asksMore ||= asks;
    found.needsToken ||= !asks;
    const { roles, org, acrossOrganizations } = required;
    const slots = { project: slotOf(of.source), org: slotOf(org.source) };
    const namesProject = required.project !== undefined;
    return { type: 'projectRole', roles, ...slots, namesProject, acrossOrganizations, asks };
  };

  const walk = (given: Requirement): Node => {
    const part = withoutInheritance(given);
    switch (part.type) {
      case 'role':
        return roleNode(part);
      case 'permission':
        return permissionNode(part);
      case 'projectRole':
        return projectRoleNode(part);
      case 'authenticated': {
        const { organizations } = part;
        found.readsClaims ||= organizations !== undefined;
        found.needsToken ||= organizations !== undefined;
        for (const id of organizations ?? []) requireLiteral(id, idPattern, false);
        return { type: 'authenticated', organizations };
      }
      default:
        return { type: part.type, of: part.of.map(walk) };
    }
  };

  const root = walk(requirementOf(requirement, 'a requirement'));
  const names = sources.map(nameOf);
  return { requirement, root, sources, names, refusesActors, ...found };
}

function requireLiteral(id: string, idPattern: RegExp, isOfRef = true): void {
  if (checkId(id, idPattern) === id) return;
  const why = unfilled(id);
  const more = isOfRef ? `; if it is the name of a parameter, write .param('${id}')` : '';
  throw new ZitadelRequirementError(
    why === undefined
      ? `'${id}' is not a valid id by the option idPattern: correct the id, or set idPattern${more}`
      : `'${id}' is not a valid id: write your own; ${why}`,
  );
}

function sameSource(a: IdSource, b: IdSource): boolean {
  if (a.from === 'literal') return b.from === 'literal' && a.id === b.id;
  if (a.from === 'function') return b.from === 'function' && a.read === b.read;
  if (a.from === 'class') return b.from === 'class' && a.type === b.type;
  return a.from === b.from && a.name === b.name;
}
