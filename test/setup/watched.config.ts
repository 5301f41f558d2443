// The specs as ever, with all that they let the library write looked through for secrets: `npm run evidence -- secrets`.
import { defineConfig, mergeConfig } from 'vitest/config';
import config from '../../vitest.config.js';

export default mergeConfig(
  config,
  defineConfig({ test: { setupFiles: ['test/setup/watch-secrets.ts'] } }),
);
