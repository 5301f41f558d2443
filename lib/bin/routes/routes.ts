import { ZitadelError } from '../../core/errors.js';
import { type Overview, overviewOf } from '../../nest/access.js';
import { ApplicationError, openApplication } from '../application.js';
import { type Command, EXIT, FLAG, parse, TEXT, UsageError } from '../command.js';
import { coloured, type Terminal } from '../terminal.js';
import { type LockFacts, factsOf, rowsOf } from './facts.js';
import { HELP } from './help.js';
import { type Difference, differences, readLock, writeLock } from './lock.js';
import { htmlPage } from './page.js';
import { markdownTable, textTable } from './tables.js';

const OPTIONS = {
  lock: TEXT,
  check: TEXT,
  start: FLAG,
  markdown: FLAG,
  html: FLAG,
  json: FLAG,
} as const;

type Asked = ReturnType<typeof read>;

/** `routes`. */
export const command: Command = {
  help: HELP,
  async run(args, terminal) {
    const asked = read(args);
    // A file that cannot be compared is told before the application is opened.
    const locked = asked.check === undefined ? undefined : await readLock(asked.check);
    let overview: Overview;
    try {
      overview = await look(asked);
    } catch (error) {
      if (!(error instanceof ApplicationError || error instanceof ZitadelError)) throw error;
      const { message } = error;
      if (asked.json) terminal.out(JSON.stringify({ exitCode: EXIT.failed, error: message }));
      else terminal.tell(coloured(terminal, 'red', message));
      return EXIT.failed;
    }
    if (overview.unknown.length > 0) {
      const list = overview.unknown.map((each) => `  ${each}`).join('\n');
      terminal.tell(`Not known without --start:\n${list}`);
    }
    if (locked) return check(asked, locked, factsOf(overview), terminal);
    if (asked.lock === undefined) terminal.out(shown(asked, overview, terminal));
    else await lock(asked.lock, factsOf(overview), terminal);
    return EXIT.done;
  },
};

/** @throws UsageError */
function read(args: readonly string[]) {
  const { values, positionals } = parse(args, OPTIONS, true);
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) {
    throw new UsageError('name one file: the compiled root module, as in ./dist/app.module.js');
  }
  const { lock, check, start = false, markdown, html, json = false } = values;
  const forms = Object.entries({ lock, check, markdown, html }).filter(([, each]) => each);
  const tooMany = forms.length > 1 || (json && forms.length > 0 && check === undefined);
  if (tooMany || lock === '' || check === '') {
    const names = [...forms.map(([name]) => name), ...(json ? ['json'] : [])];
    throw new UsageError(
      lock === '' || check === ''
        ? '--lock and --check take the path of a file'
        : `--${names.join(' and --')} do not go together`,
    );
  }
  return { file, lock, check, start, markdown, html, json };
}

async function look({ file, start }: Asked): Promise<Overview> {
  const { app, close } = await openApplication(file, { start });
  try {
    return overviewOf(app);
  } finally {
    await close();
  }
}

function shown({ markdown, html, json }: Asked, overview: Overview, terminal: Terminal): string {
  const rows = rowsOf(overview);
  if (json) {
    const { access, beside, unknown } = overview;
    return JSON.stringify({ access, beside, options: factsOf(overview).options, unknown });
  }
  if (html) return htmlPage(rows, overview);
  return markdown ? markdownTable(rows) : textTable(rows, terminal);
}

async function lock(path: string, facts: LockFacts, terminal: Terminal): Promise<void> {
  const isChanged = await writeLock(path, facts);
  const many = `${Object.keys(facts.access).length} ways in`;
  terminal.tell(isChanged ? `${path} is written: ${many}.` : `${path} is as it was: ${many}.`);
}

/** @throws UsageError when the file knows more, or less, than this run */
function check(asked: Asked, locked: LockFacts, now: LockFacts, terminal: Terminal): number {
  if (locked.read !== now.read) {
    throw new UsageError(
      locked.read === 'start'
        ? `${asked.check} was written with --start: check it with --start, too`
        : `${asked.check} was written without --start: check it without`,
    );
  }
  const found = differences(locked, now);
  const exitCode = found.length === 0 ? EXIT.done : EXIT.notInOrder;
  if (asked.json) terminal.out(JSON.stringify({ exitCode, differences: found }));
  else if (found.length === 0) terminal.tell(`The application asks for what ${asked.check} says.`);
  else terminal.out(reportOf(found, asked, terminal));
  return exitCode;
}

function reportOf(found: readonly Difference[], asked: Asked, terminal: Terminal): string {
  const lines = found.map((each) => {
    const { on, from, to, direction } = each;
    if (from === undefined) return coloured(terminal, 'green', `  + ${on}\n      ${to}`);
    if (to === undefined) return coloured(terminal, 'red', `  - ${on}\n      ${from}`);
    const colour = direction === 'wider' ? 'red' : 'yellow';
    const where = direction === undefined ? '' : `  (${direction})`;
    return coloured(terminal, colour, `  ~ ${on}${where}\n      from  ${from}\n      to    ${to}`);
  });
  const start = asked.start ? ' --start' : '';
  return `The application does not ask for what ${asked.check} says:
${lines.join('\n')}
If that is meant, write the file anew and have it reviewed:
  npx nestjs-zitadel routes ${asked.file} --lock ${asked.check}${start}`;
}
