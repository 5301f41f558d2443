import { ZitadelError } from '../../core/errors.js';
import { type Overview, overviewOf } from '../../nest/overview.js';
import { ApplicationError, inApplication } from '../application.js';
import { type Command, EXIT, FLAG, parse, TEXT, UsageError } from '../command.js';
import { coloured, type Terminal } from '../terminal.js';
import { factsOf, groupsOf, type LockFacts, type Row, rowsOf } from './facts.js';
import { type Difference, differences, readLock, writeLock } from './lock.js';
import { htmlPage } from './page.js';

/** What `routes --help` shows. */
const HELP = `Usage: npx nestjs-zitadel routes <file> [--markdown | --html | --json] [--start]
       npx nestjs-zitadel routes <file> --lock <access.json> [--start]
       npx nestjs-zitadel routes <file> --check <access.json> [--json] [--start]

Shows every handler of a Nest application and what it asks for: routes, fields of GraphQL, messages of gateways and
of microservices, and what stands beside them, where no guard of Nest checks it.

The file is the compiled one of the root module. It may export a function instead, which makes the application and
passes on what it gets: export const createApp = (options) => NestFactory.create(AppModule, options). Where it exports
several, name one: ./dist/app.js#createApp. The paths have a global prefix and versions only if such a function sets
them.

Without --start nothing of the application runs: no constructor, no factory and no hook. So it needs no database, no
ZITADEL and no settings. What factories would make is not known then, and the command says what that is.

Options:
  --lock <path>    writes what every handler asks for into a file that you commit, sorted, one fact a line
  --check <path>   compares the application with that file, and shows what changed
  --start          starts the application as listen() would, without listening, and ends it afterwards
  --markdown       writes tables for a document
  --html           writes one page: what each role gets at each route
  --json           writes one JSON object: access, beside, options, unknown; with --check: exitCode, differences;
                   if the application could not be opened: exitCode, error
  -h, --help       shows this

Exit codes:
  0    done; with --check: the application is as the file says
  1    the application could not be opened
  2    an argument or the lock file is wrong
  3    --check: the application asks for something else than the file says
  130  stopped by Ctrl-C

Examples:
  npx nestjs-zitadel routes ./dist/app.module.js
  npx nestjs-zitadel routes ./dist/app.module.js --lock access.json
  npx nestjs-zitadel routes ./dist/app.module.js --check access.json
  npx nestjs-zitadel routes ./dist/app.js#createApp --html > access.html`;

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
      overview = await inApplication(asked.file, asked, overviewOf);
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

const COLOURS = { open: 'red', denied: 'yellow' } as const;

/** For a terminal: aligned, by class. */
function textTable(rows: readonly Row[], terminal: Terminal): string {
  const width = Math.min(80, Math.max(0, ...rows.map(({ name }) => name.length)));
  return [...groupsOf(rows)]
    .map(([group, own]) => {
      const lines = own.map(({ name, text, mark }) => {
        const line = `  ${name.padEnd(width)}  ${text}`;
        return mark ? coloured(terminal, COLOURS[mark], line) : line;
      });
      return [group, ...lines].join('\n');
    })
    .join('\n\n');
}

/** For documents. */
function markdownTable(rows: readonly Row[]): string {
  return [...groupsOf(rows)]
    .map(([group, own]) => {
      const lines = own.map(
        ({ name, text, mark }) => `| ${cell(name)} | ${mark ? `**${cell(text)}**` : cell(text)} |`,
      );
      return [`## ${cell(group)}`, '', '| Route | Asks for |', '| --- | --- |', ...lines].join(
        '\n',
      );
    })
    .join('\n\n');
}

/** Nothing in it is read as Markdown or as HTML. */
const cell = (text: string): string =>
  text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>|&#]/g, (sign) => `\\${sign}`);
