import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Specs that change what a whole process shares, or are slow where others ran before. Each has a process of its own. */
const ALONE = ['test/core/pollution.spec.ts', 'test/setup/*.spec.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/setup/run-keys.ts'],
    setupFiles: ['test/setup/patience.ts'],
    // Half of a test is waiting: with two more than there are cores, they are never idle.
    maxWorkers: availableParallelism() + 2,
    // What a failed test wrote helps; what others wrote hides it.
    silent: 'passed-only',
    // Only what hangs may fail for the time: a busy machine makes seconds of milliseconds.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 120_000 } },
    // Proofs that measure memory collect garbage first.
    execArgv: ['--expose-gc'],
    // To begin a process and to load the library costs more than most specs. `patience.ts` checks that nothing is left behind.
    projects: [
      {
        extends: true,
        test: { name: 'together', include: ['test/**/*.spec.ts'], exclude: ALONE, isolate: false },
      },
      { extends: true, test: { name: 'alone', include: ALONE, isolate: true } },
    ],
  },
});
