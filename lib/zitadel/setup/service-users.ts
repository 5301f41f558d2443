import { isRecord } from '../reading.js';
import {
  type Administration,
  ALL_ROWS,
  ALL_ROWS_V2,
  idFrom,
  keyFileFrom,
  madeAt,
  NEVER,
  segment,
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

const V1 = '/management/v1/users';
const V2 = 'user.v2.UserService';

/** The user of this name in the organization. */
export async function findUser(
  administration: Administration,
  userName: string,
): Promise<ServiceUser | undefined> {
  const what = 'list of users';
  const method = 'TEXT_QUERY_METHOD_EQUALS';
  const named = { userNameQuery: { userName, method } };
  const organizationIdQuery = { organizationId: administration.orgId };
  const rows = await administration.list(what, {
    v1: { method: 'POST', path: `${V1}/_search`, json: { query: ALL_ROWS, queries: [named] } },
    v2: { rpc: `${V2}/ListUsers`, message: { queries: [named, { organizationIdQuery }] } },
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
  const body = await administration.do(what, {
    v1: { method: 'POST', path: `${V1}/machine`, json: { userName, name: userName } },
    v2: {
      rpc: `${V2}/CreateUser`,
      message: { organizationId, username: userName, machine: { name: userName } },
    },
  });
  return idFrom(body['userId'] ?? body['id'], what);
}

/** Removes a user with its keys and its manager roles. */
export async function removeUser(administration: Administration, id: string): Promise<void> {
  await administration.do('removal of the service user', {
    v1: { method: 'DELETE', path: `${V1}/${segment(id)}` },
    v2: { rpc: `${V2}/DeleteUser`, message: { userId: id } },
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
    v1: { method: 'POST', path: `${V1}/${segment(id)}/keys/_search`, json: { query: ALL_ROWS } },
    v2: { rpc: `${V2}/ListKeys`, message: { pagination: ALL_ROWS_V2, filters } },
  });
  return rows.map((row) => ({ id: idFrom(row['id'], what), madeAt: madeAt(row) }));
}

export async function addUserKey(administration: Administration, id: string): Promise<NewKey> {
  const what = 'new key of the service user';
  const body = await administration.do(what, {
    v1: {
      method: 'POST',
      path: `${V1}/${segment(id)}/keys`,
      json: { type: 'KEY_TYPE_JSON', expirationDate: NEVER },
    },
    v2: { rpc: `${V2}/AddKey`, message: { userId: id, expirationDate: NEVER } },
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
    v1: { method: 'DELETE', path: `${V1}/${segment(id)}/keys/${segment(keyId)}` },
    v2: { rpc: `${V2}/RemoveKey`, message: { userId: id, keyId } },
  });
}
