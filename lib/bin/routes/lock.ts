import { readFile, writeFile } from 'node:fs/promises';
import { own } from '../../core/own-properties.js';
import { UsageError } from '../command.js';
import type { LockFacts } from './facts.js';
import { type Direction, directionOf } from './widening.js';

/** How a fact of the application differs from the lock file. */
export interface Difference {
  readonly on: string;
  /** Missing: it is new. */
  readonly from?: string;
  /** Missing: it is gone. */
  readonly to?: string;
  /** Where that can be said. */
  readonly direction?: Direction;
}

const VERSION = 1;

/** The lock file: sorted, one fact a line. */
function lockText({ read, options, access }: LockFacts): string {
  const head = `"version": ${VERSION},\n  "read": ${JSON.stringify(read)}`;
  return `{\n  ${head},\n  "options": ${linesOf(options)},\n  "access": ${linesOf(access)}\n}\n`;
}

function linesOf(facts: LockFacts['access']): string {
  const lines = Object.entries(facts).map(
    ([name, text]) => `    ${JSON.stringify(name)}: ${JSON.stringify(text)}`,
  );
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n  }`;
}

/** Writes it only if it is another, so that its time says when it changed. Returns whether it did. */
export async function writeLock(path: string, facts: LockFacts): Promise<boolean> {
  const text = lockText(facts);
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (before === text) return false;
  try {
    await writeFile(path, text);
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${(error as Error).message}`);
  }
  return true;
}

/** @throws UsageError when there is no such file, or it was not written by `--lock` */
export async function readLock(path: string): Promise<LockFacts> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw new UsageError(`${path} cannot be read: write it with --lock ${path}, and commit it`);
  }
  const facts = factsIn(text);
  if (facts) return facts;
  throw new UsageError(`${path} is not a lock file of this version: write it with --lock ${path}`);
}

function factsIn(text: string): LockFacts | undefined {
  let lock: unknown;
  try {
    lock = JSON.parse(text);
  } catch {
    return undefined;
  }
  const [options, access, read] = ['options', 'access', 'read'].map((key) => own(lock, key));
  const isWhole =
    own(lock, 'version') === VERSION &&
    (read === 'preview' || read === 'start') &&
    areTexts(options, false) &&
    areTexts(access, true);
  return isWhole ? (lock as LockFacts) : undefined;
}

function areTexts(value: unknown, maySeveral: boolean): boolean {
  const isText = (each: unknown): boolean => typeof each === 'string';
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every(
      (each) => isText(each) || (maySeveral && Array.isArray(each) && each.every(isText)),
    )
  );
}

/** What changed since the lock file was written: in options, and then in ways in. */
export function differences(locked: LockFacts, now: LockFacts): readonly Difference[] {
  const inOptions = between(locked.options, now.options).map((each) => ({
    ...each,
    on: `option ${each.on}`,
  }));
  return [...inOptions, ...between(locked.access, now.access, directionOf)];
}

function between(
  before: LockFacts['access'],
  after: LockFacts['access'],
  direction: (from: string, to: string) => Direction | undefined = () => undefined,
): readonly Difference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((on): readonly Difference[] => {
    const [from, to] = [textOf(own(before, on)), textOf(own(after, on))];
    if (from === to) return [];
    const where = from !== undefined && to !== undefined ? direction(from, to) : undefined;
    return [
      {
        on,
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
        ...(where && { direction: where }),
      },
    ];
  });
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : [value].flat().map(String).join('; then ');
}
