import type { Instance } from '../instance.js';
import type { MemberResource } from '../model.js';
import { changedJson, createdJson } from '../server/pages.js';
import { stringField, stringsField } from '../server/protojson.js';
import type { Exchange } from '../server/replies.js';
import { addMember, changeMember, membersOf, removeMember } from '../world/managers.js';
import type { Details } from '../world/state.js';
import { type ApiHandle, callerOf, callerWith } from './caller.js';
import { projectOf } from './v1-projects.js';

/** Of the instance, of an organization, or of a project: what a path of members is about. */
interface Managed {
  readonly on: MemberResource;
  readonly id: string;
}
type Place = (instance: Instance, exchange: Exchange, what: 'write' | 'delete') => Managed;

/** /admin/v1/members */
export const ofInstance: Place = (instance, exchange, what) => {
  callerOf(instance, exchange).require(`iam.member.${what}`);
  return { on: 'instance', id: instance.world.instanceId };
};

/** /management/v1/orgs/me/members */
export const ofOrg: Place = (instance, exchange, what) => {
  const caller = callerWith(instance, exchange, `org.member.${what}`);
  return { on: { org: caller.orgId }, id: caller.orgId };
};

/** /management/v1/projects/{projectId}/members */
export const ofProject: Place = (instance, exchange, what) => {
  const { project } = projectOf(instance, exchange, `project.member.${what}`);
  return { on: { project: project.id }, id: project.id };
};

/** POST .../members */
export function postMember(place: Place): ApiHandle {
  return (instance, exchange, message) => {
    const [userId, roles] = [stringField(message, 'userId'), stringsField(message, 'roles')];
    const { on, id } = place(instance, exchange, 'write');
    addMember(instance.world, userId, on, roles);
    return { details: createdJson(detailsOf(instance, userId, id)) };
  };
}

/** PUT .../members/{userId} */
export function putMember(place: Place): ApiHandle {
  return (instance, exchange, message) => {
    const roles = stringsField(message, 'roles');
    const { on, id } = place(instance, exchange, 'write');
    const userId = exchange.params.at(-1) ?? '';
    changeMember(instance.world, userId, on, roles);
    return { details: changedJson(detailsOf(instance, userId, id)) };
  };
}

/** DELETE .../members/{userId} */
export function deleteMember(place: Place): ApiHandle {
  return (instance, exchange) => {
    const { on, id } = place(instance, exchange, 'delete');
    const userId = exchange.params.at(-1) ?? '';
    const before = membersOf(instance.world.now, userId).find(({ scope }) => scope.id === id);
    removeMember(instance.world, userId, on);
    return { details: { resourceOwner: before?.details.resourceOwner } };
  };
}

function detailsOf({ world }: Instance, userId: string, id: string): Details {
  const member = membersOf(world.now, userId).find(({ scope }) => scope.id === id);
  if (member) return member.details;
  throw new Error(`${userId} is no member of ${id}`);
}
