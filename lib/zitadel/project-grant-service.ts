import { ZitadelArgumentError } from '../core/errors.js';
import { bodyOrThrow, ZitadelApiError, ZitadelUnavailableError } from './api-error.js';
import { ensureProjectGrant, type EnsuredGrant, type WantedGrant } from './ensure-project-grant.js';
import type { Call } from './exchange.js';
import { answerOrThrow, requireServiceToken, totalOf } from './membership-list.js';
import { detailsFrom, grantFrom, type ProjectGrant } from './project-grant.js';
import { requireId } from './require-id.js';
import type { ServiceToken } from './service-token.js';

/** A project, and the organization that owns it. */
export interface OfProject {
  readonly projectId: string;
  /**
   * The organization that owns the project, which ZITADEL's v1 API asks for in `x-zitadel-orgid`. Left out, it is what was learned
   * before, or what the option `projectOwner` says, or the service user's own organization.
   */
  readonly organizationId?: string;
}

/** One project grant of a project. */
export interface OfGrant extends OfProject {
  readonly grantId: string;
}

/** A project grant to be made. */
export interface NewGrant extends OfProject {
  /** The organization to which the project is granted. */
  readonly grantedOrgId: string;
  /** The roles of the project that it may give to its users. */
  readonly roleKeys: readonly string[];
}

/** Which project grants to list. */
export interface GrantFilter {
  readonly organizationId?: string;
  readonly projectId?: string;
  readonly grantedOrgId?: string;
}

/** What ZITADEL says about a change. */
export interface ChangeDetails {
  readonly details: ProjectGrant['details'];
}

const PAGE = 1_000;

/**
 * Grants projects to other organizations, as the service user (ZITADEL Management API v1). Every method throws `ZitadelApiError` when
 * ZITADEL refuses (by its error id, with a remedy), `ZitadelUnavailableError` when it gives no usable answer, `ZitadelArgumentError`
 * before anything is sent, and `ZitadelError` `service_user_refused` when the service user cannot sign in. A write is sent once.
 */
export class ProjectGrantService {
  constructor(
    private readonly serviceToken: ServiceToken | undefined,
    private readonly idPattern: RegExp,
    private readonly ownerOf: (projectId: string) => Promise<string | undefined>,
  ) {}

  /** Add Project Grant, `POST /management/v1/projects/{projectId}/grants`. A second grant to the same organization is refused. */
  async add(grant: NewGrant): Promise<ChangeDetails & { readonly grantId: string }> {
    const json = {
      grantedOrgId: this.#id(grant.grantedOrgId, 'grantedOrgId'),
      roleKeys: roleKeysOf(grant.roleKeys),
    };
    const body = await this.#call('Add Project Grant', 'POST', grant, '', json);
    const { grantId } = body;
    if (typeof grantId !== 'string' || grantId === '') throw unusable('Add Project Grant');
    return { grantId, details: detailsFrom(body['details']) };
  }

  /**
   * Get Project Grant By ID, `GET /management/v1/projects/{projectId}/grants/{grantId}`. ZITADEL ignores the project in the path; a grant
   * of another project is refused here.
   */
  async get(grant: OfGrant): Promise<ProjectGrant> {
    const what = 'Get Project Grant';
    const body = await this.#call(what, 'GET', grant, this.#grantPath(grant));
    const found = grantFrom(body['projectGrant']);
    if (found?.grantId !== grant.grantId) throw unusable(what);
    if (found.projectId === grant.projectId) return found;
    throw new ZitadelApiError(404, undefined, 'this grant is not one of this project', what);
  }

  /**
   * Search Project Grants, `POST /management/v1/projects/{projectId}/grants/_search`, or, without a project, all of the organization
   * (`POST /management/v1/projectgrants/_search`). ZITADEL's read side may lag behind the latest changes.
   */
  async *list(filter: GrantFilter = {}): AsyncGenerator<ProjectGrant, void, undefined> {
    const { organizationId, projectId, grantedOrgId } = filter;
    if (grantedOrgId !== undefined) this.#id(grantedOrgId, 'grantedOrgId');
    if (projectId !== undefined) {
      const of: OfProject = { projectId, ...(organizationId !== undefined && { organizationId }) };
      const orgId = await this.#owner(of);
      const path = `${this.#projectPath(of)}/grants/_search`;
      for await (const grant of this.#search('Search Project Grants', path, orgId, [])) {
        if (grantedOrgId === undefined || grant.grantedOrgId === grantedOrgId) yield grant;
      }
      return;
    }
    const queries = grantedOrgId === undefined ? [] : [{ grantedOrgIdQuery: { grantedOrgId } }];
    const path = '/management/v1/projectgrants/_search';
    yield* this.#search('Search All Project Grants', path, this.#org(organizationId), queries);
  }

  /** List Granted Projects, `POST /management/v1/granted_projects/_search`: what was granted *to* an organization. */
  async *listGranted(
    of: { readonly organizationId?: string } = {},
  ): AsyncGenerator<ProjectGrant, void, undefined> {
    const path = '/management/v1/granted_projects/_search';
    yield* this.#search('List Granted Projects', path, this.#org(of.organizationId), []);
  }

  /** Update Project Grant, `PUT .../grants/{grantId}`: exactly these roles. Roles taken away are taken from the users who hold them. */
  async changeRoles(
    grant: OfGrant & { readonly roleKeys: readonly string[] },
  ): Promise<ChangeDetails> {
    const json = { roleKeys: roleKeysOf(grant.roleKeys) };
    return this.#change('Update Project Grant', 'PUT', grant, '', json);
  }

  /** Deactivate Project Grant, `POST .../grants/{grantId}/_deactivate`. Managers of the grant keep their roles. */
  deactivate(grant: OfGrant): Promise<ChangeDetails> {
    return this.#change('Deactivate Project Grant', 'POST', grant, '/_deactivate', {});
  }

  /** Reactivate Project Grant, `POST .../grants/{grantId}/_reactivate`. */
  reactivate(grant: OfGrant): Promise<ChangeDetails> {
    return this.#change('Reactivate Project Grant', 'POST', grant, '/_reactivate', {});
  }

  /** Remove Project Grant, `DELETE .../grants/{grantId}`, with everything that was given through it. */
  remove(grant: OfGrant): Promise<ChangeDetails> {
    return this.#change('Remove Project Grant', 'DELETE', grant, '');
  }

  /**
   * Makes sure that the project is granted with exactly these roles: creates the grant, or changes the one that is there. Right under
   * two writers at once, a lost answer and a lagging list; an inactive grant stays inactive unless `reactivate` is set.
   *
   * @throws ZitadelError `grant_not_settled` when ten seconds were not enough to see what is there
   */
  async ensure(wanted: WantedGrant): Promise<EnsuredGrant> {
    this.#id(wanted.projectId, 'projectId');
    this.#id(wanted.grantedOrgId, 'grantedOrgId');
    const organizationId = await this.#owner(wanted);
    return ensureProjectGrant(this, {
      ...wanted,
      roleKeys: roleKeysOf(wanted.roleKeys),
      ...(organizationId !== undefined && { organizationId }),
    });
  }

  async *#search(
    what: string,
    path: string,
    orgId: string | undefined,
    queries: readonly object[],
  ): AsyncGenerator<ProjectGrant, void, undefined> {
    const seen = new Set<string>();
    for (let offset = 0; ; offset += PAGE) {
      const query = { offset: String(offset), limit: PAGE, asc: true };
      const json = { query, ...(queries.length > 0 && { queries }) };
      const body = await this.#send(what, { method: 'POST', path, orgId, json, repeatable: true });
      const { result = [] } = body;
      if (!Array.isArray(result)) throw unusable(what);
      const before = seen.size;
      for (const row of result as readonly unknown[]) {
        const grant = grantFrom(row);
        if (!grant) throw unusable(what);
        if (seen.has(grant.grantId)) continue;
        seen.add(grant.grantId);
        yield grant;
      }
      if (result.length < PAGE) {
        // ZITADEL promises no order: pages that overlap leave rows out.
        if (seen.size < totalOf(body)) throw unusable(what);
        return;
      }
      if (seen.size === before) throw unusable(what);
    }
  }

  async #change(
    what: string,
    method: Call['method'],
    grant: OfGrant,
    verb: string,
    json?: object,
  ): Promise<ChangeDetails> {
    const body = await this.#call(what, method, grant, this.#grantPath(grant) + verb, json);
    return { details: detailsFrom(body['details']) };
  }

  async #call(
    what: string,
    method: Call['method'],
    of: OfProject,
    rest: string,
    json?: object,
  ): Promise<Readonly<Record<string, unknown>>> {
    const path = `${this.#projectPath(of)}/grants${rest}`;
    const orgId = await this.#owner(of);
    return this.#send(what, { method, path, orgId, json, repeatable: method === 'GET' });
  }

  async #send(
    what: string,
    call: Omit<Call, 'family'>,
  ): Promise<Readonly<Record<string, unknown>>> {
    const token = requireServiceToken(this.serviceToken, what);
    const reply = await token.call({ ...call, family: 'grants', who: 'service user' });
    return bodyOrThrow(answerOrThrow(reply, what), what);
  }

  async #owner({ organizationId, projectId }: OfProject): Promise<string | undefined> {
    const id = this.#id(projectId, 'projectId');
    return this.#org(organizationId === undefined ? await this.ownerOf(id) : organizationId);
  }

  #org(organizationId: string | undefined): string | undefined {
    return organizationId === undefined ? undefined : this.#id(organizationId, 'organizationId');
  }

  #projectPath({ projectId }: OfProject): string {
    return `/management/v1/projects/${encodeURIComponent(this.#id(projectId, 'projectId'))}`;
  }

  #grantPath({ grantId }: OfGrant): string {
    return `/${encodeURIComponent(this.#id(grantId, 'grantId'))}`;
  }

  #id(value: unknown, argument: string): string {
    return requireId(value, argument, this.idPattern);
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

function unusable(what: string): ZitadelUnavailableError {
  return new ZitadelUnavailableError(what, 'ZITADEL’s answer does not fit the question');
}
