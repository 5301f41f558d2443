import { dropAuthorizations } from './authorizations.js';
import type { Core } from './core.js';
import { ZitadelError } from './errors.js';
import type { Happening } from './event-log.js';
import { requireOrg, requireUser } from './existing.js';
import { dropMembersOf } from './members.js';
import type { AccessTokenType, User } from './model.js';
import type { UserRecord } from './state.js';
import type { World } from './world.js';

/** By the state that a user comes into, or out of. */
const EVENT_OF: Readonly<Record<string, string>> = {
  inactive: 'user.deactivated',
  'not inactive': 'user.reactivated',
  locked: 'user.locked',
  'not locked': 'user.unlocked',
};

interface Naming {
  readonly displayName?: string;
  readonly givenName?: string;
  readonly familyName?: string;
  readonly accessTokenType?: AccessTokenType;
}

export function createUser(
  world: World,
  kind: User['kind'],
  userName: string,
  orgId: string,
  naming: Naming,
): User {
  requireOrg(world, orgId);
  for (const user of world.users.values()) {
    if (user.userName === userName && !user.orgRemoved) {
      throw new ZitadelError(6, 'V3-DKcYh', 'Errors.User.AlreadyExists');
    }
  }
  const id = world.ids.next();
  const displayName = naming.displayName ?? userName;
  const record: UserRecord = {
    id,
    kind,
    userName,
    displayName,
    givenName: naming.givenName ?? displayName,
    familyName: naming.familyName ?? displayName,
    orgId,
    accessTokenType: naming.accessTokenType ?? 'jwt',
    updated: world.happened(id, orgId, userAdded(kind, userName, displayName)).stamp,
    state: 'active',
    tokensFrom: '',
    sessionsFrom: '',
    mfaRequired: false,
    orgRemoved: false,
  };
  world.users.set(id, record);
  world.commit((state) => state.logins.set(id, record));
  return { id, name: displayName, userName, orgId, kind };
}

export function setUserState(world: World, id: string, state: UserRecord['state']): void {
  const user = requireUser(world, id);
  if (state !== 'active') user.tokensFrom = world.ids.next();
  const type = EVENT_OF[state === 'active' ? `not ${user.state}` : state];
  if (state !== user.state && type !== undefined) world.happened(id, user.orgId, { type });
  user.state = state;
}

export function endSessionsOf(world: World, id: string): void {
  const user = requireUser(world, id);
  if (user.kind === 'serviceUser') {
    throw new Error('a service user has no sessions: revoke a token, or deactivate the user');
  }
  user.sessionsFrom = world.ids.next();
}

export function requireMfaOf(world: World, id: string): void {
  const user = requireUser(world, id);
  if (user.kind === 'serviceUser')
    throw new Error('ZITADEL asks no service user for a second factor');
  user.mfaRequired = true;
}

export function removeUserAndAll(core: Core, id: string): void {
  const { world, credentials } = core;
  const { orgId } = requireUser(world, id);
  const { stamp } = world.happened(id, orgId, { type: 'user.removed' });
  world.users.delete(id);
  credentials.dropUser(id);
  dropAuthorizations(world, ({ userId }) => userId === id, stamp);
  dropMembersOf(world, id, stamp);
  world.commit((state) => state.logins.delete(id));
}

function userAdded(kind: User['kind'], userName: string, name: string): Happening {
  return kind === 'person'
    ? { type: 'user.human.added', payload: { userName, displayName: name } }
    : { type: 'user.machine.added', payload: { userName, name } };
}
