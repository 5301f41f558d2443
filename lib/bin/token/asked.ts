import { callerToken } from '../caller-token.js';
import { FLAG, parse, TEXT, UsageError } from '../command.js';
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

/** @throws UsageError */
export function read(args: readonly string[], terminal: Terminal): Asked {
  const { values, positionals } = parse(
    args,
    { check: FLAG, json: FLAG, userinfo: FLAG, env: TEXT },
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

/** @throws UsageError */
export async function tokenFrom({ env }: Asked, terminal: Terminal): Promise<string> {
  const token = await callerToken(env, terminal);
  if (token === '' && !terminal.stop.aborted) {
    throw new UsageError('there is no token: set ZITADEL_TOKEN, or write it to the standard input');
  }
  return token;
}
