// npm start: builds the library and the sample app, then runs it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const nest = fileURLToPath(new URL('../node_modules/@nestjs/cli/bin/nest.js', import.meta.url));

build('the library', ['build']);
build('the sample app', ['build', 'sample-app']);
console.log('Starting the sample app ...\n');
await import('../.build/sample-app/main.js');

function build(what, args) {
  console.log(`Building ${what} ...`);
  const start = performance.now();
  const { status } = spawnSync(process.execPath, [nest, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`Building ${what} failed: see above.`);
    process.exit(1);
  }
  console.log(`  done in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
