import { examine } from '../../doctor/examine.js';
import { type Finding, amiss, fine, warning } from '../../doctor/finding.js';
import { invalidOption } from '../../doctor/readable-options.js';
import { own } from '../../core/own-properties.js';
import type { GivenOptions } from '../../given-options.js';
import { ApplicationError, CopyError } from '../application.js';
import { accessOfApplication, optionsOfApplication } from '../application-looks.js';
import { type Command, EXIT, FLAG, parse, TEXT, UsageError } from '../command.js';
import { bareToken, type Environment, readEnvironment, withEnvFile } from '../environment.js';
import { checkEndpoint } from '../instance.js';
import type { Terminal } from '../terminal.js';
import { type Opened, openRedisUrl } from './redis-url.js';
import { reportOf } from './report.js';

/** What `doctor --help` shows. */
const HELP = `Usage: npx nestjs-zitadel doctor [module] [-] [options]

Says what makes the requests of your application fail or stand open: what it is, why it matters, what it does to a
request, and the one thing to do. It changes nothing. With --events-url it sends a delivery that ends nothing.

The options come from the application, if a module is named: a compiled file that exports the root module of Nest, or a
function that makes the application, or a file that calls createZitadel() of nestjs-zitadel/express. It is made until its
options are known: no module of Nest starts, and what stands before createZitadel() is run. Else they come from the
environment.

Environment, and the file .env where a variable is not set:
  ZITADEL_ISSUER             the issuer: https://acme.zitadel.cloud
  ZITADEL_INTERNAL_URL       where the application reaches it, if that is another address
  ZITADEL_PROJECT_ID         the project, which is the audience too
  ZITADEL_CLIENT_ID          the audience, without a project
  ZITADEL_API_KEY            the key file of the API application: callers are known by introspection
  ZITADEL_SERVICE_USER_KEY   the key file of the service user
  ZITADEL_ORGANIZATIONS      where the service user reads memberships: ids, comma separated, or * (default: callers read)
  ZITADEL_SIGNING_KEY        the signing key of the target for events
  REDIS_URL                  the Redis of the application, if the options name none (needs redis or ioredis)
  ZITADEL_TOKEN              a token of a caller, to be explained: never an argument, where others could see it
  ZITADEL_PAT                a personal access token of an IAM_OWNER, to see whether events are sent

Arguments:
  module                 ./dist/app.module.js, ./dist/zitadel.js, or ./dist/app.js#createApp where it exports several
  -                      reads the token of a caller from the standard input

Options:
  --name <name>          the ZitadelModule with this name
  --env <path>           another file than .env
  --events-url <url>     where your running application receives events: sends one that ends nothing, signed as ZITADEL signs
  --timeout <seconds>    what each step may take, from 1 to 120 (default: 10)
  --json                 writes one JSON object to the output: exitCode, findings
  -h, --help             shows this

Exit codes:
  0    nothing refuses requests or stands open; there may be warnings
  1    something refuses requests or stands open
  2    an argument or the environment is wrong
  130  stopped by Ctrl-C

Examples:
  npx nestjs-zitadel doctor ./dist/app.module.js
  pbpaste | npx nestjs-zitadel doctor ./dist/app.module.js -
  ZITADEL_ISSUER=https://acme.zitadel.cloud ZITADEL_PROJECT_ID=69629023906488334 npx nestjs-zitadel doctor
  npx nestjs-zitadel doctor --json | jq '.findings[] | select(.level == "wrong")'`;

/** What is examined, and what was found on the way to it. */
interface Patient {
  readonly options?: GivenOptions['options'] | undefined;
  /** The file of an application of Nest. */
  readonly nest?: string | undefined;
  readonly findings: readonly Finding[];
}

/** `doctor`. */
export const command: Command = {
  help: HELP,
  async run(args, terminal) {
    const asked = read(args);
    const env = withEnvFile(terminal.env, asked.envFile);
    const token = await tokenFrom(asked, env, terminal);
    const { options, nest, findings: before } = await patientOf(asked, env);
    const redis = options && (await redisOf(options, env));
    const guards = nest === undefined ? [] : await guardsOf(nest);
    try {
      const found = await examine({
        options,
        token,
        adminToken: env['ZITADEL_PAT'] || undefined,
        redis: redis?.client,
        asksForEvents: true,
        receivesByRoute: nest === undefined,
        eventsUrl: asked.eventsUrl,
        deadlineMs: asked.deadlineMs,
        stop: terminal.stop,
        onStep: (what) => {
          if (terminal.isInteractive && !asked.json) terminal.tell(`looking at ${what}`);
        },
      });
      if (terminal.stop.aborted) return EXIT.interrupted;
      const all = [...before, ...guards, ...(redis?.findings ?? []), ...found];
      // What was left out before may be all that is wrong with the options.
      const findings = before.length > 0 ? all.filter(({ id }) => id !== 'options.valid') : all;
      const isWrong = findings.some(({ level }) => level === 'wrong');
      const exitCode = isWrong ? EXIT.failed : EXIT.done;
      terminal.out(
        asked.json ? JSON.stringify({ exitCode, findings }) : reportOf(findings, terminal),
      );
      return exitCode;
    } finally {
      redis?.close?.();
    }
  },
};

const OPTIONS = {
  name: TEXT,
  env: TEXT,
  'events-url': TEXT,
  timeout: TEXT,
  json: FLAG,
} as const;

/** What the arguments say. */
type Asked = ReturnType<typeof read>;

/** @throws UsageError */
function read(args: readonly string[]) {
  const parsed = parse(args, OPTIONS, true);
  const { values } = parsed;
  const positionals: readonly string[] = parsed.positionals;
  const [module, ...more] = positionals.filter((each) => each !== '-');
  if (more.length > 0) throw new UsageError('only one module can be named');
  const seconds = Number(values.timeout ?? 10);
  if (!(seconds >= 1 && seconds <= 120)) throw new UsageError('--timeout takes 1 to 120 seconds');
  if (values.name !== undefined && module === undefined) {
    throw new UsageError('--name is about a module of an application: name its file');
  }
  const eventsUrl = values['events-url'];
  checkEndpoint('--events-url', eventsUrl);
  return {
    module,
    name: values.name,
    /** Where the running application receives events. */
    eventsUrl,
    readsToken: positionals.includes('-'),
    envFile: values.env,
    deadlineMs: seconds * 1_000,
    json: values.json ?? false,
  };
}

/** @throws UsageError */
async function tokenFrom(
  { readsToken }: Asked,
  env: Environment,
  terminal: Terminal,
): Promise<string | undefined> {
  const token = bareToken(readsToken ? await terminal.input() : (env['ZITADEL_TOKEN'] ?? ''));
  if (readsToken && token === '') throw new UsageError('the standard input has no token');
  return token || undefined;
}

/** The options of the application, or those of the environment. @throws UsageError */
async function patientOf({ module, name }: Asked, env: Environment): Promise<Patient> {
  if (module === undefined) return fromEnvironment(env);
  try {
    const known = await optionsOfApplication(module, name);
    const findings = missingStore(known);
    return { options: known.options, findings, ...(known.door === 'nest' && { nest: module }) };
  } catch (error) {
    if (!(error instanceof ApplicationError)) throw error;
    const unopened =
      error instanceof CopyError
        ? copied(error)
        : amiss('application.options', {
            what: error.message,
            why: 'the options of the application are not known',
            effect: 'the application does not start',
            remedy: 'correct what the message says',
          });
    if (!env['ZITADEL_ISSUER']) return { findings: [unopened] };
    const { options, findings } = fromEnvironment(env);
    return { options, findings: [unopened, ...findings] };
  }
}

function fromEnvironment(env: Environment): Patient {
  const { options, problems } = readEnvironment(env);
  return { options, findings: problems.map(invalidOption) };
}

function copied({ message }: CopyError): Finding {
  return amiss('application.copies', {
    what: message,
    why: 'the parts of an application are known to its own copy only',
    effect: 'the application does not start, or is not the one that is looked at here',
    remedy: 'do what the message says',
  });
}

function missingStore({ door, options, hasSharedCache }: GivenOptions): readonly Finding[] {
  if (hasSharedCache || !own(own(options, 'cache'), 'shared')) return [];
  const [what, remedy] =
    door === 'nest'
      ? [
          'the application has no CACHE_MANAGER',
          'write CacheModule.register({ isGlobal: true }) into the imports of the application',
        ]
      : [
          'createZitadel() has no sharedCache',
          'write { sharedCache } as the second argument of createZitadel()',
        ];
  return [
    amiss('options.no-store', {
      what: `cache.shared: ${what}`,
      why: 'memberships are shared over it',
      effect: 'the application does not start',
      remedy,
    }),
  ];
}

const LISTED = 5;

/** Whether the guard stands before the handlers of the application. */
async function guardsOf(module: string): Promise<readonly Finding[]> {
  let asking: Awaited<ReturnType<typeof accessOfApplication>>;
  try {
    asking = (await accessOfApplication(module)).filter(({ access }) => access !== 'public');
  } catch (error) {
    if (error instanceof CopyError) return [copied(error)];
    // Its options are known all the same.
    if (error instanceof ApplicationError) return [];
    throw error;
  }
  const unguarded = asking.filter(({ guarded }) => !guarded).map(({ name }) => name);
  if (asking.length === 0) return [];
  if (unguarded.length === 0) {
    return [fine('routes.guarded', 'every handler is public, or the guard stands before it')];
  }
  const more = unguarded.length > LISTED ? ', ...' : '';
  const found = unguarded.length === asking.length ? amiss : warning;
  return [
    found('routes.unguarded', {
      what: `${unguarded.length} of ${asking.length} handlers that are not public run without ZitadelManagerGuard: ${unguarded.slice(0, LISTED).join(', ')}${more}`,
      why: 'Nest runs a handler if no guard stands before it',
      effect: 'everybody gets in there, unless a guard of yours stands in its place',
      remedy:
        'write { provide: APP_GUARD, useExisting: ZitadelManagerGuard } into the providers; if your main file binds the guard, name a file that exports a function which makes the application',
    }),
  ];
}

/** REDIS_URL, if the options name no Redis of their own. */
async function redisOf(
  options: GivenOptions['options'],
  env: Environment,
): Promise<(Partial<Opened> & { readonly findings: readonly Finding[] }) | undefined> {
  const url = env['REDIS_URL'] || undefined;
  if (url === undefined || own(options, 'redis') !== undefined) return undefined;
  const opened = await openRedisUrl(url);
  if (opened) return { ...opened, findings: [] };
  const noClient = warning('redis.no-client', {
    what: 'REDIS_URL is set, and neither redis nor ioredis is installed here',
    why: 'the library takes the client of the application',
    effect: 'none',
    remedy: 'npm install redis, and give its client to the option redis',
  });
  return { findings: [noClient] };
}
