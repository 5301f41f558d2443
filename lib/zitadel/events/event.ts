import type { Eviction } from '../../core/eviction.js';
import { jsonFrom, own } from '../../core/own-properties.js';
import { countFrom, isId, isRecord } from '../reading.js';

/** Something that happened at ZITADEL: of a delivery or of the Event API. Of its payload only ids are kept. */
export interface ZitadelEvent {
  /** For example `org.member.removed`. */
  readonly type: string;
  /** Not told by the Event API. */
  readonly instanceId: string | undefined;
  /** Of ids and names, '' is one that the event does not tell, or not as ZITADEL writes it. */
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** The organization, or for instance members the instance, to which the aggregate belongs. */
  readonly resourceOwner: string;
  /** Grows within one aggregate, and says nothing beyond it. 0 if the event does not tell it. */
  readonly sequence: number;
  /** Milliseconds since the epoch. 0 if the event does not tell it. */
  readonly createdAt: number;
  /** The user that it is about, not the one who did it. */
  readonly userId: string | undefined;
  /** The project grant that it is about, and the organization to which it was given. */
  readonly grantId: string | undefined;
  readonly grantedOrgId: string | undefined;
  /** The token that it is about. */
  readonly tokenId: string | undefined;
}

/** No id of ZITADEL is longer. What is kept of an event is bounded by it. */
const LONGEST_ID = 200;

/** Reads a delivery, or an entry of the Event API. Undefined if it is neither. What is odd in it counts as not told. */
export function eventFrom(json: unknown): ZitadelEvent | undefined {
  const delivered = idIn(json, 'event_type');
  const isDelivery = delivered !== undefined;
  const type = delivered ?? idIn(own(json, 'type'), 'type');
  if (type === undefined) return undefined;
  const aggregate = own(json, 'aggregate');
  const aggregateType =
    (isDelivery ? idIn(json, 'aggregateType') : idIn(own(aggregate, 'type'), 'type')) ?? '';
  const aggregateId = (isDelivery ? idIn(json, 'aggregateID') : idIn(aggregate, 'id')) ?? '';
  const ids = payloadFrom(own(json, isDelivery ? 'event_payload' : 'payload'));
  const isAboutUser = aggregateType === 'user' && aggregateId !== '';
  return {
    type,
    instanceId: isDelivery ? idIn(json, 'instanceID') : undefined,
    aggregateType,
    aggregateId,
    resourceOwner: idIn(isDelivery ? json : aggregate, 'resourceOwner') ?? '',
    sequence: countFrom(own(json, 'sequence')) ?? 0,
    createdAt: timeFrom(own(json, isDelivery ? 'created_at' : 'creationDate')),
    userId: isAboutUser ? aggregateId : idIn(ids, 'userId'),
    grantId: idIn(ids, 'grantId'),
    grantedOrgId: idIn(ids, 'grantedOrgId'),
    tokenId: idIn(ids, 'tokenId'),
  };
}

/** An object, in base64 from older servers. */
function payloadFrom(payload: unknown): unknown {
  if (typeof payload !== 'string') return payload;
  try {
    const value = jsonFrom(Buffer.from(payload, 'base64').toString());
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function idIn(from: unknown, name: string): string | undefined {
  const value = own(from, name);
  return isId(value) && value.length <= LONGEST_ID ? value : undefined;
}

function timeFrom(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return time > 0 ? time : 0;
}

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
