import { ask, checkRef, NO, YES, type Case, type Verdict } from './case.js';
import type { PermissionNode } from './compile.js';
import { endsOfGrant, findGrantRow, rowBetween, rowBeyondCap, rowOf } from './find-row.js';
import type { Membership } from './membership.js';

/**
 * Decides one permission requirement by ZITADEL's own evaluation in the organization that the resource belongs to. A permission held on
 * the whole organization counts, or one held on exactly this project or project grant. ZITADEL is asked only where one of the caller's
 * rows could give a permission there.
 */
export function decidePermission(node: PermissionNode, open: Case): Verdict {
  switch (node.kind) {
    case 'org':
      return decideOrg(node, open);
    case 'project':
      return decideProject(node, open);
    case 'projectGrant':
      return node.project < 0 ? decideGrant(node, open) : decideGrantBetween(node, open);
  }
}

function decideOrg(node: PermissionNode, open: Case): Verdict {
  const id = open.ids[node.id];
  if (id === undefined || !(rowOf(open, 'instance', '') ?? rowOf(open, 'org', id))) return NO;
  return evaluate(node, id, undefined, open);
}

function decideProject(node: PermissionNode, open: Case): Verdict {
  const id = open.ids[node.id];
  const wantedOwner = open.ids[node.owner];
  if (id === undefined || wantedOwner === undefined) return NO;
  const onProject = rowOf(open, 'project', id);
  if (!(rowOf(open, 'instance', '') ?? onProject ?? rowOf(open, 'org', wantedOwner))) return NO;
  const owner = onProject?.ownerOrgId ?? open.facts.ownerOf(id);
  if (owner === undefined) {
    return ask(open, { fact: 'owner', projectId: id, orgIds: [wantedOwner] });
  }
  return owner === wantedOwner ? evaluate(node, owner, id, open) : NO;
}

function decideGrant(node: PermissionNode, open: Case): Verdict {
  const id = open.ids[node.id];
  if (id === undefined) return NO;
  const { index } = open;
  const somewhere = rowOf(open, 'instance', '') ?? rowOf(open, 'projectGrant', id);
  if (!somewhere && index.complete && index.orgs.size === 0) return NO;
  const ends = endsOfGrant(open, id);
  if (ends === undefined) {
    return ask(open, { fact: 'grant', grantId: id, orgIds: [...index.orgs.keys()] });
  }
  if (ends === null) return NO;
  const couldCount = somewhere ?? rowOf(open, 'org', ends.grantedOrgId) ?? rowBeyondCap(open, ends);
  return couldCount ? evaluate(node, ends.grantedOrgId, id, open) : NO;
}

function decideGrantBetween(node: PermissionNode, open: Case): Verdict {
  const projectId = open.ids[node.project];
  const grantedOrgId = open.ids[node.grantedOrg];
  if (projectId === undefined || grantedOrgId === undefined) return NO;
  const onGrant = rowBetween(open, projectId, grantedOrgId);
  if (onGrant) return evaluate(node, grantedOrgId, onGrant.id, open);
  const ends = { projectId, grantedOrgId };
  const somewhere = rowOf(open, 'instance', '') ?? rowOf(open, 'org', grantedOrgId);
  const couldBe = (row: Membership) => row.grantedOrgId === undefined;
  if (!somewhere && !findGrantRow(open, ends, couldBe)) return NO;
  const grant = open.facts.grantBetween(projectId, grantedOrgId);
  if (grant === undefined) return ask(open, { fact: 'grantBetween', ...ends });
  if (grant === null) return NO;
  const isIt = (row: Membership) => row.id === grant.grantId;
  return (somewhere ?? findGrantRow(open, ends, isIt))
    ? evaluate(node, grantedOrgId, grant.grantId, open)
    : NO;
}

function evaluate(
  node: PermissionNode,
  orgId: string,
  resourceId: string | undefined,
  open: Case,
): Verdict {
  const held = open.facts.permissionsIn?.(orgId);
  if (held === undefined) return ask(open, { fact: 'permissions', orgId });
  const counts = (permission: string) =>
    held.has(permission) || (resourceId !== undefined && held.has(`${permission}:${resourceId}`));
  if (!node.permissions.some(counts)) return NO;
  checkRef(open, node.kind, node);
  return YES;
}
