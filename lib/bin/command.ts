import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Terminal } from './terminal.js';

/** What the exit codes of all commands mean. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notInOrder: 3,
  declined: 4,
  interrupted: 130,
} as const;

/** A command that was not given as it must be. */
export class UsageError extends Error {}

/** A command, loaded when it is asked for. */
export interface Command {
  /** What `--help` shows: usage, what it does, environment, options, exit codes, examples. */
  readonly help: string;
  /** Returns the exit code. @throws UsageError */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** The kinds of options. */
export const FLAG = { type: 'boolean' } as const;
export const TEXT = { type: 'string' } as const;
export const TEXTS = { ...TEXT, multiple: true } as const;

type Options = NonNullable<ParseArgsConfig['options']>;

/** Reads arguments. `--help` is read before. @throws UsageError */
export function parse<const T extends Options>(
  args: readonly string[],
  options: T,
  allowPositionals = false,
): ReturnType<typeof parseArgs<{ options: T; strict: true; allowPositionals: boolean }>> {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // What Node adds is about files whose names begin with a dash.
    throw new UsageError(
      text.replace(/\. (To specify a positional|This command does not) .*$/s, ''),
    );
  }
}
