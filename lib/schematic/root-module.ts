import { posix } from 'node:path';
import { textIn, type Tree } from './tree.js';

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
