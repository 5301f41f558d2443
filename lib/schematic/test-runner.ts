import { textIn, type Tree } from './tree.js';

const COMPATIBILITY = 'See "Test runners" in node_modules/nestjs-zitadel/docs/compatibility.md.';

/** What `nest new` writes up to Nest 11. */
const OF_TEMPLATE = /^([ \t]*)"transform": *\{\s*"\^\.\+\\\\\.\(t\|j\)s\$": *"ts-jest"\s*\}/m;
/** As docs/compatibility.md says it: Jest loads no ESM by itself. */
const FOR_ESM = `"transform": {
  "\\\\.ts$": "ts-jest",
  "\\\\.js$": ["ts-jest", { "tsconfig": { "allowJs": true, "module": "commonjs", "isolatedModules": true } }]
},
"transformIgnorePatterns": ["/node_modules/(?!(nestjs-zitadel|jose|lru-cache)/)"]`;

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The runner of the application's tests. */
export function testRunner(tree: Tree): 'jest' | 'vitest' | undefined {
  const { dependencies, devDependencies } = JSON.parse(
    textIn(tree, 'package.json') ?? '{}',
  ) as Manifest;
  const installed = Object.keys({ ...dependencies, ...devDependencies });
  return (['vitest', 'jest'] as const).find((name) => installed.includes(name));
}

/** Has Jest transform this package, where its settings are those that `nest new` wrote. Returns what was done, and what was not. */
export function letJestLoadEsm(tree: Tree): { readonly done: string[]; readonly left: string[] } {
  const done: string[] = [];
  let isKnown = false;
  for (const path of ['package.json', 'test/jest-e2e.json']) {
    const text = textIn(tree, path) ?? '';
    const isDone = /"transformIgnorePatterns"[^\]]*nestjs-zitadel/.test(text);
    const isOfTemplate = !text.includes('"transformIgnorePatterns"') && OF_TEMPLATE.test(text);
    isKnown ||= isDone || isOfTemplate;
    if (!isOfTemplate) continue;
    const written = text.replace(OF_TEMPLATE, (_, indent: string) =>
      FOR_ESM.replaceAll(/^/gm, indent),
    );
    tree.overwrite(path, written);
    done.push(`${path}: Jest transforms nestjs-zitadel, which is ESM.`);
  }
  const left = `Jest must transform nestjs-zitadel, which is ESM, and its settings are not known here. ${COMPATIBILITY}`;
  return { done, left: isKnown ? [] : [left] };
}
