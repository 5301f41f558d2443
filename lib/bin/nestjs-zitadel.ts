#!/usr/bin/env node
import { runCommand, watchEnding } from './commands.js';
import { openTerminal } from './terminal.js';

const terminal = openTerminal();
const isDone = watchEnding(process, (text) => terminal.tell(text));
try {
  process.exitCode = await runCommand(process.argv.slice(2), terminal);
} finally {
  isDone();
}
// What an application has opened must neither keep its command alive nor write behind it.
process.stdout.write('', () => process.stderr.write('', () => process.exit()));
