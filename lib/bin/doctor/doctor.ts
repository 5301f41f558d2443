import { examine } from '../../doctor/examine.js';
import { type Finding, amiss, fine, warning } from '../../doctor/finding.js';
import { invalidOption } from '../../doctor/readable-options.js';
import { own } from '../../core/own-properties.js';
import type { SeveralInstances } from '../../instances-option.js';
import type { ZitadelOptions } from '../../options.js';
import { CopyError } from '../application.js';
import { guardingOf } from '../application-guards.js';
import { optionsOfApplication } from '../application-options.js';
import { bareToken } from '../caller-token.js';
import { type Command, EXIT, FLAG, parse, TEXT, UsageError } from '../command.js';
import { type Environment, readEnvironment, withEnvFile } from '../environment.js';
import { isEndpoint, NO_ENDPOINT } from '../instance.js';
import type { Terminal } from '../terminal.js';
import { HELP } from './help.js';
import { type Opened, openRedisUrl } from './redis-url.js';
import { reportOf } from './report.js';

/** What the arguments say. */
interface Asked {
  readonly module: string | undefined;
  readonly name: string | undefined;
  readonly readsToken: boolean;
  readonly envFile: string | undefined;
  /** Where the running application receives events. */
  readonly eventsUrl: string | undefined;
  readonly deadlineMs: number;
  readonly json: boolean;
}

/** What is examined, and what was found on the way to it. */
interface Patient {
  readonly options?: ZitadelOptions | SeveralInstances;
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

/** @throws UsageError */
function read(args: readonly string[]): Asked {
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
  if (eventsUrl !== undefined && !isEndpoint(eventsUrl)) {
    throw new UsageError(NO_ENDPOINT.replace('--endpoint', '--events-url'));
  }
  return {
    module,
    name: values.name,
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
  const given = await optionsOfApplication(module, name);
  if (!Object.hasOwn(given, 'why')) {
    const known = given as FromApplication;
    return { ...fromApplication(known), ...(known.door === 'nest' && { nest: module }) };
  }
  const { why, isCopy = false } = given as Unopened;
  const unopened = isCopy
    ? copied(why)
    : amiss('application.options', {
        what: why,
        why: 'the options of the application are not known',
        effect: 'the application does not start',
        remedy: 'correct what the message says',
      });
  const { options, findings } = env['ZITADEL_ISSUER'] ? fromEnvironment(env) : { findings: [] };
  return { ...(options && { options }), findings: [unopened, ...findings] };
}

function fromEnvironment(env: Environment): Patient {
  const { options, problems } = readEnvironment(env);
  return { options, findings: problems.map(invalidOption) };
}

type Given = Awaited<ReturnType<typeof optionsOfApplication>>;
type Unopened = Extract<Given, { why: string }>;
type FromApplication = Exclude<Given, Unopened>;

function copied(what: string): Finding {
  return amiss('application.copies', {
    what,
    why: 'the parts of an application are known to its own copy only',
    effect: 'the application does not start, or is not the one that is looked at here',
    remedy: 'do what the message says',
  });
}

function fromApplication({ door, options, hasSharedCache }: FromApplication): Patient {
  const shared = own(own(options, 'cache'), 'shared');
  if (hasSharedCache || !shared) return { options, findings: [] };
  const noStore = amiss('options.no-store', {
    what: `cache.shared: ${door === 'nest' ? 'the application has no CACHE_MANAGER' : 'createZitadel() has no sharedCache'}`,
    why: 'memberships are shared over it',
    effect: 'the application does not start',
    remedy:
      door === 'nest'
        ? 'write CacheModule.register({ isGlobal: true }) into the imports of the application'
        : 'write { sharedCache } as the second argument of createZitadel()',
  });
  return { options, findings: [noStore] };
}

const LISTED = 5;

/** Whether the guard stands before the handlers of the application. */
async function guardsOf(module: string): Promise<readonly Finding[]> {
  let guarding: Awaited<ReturnType<typeof guardingOf>>;
  try {
    guarding = await guardingOf(module);
  } catch (error) {
    if (error instanceof CopyError) return [copied(error.message)];
    throw error;
  }
  const { handlers, unguarded } = guarding ?? { handlers: 0, unguarded: [] };
  if (handlers === 0) return [];
  if (unguarded.length === 0) {
    return [fine('routes.guarded', 'every handler is public, or the guard stands before it')];
  }
  const more = unguarded.length > LISTED ? ', ...' : '';
  const found = unguarded.length === handlers ? amiss : warning;
  return [
    found('routes.unguarded', {
      what: `${unguarded.length} of ${handlers} handlers that are not public run without ZitadelManagerGuard: ${unguarded.slice(0, LISTED).join(', ')}${more}`,
      why: 'Nest runs a handler if no guard stands before it',
      effect: 'everybody gets in there, unless a guard of yours stands in its place',
      remedy:
        'write { provide: APP_GUARD, useExisting: ZitadelManagerGuard } into the providers; if your main file binds the guard, name a file that exports a function which makes the application',
    }),
  ];
}

/** REDIS_URL, if the options name no Redis of their own. */
async function redisOf(
  options: ZitadelOptions | SeveralInstances,
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
