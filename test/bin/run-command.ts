import { runCommand } from '../../lib/bin/commands.js';
import type { Terminal } from '../../lib/bin/terminal.js';
import { quietTerminal } from '../support/terminal.js';

/** Runs a command as somebody would, who says `says` when asked. */
export async function runAs(
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  more: Partial<Terminal> & { readonly says?: string } = {},
) {
  const asked: string[] = [];
  const ask = (question: string) => {
    asked.push(question);
    return Promise.resolve(more.says ?? '');
  };
  const isInteractive = more.says !== undefined;
  const { terminal, said } = quietTerminal({ env, isInteractive, ask, askSecret: ask, ...more });
  const code = await runCommand(args, terminal);
  return { code, ...said(), asked };
}
