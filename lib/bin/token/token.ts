import { isError } from '../../core/decision.js';
import { type Command, EXIT, FLAG, parse, TEXT, UsageError } from '../command.js';
import { callerToken, readSettings, withEnvFile } from '../environment.js';
import type { Terminal } from '../terminal.js';
import { askZitadel, verdictOn } from './check.js';
import { formOf } from './form.js';
import { asJson, asText, type Explained } from './report.js';

/** What `token --help` shows. */
const HELP = `Usage: npx nestjs-zitadel token [--check] [--userinfo] [--env <path>] [--json]

Explains a token: what kind it is, for whom, until when, what it can show an application and what it cannot, and
whether this library would take it. The token goes nowhere. With --check ZITADEL is asked about it.

The token comes from ZITADEL_TOKEN, else from the standard input, else from a prompt that does not show it. It is
never an argument: others could see it there. It is never printed.

Environment, as your application has it, and the file .env where a variable is not set. What is set in neither is not
compared:
  ZITADEL_TOKEN              the token
  ZITADEL_ISSUER             the issuer: https://acme.zitadel.cloud (--check needs it)
  ZITADEL_PROJECT_ID         the audience
  ZITADEL_API_KEY            the key file of the API application, if callers has introspection(...)
  ZITADEL_ORGANIZATIONS      if memberships are read as the service user: ids of organizations, comma separated, or * for all
  ZITADEL_SERVICE_USER_KEY   --check: the key file of the service user
  ZITADEL_INTERNAL_URL       --check: where ZITADEL is reached from here

Options:
  --check      asks ZITADEL as your application would: the signature by the instance's keys, or introspection; and the
               memberships, which ZITADEL shows only for a token that it accepts
  --userinfo   callers has userinfo(), so that other tokens than JWTs are taken as well
  --env <path> another file than .env
  --json       writes one JSON object to the output
  -h, --help   shows this

Exit codes:
  0    usable, as far as was looked
  1    --check: ZITADEL could not be asked, or refuses the application rather than the token
  2    an argument or the environment is wrong, or there is no token
  3    not usable
  130  stopped by Ctrl-C

Examples:
  ZITADEL_TOKEN="$TOKEN" npx nestjs-zitadel token
  pbpaste | ZITADEL_ISSUER=https://acme.zitadel.cloud ZITADEL_PROJECT_ID=69234237810729019 \\
    npx nestjs-zitadel token --check
  npx nestjs-zitadel token --json < token.txt`;

/** `token`. */
export const command: Command = {
  help: HELP,
  async run(args, terminal) {
    const asked = read(args, terminal);
    const token = await callerToken(asked.env, terminal, MISSING);
    const form = formOf(token);
    const refused = await verdictOn(token, form, asked);
    // What the application would refuse on its own does not go to ZITADEL either.
    const checked = asked.check && !refused ? await askZitadel(token, form, asked) : undefined;
    if (terminal.stop.aborted) return EXIT.interrupted;
    const explained = { form, refused, checked, asked };
    const exitCode = exitCodeOf(explained);
    terminal.out(asked.json ? asJson(explained, exitCode) : asText(explained, terminal));
    return exitCode;
  },
};

const MISSING = 'there is no token: set ZITADEL_TOKEN, or write it to the standard input';

function exitCodeOf({ refused, checked }: Explained): number {
  if (refused) return EXIT.notInOrder;
  if (!checked?.refused) return EXIT.done;
  return isError(checked.refused.reason) ? EXIT.failed : EXIT.notInOrder;
}

/** @throws UsageError */
function read(args: readonly string[], terminal: Terminal) {
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
