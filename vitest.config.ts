import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.spec.ts'],
    globalSetup: ['test/setup/run-keys.ts'],
    setupFiles: ['test/setup/patience.ts'],
    // A worker a core: much of a test is waiting.
    maxWorkers: availableParallelism(),
    // Only what hangs may fail for the time: a busy machine makes seconds of milliseconds.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 120_000 } },
    // Proofs that measure memory collect garbage first.
    execArgv: ['--expose-gc'],
  },
});
