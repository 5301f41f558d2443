import { describe, expect, it } from 'vitest';
import type { Eviction } from '../../../lib/core/eviction.js';
import { EFFECTS, EVENT_TYPES, evictionsOf } from '../../../lib/zitadel/events/effects.js';
import type { ZitadelEvent } from '../../../lib/zitadel/events/event.js';

const EVENT: ZitadelEvent = {
  type: '',
  instanceId: '9',
  aggregateType: 'org',
  aggregateId: '5',
  resourceOwner: '1',
  sequence: 1,
  createdAt: 1_000,
  userId: '2',
  grantId: undefined,
  grantedOrgId: undefined,
  tokenId: undefined,
};
const NOBODY = { userId: undefined };
const USER: Eviction = { type: 'user', userId: '2' };
const ORGANIZATION: Eviction = { type: 'organization', orgId: '1' };
const EVERYONE: Eviction = { type: 'everyone' };

const ends = (type: string, told: Partial<ZitadelEvent> = {}) =>
  evictionsOf({ ...EVENT, type, ...told });

describe('the table of events', () => {
  it('fits into two queries of the Event API, and names no event twice', () => {
    expect(EVENT_TYPES.length).toBeLessThanOrEqual(60);
    expect(new Set(EVENT_TYPES).size).toBe(Object.values(EFFECTS).flat().length);
  });

  it('ends something by each of its events, also by one that tells nothing else', () => {
    const nothing = { aggregateId: '', resourceOwner: '', createdAt: 0, ...NOBODY };
    for (const type of EVENT_TYPES) {
      expect(ends(type)).not.toEqual([]);
      expect([type, ends(type, nothing)]).toEqual([type, [EVERYONE]]);
    }
  });

  it.each<[string, Partial<ZitadelEvent>, readonly Eviction[]]>([
    ['org.member.removed', {}, [USER]],
    ['project.grant.member.cascade.removed', {}, [USER]],
    ['instance.member.changed', {}, [USER]],
    ['project.member.added', NOBODY, [ORGANIZATION]],
    ['org.member.removed', NOBODY, [{ type: 'organization', orgId: '5' }]],
    ['instance.member.removed', NOBODY, [EVERYONE]],
    ['user.grant.added', {}, [USER]],
    ['user.grant.cascade.removed', NOBODY, [ORGANIZATION]],
    ['user.deactivated', {}, [{ type: 'issuedBefore', userId: '2', time: 1_000 }, USER]],
    ['user.removed', {}, [{ type: 'issuedBefore', userId: '2', time: 1_000 }, USER]],
    ['user.locked', { createdAt: 0 }, [USER]],
    ['user.reactivated', {}, [USER]],
    ['user.pat.removed', { tokenId: '7' }, [{ type: 'token', id: '7' }, USER]],
    ['user.pat.removed', {}, [USER]],
    ['user.human.refresh.token.removed', { tokenId: '7' }, [USER]],
    [
      'oidc_session.terminated',
      { ...NOBODY, aggregateId: 'V2_7' },
      [{ type: 'token', id: 'V2_7' }],
    ],
    ['project.grant.removed', NOBODY, [ORGANIZATION]],
    [
      'project.grant.added',
      { ...NOBODY, grantedOrgId: '3' },
      [ORGANIZATION, { type: 'organization', orgId: '3' }],
    ],
    ['project.deactivated', NOBODY, [ORGANIZATION]],
    ['project.changed', NOBODY, [ORGANIZATION]],
    ['project.role.removed', NOBODY, [ORGANIZATION]],
    ['org.removed', NOBODY, [{ type: 'organization', orgId: '5' }]],
    ['org.removed', { ...NOBODY, aggregateId: '' }, [ORGANIZATION]],
    ['instance.removed', {}, [EVERYONE]],
    // A new name.
    ['org.changed', NOBODY, []],
    ['instance.changed', NOBODY, []],
    ['user.human.password.changed', {}, []],
    ['__proto__', {}, []],
    ['constructor', {}, []],
  ])('%s, telling %j, ends %j', (type, told, evictions) => {
    expect(ends(type, told)).toEqual(evictions);
  });
});
