import { describe, expect, it } from 'vitest';
import { eventFrom } from '../../../lib/zitadel/events/event.js';
import { entryOf } from '../../captures/recording.js';

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
