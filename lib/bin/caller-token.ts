import type { Environment } from './environment.js';
import type { Terminal } from './terminal.js';

/** The token of a caller. Whoever copied a header may have more than that. */
export function bareToken(text: string): string {
  return text.trim().replace(/^(?:authorization: *)?bearer +/i, '');
}

/** From the environment, else from a prompt or the standard input. Empty: there is none. */
export async function callerToken(env: Environment, terminal: Terminal): Promise<string> {
  const given =
    env['ZITADEL_TOKEN'] ||
    (terminal.isInteractive
      ? await terminal.askSecret('Token (it is not shown): ')
      : await terminal.input());
  return bareToken(given);
}
