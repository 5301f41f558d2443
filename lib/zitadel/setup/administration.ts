import { type Call, OURSELVES } from '../call.js';
import type { Http } from '../http.js';
import { isId, isRecord, textOf } from '../reading.js';
import { bodyOrThrow, unusable } from '../refusals.js';
import { isDone, isTrouble } from '../reply.js';

export type Json = Readonly<Record<string, unknown>>;

/** One call, as each of the two kinds of API has it. The rows of a list stand under `result`, or in connect under the name. */
export interface Ways {
  readonly rest: readonly [method: Call['method'], path: string, json?: Json];
  readonly connect: readonly [rpc: string, message: Json, rows?: string];
}

/** The part of a search by API v1 that asks for all rows at once: far more than a list has that is read here. Servers refuse a larger limit. */
export const ALL_ROWS: Json = { query: { limit: 1_000 } };
/** The same for v2, whose maximum may be smaller. */
export const ALL_ROWS_V2: Json = { pagination: { limit: 100 } };

/**
 * ZITADEL as an administrator: by REST, and by connect once the server does not have that any more. What it makes, it makes in the
 * organization that was entered, or on the instance if none was. It throws a ZitadelError if ZITADEL does not do something.
 */
export class Administration {
  readonly #http: Http;
  readonly #token: string;
  readonly #family: string;
  #isRestServed = true;
  #orgId: string | undefined;

  constructor(http: Http, token: string, family = 'administration') {
    this.#http = http;
    this.#token = token;
    this.#family = family;
  }

  /** The organization in which everything is made. @throws Error before {@link enter} */
  get orgId(): string {
    if (this.#orgId === undefined) throw new Error('no organization was entered');
    return this.#orgId;
  }

  /** Finds out which organization is meant: this one, or else that of the administrator. Returns its name. */
  async enter(orgId: string | undefined): Promise<string> {
    this.#orgId = orgId;
    const what = 'organization';
    const mine = await this.#rest(['GET', '/management/v1/orgs/me'], true);
    if (mine) {
      const { id, name } = recordOf(bodyOrThrow(mine, what)['org'], what);
      this.#orgId = idFrom(id, what);
      return textOf(name);
    }
    const id = orgId ?? (await this.#ownOrg());
    this.#orgId = id;
    const queries = [{ idQuery: { id } }];
    const list = ['org.v2.OrganizationService/ListOrganizations', { queries }] as const;
    const [org] = rowsIn(bodyOrThrow(await this.#connect(list, true), what), 'result', what);
    return textOf(org?.['name']);
  }

  /** Does something, and returns what ZITADEL says of it. `repeatable`: it only reads. */
  async do(what: string, { rest, connect }: Ways, repeatable = false): Promise<Json> {
    const byRest = this.#isRestServed ? await this.#rest(rest, repeatable) : undefined;
    return bodyOrThrow(byRest ?? (await this.#connect(connect, repeatable)), what);
  }

  /** Reads a list. */
  async list(what: string, ways: Ways): Promise<readonly Json[]> {
    const body = await this.do(what, ways, true);
    const [, , name = 'result'] = ways.connect;
    return rowsIn(body, this.#isRestServed ? 'result' : name, what);
  }

  /** The user of the token says which organization it belongs to. */
  async #ownOrg(): Promise<string> {
    const what = 'user of the token';
    const userinfo = await this.#send({ method: 'GET', path: '/oidc/v1/userinfo' }, true);
    const userId = idFrom(bodyOrThrow(userinfo, what)['sub'], what);
    const reply = await this.#connect(['user.v2.UserService/GetUserByID', { userId }], true);
    const { details } = recordOf(bodyOrThrow(reply, what)['user'], what);
    return idFrom(recordOf(details, what)['resourceOwner'], what);
  }

  /** Undefined: the server does not have it any more. */
  async #rest([method, path, json]: Ways['rest'], repeatable: boolean) {
    const reply = await this.#send({ method, path, json, orgId: this.#orgId }, repeatable);
    const isGone = !isDone(reply) && !isTrouble(reply) && reply.says === 'notServed';
    if (isGone) this.#isRestServed = false;
    return isGone ? undefined : reply;
  }

  #connect([rpc, json]: Ways['connect'], repeatable: boolean) {
    return this.#send({ method: 'POST', path: `/zitadel.${rpc}`, json }, repeatable);
  }

  #send(call: Pick<Call, 'method' | 'path' | 'json' | 'orgId'>, repeatable: boolean) {
    const [family, token] = [this.#family, this.#token];
    return this.#http({ ...call, family, token, who: OURSELVES, repeatable });
  }
}

function rowsIn(body: Json, name: string, what: string): readonly Json[] {
  const rows = body[name] ?? [];
  if (!Array.isArray(rows) || !rows.every(isRecord)) throw unusable(what);
  return rows;
}

/** @throws ZitadelUnavailableError if ZITADEL did not say an id */
export function idFrom(value: unknown, what: string): string {
  if (isId(value)) return value;
  throw unusable(what);
}

/** @throws ZitadelUnavailableError if it is not an object */
export function recordOf(value: unknown, what: string): Json {
  if (isRecord(value)) return value;
  throw unusable(what);
}

/** When ZITADEL made something, by its own clock, in milliseconds since 1970. v1 says it in the details, v2 beside them. */
export function madeAt(row: Json): number {
  return momentOf(row, 'creationDate');
}

/** When ZITADEL last changed something. */
export function changedAt(row: Json): number {
  return momentOf(row, 'changeDate');
}

function momentOf(row: Json, name: string): number {
  const details = isRecord(row['details']) ? row['details'] : {};
  return Date.parse(textOf(row[name] ?? details[name]));
}

/** A part of a path. */
export function segment(id: string): string {
  return encodeURIComponent(id);
}

const METADATA = '/management/v1/metadata';
const ORGANIZATIONS = 'org.v2.OrganizationService';

/** A text that is kept at the organization. */
interface Kept {
  readonly text: string;
  readonly changedAt: number;
}

/** Reads what is kept at the organization under this key. */
export async function readMetadata(
  administration: Administration,
  key: string,
): Promise<Kept | undefined> {
  const { orgId: organizationId } = administration;
  const queries = [{ keyQuery: { key, method: 'TEXT_QUERY_METHOD_EQUALS' } }];
  const message = { organizationId, ...ALL_ROWS_V2 };
  const rows = await administration.list('metadata of the organization', {
    rest: ['POST', `${METADATA}/_search`, { queries }],
    connect: [`${ORGANIZATIONS}/ListOrganizationMetadata`, message, 'metadata'],
  });
  const row = rows.find((each) => each['key'] === key);
  const text = Buffer.from(textOf(row?.['value']), 'base64').toString();
  return row && { text, changedAt: changedAt(row) };
}

export async function writeMetadata(
  administration: Administration,
  key: string,
  text: string,
): Promise<void> {
  const { orgId: organizationId } = administration;
  const value = Buffer.from(text).toString('base64');
  const message = { organizationId, metadata: [{ key, value }] };
  await administration.do('metadata of the organization', {
    rest: ['POST', `${METADATA}/${segment(key)}`, { value }],
    connect: [`${ORGANIZATIONS}/SetOrganizationMetadata`, message],
  });
}

export async function removeMetadata(administration: Administration, key: string): Promise<void> {
  const { orgId: organizationId } = administration;
  await administration.do('metadata of the organization', {
    rest: ['DELETE', `${METADATA}/${segment(key)}`],
    connect: [`${ORGANIZATIONS}/DeleteOrganizationMetadata`, { organizationId, keys: [key] }],
  });
}
