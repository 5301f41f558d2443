import { ZitadelError } from '../core/errors.js';
import { EXIT } from './command.js';
import { coloured, type Terminal } from './terminal.js';

/** One change. Steps that say the same are shown as one, with what each is about. */
export interface Step {
  readonly sign: '+' | '~' | '-';
  readonly what: string;
  readonly about?: string;
  readonly run: () => Promise<void>;
}

/** How far a plan was carried out. */
export interface CarriedOut {
  readonly exitCode: number;
  readonly done: readonly Step[];
  readonly left: readonly Step[];
  readonly error?: string | undefined;
}

interface How {
  /** What the changes are made at. */
  readonly where: string;
  readonly yes: boolean;
  /** Only says what is missing. */
  readonly isCheck: boolean;
  /** What an error means for who runs the command. */
  readonly errorText: (error: ZitadelError) => string;
}

/** Shows a plan, asks, and carries it out step by step. The first trouble, and Ctrl-C, end it between two steps. */
export async function carryOut(
  plan: () => Promise<readonly Step[]>,
  { where, yes, isCheck, errorText }: How,
  terminal: Terminal,
): Promise<CarriedOut> {
  const done: Step[] = [];
  let left: readonly Step[] = [];
  const outcome = (exitCode: number, error?: string) => ({ exitCode, done, left, error });
  try {
    left = await plan();
    if (left.length === 0) return outcome(EXIT.done);
    if (isCheck) return outcome(EXIT.notInOrder);
    terminal.tell(`To be changed at ${where}:\n${stepList(left, terminal)}`);
    if (!yes && !(await isAgreed(terminal))) {
      return outcome(terminal.stop.aborted ? EXIT.interrupted : EXIT.declined);
    }
    while (left[0]) {
      if (terminal.stop.aborted) return outcome(EXIT.interrupted);
      const { what } = left[0];
      if (terminal.isInteractive && what !== done.at(-1)?.what) terminal.tell(`... ${what}`);
      await left[0].run();
      done.push(left[0]);
      left = left.slice(1);
    }
    return outcome(EXIT.done);
  } catch (error) {
    if (!(error instanceof ZitadelError)) throw error;
    return outcome(terminal.stop.aborted ? EXIT.interrupted : EXIT.failed, errorText(error));
  }
}

async function isAgreed(terminal: Terminal): Promise<boolean> {
  if (!terminal.isInteractive) {
    terminal.tell('Nothing was changed: nobody can be asked here. Add --yes.');
    return false;
  }
  const reply = await terminal.ask('Go on? [y/N] ');
  return /^y(es)?$/i.test(reply.trim());
}

/** Says what went wrong, and what is done and what is left if a plan was not carried out to its end. */
export function tellOutcome({ exitCode, done, left, error }: CarriedOut, terminal: Terminal): void {
  if (error !== undefined) terminal.tell(coloured(terminal, 'red', error));
  const isStopped = exitCode === EXIT.interrupted || exitCode === EXIT.failed;
  if (!isStopped || left.length === 0) return;
  terminal.tell(
    `${done.length === 0 ? 'Nothing was changed for sure.' : `Done:\n${stepList(done, terminal)}`}\nNot done${error === undefined ? '' : ', the first of them perhaps'}:\n${stepList(left, terminal)}\nThe same command goes on from here.`,
  );
}

/** What `--json` writes of it: each step as one line. */
export function outcomeAsJson({ done, left, ...outcome }: CarriedOut): object {
  const texts = (steps: readonly Step[]) =>
    steps.map(({ sign, what, about }) => {
      return `${sign} ${about === undefined ? what : `${about} (${what})`}`;
    });
  return { ...outcome, done: texts(done), left: texts(left) };
}

/** Steps that say the same in one paragraph. */
export function stepList(steps: readonly Step[], terminal: Terminal): string {
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
