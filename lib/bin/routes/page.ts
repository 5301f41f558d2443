import type { Overview } from '../../nest/access.js';
import type { Row } from './facts.js';
import { type Cell, cellOf, type Column, columnsOf } from './matrix.js';
import { groupsOf } from './tables.js';

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
