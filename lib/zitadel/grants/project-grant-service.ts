import { ZitadelArgumentError } from '../../core/errors.js';
import type { ApiGeneration } from '../generation.js';
import { requireId } from '../reading.js';
import { askOrThrow, type ServiceToken } from '../service-user.js';
import { ProjectGrantsV1 } from './by-v1.js';
import { ProjectGrantsV2 } from './by-v2.js';
import { ensureByV1, ensureByV2, type EnsuredGrant, type WantedGrant } from './ensure.js';
import {
  ensureEach,
  type EnsureManyOptions,
  type GrantProgress,
  requireMany,
} from './ensure-many.js';
import {
  type AddedGrant,
  type ChangeDetails,
  type GrantChange,
  type GrantFilter,
  type NewGrant,
  type OfGrant,
  type OfProject,
  type ProjectGrant,
} from './project-grant.js';

/** What the service is built from. */
interface ProjectGrantParts {
  readonly serviceToken: ServiceToken | undefined;
  readonly idPattern: RegExp;
  /** Tells who owns a project, if a call does not say it. */
  readonly ownerOf: (projectId: string) => Promise<string | undefined>;
  /** The API generation for project grants. */
  readonly generation: ApiGeneration;
}

/**
 * Grants projects to other organizations, as the service user. It uses ZITADEL's Management API v1, and the ProjectService of v2 if v1 is not
 * served. A write is sent once. A grant that is named by its granted organization is found in ZITADEL's list, which may lag behind the latest
 * changes.
 *
 * These are thrown by every method:
 *
 * @throws ZitadelApiError when ZITADEL refuses
 * @throws ZitadelUnavailableError when ZITADEL gives no usable reply
 * @throws ZitadelArgumentError on a wrong argument, or on one that the API cannot serve, before anything is sent
 * @throws ZitadelError `service_user_refused` when the service user cannot sign in, or may not see what is asked for
 * @example `await projectGrants.ensure({ projectId, grantedOrgId, roleKeys: ['editor'] })`
 */
export class ProjectGrantService {
  readonly #apis: { readonly v1: ProjectGrantsV1; readonly v2: ProjectGrantsV2 };
  /** The last turn of each grant that `ensureMany` is at. */
  readonly #turns = new Map<string, Promise<unknown>>();

  /** @internal */
  constructor(private readonly parts: ProjectGrantParts) {
    const { serviceToken } = parts;
    this.#apis = { v1: new ProjectGrantsV1(serviceToken), v2: new ProjectGrantsV2(serviceToken) };
  }

  /**
   * Grants a project. A second grant to the same organization is refused. On API v1 the result has the grant's id.
   *
   * @example `await projectGrants.add({ projectId, grantedOrgId, roleKeys: ['editor'] })`
   */
  async add(grant: NewGrant): Promise<AddedGrant> {
    const checked = await this.#newGrant(grant);
    return this.#ask((api) => api.add(checked));
  }

  /**
   * Reads one project grant. A grant of another project is refused. A read by its id (API v1) is never stale.
   *
   * @example `const { state, grantedRoleKeys } = await projectGrants.get({ projectId, grantedOrgId })`
   */
  async get(grant: OfGrant): Promise<ProjectGrant> {
    const checked = await this.#grant(grant);
    return this.#ask((api) => api.get(checked));
  }

  /**
   * Lists the grants of a project, or without a project those of all projects of the organization. API v2 lists those that the service user
   * may see, without an organization in all of them. ZITADEL's read side may lag behind the latest changes. API v1 promises no order: if
   * one grant is removed and another one added between two pages, a third one may be left out unnoticed. Fewer grants than it counts are
   * noticed.
   *
   * @throws ZitadelUnavailableError when the list changes between two of its pages of 1,000, after the grants that came before
   * @example `for await (const grant of projectGrants.list({ projectId })) { ... }`
   */
  async *list(filter: GrantFilter = {}): AsyncGenerator<ProjectGrant, void, undefined> {
    const { organizationId, projectId, grantedOrgId } = filter;
    const of: { -readonly [K in keyof GrantFilter]: GrantFilter[K] } = {};
    if (grantedOrgId !== undefined) of.grantedOrgId = this.#id(grantedOrgId, 'grantedOrgId');
    if (organizationId !== undefined) of.organizationId = this.#org(organizationId);
    if (projectId !== undefined) Object.assign(of, await this.#project({ ...of, projectId }));
    yield* this.#each((api) => api.list(of));
  }

  /**
   * Lists what was granted *to* an organization. By API v2 the organization must be named.
   *
   * @example `for await (const { projectName } of projectGrants.listGranted({ organizationId })) { ... }`
   */
  async *listGranted(
    of: { readonly organizationId?: string } = {},
  ): AsyncGenerator<ProjectGrant, void, undefined> {
    const { organizationId } = of;
    const orgId = organizationId === undefined ? undefined : this.#org(organizationId);
    yield* this.#each((api) => api.listGranted(orgId));
  }

  /**
   * Gives a grant exactly these roles. Users do not see a role any more that is taken away. API v1 also removes it from their authorizations.
   * By v2 it stays there, without effect.
   *
   * @example `await projectGrants.changeRoles({ projectId, grantedOrgId, roleKeys: ['editor', 'viewer'] })`
   */
  async changeRoles(
    grant: OfGrant & { readonly roleKeys: readonly string[] },
  ): Promise<ChangeDetails> {
    return this.#change({ to: 'roles', roleKeys: roleKeysOf(grant.roleKeys) }, grant);
  }

  /**
   * Deactivates a grant. Managers of the grant keep their roles.
   *
   * @example `await projectGrants.deactivate({ projectId, grantedOrgId })`
   */
  async deactivate(grant: OfGrant): Promise<ChangeDetails> {
    return this.#change({ to: 'inactive' }, grant);
  }

  /**
   * Makes an inactive grant active again.
   *
   * @example `await projectGrants.reactivate({ projectId, grantedOrgId })`
   */
  async reactivate(grant: OfGrant): Promise<ChangeDetails> {
    return this.#change({ to: 'active' }, grant);
  }

  /**
   * Removes a grant, with everything that was given through it. If there is no such grant, API v1 refuses. API v2
   * succeeds all the same.
   *
   * @example `await projectGrants.remove({ projectId, grantedOrgId })`
   */
  async remove(grant: OfGrant): Promise<ChangeDetails> {
    return this.#change({ to: 'removed' }, grant);
  }

  /**
   * Makes sure that the project is granted with exactly these roles: creates the grant, or changes the one that is there. It is
   * right even with two writers at once, a lost reply or a list that lags behind. An inactive grant stays inactive unless `reactivate` is set.
   *
   * @throws ZitadelError `grant_not_settled` when ten seconds were not enough to see what is there
   * @example `const { outcome } = await projectGrants.ensure({ projectId, grantedOrgId, roleKeys: ['editor'] })`
   */
  async ensure(wanted: WantedGrant): Promise<EnsuredGrant> {
    const { keepOthers = false, reactivate = false } = wanted;
    // Only these: a grant that was listed may be passed, which has an id.
    const checked = { ...(await this.#newGrant(wanted)), keepOthers, reactivate };
    const { v1, v2 } = this.#apis;
    return askOrThrow(this.parts.generation, (asked) =>
      asked === 'v1' ? ensureByV1(v1, checked) : ensureByV2(v2, checked),
    );
  }

  /**
   * Ensures many grants, and tells each of them as it is over. In Nest it is an rxjs `Observable` as well. Every iteration or subscription is a
   * run of its own, which begins with it. If you stop it, what has begun ends and nothing new begins. Run it again for what is left, or for
   * all: a grant that is right already is `unchanged`. Grants with the same ends take turns, in the order of the list.
   *
   * What `ensure` throws about one grant stands beside it as `error`. After three grants in a row without a usable reply, those that have not
   * begun fail with the same `ZitadelUnavailableError`, and ZITADEL is not asked about them.
   *
   * @throws ZitadelArgumentError if `wanted` is not a list of grants, or if `concurrency` is not a whole number from 1 to 8
   * @example
   * ```ts
   * for await (const { wanted, error, done, total } of projectGrants.ensureMany(grants)) {
   *   if (error) failed.push(wanted);
   *   show(done / total);
   * }
   * ```
   */
  ensureMany(
    wanted: readonly WantedGrant[],
    options: EnsureManyOptions = {},
  ): AsyncIterable<GrantProgress> {
    const many = requireMany(wanted, options);
    const ensure = (each: WantedGrant) => this.ensure(each);
    return { [Symbol.asyncIterator]: () => ensureEach(many, ensure, this.#turns) };
  }

  async #change(change: GrantChange, grant: OfGrant): Promise<ChangeDetails> {
    const of = await this.#grant(grant);
    return this.#ask((api) => api.change(change, of));
  }

  #ask<T>(task: (api: ProjectGrantsV1 | ProjectGrantsV2) => Promise<T>): Promise<T> {
    return askOrThrow(this.parts.generation, (asked) => task(this.#apis[asked]));
  }

  /** The first page shows which generation is served. The rest of the list is read by the same. */
  async *#each(
    listOf: (
      api: ProjectGrantsV1 | ProjectGrantsV2,
    ) => AsyncGenerator<ProjectGrant, void, undefined>,
  ): AsyncGenerator<ProjectGrant, void, undefined> {
    const { first, rest } = await this.#ask(async (api) => {
      const list = listOf(api);
      return { first: await list.next(), rest: list };
    });
    if (first.done) return;
    yield first.value;
    yield* rest;
  }

  async #newGrant(grant: NewGrant): Promise<NewGrant> {
    const grantedOrgId = this.#id(grant.grantedOrgId, 'grantedOrgId');
    const roleKeys = roleKeysOf(grant.roleKeys);
    return { ...(await this.#project(grant)), grantedOrgId, roleKeys };
  }

  async #grant(grant: OfGrant): Promise<OfGrant> {
    const { grantId, grantedOrgId } = grant;
    const org =
      grantedOrgId === undefined ? {} : { grantedOrgId: this.#id(grantedOrgId, 'grantedOrgId') };
    // If it is named by neither, the id is missing.
    const isById = grantId !== undefined || grantedOrgId === undefined;
    const id = isById ? { grantId: this.#id(grantId, 'grantId') } : {};
    return { ...(await this.#project(grant)), ...org, ...id } as OfGrant;
  }

  async #project({ organizationId, projectId }: OfProject): Promise<OfProject> {
    const id = this.#id(projectId, 'projectId');
    const owner = organizationId === undefined ? await this.parts.ownerOf(id) : organizationId;
    return { projectId: id, ...(owner !== undefined && { organizationId: this.#org(owner) }) };
  }

  #org(organizationId: string): string {
    return this.#id(organizationId, 'organizationId');
  }

  #id(value: unknown, argument: string): string {
    return requireId(value, argument, this.parts.idPattern);
  }
}

function roleKeysOf(value: unknown): readonly string[] {
  const keys: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined;
  if (!keys?.every((key) => typeof key === 'string' && key !== '' && key.length <= 200)) {
    throw new ZitadelArgumentError(
      'roleKeys',
      'roleKeys must be a list of role keys of the project, each a non-empty string of at most 200 characters',
    );
  }
  return [...new Set(keys as readonly string[])];
}
