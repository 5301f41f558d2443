import { parse, UsageError } from '../command.js';
import { type Environment, readSettings, type Settings, withEnvFile } from '../environment.js';
import type { Terminal } from '../terminal.js';

/** What the arguments and the environment say about the application. */
export interface Asked extends Settings {
  readonly env: Environment;
  readonly check: boolean;
  readonly json: boolean;
  /** Whether `callers` has `userinfo()`. */
  readonly userinfo: boolean;
}

const FLAG = { type: 'boolean' } as const;

/** @throws UsageError */
export function read(args: readonly string[], terminal: Terminal): Asked {
  const { values, positionals } = parse(
    args,
    { check: FLAG, json: FLAG, userinfo: FLAG, env: { type: 'string' } },
    // What stands there may be the token: nobody repeats it.
    true,
  );
  if (positionals.length > 0) {
    throw new UsageError(
      'a token is no argument, since others could see it there: set ZITADEL_TOKEN, or write it to the standard input',
    );
  }
  const { check = false, json = false, userinfo = false } = values;
  const env = withEnvFile(terminal.env, values.env);
  const settings = readSettings(env);
  if (check && settings.issuer === undefined) {
    throw new UsageError('--check needs ZITADEL_ISSUER: https://acme.zitadel.cloud');
  }
  return { ...settings, env, check, json, userinfo };
}

/** The token, as it was given: perhaps with the word before it that a header has. @throws UsageError */
export async function tokenFrom({ env }: Asked, terminal: Terminal): Promise<string> {
  const given =
    env['ZITADEL_TOKEN'] ||
    (terminal.isInteractive
      ? await terminal.askSecret('Token (it is not shown): ')
      : await terminal.input());
  const token = given.trim().replace(/^(?:authorization: *)?bearer +/i, '');
  if (token === '' && !terminal.stop.aborted) {
    throw new UsageError('there is no token: set ZITADEL_TOKEN, or write it to the standard input');
  }
  return token;
}
