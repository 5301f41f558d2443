/** The part of `process` that is used. */
interface Signalled {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
}

/** What a run is told when somebody interrupts it. */
interface Interruptible {
  /** Takes away what was made. @throws naming what is left */
  readonly tidy: () => Promise<void>;
  readonly server: string;
  readonly say: (line: string) => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const EXIT_CODE = 130;

/**
 * Lets a run end by a signal only when what it made is taken away, and with one line that says what is left.
 *
 * @returns whether a signal came: then nothing else may be said
 */
export function interruptible(process: Signalled, run: Interruptible): () => boolean {
  let interrupted = false;
  for (const signal of SIGNALS) {
    // Also the second one: only what is taken away is gone.
    process.on(signal, () => {
      if (interrupted) return;
      interrupted = true;
      run.say(`${signal}: taking away what was made. This can take a minute; please wait.`);
      void run.tidy().then(
        () => {
          run.say(`Interrupted. Nothing is left on ${run.server}.`);
          process.exit(EXIT_CODE);
        },
        (error: unknown) => {
          run.say(`Interrupted. ${error instanceof Error ? error.message : String(error)}`);
          process.exit(EXIT_CODE);
        },
      );
    });
  }
  return () => interrupted;
}
