import { posix } from 'node:path';
import { addExampleTest, letJestLoadEsm, testRunner } from './example-test.js';
import { classIn, GUARD, MODULE, register } from './register.js';
import {
  type Context,
  findRegistered,
  findRootModule,
  loadTypeScript,
  type Registered,
  type RootModule,
  textIn,
  type Tree,
} from './project.js';

const byHand = ({ module, guard }: Registered, write = 'Write'): string =>
  [
    `${write} it yourself, into the module that ${module === undefined ? 'main.ts starts' : 'registers ZitadelModule'}:`,
    ...(module === undefined ? [`  imports: [${MODULE.replaceAll('\n', '\n  ')}]`] : []),
    ...(guard === undefined ? [`  providers: [${GUARD}]`] : []),
  ].join('\n');

const NEXT = `Every route is guarded now. One that declares nothing is denied: write @RequireRole, @Authenticated
or @Public on it. Tests that start the application need the two variables of .env.example, too. The
example test shows how to set them.`;

/** `nest add nestjs-zitadel`: the schematic `nest-add`, which the Nest CLI finds by schematics.json. Run again, it changes nothing. */
export function nestAdd({ sourceRoot = 'src' }: { readonly sourceRoot?: string }) {
  return (tree: Tree, { logger }: Context): Tree => {
    const done: string[] = [];
    const left: string[] = [];

    const root = findRootModule(tree, sourceRoot);
    const registered = registerIn(tree, root, sourceRoot);
    if (registered.why !== undefined) left.push(registered.why);
    if (registered.done !== undefined) done.push(registered.done);
    done.push(addEnvExample(tree));

    const runner = testRunner(tree);
    if (runner === undefined) left.push('No example test: neither Vitest nor Jest is installed.');
    else if (root && registered.className !== undefined) {
      done.push(addExampleTest(tree, root, registered.className, runner));
      if (runner === 'jest') {
        const settings = letJestLoadEsm(tree);
        done.push(...settings.done);
        left.push(...settings.left);
      }
    }

    for (const line of done) logger.info(line);
    for (const line of left) logger.warn(`NOT DONE: ${line}`);
    if (registered.isNew) logger.info(NEXT);
    return tree;
  };
}

/** What came of it: what is done, or why it is not. */
interface Outcome {
  readonly done?: string;
  readonly why?: string;
  /** Of the application's module. */
  readonly className?: string | undefined;
  readonly isNew?: boolean;
}

function registerIn(tree: Tree, root: RootModule | undefined, sourceRoot: string): Outcome {
  if (!root) return { why: `There is no module of the application to be found. ${byHand({})}` };
  const { typescript, why } = loadTypeScript();
  if (!typescript) {
    return { why: `${root.path} was not edited, because ${why}. ${byHand({}, 'Or write')}` };
  }
  const main = posix.join(sourceRoot, 'main.ts');
  const found = findRegistered(typescript, tree, [root.path, main], sourceRoot);
  const className = classIn(typescript, textIn(tree, root.path) ?? '', root.className);
  const { module: path = root.path, guard } = found;
  const text = textIn(tree, path) ?? '';
  const wanted = path === root.path ? root.className : undefined;
  const registered = register(typescript, text, wanted, found);
  if (registered.why !== undefined) {
    return { why: `${path} was not edited, because ${registered.why}. ${byHand(found)}` };
  }
  if (registered.text === text) {
    const isElsewhere = guard !== undefined && guard !== path;
    const done = isElsewhere
      ? `${path} has the module already, and the guard stands in ${guard}.`
      : `${path} has the module and the guard already.`;
    return { className, done };
  }
  tree.overwrite(path, registered.text);
  const done = `${path}: ${registered.className} imports ZitadelModule, and the guard stands before every route.`;
  return { className, isNew: true, done };
}

const ENV_FILE = '.env.example';

const ENV_TEXT = `# ZITADEL. Copy this file to .env, and start with: npx nest start --env-file .env
# Keep .env and key files out of the repository.

# The origin of your ZITADEL, exactly as its tokens name it.
ZITADEL_ISSUER=https://acme.zitadel.cloud
# The id of your project. Tokens of your callers must be for it.
ZITADEL_PROJECT_ID=

# The others are for options that you write yourself: see the guide of nestjs-zitadel.
# Another address of the same ZITADEL, for example inside a cluster.
# ZITADEL_INTERNAL_URL=
# The client id of the application that your users sign in with.
# ZITADEL_CLIENT_ID=
# Paths of key files: of the application of type API (introspection), and of the service user.
# ZITADEL_API_KEY=./secrets/api.json
# ZITADEL_SERVICE_USER_KEY=./secrets/service-user.json
# The ids of the organizations whose memberships the service user reads, with commas between. * means all.
# ZITADEL_ORGANIZATIONS=
# The signing key of the target that sends ZITADEL's events.
# ZITADEL_SIGNING_KEY=
# REDIS_URL=redis://localhost:6379

# Only for \`npx nestjs-zitadel setup\`, never for the application: the same origin, and a personal access token.
# ZITADEL_URL=
# ZITADEL_PAT=
`;

/** Writes `.env.example`, or adds to it. Never `.env`. Returns what was done. */
function addEnvExample(tree: Tree): string {
  const before = textIn(tree, ENV_FILE);
  if (before === undefined) {
    tree.create(ENV_FILE, ENV_TEXT);
    return `${ENV_FILE} names what the application reads from its environment. Copy it to .env.`;
  }
  if (/^\s*#?\s*ZITADEL_ISSUER\s*=/m.test(before))
    return `${ENV_FILE} names ZITADEL_ISSUER already.`;
  tree.overwrite(ENV_FILE, `${before.trimEnd()}\n\n${ENV_TEXT}`);
  return `${ENV_FILE} now names what the application reads about ZITADEL. Copy that to .env.`;
}
