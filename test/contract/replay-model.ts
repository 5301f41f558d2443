import { textAt } from './http.js';
import { MY_MEMBERSHIPS } from './real-calls.js';
import type { Request } from './replay-server.js';

export interface ModelAnswer {
  readonly status: number;
  readonly body: unknown;
  /** Whether it changed something, rather than read it. */
  readonly changes: boolean;
}

type Row = Readonly<Record<string, unknown>>;

/** What was made so far: enough for the reads by which somebody waits for it. */
interface Made {
  /** State by path, and organization where the path does not say it; `gone` where it was removed. */
  readonly states: Map<string, string>;
  /** Rows by the path of their list. */
  readonly lists: Map<string, Row[]>;
  /** What something was called when it was made, by its id. */
  readonly names: Map<string, string>;
  policy: Row;
}

const GONE = { code: 5, message: 'gone', details: [{ id: 'GONE' }] };
const VERBS: Readonly<Record<string, string>> = {
  _deactivate: 'INACTIVE',
  _reactivate: 'ACTIVE',
  _lock: 'LOCKED',
  _unlock: 'ACTIVE',
};
const MEMBERS = /\/members(\/\d+)?$/;
const BY_ID = /^\/admin\/v1\/orgs\//;
const INSTANCE = '/admin/v1/instances/me';
const POLICY = '/admin/v1/policies/security';

/** The read side of the replay server, and those changes that the recording does not have. */
export class ReplayModel {
  #now: Made = { states: new Map(), lists: new Map(), names: new Map(), policy: {} };
  #before: Made = structuredClone(this.#now);
  /** Reads that have seen the present: the first look of each is one change late. */
  readonly #looked = new Set<string>();
  #made = 0;

  constructor(private readonly ids: Readonly<Record<string, string>>) {}

  /** Takes note of a change; `body` is what it was answered. */
  change(request: Request, body: unknown): void {
    if (request.method === 'GET' || request.path.endsWith('_search')) return;
    this.#before = structuredClone(this.#now);
    this.#looked.clear();
    const { method, path } = request;
    const verb = VERBS[path.slice(path.lastIndexOf('/') + 1)];
    if (path === POLICY) this.#now.policy = request.body as Row;
    else if (MEMBERS.test(path)) this.#changeMember(request);
    else if (verb !== undefined)
      this.#now.states.set(placeOf(request, path.replace(/\/_\w+$/, '')), verb);
    else if (method === 'DELETE') this.#remove(request);
    else this.#add(request, body);
  }

  /** Undefined where nothing here knows the request. */
  answer(request: Request): ModelAnswer | undefined {
    const { method, path } = request;
    if (path === MY_MEMBERSHIPS) {
      return told(200, { details: {}, result: [{ iam: true, roles: ['IAM_OWNER'] }] });
    }
    if (path === '/oauth/v2/token') return told(200, { access_token: this.#tokenOf(request) });
    if (method !== 'GET' && !path.endsWith('_search')) return this.#changed(request);
    const key = JSON.stringify(request);
    const late = !this.#looked.has(key);
    this.#looked.add(key);
    return method === 'GET'
      ? this.#read(request, late ? this.#before : this.#now)
      : this.#list(request, late ? this.#before : this.#now);
  }

  #changed(request: Request): ModelAnswer | undefined {
    const { method, path } = request;
    const made = /\/(keys|pats|secret)$/.exec(path)?.[1];
    const probe = path.endsWith('ListAdministrators');
    if (probe) return told(200, {});
    const password = /^\/v2\/users\/\d+\/password$/.test(path);
    const known =
      method === 'DELETE' || password || path === POLICY || VERBS[path.split('/').pop() ?? ''];
    if (made === undefined && !known) return undefined;
    const body = made === undefined ? {} : this.#credential(path);
    this.change(request, body);
    return { status: 200, body, changes: true };
  }

  /** Keys, tokens and secrets were made before the recording began. */
  #credential(path: string): Row {
    this.#made += 1;
    const id = String(this.#made);
    const userId = /\/users\/(\d+)\//.exec(path)?.[1];
    const name = Object.entries(this.ids).find(([, each]) => each === userId)?.[0] ?? '';
    const file = Buffer.from(JSON.stringify({ keyId: id, userId })).toString('base64');
    if (path.endsWith('/pats')) return { tokenId: id, token: `<${name} PAT>` };
    if (path.endsWith('/secret')) return { clientSecret: `<client secret of ${name}>` };
    return { keyId: id, id, keyDetails: file };
  }

  #tokenOf({ form }: Request): string {
    return `<${(form?.['client_id'] ?? '').replace(/-\w+$/, '')} token>`;
  }

  #changeMember({ method, path, headers, body }: Request): void {
    const userId = textAt(body, 'userId') || (/\/members\/(\d+)$/.exec(path)?.[1] ?? '');
    const on = resourceOf(path, headers['x-zitadel-orgid'] ?? '');
    const list = `/management/v1/users/${userId}/memberships`;
    const rows = this.#rows(list).filter((row) => !sameResource(row, on));
    if (method !== 'DELETE') rows.push({ ...on, roles: (body as Row)['roles'] });
    this.#now.lists.set(list, rows);
  }

  #remove(request: Request): void {
    const { path } = request;
    this.#now.states.set(placeOf(request).replace(BY_ID, '/management/v1/orgs/'), 'gone');
    const at = path.lastIndexOf('/');
    const [list, id] = [path.slice(0, at), path.slice(at + 1)];
    const rows = this.#rows(list).filter((row) => row['id'] !== id && row['grantId'] !== id);
    this.#now.lists.set(list, rows);
  }

  #add({ path, body }: Request, answered: unknown): void {
    if (path.endsWith('/roles/_bulk')) {
      this.#now.lists.set(path.replace('/_bulk', ''), [
        ...((body as { roles: Row[] }).roles ?? []),
      ]);
      return;
    }
    if (/\/users\/\d+\/grants$/.test(path)) {
      this.#rows('/management/v1/users/grants').push(body as Row);
      return;
    }
    const made = answered as Row | undefined;
    const id = made?.['keyId'] ?? made?.['tokenId'] ?? made?.['id'];
    this.#rows(path).push({ id, grantId: made?.['grantId'], appId: made?.['appId'] });
    // What was made is there from the next look on.
    const { name, userName = name, username = userName } = (body ?? {}) as Row;
    for (const each of Object.values(made ?? {})) {
      if (typeof each !== 'string') continue;
      this.#now.states.set(each, 'ACTIVE');
      if (typeof username === 'string') this.#now.names.set(each, username);
    }
  }

  #rows(list: string): Row[] {
    const rows = this.#now.lists.get(list) ?? [];
    this.#now.lists.set(list, rows);
    return rows;
  }

  #read(request: Request, made: Made): ModelAnswer {
    const { path } = request;
    if (path === INSTANCE) return told(200, { instance: { version: 'v4.20.0' } });
    if (path === POLICY) return told(200, { policy: { details: {}, ...made.policy } });
    const place = placeOf(request);
    const id = place.split('/').pop() ?? '';
    const state = made.states.get(place) ?? made.states.get(id);
    if (state === undefined || state === 'gone') return told(404, GONE);
    const kind = /\/(\w+?)s(?:\/me)?(?:\/\d+)?$/.exec(path)?.[1] ?? '';
    const name = { [kind === 'user' ? 'userName' : 'name']: made.names.get(id) };
    return told(200, { [kind]: { id, ...name, state: `${kind.toUpperCase()}_STATE_${state}` } });
  }

  #list({ path }: Request, made: Made): ModelAnswer {
    const list = path.replace('/_search', '');
    const rows = (made.lists.get(list) ?? []).map((row) => {
      const state = made.states.get(`${list}/${String(row['grantId'])}`) ?? 'ACTIVE';
      return row['grantId'] === undefined ? row : { ...row, state: `PROJECT_GRANT_STATE_${state}` };
    });
    return told(200, rows.length === 0 ? {} : { result: rows });
  }
}

function told(status: number, body: unknown): ModelAnswer {
  return { status, body, changes: false };
}

/** `orgs/me` is whichever organization the header names. */
function placeOf({ path, headers }: Request, of = path): string {
  return of.replace(/\/me$/, `/${headers['x-zitadel-orgid'] ?? 'own'}`);
}

function resourceOf(path: string, orgId: string): Row {
  const [, projectId, grantId] = /projects\/(\d+)(?:\/grants\/(\d+))?/.exec(path) ?? [];
  if (grantId !== undefined) return { projectGrantId: grantId };
  if (projectId !== undefined) return { projectId };
  return path.startsWith('/admin/') ? { iam: true } : { orgId };
}

function sameResource(row: Row, on: Row): boolean {
  return Object.entries(on).every(([name, value]) => row[name] === value);
}
