import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.spec.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Proofs that measure memory collect garbage first.
    execArgv: ['--expose-gc'],
  },
});
