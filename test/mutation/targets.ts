// What is changed: all that decides; and the specs that are about it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { type Mutant, mutantsOf } from './mutants.js';

/** Files or folders of sources, and of specs. */
interface Target {
  readonly of: string;
  readonly specs: readonly string[];
}

export const TARGETS: readonly Target[] = [
  { of: 'lib/core/decision.ts', specs: ['test/core/decision.spec.ts'] },
  { of: 'lib/core/request.ts', specs: ['test/core/request.spec.ts'] },
  {
    of: 'lib/core/memory/remembered-callers.ts',
    specs: ['test/core/memory/remembered-callers.spec.ts'],
  },
  {
    of: 'lib/zitadel/callers/access-token.ts',
    specs: ['test/zitadel/callers/access-token.spec.ts'],
  },
  { of: 'lib/core/requirement/compile.ts', specs: ['test/core/requirement/'] },
  { of: 'lib/core/decide/', specs: ['test/core/decide/'] },
];

/** A source file with its changes, of which the first has this number. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly first: number;
  readonly mutants: readonly Mutant[];
  readonly specs: readonly string[];
}

/** Only what begins so is changed: for who works on the tests of one file. */
const ONLY_OF = env['MUTATION_OF'] ?? '';

/** The sources that are changed; the changes are numbered through all of them. */
export function sourcesIn(root: string): readonly Source[] {
  const sources: Source[] = [];
  let first = 0;
  for (const { of, specs } of TARGETS) {
    for (const file of filesOf(root, of).filter((each) => each.startsWith(ONLY_OF))) {
      const text = readFileSync(join(root, file), 'utf8');
      const mutants = mutantsOf(file, text);
      sources.push({ file, text, first, mutants, specs });
      first += mutants.length;
    }
  }
  return sources;
}

function filesOf(root: string, of: string): readonly string[] {
  if (!of.endsWith('/')) return [of];
  return readdirSync(join(root, of))
    .sort()
    .map((name) => of + name);
}
