/** What `explain --help` shows. */
export const HELP = `Usage: npx nestjs-zitadel explain [--user <id>] --role <role> [--org <id>] [--project <id>] [--grant <id>]
       npx nestjs-zitadel explain [--user <id>] --permission <name> --org <id> [--project <id>] | --grant <id>
       npx nestjs-zitadel explain --project-role <role> [--org <id>] [--project <id>]
       npx nestjs-zitadel explain [--user <id>] --app <file> --route '<verb> <path>' [--param <name>=<id>]

Asks ZITADEL as the application does, and says what decides: the membership that allows it, how old it is, or
which membership would allow it. It answers about tenants, so show it to operators only.

About whom: --user <id>, with memberships that are read as the service user; or a token, in ZITADEL_TOKEN or on the
standard input. A token is never an argument: others could see it there. For --user only manager roles can be asked
about: permissions, project roles and home organizations need a token.

Options:
  --role <role>           a manager role; give it again for several of one kind, of which one is enough
  --permission <name>     a permission, as ZITADEL evaluates it
  --project-role <role>   a role of a project; without --project of ZITADEL_PROJECT_ID
  --org, --project, --grant <id>   on what; with --role of a project, --org says who must own it
  --app <file>            the compiled file of the application, as for routes; its options count
  --name <name>           the ZitadelModule with this name, instead of the one without; a route says which it asks
  --route <text>          a way in, as routes shows it: 'GET /orgs/:orgId'
  --param <name>=<id>     an id that the route reads from the request, from wherever it does
  --env <path>            where to read the environment, instead of .env
  --json                  writes one JSON object: exitCode, allowed, reason, message, explanation,
                          wouldAllow, error
  -h, --help              shows this

Environment, without --app, also from .env:
  ZITADEL_ISSUER, ZITADEL_INTERNAL_URL, ZITADEL_PROJECT_ID, ZITADEL_API_KEY, ZITADEL_SERVICE_USER_KEY,
  ZITADEL_ORGANIZATIONS: as for doctor

Exit codes:
  0    allowed
  1    not known: ZITADEL could not be asked, or the setup is wrong
  2    an argument is wrong
  3    denied
  130  stopped by Ctrl-C

Examples:
  npx nestjs-zitadel explain --user 69629026806489455 --role ORG_OWNER --org 69629023906488334
  pbpaste | npx nestjs-zitadel explain --role PROJECT_OWNER --project 69629023906488335
  npx nestjs-zitadel explain --app ./dist/app.module.js --route 'GET /orgs/:orgId' --param orgId=69629023906488334`;
