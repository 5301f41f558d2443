import { Controller, Get } from '@nestjs/common';
import { Public, ZITADEL_HIERARCHY, type Access, type Requirement } from 'nestjs-zitadel';
import { kindOf, rolesPermitted, rolesThatCount } from '../roles-that-count.js';

/**
 * How a role opens a route, if it is held on the resource in question or on what that belongs to: because the route names it (`named`),
 * because it is above a role that the route names (`above`), or because ZITADEL gives it the permission (`permitted`).
 */
type Opens = 'named' | 'above' | 'permitted';

/** One route, and who gets in. */
interface MatrixRow {
  readonly name: string;
  readonly access: Access['access'];
  /** What is asked for, in words. */
  readonly text: string;
  /** By role. A role that is missing does not open it. */
  readonly opens: Readonly<Record<string, Opens>>;
}

/** Which role opens which route. */
export interface Matrix {
  /** The roles that open a route, the mightiest first. */
  readonly roles: readonly string[];
  readonly routes: readonly MatrixRow[];
  /** Which role satisfies which others. */
  readonly hierarchy: typeof ZITADEL_HIERARCHY;
}

const KINDS = ['instance', 'org', 'project', 'projectGrant'] as const;

/**
 * Which role opens which route, once it is filled from the library's own list of what is declared. It stands in the code of the sample, which
 * everybody can read. Yours may be nobody's business.
 */
@Controller('api/access')
export class AccessController {
  #access: readonly Access[] = [];

  fill(access: readonly Access[]): void {
    this.#access = access;
  }

  @Get()
  @Public()
  read(): Matrix {
    const routes = this.#access.map(({ name, access, text, requirement }) => ({
      name,
      access,
      text,
      opens: Object.fromEntries(requirement ? openersOf(requirement) : []),
    }));
    const roles = [...new Set(routes.flatMap(({ opens }) => Object.keys(opens)))];
    const openedBy = (role: string) => routes.filter(({ opens }) => opens[role]).length;
    roles.sort(
      (a, b) =>
        KINDS.indexOf(kindOf(a)) - KINDS.indexOf(kindOf(b)) ||
        openedBy(b) - openedBy(a) ||
        a.localeCompare(b),
    );
    return { roles, routes, hierarchy: ZITADEL_HIERARCHY };
  }
}

/** The roles of which one alone, where it counts, makes a requirement hold. */
function openersOf(requirement: Requirement): ReadonlyMap<string, Opens> {
  switch (requirement.type) {
    case 'role': {
      const { roles, kind } = requirement;
      const counting = rolesThatCount(roles, kind);
      return new Map(counting.map((role) => [role, roles.includes(role) ? 'named' : 'above']));
    }
    case 'permission': {
      const permitted = rolesPermitted(requirement.permissions);
      return new Map(permitted.map((role) => [role, 'permitted']));
    }
    case 'anyOf':
      return new Map(requirement.of.flatMap((part) => [...openersOf(part)]).toReversed());
    case 'allOf': {
      const [first = new Map<string, Opens>(), ...others] = requirement.of
        // Everybody with a role is an accepted caller.
        .filter(({ type }) => type !== 'authenticated')
        .map(openersOf);
      return new Map([...first].filter(([role]) => others.every((part) => part.has(role))));
    }
    default:
      return new Map();
  }
}
