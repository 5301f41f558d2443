import type { Membership } from '../caller.js';
import type { RoleNode } from '../requirement/compile.js';
import { ask, type Case, checkRef, isHidden, NO, type Verdict, YES } from './case.js';
import {
  endsOfGrant,
  findGrantRow,
  grantNeed,
  held,
  orgsByRoles,
  rowBetween,
  rowBeyondCap,
  rowOf,
  satisfies,
  stands,
} from './rows.js';

/** Decides one role requirement. The docstring of `decide` has the scope model. */
export function decideRole(node: RoleNode, open: Case): Verdict {
  const everywhere = held(open, 'instance', '', node.by.instance);
  switch (node.kind) {
    case 'instance':
      return everywhere ? allow(open, everywhere) : NO;
    case 'org':
      return decideOrg(node, everywhere, open);
    case 'project':
      return node.owner < 0
        ? decideProject(node, everywhere, open)
        : decideProjectOf(node, everywhere, open);
    case 'projectGrant':
      return node.project < 0
        ? decideGrant(node, everywhere, open)
        : decideGrantBetween(node, everywhere, open);
  }
}

function decideOrg(node: RoleNode, everywhere: Membership | undefined, open: Case): Verdict {
  const id = open.ids[node.id];
  if (id === undefined) return NO;
  const row = everywhere ?? held(open, 'org', id, node.by.org);
  return allowOn(node, row, open);
}

function decideProject(node: RoleNode, everywhere: Membership | undefined, open: Case): Verdict {
  const id = open.ids[node.id];
  if (id === undefined) return NO;
  if (everywhere) return allowOn(node, everywhere, open);
  const direct = held(open, 'project', id, node.by.project);
  if (direct) return allowOn(node, direct, open);
  const owner = rowOf(open, 'project', id)?.ownerOrgId ?? open.facts.ownerOf(id);
  if (owner === undefined) {
    const orgIds = orgsByRoles(open, node.by.org) ?? [];
    return orgIds.length > 0 ? ask(open, { fact: 'owner', projectId: id, orgIds }) : NO;
  }
  return owner === null ? NO : allowOn(node, held(open, 'org', owner, node.by.org), open);
}

/** Decides about a project that must be owned by an organization, which the request names too. */
function decideProjectOf(node: RoleNode, everywhere: Membership | undefined, open: Case): Verdict {
  const id = open.ids[node.id];
  const wantedOwner = open.ids[node.owner];
  if (id === undefined || wantedOwner === undefined) return NO;
  const row =
    everywhere ??
    held(open, 'project', id, node.by.project) ??
    held(open, 'org', wantedOwner, node.by.org);
  if (!row) return NO;
  const owner = rowOf(open, 'project', id)?.ownerOrgId ?? open.facts.ownerOf(id);
  if (owner === undefined) {
    return ask(open, { fact: 'owner', projectId: id, orgIds: [wantedOwner] });
  }
  return owner === wantedOwner ? allowOn(node, row, open) : NO;
}

function decideGrant(node: RoleNode, everywhere: Membership | undefined, open: Case): Verdict {
  const id = open.ids[node.id];
  if (id === undefined) return NO;
  if (everywhere) return allowOn(node, everywhere, open);
  const direct = held(open, 'projectGrant', id, node.by.projectGrant);
  if (direct) return allowOn(node, direct, open);
  const ends = endsOfGrant(open, id);
  if (ends === undefined || isHidden(ends)) {
    const orgIds = orgsByRoles(open, node.by.org);
    if (!orgIds) return NO;
    const need = grantNeed(open, id, orgIds);
    if (ends) {
      // It may be granted to one of these organizations. The role would count there, so what ZITADEL hides is not a "no".
      const isTheirs = ends.hiddenIn.some((orgId) => orgIds.includes(orgId));
      return isTheirs ? ask(open, { ...need, certain: true }) : NO;
    }
    // Over the cap, the row of the grant itself may be found only after its ends are known.
    return orgIds.length > 0 || !open.index.complete ? ask(open, need) : NO;
  }
  if (ends === null) return NO;
  const row =
    satisfies(open, rowBeyondCap(open, ends), node.by.projectGrant) ??
    held(open, 'org', ends.grantedOrgId, node.by.org);
  return allowOn(node, row, open);
}

function decideGrantBetween(
  node: RoleNode,
  everywhere: Membership | undefined,
  open: Case,
): Verdict {
  const projectId = open.ids[node.project];
  const grantedOrgId = open.ids[node.grantedOrg];
  if (projectId === undefined || grantedOrgId === undefined) return NO;
  if (everywhere) return allowOn(node, everywhere, open);
  const direct = satisfies(open, rowBetween(open, projectId, grantedOrgId), node.by.projectGrant);
  if (direct) return allowOn(node, direct, open);
  const ofOrg = held(open, 'org', grantedOrgId, node.by.org);
  const couldBe = (row: Membership) =>
    row.grantedOrgId === undefined && satisfies(open, row, node.by.projectGrant) !== undefined;
  const ends = { projectId, grantedOrgId };
  if (!ofOrg && !findGrantRow(open, ends, couldBe)) return NO;
  const grant = open.facts.grantBetween(projectId, grantedOrgId);
  if (grant === undefined) return ask(open, { fact: 'grantBetween', ...ends });
  if (grant === null) return NO;
  const isIt = (row: Membership) => row.id === grant.grantId;
  const ofGrant = satisfies(open, findGrantRow(open, ends, isIt), node.by.projectGrant);
  return allowOn(node, ofOrg ?? ofGrant, open);
}

function allowOn(node: RoleNode, by: Membership | undefined, open: Case): Verdict {
  if (!by) return NO;
  const verdict = stands(open, by);
  if (verdict !== YES) return verdict;
  if (node.kind !== 'instance') checkRef(open, node.kind, node);
  return allow(open, by);
}

function allow(open: Case, by: Membership): Verdict {
  open.by = by;
  return YES;
}
