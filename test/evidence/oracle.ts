// What a decision must be, said a second time: every row is expanded into all the facts it proves in its world, and the tree is read
// against that set. Slow and plain on purpose. It shares no code, no type and no table with the library.

export type Kind = 'instance' | 'org' | 'project' | 'grant';

/** Manager roles of the user on one resource. The id of an instance row says nothing. */
export interface Row {
  readonly kind: Kind;
  readonly id: string;
  readonly roles: readonly string[];
}

/** What is so at ZITADEL. */
export interface World {
  readonly owners: ReadonlyMap<string, string>;
  readonly grants: ReadonlyMap<string, Grant>;
  readonly rows: readonly Row[];
}

export interface Grant {
  readonly project: string;
  readonly grantedOrg: string;
}

/** Where an id stands. */
export type Place =
  | { readonly literal: string }
  | { readonly in: 'params' | 'query' | 'body' | 'headers'; readonly name: string };

/** The resource that a role is asked for on. */
export type Target =
  | { readonly on: 'instance' }
  | { readonly on: 'org'; readonly id: Place }
  | { readonly on: 'project'; readonly id: Place; readonly ownedBy?: Place }
  | { readonly on: 'grant'; readonly id: Place }
  | { readonly on: 'grant'; readonly project: Place; readonly grantedOrg: Place };

export type Demand =
  | { readonly roles: readonly string[]; readonly target: Target }
  | { readonly every: readonly Demand[] }
  | { readonly some: readonly Demand[] }
  | { readonly caller: true };

export type Leaf = Extract<Demand, { roles: readonly string[] }>;

export interface Asked {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly headers: unknown;
}

/** Which roles a role satisfies directly. */
export type Table = Readonly<Record<string, readonly string[]>>;

export type Verdict = 'allowed' | 'resource_invalid' | 'resource_missing' | 'role_missing';

/** The printed hierarchy. What a row of it means where is a matter of scope, below. */
export const PRINTED: Table = {
  IAM_OWNER: ['IAM_ORG_MANAGER', 'IAM_OWNER_VIEWER'],
  IAM_ORG_MANAGER: ['IAM_USER_MANAGER', 'ORG_OWNER'],
  IAM_OWNER_VIEWER: ['ORG_OWNER_VIEWER'],
  ORG_OWNER: [
    'ORG_OWNER_VIEWER',
    'ORG_USER_MANAGER',
    'ORG_SETTINGS_MANAGER',
    'ORG_USER_PERMISSION_EDITOR',
    'ORG_PROJECT_PERMISSION_EDITOR',
    'ORG_PROJECT_CREATOR',
    'PROJECT_OWNER',
    'PROJECT_GRANT_OWNER',
  ],
  ORG_OWNER_VIEWER: ['PROJECT_OWNER_VIEWER', 'PROJECT_GRANT_OWNER_VIEWER'],
  PROJECT_OWNER: ['PROJECT_OWNER_VIEWER'],
  PROJECT_GRANT_OWNER: ['PROJECT_GRANT_OWNER_VIEWER'],
};

/** A role and nothing else. */
export const LITERAL: Table = {};

/** The kind of row on which a role can be held; roles without a known prefix mean nothing anywhere. */
export function kindByPrefix(role: string): Kind | undefined {
  const [first, second] = role.split('_');
  if (first === 'PROJECT') return second === 'GRANT' ? 'grant' : 'project';
  if (first === 'ORG') return 'org';
  return first === 'IAM' ? 'instance' : undefined;
}

function withAllImplied(role: string, table: Table): Set<string> {
  const reached = new Set([role]);
  // A set hands out what is added to it while it is walked.
  for (const name of reached) {
    if (!Object.keys(table).includes(name)) continue;
    for (const implied of table[name] ?? []) reached.add(implied);
  }
  return reached;
}

/** The roles a row proves, before the question where: those of the row's own kind and all they imply. */
export function rolesOfRow(row: Row, table: Table): Set<string> {
  const all = new Set<string>();
  for (const role of row.roles) {
    if (kindByPrefix(role) !== row.kind) continue;
    for (const each of withAllImplied(role, table)) all.add(each);
  }
  return all;
}

/** The resources of its world for which a row counts, as kind:id; an instance row counts for all, named or not. */
function reachOf(row: Row, world: World): string[] {
  if (row.kind === 'instance') return ['everything'];
  const reach = [`${row.kind}:${row.id}`];
  if (row.kind !== 'org') return reach;
  for (const [projectId, owner] of world.owners) {
    if (owner === row.id) reach.push(`project:${projectId}`);
  }
  for (const [grantId, { grantedOrg }] of world.grants) {
    if (grantedOrg === row.id) reach.push(`grant:${grantId}`);
  }
  return reach;
}

/** Every role on every resource that the rows prove. */
function factsOf(world: World, table: Table): Set<string> {
  const facts = new Set<string>();
  for (const row of world.rows) {
    const roles = rolesOfRow(row, table);
    for (const resource of reachOf(row, world)) {
      for (const role of roles) {
        const fits = resource === 'everything' || resource.startsWith(`${kindByPrefix(role)}:`);
        if (fits) facts.add(`${role} on ${resource}`);
      }
    }
  }
  return facts;
}

/** What a place in a request holds: an id, nothing, or something that is no id. */
export type Found = { readonly id: string } | 'nothing' | 'no id';

export function lookAt(place: Place, asked: Asked): Found {
  if ('literal' in place) return { id: place.literal };
  const container = asked[place.in];
  if (container === null || typeof container !== 'object') return 'nothing';
  const own = Object.getOwnPropertyDescriptor(container, place.name);
  // A name that only the prototype answers to is refused like any other value that is no id.
  if (own === undefined) return place.name in container ? 'no id' : 'nothing';
  const value: unknown = own.value;
  if (value === undefined) return 'nothing';
  if (typeof value !== 'string') return 'no id';
  const characters = [...value];
  const digits = characters.every((character) => '0123456789'.includes(character));
  return digits && characters.length >= 1 && characters.length <= 200 ? { id: value } : 'no id';
}

export function placesOf(target: Target): Place[] {
  switch (target.on) {
    case 'instance':
      return [];
    case 'org':
      return [target.id];
    case 'project':
      return target.ownedBy ? [target.id, target.ownedBy] : [target.id];
    case 'grant':
      return 'id' in target ? [target.id] : [target.project, target.grantedOrg];
  }
}

export function leavesOf(demand: Demand): Leaf[] {
  if ('roles' in demand) return [demand];
  if ('caller' in demand) return [];
  return ('every' in demand ? demand.every : demand.some).flatMap(leavesOf);
}

/** The resource of a target as kind:id. Undefined where the world, or the request, has no such thing: then only 'everything' is left. */
function resourceOf(target: Target, world: World, ids: readonly string[]): string | undefined {
  if (target.on !== 'grant' || 'id' in target) return `${target.on}:${ids[0]}`;
  for (const [grantId, grant] of world.grants) {
    if (grant.project === ids[0] && grant.grantedOrg === ids[1]) return `grant:${grantId}`;
  }
  return undefined;
}

/** The ids of a target in the order of its places; undefined unless the request names all of them. */
export function idsOf(target: Target, asked: Asked): string[] | undefined {
  const ids: string[] = [];
  for (const place of placesOf(target)) {
    const found = lookAt(place, asked);
    if (typeof found === 'string') return undefined;
    ids.push(found.id);
  }
  return ids;
}

function leafHolds(leaf: Leaf, world: World, facts: ReadonlySet<string>, asked: Asked): boolean {
  const { target, roles } = leaf;
  const ids = idsOf(target, asked);
  if (!ids) return false;
  if (target.on === 'project' && target.ownedBy) {
    if (world.owners.get(ids[0] ?? '') !== ids[1]) return false;
  }
  const resource = resourceOf(target, world, ids);
  return roles.some(
    (role) =>
      facts.has(`${role} on everything`) ||
      (resource !== undefined && facts.has(`${role} on ${resource}`)),
  );
}

function holds(demand: Demand, leaf: (leaf: Leaf) => boolean): boolean {
  if ('roles' in demand) return leaf(demand);
  if ('caller' in demand) return true;
  return 'every' in demand
    ? !demand.every.some((each) => !holds(each, leaf))
    : demand.some.some((each) => holds(each, leaf));
}

/** What the answer must be. */
export function verdictOf(world: World, demand: Demand, asked: Asked, table: Table): Verdict {
  const read = leavesOf(demand)
    .flatMap((leaf) => placesOf(leaf.target))
    .map((place) => lookAt(place, asked));
  if (read.includes('no id')) return 'resource_invalid';
  const facts = factsOf(world, table);
  if (holds(demand, (leaf) => leafHolds(leaf, world, facts, asked))) return 'allowed';
  return read.includes('nothing') ? 'resource_missing' : 'role_missing';
}

/** The leaves that carry an allow: each holds, and so does everything above it. */
export function leavesThatCarry(
  world: World,
  demand: Demand,
  asked: Asked,
  table: Table,
): readonly Leaf[] {
  const facts = factsOf(world, table);
  const leaf = (each: Leaf): boolean => leafHolds(each, world, facts, asked);
  const carrying = (part: Demand): readonly Leaf[] => {
    if (!holds(part, leaf) || 'caller' in part) return [];
    return 'roles' in part ? [part] : ('every' in part ? part.every : part.some).flatMap(carrying);
  };
  return carrying(demand);
}

/** Whether the rows, alone in the world, satisfy a leaf. */
export function satisfies(
  world: World,
  rows: readonly Row[],
  leaf: Leaf,
  asked: Asked,
  table: Table,
): boolean {
  const alone = { ...world, rows };
  return leafHolds(leaf, alone, factsOf(alone, table), asked);
}

/** Something about a resource that no row says. */
export type Question =
  | { readonly about: 'owner'; readonly project: string; readonly under: string }
  | { readonly about: 'grant'; readonly grant: string; readonly under: string }
  | { readonly about: 'grant between'; readonly project: string; readonly grantedOrg: string };

/** Whether some answer to the question would let one of the rows satisfy a leaf: otherwise nobody may make us ask it. */
export function isWorthAsking(
  question: Question,
  rows: readonly Row[],
  demand: Demand,
  asked: Asked,
  table: Table,
): boolean {
  return leavesOf(demand).some(({ roles, target }) => {
    const ids = idsOf(target, asked);
    if (!ids) return false;
    const holdsOn = (kind: Kind, id?: string): boolean =>
      rows.some((row) => {
        if (row.kind !== kind || (id !== undefined && row.id !== id)) return false;
        const proven = rolesOfRow(row, table);
        return roles.some((role) => proven.has(role));
      });
    if (question.about === 'owner') {
      if (target.on !== 'project' || ids[0] !== question.project) return false;
      if (!target.ownedBy) return holdsOn('org', question.under);
      return (
        ids[1] === question.under &&
        (holdsOn('instance') || holdsOn('org', ids[1]) || holdsOn('project', ids[0]))
      );
    }
    if (target.on !== 'grant') return false;
    if (question.about === 'grant') {
      return 'id' in target && ids[0] === question.grant && holdsOn('org', question.under);
    }
    const same = ids[0] === question.project && ids[1] === question.grantedOrg;
    return same && 'project' in target && (holdsOn('org', ids[1]) || holdsOn('grant'));
  });
}
