import { ZitadelArgumentError } from '../../core/errors.js';
import type { ApiGeneration } from '../generation.js';
import { requireId } from '../reading.js';
import { askOrThrow, type ServiceToken } from '../service-user.js';
import { ProjectGrantsV1 } from './by-v1.js';
import { ProjectGrantsV2 } from './by-v2.js';
import { ensureByV1, ensureByV2, type EnsuredGrant, type WantedGrant } from './ensure.js';
import {
  type AddedGrant,
  type ChangeDetails,
  type GrantFilter,
  type NewGrant,
  type OfGrant,
  type OfProject,
  type ProjectGrant,
  type ProjectGrantApi,
} from './project-grant.js';

/** What the service is built from. */
interface ProjectGrantParts {
  readonly serviceToken: ServiceToken | undefined;
  readonly idPattern: RegExp;
  /** Who owns a project, where a call does not say it. */
  readonly ownerOf: (projectId: string) => Promise<string | undefined>;
  /** Of project grants. */
  readonly generation: ApiGeneration;
}

/**
 * Grants projects to other organizations, as the service user: by ZITADEL's Management API v1, and where that is not served any more, by
 * the ProjectService of v2. Every method throws `ZitadelApiError` when ZITADEL refuses (by its error id, with a remedy),
 * `ZitadelUnavailableError` when it gives no usable reply, `ZitadelArgumentError` before anything is sent (also for what an API cannot
 * do), and `ZitadelError` `service_user_refused` when the service user cannot sign in, or may not see what it is asked for. A write is
 * sent once. A grant that is named by its granted organization is found in ZITADEL's list, which may lag behind the latest changes.
 */
export class ProjectGrantService {
  readonly #apis: { readonly v1: ProjectGrantsV1; readonly v2: ProjectGrantsV2 };

  constructor(private readonly parts: ProjectGrantParts) {
    const { serviceToken } = parts;
    this.#apis = { v1: new ProjectGrantsV1(serviceToken), v2: new ProjectGrantsV2(serviceToken) };
  }

  /** Grants a project. A second grant to the same organization is refused. On API v1 the result has the grant's id. */
  async add(grant: NewGrant): Promise<AddedGrant> {
    const checked = await this.#newGrant(grant);
    return this.#ask((api) => api.add(checked));
  }

  /** One project grant. A grant of another project is refused. By its id (API v1) it is never stale. */
  async get(grant: OfGrant): Promise<ProjectGrant> {
    const checked = await this.#grant(grant);
    return this.#ask((api) => api.get(checked));
  }

  /**
   * The grants of a project, or without a project those of all projects of the organization. By API v2 those that the service user may
   * see, without an organization of all that it may see. ZITADEL's read side may lag behind the latest changes. A list that changes
   * between two of its pages of 1,000 is a `ZitadelUnavailableError`, after those that came before. API v1 promises no order: one grant
   * removed and another one added between two pages may leave out a third unseen there, while fewer grants than it counts are noticed.
   */
  async *list(filter: GrantFilter = {}): AsyncGenerator<ProjectGrant, void, undefined> {
    const { organizationId, projectId, grantedOrgId } = filter;
    const of: { -readonly [K in keyof GrantFilter]: GrantFilter[K] } = {};
    if (grantedOrgId !== undefined) of.grantedOrgId = this.#id(grantedOrgId, 'grantedOrgId');
    if (organizationId !== undefined) of.organizationId = this.#org(organizationId);
    if (projectId !== undefined) Object.assign(of, await this.#project({ ...of, projectId }));
    yield* this.#each((api) => api.list(of));
  }

  /** What was granted *to* an organization. By API v2 the organization must be named. */
  async *listGranted(
    of: { readonly organizationId?: string } = {},
  ): AsyncGenerator<ProjectGrant, void, undefined> {
    const { organizationId } = of;
    const orgId = organizationId === undefined ? undefined : this.#org(organizationId);
    yield* this.#each((api) => api.listGranted(orgId));
  }

  /**
   * Exactly these roles. A role that is taken away is gone from what users see of theirs; by API v1 also from their authorizations
   * themselves, by v2 it stays there unseen.
   */
  async changeRoles(
    grant: OfGrant & { readonly roleKeys: readonly string[] },
  ): Promise<ChangeDetails> {
    const checked = { ...(await this.#grant(grant)), roleKeys: roleKeysOf(grant.roleKeys) };
    return this.#ask((api) => api.changeRoles(checked));
  }

  /** Deactivates a grant. Managers of the grant keep their roles. */
  async deactivate(grant: OfGrant): Promise<ChangeDetails> {
    const checked = await this.#grant(grant);
    return this.#ask((api) => api.deactivate(checked));
  }

  /** Makes an inactive grant active again. */
  async reactivate(grant: OfGrant): Promise<ChangeDetails> {
    const checked = await this.#grant(grant);
    return this.#ask((api) => api.reactivate(checked));
  }

  /**
   * Removes a grant, with everything that was given through it. If there is no such grant, API v1 refuses. API v2
   * succeeds all the same.
   */
  async remove(grant: OfGrant): Promise<ChangeDetails> {
    const checked = await this.#grant(grant);
    return this.#ask((api) => api.remove(checked));
  }

  /**
   * Makes sure that the project is granted with exactly these roles: creates the grant, or changes the one that is there. It is
   * right even with two writers at once, a lost reply or a list that lags behind. An inactive grant stays inactive unless `reactivate` is set.
   *
   * @throws ZitadelError `grant_not_settled` when ten seconds were not enough to see what is there
   */
  async ensure(wanted: WantedGrant): Promise<EnsuredGrant> {
    const { keepOthers = false, reactivate = false } = wanted;
    // Nothing else of it: a grant that was listed is passed on with its id.
    const checked = { ...(await this.#newGrant(wanted)), keepOthers, reactivate };
    const { v1, v2 } = this.#apis;
    return askOrThrow(this.parts.generation, (asked) =>
      asked === 'v1' ? ensureByV1(v1, checked) : ensureByV2(v2, checked),
    );
  }

  #ask<T>(task: (api: ProjectGrantApi) => Promise<T>): Promise<T> {
    return askOrThrow(this.parts.generation, (asked) => task(this.#apis[asked]));
  }

  /** The first page says which generation is served; the rest of the list is of the same. */
  async *#each(
    listOf: (api: ProjectGrantApi) => AsyncGenerator<ProjectGrant, void, undefined>,
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
    // Named by neither: it is the id that is missing.
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
