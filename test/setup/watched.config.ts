// The specs as ever, with all that they let the library write looked through for secrets: `npm run evidence -- secrets`.
// What looks on begins and ends with a spec file: each has a process of its own.
import { defineConfig } from 'vitest/config';
import config from '../../vitest.config.js';

const { projects: _, setupFiles, ...test } = config.test ?? {};

export default defineConfig({
  test: {
    ...test,
    include: ['test/**/*.spec.ts'],
    setupFiles: [setupFiles ?? [], 'test/setup/watch-secrets.ts'].flat(),
  },
});
