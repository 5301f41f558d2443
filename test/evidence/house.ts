import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'the sources: short files, no import circles, no stray exports, one word for one thing';

const LONGEST = 300;
const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));
/** What these export is for users. */
const ENTRIES = ['lib/index.ts', 'lib/public.ts', 'lib/express/index.ts', 'lib/testing/index.ts'];
/** The first shares no code with the library, the others give their users a form of their own of what others have too. */
const OWN_NAMES = ['lib/testing/', 'lib/express/', 'lib/nest/project-grant-service.ts'];

interface Source {
  readonly file: string;
  readonly lines: number;
  /** What it declares and exports, by name. */
  readonly exported: ReadonlySet<string>;
  readonly imports: readonly Import[];
}

interface Import {
  readonly from: string;
  /** Undefined for all that the file has. */
  readonly name?: string;
}

export function run({ progress }: RunOptions): Promise<Figures> {
  const lib = sourcesIn('lib');
  const others = ['test', 'sample-app'].flatMap(sourcesIn);
  const lengths = lib.map(({ lines }) => lines).sort((one, other) => one - other);
  const found = {
    circles: circlesOf(lib),
    strayExports: strayExports(lib, [...lib, ...others]),
    homonyms: homonyms(lib),
    strayWords: strayWords(lib),
  };
  for (const [figure, texts] of Object.entries(found)) {
    for (const text of texts) progress(`${figure}: ${text}`);
  }
  const longest = lengths.at(-1) ?? 0;
  return Promise.resolve({
    ok: longest <= LONGEST && Object.values(found).every((texts) => texts.length === 0),
    files: lib.length,
    median: lengths[Math.floor(lengths.length / 2)] ?? 0,
    longest,
    ...Object.fromEntries(Object.entries(found).map(([figure, texts]) => [figure, texts.length])),
  });
}

function sourcesIn(folder: string): Source[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => /(?<!\.d)\.ts$/.test(file) && !file.includes('node_modules'))
    .map((file) => read(`${folder}/${file.replaceAll('\\', '/')}`));
}

function read(file: string): Source {
  const text = readFileSync(join(root, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const exported = new Set<string>();
  const imports: Import[] = [];
  const addImport = (specifier: ts.Node | undefined, names?: readonly string[]): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier) || !specifier.text.startsWith('.')) return;
    const from = join(dirname(file), specifier.text).replaceAll('\\', '/').replace(/\.js$/, '.ts');
    imports.push(...(names ? names.map((name) => ({ from, name })) : [{ from }]));
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      addImport(node.moduleSpecifier, importedNames(node));
    } else if (ts.isExportDeclaration(node)) {
      const { exportClause: clause } = node;
      const names = clause && ts.isNamedExports(clause) ? namesOf(clause) : undefined;
      addImport(node.moduleSpecifier, names);
      if (!node.moduleSpecifier) for (const name of names ?? []) exported.add(name);
    } else if (ts.isImportTypeNode(node)) {
      if (ts.isLiteralTypeNode(node.argument)) addImport(node.argument.literal);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      addImport(node.arguments[0]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const statement of source.statements) {
    if (!ts.canHaveModifiers(statement)) continue;
    const isExported = (each: ts.ModifierLike) => each.kind === ts.SyntaxKind.ExportKeyword;
    if (!ts.getModifiers(statement)?.some(isExported)) continue;
    for (const name of declaredNames(statement)) exported.add(name);
  }
  return { file, lines: text.split('\n').length - 1, exported, imports };
}

/** Undefined where all is imported, under one name; empty where a file is only loaded. */
function importedNames({ importClause }: ts.ImportDeclaration): readonly string[] | undefined {
  const bindings = importClause?.namedBindings;
  if (bindings && ts.isNamespaceImport(bindings)) return undefined;
  return [...(importClause?.name ? ['default'] : []), ...(bindings ? namesOf(bindings) : []), ''];
}

function namesOf({ elements }: ts.NamedImports | ts.NamedExports): string[] {
  return elements.map(({ propertyName, name }) => (propertyName ?? name).text);
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => boundNames(name));
  }
  const { name } = statement as ts.Statement & { name?: ts.Identifier };
  return name ? [name.text] : [];
}

function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  const elements: readonly ts.ArrayBindingElement[] = name.elements;
  return elements.flatMap((each) => (ts.isBindingElement(each) ? boundNames(each.name) : []));
}

/** Files that import one another, however far around, as types too: each group once. */
function circlesOf(sources: readonly Source[]): string[] {
  const targets = new Map(
    sources.map(({ file, imports }) => [file, new Set(imports.map(({ from }) => from))]),
  );
  const reach = (start: string): ReadonlySet<string> => {
    const seen = new Set<string>();
    const ahead = [...(targets.get(start) ?? [])];
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      ahead.push(...(targets.get(next) ?? []));
    }
    return seen;
  };
  const reached = new Map([...targets.keys()].map((file) => [file, reach(file)]));
  const groups = [...reached]
    .filter(([file, all]) => all.has(file))
    .map(([file, all]) =>
      [...all]
        .filter((other) => reached.get(other)?.has(file))
        .sort()
        .join(' <-> '),
    );
  return [...new Set(groups)];
}

/** Exports that no other file uses. */
function strayExports(lib: readonly Source[], all: readonly Source[]): string[] {
  const used = new Set<string>();
  for (const { file, imports } of all) {
    for (const { from, name } of imports) if (from !== file) used.add(`${from} ${name ?? '*'}`);
  }
  return lib
    .filter(({ file }) => !ENTRIES.includes(file) && !used.has(`${file} *`))
    .flatMap(({ file, exported }) =>
      [...exported].filter((name) => !used.has(`${file} ${name}`)).map((name) => `${file} ${name}`),
    );
}

/** One name for two things. */
function homonyms(lib: readonly Source[]): string[] {
  const places = new Map<string, string[]>();
  for (const { file, exported } of lib) {
    if (OWN_NAMES.some((folder) => file.startsWith(folder))) continue;
    for (const name of exported) {
      // Each command of `npx nestjs-zitadel` is found by this name.
      if (name === 'command' && file.startsWith('lib/bin/')) continue;
      places.set(name, [...(places.get(name) ?? []), file]);
    }
  }
  return [...places]
    .filter(([, files]) => files.length > 1)
    .map(([name, files]) => `${name} in ${files.join(' and ')}`);
}

/**
 * Exported names with a word that ARCHITECTURE.md replaces by another. It does so in a table, which begins with
 * `| not | but | except in |`: the last column has the files and folders where the word has its one sense.
 */
function strayWords(lib: readonly Source[]): string[] {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const [, table = ''] =
    /^\| not +\| but +\| except in +\|\n\|[-| ]+\n((?:\|.*\n)+)/m.exec(text) ?? [];
  const rows = table.split('\n').filter((line) => line !== '');
  if (rows.length === 0) return ['ARCHITECTURE.md has no table of words that are not used'];
  return rows.flatMap((row) => {
    const [word = '', instead = '', where = ''] = row
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    const places = [...where.matchAll(/`([^`]+)`/g)].map(([, place]) => place ?? '');
    const strays = lib.filter(({ file }) => !places.some((place) => file.startsWith(place)));
    return strays.flatMap(({ file, exported }) =>
      [...exported]
        .filter((name) => wordsOf(name).some((each) => each === word || each === `${word}s`))
        .map((name) => `${file} ${name}: not "${word}" but ${instead}`),
    );
  });
}

/** `KnownCallers`: known, callers. */
function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[ _]/)
    .map((word) => word.toLowerCase());
}
