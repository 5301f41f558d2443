// Applications of users: each installs the packed tarball, builds, boots and asks its guarded route.
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'applications of every module kind and test runner install the tarball, build, boot and are guarded';

interface Kind {
  readonly name: string;
}
interface Runner {
  /** Other settings on Nest 12, and a Node of their own. */
  readonly nest12?: Runner;
}

/** What the package check uses too. */
interface Consumer {
  readonly DOORS: Readonly<Record<string, string>>;
  readonly DOORS_OF: Readonly<Record<number, Packages>>;
  readonly EXPRESSES: readonly Packages[];
  readonly KINDS: readonly Kind[];
  readonly NESTS: readonly string[];
  readonly NEWEST_NEST: string;
  readonly NEWEST_NODE: string;
  readonly NODE_PACKAGE: string;
  readonly NODES: readonly string[];
  readonly OPENTELEMETRY: Packages;
  readonly PLACES: Readonly<Record<string, { readonly name: string; readonly nest11?: true }>>;
  readonly RUNNER: Readonly<Record<string, Runner>>;
  readonly RUNNERS: Packages;
  /** Other TypeScripts, to install beside that of the folder. */
  besides(...majors: readonly number[]): Packages;
  kindNamed(name: string): Kind;
  kindsBy(typescript: number): readonly Kind[];
  majorOf(version: string): number;
  nestOf(version: string): Packages;
  nodeIn(home: string): string;
  pack(folder: string): Promise<{ readonly tarball: string }>;
  install(home: string, tarball: string, packages: Packages): Promise<string>;
  tryKind(home: string, source: string, kind: Kind, node?: string): Promise<string>;
  tryRequire(home: string, source: string, node?: string): Promise<string>;
  tryRunner(
    home: string,
    source: string,
    name: string,
    runner: Runner,
    node?: string,
  ): Promise<string>;
}
type Packages = Readonly<Record<string, string>>;

/** A folder of a user, and what is tried in it. */
interface Home {
  readonly name: string;
  readonly packages: Packages;
  readonly ways: readonly Way[];
}
interface Way {
  readonly name: string;
  /** Answers with what is wrong, an empty text for nothing. */
  run(home: string): Promise<string>;
}

const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const script = join(root, 'test', 'setup', 'consumer.mjs');
  const consumer = (await import(pathToFileURL(script).href)) as Consumer;
  const folder = await mkdtemp(join(tmpdir(), 'consumers-'));
  // The newest Nest, in what every second user writes. The package check of `npm test` boots others.
  const homes = short ? [newestNest(consumer)] : homesOf(consumer);
  const failed: string[] = [];
  let combinations = 0;
  try {
    const { tarball } = await consumer.pack(folder);
    for (const { name, packages, ways } of homes) {
      const home = join(folder, name.replaceAll(' ', '-'));
      const notInstalled = await consumer.install(home, tarball, packages);
      const attempt = async (way: Way): Promise<void> => {
        const text = `${name}: ${way.name}`;
        combinations += 1;
        const wrong = notInstalled || (await way.run(home));
        progress(`${wrong === '' ? 'ok        ' : 'FAILED    '}${text}`);
        if (wrong === '') return;
        failed.push(text);
        progress(wrong);
      };
      const waiting = [...ways];
      // Two at a time: more would only fight for the cores.
      const worker = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          await attempt(next);
        }
      };
      await Promise.all([worker(), worker()]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { ok: failed.length === 0, combinations, failed: failed.length };
}

function newestNest({ NEWEST_NEST, RUNNERS, ...consumer }: Consumer): Home {
  const { kindNamed, nestOf, tryKind, tryRequire } = consumer;
  const { typescript = '' } = RUNNERS;
  const kinds = ['nodenext, import', 'node16, require'];
  return {
    name: `Nest ${NEWEST_NEST}`,
    packages: { ...nestOf(NEWEST_NEST), typescript },
    ways: [
      { name: 'JavaScript, require', run: (home) => tryRequire(home, 'nest') },
      ...kinds.map((name) => ({
        name: `TypeScript, ${name}`,
        run: (home: string) => tryKind(home, 'nest', kindNamed(name)),
      })),
    ],
  };
}

function homesOf(consumer: Consumer): readonly Home[] {
  const { DOORS, DOORS_OF, EXPRESSES, KINDS, NESTS, NEWEST_NEST, NEWEST_NODE } = consumer;
  const { NODES, NODE_PACKAGE, OPENTELEMETRY, PLACES, RUNNER, RUNNERS, besides } = consumer;
  const { kindNamed, kindsBy, majorOf, nestOf, nodeIn, tryKind, tryRequire, tryRunner } = consumer;
  const imported = kindNamed('nodenext, import');
  const waysOf = (source: string, typescripts: readonly number[]): readonly Way[] => [
    { name: 'JavaScript, require', run: (home) => tryRequire(home, source) },
    ...[...KINDS, ...typescripts.flatMap(kindsBy)].map((kind) => ({
      name: `TypeScript, ${kind.name}`,
      run: (home: string) => tryKind(home, source, kind),
    })),
  ];
  const nest = (version: string): Home => {
    const isEsm = version === NEWEST_NEST;
    // What `nest new` wrote up to Nest 11.
    const typescripts = isEsm ? [7] : [5, 7];
    return {
      name: `Nest ${version}`,
      packages: {
        ...nestOf(version),
        ...RUNNERS,
        ...besides(...typescripts),
        // Jest can require ESM on Node 24.9 and newer only.
        ...(isEsm && { [NODE_PACKAGE]: NEWEST_NODE }),
      },
      ways: [
        ...waysOf('nest', typescripts),
        ...Object.entries(RUNNER).map(([name, runner]) => ({
          name,
          run: (home: string) =>
            isEsm && runner.nest12
              ? tryRunner(home, 'nest', name, runner.nest12, nodeIn(home))
              : tryRunner(home, 'nest', name, runner),
        })),
      ],
    };
  };
  const express = (packages: Packages): Home => ({
    name: `Express ${packages['express']}`,
    packages: { ...packages, ...OPENTELEMETRY, ...besides(7) },
    ways: waysOf('express', [7]),
  });
  const doors = (version: string): Home => ({
    name: `Nest ${version} with all doors`,
    packages: { ...nestOf(version), ...DOORS_OF[majorOf(version)] },
    ways: [
      ...Object.entries(DOORS),
      ...Object.entries(PLACES)
        .filter(([, { nest11 }]) => version !== NEWEST_NEST || !nest11)
        .map(([source, { name }]) => [source, name] as const),
    ].map(([source, name]) => ({ name, run: (home) => tryKind(home, source, imported) })),
  });
  const node = (version: string): Home => ({
    name: `Node ${version}`,
    packages: { ...nestOf(NEWEST_NEST), [NODE_PACKAGE]: version },
    ways: [
      { name: 'JavaScript, require', run: (home) => tryRequire(home, 'nest', nodeIn(home)) },
      { name: 'import', run: (home) => tryKind(home, 'nest', imported, nodeIn(home)) },
    ],
  });
  return [...NESTS.map(nest), ...NESTS.map(doors), ...NODES.map(node), ...EXPRESSES.map(express)];
}
