import { ZitadelError } from '../../core/errors.js';
import { reasonOf } from '../../doctor/events.js';
import { Actions, type Target } from '../../zitadel/events/targets.js';
import { ZitadelApiError } from '../../zitadel/refusals.js';
import { type Command, EXIT, FLAG, parse, TEXT, UsageError } from '../command.js';
import { type Made, planEvents, planEventsRemoval, tellUnknown } from '../event-plan.js';
import { checkEndpoint, instanceFrom } from '../instance.js';
import {
  carryOut,
  type CarriedOut,
  outcomeAsJson,
  type Step,
  stepList,
  tellOutcome,
} from '../steps.js';
import type { Terminal } from '../terminal.js';

/** What `events setup --help` shows. */
const HELP = `Usage: npx nestjs-zitadel events setup --endpoint <url> [--name <name>] [--yes] [--json]
       npx nestjs-zitadel events setup --check | --rotate | --remove [--name <name>] [--yes] [--json]

Makes a target at ZITADEL that delivers to your application, and an execution on each event that changes what
somebody may do. Shows what it would change, and asks. A second run changes nothing. Targets of others stay.

Environment:
  ZITADEL_URL    the instance: https://acme.zitadel.cloud
  ZITADEL_PAT    a personal access token of an IAM_OWNER. It is never an argument: others could see it there.

Options:
  --endpoint <url>   where your application receives events: https://app.example/zitadel/events
  --name <name>      the name of the target (default: nestjs-zitadel)
  --check            changes and delivers nothing; says what is missing, and whether an application answers where ZITADEL
                     delivers, as far as this machine reaches it; with --endpoint also compares that
  --rotate           makes a new signing key, if the old one is lost or known to others; the old one ends at once
  --remove           takes back what was made: the executions, where they call others too only this target, and the target
  -y, --yes          does not ask
  --json             writes one JSON object to the output: mode, name, exitCode, done, left, unknownEvents, signingKey,
                     receives, error
  -h, --help         shows this

Exit codes:
  0    done, or nothing to do
  1    ZITADEL refused, or could not be reached
  2    an argument or the environment is wrong
  3    --check: something is missing
  4    nobody agreed, so nothing was changed
  130  stopped by Ctrl-C, after the change that was under way

Examples:
  ZITADEL_URL=https://acme.zitadel.cloud ZITADEL_PAT=$(cat pat.txt) \\
    npx nestjs-zitadel events setup --endpoint https://app.example/zitadel/events
  npx nestjs-zitadel events setup --check
  npx nestjs-zitadel events setup --remove --yes`;

/** `events setup`. */
export const command: Command = {
  help: HELP,
  async run(args, terminal) {
    const asked = read(args);
    const { url, http, token } = await instanceFrom(terminal);
    const actions = new Actions(http, token);
    const made: Made = { unknown: [] };
    let endpoint = '';
    const outcome = await carryOut(
      async () => {
        const target = await actions.find(asked.name);
        endpoint = target?.endpoint ?? '';
        return planFor(asked, target, actions, made);
      },
      { where: url, yes: asked.yes, isCheck: asked.mode === 'check', errorText },
      terminal,
    );
    const looks = asked.mode === 'check' && endpoint !== '' && outcome.error === undefined;
    const receiver = looks ? await lookAtReceiver(endpoint, terminal.stop) : undefined;
    report(asked, outcome, made, receiver, terminal);
    return outcome.exitCode;
  },
};

const OPTIONS = {
  endpoint: TEXT,
  name: TEXT,
  check: FLAG,
  rotate: FLAG,
  remove: FLAG,
  yes: { ...FLAG, short: 'y' },
  json: FLAG,
} as const;

/** What the arguments say. */
type Asked = ReturnType<typeof read>;

/** @throws UsageError */
function read(args: readonly string[]) {
  const { values } = parse(args, OPTIONS);
  const modes = (['check', 'rotate', 'remove'] as const).filter((mode) => values[mode]);
  if (modes.length > 1) throw new UsageError(`--${modes.join(' and --')} do not go together`);
  const [mode = 'setup'] = modes;
  const { endpoint, name = 'nestjs-zitadel', yes = false, json = false } = values;
  if (mode === 'setup' && endpoint === undefined) {
    throw new UsageError('--endpoint is missing: https://app.example/zitadel/events');
  }
  if (endpoint !== undefined && (mode === 'rotate' || mode === 'remove')) {
    throw new UsageError(`--${mode} takes no --endpoint`);
  }
  checkEndpoint('--endpoint', endpoint);
  if (name === '' || name.length > 200) throw new UsageError('--name has 1 to 200 characters');
  return { mode, endpoint, name, yes, json };
}

/** Whose token it is and what they may do, ZITADEL says by ids that begin alike. */
function errorText(error: ZitadelError): string {
  const isAboutToken = error instanceof ZitadelApiError && error.id?.startsWith('AUTH');
  return isAboutToken
    ? `ZITADEL refuses ZITADEL_PAT (${error.status} ${error.id}): it must be a personal access token, not expired, of a user that is IAM_OWNER of this instance`
    : error.message;
}

async function planFor(
  { mode, endpoint, name }: Asked,
  target: Target | undefined,
  actions: Actions,
  made: Made,
): Promise<readonly Step[]> {
  const found = { name, target, executions: await actions.executions() };
  if (mode === 'remove') return planEventsRemoval(found, actions);
  if (mode !== 'rotate') {
    const wanted = endpoint ?? target?.endpoint ?? '(--endpoint says which)';
    return planEvents(found, wanted, actions, made);
  }
  if (!target) {
    throw new ZitadelError('zitadel_refused', `there is no target ${name}: set it up first`);
  }
  const what = `a new signing key for the target ${name}; the old one ends at once`;
  const run = async () => void (made.signingKey = await actions.rotate(target.id));
  return [{ sign: '~', what, run }];
}

function report(
  asked: Asked,
  outcome: CarriedOut,
  made: Made,
  receiver: Receiver | undefined,
  terminal: Terminal,
): void {
  const { mode, name } = asked;
  const { exitCode, done, left, error } = outcome;
  if (asked.json) {
    const { unknown: unknownEvents, signingKey } = made;
    terminal.out(
      JSON.stringify({
        mode,
        name,
        ...outcomeAsJson(outcome),
        unknownEvents,
        signingKey,
        receives: receiver?.isThere,
      }),
    );
    return;
  }
  tellUnknown(made.unknown, terminal);
  if (mode === 'check' && error === undefined) {
    terminal.out(left.length === 0 ? CHECKED : `The setup is not complete. It needs:`);
    if (left.length > 0) terminal.out(stepList(left, terminal));
    if (receiver) terminal.out(`${receiver.text}${TRIED}`);
    return;
  }
  tellOutcome(outcome, terminal);
  if (made.signingKey !== undefined) {
    terminal.tell(
      'The signing key. It is not shown again; events.signingKeys of your application needs it:',
    );
    terminal.out(made.signingKey);
  } else if (exitCode === EXIT.done) {
    const nothing =
      mode === 'remove'
        ? `Nothing to take back: there is no target ${name}.`
        : `Nothing to change: the target ${name} gets all events. If its signing key is lost: --rotate.`;
    terminal.tell(done.length === 0 ? nothing : 'Done.');
  }
}

const CHECKED = 'All is set up: the target, and an execution on each event.';
const TRIED = ' Whether it takes what is signed, npx nestjs-zitadel doctor --events-url tries.';

/** Whether the application answers where ZITADEL delivers. */
interface Receiver {
  /** Undefined: it cannot be reached from here, which says nothing about ZITADEL. */
  readonly isThere: boolean | undefined;
  readonly text: string;
}

const WAIT_MS = 5_000;

/** Delivers nothing: the receiver answers everything but a POST with 405. */
async function lookAtReceiver(endpoint: string, stop: AbortSignal): Promise<Receiver> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(WAIT_MS)]);
  try {
    const { status, headers, body } = await fetch(endpoint, { redirect: 'manual', signal });
    await body?.cancel();
    const isThere = status === 405 && headers.get('allow') === 'POST';
    const text = isThere
      ? `An application receives events at ${endpoint}.`
      : `No application seems to receive events at ${endpoint}: it answers GET with ${status} instead of 405. Look at the path, and at what stands before the application.`;
    return { isThere, text };
  } catch (error) {
    const isLate = signal.aborted && !stop.aborted;
    const why = isLate ? `no reply within ${WAIT_MS} ms` : reasonOf(error);
    const text = `${endpoint} cannot be reached from here (${why}). ZITADEL may reach it all the same.`;
    return { isThere: undefined, text };
  }
}
