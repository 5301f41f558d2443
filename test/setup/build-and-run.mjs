// Builds the library and one folder of test, and runs what is built there.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runAlone } from './one-run.mjs';
import { root, run, seconds, tool } from './run.mjs';

/**
 * The exit status is that of what was run. What is said here goes to standard error: what is run may print
 * something that is meant to be copied.
 */
export async function buildAndRun(folder, { nodeFlags = [], env = {} } = {}) {
  runAlone(`npm run ${folder}`);
  const start = performance.now();
  console.error(`Building the library and test/${folder}`);
  rmSync(join(root, '.build', 'test'), { recursive: true, force: true });
  for (const [command, ...args] of [
    ['nest', 'build'],
    ['tsc', '-p', `test/${folder}`],
  ]) {
    const { ok, output } = await run(tool(command), args);
    if (!ok) {
      console.error(output);
      console.error(`${command} ${args.join(' ')} failed: see above.`);
      process.exit(1);
    }
  }
  console.error(`Built in ${seconds(start)}.\n`);
  const { code } = await run(
    process.execPath,
    [...nodeFlags, `.build/test/${folder}/run.js`, ...process.argv.slice(2)],
    { env, show: true, tidies: true, quietMs: 0 },
  );
  process.exitCode = code;
}
