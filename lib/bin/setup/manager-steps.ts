import type { Administration } from '../../zitadel/setup/administration.js';
import { type ManagedKind, setHeld } from '../../zitadel/setup/service-users.js';
import type { Step } from '../steps.js';
import type { SetupAsked } from './asked.js';
import { type Found, type FoundUser, managerRole } from './look.js';
import type { MadeIds } from './plan-ids.js';

const KINDS = ['instance', 'organization', 'project'] as const;
const PREFIX: Readonly<Record<ManagedKind, string>> = {
  instance: 'IAM_',
  organization: 'ORG_',
  project: 'PROJECT_',
};

/** Gives the service user its manager roles, beside those that it has. */
export function managerSteps(
  { serviceUser, serviceUserRoles }: SetupAsked,
  { user, things }: Found,
  administration: Administration,
  ids: MadeIds,
): readonly Step[] {
  return KINDS.flatMap((on): readonly Step[] => {
    const wanted = serviceUserRoles.filter((role) => role.startsWith(PREFIX[on]));
    const before = user?.held.find((each) => each.on === on)?.roles ?? [];
    const missing = wanted.filter((role) => !before.includes(role));
    let now = before;
    return missing.map((role): Step => {
      const make = async () => {
        const after = [...now, role];
        const { user: userId = '', project: projectId = '' } = ids;
        await setHeld(administration, { userId, on, projectId }, now, after);
        now = after;
        return managerRole(on, role, userId);
      };
      const what = `${role} on the ${on} for the service user ${serviceUser}`;
      const name = managerRole(on, role, serviceUser);
      return { sign: '+', what, run: () => things.making('managerRole', name, make) };
    });
  });
}

/** Takes back the manager roles that setup gave to a service user that was there before. */
export function managerRemovals(
  user: FoundUser,
  { things, project }: Found,
  administration: Administration,
): readonly Step[] {
  return user.held.flatMap(({ on, roles }): readonly Step[] => {
    let now = roles;
    return roles.flatMap((role): readonly Step[] => {
      const id = managerRole(on, role, user.id);
      if (!things.has('managerRole', id)) return [];
      const take = async () => {
        const after = now.filter((each) => each !== role);
        const place = { userId: user.id, on, projectId: project?.id ?? '' };
        await setHeld(administration, place, now, after);
        now = after;
      };
      const what = `${role} on the ${on} of the service user ${user.name}`;
      return [{ sign: '-', what, run: () => things.taking('managerRole', id, take) }];
    });
  });
}
