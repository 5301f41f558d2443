import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The part of JSON Schema that is needed here. */
export interface JsonSchema {
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
    case 'string':
      return isText(value, own) ? [] : problem(own.title ?? textOf(own));
    case 'boolean':
      return typeof value === 'boolean' ? [] : problem('true or false');
    case 'integer':
      return isWhole(value, own) ? [] : problem(wholeOf(own));
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

function isText(value: unknown, { pattern, minLength = 0 }: JsonSchema): boolean {
  if (typeof value !== 'string' || value.length < minLength) return false;
  return pattern === undefined || new RegExp(pattern, 'u').test(value);
}

function textOf({ minLength = 0 }: JsonSchema): string {
  return minLength > 1 ? `a text of at least ${String(minLength)} characters` : 'a text';
}

function isWhole(value: unknown, { minimum = 0, maximum = Infinity }: JsonSchema): boolean {
  return Number.isSafeInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
}

function wholeOf({ minimum = 0, maximum }: JsonSchema): string {
  const to = maximum === undefined ? '' : ` to ${String(maximum)}`;
  return `a whole number from ${String(minimum)}${to}`;
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
