// Projects of users: they install the packed tarball, compile, run and test an application of test/package. The package check and the proof
// `consumers` share it. Every check answers with what is wrong, an empty text for nothing.
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { root, run } from './run.mjs';

const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

// docs/compatibility.md names all these versions, and its test compares.
export const NESTS = ['10.4.22', '11.2.10', devDependencies['@nestjs/core']];
export const [, NEST_11, NEWEST_NEST] = NESTS;
/** Each with its types. */
export const EXPRESSES = [
  { express: '4.22.1', '@types/express': '4.17.25' },
  ours('express', '@types/express'),
];
/** The oldest of each line that the package takes, and the newest. */
export const NODES = ['20.19.0', '22.12.0', '24.21.0'];
export const [, , NEWEST_NODE] = NODES;
/** This repository stays on 6, since the Nest CLI needs its API. 5 is what `nest new` wrote up to Nest 11, 7 what `npm install` installs. */
export const TYPESCRIPTS = { 5: '5.9.3', 6: devDependencies.typescript, 7: '7.0.2' };

export const OPENTELEMETRY = ours('@opentelemetry/api');

/** What the entries beside that of Nest need, by the major version of Nest. */
export const BESIDE_NEST = {
  10: { '@nestjs/swagger': '8.1.1', '@nestjs/terminus': '11.1.1', ...OPENTELEMETRY },
  11: { '@nestjs/swagger': '11.4.7', '@nestjs/terminus': '11.1.1', ...OPENTELEMETRY },
  12: ours('@nestjs/swagger', '@nestjs/terminus', '@opentelemetry/api'),
};

/** The versions that this repository has. */
function ours(...names) {
  return Object.fromEntries(names.map((name) => [name, devDependencies[name]]));
}

export const nestOf = (version) => ({
  '@nestjs/common': version,
  '@nestjs/core': version,
  '@nestjs/platform-express': version,
  'reflect-metadata': '0.2.2',
  rxjs: '7.8.2',
  ...BESIDE_NEST[majorOf(version)],
});

export const majorOf = (version) => Number.parseInt(version, 10);

/** What the doors of Nest beside HTTP need. */
export const DOORS_OF = {
  10: {
    ...doorsOf('10.4.22', '12.2.2'),
    '@apollo/server': '4.13.0',
    '@as-integrations/fastify': '2.1.1',
    mercurius: '14.1.0',
    '@types/ws': '8.18.2',
  },
  11: {
    ...doorsOf('11.2.6', '13.4.5'),
    '@nestjs/platform-fastify': '11.2.8',
    '@apollo/server': '5.5.1',
    '@as-integrations/express5': '1.1.2',
    '@as-integrations/fastify': '3.1.0',
    mercurius: '16.10.1',
    '@types/ws': '8.18.2',
  },
  12: {
    ...doorsOf('12.1.1', '14.0.3'),
    '@nestjs/mercurius': '14.0.0',
    '@nestjs/platform-fastify': '12.5.0',
    '@apollo/server': '5.5.1',
    '@as-integrations/express5': '1.1.2',
    '@as-integrations/fastify': '3.1.0',
    mercurius: '16.10.1',
    '@types/ws': '8.18.2',
  },
};

function doorsOf(version, graphql) {
  return {
    '@nestjs/graphql': graphql,
    '@nestjs/apollo': graphql,
    '@nestjs/mercurius': graphql,
    '@nestjs/microservices': version,
    '@nestjs/platform-fastify': version,
    '@nestjs/platform-socket.io': version,
    '@nestjs/platform-ws': version,
    '@nestjs/websockets': version,
    // Nest makes no schema from classes with 2.15, but for Apollo on Nest 12.
    '@apollo/subgraph': '2.14.4',
    '@grpc/grpc-js': '1.14.7',
    '@grpc/proto-loader': '0.8.1',
    graphql: '16.15.0',
    'socket.io-client': '4.8.4',
    ws: '8.23.0',
  };
}

/** The applications of test/package that are reached through other doors, by the folder. */
export const DOORS = {
  apollo: 'GraphQL by Apollo',
  mercurius: 'GraphQL by Mercurius',
  federation: 'references of a federation by Apollo and Mercurius',
  socketio: 'socket.io',
  ws: 'ws',
  tcp: 'TCP microservice, alone and beside HTTP',
  grpc: 'gRPC',
};

/** Those that are more than a door. `nest11`: only where Nest is older than 12. */
export const PLACES = {
  routes: { name: 'the command routes, which starts nothing' },
  terminus: { name: 'a health page of Terminus 11', nest11: true },
};

/** The package of npm with the executable of Node for this machine. The package `node` would install it by a script. */
export const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;

/** The executable of the Node that a folder has installed. */
export const nodeIn = (home) => join(home, 'node_modules', NODE_PACKAGE, 'bin', 'node');

export const RUNNERS = {
  '@swc/core': '1.16.22',
  '@swc/jest': '0.2.39',
  jest: '30.5.2',
  'ts-jest': '29.4.15',
  typescript: TYPESCRIPTS[6],
  vite: devDependencies.vite,
  vitest: devDependencies.vitest,
};

/** What TypeScript can be told about modules. `error`: what it must say instead of compiling. */
export const KINDS = [
  kind('commonjs with node10, require', 'commonjs', 'commonjs', 'node10'),
  kind('esnext with node10, import', 'module', 'esnext', 'node10'),
  kind('node16, require', 'commonjs', 'node16', 'node16', 'TS1479'),
  kind('node16, import', 'module', 'node16', 'node16'),
  kind('nodenext, require', 'commonjs', 'nodenext', 'nodenext'),
  kind('nodenext, import', 'module', 'nodenext', 'nodenext'),
  kind('commonjs with bundler, require', 'commonjs', 'commonjs', 'bundler'),
  kind('esnext with bundler, import', 'module', 'esnext', 'bundler'),
];

function kind(name, type, module, moduleResolution, error) {
  return { name, type, options: { module, moduleResolution }, error };
}

/** Another TypeScript stands beside that of the folder under a name of its own. */
const compilerOf = (major) => `typescript${major}`;
export const besides = (...majors) =>
  Object.fromEntries(
    majors.map((major) => [compilerOf(major), `npm:typescript@${TYPESCRIPTS[major]}`]),
  );

/** What a TypeScript does not have. */
const LACKS = {
  5: ({ module, moduleResolution }) => module === 'commonjs' && moduleResolution === 'bundler',
  7: ({ moduleResolution }) => moduleResolution === 'node10',
};

/** The same by another TypeScript. */
export const kindsBy = (major) =>
  KINDS.filter(({ options }) => !LACKS[major](options)).map((each) => ({
    ...each,
    name: `${each.name}, by ${major}`,
    compiler: compilerOf(major),
  }));

export const kindNamed = (name) => KINDS.find((each) => each.name === name);

/** Packs the build as it stands. */
export async function pack(folder) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const packed = await npm(root, ...args);
  if (!packed.ok) throw new Error(packed.output);
  const [{ filename, files }] = JSON.parse(packed.output);
  return { tarball: join(folder, filename), files };
}

/** npm as the user's own: nothing that the npm around this script says about its own project. */
export function npm(cwd, ...args) {
  const foreign = Object.keys(process.env).filter((key) =>
    /^(npm_(package|lifecycle)_|npm_config_local_prefix|INIT_CWD)/.test(key),
  );
  const env = Object.fromEntries(foreign.map((key) => [key, undefined]));
  return run('npm', ['--loglevel=error', '--no-audit', '--no-fund', ...args], { cwd, env });
}

export async function complaints(command, args, options) {
  const { ok, output } = await run(command, args, options);
  return ok ? '' : output || `${command} failed without a word`;
}

/** A folder with the package and others installed. */
export async function install(home, tarball, packages) {
  await mkdir(home, { recursive: true });
  const dependencies = {
    'nestjs-zitadel': `file:${tarball}`,
    '@types/node': '20.19.0',
    ...packages,
  };
  await writeFile(join(home, 'package.json'), JSON.stringify({ private: true, dependencies }));
  const { ok, output } = await npm(home, 'install', '--ignore-scripts', '--prefer-offline');
  return ok ? '' : `npm install failed:\n${output}`;
}

/**
 * Compiles the application with a module kind, library declarations checked as well, and runs it. By the compiler of the folder, where it
 * has installed one.
 */
export async function tryKind(
  home,
  source,
  { name, type, options, error, compiler = 'typescript' },
  node = process.execPath,
) {
  const cwd = await project(home, source, `${source}-${name}`, type);
  // Declarations do not matter where the application must not compile.
  const settings = { skipLibCheck: error !== undefined, ...options };
  await writeFile(join(cwd, 'tsconfig.json'), tsconfig(settings, [`${source}/app.ts`], compiler));
  const homes = [home, root].map((each) => join(each, 'node_modules', compiler, 'bin', 'tsc'));
  const { output } = await run(process.execPath, [homes.find(existsSync), '-p', '.'], { cwd });
  const lines = output.split('\n');
  if (error !== undefined) {
    const found = lines.some((line) => line.startsWith(`${source}/app.ts`) && line.includes(error));
    return found ? '' : `the compiler does not say ${error}:\n${output}`;
  }
  // Others' declarations may lack what only their other users install.
  const ours = /^(\w+\/app\.ts|answers\.ts|(\.\.\/)?node_modules\/nestjs-zitadel\/)|^error/;
  const typeErrors = lines.filter((line) => ours.test(line));
  if (typeErrors.length > 0) return typeErrors.join('\n');
  return complaints(node, ['run.cjs', `${source}/app.js`], { cwd });
}

/** Runs the application in plain JavaScript, which `require()`s the package. */
export async function tryRequire(home, source, node = process.execPath) {
  const cwd = await project(home, source, 'javascript', 'commonjs');
  const text = await readFile(join(cwd, 'answers.ts'), 'utf8');
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  await writeFile(join(cwd, 'answers.js'), outputText);
  return complaints(node, [`${source}/app.cjs`], { cwd });
}

/** Runs the test of the application by a test runner. */
export async function tryRunner(
  home,
  source,
  name,
  { type, bin, flags = [], files },
  node = process.execPath,
) {
  const cwd = await project(home, source, name, type);
  const { options } = kindNamed(
    type === 'module' ? 'nodenext, import' : 'commonjs with node10, require',
  );
  await writeFile(join(cwd, 'tsconfig.json'), tsconfig(options, [`${source}/*.ts`]));
  for (const [file, text] of Object.entries(files)) await writeFile(join(cwd, file), text);
  return complaints(node, [...flags, join(home, 'node_modules', ...bin)], { cwd });
}

async function project(home, source, name, type) {
  const cwd = join(home, name.replaceAll(/\W+/g, '-'));
  await mkdir(cwd);
  await writeFile(join(cwd, 'package.json'), JSON.stringify({ private: true, type }));
  const given = join(root, 'test', 'package');
  await cp(join(given, source), join(cwd, source), { recursive: true });
  for (const file of await readdir(given)) {
    if (file.includes('.')) await cp(join(given, file), join(cwd, file));
  }
  return cwd;
}

/** The settings of a strict application. */
function tsconfig(options, include, compiler = 'typescript') {
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023'],
    types: ['node'],
    strict: true,
    skipLibCheck: false,
    esModuleInterop: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    isolatedModules: true,
    ...(compiler === 'typescript' &&
      options.moduleResolution === 'node10' && { ignoreDeprecations: '6.0' }),
    ...options,
  };
  return JSON.stringify({ compilerOptions, include });
}

const SWC = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
};
const JEST = {
  testMatch: ['**/app.test.ts'],
  testEnvironment: 'node',
  // Goes away with the folder.
  cacheDirectory: '<rootDir>/.jest',
  moduleFileExtensions: ['js', 'json', 'ts'],
  // Where TypeScript writes the extension of what it compiles to.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
};
const JEST_BIN = ['jest', 'bin', 'jest.js'];
/** As docs/compatibility.md says it. */
const TRANSFORMED = ['/node_modules/(?!(nestjs-zitadel|jose|lru-cache)/)'];
const VM_MODULES = ['--experimental-vm-modules'];
const AS_ESM = { type: 'module', bin: JEST_BIN, flags: VM_MODULES };
const AS_COMMONJS = { type: 'commonjs', bin: JEST_BIN };
const jest = (settings) => ({ 'jest.config.json': JSON.stringify({ ...JEST, ...settings }) });
const asEsm = (transform) => jest({ extensionsToTreatAsEsm: ['.ts'], transform });
const SWC_COMMONJS = jest({
  transform: { '\\.[jt]s$': ['@swc/jest', { ...SWC, module: { type: 'commonjs' } }] },
  transformIgnorePatterns: TRANSFORMED,
});

/** The runners of tests, each with its settings. `nest12`: those where Nest is ESM and the application is not. */
export const RUNNER = {
  vitest: {
    type: 'module',
    bin: ['vitest', 'vitest.mjs'],
    flags: [],
    files: {
      'vitest.config.mjs':
        "export default { test: { globals: true, watch: false, include: ['*/app.test.ts'] } };",
    },
  },
  'Jest with swc, import': {
    ...AS_ESM,
    files: asEsm({ '\\.ts$': ['@swc/jest', { ...SWC, module: { type: 'es6' } }] }),
  },
  'Jest with swc, require': {
    ...AS_COMMONJS,
    files: SWC_COMMONJS,
    nest12: { ...AS_COMMONJS, flags: VM_MODULES, files: SWC_COMMONJS },
  },
  'Jest with ts-jest, import': {
    ...AS_ESM,
    files: asEsm({ '\\.ts$': ['ts-jest', { useESM: true }] }),
  },
  'Jest with ts-jest, require': {
    ...AS_COMMONJS,
    files: jest({
      transform: {
        '\\.ts$': 'ts-jest',
        '\\.js$': [
          'ts-jest',
          {
            tsconfig: {
              allowJs: true,
              module: 'commonjs',
              target: 'es2022',
              isolatedModules: true,
            },
          },
        ],
      },
      transformIgnorePatterns: TRANSFORMED,
    }),
    nest12: {
      ...AS_COMMONJS,
      flags: VM_MODULES,
      files: jest({ transform: { '\\.ts$': 'ts-jest' } }),
    },
  },
};
