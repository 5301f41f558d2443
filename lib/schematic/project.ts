import { createRequire } from 'node:module';
import { join, posix } from 'node:path';
import type ts from 'typescript';

// What the Nest CLI hands to a schematic, as far as it is used here: @angular-devkit/schematics comes with the CLI.

/** The user's project, by paths from its root. What is changed here is written when all is done, and only shown with `--dry-run`. */
export interface Tree {
  exists(path: string): boolean;
  read(path: string): Uint8Array | null;
  create(path: string, text: string): void;
  overwrite(path: string, text: string): void;
}

export interface Context {
  readonly logger: { info(line: string): void; warn(line: string): void };
}

export function textIn(tree: Tree, path: string): string | undefined {
  const bytes = tree.read(path);
  return bytes === null ? undefined : new TextDecoder().decode(bytes);
}

export type TypeScript = typeof ts;

/**
 * The compiler of the user's project, else the one that the Nest CLI brings; or why there is none. A module is source text with comments,
 * strings and decorators of others in it: only a parser finds the right brackets, and every Nest application has this one.
 */
export function loadTypeScript(): { readonly typescript?: TypeScript; readonly why?: string } {
  const project = join(process.cwd(), 'package.json');
  const cli = () => createRequire(project).resolve('@nestjs/cli/package.json');
  let why = 'TypeScript is not installed';
  for (const from of [() => project, cli, () => process.argv[1] ?? '']) {
    try {
      const found = createRequire(from())('typescript') as Partial<TypeScript>;
      if (typeof found.createSourceFile === 'function') return { typescript: found as TypeScript };
      // TypeScript 7 has a compiler for the command line alone.
      why = `TypeScript ${found.version} has no API that reads it, and TypeScript 6 is not installed`;
    } catch {
      // The next one may have it.
    }
  }
  return { why: `${why}. Run \`npm install --save-dev typescript@6\` and this command again` };
}

/** Where the application's module stands. */
export interface RootModule {
  readonly path: string;
  /** Undefined where only the file is known. */
  readonly className?: string;
  /** How files beside `main.ts` import it: with the extension or without. */
  readonly specifier: string;
}

/** The module that `main.ts` starts, else the one in `app.module.ts`. */
export function findRootModule(tree: Tree, sourceRoot: string): RootModule | undefined {
  const main = textIn(tree, posix.join(sourceRoot, 'main.ts')) ?? '';
  const [, className] = /NestFactory\s*\.\s*create\w*(?:<[^>]*>)?\(\s*(\w+)/.exec(main) ?? [];
  const imports = [...main.matchAll(/import\s*\{([^}]*)\}\s*from\s*['"](\.[^'"]+)['"]/g)];
  const [, , specifier] =
    imports.find(([, names = '']) => namesIn(names).includes(className ?? '')) ?? [];
  if (className !== undefined && specifier !== undefined) {
    const path = `${posix.join(sourceRoot, specifier.replace(/\.js$/, ''))}.ts`;
    if (tree.exists(path)) return { path, className, specifier };
  }
  const path = posix.join(sourceRoot, 'app.module.ts');
  return tree.exists(path) ? { path, specifier: './app.module' } : undefined;
}

const namesIn = (clause: string): readonly string[] => clause.split(',').map((name) => name.trim());

/** The files in which ZitadelModule is registered, and the guard bound to the whole application. */
export interface Registered {
  readonly module?: string;
  readonly guard?: string;
}

/** Looks into every file that these reach by their imports. */
export function findRegistered(
  typescript: TypeScript,
  tree: Tree,
  from: readonly string[],
  sourceRoot: string,
): Registered {
  const found: { module?: string; guard?: string } = {};
  const files = new Set(from);
  // A set hands out what is added meanwhile.
  for (const path of files) {
    const text = textIn(tree, path);
    if (text === undefined) continue;
    const source = typescript.createSourceFile(path, text, typescript.ScriptTarget.Latest, true);
    const look = (node: ts.Node): void => {
      if (registers(typescript, node)) found.module ??= path;
      if (guards(typescript, node)) found.guard ??= path;
      typescript.forEachChild(node, look);
    };
    look(source);
    for (const statement of source.statements) {
      const isLink =
        typescript.isImportDeclaration(statement) || typescript.isExportDeclaration(statement);
      const name = isLink ? statement.moduleSpecifier : undefined;
      if (!name || !typescript.isStringLiteral(name)) continue;
      const next = fileOf(tree, name.text, posix.dirname(path), sourceRoot);
      if (next !== undefined) files.add(next);
    }
  }
  return found;
}

/** `ZitadelModule.forRoot(...)`, without a name: the guard and the decorators are about that one. */
function registers(typescript: TypeScript, node: ts.Node): boolean {
  return (
    typescript.isCallExpression(node) &&
    /^ZitadelModule\s*\.\s*forRoot(?:Async)?$/.test(node.expression.getText()) &&
    !node.arguments.some(
      (each) =>
        typescript.isObjectLiteralExpression(each) &&
        each.properties.some(({ name }) => name && /^['"]?name['"]?$/.test(name.getText())),
    )
  );
}

/** `{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }`, or `app.useGlobalGuards(app.get(ZitadelManagerGuard))` */
function guards(typescript: TypeScript, node: ts.Node): boolean {
  const text = /\bZitadelManagerGuard\b/;
  if (typescript.isCallExpression(node)) {
    const isGlobal = /\.\s*useGlobalGuards$/.test(node.expression.getText());
    return isGlobal && node.arguments.some((each) => text.test(each.getText()));
  }
  return (
    typescript.isObjectLiteralExpression(node) &&
    node.properties.some((each) => /^['"]?provide['"]?\s*:\s*APP_GUARD$/.test(each.getText())) &&
    node.properties.some((each) => text.test(each.getText()))
  );
}

/** A file of the application, by the name under which another one imports it. */
function fileOf(tree: Tree, name: string, folder: string, sourceRoot: string): string | undefined {
  const places = name.startsWith('.')
    ? [posix.join(folder, name)]
    : [posix.normalize(name), posix.join(sourceRoot, name)];
  return places
    .filter((place) => !place.startsWith('..'))
    .map((place) => place.replace(/\.js$/, ''))
    .flatMap((place) => [`${place}.ts`, `${place}/index.ts`])
    .find((file) => tree.exists(file));
}
