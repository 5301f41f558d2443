import { isError } from '../../core/telemetry.js';
import { type Command, EXIT } from '../command.js';
import { callerToken } from '../environment.js';
import { HELP, read } from './asked.js';
import { askZitadel, verdictOn } from './check.js';
import { formOf } from './form.js';
import { asJson, asText, type Explained } from './report.js';

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
