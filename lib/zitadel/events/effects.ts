import type { Eviction } from '../../core/eviction.js';
import type { ZitadelEvent } from './event.js';

/**
 * What an event ends. `user`: what is remembered of the user. `tokensOfUser`: that, and all tokens that the user has by now, for good.
 * `token`: that token for good, and what is remembered of its user. `tokensOfSession`: the tokens of one sign-in, for good. `organization`:
 * what is remembered of everybody who has something there. `everyone`: what is remembered of everyone.
 */
type Effect = 'user' | 'tokensOfUser' | 'token' | 'tokensOfSession' | 'organization' | 'everyone';

const CHANGES = ['added', 'changed', 'removed', 'cascade.removed'] as const;
const MEMBERS = ['instance', 'org', 'project', 'project.grant'].flatMap((on) =>
  CHANGES.map((change) => `${on}.member.${change}`),
);

/** The table of events to effects. docs/fleet.md shows it. */
export const EFFECTS: Readonly<Record<Effect, readonly string[]>> = {
  user: [
    ...MEMBERS,
    'user.grant.added',
    'user.grant.changed',
    'user.grant.cascade.changed',
    'user.grant.removed',
    'user.grant.cascade.removed',
    'user.grant.deactivated',
    'user.grant.reactivated',
    'user.reactivated',
    'user.unlocked',
    'user.human.signed.out',
    'user.human.refresh.token.removed',
    'user.machine.key.removed',
    'user.machine.secret.removed',
  ],
  tokensOfUser: ['user.deactivated', 'user.locked', 'user.removed'],
  token: ['user.token.removed', 'user.pat.removed'],
  tokensOfSession: [
    'oidc_session.access_token.revoked',
    'oidc_session.refresh_token.revoked',
    'oidc_session.terminated',
  ],
  organization: [
    'project.grant.added',
    'project.grant.changed',
    'project.grant.cascade.changed',
    'project.grant.deactivated',
    'project.grant.reactivated',
    'project.grant.removed',
    'project.role.removed',
    // Whether replies show roles of the project is one of its settings.
    'project.changed',
    'project.deactivated',
    'project.reactivated',
    'project.removed',
    'org.deactivated',
    'org.reactivated',
    'org.removed',
  ],
  everyone: ['instance.removed'],
};

const EFFECT_OF: ReadonlyMap<string, Effect> = new Map(
  (Object.keys(EFFECTS) as Effect[]).flatMap((effect) =>
    EFFECTS[effect].map((type) => [type, effect] as const),
  ),
);

/** The events that end something. The Event API takes at most 30 of them in one query. */
export const EVENT_TYPES: readonly string[] = [...EFFECT_OF.keys()];

export const EVERYONE: Eviction = { type: 'everyone' };

/** What an event ends. Where it does not name whom: its whole organization, and where it does not name that: everyone. */
export function evictionsOf(event: ZitadelEvent): readonly Eviction[] {
  const { userId, tokenId, aggregateId, createdAt } = event;
  const effect = EFFECT_OF.get(event.type);
  if (effect === undefined) return [];
  if (effect === 'everyone') return [EVERYONE];
  if (effect === 'organization') return organizationsOf(event);
  if (effect === 'tokensOfSession') {
    return aggregateId === '' ? organizationsOf(event) : [{ type: 'token', id: aggregateId }];
  }
  if (userId === undefined) return organizationsOf(event);
  const user: Eviction = { type: 'user', userId };
  if (effect === 'tokensOfUser' && createdAt > 0) {
    return [{ type: 'issuedBefore', userId, time: createdAt }, user];
  }
  if (effect === 'token' && tokenId !== undefined) return [{ type: 'token', id: tokenId }, user];
  return [user];
}

/** The organization to which the event belongs, and the one to which a project was granted, if the event tells it. */
function organizationsOf(event: ZitadelEvent): readonly Eviction[] {
  const { type, aggregateId, resourceOwner, grantedOrgId } = event;
  const owner = type.startsWith('org.') ? aggregateId || resourceOwner : resourceOwner;
  // What belongs to the instance has the instance for its owner.
  if (owner === '' || type.startsWith('instance.')) return [EVERYONE];
  const organizations = grantedOrgId === undefined ? [owner] : [owner, grantedOrgId];
  return organizations.map((orgId) => ({ type: 'organization', orgId }));
}
