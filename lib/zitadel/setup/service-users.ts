import { isRecord, listOfTexts, textOf } from '../reading.js';
import { unusable } from '../refusals.js';
import {
  type Administration,
  ALL_ROWS,
  ALL_ROWS_V2,
  changedAt,
  idFrom,
  type Json,
  madeAt,
  segment,
  type Ways,
} from './administration.js';

export interface ServiceUser {
  readonly id: string;
  /** A person has the same kind of name. */
  readonly isServiceUser: boolean;
  readonly isActive: boolean;
  readonly madeAt: number;
}

export interface Key {
  readonly id: string;
  readonly madeAt: number;
}

/** A key, told only when it is made. */
export interface NewKey {
  readonly id: string;
  /** The key file: JSON. */
  readonly file: string;
}

/** When keys expire: as those that ZITADEL's console makes without a date. */
export const NEVER = '9999-12-31T23:59:59Z';

/** Asks API v1 for a key. */
export const NEW_KEY: Json = { type: 'KEY_TYPE_JSON', expirationDate: NEVER };

/** Key files come as base64 of their JSON. @throws ZitadelUnavailableError if it is not that */
export function keyFileFrom(value: unknown, what: string): string {
  const text = Buffer.from(textOf(value), 'base64').toString();
  if (text.startsWith('{')) return text;
  throw unusable(what);
}

const V1 = '/management/v1/users';
const V2 = 'user.v2.UserService';

/** The user of this name in the organization. */
export async function findUser(
  administration: Administration,
  userName: string,
): Promise<ServiceUser | undefined> {
  const what = 'list of users';
  const named = { userNameQuery: { userName, method: 'TEXT_QUERY_METHOD_EQUALS' } };
  const organizationIdQuery = { organizationId: administration.orgId };
  const rows = await administration.list(what, {
    rest: ['POST', `${V1}/_search`, { ...ALL_ROWS, queries: [named] }],
    connect: [`${V2}/ListUsers`, { queries: [named, { organizationIdQuery }] }],
  });
  const row = rows.find((each) => (each['userName'] ?? each['username']) === userName);
  return (
    row && {
      id: idFrom(row['userId'] ?? row['id'], what),
      isServiceUser: isRecord(row['machine']),
      isActive: row['state'] === 'USER_STATE_ACTIVE',
      madeAt: madeAt(row),
    }
  );
}

/** Returns the id. */
export async function createServiceUser(
  administration: Administration,
  userName: string,
): Promise<string> {
  const what = 'new service user';
  const organizationId = administration.orgId;
  const message = { organizationId, username: userName, machine: { name: userName } };
  const body = await administration.do(what, {
    rest: ['POST', `${V1}/machine`, { userName, name: userName }],
    connect: [`${V2}/CreateUser`, message],
  });
  return idFrom(body['userId'] ?? body['id'], what);
}

/** Removes a user with its keys and its manager roles. */
export async function removeUser(administration: Administration, id: string): Promise<void> {
  await administration.do('removal of the service user', {
    rest: ['DELETE', `${V1}/${segment(id)}`],
    connect: [`${V2}/DeleteUser`, { userId: id }],
  });
}

/** The keys of a service user. */
export async function listUserKeys(
  administration: Administration,
  id: string,
): Promise<readonly Key[]> {
  const what = 'list of the service user’s keys';
  const filters = [{ userIdFilter: { id } }];
  const rows = await administration.list(what, {
    rest: ['POST', `${V1}/${segment(id)}/keys/_search`, ALL_ROWS],
    connect: [`${V2}/ListKeys`, { ...ALL_ROWS_V2, filters }],
  });
  return rows.map((row) => ({ id: idFrom(row['id'], what), madeAt: madeAt(row) }));
}

export async function addUserKey(administration: Administration, id: string): Promise<NewKey> {
  const what = 'new key of the service user';
  const body = await administration.do(what, {
    rest: ['POST', `${V1}/${segment(id)}/keys`, NEW_KEY],
    connect: [`${V2}/AddKey`, { userId: id, expirationDate: NEVER }],
  });
  const file = keyFileFrom(body['keyDetails'] ?? body['keyContent'], what);
  return { id: idFrom(body['keyId'], what), file };
}

export async function removeUserKey(
  administration: Administration,
  id: string,
  keyId: string,
): Promise<void> {
  await administration.do('removal of the service user’s key', {
    rest: ['DELETE', `${V1}/${segment(id)}/keys/${segment(keyId)}`],
    connect: [`${V2}/RemoveKey`, { userId: id, keyId }],
  });
}

/** What a manager role is on. */
export type ManagedKind = 'instance' | 'organization' | 'project';

/** The manager roles of one user on one resource. */
export interface Held {
  readonly on: ManagedKind;
  readonly roles: readonly string[];
  readonly changedAt: number;
}

const PERMISSIONS = 'internal_permission.v2.InternalPermissionService';

/** What manager roles a user holds on the instance, on the organization, and on one project of it. */
export async function listHeld(
  administration: Administration,
  userId: string,
  projectId: string | undefined,
): Promise<readonly Held[]> {
  const what = 'list of manager roles';
  const filters = [{ inUserIdsFilter: { ids: [userId] } }];
  const message = { ...ALL_ROWS_V2, filters };
  const rows = await administration.list(what, {
    rest: ['POST', `${V1}/${segment(userId)}/memberships/_search`, ALL_ROWS],
    connect: [`${PERMISSIONS}/ListAdministrators`, message, 'administrators'],
  });
  return rows.flatMap((row): readonly Held[] => {
    const on = kindOf(row, administration.orgId, projectId);
    const roles = listOfTexts(row['roles']);
    if (!roles) throw unusable(what);
    return on ? [{ on, roles, changedAt: changedAt(row) }] : [];
  });
}

function kindOf(row: Json, orgId: string, projectId: string | undefined): ManagedKind | undefined {
  if (row['iam'] === true || row['instance'] === true) return 'instance';
  if ((row['orgId'] ?? idIn(row['organization'])) === orgId) return 'organization';
  const project = row['projectId'] ?? idIn(row['project']);
  return project !== undefined && project === projectId ? 'project' : undefined;
}

function idIn(value: unknown): unknown {
  return isRecord(value) ? value['id'] : undefined;
}

/** Where the manager roles of one user on one resource stand. */
interface Place {
  readonly userId: string;
  readonly on: ManagedKind;
  readonly projectId: string;
}

/** Replaces the roles that a user holds there by others. None: the user is no manager there any more. */
export async function setHeld(
  administration: Administration,
  place: Place,
  before: readonly string[],
  roles: readonly string[],
): Promise<void> {
  const { userId } = place;
  const [path, resource] = addressOf(administration.orgId, place);
  const one = `${path}/${segment(userId)}`;
  const [verb, rest]: readonly [string, Ways['rest']] =
    before.length === 0
      ? ['Create', ['POST', path, { userId, roles }]]
      : roles.length > 0
        ? ['Update', ['PUT', one, { roles }]]
        : ['Delete', ['DELETE', one]];
  const message = { userId, resource, ...(roles.length > 0 && { roles }) };
  const connect = [`${PERMISSIONS}/${verb}Administrator`, message] as const;
  await administration.do(`manager roles on the ${place.on}`, { rest, connect });
}

function addressOf(organizationId: string, { on, projectId }: Place): readonly [string, Json] {
  switch (on) {
    case 'instance':
      return ['/admin/v1/members', { instance: true }];
    case 'organization':
      return ['/management/v1/orgs/me/members', { organizationId }];
    case 'project':
      return [`/management/v1/projects/${segment(projectId)}/members`, { projectId }];
  }
}
