import {
  listGrantees,
  removeApplication,
  removeApplicationKey,
  removeProject,
  removeRole,
} from '../../zitadel/setup/projects.js';
import { removeUser, removeUserKey, setHeld } from '../../zitadel/setup/service-users.js';
import { planEventsRemoval } from '../event-plan.js';
import type { Step } from '../steps.js';
import type { SetupAsked } from './asked.js';
import {
  readKeyId,
  readText,
  removeFile,
  removeKeyFile,
  valueIn,
  without,
  writePrivate,
} from './files.js';
import { type AdministratedZitadel, type Found, type FoundUser, managerRole } from './look.js';
import type { PlanTold } from './plan.js';

/** What takes back what setup made, and nothing else. */
export async function planRemoval(
  asked: SetupAsked,
  found: Found,
  zitadel: AdministratedZitadel,
  { ids, kept }: PlanTold,
): Promise<readonly Step[]> {
  const { things, target } = found;
  const inside = await projectSteps(asked, found, zitadel, kept);
  const steps = [
    // First, while ZITADEL still says which lines and files are meant.
    ...(await fileSteps(asked, found, ids)),
    ...(things.has('target', target?.id)
      ? planEventsRemoval({ ...found, name: asked.project }, zitadel.actions)
      : []),
    ...found.users.flatMap((user) => userSteps(user, found, zitadel)),
    ...inside.steps,
  ];
  const forgets = things.isKept && (steps.length > 0 || !inside.isKept);
  if (!forgets) return steps;
  const run = () => things.forget(inside.isKept ? ['project'] : []);
  return [...steps, { sign: '-', what: 'the note of what setup made', run }];
}

function userSteps(
  user: FoundUser,
  found: Found,
  { administration }: AdministratedZitadel,
): readonly Step[] {
  const { things } = found;
  const { id: userId, name } = user;
  if (things.has('serviceUser', userId)) {
    const what = `the service user ${name}, with its keys and manager roles`;
    const take = () => removeUser(administration, userId);
    return [things.taking('serviceUser', userId, { what }, take)];
  }
  const ours = user.keys.filter(({ id }) => things.has('serviceUserKey', id));
  return [
    ...managerSteps(user, found, administration),
    ...ours.map(({ id }) => {
      const step = { what: `keys of the service user ${name}`, about: id };
      const take = () => removeUserKey(administration, userId, id);
      return things.taking('serviceUserKey', id, step, take);
    }),
  ];
}

/** Takes back the manager roles that setup gave to a service user that was there before. */
function managerSteps(
  user: FoundUser,
  { things, project }: Found,
  administration: AdministratedZitadel['administration'],
): readonly Step[] {
  return user.held.flatMap(({ on, roles }): readonly Step[] => {
    let now = roles;
    const place = { userId: user.id, on, projectId: project?.id ?? '' };
    const ours = roles.filter((role) => things.has('managerRole', managerRole(on, role, user.id)));
    return ours.map((role) => {
      const what = `${role} on the ${on} of the service user ${user.name}`;
      return things.taking('managerRole', managerRole(on, role, user.id), { what }, async () => {
        const after = now.filter((each) => each !== role);
        await setHeld(administration, place, now, after);
        now = after;
      });
    });
  });
}

/** A project in which others made something stays, with that. */
async function projectSteps(
  asked: SetupAsked,
  { things, project, roles, applications }: Found,
  { administration }: AdministratedZitadel,
  kept: string[],
): Promise<{ readonly steps: readonly Step[]; readonly isKept: boolean }> {
  if (!project) return { steps: [], isKept: false };
  const isOurs = things.has('project', project.id);
  if (isOurs) {
    const others = [
      ...applications.filter(({ id }) => !things.has('application', id)).map(({ name }) => name),
      ...roles.filter(({ key }) => !things.has('role', key)).map(({ key }) => key),
      ...(await listGrantees(administration, project.id)),
    ];
    if (others.length === 0) {
      const what = `the project ${asked.project}, with its API application and roles`;
      const take = () => removeProject(administration, project.id);
      return { steps: [things.taking('project', project.id, { what }, take)], isKept: false };
    }
    kept.push(
      `The project ${asked.project} stays, since setup did not make all that is in it: ${others.join(', ')}.`,
    );
  }
  const ofApplications = applications.flatMap(({ id: applicationId, name, keys }) => {
    if (things.has('application', applicationId)) {
      const take = () => removeApplication(administration, project.id, applicationId);
      const what = `the API application ${name}`;
      return [things.taking('application', applicationId, { what }, take)];
    }
    const ours = keys.filter(({ id }) => things.has('applicationKey', id));
    return ours.map(({ id }) => {
      const take = () => removeApplicationKey(administration, project.id, applicationId, id);
      const step = { what: `keys of the API application ${name}`, about: id };
      return things.taking('applicationKey', id, step, take);
    });
  });
  const ofRoles = roles
    .filter(({ key }) => things.has('role', key))
    .map(({ key }) => {
      const take = () => removeRole(administration, project.id, key);
      return things.taking('role', key, { what: 'roles of the project', about: key }, take);
    });
  return { steps: [...ofApplications, ...ofRoles], isKept: isOurs };
}

/** Files of keys that setup made, and the lines of `.env` that setup wrote, if they are still so. */
async function fileSteps(
  { envFile, keyFiles }: SetupAsked,
  { things, project, application }: Found,
  ids: PlanTold['ids'],
): Promise<readonly Step[]> {
  const text = (await readText(envFile)) ?? '';
  const steps: Step[] = [];
  for (const [kind, variable, usual] of [
    ['applicationKey', 'ZITADEL_API_KEY', keyFiles.application],
    ['serviceUserKey', 'ZITADEL_SERVICE_USER_KEY', keyFiles.serviceUser],
  ] as const) {
    // The line that setup wrote knows it better than the arguments of today.
    const written = valueIn(text, variable) ?? '';
    const file = things.wrote(variable, written) ? written : usual;
    if (!things.has(kind, await readKeyId(file))) continue;
    steps.push({ sign: '-', what: file, run: () => removeKeyFile(file) });
  }
  ids.project = project?.id ?? things.idsOf('project')[0];
  ids.client = application?.clientId;
  const left = without(text, (name, value) => things.wrote(name, value));
  if (left === text) return steps;
  const isEmpty = left.trim() === '';
  const run = () => (isEmpty ? removeFile(envFile) : writePrivate(envFile, left));
  const what = isEmpty ? envFile : `in ${envFile}: the lines that setup wrote`;
  return [...steps, { sign: '-', what, run }];
}
