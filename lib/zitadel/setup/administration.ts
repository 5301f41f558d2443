import { type Call, OURSELVES } from '../call.js';
import type { Http } from '../http.js';
import { isRecord, textOf } from '../reading.js';
import { bodyOrThrow, unusable } from '../refusals.js';
import { isDone, isTrouble } from '../reply.js';

export type Json = Readonly<Record<string, unknown>>;

/** One call, as either generation of ZITADEL's API has it. */
export interface Ways {
  readonly v1: Pick<Call, 'method' | 'path' | 'json'>;
  readonly v2: { readonly rpc: string; readonly message: Json };
}

/** Far more rows than a list has that is read here. Servers refuse a larger limit. */
const MOST_ROWS = 1_000;

/** The part of a v1 search that asks for all rows at once. */
export const ALL_ROWS: Json = { limit: MOST_ROWS };
/** The same for v2, whose maximum may be smaller. */
export const ALL_ROWS_V2: Json = { limit: 100 };

/** ZITADEL's administration in one organization, as an administrator. Each function of this room throws a ZitadelError if ZITADEL does not do it. */
export class Administration {
  readonly #http: Http;
  readonly #token: string;
  #isV1Served = true;
  #orgId: string | undefined;

  constructor(http: Http, token: string) {
    this.#http = http;
    this.#token = token;
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
    const mine = await this.#v1({ method: 'GET', path: '/management/v1/orgs/me' }, true);
    if (mine) {
      const { id, name } = recordOf(bodyOrThrow(mine, what)['org'], what);
      this.#orgId = idFrom(id, what);
      return textOf(name);
    }
    const id = orgId ?? (await this.#ownOrg());
    this.#orgId = id;
    const [org] = await this.list(what, {
      v1: { method: 'GET', path: '' },
      v2: {
        rpc: 'org.v2.OrganizationService/ListOrganizations',
        message: { queries: [{ idQuery: { id } }] },
      },
    });
    return textOf(org?.['name']);
  }

  /** Does something, and returns what ZITADEL says of it. */
  async do(what: string, ways: Ways): Promise<Json> {
    return bodyOrThrow(await this.#ask(ways, false), what);
  }

  /** Reads a list. Its rows stand under `name` in v2, and under `result` in v1. */
  async list(what: string, ways: Ways, name = 'result'): Promise<readonly Json[]> {
    const body = bodyOrThrow(await this.#ask(ways, true), what);
    const rows = (this.#isV1Served ? body['result'] : body[name]) ?? [];
    if (!Array.isArray(rows) || !rows.every(isRecord)) throw unusable(what);
    return rows;
  }

  /** The user of the token says which organization it belongs to. */
  async #ownOrg(): Promise<string> {
    const what = 'user of the token';
    const userinfo = await this.#http({
      ...this.#common(true),
      method: 'GET',
      path: '/oidc/v1/userinfo',
    });
    const userId = idFrom(bodyOrThrow(userinfo, what)['sub'], what);
    const reply = await this.#v2('user.v2.UserService/GetUserByID', { userId }, true);
    const { details } = recordOf(bodyOrThrow(reply, what)['user'], what);
    return idFrom(recordOf(details, what)['resourceOwner'], what);
  }

  async #ask({ v1, v2 }: Ways, repeatable: boolean) {
    return (
      (this.#isV1Served && (await this.#v1(v1, repeatable))) ||
      this.#v2(v2.rpc, v2.message, repeatable)
    );
  }

  /** Undefined: the server does not have v1 any more. */
  async #v1(call: Ways['v1'], repeatable: boolean) {
    const orgId = this.#orgId;
    const reply = await this.#http({ ...this.#common(repeatable), ...call, orgId });
    const isGone = !isDone(reply) && !isTrouble(reply) && reply.says === 'notServed';
    if (isGone) this.#isV1Served = false;
    return isGone ? undefined : reply;
  }

  #v2(rpc: string, message: Json, repeatable: boolean) {
    const call = { method: 'POST', path: `/zitadel.${rpc}`, json: message } as const;
    return this.#http({ ...this.#common(repeatable), ...call });
  }

  #common(repeatable: boolean) {
    return { family: 'administration', token: this.#token, who: OURSELVES, repeatable };
  }
}

/** @throws ZitadelUnavailableError if ZITADEL did not say an id */
export function idFrom(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
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

/** When keys expire: as those that ZITADEL's console makes without a date. */
export const NEVER = '9999-12-31T23:59:59Z';

/** Key files come as base64 of their JSON. @throws ZitadelUnavailableError if it is not that */
export function keyFileFrom(value: unknown, what: string): string {
  const text = Buffer.from(textOf(value), 'base64').toString();
  if (text.startsWith('{')) return text;
  throw unusable(what);
}
