import { ZitadelError } from '../../core/errors.js';
import { EVENT_TYPES } from '../../zitadel/events/event.js';
import { Actions } from '../../zitadel/events/targets.js';
import { ZitadelApiError } from '../../zitadel/refusals.js';
import { type Command, EXIT } from '../command.js';
import { instanceFrom } from '../instance.js';
import {
  carryOut,
  type CarriedOut,
  outcomeAsJson,
  type Step,
  stepList,
  tellOutcome,
} from '../steps.js';
import type { Terminal } from '../terminal.js';
import { type Asked, read } from './asked.js';
import { HELP } from './help.js';
import { lookAtReceiver, type Receiver } from './receiver.js';
import {
  type Made,
  onlyKnown,
  planEventsRemoval,
  planRotation,
  planEvents,
  type Present,
  tellUnknown,
} from '../event-plan.js';

/** Short enough to hold nobody up, long enough for a request to a busy application. */
const TIMEOUT_SECONDS = 10;

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
        const found = await lookAt(asked.name, actions);
        endpoint = found.target?.endpoint ?? '';
        return planFor(asked, found, actions, made);
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
  if (mode === 'remove') return planEventsRemoval(found, actions);
  if (mode === 'rotate') {
    if (target) return [planRotation(target, actions, made)];
    throw new ZitadelError('zitadel_refused', `there is no target ${name}: set it up first`);
  }
  const settings = {
    endpoint: endpoint ?? target?.endpoint ?? '(--endpoint says which)',
    timeoutSeconds: TIMEOUT_SECONDS,
  };
  const steps = planEvents(found, settings, EVENT_TYPES, actions, made);
  return target ? onlyKnown(steps, actions, made) : steps;
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
    terminal.tell(done.length === 0 ? NOTHING_TO_DO[mode](name) : 'Done.');
  }
}

const CHECKED = 'All is set up: the target, and an execution on each event.';
const TRIED = ' Whether it takes what is signed, npx nestjs-zitadel doctor --events-url tries.';

const NOTHING_TO_DO: Readonly<Record<Asked['mode'], (name: string) => string>> = {
  setup: (name) =>
    `Nothing to change: the target ${name} gets all events. If its signing key is lost: --rotate.`,
  check: () => CHECKED,
  rotate: () => 'Nothing to change.',
  remove: (name) => `Nothing to take back: there is no target ${name}.`,
};
