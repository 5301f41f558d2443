import {
  booleanField,
  field,
  invalid,
  type Message,
  messageField,
  stringField,
  stringsField,
  timestampField,
  unsignedField,
} from '../server/protojson.js';
import type { EventRecord } from '../world/events.js';
import { isoOf } from '../world/world.js';
import { type ApiHandle, type ApiRow, callerWith } from './caller.js';

const LARGEST_PAGE = 1000;
const MOST_EVENT_TYPES = 30;
const MOST_AGGREGATE_TYPES = 10;

/** Of the whole instance, whatever organization the call acts in. */
const listEvents: ApiHandle = (instance, exchange, message) => {
  const ascending = booleanField(message, 'asc');
  const limit = unsignedField(message, 'limit', 32);
  const eventTypes = stringsField(message, 'eventTypes');
  const aggregateTypes = stringsField(message, 'aggregateTypes');
  const { after, before } = boundsOf(message, ascending);
  const sequence = unsignedField(message, 'sequence', 64);
  const [aggregateId, resourceOwner, editorId] = [
    stringField(message, 'aggregateId'),
    stringField(message, 'resourceOwner'),
    stringField(message, 'editorUserId'),
  ];
  callerWith(instance, exchange, 'events.read');
  requireAtMost(eventTypes, MOST_EVENT_TYPES, 'EventTypes');
  requireAtMost(aggregateTypes, MOST_AGGREGATE_TYPES, 'AggregateTypes');
  const found = instance.world.events.all.filter(
    (event) =>
      event.stamp > after &&
      event.stamp < before &&
      event.sequence > sequence &&
      (eventTypes.length === 0 || eventTypes.includes(event.type)) &&
      (aggregateTypes.length === 0 || aggregateTypes.includes(event.aggregateType)) &&
      (aggregateId === '' || event.aggregateId === aggregateId) &&
      (resourceOwner === '' || event.resourceOwner === resourceOwner) &&
      (editorId === '' || event.editor?.id === editorId),
  );
  if (!ascending) found.reverse();
  // A larger page is not refused, only not given.
  const most = limit === 0 ? LARGEST_PAGE : Math.min(limit, LARGEST_PAGE);
  return found.length === 0 ? {} : { events: found.slice(0, most).map(eventJson) };
};

export const EVENTS: ApiRow = ['POST', '/admin/v1/events/_search', 'events', listEvents];

/** Exclusive at both ends. A range wins over `from`, which points the way that the list goes. */
function boundsOf(body: Message, ascending: boolean): { after: number; before: number } {
  const range = messageField(body, 'range');
  const from = timestampField(body, 'from') ?? timestampField(body, 'creationDate');
  const [after, before] =
    field(body, 'range') === undefined
      ? [ascending ? from : undefined, ascending ? undefined : from]
      : [timestampField(range, 'since'), timestampField(range, 'until')];
  return { after: after ?? 0, before: before ?? Number.POSITIVE_INFINITY };
}

function requireAtMost(values: readonly string[], most: number, name: string): void {
  if (values.length <= most) return;
  throw invalid(
    `ListEventsRequest.${name}: value must contain no more than ${String(most)} item(s)`,
  );
}

function eventJson(event: EventRecord): object {
  const { aggregateId, aggregateType, resourceOwner, editor } = event;
  return {
    editor: { userId: editor?.id, displayName: editor?.displayName, service: 'zitadel' },
    aggregate: { id: aggregateId, type: typeJson('AggregateTypes', aggregateType), resourceOwner },
    sequence: String(event.sequence),
    creationDate: isoOf(event.stamp),
    payload: event.payload,
    type: typeJson('EventTypes', event.type),
  };
}

/** English names, where they are recorded. */
const AGGREGATE_NAMES: Readonly<Record<string, string>> = {
  instance: 'Instance',
  org: 'Organization',
  project: 'Project',
  user: 'User',
};

const EVENT_NAMES: Readonly<Record<string, string>> = {
  'instance.added': 'Instance added',
  'instance.member.added': 'Instance member added',
  'instance.member.removed': 'Instance member removed',
  'org.added': 'Organization added',
  'org.deactivated': 'Organization deactivated',
  'org.member.added': 'Organization member added',
  'org.member.changed': 'Organization member changed',
  'org.member.removed': 'Organization member removed',
  'org.member.cascade.removed': 'Organization member cascade removed',
  'project.member.added': 'Project member added',
  'project.grant.added': 'Management access added',
  'project.grant.deactivated': 'Management access deactivated',
  'project.grant.removed': 'Management access removed',
  'project.grant.member.added': 'Management access member added',
  'user.deactivated': 'User deactivated',
  'user.removed': 'User removed',
};

function typeJson(kind: 'AggregateTypes' | 'EventTypes', type: string): object {
  const localizedMessage = (kind === 'EventTypes' ? EVENT_NAMES : AGGREGATE_NAMES)[type];
  if (localizedMessage === undefined) return { type };
  return { type, localized: { key: `${kind}.${type}`, localizedMessage } };
}
