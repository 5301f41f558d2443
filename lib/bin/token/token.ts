import { type Command, EXIT } from '../command.js';
import { HELP, read, tokenFrom } from './asked.js';
import { askZitadel, verdictOn } from './check.js';
import { formOf } from './form.js';
import { asJson, asText, type Explained } from './report.js';

/** `token`. */
export const command: Command = {
  help: HELP,
  async run(args, terminal) {
    const asked = read(args, terminal);
    const token = await tokenFrom(asked, terminal);
    if (terminal.stop.aborted) return EXIT.interrupted;
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

function exitCodeOf({ refused, checked }: Explained): number {
  if (refused) return EXIT.notInOrder;
  if (!checked?.refused) return EXIT.done;
  return checked.isTrouble ? EXIT.failed : EXIT.notInOrder;
}
