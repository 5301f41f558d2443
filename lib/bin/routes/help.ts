/** What `routes --help` shows. */
export const HELP = `Usage: npx nestjs-zitadel routes <file> [--markdown | --html | --json] [--start]
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
