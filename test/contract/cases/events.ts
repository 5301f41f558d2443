import { listOf, textAt } from '../http.js';
import { raw } from '../raw.js';
import type { See } from '../views.js';

const EVENTS = 'POST /admin/v1/events/_search';
const OF_GLOBEX = { aggregateTypes: ['org'], aggregateId: '{globex}' };

/** Which events, of whom and about whom. */
const told: See = ({ body }, scene) =>
  listOf(body['events'])
    .map((event) => ({
      type: textAt(event, 'type', 'type'),
      of: scene.name(textAt(event, 'aggregate', 'id')),
      about: scene.name(textAt(event, 'payload', 'userId')),
    }))
    .filter(({ about }) => about !== 'another');

export const events = raw('events', 'v1', [
  {
    says: 'the owner of the instance reads who became a manager of an organization, oldest first',
    ask: EVENTS,
    as: 'admin',
    body: { asc: true, limit: 100, eventTypes: ['org.member.added'], ...OF_GLOBEX },
    see: told,
    verdict: {
      status: 200,
      see: [
        { type: 'org.member.added', of: 'globex', about: 'gina' },
        { type: 'org.member.added', of: 'globex', about: 'frank' },
      ],
    },
  },
  {
    says: 'newest first unless asked otherwise',
    ask: EVENTS,
    as: 'admin',
    body: { limit: 1, eventTypes: ['org.member.added'], ...OF_GLOBEX },
    see: told,
    verdict: { status: 200, see: [{ type: 'org.member.added', of: 'globex', about: 'frank' }] },
  },
  {
    says: 'a viewer of the instance may read events',
    ask: EVENTS,
    as: 'svc-viewer',
    body: { asc: true, limit: 1 },
    see: ({ body }) => listOf(body['events']).length,
    verdict: { status: 200, see: 1 },
  },
  {
    says: 'an owner of an organization may not',
    ask: EVENTS,
    as: 'svc-acme',
    body: { asc: true, limit: 1 },
    verdict: { status: 403, id: 'AUTH-5mWD2' },
  },
  {
    says: 'a limit above the maximum is no error',
    ask: EVENTS,
    as: 'admin',
    body: { limit: 5_000, eventTypes: ['org.added'], ...OF_GLOBEX },
    see: ({ body }, scene) =>
      listOf(body['events']).map((event) => scene.name(textAt(event, 'aggregate', 'id'))),
    verdict: { status: 200, see: ['globex'] },
  },
]);
