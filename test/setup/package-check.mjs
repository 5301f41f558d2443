// The package as a user gets it: what is packed, what its manifest says, and applications that
// install the tarball and run on it. Reads the build in dist/.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import {
  complaints,
  EXPRESSES,
  install,
  kindNamed,
  NEST_11,
  nestOf,
  npm,
  OPENTELEMETRY,
  pack,
  RUNNER,
  RUNNERS,
  tryKind,
  tryRequire,
  tryRunner,
  TYPESCRIPTS,
} from './consumer.mjs';
import { followExpress, followReadme } from './follow-readme.mjs';
import { root, seconds, tool } from './run.mjs';
import { unnamedInSignatures } from './signatures.mjs';

const byKind = (name) => [name, (home, source) => tryKind(home, source, kindNamed(name))];
const TS_JEST = 'Jest with ts-jest, require';
const { jest, 'ts-jest': tsJest, typescript } = RUNNERS;

const applications = [
  {
    name: 'Nest 11',
    source: 'nest',
    packages: { ...nestOf(NEST_11), jest, 'ts-jest': tsJest, typescript },
    ways: [
      ['JavaScript, require', tryRequire],
      // What `nest new` wrote up to Nest 11.
      byKind('commonjs with node10, require'),
      [TS_JEST, (home, source) => tryRunner(home, source, TS_JEST, RUNNER[TS_JEST])],
    ],
  },
  {
    name: 'Express alone',
    source: 'express',
    packages: { ...EXPRESSES[1], ...OPENTELEMETRY, typescript: TYPESCRIPTS[7] },
    ways: [
      [
        'no Nest',
        (home) => (existsSync(join(home, 'node_modules/@nestjs')) ? 'was installed' : ''),
      ],
      byKind('nodenext, import'),
      ['JavaScript, require', tryRequire],
      ['the README', followExpress],
      ['the command', wrongInCommand],
    ],
  },
];

const stray = projectIn(tmpdir());
if (stray !== undefined) {
  console.log(`npm would install beside ${stray}: remove it, or set TMPDIR.`);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'package-'));
let green = true;
try {
  const { tarball, files } = await pack(folder);

  await check('the tarball holds the build, the pages and nothing else', () => wrongFiles(files));
  await check('the manifest and the lockfile are clean', () => wrongInManifest());
  await check('the lockfile is complete: npm ci would install it', () => wrongInLockfile());
  await check('the declarations show nothing internal', () => wrongInDeclarations());
  await check('users can name what stands in signatures', () => unnamedInSignatures(entries()));
  await check('npm installs it beside a Nest of any age', () => wrongBesideOthers(tarball));
  await check('publint', () => complaints(tool('publint'), ['run', tarball, '--strict']));
  await check('attw', () =>
    complaints(tool('attw'), [tarball, '--profile', 'esm-only', '--no-emoji', '--no-color']),
  );
  const waiting = applications.map((application) => () => {
    const ways = application.ways.map(([way]) => way).join('; ');
    return check(`${application.name}: ${ways}`, () => tryOut(application, tarball));
  });
  // It stands for Nest 12, which the proof `consumers` tries in every way.
  waiting.push(() =>
    check('the README, followed to the letter', () =>
      followReadme(join(folder, 'readme'), tarball, npm),
    ),
  );
  // Two at a time: more would only fight for the cores.
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
  };
  await Promise.all([worker(), worker()]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = green ? 0 : 1;

/** Runs a check that answers with what is wrong, an empty text for nothing. */
async function check(name, work) {
  const start = performance.now();
  let wrong;
  try {
    wrong = await work();
  } catch (error) {
    wrong = String(error.stack);
  }
  if (wrong !== '') green = false;
  console.log(`  ${wrong === '' ? 'ok    ' : 'FAILED'}  ${name} (${seconds(start)})`);
  if (wrong !== '') console.log(wrong.trimEnd().replaceAll(/^/gm, '    '));
}

/** From a folder that is empty npm climbs to the nearest one above that has either of these, and installs there. */
function projectIn(folder) {
  const found = ['package.json', 'node_modules'].map((name) => join(folder, name)).find(existsSync);
  const above = dirname(folder);
  return found ?? (above === folder ? undefined : projectIn(above));
}

function wrongFiles(files) {
  const texts = ['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md'];
  const wanted = new Set(['package.json', 'schematics.json', ...texts]);
  // The site, and pictures, are for whoever reads the repository.
  const left = new Set(['.vitepress', 'api', 'images']);
  for (const page of readdirSync(join(root, 'docs')))
    if (!left.has(page)) wanted.add(`docs/${page}`);
  for (const source of readdirSync(join(root, 'lib'), { recursive: true })) {
    if (!source.endsWith('.ts')) continue;
    const path = `dist/${source.replaceAll('\\', '/').slice(0, -'.ts'.length)}`;
    wanted.add(`${path}.js`).add(`${path}.d.ts`);
  }
  const found = new Set(files.map(({ path }) => path));
  return [
    ...[...found].filter((path) => !wanted.has(path)).map((path) => `${path} is packed\n`),
    ...[...wanted].filter((path) => !found.has(path)).map((path) => `${path} is missing\n`),
  ].join('');
}

function wrongInManifest() {
  const wrong = [];
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare']) {
    if (Object.hasOwn(manifest.scripts, script)) wrong.push(`package.json has a script ${script}`);
  }
  // So that `npm pack` works in a fresh clone.
  if (manifest.scripts.prepack === undefined) wrong.push('package.json has no script prepack');
  const runtime = Object.keys(manifest.dependencies).join(' ');
  if (runtime !== 'jose lru-cache') wrong.push(`the runtime dependencies are: ${runtime}`);
  for (const peer of Object.keys(manifest.peerDependencies)) {
    if (manifest.peerDependenciesMeta[peer]?.optional !== true) {
      wrong.push(
        `${peer} is not optional: an application on Express alone would have to install it`,
      );
    }
  }
  const lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  for (const [path, entry] of Object.entries(lockfile.packages)) {
    if (Object.hasOwn(entry, 'resolved')) wrong.push(`package-lock.json has an address at ${path}`);
  }
  return wrong.join('\n');
}

/** A lockfile written over an old node_modules can lack other platforms' optional packages. */
async function wrongInLockfile() {
  const args = ['ci', '--dry-run', '--include=dev', '--ignore-scripts'];
  const { ok, output } = await npm(root, ...args);
  if (ok) return '';
  // What is wrong comes first, then npm explains itself at length.
  const [complaint] = output.split(/\n.*Clean install a project/);
  return `${complaint}\nMend it with: npm install --package-lock-only`;
}

async function tryOut({ name, source, packages, ways }, tarball) {
  const home = join(folder, name.toLowerCase().replaceAll(' ', '-'));
  const notInstalled = await install(home, tarball, packages);
  if (notInstalled !== '') return notInstalled;
  for (const [way, work] of ways) {
    const wrong = await work(home, source);
    if (wrong !== '') return `${way}:\n${wrong}`;
  }
  return '';
}

/** An Express application beside a Nest of any age: npm must neither refuse nor warn. */
async function wrongBesideOthers(tarball) {
  const dependencies = {
    'nestjs-zitadel': `file:${tarball}`,
    '@nestjs/common': '8.4.7',
    '@nestjs/core': '8.4.7',
    'reflect-metadata': '0.1.13',
    rxjs: '7.1.0',
    'cache-manager': '3.6.3',
  };
  const home = join(folder, 'beside-others');
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, dependencies }));
  const { ok, output } = await npm(
    home,
    'install',
    '--dry-run',
    '--prefer-offline',
    '--loglevel=warn',
  );
  return ok && !/ERESOLVE|peer/i.test(output) ? '' : output;
}

/** The command explains itself, and says what is missing. */
async function wrongInCommand(home) {
  const command = (...args) => npm(home, 'exec', '--offline', '--', 'nestjs-zitadel', ...args);
  const help = await command('events', 'setup', '--help');
  if (!help.ok || !help.output.includes('Usage: npx nestjs-zitadel events setup')) {
    return `--help:\n${help.output}`;
  }
  const bare = await command('events', 'setup');
  const isTold = !bare.ok && bare.output.includes('--endpoint is missing');
  return isTold ? '' : `without --endpoint:\n${bare.output}`;
}

/** The declarations of the entries. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.values(exports).flatMap(({ types }) => types?.replace('./', '') ?? []);
}

/** What users cannot name must not show where they look: in the declarations that the entries lead to. */
function wrongInDeclarations() {
  const open = entries();
  const seen = new Set(open);
  const wrong = [];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const text = readFileSync(join(root, file), 'utf8');
    const code = text.replaceAll(/\/\*[^]*?\*\//g, '');
    const inner = /\b(Authorizer|ofTheDoor|errorFor|Instance)\b/.exec(code);
    if (inner) wrong.push(`${file} shows ${inner[1]}`);
    for (const [, from] of code.matchAll(/(?:from|import\()\s*'(\.[^']+)\.js'/g)) {
      const target = relative(root, join(root, dirname(file), `${from}.d.ts`));
      if (!seen.has(target)) open.push(target);
      seen.add(target);
    }
  }
  return wrong.join('\n');
}
