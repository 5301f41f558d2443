import { ZitadelError } from '../../core/errors.js';
import { EVENT_TYPES } from '../../zitadel/events/effects.js';
import type { Actions } from '../../zitadel/events/targets.js';
import { ZitadelApiError } from '../../zitadel/refusals.js';
import { type Command, EXIT } from '../command.js';
import { type Asked, instanceFrom, read } from './asked.js';
import { HELP } from './help.js';
import {
  type Present,
  type Made,
  planRemoval,
  planRotation,
  planSetup,
  type Step,
} from './plan.js';
import { coloured, type Terminal } from '../terminal.js';

/** What a run came to. With `--json` it is what is written. */
interface Outcome {
  readonly exitCode: number;
  readonly done: readonly Step[];
  readonly left: readonly Step[];
  readonly made: Made;
  readonly error?: string;
}

/** Short enough to hold nobody up, long enough for a request to a busy application. */
const TIMEOUT_SECONDS = 10;

/** `events setup`. */
export const command: Command = {
  help: HELP,
  async run(args, terminal) {
    const asked = read(args);
    const outcome = await carryOut(asked, instanceFrom(terminal), terminal);
    report(asked, outcome, terminal);
    return outcome.exitCode;
  },
};

async function carryOut(
  asked: Asked,
  { url, actions }: { readonly url: string; readonly actions: Actions },
  terminal: Terminal,
): Promise<Outcome> {
  const made: Made = { unknown: [] };
  const done: Step[] = [];
  let left: readonly Step[] = [];
  const outcome = (exitCode: number, error?: string): Outcome => ({
    exitCode,
    done,
    left,
    made,
    ...(error !== undefined && { error }),
  });
  try {
    const found = await lookAt(asked.name, actions);
    left = await planFor(asked, found, actions, made);
    if (left.length === 0) return outcome(EXIT.done);
    if (asked.mode === 'check') return outcome(EXIT.notInOrder);
    terminal.tell(`To be changed at ${url}:\n${listOf(left, terminal)}`);
    if (!asked.yes && !(await isAgreed(terminal))) {
      return outcome(terminal.stop.aborted ? EXIT.interrupted : EXIT.declined);
    }
    while (left[0]) {
      if (terminal.stop.aborted) return outcome(EXIT.interrupted);
      await left[0].run(actions, made);
      done.push(left[0]);
      left = left.slice(1);
    }
    return outcome(EXIT.done);
  } catch (error) {
    if (!(error instanceof ZitadelError)) throw error;
    return outcome(terminal.stop.aborted ? EXIT.interrupted : EXIT.failed, errorText(error));
  }
}

/** Whose token it is and what they may do, ZITADEL says by ids that begin alike. */
function errorText(error: ZitadelError): string {
  const isAboutToken = error instanceof ZitadelApiError && error.id?.startsWith('AUTH');
  return isAboutToken
    ? `ZITADEL refuses ZITADEL_PAT (${error.status} ${error.id}): it must be a personal access token, not expired, of a user that is IAM_OWNER of this instance`
    : error.message;
}

async function lookAt(name: string, actions: Actions): Promise<Present> {
  return { name, target: await actions.find(name), executions: await actions.executions() };
}

async function planFor(
  { mode, endpoint, name }: Asked,
  found: Present,
  actions: Actions,
  made: Made,
): Promise<readonly Step[]> {
  const { target } = found;
  if (mode === 'remove') return planRemoval(found);
  if (mode === 'rotate') {
    if (target) return [planRotation(target)];
    throw new ZitadelError('zitadel_refused', `there is no target ${name}: set it up first`);
  }
  const settings = {
    endpoint: endpoint ?? target?.endpoint ?? '(--endpoint says which)',
    timeoutSeconds: TIMEOUT_SECONDS,
  };
  const steps = planSetup(found, settings, EVENT_TYPES);
  if (!target) return steps;
  // Otherwise what this server does not know would be planned again each time.
  const known: Step[] = [];
  for (const step of steps) {
    if (step.about === undefined || (await actions.knows(step.about))) known.push(step);
    else made.unknown.push(step.about);
  }
  return known;
}

async function isAgreed(terminal: Terminal): Promise<boolean> {
  if (!terminal.isInteractive) {
    terminal.tell('Nothing was changed: nobody can be asked here. Add --yes.');
    return false;
  }
  const reply = await terminal.ask('Go on? [y/N] ');
  return /^y(es)?$/i.test(reply.trim());
}

function report(asked: Asked, outcome: Outcome, terminal: Terminal): void {
  const { mode, name } = asked;
  const { exitCode, done, left, made, error } = outcome;
  if (asked.json) {
    const texts = (steps: readonly Step[]) => steps.map((step) => `${step.sign} ${textOf(step)}`);
    terminal.out(
      JSON.stringify({
        mode,
        name,
        exitCode,
        done: texts(done),
        left: texts(left),
        unknownEvents: made.unknown,
        signingKey: made.signingKey,
        error,
      }),
    );
    return;
  }
  if (error !== undefined) terminal.tell(coloured(terminal, 'red', error));
  if (made.unknown.length > 0) {
    terminal.tell(`This server does not know ${made.unknown.join(', ')}: nothing is lost by that.`);
  }
  if (mode === 'check' && error === undefined) {
    terminal.out(left.length === 0 ? CHECKED : `The setup is not complete. It needs:`);
    if (left.length > 0) terminal.out(listOf(left, terminal));
    return;
  }
  const isStopped = exitCode === EXIT.interrupted || exitCode === EXIT.failed;
  if (isStopped && left.length > 0) {
    terminal.tell(
      `${done.length === 0 ? 'Nothing was changed for sure.' : `Done:\n${listOf(done, terminal)}`}\nNot done${error === undefined ? '' : ', the first of them perhaps'}:\n${listOf(left, terminal)}\nThe same command goes on from here.`,
    );
  }
  if (made.signingKey !== undefined) {
    terminal.tell(
      'The signing key. It is not shown again; events.signingKeys of your application needs it:',
    );
    terminal.out(made.signingKey);
  } else if (exitCode === EXIT.done) {
    terminal.tell(done.length === 0 ? NOTHING_TO_DO[mode](name) : 'Done.');
  }
}

const CHECKED =
  'All is set up: the target, and an execution on each event. Whether the application gets and accepts what ZITADEL sends is not seen from here: its log says so.';

const NOTHING_TO_DO: Readonly<Record<Asked['mode'], (name: string) => string>> = {
  setup: (name) =>
    `Nothing to change: the target ${name} gets all events. If its signing key is lost: --rotate.`,
  check: () => CHECKED,
  rotate: () => 'Nothing to change.',
  remove: (name) => `Nothing to take back: there is no target ${name}.`,
};

/** Steps that say the same in one paragraph. */
function listOf(steps: readonly Step[], terminal: Terminal): string {
  const groups = new Map<string, Step[]>();
  for (const step of steps) {
    const key = `${step.sign} ${step.what}`;
    groups.set(key, [...(groups.get(key) ?? []), step]);
  }
  return [...groups.values()]
    .map((group) => {
      const [{ sign, what }] = group as [Step];
      const abouts = group.flatMap(({ about }) => about ?? []);
      const text = abouts.length === 0 ? what : `${abouts.length} ${what}:\n${inLines(abouts)}`;
      return coloured(terminal, COLOURS[sign], `  ${sign} ${text}`);
    })
    .join('\n');
}

function inLines(words: readonly string[]): string {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    const isLong = last === undefined || last.length + word.length > 100;
    if (isLong) lines.push(`      ${word}`);
    else lines[lines.length - 1] = `${last}, ${word}`;
  }
  return lines.join('\n');
}

const COLOURS = { '+': 'green', '~': 'yellow', '-': 'red' } as const;

function textOf({ what, about }: Step): string {
  return about === undefined ? what : `${about} (${what})`;
}
