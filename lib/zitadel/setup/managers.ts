import { isRecord, listOfTexts } from '../reading.js';
import { unusable } from '../refusals.js';
import {
  type Administration,
  ALL_ROWS,
  ALL_ROWS_V2,
  changedAt,
  type Json,
  segment,
  type Ways,
} from './administration.js';

/** What a manager role is on. */
export type ManagedKind = 'instance' | 'organization' | 'project';

/** The manager roles of one user on one resource. */
export interface Held {
  readonly on: ManagedKind;
  readonly roles: readonly string[];
  readonly changedAt: number;
}

const V2 = 'internal_permission.v2.InternalPermissionService';

/** What manager roles a user holds on the instance, on the organization, and on one project of it. */
export async function listHeld(
  administration: Administration,
  userId: string,
  projectId: string | undefined,
): Promise<readonly Held[]> {
  const what = 'list of manager roles';
  const filters = [{ inUserIdsFilter: { ids: [userId] } }];
  const rows = await administration.list(
    what,
    {
      v1: {
        method: 'POST',
        path: `/management/v1/users/${segment(userId)}/memberships/_search`,
        json: { query: ALL_ROWS },
      },
      v2: { rpc: `${V2}/ListAdministrators`, message: { pagination: ALL_ROWS_V2, filters } },
    },
    'administrators',
  );
  return rows.flatMap((row): readonly Held[] => {
    const on = kindOf(row, administration.orgId, projectId);
    const roles = listOfTexts(row['roles']);
    if (!roles) throw unusable(what);
    return on ? [{ on, roles, changedAt: changedAt(row) }] : [];
  });
}

function kindOf(row: Json, orgId: string, projectId: string | undefined): ManagedKind | undefined {
  if (row['iam'] === true || row['instance'] === true) return 'instance';
  if ((row['orgId'] ?? idIn(row['organization'])) === orgId) return 'organization';
  const project = row['projectId'] ?? idIn(row['project']);
  return project !== undefined && project === projectId ? 'project' : undefined;
}

function idIn(value: unknown): unknown {
  return isRecord(value) ? value['id'] : undefined;
}

/** Where the manager roles of one user on one resource stand. */
interface Place {
  readonly userId: string;
  readonly on: ManagedKind;
  readonly projectId: string;
}

/** Replaces the roles that a user holds there by others. None: the user is no manager there any more. */
export async function setHeld(
  administration: Administration,
  place: Place,
  before: readonly string[],
  roles: readonly string[],
): Promise<void> {
  const { userId } = place;
  const { path, resource } = addressOf(administration.orgId, place);
  const what = `manager roles on the ${place.on}`;
  const one = `${path}/${segment(userId)}`;
  const way: Ways =
    before.length === 0
      ? {
          v1: { method: 'POST', path, json: { userId, roles } },
          v2: { rpc: `${V2}/CreateAdministrator`, message: { userId, resource, roles } },
        }
      : roles.length > 0
        ? {
            v1: { method: 'PUT', path: one, json: { roles } },
            v2: { rpc: `${V2}/UpdateAdministrator`, message: { userId, resource, roles } },
          }
        : {
            v1: { method: 'DELETE', path: one },
            v2: { rpc: `${V2}/DeleteAdministrator`, message: { userId, resource } },
          };
  await administration.do(what, way);
}

function addressOf(
  organizationId: string,
  { on, projectId }: Place,
): { readonly path: string; readonly resource: Json } {
  switch (on) {
    case 'instance':
      return { path: '/admin/v1/members', resource: { instance: true } };
    case 'organization':
      return { path: '/management/v1/orgs/me/members', resource: { organizationId } };
    case 'project':
      return {
        path: `/management/v1/projects/${segment(projectId)}/members`,
        resource: { projectId },
      };
  }
}
