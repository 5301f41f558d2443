import { readFileSync } from 'node:fs';

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
  'memberships',
  'user-memberships',
  'projects',
  'grants-v1',
  'inactive',
] as const;

export type Chapter = (typeof CHAPTERS)[number];

export function entriesOf(chapter: Chapter): readonly Entry[] {
  return read(chapter) as readonly Entry[];
}

/** The ids of the recorded world by the names of its inhabitants. */
export const RECORDED_IDS = read('ids') as Readonly<Record<string, string>>;

export function entryOf(chapter: Chapter, index: number): Entry {
  const entry = entriesOf(chapter)[index];
  if (entry === undefined) throw new Error(`${chapter} has no entry ${String(index)}`);
  return entry;
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'));
}
