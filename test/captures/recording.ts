import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** One recorded exchange, or a recorded shape (of a token) without one. */
export interface Entry {
  readonly name: string;
  readonly request?: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly form?: Readonly<Record<string, string>>;
  };
  readonly response?: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly text?: string;
  };
  readonly header?: object;
  readonly claims?: object;
  readonly [shape: string]: unknown;
}

export const CHAPTERS = [
  'discovery',
  'tokens',
  'human',
  'userinfo',
  'introspection',
  'memberships',
  'user-memberships',
  'administrators-v2',
  'permissions',
  'projects',
  'grants-v1',
  'grants-v2',
  'inactive',
  'impersonation',
  'webhooks',
  'events',
] as const;

export type Chapter = (typeof CHAPTERS)[number];

// The proofs run compiled, in another folder than the recording.
const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));
const read = (name: string): unknown =>
  JSON.parse(readFileSync(join(root, 'test', 'captures', `${name}.json`), 'utf8'));

const RECORDING = new Map(
  CHAPTERS.map((chapter) => [chapter, read(chapter) as readonly Entry[]] as const),
);

/** The ids of the recorded world by the names of its inhabitants. */
export const RECORDED_IDS = read('ids') as Readonly<Record<string, string>>;

export function entriesOf(chapter: Chapter): readonly Entry[] {
  return RECORDING.get(chapter) ?? [];
}

export function entryOf(chapter: Chapter, index: number): Entry {
  const entry = entriesOf(chapter)[index];
  if (entry === undefined) throw new Error(`${chapter} has no entry ${String(index)}`);
  return entry;
}

/** What an entry is called in reports: its chapter and its place in it. */
export function keyOf(chapter: Chapter, index: number): string {
  return `${chapter} ${String(index)}`;
}
