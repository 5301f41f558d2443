import { ZitadelError } from '../../core/errors.js';
import type { Actions } from '../../zitadel/events/targets.js';
import type { Administration } from '../../zitadel/setup/administration.js';
import {
  type Application,
  findProject,
  listApplicationKeys,
  listApplications,
  listRoles,
  type Project,
} from '../../zitadel/setup/projects.js';
import {
  findUser,
  type Held,
  type Key,
  listHeld,
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

/** The one that is asked for, or another one of the project. */
interface FoundApplication extends Application {
  /** Of the application that is asked for, and of those to which setup gave a key. */
  readonly keys: readonly Key[];
}

/** The one that is asked for, or one for which setup made something. */
export interface FoundUser extends ServiceUser {
  readonly name: string;
  readonly keys: readonly Key[];
  readonly held: readonly Held[];
}

/** What is there. */
export type Found = Awaited<ReturnType<typeof lookAt>>;

/** Looks at everything that setup makes, and at what of it setup made. Changes nothing. */
export async function lookAt(asked: SetupAsked, { administration, actions }: AdministratedZitadel) {
  const things = await MadeThings.read(administration, asked.project);
  const project = await findProject(administration, asked.project);
  things.settle('project', asked.project, project ? [project] : []);
  const roles = project ? await listRoles(administration, project.id) : [];
  for (const { key, madeAt } of roles) things.settle('role', key, [{ id: key, madeAt }]);
  const applications = project
    ? await lookAtApplications(asked, administration, things, project)
    : [];
  const users = await lookAtUsers(asked, administration, things, project);
  // What events are delivered to, if they are asked for or were set up.
  const isAboutEvents = asked.endpoint !== undefined || things.namesOf('target').length > 0;
  const target = isAboutEvents ? await actions.find(asked.project) : undefined;
  things.settle('target', asked.project, target ? [target] : []);
  things.settleRest();
  const executions = target ? await actions.executions() : [];
  return {
    ...{ things, project, roles, applications, users, target, executions },
    /** Those that are asked for. */
    application: applications.find(({ name }) => name === asked.application),
    user: users.find(({ name }) => name === asked.serviceUser),
  };
}

async function lookAtApplications(
  asked: SetupAsked,
  administration: Administration,
  things: MadeThings,
  { id: projectId }: Project,
): Promise<readonly FoundApplication[]> {
  const names = [asked.application, ...things.namesOf('application', 'applicationKey')];
  const found: FoundApplication[] = [];
  for (const each of await listApplications(administration, projectId)) {
    const isMeant = names.includes(each.name);
    const keys = isMeant ? await listApplicationKeys(administration, projectId, each.id) : [];
    things.settle('application', each.name, [each]);
    things.settle('applicationKey', each.name, keys);
    found.push({ ...each, keys });
  }
  return found;
}

async function lookAtUsers(
  asked: SetupAsked,
  administration: Administration,
  things: MadeThings,
  project: Project | undefined,
): Promise<readonly FoundUser[]> {
  const noted = things.namesOf('serviceUser', 'serviceUserKey');
  const ofRoles = things.namesOf('managerRole').map(userOfManagerRole);
  const found: FoundUser[] = [];
  for (const name of new Set([asked.serviceUser, ...noted, ...ofRoles])) {
    const user = await findUser(administration, name);
    if (!user) continue;
    const keys = await listUserKeys(administration, user.id);
    const held = await listHeld(administration, user.id, project?.id);
    things.settle('serviceUser', name, [user]);
    things.settle('serviceUserKey', name, keys);
    for (const { on, roles, changedAt: madeAt } of held) {
      for (const role of roles) {
        const id = managerRole(on, role, user.id);
        things.settle('managerRole', managerRole(on, role, name), [{ id, madeAt }]);
      }
    }
    found.push({ ...user, name, keys, held });
  }
  return found;
}

/** By what a manager role is noted: with the name of the user as its name, with the id as its id. */
export function managerRole(on: Held['on'], role: string, user: string): string {
  return `${on} ${role} ${user}`;
}

const userOfManagerRole = (name: string): string => name.replace(/^\S+ \S+ /, '');

/** What stands in the way, and setup may not change: it made none of it. @throws ZitadelError */
export function requireFitting(asked: SetupAsked, found: Found): void {
  const { project, application, user, target, things } = found;
  const must = (fits: boolean, problem: string): void => {
    if (!fits) throw inTheWay(problem);
  };
  must(project?.isActive !== false, `the project ${asked.project} is deactivated: activate it`);
  must(
    application?.hasKeys !== false,
    `the application ${asked.application} does not sign in with a key: choose another name with --application`,
  );
  must(
    application?.isActive !== false,
    `the application ${asked.application} is deactivated: activate it`,
  );
  must(
    user?.isServiceUser !== false,
    `the user ${asked.serviceUser} is a person: choose another name with --service-user`,
  );
  must(
    user?.isActive !== false,
    `the service user ${asked.serviceUser} is not active: activate it`,
  );
  must(
    asked.endpoint === undefined || !target || things.has('target', target.id),
    `there is a target ${asked.project} already, which setup did not make: leave --endpoint away, and use events setup`,
  );
}

export function inTheWay(text: string): ZitadelError {
  return new ZitadelError('argument_invalid', text);
}
