// npm run evidence: builds the library and the proofs, then lists the proofs or runs one.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, seconds, tool } from './run.mjs';
import { findServices } from './services.mjs';

const start = performance.now();
console.log('Building the library and the proofs');
rmSync(join(root, '.build', 'test'), { recursive: true, force: true });
for (const [command, ...args] of [
  ['nest', 'build'],
  ['tsc', '-p', 'test/evidence'],
]) {
  const { ok, output } = await run(tool(command), args);
  if (!ok) {
    console.log(output);
    console.log(`${command} ${args.join(' ')} failed: see above.`);
    process.exit(1);
  }
}
console.log(`Built in ${seconds(start)}.\n`);

const proof = await run(
  process.execPath,
  ['--expose-gc', '.build/test/evidence/run.js', ...process.argv.slice(2)],
  { env: findServices(), show: true, limitMs: 0 },
);
process.exitCode = proof.code;
