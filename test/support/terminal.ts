import type { Terminal } from '#dist/bin/terminal.js';

/** A terminal at which nobody sits, and what a command has written there. `more` takes the place of what it has. */
export function quietTerminal(more: Partial<Terminal> = {}) {
  const [out, told]: [string[], string[]] = [[], []];
  const terminal: Terminal = {
    env: {},
    out: (text) => void out.push(text),
    tell: (text) => void told.push(text),
    isInteractive: false,
    hasColours: false,
    ask: () => Promise.resolve(''),
    askSecret: () => Promise.resolve(''),
    input: () => Promise.resolve(''),
    stop: new AbortController().signal,
    ...more,
  };
  const said = () => ({ out: out.join('\n'), told: told.join('\n') });
  return { terminal, said };
}
