// npm start: builds the library and the sample app unless both are built already, then runs it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const nest = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
/** What was built, and what came of it: other commands build into the same folders. */
const BUILT = join(root, '.build', 'start.txt');
const SETTINGS = ['nest-cli.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

if (builtFrom() === read(BUILT)) {
  console.log('Nothing has changed since the last build.');
} else {
  build('the library', ['build']);
  build('the sample app', ['build', 'sample-app']);
  writeFileSync(BUILT, builtFrom());
}
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

/** A fingerprint of all that goes into the build, and of all that comes out of it. */
function builtFrom() {
  const hash = createHash('sha256');
  const files = ['lib', 'sample-app', 'dist', join('.build', 'sample-app')].flatMap(filesIn);
  for (const file of [...SETTINGS, ...files]) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

/** The page is not built. */
function filesIn(folder) {
  if (!statSync(join(root, folder), { throwIfNoEntry: false })) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|js|json)$/.test(name) && !name.startsWith('public'))
    .sort()
    .map((name) => join(folder, name));
}

function read(file) {
  return statSync(file, { throwIfNoEntry: false }) && readFileSync(file, 'utf8');
}
