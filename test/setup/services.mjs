// Redis and Chromium for the tests: taken from where they are, installed on Debian as root, else
// reported as not run.
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run, seconds } from './run.mjs';

const services = [
  {
    part: 'Redis',
    variable: 'REDIS_SERVER',
    commands: ['redis-server'],
    packages: ['redis-server'],
  },
  {
    part: 'Chromium',
    variable: 'CHROMIUM',
    // The shell is Chromium without the windows that nobody sees.
    commands: [
      'chromium-headless-shell',
      'chromium',
      'chromium-browser',
      'google-chrome',
      'google-chrome-stable',
    ],
    // Without a font of its own a page has no text to look at.
    packages: ['chromium', 'fonts-dejavu-core'],
  },
];

/** The paths of what is on this machine, as environment for vitest. */
export function findServices() {
  return Object.fromEntries(
    services.flatMap((service) => {
      const path = find(service);
      return path === undefined ? [] : [[service.variable, path]];
    }),
  );
}

/** As `findServices`, after an attempt to install what is missing; `notRun` says what is left. */
export async function provideServices() {
  const notRun = [];
  let packageLists;
  for (const service of services) {
    if (find(service) !== undefined) continue;
    const obstacle = whyNotInstall();
    if (obstacle !== undefined) {
      notRun.push(`${service.part} (${obstacle})`);
      continue;
    }
    const start = performance.now();
    console.log(`  installing ${service.part} with apt-get`);
    packageLists ??= apt('update');
    const updated = await packageLists;
    const { ok, output } = updated.ok
      ? await apt('install', '--no-install-recommends', ...service.packages)
      : updated;
    if (ok) console.log(`  installed ${service.part} in ${seconds(start)}`);
    else console.log(output);
    if (find(service) === undefined) notRun.push(`${service.part} (apt-get could not install it)`);
  }
  return { env: findServices(), notRun };
}

function find({ variable, commands }) {
  const given = process.env[variable];
  if (given !== undefined && given !== '') return given;
  for (const command of commands) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      const path = join(folder, command);
      if (folder !== '' && isExecutable(path)) return path;
    }
  }
  return undefined;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function whyNotInstall() {
  let release = '';
  try {
    release = readFileSync('/etc/os-release', 'utf8');
  } catch {
    // Not a Linux with such a file.
  }
  if (!/^ID="?debian"?$/m.test(release)) return 'not on PATH, and this is no Debian to install on';
  return process.getuid?.() === 0 ? undefined : 'not on PATH, and only root can install it';
}

function apt(...args) {
  return run('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=120', ...args], {
    // Runlevel 1 keeps Debian from starting a server of its own after the installation.
    env: { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
}
