#!/usr/bin/env node
import { runCommand } from './commands.js';
import { openTerminal } from './terminal.js';

process.exitCode = await runCommand(process.argv.slice(2), openTerminal());
// What an application has opened must not keep its command alive.
setTimeout(() => process.exit(), 1_000).unref();
