import { parse, UsageError } from '../command.js';
import { type Environment, withEnvFile } from '../environment.js';
import type { Terminal } from '../terminal.js';

/** What the arguments and the environment say about the application. */
export interface Asked {
  readonly env: Environment;
  readonly check: boolean;
  readonly json: boolean;
  /** Whether `callers` has `userinfo()`. */
  readonly userinfo: boolean;
  readonly issuer: string | undefined;
  readonly internalUrl: string | undefined;
  readonly projectId: string | undefined;
  /** Paths of key files. */
  readonly apiKey: string | undefined;
  readonly serviceUserKey: string | undefined;
  readonly organizations: readonly string[] | undefined;
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
  const set = (name: string) => (env[name]?.trim() === '' ? undefined : env[name]?.trim());
  const issuer = set('ZITADEL_ISSUER');
  if (check && issuer === undefined) {
    throw new UsageError('--check needs ZITADEL_ISSUER: https://acme.zitadel.cloud');
  }
  return {
    env,
    check,
    json,
    userinfo,
    issuer,
    internalUrl: set('ZITADEL_INTERNAL_URL'),
    projectId: set('ZITADEL_PROJECT_ID'),
    apiKey: set('ZITADEL_API_KEY'),
    serviceUserKey: set('ZITADEL_SERVICE_USER_KEY'),
    organizations: set('ZITADEL_ORGANIZATIONS')
      ?.split(/[\s,]+/)
      .filter(Boolean),
  };
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
