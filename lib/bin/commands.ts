import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, EXIT, UsageError } from './command.js';
import type { Terminal } from './terminal.js';

/** The commands there are. A command of two words stands under both. */
const COMMANDS: readonly {
  readonly name: string;
  readonly does: string;
  /** Nothing is half-done when it ends in its midst. */
  readonly onlyLooks?: true;
  readonly load: () => Promise<{ readonly command: Command }>;
}[] = [
  {
    name: 'setup',
    does: 'makes what your application needs at ZITADEL, and writes .env and the key files',
    load: () => import('./setup/setup.js'),
  },
  {
    name: 'events setup',
    does: 'has ZITADEL tell your application what changes (Actions v2)',
    load: () => import('./events/setup.js'),
  },
  {
    name: 'doctor',
    does: 'says what makes requests fail or stand open, and what to do',
    onlyLooks: true,
    load: () => import('./doctor/doctor.js'),
  },
  {
    name: 'token',
    does: 'explains a token: kind, for whom, until when, what it lacks',
    onlyLooks: true,
    load: () => import('./token/token.js'),
  },
  {
    name: 'explain',
    does: 'says which membership lets somebody in, or which one would',
    onlyLooks: true,
    load: () => import('./explain/explain.js'),
  },
  {
    name: 'routes',
    does: 'shows what every handler of an application asks for, and keeps it in a file',
    onlyLooks: true,
    load: () => import('./routes/routes.js'),
  },
  {
    name: 'emulator',
    does: 'runs a ZITADEL for tests on a port, for applications in any language',
    load: () => import('./emulator/emulator.js'),
  },
];

/** Runs the command that the arguments name. Returns the exit code. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const found = COMMANDS.find(({ name }) => {
    const words = name.split(' ');
    return words.every((word, index) => args[index] === word);
  });
  if (!found) return noCommand(args, terminal);
  const { command } = await found.load();
  const own = args.slice(found.name.split(' ').length);
  if (asksForHelp(own)) {
    terminal.out(command.help);
    return EXIT.done;
  }
  try {
    const running = command.run(own, terminal);
    return await (found.onlyLooks ? Promise.race([running, stopped(terminal.stop)]) : running);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // What was asked for at a prompt is missing since nobody wants to go on.
    if (terminal.stop.aborted) return EXIT.interrupted;
    terminal.tell(`${error.message}\nnpx nestjs-zitadel ${found.name} --help says more.`);
    return EXIT.usage;
  }
}

/** What it has found is told first, if it notices that it is to end. */
const GRACE_MS = 300;

/** What an application waits for must not keep a command that somebody stops. */
async function stopped(stop: AbortSignal): Promise<number> {
  if (!stop.aborted) await once(stop, 'abort');
  await sleep(GRACE_MS);
  return EXIT.interrupted;
}

const asksForHelp = (args: readonly string[]): boolean =>
  args.includes('--help') || args.includes('-h');

function noCommand(args: readonly string[], terminal: Terminal): number {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const list = COMMANDS.map(({ name, does }) => `  ${name.padEnd(width)}   ${does}`);
  const text = `Usage: npx nestjs-zitadel <command>

Commands:
${list.join('\n')}

npx nestjs-zitadel <command> --help says more.`;
  if (asksForHelp(args)) {
    terminal.out(text);
    return EXIT.done;
  }
  const unknown = args.length > 0 ? `There is no command ${args.slice(0, 2).join(' ')}.\n\n` : '';
  terminal.tell(`${unknown}${text}`);
  return EXIT.usage;
}

/** What is needed of a process to see its end. */
interface Ending {
  exitCode?: number | string | null | undefined;
  once(event: 'exit', listener: () => void): unknown;
  off(event: 'exit', listener: () => void): unknown;
}

/**
 * An application may end the process, or wait for what never comes. That must not look like a command that found all in order. Returns what
 * says that the command came to its end.
 */
export function watchEnding(process: Ending, tell: (text: string) => void): () => void {
  const early = (): void => {
    process.exitCode = EXIT.failed;
    tell(
      'The process ended before the command was done: the application ended it, or waits for something that never comes.',
    );
  };
  process.once('exit', early);
  return () => void process.off('exit', early);
}
