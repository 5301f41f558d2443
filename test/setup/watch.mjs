// npm run test:watch: the tests that a change touches, again and again; no package checks, no proofs.
import { run, tool } from './run.mjs';
import { findServices } from './services.mjs';

console.log('Building once: specs that import the package by its name see this build.');
const build = await run(tool('nest'), ['build']);
if (!build.ok) console.log(build.output);
const { ok } = await run(
  tool('vitest'),
  ['watch', '--exclude', 'test/evidence/**', ...process.argv.slice(2)],
  { env: findServices(), show: true, keys: true, quietMs: 0 },
);
process.exitCode = ok ? 0 : 1;
