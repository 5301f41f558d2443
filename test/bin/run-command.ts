import { runCommand } from '../../lib/bin/commands.js';
import type { Terminal } from '../../lib/bin/terminal.js';

/** Runs a command as somebody would, who says `says` when asked. */
export async function runAs(
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  more: Partial<Terminal> & { readonly says?: string } = {},
) {
  const [out, told, asked]: [string[], string[], string[]] = [[], [], []];
  const ask = (question: string) => {
    asked.push(question);
    return Promise.resolve(more.says ?? '');
  };
  const code = await runCommand(args, {
    env,
    out: (text) => void out.push(text),
    tell: (text) => void told.push(text),
    isInteractive: more.says !== undefined,
    hasColours: false,
    ask,
    askSecret: ask,
    input: () => Promise.resolve(''),
    stop: new AbortController().signal,
    ...more,
  });
  return { code, out: out.join('\n'), told: told.join('\n'), asked };
}
