/** What `doctor --help` shows. */
export const HELP = `Usage: npx nestjs-zitadel doctor [module] [-] [options]

Says what makes the requests of your application fail or stand open: what it is, why it matters, what it does to a
request, and the one thing to do. It changes nothing. With --events-url it sends a delivery that ends nothing.

The options come from the application, if a module is named: a compiled file that exports the root module of Nest, or a
function that makes the application, or a file that calls createZitadel() of nestjs-zitadel/express. It is made until its
options are known: no module of Nest starts, and what stands before createZitadel() is run. Else they come from the
environment.

Environment, and the file .env where a variable is not set:
  ZITADEL_ISSUER             the issuer: https://acme.zitadel.cloud
  ZITADEL_INTERNAL_URL       where the application reaches it, if that is another address
  ZITADEL_PROJECT_ID         the project, which is the audience too
  ZITADEL_CLIENT_ID          the audience, without a project
  ZITADEL_API_KEY            the key file of the API application: callers are known by introspection
  ZITADEL_SERVICE_USER_KEY   the key file of the service user
  ZITADEL_ORGANIZATIONS      where the service user reads memberships: ids, comma separated, or * (default: callers read)
  ZITADEL_SIGNING_KEY        the signing key of the target for events
  REDIS_URL                  the Redis of the application, if the options name none (needs redis or ioredis)
  ZITADEL_TOKEN              a token of a caller, to be explained: never an argument, where others could see it
  ZITADEL_PAT                a personal access token of an IAM_OWNER, to see whether events are sent

Arguments:
  module                 ./dist/app.module.js, ./dist/zitadel.js, or ./dist/app.js#createApp where it exports several
  -                      reads the token of a caller from the standard input

Options:
  --name <name>          the ZitadelModule with this name
  --env <path>           another file than .env
  --events-url <url>     where your running application receives events: sends one that ends nothing, signed as ZITADEL signs
  --timeout <seconds>    what each step may take, from 1 to 120 (default: 10)
  --json                 writes one JSON object to the output: exitCode, findings
  -h, --help             shows this

Exit codes:
  0    nothing refuses requests or stands open; there may be warnings
  1    something refuses requests or stands open
  2    an argument or the environment is wrong
  130  stopped by Ctrl-C

Examples:
  npx nestjs-zitadel doctor ./dist/app.module.js
  pbpaste | npx nestjs-zitadel doctor ./dist/app.module.js -
  ZITADEL_ISSUER=https://acme.zitadel.cloud ZITADEL_PROJECT_ID=69629023906488334 npx nestjs-zitadel doctor
  npx nestjs-zitadel doctor --json | jq '.findings[] | select(.level == "wrong")'`;
