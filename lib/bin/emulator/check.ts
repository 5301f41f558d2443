import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The part of JSON Schema that is needed here. */
interface JsonSchema {
  readonly type?: 'object' | 'array' | 'string' | 'boolean' | 'integer';
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  /** What is expected, in words: where there is a pattern. */
  readonly title?: string;
  readonly minLength?: number;
  readonly minItems?: number;
  /** Of texts. */
  readonly uniqueItems?: true;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false | JsonSchema;
  readonly oneOf?: readonly { readonly required: readonly string[] }[];
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
}

/** Where the schema of a world is: the package has its documents beside what is built. */
export const SCHEMA_FILE = fileURLToPath(
  new URL('../../../docs/emulator-world.schema.json', import.meta.url),
);

export function worldSchema(): JsonSchema {
  return JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as JsonSchema;
}

/** What is wrong with a value: where, and what is expected there. */
export function problemsOf(value: unknown, schema: JsonSchema, root = schema, path = ''): string[] {
  const name = schema.$ref?.slice('#/definitions/'.length);
  const own = name === undefined ? schema : { ...root.definitions?.[name], ...schema };
  const problem = (expected: string) => [
    `${path === '' ? '' : `${path}: `}${expected} is expected, not ${shown(value)}`,
  ];
  if (own.enum !== undefined) {
    if (own.enum.includes(value)) return [];
    return problem(own.enum.map((each) => JSON.stringify(each)).join(' or '));
  }
  switch (own.type) {
    case 'object':
      return isObject(value) ? inObject(value, own, root, path) : problem('an object');
    case 'array':
      if (!Array.isArray(value)) return problem('a list');
      if (value.length < (own.minItems ?? 0)) return problem('a list with something in it');
      return value.flatMap((item: unknown, index) => {
        const place = `${path}[${String(index)}]`;
        const first = own.uniqueItems ? value.indexOf(item) : index;
        return first === index
          ? problemsOf(item, own.items ?? {}, root, place)
          : [`${place}: stands there already, as [${String(first)}]`];
      });
    case 'string': {
      const { minLength = 0, pattern = '', title } = own;
      const isLong = typeof value === 'string' && value.length >= minLength;
      if (isLong && new RegExp(pattern, 'u').test(value)) return [];
      const text = minLength > 1 ? `a text of at least ${String(minLength)} characters` : 'a text';
      return problem(title ?? text);
    }
    case 'boolean':
      return typeof value === 'boolean' ? [] : problem('true or false');
    case 'integer': {
      const { minimum = 0, maximum = Infinity } = own;
      const isWhole = Number.isSafeInteger(value);
      if (isWhole && Number(value) >= minimum && Number(value) <= maximum) return [];
      const to = maximum === Infinity ? '' : ` to ${String(maximum)}`;
      return problem(`a whole number from ${String(minimum)}${to}`);
    }
    default:
      return [];
  }
}

function inObject(
  value: Readonly<Record<string, unknown>>,
  schema: JsonSchema,
  root: JsonSchema,
  path: string,
): string[] {
  const { properties = {}, required = [], additionalProperties, oneOf } = schema;
  const at = path === '' ? '' : `${path}: `;
  const inside = (key: string) => (path === '' ? key : `${path}.${key}`);
  const missing = required
    .filter((key) => !Object.hasOwn(value, key))
    .map((key) => `${at}${key} is missing`);
  const rest = Object.entries(value).flatMap(([key, each]) => {
    const known = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    if (known) return problemsOf(each, known, root, inside(key));
    return [`${inside(key)}: not known here; there are ${Object.keys(properties).join(', ')}`];
  });
  const choices = oneOf?.flatMap(({ required: keys }) => keys) ?? [];
  const chosen = choices.filter((key) => Object.hasOwn(value, key));
  const unclear =
    oneOf === undefined || chosen.length === 1
      ? []
      : [`${at}exactly one of ${choices.join(', ')} is expected`];
  return [...missing, ...rest, ...unclear];
}

/** Not a text itself: it may be a secret. */
function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'number') return `${String(value)} (a text of digits needs quotes)`;
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'this text';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return typeof value === 'boolean' ? String(value) : 'an object';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const TEXT: JsonSchema = { type: 'string', minLength: 1 };
const TEXTS: JsonSchema = { type: 'array', items: TEXT };
const WHOLE: JsonSchema = { type: 'integer' };
/** Timers take no more. */
const MS: JsonSchema = { ...WHOLE, maximum: 2 ** 31 - 1 };
const STATUS: JsonSchema = { type: 'integer', minimum: 200, maximum: 599 };

/** Names of faults; a status and what an object says are faults too. */
const FAULTS: readonly unknown[] = [
  ...['hang', 'refuse', 'lose', 'garbage', 'html', 'truncated', 'wrong-user', 'endless'],
  'redirect',
];

const REPLY = objectOf(['status'], { status: STATUS, body: {}, headers: { type: 'object' } });
const REDIRECT = objectOf(['redirectTo'], { redirectTo: TEXT });

/** The bodies of calls under `/emulator`, where they do not look like a part of a world. */
const BODIES = {
  token: objectOf(['user'], {
    user: TEXT,
    kind: { enum: ['jwt', 'opaque', 'pat'] },
    projects: TEXTS,
    scopes: TEXTS,
    // Negative: expired.
    expiresInSeconds: { type: 'integer', minimum: -Number.MAX_SAFE_INTEGER },
  }),
  fault: objectOf(['endpoint'], {
    endpoint: TEXT,
    fault: {},
    times: { ...WHOLE, minimum: 1 },
    delayMs: MS,
  }),
  reads: objectOf([], { lagMs: MS, held: { type: 'boolean' } }),
  user: objectOf(['user', 'state'], {
    user: TEXT,
    state: { enum: ['active', 'inactive', 'locked'] },
  }),
} as const;

export type BodyName = keyof typeof BODIES | 'members' | 'authorizations';

/** What is wrong with the body of a call. */
export function problemsOfBody(name: BodyName, value: unknown): string[] {
  if (name === 'members' || name === 'authorizations') {
    const world = worldSchema();
    const row = world.properties?.[name]?.items ?? {};
    // Without a role it ends, which a world has no use for.
    const roles = { ...row.properties?.['roles'], minItems: 0 };
    return problemsOf(value, { ...row, properties: { ...row.properties, roles } }, world);
  }
  const problems = problemsOf(value, BODIES[name]);
  if (name !== 'fault' || problems.length > 0) return problems;
  const { fault, delayMs } = value as { readonly fault?: unknown; readonly delayMs?: number };
  if (fault === undefined) return delayMs === undefined ? ['fault or delayMs is missing'] : [];
  const isKnown =
    FAULTS.includes(fault) ||
    [STATUS, REPLY, REDIRECT].some((schema) => problemsOf(fault, schema).length === 0);
  if (isKnown) return [];
  return [
    `fault: a status from 200 to 599, { status, body, headers }, { redirectTo } or one of ${FAULTS.join(', ')} is expected`,
  ];
}

function objectOf(required: readonly string[], properties: Record<string, JsonSchema>): JsonSchema {
  return { type: 'object', additionalProperties: false, required, properties };
}
