import { ZitadelRequirementError } from '../../core/errors.js';
import { authenticated, permission, projectRole, role } from '../../core/requirement/builders.js';
import { org, project, projectGrant } from '../../core/requirement/refs.js';
import type { PermissionRef, Requirement } from '../../core/requirement/requirement.js';
import type { IdSource } from '../../core/request.js';
import { customRole, kindOfRole, type ResourceKind } from '../../core/requirement/roles.js';
import { FLAG, parse, TEXT, TEXTS, UsageError } from '../command.js';

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

const OPTIONS = {
  user: TEXT,
  role: TEXTS,
  permission: TEXTS,
  'project-role': TEXTS,
  org: TEXT,
  project: TEXT,
  grant: TEXT,
  app: TEXT,
  name: TEXT,
  route: TEXT,
  param: TEXTS,
  env: TEXT,
  json: FLAG,
} as const;

type Values = ReturnType<typeof parse<typeof OPTIONS>>['values'];

/** What the arguments say. */
export type Asked = ReturnType<typeof read>;

/** @throws UsageError */
export function read(args: readonly string[]) {
  const { values } = parse(args, OPTIONS);
  const { user, app, name, route, json = false } = values;
  const flags = [values.role, values.permission, values['project-role']].filter(Boolean);
  if (flags.length > 1) {
    throw new UsageError('--role, --permission and --project-role do not go together');
  }
  const places = [values.org, values.project, values.grant].filter((each) => each !== undefined);
  if (route !== undefined && (flags.length > 0 || places.length > 0)) {
    throw new UsageError(
      '--route says what is asked for: leave out --role, --permission, --project-role, --org, --project and --grant; ids stand in --param name=id',
    );
  }
  if (route !== undefined && app === undefined) {
    throw new UsageError('--route is about an application: name its compiled file with --app');
  }
  if (flags.length === 0 && places.length > 0) {
    throw new UsageError('say what is asked for there: --role, --permission or --project-role');
  }
  const ids: ReadonlyMap<string, string> = new Map(
    (values.param ?? []).map((each): [string, string] => {
      const at = each.indexOf('=');
      if (at < 1 || at === each.length - 1) throw new UsageError('--param takes name=id');
      return [each.slice(0, at), each.slice(at + 1)];
    }),
  );
  return {
    user,
    app,
    name,
    route,
    /** By the names under which the route finds them. */
    ids,
    /** By flags, if no route is named. */
    requirement: route === undefined ? requirementBy(values) : undefined,
    envFile: values.env,
    json,
  };
}

/** @throws UsageError */
function requirementBy(values: Values): Requirement {
  try {
    if (values.role) return roleBy(values.role, values);
    if (values.permission) return permission(values.permission as never, placeBy(values));
    const roles = values['project-role'];
    if (!roles) return authenticated();
    return projectRole(roles as never, {
      org: values.org === undefined ? org.ofCaller() : org(values.org),
      ...(values.project !== undefined && { project: project(values.project) }),
    });
  } catch (error) {
    if (!(error instanceof ZitadelRequirementError)) throw error;
    throw new UsageError(error.message);
  }
}

function roleBy(names: readonly string[], values: Values): Requirement {
  const kinds = new Set(names.map(kindOfRole));
  const [kind] = kinds;
  if (kinds.size > 1 || kind === undefined) {
    throw new UsageError('--role takes roles of one kind: IAM_, ORG_, PROJECT_ or PROJECT_GRANT_');
  }
  const ref = refBy(kind, values);
  const build = role as (roles: readonly unknown[], ...on: readonly object[]) => Requirement;
  return build(names.map(knownOrCustom), ...(ref ? [ref] : []));
}

function knownOrCustom(name: string): unknown {
  try {
    return customRole(name as never);
  } catch {
    return name;
  }
}

function refBy(kind: ResourceKind, { org: orgId, ...values }: Values): object | undefined {
  const missing = (flag: string) =>
    new UsageError(`--${flag} must say on which one the role is asked for`);
  switch (kind) {
    case 'instance':
      return undefined;
    case 'org':
      if (orgId === undefined) throw missing('org');
      return org(orgId);
    case 'project':
      if (values.project === undefined) throw missing('project');
      return orgId === undefined ? project(values.project) : project(values.project).in(org(orgId));
    case 'projectGrant':
      if (values.grant === undefined) throw missing('grant');
      return projectGrant(values.grant);
  }
}

function placeBy(values: Values): PermissionRef {
  if (values.grant !== undefined) return projectGrant(values.grant);
  if (values.org === undefined) {
    throw new UsageError('--org must say where the permission is asked for, or --grant');
  }
  return values.project === undefined
    ? org(values.org)
    : project(values.project).in(org(values.org));
}

/**
 * A requirement of a route, with ids in place of where a request has them.
 *
 * @throws UsageError naming the ids that are missing
 */
export function withIds(requirement: Requirement, ids: Asked['ids']): Requirement {
  const missing = new Set<string>();
  const whole = filled(requirement, (source) => {
    if (source.from === 'literal' || source.from === 'caller') return source;
    const id = ids.get(source.name);
    if (id === undefined) missing.add(source.name);
    return { from: 'literal', id: id ?? '' };
  });
  if (missing.size === 0) return whole;
  const flags = [...missing].map((name) => `--param ${name}=<id>`);
  throw new UsageError(`the route reads ids from the request: give ${flags.join(' ')}`);
}

/** A copy with other sources. */
function filled<T>(value: T, idOf: (source: IdSource) => IdSource): T {
  if (Array.isArray(value)) return value.map((each: unknown) => filled(each, idOf)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]: [string, unknown]) => {
    return [key, key === 'source' ? idOf(inner as IdSource) : filled(inner, idOf)];
  });
  return Object.fromEntries(entries) as T;
}
