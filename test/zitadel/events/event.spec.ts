import { describe, expect, it } from 'vitest';
import {
  EFFECTS,
  EVENT_TYPES,
  eventFrom,
  evictionsOf,
  type ZitadelEvent,
} from '../../../lib/zitadel/events/event.js';
import { entryOf } from '../../captures/recording.js';
import type { Eviction } from '../../../lib/core/eviction.js';

const { deliveries } = entryOf('webhooks', 21) as unknown as {
  readonly deliveries: readonly { readonly raw: string }[];
};
const delivered = deliveries.map(({ raw }) => eventFrom(JSON.parse(raw)));

const MEMBER = {
  aggregateID: '1',
  aggregateType: 'org',
  resourceOwner: '1',
  instanceID: '9',
  version: 'v1',
  sequence: 16,
  event_type: 'org.member.removed',
  created_at: '2026-11-24T08:56:55.287428Z',
  userID: '3',
  event_payload: { userId: '2', roles: ['ORG_OWNER'], secret: 'of no use' },
};

describe('an event', () => {
  it('is read from every recorded delivery', () => {
    expect(delivered).toHaveLength(15);
    expect(delivered[8]).toEqual({
      type: 'project.grant.removed',
      instanceId: '400999942941838374',
      aggregateType: 'project',
      aggregateId: '400999949786942502',
      resourceOwner: '400999949619170342',
      sequence: 43,
      createdAt: Date.parse('2026-11-24T08:57:04.353Z'),
      userId: undefined,
      grantId: '400999953259826214',
      grantedOrgId: undefined,
      tokenId: undefined,
    });
  });

  it('is the same from the Event API, which does not tell the instance', () => {
    const [{ response } = { response: undefined }] = [0, 1, 2, 3]
      .map((index) => entryOf('events', index) as { response?: { body: { events?: unknown[] } } })
      .filter(({ response: { body } = { body: {} } }) => body.events);
    const listed = (response?.body.events ?? []).map(eventFrom);
    const both = delivered.filter((event) =>
      listed.some((each) => each?.type === event?.type && each?.sequence === event?.sequence),
    );
    expect(both.length).toBeGreaterThan(5);
    for (const event of both) expect(listed).toContainEqual({ ...event, instanceId: undefined });
  });

  it('keeps the ids of its payload and nothing else, neither the roles nor the editor', () => {
    const event = eventFrom(MEMBER);
    expect(event?.userId).toBe('2');
    expect(JSON.stringify(event)).not.toMatch(/ORG_OWNER|of no use|"3"/);
  });

  it('has its payload in base64 from older servers', () => {
    const text = JSON.stringify(MEMBER.event_payload);
    const event_payload = Buffer.from(text).toString('base64');
    expect(eventFrom({ ...MEMBER, event_payload })).toEqual(eventFrom(MEMBER));
  });

  it('of a user is about that user, whatever the payload says', () => {
    const aggregate = { aggregateType: 'user', aggregateID: '7', event_type: 'user.locked' };
    expect(eventFrom({ ...MEMBER, ...aggregate })?.userId).toBe('7');
  });

  it.each([
    ['a payload of null', { event_payload: null }],
    ['a payload that is a list', { event_payload: [{ userId: '2' }] }],
    ['a payload that is no base64', { event_payload: '%%%' }],
    ['a payload of base64 without an object', { event_payload: 'W10=' }],
    ['a user id that is a number', { event_payload: { userId: 2 } }],
    ['an empty user id', { event_payload: { userId: '' } }],
    ['a user id of a megabyte', { event_payload: { userId: '2'.repeat(2 ** 20) } }],
  ])('with %s names no user', (_what, odd) => {
    expect(eventFrom({ ...MEMBER, ...odd })).toEqual({ ...eventFrom(MEMBER), userId: undefined });
  });

  it('with odd ids, times and numbers does not tell them', () => {
    const odd = { aggregateID: 1, resourceOwner: null, sequence: -1, created_at: 'soon' };
    expect(eventFrom({ ...MEMBER, ...odd })).toMatchObject({
      aggregateId: '',
      resourceOwner: '',
      sequence: 0,
      createdAt: 0,
    });
  });

  it.each([[null], [1], ['text'], [[]], [{}], [{ event_type: 1 }], [{ type: 'org.removed' }]])(
    'is not %j',
    (json) => {
      expect(eventFrom(json)).toBeUndefined();
    },
  );
});

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
