import { ZitadelError } from '../../core/errors.js';
import type { Actions, Execution, Target } from '../../zitadel/events/targets.js';
import type { Administration } from '../../zitadel/setup/administration.js';
import {
  type Application,
  listApplicationKeys,
  listApplications,
} from '../../zitadel/setup/applications.js';
import { type Held, listHeld } from '../../zitadel/setup/managers.js';
import { findProject, listRoles, type Project, type Role } from '../../zitadel/setup/projects.js';
import {
  findUser,
  type Key,
  listUserKeys,
  type ServiceUser,
} from '../../zitadel/setup/service-users.js';
import type { SetupAsked } from './asked.js';
import { MadeThings } from './made-things.js';

/** ZITADEL, as the command works with it. */
export interface AdministratedZitadel {
  readonly url: string;
  readonly administration: Administration;
  readonly actions: Actions;
}

/** What is there. */
export interface Found {
  readonly things: MadeThings;
  readonly project: Project | undefined;
  readonly roles: readonly Role[];
  readonly applications: readonly Application[];
  readonly application: Application | undefined;
  readonly applicationKeys: readonly Key[];
  readonly user: ServiceUser | undefined;
  readonly userKeys: readonly Key[];
  readonly held: readonly Held[];
  /** What events are delivered to, if events were asked for or set up. */
  readonly target: Target | undefined;
  readonly executions: readonly Execution[];
}

/** Looks at everything that setup makes, and at what of it setup made. Changes nothing. */
export async function lookAt(
  asked: SetupAsked,
  { administration, actions }: AdministratedZitadel,
): Promise<Found> {
  const things = await MadeThings.read(administration, asked.project);
  const project = await findProject(administration, asked.project);
  things.settle('project', asked.project, listed(project));
  const roles = project ? await listRoles(administration, project.id) : [];
  for (const { key, madeAt } of roles) things.settle('role', key, [{ id: key, madeAt }]);
  const applications = project ? await listApplications(administration, project.id) : [];
  const application = applications.find(({ name }) => name === asked.application);
  things.settle('application', asked.application, listed(application));
  const applicationKeys =
    project && application
      ? await listApplicationKeys(administration, project.id, application.id)
      : [];
  things.settle('applicationKey', asked.application, applicationKeys);
  const user = await findUser(administration, asked.serviceUser);
  things.settle('serviceUser', asked.serviceUser, listed(user));
  const userKeys = user ? await listUserKeys(administration, user.id) : [];
  things.settle('serviceUserKey', asked.serviceUser, userKeys);
  const held = user ? await listHeld(administration, user.id, project?.id) : [];
  for (const { on, roles: heldRoles, changedAt: madeAt } of held) {
    for (const role of heldRoles) {
      const id = managerRoleId(on, role);
      things.settle('managerRole', id, [{ id, madeAt }]);
    }
  }
  const isAboutEvents = asked.endpoint !== undefined || things.knows('target');
  const target = isAboutEvents ? await actions.find(asked.project) : undefined;
  things.settle('target', asked.project, listed(target));
  things.settleRest();
  const executions = target ? await actions.executions() : [];
  return {
    ...{ things, project, roles, applications, application, applicationKeys },
    ...{ user, userKeys, held, target, executions },
  };
}

/** By what a manager role is noted. */
export function managerRoleId(on: Held['on'], role: string): string {
  return `${on} ${role}`;
}

function listed<T>(thing: T | undefined): readonly T[] {
  return thing === undefined ? [] : [thing];
}

/** What stands in the way, and setup may not change: it made none of it. @throws ZitadelError */
export function requireFitting(asked: SetupAsked, found: Found): void {
  const { project, application, user, target, things } = found;
  if (project?.isActive === false) {
    throw inTheWay(`the project ${asked.project} is deactivated: activate it`);
  }
  if (application && !application.hasKeys) {
    throw inTheWay(
      `the application ${asked.application} does not sign in with a key: choose another name with --application`,
    );
  }
  if (application?.isActive === false) {
    throw inTheWay(`the application ${asked.application} is deactivated: activate it`);
  }
  if (user && !user.isServiceUser) {
    throw inTheWay(
      `the user ${asked.serviceUser} is a person: choose another name with --service-user`,
    );
  }
  if (user?.isActive === false) {
    throw inTheWay(`the service user ${asked.serviceUser} is not active: activate it`);
  }
  if (asked.endpoint !== undefined && target && !things.has('target', target.id)) {
    throw inTheWay(
      `there is a target ${asked.project} already, which setup did not make: leave --endpoint away, and use events setup`,
    );
  }
}

export function inTheWay(text: string): ZitadelError {
  return new ZitadelError('argument_invalid', text);
}
