// The specs of what decides, over sources with all changes in them: `npm run evidence -- mutation`.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { withSwitches } from './mutants.js';
import { sourcesIn } from './targets.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sources = new Map(sourcesIn(root).map((source) => [join(root, source.file), source]));

export default defineConfig({
  root,
  plugins: [
    {
      name: 'mutants',
      enforce: 'pre',
      transform(_code, id) {
        const source = sources.get(id);
        return source && withSwitches(source.file, source.text, source.first);
      },
    },
  ],
  test: {
    include: ['test/**/*.spec.ts'],
    globalSetup: ['test/setup/run-keys.ts'],
    setupFiles: ['test/setup/patience.ts'],
    runner: 'test/mutation/runner.ts',
    maxWorkers: Number(process.env['MUTATION_WORKERS'] ?? 1),
    testTimeout: 20_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 5_000 } },
    execArgv: ['--expose-gc'],
  },
});
