import { FLAG, parse, TEXT, TEXTS, UsageError } from '../command.js';
import { isEndpoint, NO_ENDPOINT } from '../instance.js';

/** What the arguments say. */
export interface SetupAsked {
  readonly mode: 'setup' | 'remove';
  readonly project: string;
  readonly application: string;
  readonly serviceUser: string;
  readonly organization: string | undefined;
  readonly roles: readonly string[];
  readonly serviceUserRoles: readonly string[];
  /** Where these roles let the service user read memberships. */
  readonly reads: 'everywhere' | 'organization' | 'nowhere';
  readonly endpoint: string | undefined;
  readonly envFile: string;
  readonly secrets: string;
  readonly yes: boolean;
  readonly json: boolean;
}

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

/** @throws UsageError */
export function readSetup(args: readonly string[]): SetupAsked {
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
  if (endpoint !== undefined && !isEndpoint(endpoint)) throw new UsageError(NO_ENDPOINT);
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
  return {
    mode: values.remove === true ? 'remove' : 'setup',
    project,
    application: names.application,
    serviceUser: names['service-user'],
    organization,
    roles: [...new Set(role)],
    serviceUserRoles: [...new Set(serviceUserRoles)],
    reads: has('IAM_') ? 'everywhere' : has('ORG_') ? 'organization' : 'nowhere',
    endpoint,
    envFile: values.env ?? '.env',
    secrets: values.secrets ?? 'secrets',
    yes: values.yes ?? false,
    json: values.json ?? false,
  };
}
