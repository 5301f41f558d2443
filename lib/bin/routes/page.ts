import { own } from '../../core/own-properties.js';
import type { Requirement } from '../../core/requirement/requirement.js';
import {
  type HierarchyTable,
  satisfying,
  ZITADEL_HIERARCHY,
} from '../../core/requirement/roles.js';
import type { Overview } from '../../nest/overview.js';
import { groupsOf, instancesIn, type Row } from './facts.js';

const CELLS: Readonly<Record<Cell, { readonly sign: string; readonly words: string }>> = {
  in: { sign: '●', words: 'gets in' },
  higher: { sign: '○', words: 'gets in: it includes what is asked' },
  part: { sign: '◐', words: 'not alone: more is asked' },
  out: { sign: '', words: 'no' },
};

/** One page without scripts and without anything from elsewhere: what each role gets at each route. */
export function htmlPage(rows: readonly Row[], overview: Overview): string {
  const columns = columnsOf(rows);
  const bodies = [...groupsOf(rows)].map(([group, own]) => bodyOf(group, own, columns, overview));
  const heads = columns.map((each) => `<th scope="col"><span>${headOf(each)}</span></th>`).join('');
  const legend = (['in', 'higher', 'part'] as const)
    .map(
      (each) =>
        `<li><span class="sign" aria-hidden="true">${CELLS[each].sign}</span> ${CELLS[each].words}</li>`,
    )
    .join('');
  const unknown = overview.unknown.map((each) => `<li>${escaped(each)}</li>`).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Roles and routes</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1 id="title">Roles and routes</h1>
<p>A row is a way into the application. A column is what a caller may hold on the resource that the row asks about.</p>
<ul class="legend" aria-label="Signs">${legend}</ul>
${unknown === '' ? '' : `<p>Not known, since nothing of the application was run:</p><ul>${unknown}</ul>`}
<div class="scroll" role="region" aria-labelledby="title" tabindex="0">
<table>
<caption class="hidden">What each role gets at each route</caption>
<thead><tr><th scope="col">Route</th><th scope="col">Asks for</th>${heads}</tr></thead>
${bodies.join('\n')}
</table>
</div>
</main>
</body>
</html>`;
}

const KINDS = { role: '', permission: 'permission ', projectRole: 'project role ' } as const;

const headOf = ({ kind, name }: Column): string => `${KINDS[kind]}${breakable(name)}`;

function bodyOf(
  group: string,
  rows: readonly Row[],
  columns: readonly Column[],
  { options }: Overview,
): string {
  const span = columns.length + 2;
  const lines = rows.map((row) => {
    const cells = columns.map((column) => {
      const { sign, words } = CELLS[cellOf(row, column, options)];
      return `<td class="cell"><span aria-hidden="true">${sign}</span><span class="hidden">${words}</span></td>`;
    });
    const mark = row.mark === undefined ? '' : ` class="${row.mark}"`;
    return `<tr${mark}><th scope="row">${breakable(row.name)}</th><td>${escaped(row.text)}</td>${cells.join('')}</tr>`;
  });
  return `<tbody><tr><th scope="rowgroup" colspan="${span}" class="group"><span>${escaped(group)}</span></th></tr>${lines.join('\n')}</tbody>`;
}

const SIGNS: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => SIGNS[sign] ?? '');

/** Long names are broken between their parts. */
const breakable = (text: string): string => escaped(text).replace(/[/_]/g, '$&<wbr>');

/** What somebody who holds only this gets: in, in because it satisfies what is asked, or in with something else. */
type Cell = 'in' | 'higher' | 'part' | 'out';

/** What a caller may hold: a manager role, a permission, a role of a project. */
interface Column {
  readonly kind: 'role' | 'permission' | 'projectRole';
  readonly name: string;
}

/** All that any row asks for, manager roles first. */
function columnsOf(rows: readonly Row[]): readonly Column[] {
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
function cellOf(row: Row, column: Column, options: Overview['options']): Cell {
  const { access, mark } = row;
  if (mark === 'open' || access?.access === 'public' || access?.access === 'optional') return 'in';
  if (!access?.requirement) return 'out';
  const { requirement } = access;
  const { options: of } = options.find(({ zitadel }) => zitadel === access.zitadel) ?? {};
  return best(instancesIn(of).map((each) => cellIn(requirement, column, tableOf(each))));
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
function tableOf(options: unknown): HierarchyTable {
  const hierarchy = own(options, 'hierarchy') ?? 'zitadel';
  if (hierarchy === 'exact') return {};
  return typeof hierarchy === 'object' ? (hierarchy as HierarchyTable) : ZITADEL_HIERARCHY;
}

const STYLE = `
:root { color-scheme: light dark; --text: #1a1f2b; --back: #ffffff; --line: #c9ced8; --soft: #f1f3f7; --open: #a3131a; --denied: #7a4a00; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ef; --back: #14171d; --line: #3a414e; --soft: #1e232c; --open: #ff9a9a; --denied: #f2c078; } }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
main { padding: 1rem; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; padding: 0; list-style: none; }
.scroll { position: relative; overflow: auto; max-height: 85vh; border: 1px solid var(--line); }
.scroll:focus-visible { outline: 3px solid #2f6feb; outline-offset: 2px; }
table { border-collapse: separate; border-spacing: 0; }
th, td { padding: .35rem .6rem; border: solid var(--line); border-width: 0 1px 1px 0; text-align: left; vertical-align: top; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--soft); vertical-align: bottom; }
thead span { writing-mode: vertical-rl; rotate: 180deg; max-height: 13rem; overflow-wrap: anywhere; }
th[scope=row] { position: sticky; left: 0; min-width: min(18rem, 36vw); background: var(--back); font: 600 .9em/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
td:not(.cell) { min-width: 16rem; }
thead th:first-child { left: 0; z-index: 2; }
.group { background: var(--soft); }
.group span { position: sticky; left: .6rem; }
.cell { text-align: center; vertical-align: middle; }
tr.open td, tr.open th { color: var(--open); font-weight: 700; }
tr.denied td, tr.denied th { color: var(--denied); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (forced-colors: active) { .scroll { border-color: CanvasText; } }
@media print { .scroll { max-height: none; overflow: visible; } }
`;
