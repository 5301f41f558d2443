import type { ZitadelEmulator } from '../../testing/emulator.js';
import type { MemberResource } from '../../testing/model.js';
import { UsageError } from '../command.js';
import { grantIn, type MadeWorld, orgIn, projectIn, userIn } from './names.js';
import type { FileAuthorization, FileMember, FileResource } from './world-file.js';

/** Adds a member as a world names it. */
export function addMember(zitadel: ZitadelEmulator, made: MadeWorld, member: FileMember): void {
  zitadel.addMember(userIn(made, member.user), placeOf(made, member), member.roles);
}

/** Gives a member exactly these roles, whatever they were; none removes the member. */
export function setMember(
  zitadel: ZitadelEmulator,
  made: MadeWorld,
  { user, roles, ...resource }: FileMember,
): void {
  const who = userIn(made, user);
  const on = placeOf(made, { ...resource, roles });
  const isGone = roles.length === 0;
  try {
    if (isGone) zitadel.removeMember(who, on);
    else zitadel.changeMember(who, on, roles);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('Errors.NotFound')) throw error;
    if (!isGone) zitadel.addMember(who, on, roles);
  }
}

/** Gives a user exactly these roles of a project; none takes the authorization back. */
export function setAuthorization(
  zitadel: ZitadelEmulator,
  made: MadeWorld,
  { user, project, organization, roles }: FileAuthorization,
): void {
  const org = organization === undefined ? {} : { org: orgIn(made, organization) };
  const ends = [userIn(made, user), projectIn(made, project)] as const;
  if (roles.length > 0) return zitadel.authorizeUser(...ends, roles, org);
  try {
    zitadel.unauthorizeUser(...ends, org);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('Errors.UserGrant.NotFound')) {
      throw error;
    }
  }
}

type Kind = keyof FileResource;

const PREFIX: Readonly<Record<Kind, string>> = {
  instance: 'IAM_',
  organization: 'ORG_',
  project: 'PROJECT_',
  projectGrant: 'PROJECT_GRANT_',
};

function placeOf(
  made: MadeWorld,
  resource: FileResource & Pick<FileMember, 'roles'>,
): MemberResource {
  const { organization, project, projectGrant, roles } = resource;
  if (organization !== undefined) {
    return withRoles('organization', roles, { org: orgIn(made, organization) });
  }
  if (project !== undefined) {
    return withRoles('project', roles, { project: projectIn(made, project) });
  }
  if (projectGrant === undefined) return withRoles('instance', roles, 'instance');
  return withRoles('projectGrant', roles, { projectGrant: grantIn(made, projectGrant) });
}

/** ZITADEL compares prefixes. */
function withRoles(kind: Kind, roles: readonly string[], on: MemberResource): MemberResource {
  const prefix = PREFIX[kind];
  const wrong = roles.filter((role) => !role.startsWith(prefix) && !role.startsWith('SELF_'));
  if (wrong.length === 0) return on;
  throw new UsageError(`roles here begin with ${prefix}: ${wrong.join(', ')} cannot be given`);
}
