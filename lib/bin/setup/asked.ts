import { join } from 'node:path';
import { FLAG, parse, TEXT, TEXTS, UsageError } from '../command.js';
import { checkEndpoint } from '../instance.js';

/** What `setup --help` shows. */
export const HELP = `Usage: npx nestjs-zitadel setup --project <name> [--role <key>]... [--endpoint <url>] [options]
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

const OPTIONS = {
  project: TEXT,
  application: TEXT,
  'service-user': TEXT,
  organization: TEXT,
  role: TEXTS,
  'service-user-role': TEXTS,
  endpoint: TEXT,
  env: TEXT,
  secrets: TEXT,
  remove: FLAG,
  yes: { ...FLAG, short: 'y' },
  json: FLAG,
} as const;

/** Enough to read the memberships and states of one organization. */
const DEFAULT_ROLES = ['ORG_OWNER_VIEWER'];

/** What the arguments say. */
export type SetupAsked = ReturnType<typeof readSetup>;

/** @throws UsageError */
export function readSetup(args: readonly string[]) {
  const { values } = parse(args, OPTIONS);
  const { project, endpoint, organization } = values;
  if (project === undefined) throw new UsageError('--project is missing: the name of your project');
  const names = {
    project,
    application: values.application ?? `${project}-api`,
    'service-user': values['service-user'] ?? `${project}-service`,
  };
  for (const [option, name] of Object.entries(names)) {
    if (/^[^\p{C}/]{1,150}$/u.test(name) && name.trim() === name) continue;
    throw new UsageError(`--${option} has 1 to 150 characters, without a slash`);
  }
  checkEndpoint('--endpoint', endpoint);
  if (organization !== undefined && !/^\w{1,200}$/.test(organization)) {
    throw new UsageError('--organization must be the id of an organization');
  }
  const { role = [], 'service-user-role': managerRoles = DEFAULT_ROLES } = values;
  const serviceUserRoles = managerRoles.filter((each) => each !== 'none');
  const [stray] = serviceUserRoles.filter((each) => !/^(IAM|ORG|PROJECT)_\w+$/.test(each));
  if (stray !== undefined) {
    throw new UsageError(
      `--service-user-role must be a manager role such as ORG_OWNER_VIEWER, or none: not ${stray}`,
    );
  }
  const has = (kind: string) => serviceUserRoles.some((each) => each.startsWith(kind));
  if (values.env === '' || values.secrets === '') {
    throw new UsageError('--env and --secrets take a path');
  }
  if (role.some((key) => key.trim() === '')) throw new UsageError('--role must not be empty');
  const folder = values.secrets ?? 'secrets';
  return {
    mode: values.remove === true ? 'remove' : 'setup',
    project,
    application: names.application,
    serviceUser: names['service-user'],
    organization,
    roles: [...new Set(role)],
    serviceUserRoles: [...new Set(serviceUserRoles)],
    /** Where these roles let the service user read memberships. */
    reads: has('IAM_') ? 'everywhere' : has('ORG_') ? 'organization' : 'nowhere',
    endpoint,
    envFile: values.env ?? '.env',
    keyFiles: {
      application: join(folder, 'api-key.json'),
      serviceUser: join(folder, 'service-user.json'),
    },
    yes: values.yes === true,
    json: values.json === true,
  } as const;
}
