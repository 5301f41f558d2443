import { own } from '../../core/own-properties.js';
import type { Requirement } from '../../core/requirement/requirement.js';
import {
  type HierarchyTable,
  satisfying,
  ZITADEL_HIERARCHY,
} from '../../core/requirement/roles.js';
import type { Overview } from '../../nest/access.js';
import type { Row } from './facts.js';

/** What somebody who holds only this gets: in, in because it satisfies what is asked, or in with something else. */
export type Cell = 'in' | 'higher' | 'part' | 'out';

/** What a caller may hold: a manager role, a permission, a role of a project. */
export interface Column {
  readonly kind: 'role' | 'permission' | 'projectRole';
  readonly name: string;
}

/** All that any row asks for, manager roles first. */
export function columnsOf(rows: readonly Row[]): readonly Column[] {
  const all = rows.flatMap(({ access }) => (access?.requirement ? held(access.requirement) : []));
  const distinct = new Map(all.map((each) => [`${each.kind} ${each.name}`, each]));
  return [...distinct.values()].sort((one, other) => rank(one) - rank(other));
}

const RANKS = ['IAM_', 'ORG_', 'PROJECT_GRANT_', 'PROJECT_'];

function rank({ kind, name }: Column): number {
  if (kind !== 'role') return kind === 'permission' ? 10 : 11;
  const place = RANKS.findIndex((start) => name.startsWith(start));
  return place === -1 ? 9 : place;
}

function held(requirement: Requirement): readonly Column[] {
  switch (requirement.type) {
    case 'authenticated':
      return [];
    case 'permission':
      return requirement.permissions.map((name) => ({ kind: 'permission', name }));
    case 'role':
    case 'projectRole':
      return requirement.roles.map((name) => ({ kind: requirement.type, name }));
    default:
      return requirement.of.flatMap(held);
  }
}

/** What this column gets at this row. Who holds it, holds it on what the row asks about. */
export function cellOf(row: Row, column: Column, options: Overview['options']): Cell {
  const { access, mark } = row;
  if (mark === 'open' || access?.access === 'public' || access?.access === 'optional') return 'in';
  if (!access?.requirement) return 'out';
  return cellIn(access.requirement, column, tableFor(access.zitadel, options));
}

function cellIn(requirement: Requirement, column: Column, table: HierarchyTable): Cell {
  switch (requirement.type) {
    case 'authenticated':
      return requirement.organizations ? 'part' : 'in';
    case 'permission':
    case 'projectRole': {
      const names = requirement.type === 'permission' ? requirement.permissions : requirement.roles;
      return requirement.type === column.kind && names.includes(column.name) ? 'in' : 'out';
    }
    case 'role': {
      if (column.kind !== 'role') return 'out';
      if (requirement.roles.includes(column.name)) return 'in';
      const by = Object.values(satisfying(table, requirement.roles));
      return by.some((roles) => roles.has(column.name)) ? 'higher' : 'out';
    }
    case 'anyOf':
      return best(requirement.of.map((each) => cellIn(each, column, table)));
    case 'allOf':
      return together(requirement.of.map((each) => cellIn(each, column, table)));
  }
}

const ORDER: readonly Cell[] = ['in', 'higher', 'part', 'out'];

const best = (cells: readonly Cell[]): Cell => ORDER.find((each) => cells.includes(each)) ?? 'out';

function together(cells: readonly Cell[]): Cell {
  if (cells.every((each) => each === 'out' || each === 'part')) return best(cells);
  if (cells.some((each) => each === 'out' || each === 'part')) return 'part';
  return cells.includes('higher') ? 'higher' : 'in';
}

/** Unknown options count as the default. */
function tableFor(zitadel: string | undefined, all: Overview['options']): HierarchyTable {
  const options = all.find((each) => each.zitadel === zitadel)?.options;
  const hierarchy = own(options, 'hierarchy') ?? 'zitadel';
  if (hierarchy === 'exact') return {};
  return typeof hierarchy === 'object' ? (hierarchy as HierarchyTable) : ZITADEL_HIERARCHY;
}
