import type { Org, Project, ProjectGrant, User } from '../../testing/model.js';
import { UsageError } from '../command.js';

interface Found {
  readonly id: string;
}

/** An application, and with what it proves itself. */
interface MadeApplication {
  readonly project: Found;
  readonly clientId: string;
  readonly clientSecret?: string;
}

/** What a world became, by names. */
export interface MadeWorld {
  readonly orgs: Map<string, Org>;
  /** By `organization/name`. */
  readonly projects: Map<string, Project>;
  readonly users: Map<string, User>;
  /** By `organization/project/name`. */
  readonly applications: Map<string, MadeApplication>;
  /** By `organization/project/granted organization`. */
  readonly grants: Map<string, ProjectGrant>;
}

/** Something that the application made while it runs has an id only. */
const MADE_UP = /^\d{18}$/;

/** Without a name: the organization of the instance. */
export function orgIn({ orgs }: MadeWorld, ref = 'ZITADEL'): Found {
  return find('organization', orgs, ref);
}

export function userIn({ users }: MadeWorld, ref: string): Found {
  return find('user', users, ref);
}

/** By the full name, or by the last part of it where only one is called so. */
export function projectIn({ projects }: MadeWorld, ref: string): Found {
  const same = [...projects.keys()].filter((name) => name.endsWith(`/${ref}`));
  if (same.length > 1 && !projects.has(ref)) {
    throw new UsageError(`several projects are called ${ref}: ${same.join(', ')}`);
  }
  return find('project', projects, same[0] ?? ref);
}

export function grantIn(
  made: MadeWorld,
  ends: { readonly project: string; readonly organization: string },
): Found {
  const project = fullNameOf(made.projects, projectIn(made, ends.project).id);
  const organization = fullNameOf(made.orgs, orgIn(made, ends.organization).id);
  const grant = made.grants.get(`${project}/${organization}`);
  if (grant !== undefined) return grant;
  throw new UsageError(`${project} is not granted to ${organization}`);
}

/** The name of what has this id. */
export function fullNameOf(map: ReadonlyMap<string, Found>, id: string): string {
  return [...map].find(([, each]) => each.id === id)?.[0] ?? id;
}

function find(what: string, map: ReadonlyMap<string, Found>, ref: string): Found {
  const found = map.get(ref) ?? [...map.values()].find(({ id }) => id === ref);
  if (found !== undefined) return found;
  if (MADE_UP.test(ref)) return { id: ref };
  const known = map.size === 0 ? 'there is none at all' : `there are ${[...map.keys()].join(', ')}`;
  throw new UsageError(`there is no ${what} ${ref}; ${known}`);
}
