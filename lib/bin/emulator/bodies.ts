import { problemsOf, type JsonSchema, worldSchema } from './check.js';

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

const REPLY = objectOf({ status: STATUS, body: {}, headers: { type: 'object' } }, ['status']);
const REDIRECT = objectOf({ redirectTo: TEXT }, ['redirectTo']);

/** The bodies of calls under `/emulator`, where they do not look like a part of a world. */
const BODIES = {
  token: objectOf(
    {
      user: TEXT,
      kind: { enum: ['jwt', 'opaque', 'pat'] },
      projects: TEXTS,
      scopes: TEXTS,
      // Negative: expired.
      expiresInSeconds: { type: 'integer', minimum: -Number.MAX_SAFE_INTEGER },
    },
    ['user'],
  ),
  fault: objectOf({ endpoint: TEXT, fault: {}, times: { ...WHOLE, minimum: 1 }, delayMs: MS }, [
    'endpoint',
  ]),
  reads: objectOf({ lagMs: MS, held: { type: 'boolean' } }, []),
  user: objectOf({ user: TEXT, state: { enum: ['active', 'inactive', 'locked'] } }, [
    'user',
    'state',
  ]),
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
  return problemsOfFault(value as { readonly fault?: unknown; readonly delayMs?: number });
}

function problemsOfFault(body: { readonly fault?: unknown; readonly delayMs?: number }): string[] {
  const { fault, delayMs } = body;
  if (fault === undefined) return delayMs === undefined ? ['fault or delayMs is missing'] : [];
  const isKnown =
    FAULTS.includes(fault) ||
    [STATUS, REPLY, REDIRECT].some((schema) => problemsOf(fault, schema).length === 0);
  if (isKnown) return [];
  return [
    `fault: a status from 200 to 599, { status, body, headers }, { redirectTo } or one of ${FAULTS.join(', ')} is expected`,
  ];
}

function objectOf(properties: Record<string, JsonSchema>, required: readonly string[]): JsonSchema {
  return { type: 'object', additionalProperties: false, required, properties };
}
