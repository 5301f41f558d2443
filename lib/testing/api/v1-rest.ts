import { type Core, requireCaller } from '../core.js';
import { type Answer, type Exchange, jsonAnswer, ZitadelError } from '../server/answers.js';
import type { ConnectHandle } from '../server/connect.js';
import { detailsJson } from '../server/pages.js';
import {
  booleanField,
  invalid,
  type Message,
  messageField,
  parseMessage,
  requireId,
  stringField,
  stringsField,
  timestampField,
  unsignedField,
} from '../server/protojson.js';
import { aggregateTypeJson, type EventRecord, eventTypeJson } from '../world/events.js';
import { requireForCommand, requirePermission, requirePermissionOn } from '../world/managers.js';
import type { ProjectRecord } from '../world/state.js';
import { removeOrgAndAll } from '../world/tenants.js';
import { isoOf } from '../world/world.js';

/** GET /management/v1/orgs/me: the organization of the call; one that was removed has no state any more. */
export function getMyOrg(core: Core, exchange: Exchange): Answer {
  const { user, orgId: id } = requireCaller(core, exchange);
  const { world } = core;
  requirePermission(world, user.id, id, 'org.read');
  const org = world.now.orgs.get(id);
  if (org === undefined) return jsonAnswer(200, { org: { id, name: world.removedOrgs.get(id) } });
  const state = org.active ? 'ORG_STATE_ACTIVE' : 'ORG_STATE_INACTIVE';
  return jsonAnswer(200, {
    org: { id, details: detailsJson(org.details), state, name: org.name },
  });
}

/** DELETE /admin/v1/orgs/{orgId} */
export function deleteOrg(core: Core, exchange: Exchange): Answer {
  const { user, orgId } = requireCaller(core, exchange);
  requirePermission(core.world, user.id, orgId, 'org.delete');
  const [id = ''] = exchange.params;
  removeOrgAndAll(core, id);
  return jsonAnswer(200, {});
}

/** GET /management/v1/projects/{id}: only under the organization that owns it, whoever asks. */
export function getProject(core: Core, exchange: Exchange): Answer {
  const { user, orgId } = requireCaller(core, exchange);
  const [id = ''] = exchange.params;
  requirePermissionOn(core.world, user.id, orgId, 'project.read', id);
  requireId(id, 'GetProjectByIDRequest.Id');
  const project = requireReadable(core, id);
  if (project.orgId !== orgId) throw new ZitadelError(5, 'MANAG-SFf2a', 'Project not found');
  return jsonAnswer(200, {
    project: {
      id,
      details: detailsJson(project.details),
      name: project.name,
      ...settingsJson(project),
    },
  });
}

/** ProjectService.GetProject: under any organization where the caller may read projects. */
export const getProjectV2: ConnectHandle = (core, exchange, message) => {
  const id = stringField(message, 'projectId');
  const { user, orgId } = requireCaller(core, exchange);
  requirePermission(core.world, user.id, orgId, 'project.read');
  requireId(id, 'GetProjectRequest.ProjectId');
  const project = requireReadable(core, id);
  requireForCommand(core.world, user.id, project.orgId, 'project.read', [id]);
  return jsonAnswer(200, {
    project: {
      projectId: id,
      organizationId: project.orgId,
      creationDate: isoOf(project.details.created),
      changeDate: isoOf(project.details.changed),
      name: project.name,
      ...settingsJson(project),
    },
  });
};

function requireReadable(core: Core, id: string): ProjectRecord {
  const project = core.world.reads.projects.get(id);
  if (project === undefined) throw new ZitadelError(5, 'QUERY-fk2fs', 'Project not found');
  return project;
}

function settingsJson(project: ProjectRecord): object {
  return {
    state: project.active ? 'PROJECT_STATE_ACTIVE' : 'PROJECT_STATE_INACTIVE',
    projectRoleAssertion: project.roleAssertion ? true : undefined,
  };
}

const LARGEST_PAGE = 1000;
const MOST_EVENT_TYPES = 30;
const MOST_AGGREGATE_TYPES = 10;

interface EventSearch {
  readonly ascending: boolean;
  readonly limit: number;
  readonly eventTypes: readonly string[];
  readonly aggregateTypes: readonly string[];
  readonly matches: (event: EventRecord) => boolean;
}

/** POST /admin/v1/events/_search: of the whole instance, whatever organization the call acts in. */
export function listEvents(core: Core, exchange: Exchange): Answer {
  const search = searchOf(parseMessage(exchange.body));
  const { user, orgId } = requireCaller(core, exchange);
  requirePermission(core.world, user.id, orgId, 'events.read');
  requireAtMost(search.eventTypes, MOST_EVENT_TYPES, 'EventTypes');
  requireAtMost(search.aggregateTypes, MOST_AGGREGATE_TYPES, 'AggregateTypes');
  const found = core.world.events.all.filter(search.matches);
  if (!search.ascending) found.reverse();
  const events = found.slice(0, search.limit).map(eventJson);
  return jsonAnswer(200, events.length === 0 ? {} : { events });
}

function searchOf(body: Message): EventSearch {
  const ascending = booleanField(body, 'asc');
  const limit = unsignedField(body, 'limit', 'uint32', 2 ** 32);
  const eventTypes = stringsField(body, 'eventTypes');
  const aggregateTypes = stringsField(body, 'aggregateTypes');
  const { after, before } = boundsOf(body, ascending);
  const sequence = unsignedField(body, 'sequence', 'uint64', 2 ** 64);
  const [aggregateId, resourceOwner, editorId] = [
    stringField(body, 'aggregateId'),
    stringField(body, 'resourceOwner'),
    stringField(body, 'editorUserId'),
  ];
  return {
    ascending,
    // A larger page is not refused, only not given.
    limit: limit === 0 ? LARGEST_PAGE : Math.min(limit, LARGEST_PAGE),
    eventTypes,
    aggregateTypes,
    matches: (event) =>
      event.stamp > after &&
      event.stamp < before &&
      event.sequence > sequence &&
      (eventTypes.length === 0 || eventTypes.includes(event.type)) &&
      (aggregateTypes.length === 0 || aggregateTypes.includes(event.aggregateType)) &&
      (aggregateId === '' || event.aggregateId === aggregateId) &&
      (resourceOwner === '' || event.resourceOwner === resourceOwner) &&
      (editorId === '' || event.editor?.id === editorId),
  };
}

/** Exclusive at both ends. A range wins over `from`, which points the way that the list goes. */
function boundsOf(body: Message, ascending: boolean): { after: number; before: number } {
  const range = messageField(body, 'range');
  const from = timestampField(body, 'from') ?? timestampField(body, 'creationDate');
  const [after, before] =
    range === undefined
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
    aggregate: { id: aggregateId, type: aggregateTypeJson(aggregateType), resourceOwner },
    sequence: String(event.sequence),
    creationDate: isoOf(event.stamp),
    payload: event.payload,
    type: eventTypeJson(event.type),
  };
}
