import type { ZitadelEmulator } from '../../testing/emulator.js';
import type { MemberResource, Org, Project, ProjectGrant, User } from '../../testing/model.js';
import { UsageError } from '../command.js';
import type { FileAuthorization, FileMember } from './world-file.js';

interface Found {
  readonly id: string;
}

/** An application, and with what it proves itself. */
interface MadeApplication {
  readonly project: Found;
  readonly clientId: string;
  readonly clientSecret?: string;
}

/** Something that the application made while it runs has an id only. */
const MADE_UP = /^\d{18}$/;

/** What a world became, by names. */
export class MadeWorld {
  readonly orgs: Map<string, Org>;
  /** By `organization/name`. */
  readonly projects: Map<string, Project>;
  readonly users = new Map<string, User>();
  /** By `organization/project/name`. */
  readonly applications = new Map<string, MadeApplication>();
  /** By `organization/project/granted organization`. */
  readonly grants = new Map<string, ProjectGrant>();

  constructor(readonly zitadel: ZitadelEmulator) {
    const { rootOrg, defaultProject } = zitadel;
    this.orgs = new Map([[rootOrg.name, rootOrg]]);
    this.projects = new Map([[`${rootOrg.name}/${defaultProject.name}`, defaultProject]]);
  }

  /** Without a name: the organization of the instance. */
  org(ref = 'ZITADEL'): Found {
    return find('organization', this.orgs, ref);
  }

  user(ref: string): Found {
    return find('user', this.users, ref);
  }

  /** By the full name, or by the last part of it where only one is called so. */
  project(ref: string): Found {
    const same = [...this.projects.keys()].filter((name) => name.endsWith(`/${ref}`));
    if (same.length > 1 && !this.projects.has(ref)) {
      throw new UsageError(`several projects are called ${ref}: ${same.join(', ')}`);
    }
    return find('project', this.projects, same[0] ?? ref);
  }

  #grant(ends: { readonly project: string; readonly organization: string }): Found {
    const project = fullNameOf(this.projects, this.project(ends.project).id);
    const organization = fullNameOf(this.orgs, this.org(ends.organization).id);
    const grant = this.grants.get(`${project}/${organization}`);
    if (grant !== undefined) return grant;
    throw new UsageError(`${project} is not granted to ${organization}`);
  }

  addMember(member: FileMember): void {
    this.zitadel.addMember(this.user(member.user), this.#placeOf(member), member.roles);
  }

  /** Gives a member exactly these roles, whatever they were; none removes the member. */
  setMember(member: FileMember): void {
    const who = this.user(member.user);
    const on = this.#placeOf(member);
    const isGone = member.roles.length === 0;
    try {
      if (isGone) this.zitadel.removeMember(who, on);
      else this.zitadel.changeMember(who, on, member.roles);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('Errors.NotFound')) throw error;
      if (!isGone) this.zitadel.addMember(who, on, member.roles);
    }
  }

  /** Gives a user exactly these roles of a project; none takes the authorization back. */
  setAuthorization({ user, project, organization, roles }: FileAuthorization): void {
    const org = organization === undefined ? {} : { org: this.org(organization) };
    const ends = [this.user(user), this.project(project)] as const;
    if (roles.length > 0) return this.zitadel.authorizeUser(...ends, roles, org);
    try {
      this.zitadel.unauthorizeUser(...ends, org);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('Errors.UserGrant.NotFound')) {
        throw error;
      }
    }
  }

  #placeOf({ organization, project, projectGrant, roles }: FileMember): MemberResource {
    const [prefix, on]: [string, MemberResource] =
      organization !== undefined
        ? ['ORG_', { org: this.org(organization) }]
        : project !== undefined
          ? ['PROJECT_', { project: this.project(project) }]
          : projectGrant === undefined
            ? ['IAM_', 'instance']
            : ['PROJECT_GRANT_', { projectGrant: this.#grant(projectGrant) }];
    // ZITADEL compares prefixes.
    const wrong = roles.filter((role) => !role.startsWith(prefix) && !role.startsWith('SELF_'));
    if (wrong.length === 0) return on;
    throw new UsageError(`roles here begin with ${prefix}: ${wrong.join(', ')} cannot be given`);
  }
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
