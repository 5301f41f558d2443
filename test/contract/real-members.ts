import { listOf, textAt } from './http.js';
import { ORG_OF_HEADER, post, removal, V1 } from './real-calls.js';
import type { RealSteps } from './real-steps.js';
import type { Undo } from './undo.js';
import type { MemberOn, Org, User } from './world.js';

/** Managers of a real server, of every kind of resource. */
export class RealMembers {
  constructor(
    private readonly steps: RealSteps,
    private readonly undo: Undo,
    private readonly root: Org,
  ) {}

  async add(user: User, on: MemberOn, roles: readonly string[]): Promise<void> {
    const { path, org } = placeOf(on);
    const make = async () => {
      await this.steps.post(path, { userId: user.id, roles }, org);
      return user.id;
    };
    // Other managers go with the organization.
    if (on !== 'instance') await make();
    else await this.undo.making(nameOf(user), make, (id) => removal(`${path}/${id}`));
    await this.#shown(user, on, roles);
  }

  async change(user: User, on: MemberOn, roles: readonly string[]): Promise<void> {
    const { path, org } = placeOf(on);
    const call = { ...post(`${path}/${user.id}`, { roles }, org), method: 'PUT' };
    await this.steps.change(call);
    await this.#shown(user, on, roles);
  }

  async remove(user: User, on: MemberOn): Promise<void> {
    const { path, org } = placeOf(on);
    await this.steps.delete(`${path}/${user.id}`, org);
    await this.#shown(user, on, []);
    if (on === 'instance') this.undo.drop(nameOf(user));
  }

  /** Under the organization that owns a row, the owner of the instance sees it. */
  #shown(user: User, on: MemberOn, roles: readonly string[]): Promise<void> {
    const { org = this.root.id, field, id } = placeOf(on);
    const call = post(`${V1}/users/${user.id}/memberships/_search`, {}, org);
    const wanted = [...roles].sort().join();
    return this.steps.seen(`roles of ${user.userName}`, call, ({ status, body }) => {
      const row = listOf(body['result']).find((each) =>
        id === undefined ? each[field] === true : textAt(each, field) === id,
      );
      const held = Array.isArray(row?.['roles']) ? [...(row['roles'] as string[])] : [];
      return status === 200 && held.sort().join() === wanted;
    });
  }
}

function nameOf({ userName }: User): string {
  return `instance member ${userName}`;
}

interface Place {
  /** Where members of it are added. */
  readonly path: string;
  readonly org?: string;
  /** How a row names it. */
  readonly field: string;
  readonly id?: string;
}

function placeOf(on: MemberOn): Place {
  if (on === 'instance') return { path: '/admin/v1/members', field: 'iam' };
  if ('org' in on) {
    const { id } = on.org;
    return { path: `${ORG_OF_HEADER}/members`, org: id, field: 'orgId', id };
  }
  if ('project' in on) {
    const { id, orgId } = on.project;
    return { path: `${V1}/projects/${id}/members`, org: orgId, field: 'projectId', id };
  }
  const { id, projectId, ownerOrgId } = on.grant;
  const path = `${V1}/projects/${projectId}/grants/${id}/members`;
  return { path, org: ownerOrgId, field: 'projectGrantId', id };
}
