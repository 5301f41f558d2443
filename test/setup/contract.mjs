// npm run contract: builds the library and the contract suite, then runs it on the emulator, or on a real
// ZITADEL where ZITADEL_URL and ZITADEL_PAT name one.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, seconds, tool } from './run.mjs';

const start = performance.now();
// What is printed with --table is meant to be copied: nothing else goes to standard output.
console.error('Building the library and the contract suite');
rmSync(join(root, '.build', 'test', 'contract'), { recursive: true, force: true });
for (const [command, ...args] of [
  ['nest', 'build'],
  ['tsc', '-p', 'test/contract'],
]) {
  const { ok, output } = await run(tool(command), args);
  if (!ok) {
    console.error(output);
    console.error(`${command} ${args.join(' ')} failed: see above.`);
    process.exit(1);
  }
}
console.error(`Built in ${seconds(start)}.\n`);

const suite = await run(
  process.execPath,
  ['.build/test/contract/run.js', ...process.argv.slice(2)],
  { show: true, limitMs: 0 },
);
process.exitCode = suite.code;
