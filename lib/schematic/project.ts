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
