import { LRUCache } from 'lru-cache';
import { checkId } from '../core/request.js';
import type { Facts, GrantFact, Need } from '../core/decide.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { errorIdOf, isRecord } from './error-id.js';
import type { Answered, Call, Trouble } from './exchange.js';
import type { Http } from './http.js';
import { grantFrom } from './project-grant.js';
import { refusalOf, type AskedAs } from './reply-refusal.js';
import type { ServiceToken } from './service-token.js';

/** Where facts about resources come from. */
export interface LookupOptions {
  readonly http: Http;
  /** Asked in its name instead of the caller's. */
  readonly serviceToken: ServiceToken | undefined;
  /** The application's own knowledge of who owns a project, asked last. */
  readonly projectOwner: ((projectId: string) => Promise<string | undefined>) | undefined;
  readonly idPattern: RegExp;
  /** How long a project grant is remembered, in milliseconds: grants can be removed. */
  readonly ttlMs: number;
}

const NEGATIVE_MS = 30_000;
/** A caller may hold rows in any number of organizations; more than this are not asked one by one. */
const MOST_ORGS = 100;
const AT_ONCE = 4;

/** What ZITADEL says about projects and project grants. The owner of a project never changes, so it is remembered for long. */
export class Lookups {
  readonly #owners = new LRUCache<string, string>({ max: 50_000 });
  readonly #grants = new LRUCache<string, { fact: GrantFact; until: number }>({ max: 50_000 });
  readonly #nothing = new LRUCache<string, number>({ max: 50_000 });
  readonly #as: AskedAs;

  constructor(private readonly options: LookupOptions) {
    this.#as = options.serviceToken ? 'serviceUser' : 'caller';
  }

  /** What is remembered. */
  readonly facts: Facts = {
    ownerOf: (projectId) => this.#owners.get(projectId),
    grantOf: (grantId) => this.#grantAt(grantKey(grantId)),
    grantBetween: (projectId, orgId) => this.#grantAt(betweenKey(projectId, orgId)),
  };

  /** Asks for every need; what is not found is `null` in the facts that come back. */
  async ask(needs: readonly Need[], userId: string, token: string): Promise<Facts | Refusal> {
    for (const need of needs) {
      const refusal = await this.#askOne(need, userId, token);
      if (refusal) return refusal;
    }
    return {
      ownerOf: (projectId) => this.facts.ownerOf(projectId) ?? null,
      grantOf: (grantId) => this.facts.grantOf(grantId) ?? null,
      grantBetween: (projectId, orgId) => this.facts.grantBetween(projectId, orgId) ?? null,
    };
  }

  async #askOne(need: Need, userId: string, token: string): Promise<Refusal | undefined> {
    switch (need.fact) {
      case 'owner': {
        const { projectId, orgIds } = need;
        if (this.#owners.has(projectId)) return undefined;
        const refusal = await this.#underEach(orgIds, ['owner', projectId, userId], (orgId) =>
          this.#askOwner(projectId, orgId, userId, token),
        );
        return refusal || this.#owners.has(projectId) ? refusal : this.#askApplication(projectId);
      }
      case 'grant': {
        const { grantId, orgIds } = need;
        return this.#underEach(orgIds, ['grant', grantId, userId], (orgId) =>
          this.#askGrant(grantId, orgId, userId, token),
        );
      }
      case 'grantBetween': {
        const { projectId, grantedOrgId } = need;
        return this.#underEach([grantedOrgId], ['between', projectId, userId], (orgId) =>
          this.#askGrantBetween(projectId, orgId, userId, token),
        );
      }
    }
  }

  /** Asks under one organization after the other until one knows; remembers for a while which did not. */
  async #underEach(
    orgIds: readonly string[],
    about: readonly string[],
    ask: (orgId: string) => Promise<boolean | Refusal>,
  ): Promise<Refusal | undefined> {
    const keyOf = (orgId: string) => JSON.stringify([...about, orgId]);
    const now = performance.now();
    const left = orgIds
      .slice(0, MOST_ORGS)
      .filter((orgId) => !((this.#nothing.get(keyOf(orgId)) ?? 0) > now));
    for (let from = 0; from < left.length; from += AT_ONCE) {
      const batch = left.slice(from, from + AT_ONCE);
      const answers = await Promise.all(batch.map(ask));
      if (answers.includes(true)) return undefined;
      for (const [position, answer] of answers.entries()) {
        if (typeof answer === 'object') return answer;
        this.#nothing.set(keyOf(batch[position] ?? ''), performance.now() + NEGATIVE_MS);
      }
    }
    return undefined;
  }

  /** Get Project, `GET /management/v1/projects/{id}`: answers only under the organization that owns the project. */
  async #askOwner(
    projectId: string,
    orgId: string,
    userId: string,
    token: string,
  ): Promise<boolean | Refusal> {
    const path = `/management/v1/projects/${encodeURIComponent(projectId)}`;
    const body = await this.#get({ family: 'project', method: 'GET', path, orgId }, userId, token);
    if (typeof body === 'boolean' || isRefusal(body)) return body;
    const { project } = body;
    const details: unknown = isRecord(project) ? project['details'] : undefined;
    const owner: unknown = isRecord(details) ? details['resourceOwner'] : undefined;
    if (!isRecord(project) || project['id'] !== projectId || typeof owner !== 'string') {
      return { reason: 'unavailable', detail: 'project: the answer is about something else' };
    }
    this.#owners.set(projectId, owner);
    return true;
  }

  async #askApplication(projectId: string): Promise<Refusal | undefined> {
    const key = JSON.stringify(['application', projectId]);
    if (!this.options.projectOwner || (this.#nothing.get(key) ?? 0) > performance.now()) {
      return undefined;
    }
    let owner: unknown;
    try {
      owner = await this.options.projectOwner(projectId);
    } catch {
      return { reason: 'unavailable', detail: 'the option projectOwner threw or rejected' };
    }
    const checked = checkId(owner ?? undefined, this.options.idPattern);
    if (typeof checked === 'string') this.#owners.set(projectId, checked);
    else if (checked === undefined) this.#nothing.set(key, performance.now() + NEGATIVE_MS);
    else return { reason: 'misconfigured', detail: 'the option projectOwner answered no id' };
    return undefined;
  }

  /** Get Project Grant, `GET /management/v1/projects/{any}/grants/{grantId}`: ZITADEL looks at the grant id alone. */
  async #askGrant(
    grantId: string,
    orgId: string,
    userId: string,
    token: string,
  ): Promise<boolean | Refusal> {
    const path = `/management/v1/projects/0/grants/${encodeURIComponent(grantId)}`;
    const body = await this.#get({ family: 'grant', method: 'GET', path, orgId }, userId, token);
    if (typeof body === 'boolean' || isRefusal(body)) return body;
    const grant = grantFrom(body['projectGrant']);
    if (grant?.grantId !== grantId) {
      return { reason: 'unavailable', detail: 'project grant: the answer is about something else' };
    }
    this.#remember(grant);
    return true;
  }

  /** List Granted Projects, `POST /management/v1/granted_projects/_search`, under the granted organization. */
  async #askGrantBetween(
    projectId: string,
    orgId: string,
    userId: string,
    token: string,
  ): Promise<boolean | Refusal> {
    const path = '/management/v1/granted_projects/_search';
    const call: Call = { family: 'grantedProjects', method: 'POST', path, orgId, json: {} };
    const body = await this.#get(call, userId, token);
    if (typeof body === 'boolean' || isRefusal(body)) return body;
    const rows: readonly unknown[] = Array.isArray(body['result']) ? body['result'] : [];
    const grants = rows.map(grantFrom);
    const grant = grants.find(
      (each) => each?.projectId === projectId && each.grantedOrgId === orgId,
    );
    if (!grant) return false;
    this.#remember(grant);
    return true;
  }

  #remember({ grantId, projectId, grantedOrgId }: GrantFact): void {
    const known = {
      fact: Object.freeze({ grantId, projectId, grantedOrgId }),
      until: performance.now() + Math.max(this.options.ttlMs, 1_000),
    };
    this.#grants.set(grantKey(grantId), known);
    this.#grants.set(betweenKey(projectId, grantedOrgId), known);
  }

  #grantAt(key: string): GrantFact | undefined {
    const known = this.#grants.get(key);
    return known && known.until > performance.now() ? known.fact : undefined;
  }

  /** The body; false where ZITADEL says that there is nothing, or nothing that this caller may see. */
  async #get(
    call: Call,
    userId: string,
    token: string,
  ): Promise<Readonly<Record<string, unknown>> | false | Refusal> {
    const asked: Call = { ...call, who: userId, repeatable: true };
    const { serviceToken, http } = this.options;
    const reply: Answered | Trouble | Refusal = serviceToken
      ? await serviceToken.call(asked)
      : await http({ ...asked, token });
    if (isRefusal(reply)) return reply;
    if ('trouble' in reply) return refusalOf(reply, this.#as, 'look-up');
    if (reply.status === 200 && isRecord(reply.body)) return reply.body;
    const said = errorIdOf(reply.body) !== undefined;
    if (said && reply.status === 404) return false;
    if (said && reply.status === 403 && errorIdOf(reply.body) !== 'AUTHZ-Kl3p0') return false;
    return refusalOf(reply, this.#as, 'look-up');
  }
}

const grantKey = (grantId: string) => JSON.stringify([grantId]);
const betweenKey = (projectId: string, orgId: string) => JSON.stringify([projectId, orgId]);
