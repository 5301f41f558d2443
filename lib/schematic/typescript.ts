import { createRequire } from 'node:module';
import { join } from 'node:path';
import type ts from 'typescript';

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
