import { createHash, randomBytes } from 'node:crypto';
import type { ZitadelEmulator } from '../../testing/emulator.js';
import type { InstanceIds } from '../../testing/instance.js';
import type { Project } from '../../testing/model.js';
import { UsageError } from '../command.js';
import { fullNameOf, MadeWorld } from './made-world.js';
import {
  type FileApplication,
  type FileServiceUser,
  problemText,
  type ReadWorld,
} from './world-file.js';

/** What stays when the world begins again, so that clients need to learn it once only: secrets and key files by whose they are. */
export interface KeptSecrets {
  readonly secrets: Map<string, string>;
  readonly keyFiles: Map<string, string>;
}

const DIGITS = 10n ** 17n;

/** 18 digits, the same for the same text. Ids that ZITADEL makes up begin with other digits. */
function idFor(what: string): string {
  const hash = createHash('sha256').update(what).digest('hex').slice(0, 16);
  return `2${(BigInt(`0x${hash}`) % DIGITS).toString().padStart(17, '0')}`;
}

/** Of what every instance has. */
export const INSTANCE_IDS: InstanceIds = {
  instance: idFor('instance'),
  organization: idFor('organization ZITADEL'),
  zitadelProject: idFor('project ZITADEL/ZITADEL'),
  project: idFor('project ZITADEL/app'),
};

/**
 * Builds a world with the verbs of the emulator.
 *
 * @throws UsageError where a name or a role does not fit, and what ZITADEL would refuse
 */
export function buildWorld(
  zitadel: ZitadelEmulator,
  world: ReadWorld,
  kept: KeptSecrets,
): MadeWorld {
  const made = new MadeWorld(zitadel);
  try {
    build(made, world, kept);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(problemText(world.path, [error.message]));
  }
  return made;
}

function build(made: MadeWorld, world: ReadWorld, kept: KeptSecrets): void {
  const { file } = world;
  const { zitadel } = made;
  each('organizations', file.organizations, ({ name, id }) => {
    made.orgs.set(name, zitadel.addOrg(name, { id: id ?? idFor(`organization ${name}`) }));
  });
  each('users', file.users, ({ userName, organization, ...user }) => {
    const id = user.id ?? idFor(`user ${userName}`);
    const org = made.org(organization);
    made.users.set(userName, zitadel.addUser(userName, { ...user, id, org }));
  });
  each('serviceUsers', file.serviceUsers, (user) => addServiceUser(made, user, world, kept));
  each('projects', file.projects, ({ name, organization, applications, ...options }, path) => {
    const org = made.org(organization);
    const fullName = `${fullNameOf(made.orgs, org.id)}/${name}`;
    const id = options.id ?? idFor(`project ${fullName}`);
    const project = zitadel.addProject(name, { ...options, id, org });
    made.projects.set(fullName, project);
    each(`${path}.applications`, applications, (application) => {
      addApplication(made, project, application, world, kept);
    });
  });
  each('projectGrants', file.projectGrants, ({ project, organization, roles, id }) => {
    const [granted, to] = [made.project(project), made.org(organization)];
    const name = `${fullNameOf(made.projects, granted.id)}/${fullNameOf(made.orgs, to.id)}`;
    const grant = zitadel.grantProject(granted, to, roles, { id: id ?? idFor(`grant ${name}`) });
    made.grants.set(name, grant);
  });
  for (const [role, permissions] of Object.entries(file.rolePermissions ?? {})) {
    zitadel.setRolePermissions(role, permissions);
  }
  each('members', file.members, (row) => made.addMember(row));
  each('authorizations', file.authorizations, (row) => made.setAuthorization(row));
}

/** What ZITADEL's refusals mean in a world, by their ids. */
const PLAIN: readonly (readonly [id: string, text: string])[] = [
  ['V3-DKcYh', 'there is another one like it'],
  ['COMMAND-6m9gd', 'the project has no such role'],
  ['COMMAND-mm9F4', 'the project, or its grant to the organization, has no such role'],
  ['COMMAND-4m9ff', 'the project is not granted to this organization'],
  ['PROJECT-ckUpbvboAH', 'the project belongs to this organization'],
];

/** Says in which place it was that something did not fit. */
function each<T>(
  path: string,
  rows: readonly T[] | undefined,
  add: (row: T, path: string) => void,
): void {
  for (const [index, row] of (rows ?? []).entries()) {
    const place = `${path}[${String(index)}]`;
    try {
      add(row, place);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      // It came from a list inside this one.
      if (text.startsWith(place)) throw error;
      throw new UsageError(`${place}: ${PLAIN.find(([id]) => text.includes(id))?.[1] ?? text}`);
    }
  }
}

function addServiceUser(
  made: MadeWorld,
  user: FileServiceUser,
  { textOf }: ReadWorld,
  kept: KeptSecrets,
): void {
  const { zitadel } = made;
  const { userName, organization, pat, clientSecret, keyFile, ...options } = user;
  const id = options.id ?? idFor(`user ${userName}`);
  const org = made.org(organization);
  const robot = zitadel.addServiceUser(userName, { ...options, id, org });
  made.users.set(userName, robot);
  zitadel.patFor(robot, secretOf(kept, `pat of ${userName}`, pat));
  zitadel.addSecret(robot, secretOf(kept, `secret of ${userName}`, clientSecret));
  const key = keyFile === undefined ? kept.keyFiles.get(userName) : textOf(keyFile);
  if (key !== undefined) kept.keyFiles.set(userName, zitadel.addKey(robot, key));
}

function addApplication(
  { zitadel, projects, applications }: MadeWorld,
  project: Project,
  application: FileApplication,
  { textOf }: ReadWorld,
  kept: KeptSecrets,
): void {
  const { name, type, clientSecret, keyFile, redirectUris, ...options } = application;
  const fullName = `${fullNameOf(projects, project.id)}/${name}`;
  if (applications.has(fullName)) throw new UsageError(`there is another ${fullName}`);
  const clientId = options.clientId ?? idFor(`application ${fullName}`);
  const isApi = type === 'api';
  const alien = isApi
    ? ['redirectUris', 'accessTokenType', 'accessTokenRoles', 'idTokenUserInfo']
    : ['clientSecret', 'keyFile'];
  const wrong = alien.filter((key) => Object.hasOwn(application, key));
  if (wrong.length > 0) throw new UsageError(`${wrong.join(', ')}: not for the type ${type}`);
  if (!isApi) {
    if (redirectUris === undefined) throw new UsageError('redirectUris is missing');
    zitadel.addApplication(project, { ...options, clientId, redirectUris });
    applications.set(fullName, { project, clientId });
    return;
  }
  const secret = secretOf(kept, `secret of ${fullName}`, clientSecret);
  zitadel.addApiApplication(project, { clientId, clientSecret: secret });
  applications.set(fullName, { project, clientId, clientSecret: secret });
  const key = keyFile === undefined ? kept.keyFiles.get(fullName) : textOf(keyFile);
  if (key !== undefined) {
    kept.keyFiles.set(fullName, zitadel.addApplicationKey(project, clientId, key));
  }
}

function secretOf({ secrets }: KeptSecrets, whose: string, given: string | undefined): string {
  const secret = given ?? secrets.get(whose) ?? randomBytes(36).toString('base64url');
  secrets.set(whose, secret);
  return secret;
}
