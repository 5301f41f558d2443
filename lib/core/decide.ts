import type { Compiled, Node, RoleNode } from './compile.js';
import type { CheckedRef } from './decision.js';
import type { Membership, MembershipIndex } from './membership.js';

/** A project grant, as far as decisions need it. */
export interface GrantFact {
  readonly grantId: string;
  readonly projectId: string;
  readonly grantedOrgId: string;
}

/** What ZITADEL has said about resources. `undefined`: not asked yet; `null`: asked, and there is no such thing for this caller. */
export interface Facts {
  ownerOf(projectId: string): string | null | undefined;
  grantOf(grantId: string): GrantFact | null | undefined;
  grantBetween(projectId: string, grantedOrgId: string): GrantFact | null | undefined;
}

/** A fact that is missing, and the only organizations under which it may be asked: those whose rows could then satisfy. */
export type Need =
  | {
      readonly fact: 'owner';
      readonly projectId: string;
      readonly orgIds: readonly string[];
    }
  | {
      readonly fact: 'grant';
      readonly grantId: string;
      readonly orgIds: readonly string[];
    }
  | {
      readonly fact: 'grantBetween';
      readonly projectId: string;
      readonly grantedOrgId: string;
    };

/** What a decision found: the row that carries it and the resources it is about; or what must be asked first. */
export interface Found {
  by: Membership | undefined;
  checked: readonly CheckedRef[];
  needs: readonly Need[];
}

const NONE: readonly never[] = Object.freeze([]);

/** Nothing found yet. */
export function nothingFound(): Found {
  // Shared empty lists: most decisions add one entry to one of them, and a list that grows costs more than all the rest.
  return { by: undefined, checked: NONE, needs: NONE };
}

const NO = 0;
const YES = 1;
const ASK = 2;
type Verdict = typeof NO | typeof YES | typeof ASK;

/** The ids of a request, by slot; `undefined` where the request names none. */
export type Ids = readonly (string | undefined)[];

/**
 * Decides a requirement over a user's memberships: pure and synchronous. ZITADEL's own scope model: rows of the instance count
 * everywhere; rows of an organization there and for the projects it owns; rows of a project on that project; rows of a project grant on
 * it, and with them the rows of the *granted* organization. Kind, id and role must all match.
 */
export function decide(
  { root, names }: Compiled,
  ids: Ids,
  index: MembershipIndex,
  facts: Facts,
  found: Found,
): 'yes' | 'no' | 'ask' {
  const verdict = evaluate(root, ids, index, facts, found, names);
  return verdict === YES ? 'yes' : verdict === NO ? 'no' : 'ask';
}

function evaluate(
  node: Node,
  ids: Ids,
  index: MembershipIndex,
  facts: Facts,
  found: Found,
  names: readonly string[],
): Verdict {
  if (node.type === 'role') return decideRole(node, ids, index, facts, found, names);
  if (node.type === 'authenticated') return YES;
  const ends = node.type === 'anyOf' ? YES : NO;
  const { by, checked, needs } = found;
  let verdict: Verdict = ends === YES ? NO : YES;
  for (const part of node.of) {
    const each = evaluate(part, ids, index, facts, found, names);
    if (each === ends) {
      // What the other branches still wanted to know no longer matters.
      found.needs = needs;
      if (ends === NO) Object.assign(found, { by, checked });
      return ends;
    }
    if (each === ASK) verdict = ASK;
  }
  // Only what is proven may be named: a part of this that held does not count as long as the whole does not.
  if (verdict !== YES) Object.assign(found, { by, checked });
  return verdict;
}

function decideRole(
  node: RoleNode,
  ids: Ids,
  index: MembershipIndex,
  facts: Facts,
  found: Found,
  names: readonly string[],
): Verdict {
  const everywhere = satisfies(index.instance, node.by.instance);
  switch (node.kind) {
    case 'instance':
      return everywhere ? allow(found, everywhere) : NO;
    case 'org': {
      const id = ids[node.id];
      if (id === undefined) return NO;
      const row = everywhere ?? satisfies(index.orgs.get(id), node.by.org);
      return row ? allow(found, row, 'org', id, names[node.id]) : NO;
    }
    case 'project':
      return decideProject(node, everywhere, ids, index, facts, found, names);
    case 'projectGrant':
      return node.project >= 0
        ? decideGrantBetween(node, everywhere, ids, index, facts, found, names)
        : decideGrant(node, everywhere, ids, index, facts, found, names);
  }
}

function decideProject(
  node: RoleNode,
  everywhere: Membership | undefined,
  ids: Ids,
  index: MembershipIndex,
  facts: Facts,
  found: Found,
  names: readonly string[],
): Verdict {
  const id = ids[node.id];
  if (id === undefined) return NO;
  const onProject = index.projects.get(id);
  const direct = everywhere ?? satisfies(onProject, node.by.project);
  if (node.owner < 0) {
    if (direct) return allow(found, direct, 'project', id, names[node.id]);
    const owner = onProject?.ownerOrgId ?? facts.ownerOf(id);
    if (owner === undefined) {
      return ask(found, 'owner', id, orgsThatSatisfy(index, node));
    }
    const row = owner === null ? undefined : satisfies(index.orgs.get(owner), node.by.org);
    return row ? allow(found, row, 'project', id, names[node.id]) : NO;
  }
  const wantedOwner = ids[node.owner];
  if (wantedOwner === undefined) return NO;
  const row = direct ?? satisfies(index.orgs.get(wantedOwner), node.by.org);
  if (!row) return NO;
  const owner = onProject?.ownerOrgId ?? facts.ownerOf(id);
  if (owner === undefined) return ask(found, 'owner', id, [wantedOwner]);
  if (owner !== wantedOwner) return NO;
  allow(found, row, 'org', wantedOwner, names[node.owner]);
  return allow(found, row, 'project', id, names[node.id]);
}

function decideGrant(
  node: RoleNode,
  everywhere: Membership | undefined,
  ids: Ids,
  index: MembershipIndex,
  facts: Facts,
  found: Found,
  names: readonly string[],
): Verdict {
  const id = ids[node.id];
  if (id === undefined) return NO;
  const direct = everywhere ?? satisfies(index.projectGrants.get(id), node.by.projectGrant);
  if (direct) return allow(found, direct, 'projectGrant', id, names[node.id]);
  const grant = facts.grantOf(id);
  if (grant === undefined) return ask(found, 'grant', id, orgsThatSatisfy(index, node));
  const row = grant && satisfies(index.orgs.get(grant.grantedOrgId), node.by.org);
  return row ? allow(found, row, 'projectGrant', id, names[node.id]) : NO;
}

function decideGrantBetween(
  node: RoleNode,
  everywhere: Membership | undefined,
  ids: Ids,
  index: MembershipIndex,
  facts: Facts,
  found: Found,
  names: readonly string[],
): Verdict {
  const projectId = ids[node.project];
  const orgId = ids[node.grantedOrg];
  if (projectId === undefined || orgId === undefined) return NO;
  let row = everywhere;
  if (!row) {
    const ofOrg = satisfies(index.orgs.get(orgId), node.by.org);
    const couldSatisfy =
      ofOrg ?? find(index.projectGrants, (each) => satisfies(each, node.by.projectGrant));
    if (!couldSatisfy) return NO;
    const grant = facts.grantBetween(projectId, orgId);
    if (grant === undefined) {
      return askFor(found, { fact: 'grantBetween', projectId, grantedOrgId: orgId });
    }
    if (grant === null) return NO;
    row = ofOrg ?? satisfies(index.projectGrants.get(grant.grantId), node.by.projectGrant);
    if (!row) return NO;
  }
  allow(found, row, 'project', projectId, names[node.project]);
  return allow(found, row, 'org', orgId, names[node.grantedOrg]);
}

function satisfies(
  row: Membership | undefined,
  roles: ReadonlySet<string>,
): Membership | undefined {
  if (row === undefined) return undefined;
  // Not for-of: over a frozen list it allocates, and this runs on every request.
  for (let i = 0; i < row.roles.length; i += 1) if (roles.has(row.roles[i] ?? '')) return row;
  return undefined;
}

function find(
  rows: ReadonlyMap<string, Membership>,
  wanted: (row: Membership) => Membership | undefined,
): Membership | undefined {
  for (const row of rows.values()) if (wanted(row)) return row;
  return undefined;
}

function orgsThatSatisfy(index: MembershipIndex, node: RoleNode): readonly string[] {
  const ids: string[] = [];
  for (const [id, row] of index.orgs) if (satisfies(row, node.by.org)) ids.push(id);
  return ids;
}

function ask(
  found: Found,
  fact: 'owner' | 'grant',
  id: string,
  orgIds: readonly string[],
): Verdict {
  if (orgIds.length === 0) return NO;
  return askFor(
    found,
    fact === 'owner' ? { fact, projectId: id, orgIds } : { fact, grantId: id, orgIds },
  );
}

function askFor(found: Found, need: Need): Verdict {
  found.needs = [...found.needs, need];
  return ASK;
}

function allow(
  found: Found,
  by: Membership,
  kind?: CheckedRef['kind'],
  id = '',
  name = '',
): Verdict {
  found.by = by;
  if (kind) {
    const one = { kind, id, name };
    found.checked = found.checked.length === 0 ? [one] : [...found.checked, one];
  }
  return YES;
}
