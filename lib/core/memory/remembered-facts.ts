import type { RowsOn } from '../caller.js';
import type { Facts, RememberedStates, ResourceFacts, StateOf } from '../decide/case.js';
import type { Lease } from '../validity.js';
import {
  type HeldPermissions,
  type Memberships,
  type RolesGiven,
  unpacked,
} from './caller-kinds.js';
import type { Remembered } from './read-cache.js';
import type { KnownCaller, Verified } from './remembered-callers.js';

/** What is remembered of one caller, and the leases of all that was read of it. */
export class RememberedFacts implements Facts {
  readonly leases: Lease[] = [];
  readonly stateOf: StateOf | undefined;

  constructor(
    private readonly known: KnownCaller,
    private readonly notBefore: number,
    private readonly resources: ResourceFacts,
    private readonly kept: {
      readonly memberships: Memberships;
      readonly permissions: HeldPermissions;
      readonly roles: RolesGiven;
    },
    states?: RememberedStates,
  ) {
    this.stateOf =
      states &&
      ((of) => {
        const state = states.known(of, notBefore);
        if (state) this.leases.push(state.lease);
        return state?.fact;
      });
  }

  ownerOf(projectId: string) {
    return this.resources.ownerOf(projectId);
  }

  grantOf(grantId: string) {
    return this.resources.grantOf(grantId);
  }

  grantBetween(projectId: string, orgId: string) {
    return this.resources.grantBetween(projectId, orgId);
  }

  rowsOn(on: RowsOn) {
    const { rows, userId } = this.known;
    const kept = this.kept.memberships.kept(rowsKey(rows.key, on), userId, this.notBefore);
    const found = this.#read(kept);
    return found === undefined ? undefined : unpacked(found);
  }

  permissionsIn(orgId: string) {
    const { verified, userId } = this.known;
    return this.#read(
      this.kept.permissions.kept(permissionsKey(verified, orgId), userId, this.notBefore),
    );
  }

  rolesGiven(projectId: string, orgId: string) {
    const { userId } = this.known;
    return this.#read(
      this.kept.roles.kept(rolesKey(userId, projectId, orgId), userId, this.notBefore),
    );
  }

  #read<T extends object | string>(kept: Remembered<T> | undefined): T | undefined {
    if (kept) this.leases.push(kept.lease);
    return kept?.value;
  }
}

/** Where the rows on one resource are kept, beside the list with this key. */
export function rowsKey(key: string, on: RowsOn): string {
  return JSON.stringify(['on', key, on]);
}

/** Where the permissions in one organization are kept: the token asks for them. */
export function permissionsKey({ digest }: Pick<Verified, 'digest'>, orgId: string): string {
  return `${digest} ${orgId}`;
}

/** Whether what is kept under such a key is about one of these organizations. */
export function arePermissionsIn(key: string, orgIds: ReadonlySet<string>): boolean {
  return orgIds.has(key.slice(key.indexOf(' ') + 1));
}

/** Where the roles of a project are kept that an organization gave: the service user asks for them. */
export function rolesKey(userId: string, projectId: string, orgId: string): string {
  return JSON.stringify([userId, projectId, orgId]);
}

/** Whether one of these organizations gave what is kept under such a key. */
export function areRolesOf(key: string, orgIds: ReadonlySet<string>): boolean {
  const [, , orgId] = JSON.parse(key) as [string, string, string];
  return orgIds.has(orgId);
}
