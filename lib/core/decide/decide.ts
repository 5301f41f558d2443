import { homeOf } from '../caller.js';
import type { DenyReason } from '../decision.js';
import { own } from '../own-properties.js';
import {
  type Branch,
  isBranch,
  type Leaf,
  type Node,
  type ProjectRoleNode,
} from '../requirement/compile.js';
import { ask, ASK, type Case, check, NO, type Verdict, YES } from './case.js';
import { decidePermission } from './permission.js';
import { decideRole } from './role.js';

/**
 * Decides a requirement, pure and synchronous. Manager roles follow ZITADEL's own scope model. Rows of the instance count everywhere. Rows
 * of an organization count there and for the projects it owns. Rows of a project count on that project. On a project grant its own rows
 * count, and those of the *granted* organization. Kind, id and role must all match.
 */
export function decide(open: Case): Verdict {
  return evaluate(open.compiled.root, open);
}

function evaluate(node: Node, open: Case): Verdict {
  if (isBranch(node)) return evaluateAll(node, open);
  const { needs } = open;
  const verdict = decideLeaf(node, open);
  if (verdict === YES) {
    // The facts that it missed on the way no longer matter.
    open.needs = needs;
    return YES;
  }
  if (open.needs !== needs) return ASK;
  open.missing ??= MISSING[node.type];
  return NO;
}

function decideLeaf(node: Leaf, open: Case): Verdict {
  switch (node.type) {
    case 'role':
      return decideRole(node, open);
    case 'permission':
      return decidePermission(node, open);
    case 'projectRole':
      return decideProjectRole(node, open);
    case 'authenticated':
      return node.organizations ? decideHome(node.organizations, open) : YES;
  }
}

const MISSING: Readonly<Record<Leaf['type'], DenyReason>> = {
  role: 'role_missing',
  permission: 'permission_missing',
  projectRole: 'project_role_missing',
  authenticated: 'organization_not_accepted',
};

function evaluateAll(node: Branch, open: Case): Verdict {
  const ends = node.type === 'anyOf' ? YES : NO;
  const { by, checked, needs, missing } = open;
  let verdict: Verdict = ends === YES ? NO : YES;
  for (const part of node.of) {
    const each = evaluate(part, open);
    if (each === ends) {
      // The facts that the other branches miss no longer matter.
      open.needs = needs;
      // If one part holds, it does not matter why others do not.
      if (ends === YES) open.missing = missing;
      else Object.assign(open, { by, checked });
      return ends;
    }
    if (each === ASK) verdict = ASK;
  }
  // Only what is proven may be named. As long as the whole does not hold, its parts do not count.
  if (verdict !== YES) Object.assign(open, { by, checked });
  return verdict;
}

/**
 * Decides one project role requirement by the role claims of exactly that project. If the token lacks them, or the home organization that
 * is needed too, ZITADEL's authorizations decide where they may be asked.
 */
function decideProjectRole(node: ProjectRoleNode, open: Case): Verdict {
  const projectId = open.ids[node.project];
  const orgId = open.ids[node.org];
  if (projectId === undefined || orgId === undefined) return NO;
  const claim = own(open.claims, `urn:zitadel:iam:org:project:${projectId}:roles`);
  const home = homeOf(open);
  const isTold = claim !== undefined && (node.acrossOrganizations || home !== undefined);
  if (node.asks && !isTold && !(home !== undefined && isElsewhere(node, home, orgId))) {
    const given = open.facts.rolesGiven?.(projectId, orgId);
    if (!given) return ask(open, { fact: 'projectRoles', projectId, orgId });
    const holds = node.roles.some((role) => given.roles.includes(role));
    return holds && !isElsewhere(node, home ?? given.home, orgId)
      ? allowProjectRole(node, open)
      : NO;
  }
  if (isElsewhere(node, home, orgId)) return NO;
  // ZITADEL writes an object of roles. Some of its documents show a list of such objects.
  const parts: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  const given = (role: string) =>
    parts.some((part) => typeof own(own(part, role), orgId) === 'string');
  return node.roles.some(given) ? allowProjectRole(node, open) : NO;
}

/** Whether a role that this organization gave does not count, because the caller belongs to another one. */
function isElsewhere(node: ProjectRoleNode, home: string | undefined, orgId: string): boolean {
  return !node.acrossOrganizations && home !== orgId;
}

function allowProjectRole(node: ProjectRoleNode, open: Case): Verdict {
  if (node.namesProject) check(open, 'project', node.project);
  check(open, 'org', node.org);
  return YES;
}

/** Decides whether the caller's home organization is one of these. */
function decideHome(organizations: readonly string[], open: Case): Verdict {
  const home = homeOf(open);
  return home !== undefined && organizations.includes(home) ? YES : NO;
}
