import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { DENIAL, type ZitadelErrorCode, ZITADEL_HIERARCHY } from '../lib/express/index.js';
import { resolveOptions } from '../lib/validate-options.js';
import { EFFECTS } from '../lib/zitadel/events/event.js';
import { PROMISES } from './evidence/promises.js';

const { optionsPage } = (await import(new URL('setup/docs.mjs', import.meta.url).href)) as {
  optionsPage(): Promise<string>;
};

const root = fileURLToPath(new URL('..', import.meta.url));
const textOf = (file: string) => readFileSync(join(root, file), 'utf8');

interface Site {
  readonly SIDEBAR: readonly (readonly [text: string, pages: readonly string[]])[];
  /** As GitHub makes it of a heading. */
  anchorOf(heading: string): string;
}
const site = new URL('../docs/.vitepress/config.mjs', import.meta.url);
const { SIDEBAR, anchorOf } = (await import(site.href)) as Site;

// But for the settings of the site, and the reference that is written for it.
const docs = readdirSync(join(root, 'docs'))
  .filter((name) => name !== '.vitepress' && name !== 'api')
  .map((name) => `docs/${name}`);
const pages = ['README.md', ...docs.filter((name) => name.endsWith('.md'))];

/** The cells of the rows of one section's table, without the head. */
function tableOf(page: string, heading: string): readonly (readonly string[])[] {
  const section = textOf(page)
    .split(/^##? /m)
    .find((part) => part.startsWith(heading));
  return (section ?? '')
    .split('\n')
    .filter((line) => /^\| \[?`/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** What stands in backticks. */
const codesIn = (text = ''): readonly string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '');

describe('the README', () => {
  it('has at most 200 lines', () => {
    expect(textOf('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(200);
  });

  it('leads to every page', () => {
    const missing = docs.filter((page) => !textOf('README.md').includes(`(${page}`));
    expect(missing).toEqual([]);
  });
});

describe('the page about requirements', () => {
  it('prints the hierarchy as it is', () => {
    const rows = tableOf('docs/requirements.md', 'Which role satisfies which');
    const printed = Object.fromEntries(
      rows.map(([role, lower]) => [codesIn(role)[0], [...codesIn(lower)].sort()]),
    );
    const real = Object.fromEntries(
      Object.entries(ZITADEL_HIERARCHY).map(([role, lower]) => [role, [...lower].sort()]),
    );
    expect(printed).toEqual(real);
  });
});

describe('the page about errors', () => {
  it('explains every reason, with its status', () => {
    const printed = tableOf('docs/errors.md', 'Codes of refused requests').map((row) => {
      const [reason, status, ...explained] = row;
      return `${codesIn(reason)[0]} ${status} ${explained.every((cell) => cell !== '')}`;
    });
    const real = Object.entries(DENIAL).map(([reason, { status }]) => `${reason} ${status} true`);
    expect(printed.sort()).toEqual(real.sort());
  });

  it('explains every code of a thrown error', () => {
    // A code that is missing here, or is none, does not compile.
    const codes = {
      options_invalid: true,
      argument_invalid: true,
      requirement_invalid: true,
      not_allowed: true,
      zitadel_refused: true,
      zitadel_unavailable: true,
      service_user_refused: true,
      grant_not_settled: true,
    } satisfies Record<ZitadelErrorCode, true>;
    const printed = tableOf('docs/errors.md', 'Codes of thrown errors').map((row) => {
      const [code, ...explained] = row;
      return [codesIn(code)[0], explained.every((cell) => cell !== '')];
    });
    expect(Object.fromEntries(printed)).toEqual(codes);
  });
});

describe('the page about a fleet', () => {
  it('has the table of events to effects', () => {
    const rows = tableOf('docs/fleet.md', 'What each event ends');
    const printed = rows.map(([effect, , events]) => [codesIn(effect)[0], codesIn(events)]);
    expect(Object.fromEntries(printed)).toEqual(EFFECTS);
  });
});

describe('the page about options', () => {
  it('is what npm run docs:options writes', async () => {
    expect(textOf('docs/options.md')).toBe(await optionsPage());
  });

  it('prints the defaults as they are', () => {
    const printed = new Map(
      tableOf('docs/options.md', 'Options').map(([name, value]) => [
        codesIn(name)[0],
        codesIn(value)[0],
      ]),
    );
    const real = resolveOptions({ issuer: 'https://acme.example', audience: '1' });
    for (const name of ['ttlMs', 'denialMs', 'maxBytes'] as const) {
      expect([name, printed.get(`cache.${name}`)]).toEqual([name, String(real[name])]);
    }
    for (const name of ['timeoutMs', 'budgetMs', 'clockToleranceMs'] as const) {
      expect([name, printed.get(name)]).toEqual([name, String(real[name])]);
    }
    expect(printed.get('api')).toBe(`'${real.api}'`);
    expect(printed.get('memberships')).toBe(`{ as: '${real.memberships.as}' }`);
    expect(printed.get('allowImpersonation')).toBe(String(real.allowImpersonation));
    expect(printed.get('idPattern')).toBe(`/${real.idPattern.source.slice(4, -2)}/`);
  });
});

describe('the docstrings', () => {
  const { exports } = JSON.parse(textOf('package.json')) as {
    readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
  };
  const entries = Object.values(exports)
    .flatMap((entry) => (typeof entry === 'string' ? [] : entry.types))
    .map((types) => types.replace('./dist', 'lib').replace('.d.ts', '.ts'))
    .concat('lib/public.ts');
  const offered = entries.flatMap((entry) =>
    [...textOf(entry).matchAll(/^export \{([^}]+)\} from '([^']+)\.js'/gm)].flatMap(
      ([, names = '', from = '']) =>
        names
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== '' && !name.endsWith('Error'))
          .map((name) => ({ name, file: `${join(dirname(entry), from)}.ts` })),
    ),
  );

  it('have an example for everything that a user writes', () => {
    const without = offered.filter(({ name, file }) => {
      const text = textOf(file);
      const end = text.search(new RegExp(`^export (function|class|const) ${name}\\b`, 'm'));
      return !text.slice(text.lastIndexOf('/**', end), end).includes('@example');
    });
    expect(offered.length).toBeGreaterThan(40);
    expect(without).toEqual([]);
  });

  it('have an example for every method that a user calls', () => {
    const base = {
      name: 'ProjectGrantService',
      file: 'lib/zitadel/grants/project-grant-service.ts',
    };
    const methods = [...offered, base].flatMap(({ name, file }) => methodsOf(name, file));
    expect(methods.length).toBeGreaterThan(35);
    const without = methods.filter(({ docstring }) => !docstring.includes('@example'));
    expect(without.map((each) => `${each.of}.${each.name}`)).toEqual([]);
  });
});

describe('the page about performance', () => {
  it('names only figures that the proof promises', () => {
    const named = tableOf('docs/performance.md', 'What is measured').flatMap(([keys]) =>
      codesIn(keys),
    );
    expect(named).not.toEqual([]);
    expect(Object.keys(PROMISES['warm'] ?? {})).toEqual(expect.arrayContaining(named));
  });
});

describe('lines of the log', () => {
  const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => textOf(`lib/${file}`).replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, ''))
    .join('');
  const lines = [
    ...pages.flatMap((page) =>
      [...textOf(page).matchAll(/`([^`]+)`\s+in the log/g)].map(([, line]) => line ?? ''),
    ),
    ...tableOf('docs/errors.md', 'What the log says').flatMap(([line]) => codesIn(line)),
  ];

  it('are quoted as the library writes them', () => {
    // Numbers and what a line is about are put in.
    const pieces = lines.flatMap((line) => line.split(/: | ?\(?\d+\)? ?/));
    const unknown = pieces.filter((piece) => !sources.includes(piece));
    expect(lines.length).toBeGreaterThan(1);
    expect(unknown).toEqual([]);
  });
});

type Packages = Readonly<Record<string, string>>;
interface Consumer {
  readonly BESIDE_NEST: Readonly<Record<number, Packages>>;
  readonly DOORS_OF: Readonly<Record<number, Packages>>;
  readonly EXPRESSES: readonly Packages[];
  readonly KINDS: readonly { readonly name: string; readonly error?: string }[];
  readonly NESTS: readonly string[];
  readonly NODES: readonly string[];
  readonly RUNNER: object;
  readonly RUNNERS: Packages;
  readonly TYPESCRIPTS: Readonly<Record<number, string>>;
}
const { devDependencies, engines } = JSON.parse(textOf('package.json')) as {
  readonly devDependencies: Packages;
  readonly engines: { readonly node: string };
};

describe('the page about compatibility', () => {
  const consumers = new URL('setup/consumer.mjs', import.meta.url);
  const tried = import(consumers.href) as Promise<Consumer>;
  const page = textOf('docs/compatibility.md').replaceAll(/\s+/g, ' ');

  /** As the page writes them: 12.5.1 may be 12.5 or 12. */
  const asWritten = (versions: readonly (string | undefined)[], written: readonly string[]) =>
    versions.map(
      (version = '') =>
        written.find((each) => version === each || version.startsWith(`${each}.`)) ?? version,
    );

  it('names the versions that are tried out, and no others', async () => {
    const { BESIDE_NEST, DOORS_OF, EXPRESSES, NESTS, NODES, RUNNERS, TYPESCRIPTS } = await tried;
    const of = (rows: Readonly<Record<number, Packages>>, name: string) =>
      Object.values(rows).map((packages) => packages[name]);
    const expresses = EXPRESSES.map(({ express }) => express);
    const sentences: readonly (readonly [RegExp, readonly (string | undefined)[]])[] = [
      [/\*\*Nest\*\*: ([\d.]+), ([\d.]+) and ([\d.]+),/, NESTS],
      [/\*\*Express\*\* without Nest: (\d+) and (\d+)\./, expresses],
      [
        /\| application \| Nest ([\d.]+) \| Nest ([\d.]+) \| Nest ([\d.]+) \| Express (\d+) \| Express (\d+) \|/,
        [...NESTS, ...expresses],
      ],
      [/\| runner \| Nest ([\d.]+) \| Nest ([\d.]+) \| Nest ([\d.]+) \|/, NESTS],
      [/refuses others with their code, on Nest ([\d.]+), ([\d.]+) and ([\d.]+):/, NESTS],
      [
        /with TypeScript (\d+\.\d+)\. Those of Nest ([\d.]+) and ([\d.]+) are tested with (\d+\.\d+) as well, .* and all are with (\d+\.\d+),/,
        [TYPESCRIPTS[6], NESTS[0], NESTS[1], TYPESCRIPTS[5], TYPESCRIPTS[7]],
      ],
      [/is guarded on Node (\d+\.\d+\.\d+), (\d+\.\d+\.\d+) and (\d+\.\d+\.\d+)\./, NODES],
      [/`@nestjs\/graphql` (\d+), (\d+) or (\d+) /, of(DOORS_OF, '@nestjs/graphql')],
      [/`@nestjs\/swagger` (\d+), (\d+) and (\d+),/, of(BESIDE_NEST, '@nestjs/swagger')],
      [/`@nestjs\/terminus` (\d+), (\d+) and (\d+),/, of(BESIDE_NEST, '@nestjs/terminus')],
      [/`@opentelemetry\/api` (\d+\.\d+)\./, [devDependencies['@opentelemetry/api']]],
      [
        /either driver, with `@apollo\/subgraph` (\d+\.\d+) /,
        of(DOORS_OF, '@apollo/subgraph').slice(-1),
      ],
      [/with `@apollo\/subgraph` (\d+\.\d+), but for/, [devDependencies['@apollo/subgraph']]],
      [/\*\*Vitest\*\* (\d+) with Vite (\d+) /, [RUNNERS['vitest'], RUNNERS['vite']]],
      [
        /\*\*Jest\*\* (\d+) with `ts-jest` (\d+) or `@swc\/jest` (\d+\.\d+) /,
        ['jest', 'ts-jest', '@swc/jest'].map((name) => RUNNERS[name]),
      ],
    ];
    for (const [sentence, versions] of sentences) {
      const [, ...written] = sentence.exec(page) ?? [];
      expect([sentence, written]).toEqual([sentence, asWritten(versions, written)]);
    }
  });

  it('names the versions of Node that package.json takes, as the README does', async () => {
    const { NODES } = await tried;
    const lines = engines.node.split(' || ').map((line) => line.replace(/^\D+/, ''));
    expect(asWritten(NODES, lines)).toEqual(lines);
    const sentence = `${lines.map((line) => line.replace(/\.0$/, '')).join(', ')} or newer.`;
    expect(page).toContain(`**Node**: ${sentence}`);
    expect(textOf('README.md')).toContain(`Node ${sentence}`);
  });

  it('has the combinations that are tried out, and no others', async () => {
    const { KINDS, RUNNER } = await tried;
    const rowsOf = (heading: string) =>
      tableOf('docs/compatibility.md', heading).map(([name, ...cells]) => [
        codesIn(name)[0],
        cells,
      ]);
    expect(rowsOf('Module kinds')).toEqual([
      ['JavaScript, require', Array(5).fill('yes')],
      ...KINDS.map(({ name, error = 'yes' }) => [`TypeScript, ${name}`, Array(5).fill(error)]),
    ]);
    const later = 'Node 24.9 or newer, with a flag';
    expect(rowsOf('Test runners')).toEqual(
      Object.keys(RUNNER).map((name) => [
        name,
        ['yes', 'yes', /Jest.*require/.test(name) ? later : 'yes'],
      ]),
    );
  });
});

describe('the page of recipes', () => {
  it('shows the files that are tried out, as they are', () => {
    const files = readdirSync(join(root, 'test/recipes'))
      .filter((name) => !name.endsWith('.spec.ts'))
      .map((name) => textOf(`test/recipes/${name}`));
    expect([...blocksOf('docs/recipes.md')].sort()).toEqual(files.sort());
  });
});

describe('the code in the README and the pages', () => {
  it('compiles as it stands', () => {
    const folder = join(root, '.build', 'docs');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const page of pages) {
      for (const [number, code] of blocksOf(page).entries()) {
        writeFileSync(join(folder, `${basename(page, '.md')}-${number + 1}.ts`), code);
      }
    }
    for (const [file, code] of Object.entries(OF_THE_READER)) {
      writeFileSync(join(folder, file), code);
    }
    // Declarations are what Nest's own template has on.
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: { declaration: true, noEmit: false, outDir: 'out' },
      include: ['*.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  it('is told what language it is', () => {
    const known = new Set(['ts', 'sh', 'json', 'text', 'diff', 'yaml']);
    const others = pages.flatMap((page) =>
      fencesOf(page)
        .map(([language]) => `${page}: ${language}`)
        .filter((each) => !known.has(each.split(': ')[1] ?? '')),
    );
    expect(others).toEqual([]);
  });
});

/** What the blocks import from files of the reader's own, and from a package that is not installed here. */
const OF_THE_READER = {
  'things.ts': `export { ThingsController } from './README-1.js';
export { AppModule } from './testing-1.js';
`,
  'app.module.ts': "export { AppModule } from './README-1.js';\n",
  'config.d.ts': `declare module '@nestjs/config' {
  export class ConfigService {
    getOrThrow<T>(name: string): T;
  }
  export class ConfigModule {
    static forRoot(): import('@nestjs/common').DynamicModule;
  }
}
`,
  'sdk-node.d.ts': `declare module '@opentelemetry/sdk-node' {
  export class NodeSDK {
    constructor(options: { serviceName: string });
    start(): void;
    shutdown(): Promise<void>;
  }
}
`,
  'settings.ts': `export class Settings {
  readonly issuer = 'https://acme.example';
  readonly projectId = '1';
}
export class ApiKeys {
  organizationOf(key: string): string | undefined {
    return key === '' ? undefined : '1';
  }
}
export class Tenants {
  idOfHost(host: string): Promise<string | undefined> {
    return Promise.resolve(host);
  }
}
`,
};

/** Nest calls them. */
const OF_NEST: readonly string[] = ['canActivate', 'catch', 'configure'];

/** The public methods of an exported class, none if it is no class. */
function methodsOf(name: string, file: string) {
  const source = ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest, true);
  const found = source.statements.find(
    (each): each is ts.ClassDeclaration => ts.isClassDeclaration(each) && each.name?.text === name,
  );
  const members: readonly ts.ClassElement[] = found?.members ?? [];
  return members
    .filter((each): each is ts.MethodDeclaration => ts.isMethodDeclaration(each))
    .filter(({ modifiers = [] }) => modifiers.every(({ kind }) => !HIDDEN.includes(kind)))
    .map((each) => ({
      of: name,
      name: each.name.getText(source),
      docstring: source.text.slice(each.pos, each.getStart(source)),
    }))
    .filter((each) => !each.docstring.includes('@internal'))
    .filter((each) => !each.name.startsWith('#') && !OF_NEST.includes(each.name));
}

const HIDDEN: readonly ts.SyntaxKind[] = [
  ts.SyntaxKind.PrivateKeyword,
  ts.SyntaxKind.ProtectedKeyword,
];

function fencesOf(page: string): readonly (readonly [language: string, code: string])[] {
  return [...textOf(page).matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(
    ([, language = '', code = '']) => [language, code] as const,
  );
}

function blocksOf(page: string): readonly string[] {
  return fencesOf(page)
    .filter(([language]) => language === 'ts')
    .map(([, code]) => code);
}

describe('links', () => {
  const others = ['SECURITY.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md'];
  const links = [...pages, ...others, 'sample-app/README.md'].flatMap((page) =>
    linksOf(page).map((link) => ({ page, link })),
  );

  it('lead to a file, and to a heading of it', () => {
    const broken = links.filter(({ page, link }) => {
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? page : relative(root, join(root, dirname(page), path));
      if (!existsSync(join(root, file))) return true;
      return anchor !== undefined && !anchorsOf(file).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('of what is published lead to what is published', () => {
    const { files } = JSON.parse(textOf('package.json')) as { readonly files: readonly string[] };
    const published = ['README.md', 'LICENSE', ...files];
    const elsewhere = links
      .filter(({ page }) => isAmong(page, published))
      .filter(({ page, link }) => {
        const [path = ''] = link.split('#');
        return path !== '' && !isAmong(relative(root, join(root, dirname(page), path)), published);
      });
    expect(elsewhere).toEqual([]);
  });
});

describe('the site', () => {
  const listed = SIDEBAR.flatMap(([, names]) => names.map((name) => `${name}.md`));

  it('has every page in its sidebar, once', () => {
    const there = listed.filter((page) => existsSync(join(root, page)));
    expect(there.sort()).toEqual([...pages, 'CHANGELOG.md', 'SECURITY.md'].sort());
  });

  it('holds whatever its pages lead to', () => {
    // The README is the first page there, under another name.
    const targets = listed.filter((page) => page !== 'README.md');
    const elsewhere = listed
      .filter((page) => existsSync(join(root, page)))
      .flatMap((page) => linksOf(page).map((link) => ({ page, path: link.split('#')[0] ?? '' })))
      .filter(({ path }) => path !== '')
      .map(({ page, path }) => relative(root, join(root, dirname(page), path)))
      .filter(
        (file) =>
          !targets.includes(file) && !/^docs\/(?:images\/)?[^/]+\.(svg|png|json|ya?ml)$/.test(file),
      );
    expect(elsewhere).toEqual([]);
  });
});

describe('the first steps', () => {
  it('are as many as the page says', async () => {
    const steps = new URL('setup/newcomer.mjs', import.meta.url);
    const { stepsOfPage } = (await import(steps.href)) as {
      stepsOfPage(): { readonly commands: number; readonly lines: number; readonly said: object };
    };
    const { commands, lines, said } = stepsOfPage();
    expect(said).toEqual({ commands, lines });
  });
});

describe('the files that ARCHITECTURE.md and CONTRIBUTING.md name', () => {
  const rooms = readdirSync(join(root, 'lib'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const path = new RegExp(
    `(?<![\\w./@#-])(?:lib|test|docs|sample-app|${rooms.join('|')})/[\\w./*-]*[\\w*]`,
    'g',
  );

  it.each(['ARCHITECTURE.md', 'CONTRIBUTING.md'])('are there: %s', (page) => {
    // But for patterns, and names that a reader chooses.
    const named = [...textOf(page).matchAll(path)]
      .map(([found]) => found)
      .filter((found) => !/\*|NAME/.test(found));
    const places = ['', 'lib/'].flatMap((room) => ['', '.ts'].map((end) => [room, end] as const));
    const missing = named.filter(
      (each) => !places.some(([room, end]) => existsSync(join(root, `${room}${each}${end}`))),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(missing).toEqual([]);
  });
});

function isAmong(file: string, published: readonly string[]): boolean {
  return published.some((each) => file === each || file.startsWith(`${each}/`));
}

/** Where the links and pictures of a page lead, but for other sites. */
function linksOf(page: string): readonly string[] {
  const prose = textOf(page).replaceAll(/^```[^]*?^```$/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link ?? '')
    .filter((link) => !/^https?:/.test(link));
}

/** Of headings that are the same, each but the first has a number. */
function anchorsOf(file: string): readonly string[] {
  const seen = new Map<string, number>();
  const prose = textOf(file).replaceAll(/^```[^]*?^```$/gm, '');
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const anchor = anchorOf(heading);
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
}
