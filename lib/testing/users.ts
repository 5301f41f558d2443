import type { Core } from './core.js';
import { ZitadelError } from './errors.js';
import { requireOrg, requireUser } from './existing.js';
import type { AccessTokenType, User } from './model.js';
import type { UserRecord } from './state.js';
import type { World } from './world.js';

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
    updated: world.clock.stamp(),
    state: 'active',
    tokensFrom: '',
    sessionsFrom: '',
    mfaRequired: false,
    orgRemoved: false,
  };
  world.users.set(id, record);
  return { id, name: displayName, userName, orgId, kind };
}

export function setUserState(world: World, id: string, state: UserRecord['state']): void {
  const user = requireUser(world, id);
  if (state !== 'active') user.tokensFrom = world.ids.next();
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
  requireUser(core.world, id);
  core.world.users.delete(id);
  core.credentials.dropUser(id);
  core.world.commit((state) => {
    state.members.delete(id);
    for (const [key, authorization] of state.authorizations) {
      if (authorization.userId === id) state.authorizations.delete(key);
    }
  });
}
