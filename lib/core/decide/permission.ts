import type { Membership } from '../caller.js';
import type { PermissionNode } from '../requirement/compile.js';
import { ask, ASK, type Case, checkRef, isHidden, NO, type Verdict, YES } from './case.js';
import {
  endsOfGrant,
  findGrantRow,
  grantNeed,
  rowBetween,
  rowBeyondCap,
  rowOf,
  stands,
} from './rows.js';

/**
 * Decides one permission requirement by ZITADEL's own evaluation in the organization that the resource belongs to. A permission counts if
 * it is held on the whole organization, or on exactly this project or project grant. ZITADEL is asked only if one of the caller's rows
 * could give a permission there.
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
  return evaluate(node, open, id);
}

function decideProject(node: PermissionNode, open: Case): Verdict {
  const id = open.ids[node.id];
  const wantedOwner = open.ids[node.owner];
  if (id === undefined || wantedOwner === undefined) return NO;
  const onProject = rowOf(open, 'project', id);
  if (!(rowOf(open, 'instance', '') ?? onProject ?? rowOf(open, 'org', wantedOwner))) return NO;
  const owner = onProject?.ownerOrgId ?? open.facts.ownerOf(id);
  if (owner !== undefined) {
    return owner === wantedOwner ? evaluate(node, open, owner, { id, row: onProject }) : NO;
  }
  // The owner is asked for only if the caller may do it there. Such a caller must be able to see the project.
  const may = heldIn(node, open, wantedOwner, { id, row: onProject });
  return may === YES ? ask(open, { fact: 'owner', projectId: id, orgIds: [wantedOwner] }) : may;
}

/**
 * Decides about a grant that is named by its id. The right can come from three rows: from a row of the grant, which counts in the
 * organization that owns the project too; from a row of the granted organization, under which ZITADEL tells the grant; or from the row of
 * the instance, under every organization. ZITADEL tells a grant under its two organizations alone. A manager of the instance who is in
 * neither cannot see it, and that is not a "no".
 */
function decideGrant(node: PermissionNode, open: Case): Verdict {
  const id = open.ids[node.id];
  if (id === undefined) return NO;
  const { index, needs } = open;
  const row = rowOf(open, 'projectGrant', id);
  const instance = rowOf(open, 'instance', '');
  if (open.needs !== needs) return ASK;
  const ends = endsOfGrant(open, id);
  if (ends && !isHidden(ends)) {
    const { grantedOrgId } = ends;
    const somewhere = instance ?? row ?? rowOf(open, 'org', grantedOrgId);
    const onGrant =
      row ?? (somewhere && !open.facts.stateOf ? undefined : rowBeyondCap(open, ends));
    const couldCount = somewhere ?? onGrant;
    return couldCount ? evaluate(node, open, grantedOrgId, { id, row: onGrant }) : NO;
  }
  const owner = row?.ownerOrgId;
  const byRow = owner === undefined ? NO : holds(node, open, owner, { id, row });
  if (byRow === YES) return allow(node, open);
  // A row that names neither both ends nor the owner of the project cannot be judged without the grant.
  const isBare = row !== undefined && owner === undefined && ends === undefined;
  if (!instance && index.complete && index.orgs.size === 0 && !isBare) return byRow;
  const byInstance = instance ? holds(node, open, '') : NO;
  const need = grantNeed(open, id, [...index.orgs.keys()]);
  if (byInstance === YES || isBare) return ask(open, { ...need, certain: true });
  if (ends === undefined) return ask(open, need);
  if (byRow === ASK || byInstance === ASK) return ASK;
  const byHidden = (ends?.hiddenIn ?? []).map((orgId) => holds(node, open, orgId));
  if (byHidden.includes(YES)) return ask(open, { ...need, certain: true });
  return byHidden.includes(ASK) ? ASK : NO;
}

function decideGrantBetween(node: PermissionNode, open: Case): Verdict {
  const projectId = open.ids[node.project];
  const grantedOrgId = open.ids[node.grantedOrg];
  if (projectId === undefined || grantedOrgId === undefined) return NO;
  const onGrant = rowBetween(open, projectId, grantedOrgId);
  if (onGrant) return evaluate(node, open, grantedOrgId, { id: onGrant.id, row: onGrant });
  const ends = { projectId, grantedOrgId };
  const somewhere = rowOf(open, 'instance', '') ?? rowOf(open, 'org', grantedOrgId);
  const couldBe = (row: Membership) => row.grantedOrgId === undefined;
  if (!somewhere && !findGrantRow(open, ends, couldBe)) return NO;
  const grant = open.facts.grantBetween(projectId, grantedOrgId);
  if (grant === undefined) return ask(open, { fact: 'grantBetween', ...ends });
  if (grant === null) return NO;
  const isIt = (row: Membership) => row.id === grant.grantId;
  const row = somewhere && !open.facts.stateOf ? undefined : findGrantRow(open, ends, isIt);
  if (!(somewhere ?? row)) return NO;
  const { grantId: id } = grant;
  return evaluate(node, open, grantedOrgId, id === undefined ? undefined : { id, row });
}

/** The one resource of a permission, and the caller's row on it. */
interface On {
  readonly id: string;
  readonly row: Membership | undefined;
}

/** Whether a permission is held in an organization: on all of it, or on this resource. */
function heldIn(node: PermissionNode, open: Case, orgId: string, on?: On): Verdict {
  const everywhere = holds(node, open, orgId);
  return everywhere === NO && on ? holds(node, open, orgId, on) : everywhere;
}

function evaluate(node: PermissionNode, open: Case, orgId: string, on?: On): Verdict {
  const held = heldIn(node, open, orgId, on);
  return held === YES ? allow(node, open) : held;
}

/** Whether it is held in an organization ('': the caller's own) on exactly this: all of it, or one resource. */
function holds(node: PermissionNode, open: Case, orgId: string, on?: On): Verdict {
  const held = open.facts.permissionsIn?.(orgId);
  if (held === undefined) return ask(open, { fact: 'permissions', orgId });
  const suffix = on ? `:${on.id}` : '';
  if (!node.permissions.some((permission) => held.has(permission + suffix))) return NO;
  return open.facts.stateOf ? counts(open, orgId, on) : YES;
}

/**
 * Whether nothing is inactive that a permission could come from. ZITADEL does not tell from which row it comes. So in an inactive
 * organization a permission counts only for those who have no row of that organization, but one of the instance.
 */
function counts(open: Case, orgId: string, on: On | undefined): Verdict {
  if (on) return on.row ? stands(open, on.row) : NO;
  // What is held in the caller's own organization only says what to ask for.
  if (orgId === '') return YES;
  const { needs } = open;
  const row = rowOf(open, 'org', orgId);
  const everywhere = rowOf(open, 'instance', '');
  if (open.needs !== needs) return ASK;
  return row || !everywhere ? stands(open, { kind: 'org', id: orgId }) : YES;
}

function allow(node: PermissionNode, open: Case): Verdict {
  checkRef(open, node.kind, node);
  return YES;
}
