import { own } from './own-properties.js';
import type { ResourceKind } from './requirement/roles.js';

/** The verified user of a request. Frozen, and shared by all requests with the same token. It never contains the token. */
export interface Caller {
  /** ZITADEL's user id (`sub`). */
  readonly userId: string;
  /** The instance to which the user belongs. Users of two instances can have the same id. Only a caller that your own code made has none. */
  readonly issuer?: string;
  /** The application that obtained the token (`client_id`), where the token says it. */
  readonly clientId?: string;
  /** The user who acts as this one: the `sub` of the claim `act` (RFC 8693). Missing: the user is there in person. */
  readonly actor?: string;
  /** When the token stops being accepted, in milliseconds since the epoch, where it says so. */
  readonly expiresAt?: number;
  /** The token's claims. Read them as own properties: other people choose some of their names. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Tokens have this claim if the client requests the scope `urn:zitadel:iam:user:resourceowner`. */
const HOME = 'urn:zitadel:iam:user:resourceowner:id';

/** The organization to which a caller belongs, where the token says it. */
export function homeOf({ claims }: Pick<Caller, 'claims'>): string | undefined {
  const home = own(claims, HOME);
  return typeof home === 'string' ? home : undefined;
}

/** Whether the token shows roles of some project that one of these organizations gave. */
export function hasRolesOf(
  { claims }: Pick<Caller, 'claims'>,
  orgIds: ReadonlySet<string>,
): boolean {
  const isGiven = (givers: unknown): boolean =>
    Object.keys(Object(givers) as object).some((orgId) => orgIds.has(orgId));
  return Object.entries(claims).some(
    ([name, claim]) =>
      name.startsWith('urn:zitadel:iam:org:project:') &&
      name.endsWith(':roles') &&
      // An object of roles, or a list of such objects.
      [claim].flat().some((roles) => Object.values(Object(roles) as object).some(isGiven)),
  );
}

/** Freezes a caller all the way down, so that no request can change what the next one sees. */
export function frozenCaller(caller: Caller): Caller {
  return deepFreeze({ ...caller, claims: { ...caller.claims } });
}

function deepFreeze<T extends object>(value: T): T {
  const open: object[] = [value];
  for (let next = open.pop(); next; next = open.pop()) {
    Object.freeze(next);
    for (const inner of Object.values(next) as unknown[]) {
      if (isData(inner) && !Object.isFrozen(inner)) open.push(inner);
    }
  }
  return value;
}

/** What JSON can hold. Other objects in claims belong to the application, and are not frozen. */
function isData(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

/** One row of ZITADEL's list: the manager roles of a user on one resource. */
export interface Membership {
  readonly userId: string;
  readonly kind: ResourceKind;
  /** The id of the organization, project or project grant. For the instance its id, or '' if ZITADEL did not tell it. */
  readonly id: string;
  readonly roles: readonly string[];
  /** The organization that owns the project, where the row says it. For a project grant this is the granting organization. */
  readonly ownerOrgId?: string | undefined;
  /** Of a project grant, where the row says it: the project. */
  readonly projectId?: string | undefined;
  /** Of a project grant, where the row says it: the organization to which the project is granted. */
  readonly grantedOrgId?: string | undefined;
}

/** What a read brought. */
export interface MembershipRows {
  readonly rows: readonly Membership[];
  /** False: the list is over its cap. The rows that came count. A missing row proves nothing. */
  readonly complete: boolean;
}

/** The part of a list that is asked for, if the whole list is over its cap. */
export type RowsOn =
  | { readonly kind: 'instance' }
  | { readonly kind: 'org' | 'project' | 'projectGrant'; readonly id: string }
  | {
      readonly kind: 'projectGrantBetween';
      readonly projectId: string;
      readonly grantedOrgId: string;
    }
  /** The organizations on which one of these roles is held. */
  | { readonly kind: 'orgsByRoles'; readonly roles: readonly string[] };

/** A user's memberships, prepared so that each question takes one look-up. Frozen, and shared between requests. */
export interface MembershipIndex {
  /** False: the list was over its cap, so a row that is missing here may be there. */
  readonly complete: boolean;
  readonly rows: readonly Membership[];
  readonly instance: Membership | undefined;
  readonly orgs: ReadonlyMap<string, Membership>;
  readonly projects: ReadonlyMap<string, Membership>;
  readonly projectGrants: ReadonlyMap<string, Membership>;
  /** About how much memory it takes. This bounds the cache. */
  readonly bytes: number;
}

// The same names of roles and permissions come with every user, so one copy of each is kept. Bounded, since a server can invent names.
const INTERNED = new Map<string, string>();

/** The one copy of a name. */
export function intern(name: string): string {
  const known = INTERNED.get(name);
  if (known !== undefined) return known;
  // A permission with a suffix is about one resource, and there are as many as there are resources.
  const isName = name.length <= 100 && !name.includes(':');
  if (INTERNED.size < 1_000 && isName) INTERNED.set(name, name);
  return name;
}

// So do the same lists of roles.
const LISTS = new Map<string, readonly string[]>();

/** The one copy of a list of names. */
function internList(names: readonly string[]): readonly string[] {
  const key = JSON.stringify(names);
  const known = LISTS.get(key);
  if (known) return known;
  const list = Object.freeze(names.map(intern));
  if (LISTS.size < 1_000 && key.length <= 200 && !key.includes(':')) LISTS.set(key, list);
  return list;
}

/** Of most kinds a user has no rows. */
const NO_ROWS: ReadonlyMap<string, Membership> = new Map();

/** Builds the index. Two rows of one resource count together. */
export function indexOf(rows: readonly Membership[], complete = true): MembershipIndex {
  const maps = {
    instance: new Map<string, Membership>(),
    org: new Map<string, Membership>(),
    project: new Map<string, Membership>(),
    projectGrant: new Map<string, Membership>(),
  };
  for (const row of rows) {
    const map = maps[row.kind];
    const key = row.kind === 'instance' ? '' : row.id;
    const same = map.get(key);
    const roles = internList([...new Set([...(same?.roles ?? []), ...row.roles])]);
    map.set(key, preparedRow(row, roles, rows[0]?.userId));
  }
  const prepared = Object.values(maps).flatMap((map) => [...map.values()]);
  return Object.freeze({
    complete,
    rows: Object.freeze(prepared),
    instance: maps.instance.get(''),
    orgs: maps.org.size > 0 ? maps.org : NO_ROWS,
    projects: maps.project.size > 0 ? maps.project : NO_ROWS,
    projectGrants: maps.projectGrant.size > 0 ? maps.projectGrant : NO_ROWS,
    bytes: prepared.reduce((sum, row) => sum + bytesOf(row), 400),
  });
}

/** Whether memberships rest on one of these organizations. What the rows do not tell may be one of them. */
export function restOnAny(
  { rows, complete }: Pick<MembershipIndex, 'rows' | 'complete'>,
  orgIds: ReadonlySet<string>,
): boolean {
  const isOne = (orgId: string | undefined) => orgId === undefined || orgIds.has(orgId);
  return !complete || rows.some((row) => restsOn(row).some(isOne));
}

/** The organizations on which a row rests. Undefined: any organization may be one of them. */
export function restsOn({
  kind,
  id,
  ownerOrgId,
  grantedOrgId,
}: Membership): (string | undefined)[] {
  switch (kind) {
    case 'instance':
      return [];
    case 'org':
      return [id];
    case 'project':
      return [ownerOrgId];
    case 'projectGrant':
      return [ownerOrgId, grantedOrgId];
  }
}

/** Gives a row every name as its own: what an object inherits must not become the owner of a project. */
function preparedRow(row: Membership, roles: readonly string[], ofAll = ''): Membership {
  const { kind, id } = row;
  // One copy of the user's id, too.
  const userId = row.userId === ofAll ? ofAll : row.userId;
  const [ownerOrgId, projectId, grantedOrgId] = IDS.map((name) => own(row, name)) as (
    | string
    | undefined
  )[];
  return Object.freeze({ userId, kind, id, roles, ownerOrgId, projectId, grantedOrgId });
}

const IDS = ['ownerOrgId', 'projectId', 'grantedOrgId'] as const;

function bytesOf({
  id,
  ownerOrgId = '',
  projectId = '',
  grantedOrgId = '',
  roles,
}: Membership): number {
  const ownRoles = roles.filter((role) => !INTERNED.has(role)).join('').length;
  const ids = id.length + ownerOrgId.length + projectId.length + grantedOrgId.length;
  return 260 + 2 * (ids + ownRoles) + 16 * roles.length;
}
