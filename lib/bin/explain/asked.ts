import { ZitadelRequirementError } from '../../core/errors.js';
import {
  allOf,
  anyOf,
  authenticated,
  permission,
  role,
  projectRole,
} from '../../core/requirement/builders.js';
import { org, project, projectGrant } from '../../core/requirement/refs.js';
import type { PermissionRef, Requirement } from '../../core/requirement/requirement.js';
import type { IdSource } from '../../core/request.js';
import { customRole, kindOfRole, type ResourceKind } from '../../core/requirement/roles.js';
import { FLAG, parse, TEXT, TEXTS, UsageError } from '../command.js';

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
export interface Asked {
  readonly user: string | undefined;
  readonly app: string | undefined;
  readonly name: string | undefined;
  readonly route: string | undefined;
  /** Ids by the names under which the route finds them. */
  readonly ids: ReadonlyMap<string, string>;
  /** By flags, if no route is named. */
  readonly requirement: Requirement | undefined;
  readonly envFile: string | undefined;
  readonly json: boolean;
}

/** @throws UsageError */
export function read(args: readonly string[]): Asked {
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
  const ids = new Map(
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
    ids,
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

const projectBy = ({ project: id = '', org: owner }: Values) =>
  owner === undefined ? project(id) : project(id).in(org(owner));

function refBy(kind: ResourceKind, values: Values): object | undefined {
  const needs = {
    instance: undefined,
    org: 'org',
    project: 'project',
    projectGrant: 'grant',
  } as const;
  const flag = needs[kind];
  if (flag !== undefined && values[flag] === undefined) {
    throw new UsageError(`--${flag} must say on which one the role is asked for`);
  }
  switch (kind) {
    case 'instance':
      return undefined;
    case 'org':
      return org(values.org ?? '');
    case 'project':
      return projectBy(values);
    case 'projectGrant':
      return projectGrant(values.grant ?? '');
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
  const filled = fill(requirement, (source) => {
    if (source.from === 'literal' || source.from === 'caller') return source;
    const id = ids.get(source.name);
    if (id === undefined) missing.add(source.name);
    return { from: 'literal', id: id ?? '' };
  });
  if (missing.size === 0) return filled;
  const flags = [...missing].map((name) => `--param ${name}=<id>`);
  throw new UsageError(`the route reads ids from the request: give ${flags.join(' ')}`);
}

function fill(requirement: Requirement, idOf: (source: IdSource) => IdSource): Requirement {
  switch (requirement.type) {
    case 'authenticated':
      return requirement;
    case 'allOf':
      return allOf(...(requirement.of.map((each) => fill(each, idOf)) as [Requirement]));
    case 'anyOf':
      return anyOf(...(requirement.of.map((each) => fill(each, idOf)) as [Requirement]));
    default:
      return filledRefs(requirement, idOf);
  }
}

/** Copies with other sources: refs stand in `ref`, `org`, `project`, `owner` and `grantedOrg`. */
function filledRefs<T extends object>(of: T, idOf: (source: IdSource) => IdSource): T {
  const entries = Object.entries(of).map(([key, value]): [string, unknown] => {
    if (key === 'source') return [key, idOf(value as IdSource)];
    const isRef = ['ref', 'org', 'project', 'owner', 'grantedOrg'].includes(key);
    return [key, isRef ? filledRefs(value as object, idOf) : value];
  });
  return Object.fromEntries(entries) as T;
}
