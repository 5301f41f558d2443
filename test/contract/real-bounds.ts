import { errorIdIn, textAt, type Answer } from './http.js';
import type { Call, RealApi } from './real-api.js';
import { DISOBEYED, EXECUTIONS, get, ORG_OF_HEADER, ORGS, TARGETS, V1 } from './real-calls.js';
import type { Org, User } from './world.js';

/** A change that did not happen: it was refused, or not even asked for. */
export class NothingChanged extends Error {}

/** Something that this run did not make could be changed. No change is asked for any more after it. */
export class NotOurs extends Error {}

/** Whether what a change is addressed to is there, and of this run. */
export type Standing = 'ours' | 'gone';

/**
 * What a run may change on a real server: what it made itself, and the security policy. The management API takes
 * the organization from a header, and without it the one of the token's owner; so before each change the server has
 * to show that it knows which organization is meant.
 */
export class RealBounds {
  readonly #orgs = new Map<string, string>();
  readonly #users = new Map<string, User>();
  readonly #sessions = new Set<string>();
  readonly #targets = new Set<string>();
  #stopped: NotOurs | undefined;

  constructor(
    private readonly api: RealApi,
    private readonly root: Org,
    private readonly suffix: string,
  ) {}

  noteOrg({ id, name }: Org): void {
    if (id === this.root.id) {
      throw this.#stop(`as organization ${name} the server gave your own, ${id}`);
    }
    this.#orgs.set(id, name);
  }

  noteUser(user: User): void {
    this.#users.set(user.id, user);
  }

  noteSession(id: string): void {
    this.#sessions.add(id);
  }

  noteTarget(id: string): void {
    this.#targets.add(id);
  }

  /** @throws NotOurs when the change is addressed to anything else, or the server does not show that it is not */
  async check(call: Call): Promise<Standing> {
    this.checkObedience();
    return call.org === undefined ? this.#ofInstance(call) : this.#inOrg(call, call.org);
  }

  /** @throws NotOurs when the server was found out before */
  checkObedience(): void {
    if (this.#stopped) throw this.#stopped;
  }

  /** Looks at what a change was answered. @throws NotOurs when it was done in another organization */
  checkAnswer({ method, path, org }: Call, body: Answer['body']): void {
    const owner = textAt(body, 'details', 'resourceOwner');
    if (org === undefined || owner === '' || owner === org) return;
    throw this.#stop(`${method} ${path} was for organization ${org} and happened in ${owner}`);
  }

  /** Asks which organization the header means. */
  async org(id: string): Promise<Standing> {
    const name = this.#orgs.get(id);
    if (name === undefined) throw this.#stop(`organization ${id} was not made by this run`);
    const answer = await this.api.ask(get(ORG_OF_HEADER, id));
    if (isGone(answer)) return 'gone';
    const found = textAt(understood(answer, ORG_OF_HEADER), 'org', 'id');
    if (found !== id) {
      throw this.#stop(
        `${DISOBEYED}: asked about organization ${id} (${name}) it answered about ${found}`,
      );
    }
    const called = textAt(answer.body, 'org', 'name');
    if (called === name && name.endsWith(`-${this.suffix}`)) {
      // One that was removed stays readable, without a state.
      return textAt(answer.body, 'org', 'state') === '' ? 'gone' : 'ours';
    }
    throw this.#stop(`organization ${id} is called '${called}', not '${name}'`);
  }

  async #user(id: string): Promise<Standing> {
    const user = this.#users.get(id);
    if (user === undefined) throw this.#stop(`user ${id} was not made by this run`);
    const path = `${V1}/users/${id}`;
    const answer = await this.api.ask(get(path, user.orgId));
    if (isGone(answer)) return 'gone';
    const called = textAt(understood(answer, path), 'user', 'userName');
    if (called === user.userName && called.endsWith(`-${this.suffix}`)) return 'ours';
    throw this.#stop(`user ${id} is called '${called}', not '${user.userName}'`);
  }

  #inOrg({ method, path }: Call, org: string): Promise<Standing> {
    if (org !== this.root.id) return this.org(org);
    // In the operator's own organization the run has users, and nothing else.
    if (method === 'POST' && path === `${V1}/users/machine`) return OURS;
    const user = /^\/management\/v1\/users\/(\d+)(?:\/\w+)*$/.exec(path)?.[1];
    if (user !== undefined) return this.#user(user);
    throw this.#stop(`${method} ${path} would change your own organization`);
  }

  #ofInstance({ method, path, body, token }: Call): Promise<Standing> {
    const line = `${method} ${path}`;
    if (line === `POST ${V1}/orgs` || line === 'PUT /admin/v1/policies/security') return OURS;
    if (line === `POST ${TARGETS}`) return OURS;
    if (line === `DELETE ${TARGETS}/${lastOf(path)}` && this.#targets.has(lastOf(path)))
      return OURS;
    if (line === `PUT ${EXECUTIONS}` && this.#isForOurTargets(body)) return OURS;
    if (line === 'POST /v2/users/new') return this.org(textAt(body, 'organizationId'));
    if (line === 'POST /admin/v1/members') return this.#user(textAt(body, 'userId'));
    if (line === `DELETE ${ORGS}/${lastOf(path)}`) return this.org(lastOf(path));
    const person = /^POST \/v2\/users\/(\d+)\/password$/.exec(line)?.[1];
    if (person !== undefined) return this.#user(person);
    if (/^(PUT|DELETE) \/admin\/v1\/members\/\d+$/.test(line)) return this.#user(lastOf(path));
    if (token !== undefined) {
      if (/^POST \/v2\/(sessions|oidc\/auth_requests\/\w+)$/.test(line)) return OURS;
      const session = line === `DELETE /v2/sessions/${lastOf(path)}`;
      if (session && this.#sessions.has(lastOf(path))) return OURS;
    }
    throw this.#stop(`${line} is nothing that this run may change`);
  }

  /** What an event calls is replaced: by a target of ours, never by nothing. */
  #isForOurTargets(body: unknown): boolean {
    const { targets } = Object(body) as { readonly targets?: unknown };
    if (!Array.isArray(targets) || targets.length === 0) return false;
    return targets.every((id) => this.#targets.has(String(id)));
  }

  #stop(why: string): NotOurs {
    this.#stopped ??= new NotOurs(why);
    return this.#stopped;
  }
}

const OURS = Promise.resolve<Standing>('ours');

/** ZITADEL itself says that something is not there; a gateway, or a route that is not served, has no error id. */
export function isGone({ status, body }: Answer): boolean {
  const id = errorIdIn(body);
  return (status === 404 && id !== '') || (status === 403 && id === 'AUTH-Bs7Ds');
}

function understood({ status, text, body }: Answer, path: string): Answer['body'] {
  if (status === 200) return body;
  throw new Error(`GET ${path}: ${String(status)} ${text.slice(0, 200)}`);
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
