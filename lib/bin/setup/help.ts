/** What `setup --help` shows. */
export const SETUP_HELP = `Usage: npx nestjs-zitadel setup --project <name> [--role <key>]... [--endpoint <url>] [options]
       npx nestjs-zitadel setup --project <name> --remove [options]

Makes what an application needs at ZITADEL: a project with its roles, an API application with a key (for introspection), a
service user with a key and manager roles, and with --endpoint a target and executions for events. Writes the ids to .env and
the keys to files that only you can read. Shows what it would change, and asks. What is there already is used and stays as it
is. A second run changes nothing.

Environment:
  ZITADEL_URL    the instance: https://acme.zitadel.cloud
  ZITADEL_PAT    a personal access token of an ORG_OWNER; with --endpoint and for roles of the instance, of an IAM_OWNER. It is
                 never an argument: others could see it there. If it is not set, the command asks for it.

Options:
  --project <name>            the project; its name is also that of the target
  --role <key>                a role of the project; may be given several times
  --service-user-role <role>  a manager role of the service user; may be given several times (default: ORG_OWNER_VIEWER)
                              ORG_OWNER_VIEWER    reads the memberships of this organization
                              IAM_OWNER_VIEWER    reads those of all organizations
                              ORG_OWNER           also grants projects of this organization
                              none                nothing: memberships are read with the caller's token
  --endpoint <url>            where your application receives events: https://app.example/zitadel/events
  --application <name>        the API application (default: the project's name and -api)
  --service-user <name>       the service user (default: the project's name and -service)
  --organization <id>         where it is made (default: the organization of the token's user)
  --env <path>                default: .env. Other lines stay as they are
  --secrets <folder>          the folder of the key files (default: secrets)
  --remove                    takes back what setup made, and nothing else; names and roles need not be given again
  -y, --yes                   does not ask
  --json                      writes one JSON object to the output: mode, project, exitCode, done, left, kept,
                              unknownEvents, ids, files, error
  -h, --help                  shows this

Exit codes:
  0    done, or nothing to do
  1    ZITADEL refused, could not be reached, or a file could not be written
  2    an argument or the environment is wrong
  4    nobody agreed, so nothing was changed
  130  stopped by Ctrl-C, after the change that was under way

Examples:
  ZITADEL_URL=https://acme.zitadel.cloud npx nestjs-zitadel setup --project shop --role editor --role viewer
  npx nestjs-zitadel setup --project shop --endpoint https://shop.example/zitadel/events --yes
  npx nestjs-zitadel setup --project shop --service-user-role IAM_OWNER_VIEWER --json --yes
  npx nestjs-zitadel setup --project shop --remove`;
