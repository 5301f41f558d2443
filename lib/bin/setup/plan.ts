import { EVENT_TYPES } from '../../zitadel/events/event.js';
import {
  addApplicationKey,
  addRole,
  createApplication,
  createProject,
} from '../../zitadel/setup/projects.js';
import { addUserKey, createServiceUser } from '../../zitadel/setup/service-users.js';
import { EVERY_ORGANIZATION } from '../environment.js';
import { type Made, onlyKnown, planEvents } from '../event-plan.js';
import type { Step } from '../steps.js';
import type { SetupAsked } from './asked.js';
import { merged, valueIn, type Variables, without } from './env-file.js';
import { readText, writePrivate } from './files.js';
import { keySteps, paths } from './key-steps.js';
import { type Found, requireFitting, type AdministratedZitadel } from './look.js';
import type { MadeThings } from './made-things.js';
import { managerSteps } from './manager-steps.js';
import type { MadeIds } from './plan-ids.js';

/** As `events setup` has it. */
const TIMEOUT_SECONDS = 10;

/** What leads from what is there to what was asked for. Empty: it is so already. `unknownEvents` gets those that the server does not know. @throws ZitadelError if something stands in the way */
export async function planSetup(
  asked: SetupAsked,
  found: Found,
  zitadel: AdministratedZitadel,
  { ids, unknownEvents }: { readonly ids: MadeIds; readonly unknownEvents: string[] },
): Promise<readonly Step[]> {
  requireFitting(asked, found);
  const { administration } = zitadel;
  const { project, application, user, things } = found;
  Object.assign(ids, {
    project: project?.id,
    application: application?.id,
    client: application?.clientId,
    user: user?.id,
    signingKey: found.target?.signingKey,
    isKeyUntold: found.target !== undefined && found.target.signingKey === undefined,
  } satisfies MadeIds);
  const path = paths(asked);
  const steps: Step[] = [];
  if (!project) {
    steps.push({
      sign: '+',
      what: `the project ${asked.project}`,
      run: () =>
        things.making('project', asked.project, async () => {
          return (ids.project = await createProject(administration, asked.project));
        }),
    });
  }
  for (const key of asked.roles) {
    if (found.roles.some((role) => role.key === key)) continue;
    const make = async () => {
      await addRole(administration, needed(ids.project), key);
      return key;
    };
    const run = () => things.making('role', key, make);
    steps.push({ sign: '+', what: 'roles of the project', about: key, run });
  }
  if (!application) {
    steps.push({
      sign: '+',
      what: `the API application ${asked.application}, which signs in with a key`,
      run: () =>
        things.making('application', asked.application, async () => {
          const made = await createApplication(
            administration,
            needed(ids.project),
            asked.application,
          );
          ids.client = made.clientId;
          return (ids.application = made.id);
        }),
    });
  }
  steps.push(
    ...(await keySteps({
      whose: 'the API application',
      path: path.application,
      owner: application && { id: application.clientId, keys: application.keys },
      make: () => addApplicationKey(administration, needed(ids.project), needed(ids.application)),
      note: (make) => things.making('applicationKey', asked.application, make),
    })),
  );
  if (!user) {
    steps.push({
      sign: '+',
      what: `the service user ${asked.serviceUser}`,
      run: () =>
        things.making('serviceUser', asked.serviceUser, async () => {
          return (ids.user = await createServiceUser(administration, asked.serviceUser));
        }),
    });
  }
  steps.push(
    ...(await keySteps({
      whose: 'the service user',
      path: path.serviceUser,
      owner: user,
      make: () => addUserKey(administration, needed(ids.user)),
      note: (make) => things.making('serviceUserKey', asked.serviceUser, make),
    })),
    ...managerSteps(asked, found, administration, ids),
    ...(await eventSteps(asked, found, zitadel, ids, unknownEvents)),
  );
  return [...steps, ...(await envSteps(asked, things, zitadel, ids))];
}

async function eventSteps(
  { project: name, endpoint }: SetupAsked,
  { target, executions, things }: Found,
  { actions }: AdministratedZitadel,
  ids: MadeIds,
  unknown: string[],
): Promise<readonly Step[]> {
  if (endpoint === undefined) return [];
  const made: Made = { unknown };
  const settings = { endpoint, timeoutSeconds: TIMEOUT_SECONDS };
  const steps = planEvents({ name, target, executions }, settings, EVENT_TYPES, actions, made);
  if (target) return onlyKnown(steps, actions, made);
  const [first, ...others] = steps;
  if (!first) return [];
  const make = async () => {
    await first.run();
    ids.signingKey = made.signingKey;
    return needed(made.targetId);
  };
  return [{ ...first, run: () => things.making('target', name, make) }, ...others];
}

/** The variables that are known by now. */
function variablesOf(asked: SetupAsked, url: string, orgId: string, ids: MadeIds): Variables {
  const path = paths(asked);
  const tellsKey = asked.endpoint !== undefined && ids.isKeyUntold !== true;
  const variables = {
    ZITADEL_ISSUER: url,
    ZITADEL_PROJECT_ID: ids.project,
    ZITADEL_CLIENT_ID: ids.client,
    ZITADEL_API_KEY: path.application,
    ZITADEL_SERVICE_USER_KEY: path.serviceUser,
    ...(asked.reads === 'everywhere' && { ZITADEL_ORGANIZATIONS: EVERY_ORGANIZATION }),
    ...(asked.reads === 'organization' && { ZITADEL_ORGANIZATIONS: orgId }),
    ...(tellsKey && { ZITADEL_SIGNING_KEY: ids.signingKey }),
  };
  return Object.fromEntries(Object.entries(variables).map(([name, value = '']) => [name, value]));
}

/** A value that is not known yet will be another one. */
async function envSteps(
  asked: SetupAsked,
  things: MadeThings,
  { url, administration }: AdministratedZitadel,
  ids: MadeIds,
): Promise<readonly Step[]> {
  const { envFile } = asked;
  const text = (await readText(envFile)) ?? '';
  const variables = () => variablesOf(asked, url, administration.orgId, ids);
  const differing = Object.entries(variables())
    .filter(([name, value]) => value === '' || valueIn(text, name) !== value)
    .map(([name]) => name);
  const stale = staleStep(asked, things, text);
  if (differing.length === 0) return stale;
  const replaced = differing.filter((name) => valueIn(text, name) !== undefined);
  const instead = replaced.length > 0 ? ` (instead of another ${replaced.join(', ')})` : '';
  const run = async () => {
    const all = variables();
    const fresh = Object.entries(all).filter(([name]) => differing.includes(name));
    await things.noteVariables(Object.fromEntries(fresh));
    await writePrivate(envFile, merged((await readText(envFile)) ?? '', all));
  };
  const sign = replaced.length > 0 ? '~' : '+';
  return [{ sign, what: `in ${envFile}: ${differing.join(', ')}${instead}`, run }, ...stale];
}

/** Where an earlier run let the service user read memberships, the commands would go on with that. */
function staleStep({ envFile, reads }: SetupAsked, things: MadeThings, text: string): Step[] {
  const isStale = (name: string, value: string) =>
    reads === 'nowhere' && name === 'ZITADEL_ORGANIZATIONS' && things.wrote(name, value);
  if (without(text, isStale) === text) return [];
  const run = async () => writePrivate(envFile, without((await readText(envFile)) ?? '', isStale));
  return [{ sign: '-', what: `in ${envFile}: ZITADEL_ORGANIZATIONS of an earlier run`, run }];
}

function needed(id: string | undefined): string {
  if (id !== undefined) return id;
  throw new Error('a step before this one makes it');
}
