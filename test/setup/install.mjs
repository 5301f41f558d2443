// Installs the dependencies when they are missing or are not the ones of package-lock.json.
// Plain Node, no dependency: this runs in a bare clone.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { refuseBesideAnother, runAlone } from './one-run.mjs';
import { root, run, seconds } from './run.mjs';

const [major, minor] = process.versions.node.split('.').map(Number);
const fits = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24;
if (!fits) {
  console.error(
    `Node ${process.versions.node} does not do: install Node 20.19, 22.12, 24 or newer.`,
  );
  process.exit(1);
}

// Whatever this comes before builds, and a run beside it may stand on that build and on these dependencies.
refuseBesideAnother();
const reason = whyInstall();
if (reason !== undefined) {
  runAlone('npm ci');
  console.log(`Installing the dependencies: ${reason} (npm ci)`);
  const start = performance.now();
  // Development tools are needed whatever NODE_ENV says.
  const { ok } = await run(
    'npm',
    ['ci', '--include=dev', '--no-fund', '--no-audit', '--loglevel=error'],
    // npm says nothing for long, and gives up by itself.
    { show: true, quietMs: 0 },
  );
  if (!ok) {
    console.error('npm ci failed: see above. Nothing else was done.');
    process.exit(1);
  }
  console.log(`Installed in ${seconds(start)}.\n`);
}

/**
 * npm writes node_modules/.package-lock.json when an install is complete, with what it really
 * installed: a better witness than a stamp of our own, since `npm install NAME` renews it too.
 */
function whyInstall() {
  const wanted = packagesOf('package-lock.json');
  if (wanted === undefined) throw new Error('package-lock.json is missing or is not JSON');
  const installed = packagesOf(join('node_modules', '.package-lock.json'));
  if (installed === undefined) return 'node_modules is missing or incomplete';
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    const found = installed[path];
    // An optional package that is absent is one for another platform.
    if (path === '' || (found === undefined && optional)) continue;
    if (found?.version !== version) {
      return `${path} is ${found?.version ?? 'missing'}, package-lock.json says ${version}`;
    }
  }
  const extra = Object.keys(installed).find((path) => !Object.hasOwn(wanted, path));
  return extra === undefined ? undefined : `${extra} is not in package-lock.json`;
}

function packagesOf(lockfile) {
  try {
    return JSON.parse(readFileSync(join(root, lockfile), 'utf8')).packages;
  } catch {
    return undefined;
  }
}
