import { EXIT } from './command.js';

/** What is needed of a process to see its end. */
interface Ending {
  exitCode?: number | string | null | undefined;
  once(event: 'exit', listener: () => void): unknown;
  off(event: 'exit', listener: () => void): unknown;
}

/**
 * An application may end the process, or wait for what never comes. That must not look like a command that found all in order. Returns what
 * says that the command came to its end.
 */
export function watchEnding(process: Ending, tell: (text: string) => void): () => void {
  const early = (): void => {
    process.exitCode = EXIT.failed;
    tell(
      'The process ended before the command was done: the application ended it, or waits for something that never comes.',
    );
  };
  process.once('exit', early);
  return () => void process.off('exit', early);
}
