import { own } from './own-properties.js';
import { check, NO, YES, type Case, type Verdict } from './case.js';
import type { ProjectRoleNode } from './compile.js';

const HOME = 'urn:zitadel:iam:user:resourceowner:id';

/** Decides one project role requirement by the role claims of exactly that project. */
export function decideProjectRole(node: ProjectRoleNode, open: Case): Verdict {
  const projectId = open.ids[node.project];
  const orgId = open.ids[node.org];
  if (projectId === undefined || orgId === undefined) return NO;
  if (!node.acrossOrganizations && homeOf(open) !== orgId) return NO;
  const claim = own(open.claims, `urn:zitadel:iam:org:project:${projectId}:roles`);
  // An object of roles, or a list of such objects: ZITADEL writes the first, some of its documents show the second.
  const parts: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  const given = (role: string) =>
    parts.some((part) => typeof own(own(part, role), orgId) === 'string');
  if (!node.roles.some(given)) return NO;
  if (node.namesProject) check(open, 'project', node.project);
  check(open, 'org', node.org);
  return YES;
}

/** Decides whether the caller's home organization is one of these. */
export function decideHome(organizations: readonly string[], open: Case): Verdict {
  const home = homeOf(open);
  return home !== undefined && organizations.includes(home) ? YES : NO;
}

function homeOf({ claims }: Case): string | undefined {
  const home = own(claims, HOME);
  return typeof home === 'string' ? home : undefined;
}
