import type { Setting } from './library.js';
import type { Generation } from './world.js';

/** What may happen to a caller whose request was let through a moment ago. */
export const CHANGES = [
  'member removed',
  'project grant removed',
  'user deactivated',
  'user deactivated and reactivated',
  'user locked',
  'user locked and unlocked',
  'user removed',
  'session ended',
  'token revoked',
  'refresh token revoked',
  'token refreshed away',
  'personal access token deleted',
  'personal access token deleted, a JWT beside it',
  'own organization removed',
  'own organization deactivated',
  'machine key deleted',
  'password changed',
  'application deactivated',
  'application removed',
  'role of our service user removed',
] as const;

export type Change = (typeof CHANGES)[number];

/** Changes after which ZITADEL itself goes on accepting the token and keeps the rows. */
const UNNOTICED: ReadonlySet<Change> = new Set([
  'own organization deactivated',
  'personal access token deleted, a JWT beside it',
  'machine key deleted',
  'password changed',
  'application deactivated',
  'application removed',
]);

/** Changes that take rows away and leave the token alone. */
const ROWS: ReadonlySet<Change> = new Set(['member removed', 'project grant removed']);

/** One combination of `callers` and `memberships`, and what it answers once nothing is remembered any more. */
export interface Column {
  readonly name: string;
  readonly callers: 'jwt' | 'introspection' | 'userinfo';
  readonly reads: NonNullable<Setting['reads']>;
  readonly apis: readonly Generation[];
  /** Undefined where the combination never takes such a token, or has no service user. */
  readonly after: (change: Change) => string | undefined;
}

const BOTH: readonly Generation[] = ['v1', 'v2'];

function column(
  callers: Column['callers'],
  reads: Column['reads'],
  apis: readonly Generation[] = BOTH,
): Column {
  const by = reads === 'caller' ? 'the caller' : `the service user (${apis.join()})`;
  return {
    name: `${callers}(), read by ${by}`,
    callers,
    reads,
    apis,
    after: afterFor(callers, reads),
  };
}

function afterFor(callers: Column['callers'], reads: Column['reads']): Column['after'] {
  return (change) => {
    if (UNNOTICED.has(change)) return 'allowed';
    if (change === 'role of our service user removed') {
      return reads === 'serviceUser' ? '500 misconfigured' : undefined;
    }
    if (ROWS.has(change)) return '403 role_missing';
    if (callers === 'introspection') return '401 token_invalid';
    if (callers === 'userinfo') return '401 token_rejected';
    if (change === 'personal access token deleted') return undefined;
    // ZITADEL trips over such a token rather than refusing it.
    const trips = change === 'own organization removed' && reads === 'caller';
    return trips ? '503 unavailable' : '401 token_rejected';
  };
}

export const COLUMNS: readonly Column[] = [
  column('jwt', 'caller'),
  column('jwt', 'serviceUser', ['v1']),
  column('jwt', 'serviceUser', ['v2']),
  column('introspection', 'caller'),
  column('introspection', 'serviceUser', ['v1']),
  column('introspection', 'serviceUser', ['v2']),
  column('userinfo', 'caller'),
];

/** The table of SECURITY.md, as markdown, laid out as the formatter does it. Every cell is a case of the suite. */
export function tableInMarkdown(): string {
  const head = ['after', ...COLUMNS.map(({ name }) => name)];
  const body = CHANGES.map((change) => [
    change,
    ...COLUMNS.map(({ after }) => inWords(after(change))),
  ]);
  const widths = head.map((_title, at) =>
    Math.max(...[head, ...body].map((row) => [...(row[at] ?? '')].length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  return [line(head), line(rule), ...body.map(line)].join('\n');
}

function inWords(verdict: string | undefined): string {
  if (verdict === undefined) return '–';
  if (verdict === 'allowed') return '**goes on**';
  return verdict.replace(/^(\d+) (\w+)$/, '$1 `$2`');
}
