import { addEnvExample } from './env-example.js';
import { addExampleTest } from './example-test.js';
import { GUARD, MODULE, register } from './register.js';
import { findRootModule } from './root-module.js';
import { letJestLoadEsm, testRunner } from './test-runner.js';
import { type Context, textIn, type Tree } from './tree.js';
import { loadTypeScript } from './typescript.js';

const BY_HAND = `Write it yourself, into the module that main.ts starts:
  imports: [${MODULE.replaceAll('\n', '\n  ')}]
  providers: [${GUARD}]`;

const NEXT = `Every route is guarded now. One that declares nothing is denied: write @RequireRole, @Authenticated
or @Public on it. Tests that start the application need the two variables of .env.example, too. The
example test shows how to set them.`;

/** `nest add nestjs-zitadel`: the schematic `nest-add`, which the Nest CLI finds by schematics.json. Run again, it changes nothing. */
export function nestAdd({ sourceRoot = 'src' }: { readonly sourceRoot?: string }) {
  return (tree: Tree, { logger }: Context): Tree => {
    const done: string[] = [];
    const left: string[] = [];

    const root = findRootModule(tree, sourceRoot);
    const registered = registerIn(tree, root?.path, root?.className);
    if (registered.why !== undefined) left.push(`${registered.why}. ${BY_HAND}`);
    else done.push(registered.done);

    done.push(addEnvExample(tree));

    const runner = testRunner(tree);
    if (runner === undefined) left.push('No example test: neither Vitest nor Jest is installed.');
    else if (root && registered.why === undefined) {
      done.push(addExampleTest(tree, root, registered.className, runner));
      if (runner === 'jest') {
        const settings = letJestLoadEsm(tree);
        done.push(...settings.done);
        left.push(...settings.left);
      }
    }

    for (const line of done) logger.info(line);
    for (const line of left) logger.warn(`NOT DONE: ${line}`);
    if (registered.why === undefined && registered.isNew) logger.info(NEXT);
    return tree;
  };
}

type Outcome =
  | {
      readonly done: string;
      readonly className: string;
      readonly isNew: boolean;
      readonly why?: undefined;
    }
  | { readonly why: string };

function registerIn(tree: Tree, path: string | undefined, wanted: string | undefined): Outcome {
  if (path === undefined) return { why: 'There is no module of the application to be found' };
  const text = textIn(tree, path) ?? '';
  const typescript = loadTypeScript();
  if (!typescript) return { why: `No TypeScript is installed that can read ${path}` };
  const registered = register(typescript, text, wanted);
  if (registered.why !== undefined)
    return { why: `${path} was not edited, because ${registered.why}` };
  const { className } = registered;
  if (registered.text === text) {
    const done = `${path} has the module and the guard already.`;
    return { className, isNew: false, done };
  }
  tree.overwrite(path, registered.text);
  const done = `${path}: ${className} imports ZitadelModule, and the guard stands before every route.`;
  return { className, isNew: true, done };
}
