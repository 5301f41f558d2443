import { createRequire } from 'node:module';
import { join } from 'node:path';
import type ts from 'typescript';

export type TypeScript = typeof ts;

/**
 * The compiler of the user's project, else the one that the Nest CLI brings. A module is source text with comments, strings
 * and decorators of others in it: only a parser finds the right brackets, and every Nest application has this one.
 */
export function loadTypeScript(): TypeScript | undefined {
  for (const from of [join(process.cwd(), 'package.json'), process.argv[1] ?? '']) {
    try {
      const found = createRequire(from)('typescript') as Partial<TypeScript>;
      // TypeScript 7 has another API.
      if (typeof found.createSourceFile === 'function') return found as TypeScript;
    } catch {
      // The next one may have it.
    }
  }
  return undefined;
}
