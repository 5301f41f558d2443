import { EVENT_TYPES } from '../zitadel/events/event.js';
import type { Actions, Execution, Target, TargetSettings } from '../zitadel/events/targets.js';
import type { Step } from './steps.js';
import type { Terminal } from './terminal.js';

/** What is there, and what is wanted. */
interface Present {
  readonly name: string;
  readonly target: Target | undefined;
  readonly executions: readonly Execution[];
}

/** What the steps bring. */
export interface Made {
  targetId?: string;
  signingKey?: string;
  /** Events that this server does not know. */
  readonly unknown: string[];
}

export function tellUnknown(events: readonly string[], terminal: Terminal): void {
  if (events.length === 0) return;
  terminal.tell(`This server does not know ${events.join(', ')}: nothing is lost by that.`);
}

/** Short enough to hold nobody up, long enough for a request to a busy application. */
const TIMEOUT_SECONDS = 10;

/** What leads from what is there to a target that gets all events. Empty: it is so already. */
export async function planEvents(
  { name, target, executions }: Present,
  endpoint: string,
  actions: Actions,
  made: Made,
): Promise<readonly Step[]> {
  const settings = { endpoint, timeoutSeconds: TIMEOUT_SECONDS };
  const steps = [
    ...targetSteps(name, target, settings, actions, made),
    ...eventSteps(target?.id, executions, actions, made),
  ];
  if (!target) return steps;
  const known: Step[] = [];
  for (const step of steps) {
    // What this server does not know would be planned again each time.
    if (step.about === undefined || (await actions.knows(step.about))) known.push(step);
    else made.unknown.push(step.about);
  }
  return known;
}

/** What takes back what {@link planEvents} did, and nothing else. */
export function planEventsRemoval(
  { name, target, executions }: Present,
  actions: Actions,
): readonly Step[] {
  if (!target) return [];
  // Groups and everything are never set up here.
  const ours = executions.filter(
    ({ on, targets }) => !on.endsWith('*') && targets.includes(target.id),
  );
  return [
    ...ours.map(({ on, targets }): Step => {
      const others = targets.filter((id) => id !== target.id);
      // These others were written down here, since only the best match counts.
      const isAsBefore = sameIds(others, inherited(on, executions));
      const left = isAsBefore ? [] : others;
      return {
        sign: '-',
        what: left.length > 0 ? 'events, whose other targets stay' : 'events',
        about: on,
        run: async () => void (await actions.setTargets(on, left)),
      };
    }),
    { sign: '-', what: `the target ${name}`, run: () => actions.remove(target.id) },
  ];
}

function targetSteps(
  name: string,
  target: Target | undefined,
  settings: TargetSettings,
  actions: Actions,
  made: Made,
): readonly Step[] {
  const { endpoint, timeoutSeconds } = settings;
  if (!target) {
    const run: Step['run'] = async () => {
      const { id, signingKey } = await actions.create(name, settings);
      Object.assign(made, { targetId: id, signingKey });
    };
    return [{ sign: '+', what: `the target ${name} for ${endpoint}`, run }];
  }
  const changes = [
    ...(target.endpoint === endpoint ? [] : [`endpoint ${endpoint} instead of ${target.endpoint}`]),
    ...(target.timeoutSeconds === timeoutSeconds ? [] : [`a timeout of ${timeoutSeconds} s`]),
    ...(target.isPlainWebhook ? [] : ['a webhook with JSON that interrupts nothing']),
  ];
  if (changes.length === 0) return [];
  const what = `the target ${name}: ${changes.join(', ')}`;
  return [{ sign: '~', what, run: () => actions.change(target.id, settings) }];
}

function eventSteps(
  targetId: string | undefined,
  executions: readonly Execution[],
  actions: Actions,
  made: Made,
): readonly Step[] {
  const exact = new Map(executions.map(({ on, targets }) => [on, targets]));
  return EVENT_TYPES.flatMap((event): readonly Step[] => {
    // An execution on the event itself takes it from groups: their targets must get it all the same.
    const others = exact.get(event) ?? inherited(event, executions);
    if (targetId !== undefined && exact.get(event)?.includes(targetId)) return [];
    const what = others.length > 0 ? 'events, beside the targets that they have' : 'events';
    const run: Step['run'] = async () => {
      const id = targetId ?? made.targetId;
      if (id === undefined) throw new Error('there is no target');
      const isKnown = await actions.setTargets(event, [...others.filter((o) => o !== id), id]);
      if (!isKnown) made.unknown.push(event);
    };
    return [{ sign: '+', what, about: event, run }];
  });
}

/** The targets that an event has if it has no execution of its own: those of the longest group, else those of all. */
function inherited(event: string, executions: readonly Execution[]): readonly string[] {
  const [best] = executions
    .filter(({ on }) => on !== event && on.endsWith('*') && event.startsWith(beginning(on)))
    .sort((one, other) => other.on.length - one.on.length);
  return best?.targets ?? [];
}

/** ZITADEL compares texts: the group `org.*` has all that begins with `org`. */
function beginning(group: string): string {
  return group === '*' ? '' : group.slice(0, -'.*'.length);
}

function sameIds(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}
