import {
  listGrantees,
  removeApplication,
  removeApplicationKey,
  removeProject,
  removeRole,
} from '../../zitadel/setup/projects.js';
import { removeUser, removeUserKey } from '../../zitadel/setup/service-users.js';
import { planEventsRemoval } from '../event-plan.js';
import type { Step } from '../steps.js';
import type { SetupAsked } from './asked.js';
import { valueIn, without } from './env-file.js';
import { readKeyFile, readText, removeFile, removeKeyFile, writePrivate } from './files.js';
import { paths } from './key-steps.js';
import type { AdministratedZitadel, Found, FoundUser } from './look.js';
import { managerRemovals } from './manager-steps.js';
import type { MadeIds } from './plan-ids.js';

/** What takes back what setup made, and nothing else. `kept` gets what stays though setup made it, and why. */
export async function planRemoval(
  asked: SetupAsked,
  found: Found,
  zitadel: AdministratedZitadel,
  { ids, kept }: { readonly ids: MadeIds; readonly kept: string[] },
): Promise<readonly Step[]> {
  const { things } = found;
  const files = await fileSteps(asked, found, ids);
  const inside = await projectSteps(asked, found, zitadel, kept);
  const steps = [
    // First, while ZITADEL still says which lines and files are meant.
    ...files,
    ...eventSteps(asked, found, zitadel),
    ...found.users.flatMap((user) => userSteps(user, found, zitadel)),
    ...inside.steps,
  ];
  const forgets = things.isKept && (steps.length > 0 || !inside.isKept);
  if (!forgets) return steps;
  const run = () => things.forget(inside.isKept ? ['project'] : []);
  return [...steps, { sign: '-', what: 'the note of what setup made', run }];
}

function eventSteps(
  { project: name }: SetupAsked,
  { things, target, executions }: Found,
  { actions }: AdministratedZitadel,
): readonly Step[] {
  if (!target || !things.has('target', target.id)) return [];
  return planEventsRemoval({ name, target, executions }, actions);
}

function userSteps(
  user: FoundUser,
  found: Found,
  { administration }: AdministratedZitadel,
): readonly Step[] {
  const { things } = found;
  if (things.has('serviceUser', user.id)) {
    const take = () => removeUser(administration, user.id);
    return [
      {
        sign: '-',
        what: `the service user ${user.name}, with its keys and manager roles`,
        run: () => things.taking('serviceUser', user.id, take),
      },
    ];
  }
  const ours = user.keys.filter(({ id }) => things.has('serviceUserKey', id));
  return [
    ...managerRemovals(user, found, administration),
    ...ours.map(({ id }): Step => {
      const take = () => removeUserKey(administration, user.id, id);
      const run = () => things.taking('serviceUserKey', id, take);
      return { sign: '-', what: `keys of the service user ${user.name}`, about: id, run };
    }),
  ];
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
  const others = isOurs
    ? [
        ...applications.filter(({ id }) => !things.has('application', id)).map(({ name }) => name),
        ...roles.filter(({ key }) => !things.has('role', key)).map(({ key }) => key),
        ...(await listGrantees(administration, project.id)),
      ]
    : [];
  if (isOurs && others.length === 0) {
    const take = () => removeProject(administration, project.id);
    const run = () => things.taking('project', project.id, take);
    const what = `the project ${asked.project}, with its API application and roles`;
    return { steps: [{ sign: '-', what, run }], isKept: false };
  }
  if (isOurs) {
    kept.push(
      `The project ${asked.project} stays, since setup did not make all that is in it: ${others.join(', ')}.`,
    );
  }
  const steps: Step[] = [];
  for (const { id: applicationId, name, keys } of applications) {
    if (things.has('application', applicationId)) {
      const take = () => removeApplication(administration, project.id, applicationId);
      const run = () => things.taking('application', applicationId, take);
      steps.push({ sign: '-', what: `the API application ${name}`, run });
      continue;
    }
    for (const { id } of keys) {
      if (!things.has('applicationKey', id)) continue;
      const take = () => removeApplicationKey(administration, project.id, applicationId, id);
      const run = () => things.taking('applicationKey', id, take);
      steps.push({ sign: '-', what: `keys of the API application ${name}`, about: id, run });
    }
  }
  for (const { key } of roles) {
    if (!things.has('role', key)) continue;
    const take = () => removeRole(administration, project.id, key);
    const run = () => things.taking('role', key, take);
    steps.push({ sign: '-', what: 'roles of the project', about: key, run });
  }
  return { steps, isKept: isOurs };
}

/** Files of keys that setup made, and the lines of `.env` that setup wrote, if they are still so. */
async function fileSteps(
  asked: SetupAsked,
  { things, project, application }: Found,
  ids: MadeIds,
): Promise<readonly Step[]> {
  const { envFile } = asked;
  const text = (await readText(envFile)) ?? '';
  const path = paths(asked);
  const steps: Step[] = [];
  for (const [kind, variable, usual] of [
    ['applicationKey', 'ZITADEL_API_KEY', path.application],
    ['serviceUserKey', 'ZITADEL_SERVICE_USER_KEY', path.serviceUser],
  ] as const) {
    // The line that setup wrote knows it better than the arguments of today.
    const written = valueIn(text, variable) ?? '';
    const file = things.wrote(variable, written) ? written : usual;
    const keyId = (await readKeyFile(file))?.keyId;
    if (!things.has(kind, keyId)) continue;
    steps.push({ sign: '-', what: file, run: () => removeKeyFile(file) });
  }
  Object.assign(ids, {
    project: project?.id ?? things.idsOf('project')[0],
    client: application?.clientId,
  } satisfies MadeIds);
  const left = without(text, (name, value) => things.wrote(name, value));
  if (left === text) return steps;
  const isEmpty = left.trim() === '';
  const run = () => (isEmpty ? removeFile(envFile) : writePrivate(envFile, left));
  const what = isEmpty ? envFile : `in ${envFile}: the lines that setup wrote`;
  return [...steps, { sign: '-', what, run }];
}
