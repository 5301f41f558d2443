import type { Endpoint, Struck } from './fault-server.js';

/** Members of a right answer that matter, and values that none of them ever has. */
const WRONG: Readonly<Record<Endpoint, readonly (readonly [path: string, ...unknown[]])[]>> = {
  discovery: [
    ['issuer', null, 7, [], {}],
    ['jwks_uri', null, 7, '', 'oauth/v2/keys', 'file:///etc/passwd'],
    ['token_endpoint', null, 7, '', []],
  ],
  keys: [
    ['keys', null, {}, 'text', [], [null], [[]], [{}], ['text']],
    ['keys.0.kid', null, 7, ''],
    ['keys.0.kty', 'oct', 7],
    ['keys.0.n', '', 7, 'AQAB'],
  ],
  introspection: [
    ['active', 'true', 1, null, {}, []],
    ['sub', null, 7, '', []],
    ['exp', null, '4102444800', 1.5, []],
    ['aud', null, 7, {}],
  ],
  memberships: [
    ['result', null, {}, 'text', [null], [[]], [7], [{}]],
    ['result.0.roles', 'ORG_OWNER', {}, 7, [['ORG_OWNER']], [7]],
    ['result.0.userId', null, 7, '', ['1']],
    ['result.0.orgId', null, 7, {}, ['1']],
    ['details', null, 'text', 7, []],
    ['details.totalResult', 'many', -1, {}],
    ['administrators', null, {}, 'text', [null], [[]], [7], [{}]],
    ['administrators.0.roles', 'ORG_OWNER', {}, 7, [['ORG_OWNER']], [7]],
    ['administrators.0.user', null, 7, {}, []],
    ['pagination', null, 'text', 7, []],
    ['pagination.totalResult', 'many', -1, {}],
  ],
  token: [
    ['access_token', null, 7, '', {}, ['text']],
    ['expires_in', null, '43199', {}],
  ],
  grants: [
    ['result', null, {}, 'text', [null], [[]], [7], [{}]],
    ['result.0.grantedRoleKeys', 'reader', {}, 7, [7]],
    ['details.totalResult', 'many', -1, {}],
    ['projectGrant', null, [], 'text', {}],
    ['projectGrant.grantedRoleKeys', 'reader', {}, [7]],
    ['grantId', null, 7, '', {}],
    ['projectGrants', null, {}, 'text', [null], [[]], [7], [{}]],
    ['projectGrants.0.grantedRoleKeys', 'reader', {}, 7, [7]],
    ['pagination', null, 'text', 7, []],
  ],
};

const ONLY_V1 = /^(result|details|projectGrant)\b/;
const ONLY_V2 = /^(administrators|projectGrants|pagination)\b/;

/** What is no answer to anything. */
const NOTHING = ['[]', 'null', '"text"', '7', 'true', '{}'] as const;

/** A wrong shape of an answer. */
export interface WrongShape {
  readonly name: string;
  bend(body: string): string;
}

/** Every wrong shape of an endpoint's answers. An answer that has no such member is an empty list instead. */
export function wrongShapesOf(endpoint: Endpoint, api: 'v1' | 'v2'): readonly WrongShape[] {
  const others = api === 'v1' ? ONLY_V2 : ONLY_V1;
  return [
    ...NOTHING.map((body) => ({ name: body, bend: () => body })),
    ...WRONG[endpoint]
      .filter(([path]) => !others.test(path))
      .flatMap(([path, ...values]) =>
        values.map((value) => ({
          name: `${path}: ${JSON.stringify(value)}`,
          bend(body: string) {
            const right: unknown = JSON.parse(body);
            return replaced(right, path.split('.'), value) ? JSON.stringify(right) : '[]';
          },
        })),
      ),
  ];
}

function replaced(
  inside: unknown,
  [name = '', ...rest]: readonly string[],
  value: unknown,
): boolean {
  if (typeof inside !== 'object' || inside === null || !Object.hasOwn(inside, name)) return false;
  if (rest.length > 0) return replaced(Reflect.get(inside, name), rest, value);
  return Reflect.set(inside, name, value);
}

const DEEP = 100_000;
const DEEP_LIST = '['.repeat(DEEP) + ']'.repeat(DEEP);
const DEEP_OBJECT = '{"a":'.repeat(DEEP) + '1' + '}'.repeat(DEEP);

/** Nested a hundred thousand times: all of it, or every member of a right answer. */
export function deep(body: string, kind: 'list' | 'object' | 'members'): string {
  if (kind !== 'members') return kind === 'list' ? DEEP_LIST : DEEP_OBJECT;
  const names = Object.keys(JSON.parse(body) as object);
  return `{${names.map((name) => `${JSON.stringify(name)}:${DEEP_LIST}`).join()}}`;
}

const LISTS = ['keys', 'result', 'administrators', 'projectGrants'] as const;

interface List {
  readonly name: string;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

function listIn(body: string): List | undefined {
  const right = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const name = LISTS.find((each) => Array.isArray(right[each]));
  return name === undefined ? undefined : { name, rows: right[name] as List['rows'] };
}

/** Text before, one row, text after: of a list that repeats a right answer's row, or of one that stands beside what was asked. */
export function manyRows(body: string): readonly [string, string, string] {
  const list = listIn(body);
  const { name, rows } = list ?? { name: 'more', rows: [{ a: 1, b: 'two' }] };
  const row = JSON.stringify(rows[0] ?? { a: 1 });
  return [`{"details":{"totalResult":"1000001"},"${name}":[`, `${row},`, `${row}]}`];
}

/** Two of the three never end, whatever they say of how many rows there are. */
export type PageKind = 'endless' | 'repeating' | 'shrinking';
const PAGE = 1_000;

/** One page of a list that has no end. What is no list is answered as if it were a page of one. */
export function page(body: string, { asked, endpoint }: Struck, kind: PageKind): string {
  const list = listFor(body, asked);
  const row = list?.rows[0];
  const counts = countsOf(1_000_000);
  if (!list || !row) return JSON.stringify({ ...counts, result: [JSON.parse(body)] });
  if (list.name === 'keys') return JSON.stringify({ ...counts, result: [{ keys: list.rows }] });
  if (kind === 'shrinking') return JSON.stringify({ ...counts, [list.name]: [] });
  const offset = offsetIn(asked.body);
  // A row of the caller's that is right may count, whatever stands around it; here there is none.
  const same = endpoint === 'memberships' ? anotherRow(row, 0) : row;
  const rows = Array.from({ length: PAGE }, (_, at) =>
    kind === 'endless' ? anotherRow(row, offset + at) : same,
  );
  return JSON.stringify({ ...counts, [list.name]: rows });
}

/** One page of a list that always has two more. */
export function pageOfGrowing(body: string, { asked }: Struck): string {
  const { name = '', rows: [row = {}] = [] } = listFor(body, asked) ?? {};
  const offset = offsetIn(asked.body);
  const rows = Array.from({ length: PAGE }, (_, at) => anotherRow(row, offset + at));
  return JSON.stringify({ ...countsOf(offset + 3 * PAGE), [name]: rows });
}

/** One page of a long list, in which all is right. */
export function pageOfLong(body: string, { asked }: Struck, total: number): string {
  const { name = '', rows: [row = {}] = [] } = listFor(body, asked) ?? {};
  const offset = offsetIn(asked.body);
  const length = Math.max(0, Math.min(PAGE, total - offset));
  const rows = Array.from({ length }, (_, at) =>
    offset + at === 0 ? row : anotherRow(row, offset + at),
  );
  return JSON.stringify({ ...countsOf(total), [name]: rows });
}

const seen = new Map<string, List>();

/** The list in an answer. Right answers to later pages have no row that could be copied: that of the first one is. */
function listFor(body: string, { path }: Struck['asked']): List | undefined {
  const list = listIn(body);
  if (list?.rows.length) seen.set(path, list);
  return list?.rows.length ? list : (seen.get(path) ?? list);
}

function countsOf(total: number) {
  const totalResult = String(total);
  const appliedLimit = String(PAGE);
  // What has no rows is a list only by these two.
  const viewTimestamp = '2026-11-24T08:56:37.709477Z';
  return { details: { totalResult, viewTimestamp }, pagination: { totalResult, appliedLimit } };
}

/** Where the page that was asked for begins: v1 says it in `query`, v2 in `pagination`. */
function offsetIn(asked: Buffer): number {
  return Number(/"offset":"(\d+)"/.exec(asked.toString())?.[1] ?? 0);
}

/** The same row about something else, whatever it is that the row names: always the same at the same place. */
function anotherRow(row: Readonly<Record<string, unknown>>, at: number): object {
  const id = String(800_000_000_000_000_000n + BigInt(at));
  if ('grantId' in row) return { ...row, grantId: id, grantedOrgId: id };
  if ('grantedOrganizationId' in row) return { ...row, grantedOrganizationId: id };
  return 'organization' in row ? { ...row, organization: { id, name: 'another' } } : row;
}

/** The same about somebody or something else: every id that was meant, by another one. */
export function aboutAnother(body: string, { endpoint }: Struck, ids: readonly string[]): string {
  switch (endpoint) {
    case 'discovery':
      return body.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'https://elsewhere.example');
    case 'keys':
      return body.replaceAll(/"kid":"[^"]*"/g, '"kid":"900000000000000009"');
    case 'token':
      return '{"access_token":"of-another-instance","token_type":"Bearer","expires_in":43199}';
    default:
      return ids.reduce((text, id, at) => text.replaceAll(id, `90000000000000000${at}`), body);
  }
}

const HTML = '<!doctype html><title>Welcome</title><p>Please sign in to the network.</p>';

/** ZITADEL's words, outside of its API, for a host that maps to no instance. */
const NO_INSTANCE =
  'unable to set instance using origin &{elsewhere.example http}: Instance not found\n';

/** How an endpoint says no: ZITADEL's API with an error id, its OpenID Connect provider in the way of OAuth. */
export function refusal(status: number, endpoint: Endpoint): string {
  if (endpoint === 'grants' || endpoint === 'memberships') {
    const [code, id, message] = API[status] ?? [13, undefined, 'Errors.Internal'];
    if (id === undefined) return JSON.stringify({ code, message });
    const details = [{ '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail', id, message }];
    return JSON.stringify({ code, message: `${message} (${id})`, details });
  }
  if (status === 404) return NO_INSTANCE;
  const error = { 401: 'invalid_client', 403: 'access_denied' }[status] ?? 'server_error';
  return JSON.stringify({ error, error_description: 'Errors.Internal' });
}

const API: Readonly<
  Record<number, readonly [code: number, id: string | undefined, message: string]>
> = {
  401: [16, 'AUTH-7fs1e', 'Errors.Token.Invalid'],
  403: [7, 'AUTH-5mWD2', 'No matching permissions found'],
  404: [5, undefined, 'Not Found'],
  429: [8, 'QUOTA-vjAy8', 'Quota.Access.Exhausted'],
};

export { HTML };
