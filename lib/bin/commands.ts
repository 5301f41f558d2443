import { eventsSetup } from './events-setup.js';
import { COMMANDS, EXIT } from './help.js';
import type { Terminal } from './terminal.js';

/** Runs the command that the arguments name. Returns the exit code. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const [topic, verb, ...more] = args;
  if (topic === 'events' && verb === 'setup') return eventsSetup(more, terminal);
  if (args.includes('--help') || args.includes('-h')) {
    terminal.out(COMMANDS);
    return EXIT.done;
  }
  const unknown = args.length > 0 ? `There is no command ${args.slice(0, 2).join(' ')}.\n\n` : '';
  terminal.tell(`${unknown}${COMMANDS}`);
  return EXIT.usage;
}
