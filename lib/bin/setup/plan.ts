import type { Administration } from '../../zitadel/setup/administration.js';
import {
  addApplicationKey,
  addRole,
  createApplication,
  createProject,
} from '../../zitadel/setup/projects.js';
import {
  addUserKey,
  createServiceUser,
  type Key,
  type ManagedKind,
  type NewKey,
  setHeld,
} from '../../zitadel/setup/service-users.js';
import { EVERY_ORGANIZATION } from '../environment.js';
import { type Made, planEvents } from '../event-plan.js';
import type { Step } from '../steps.js';
import type { SetupAsked } from './asked.js';
import {
  merged,
  readKeyId,
  readText,
  reserve,
  valueIn,
  type Variables,
  without,
  writePrivate,
} from './files.js';
import {
  type AdministratedZitadel,
  type Found,
  inTheWay,
  managerRole,
  requireFitting,
} from './look.js';
import type { MadeThings } from './made-things.js';

/** What the application needs to know of what is made. The steps fill it in. */
interface MadeIds {
  project?: string | undefined;
  application?: string | undefined;
  client?: string | undefined;
  user?: string | undefined;
  signingKey?: string | undefined;
  /** ZITADEL told the signing key only when the target was made. */
  isKeyUntold?: boolean;
}

/** What a plan tells beside its steps. */
export interface PlanTold {
  readonly ids: MadeIds;
  /** What stays though setup made it, and why. */
  readonly kept: string[];
  /** Those that the server does not know. */
  readonly unknownEvents: string[];
}

/** What leads from what is there to what was asked for. Empty: it is so already. @throws ZitadelError if something stands in the way */
export async function planSetup(
  asked: SetupAsked,
  found: Found,
  zitadel: AdministratedZitadel,
  { ids, unknownEvents }: PlanTold,
): Promise<readonly Step[]> {
  requireFitting(asked, found);
  const { administration } = zitadel;
  const { project, application, user, things, target } = found;
  Object.assign(ids, {
    project: project?.id,
    application: application?.id,
    client: application?.clientId,
    user: user?.id,
    signingKey: target?.signingKey,
    isKeyUntold: target !== undefined && target.signingKey === undefined,
  } satisfies MadeIds);
  const newProject = things.making(
    'project',
    asked.project,
    { what: `the project ${asked.project}` },
    async () => (ids.project = await createProject(administration, asked.project)),
  );
  const newRoles = asked.roles
    .filter((key) => !found.roles.some((role) => role.key === key))
    .map((key) =>
      things.making('role', key, { what: 'roles of the project', about: key }, async () => {
        await addRole(administration, needed(ids.project), key);
        return key;
      }),
    );
  const newApplication = things.making(
    'application',
    asked.application,
    { what: `the API application ${asked.application}, which signs in with a key` },
    async () => {
      const projectId = needed(ids.project);
      const made = await createApplication(administration, projectId, asked.application);
      ids.client = made.clientId;
      return (ids.application = made.id);
    },
  );
  const newUser = things.making(
    'serviceUser',
    asked.serviceUser,
    { what: `the service user ${asked.serviceUser}` },
    async () => (ids.user = await createServiceUser(administration, asked.serviceUser)),
  );
  return [
    ...(project ? [] : [newProject]),
    ...newRoles,
    ...(application ? [] : [newApplication]),
    ...(await keySteps(things, {
      kind: 'applicationKey',
      name: asked.application,
      whose: 'the API application',
      path: asked.keyFiles.application,
      keys: application?.keys,
      make: () => addApplicationKey(administration, needed(ids.project), needed(ids.application)),
    })),
    ...(user ? [] : [newUser]),
    ...(await keySteps(things, {
      kind: 'serviceUserKey',
      name: asked.serviceUser,
      whose: 'the service user',
      path: asked.keyFiles.serviceUser,
      keys: user?.keys,
      make: () => addUserKey(administration, needed(ids.user)),
    })),
    ...managerSteps(asked, found, administration, ids),
    ...(await eventSteps(asked, found, zitadel, ids, unknownEvents)),
    ...(await envSteps(asked, things, zitadel, ids)),
  ];
}

interface WantedKey {
  readonly kind: 'applicationKey' | 'serviceUserKey';
  /** Of whom it is, as it is noted and in words. */
  readonly name: string;
  readonly whose: string;
  readonly path: string;
  /** Those that are there. */
  readonly keys: readonly Key[] | undefined;
  readonly make: () => Promise<NewKey>;
}

/** A key, unless the file has one that counts. Keys that are there already stay: other machines may use them. */
async function keySteps(
  things: MadeThings,
  { kind, name, whose, path, keys = [], make }: WantedKey,
): Promise<readonly Step[]> {
  const known = await readKeyId(path);
  if (keys.some(({ id }) => id === known)) return [];
  if (known !== undefined) {
    throw inTheWay(
      `${path} holds another key than one of ${whose}: move it away, or name another folder with --secrets`,
    );
  }
  const lost = keys.length > 0 ? ', since the file is not here (keys stay)' : '';
  const what = `a key of ${whose}, into ${path}${lost}`;
  const run = async () => {
    const { fill, giveUp } = await reserve(path);
    const noted = things.making(kind, name, { what }, async () => {
      const { id, file: text } = await make();
      await fill(text);
      return id;
    });
    try {
      await noted.run();
    } catch (error) {
      await giveUp();
      throw error;
    }
  };
  return [{ sign: '+', what, run }];
}

const PREFIXES: Readonly<Record<ManagedKind, string>> = {
  instance: 'IAM_',
  organization: 'ORG_',
  project: 'PROJECT_',
};

/** Gives the service user its manager roles, beside those that it has. */
function managerSteps(
  { serviceUser, serviceUserRoles }: SetupAsked,
  { user, things }: Found,
  administration: Administration,
  ids: MadeIds,
): readonly Step[] {
  const kinds = Object.entries(PREFIXES) as [ManagedKind, string][];
  return kinds.flatMap(([on, prefix]): readonly Step[] => {
    let now = user?.held.find((each) => each.on === on)?.roles ?? [];
    const missing = serviceUserRoles.filter((role) => {
      return role.startsWith(prefix) && !now.includes(role);
    });
    return missing.map((role) => {
      const what = `${role} on the ${on} for the service user ${serviceUser}`;
      const name = managerRole(on, role, serviceUser);
      return things.making('managerRole', name, { what }, async () => {
        const after = [...now, role];
        const { user: userId = '', project: projectId = '' } = ids;
        await setHeld(administration, { userId, on, projectId }, now, after);
        now = after;
        return managerRole(on, role, userId);
      });
    });
  });
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
  const steps = await planEvents({ name, target, executions }, endpoint, actions, made);
  const [first, ...others] = steps;
  if (target || !first) return steps;
  const noted = things.making('target', name, first, async () => {
    await first.run();
    ids.signingKey = made.signingKey;
    return needed(made.targetId);
  });
  return [noted, ...others];
}

/** The variables that are known by now. */
function variablesOf(asked: SetupAsked, url: string, orgId: string, ids: MadeIds): Variables {
  const tellsKey = asked.endpoint !== undefined && ids.isKeyUntold !== true;
  const variables = {
    ZITADEL_ISSUER: url,
    ZITADEL_PROJECT_ID: ids.project,
    ZITADEL_CLIENT_ID: ids.client,
    ZITADEL_API_KEY: asked.keyFiles.application,
    ZITADEL_SERVICE_USER_KEY: asked.keyFiles.serviceUser,
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
