// The package as a user gets it: what is packed, what its manifest says, and applications that
// install the tarball and run on it. Reads the build in dist/.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { followReadme } from './follow-readme.mjs';
import { root, run, seconds, tool } from './run.mjs';

const nestOf = (version) => ({
  '@nestjs/common': version,
  '@nestjs/core': version,
  '@nestjs/platform-express': version,
  'reflect-metadata': '0.2.2',
  rxjs: '7.8.2',
});

const applications = [
  { name: 'Nest 11', source: 'nest', packages: nestOf('11.2.10') },
  { name: 'Nest 12', source: 'nest', packages: nestOf('12.5.1') },
  {
    name: 'Express alone',
    source: 'express',
    packages: { express: '5.3.0', '@types/express': '5.0.6' },
    absent: 'node_modules/@nestjs',
  },
];

// The settings of a strict application, library declarations checked as well.
const compilerFlags = [
  '--module nodenext --target es2023 --lib es2023 --types node --strict --skipLibCheck false',
  '--experimentalDecorators --emitDecoratorMetadata --isolatedModules',
].flatMap((flags) => flags.split(' '));

const folder = mkdtempSync(join(tmpdir(), 'package-'));
let green = true;
try {
  const packed = await npm(
    root,
    'pack',
    '--json',
    '--ignore-scripts',
    '--pack-destination',
    folder,
  );
  if (!packed.ok) throw new Error(packed.output);
  const [{ filename, files }] = JSON.parse(packed.output);
  const tarball = join(folder, filename);

  await check('the tarball holds the build, the pages and nothing else', () => wrongFiles(files));
  await check('the manifest and the lockfile are clean', () => wrongInManifest());
  await check('the lockfile is complete: npm ci would install it', () => wrongInLockfile());
  await check('publint', () => complaints(tool('publint'), ['run', tarball, '--strict']));
  await check('attw', () =>
    complaints(tool('attw'), [tarball, '--profile', 'esm-only', '--no-emoji', '--no-color']),
  );
  const waiting = applications.map(
    (application) => () =>
      check(`${application.name}: ESM with types, and CommonJS`, () =>
        tryOut(application, tarball),
      ),
  );
  waiting.push(() =>
    check('the README, followed to the letter', () => followReadme(folder, tarball, npm)),
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

async function complaints(command, args, options) {
  const { ok, output } = await run(command, args, options);
  return ok ? '' : output || `${command} failed without a word`;
}

/** npm as the user's own: nothing that the npm around this script says about its own project. */
function npm(cwd, ...args) {
  const foreign = Object.keys(process.env).filter((key) =>
    /^(npm_(package|lifecycle)_|npm_config_local_prefix|INIT_CWD)/.test(key),
  );
  const env = Object.fromEntries(foreign.map((key) => [key, undefined]));
  return run('npm', ['--loglevel=error', '--no-audit', '--no-fund', ...args], { cwd, env });
}

function wrongFiles(files) {
  const wanted = new Set(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md']);
  for (const page of readdirSync(join(root, 'docs'))) wanted.add(`docs/${page}`);
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

async function tryOut({ name, source, packages, absent }, tarball) {
  const home = join(folder, name.toLowerCase().replaceAll(' ', '-'));
  await mkdir(home);
  await cp(join(root, 'test/package', source), join(home, source), { recursive: true });
  await cp(join(root, 'test/package/answers.ts'), join(home, 'answers.ts'));
  const manifest = {
    private: true,
    type: 'module',
    dependencies: { 'nestjs-zitadel': `file:${tarball}`, '@types/node': '20.19.0', ...packages },
  };
  await writeFile(join(home, 'package.json'), JSON.stringify(manifest));
  const installed = await npm(home, 'install', '--ignore-scripts', '--prefer-offline');
  if (!installed.ok) return `npm install failed:\n${installed.output}`;
  if (absent !== undefined && existsSync(join(home, absent))) return `${absent} was installed`;

  const compiled = await run(tool('tsc'), [...compilerFlags, `${source}/app.ts`], { cwd: home });
  // Others' declarations may lack what only their other users install.
  const typeErrors = compiled.output
    .split('\n')
    .filter((line) => /^(\w+\/app\.ts|answers\.ts|node_modules\/nestjs-zitadel\/)/.test(line));
  if (typeErrors.length > 0) return typeErrors.join('\n');
  for (const file of [`${source}/app.js`, `${source}/app.cjs`]) {
    const wrong = await complaints(process.execPath, [file], { cwd: home });
    if (wrong !== '') return `node ${file}:\n${wrong}`;
  }
  return '';
}
