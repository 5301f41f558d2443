import { coloured, type Terminal } from '../terminal.js';
import type { Row } from './facts.js';

const COLOURS = { open: 'red', denied: 'yellow' } as const;

/** The rows by their classes, in the order of the application. */
export function groupsOf(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return groups;
}

/** For a terminal: aligned, by class. */
export function textTable(rows: readonly Row[], terminal: Terminal): string {
  const width = Math.min(80, Math.max(0, ...rows.map(({ name }) => name.length)));
  return [...groupsOf(rows)]
    .map(([group, own]) => {
      const lines = own.map(({ name, text, mark }) => {
        const line = `  ${name.padEnd(width)}  ${text}`;
        return mark ? coloured(terminal, COLOURS[mark], line) : line;
      });
      return [group, ...lines].join('\n');
    })
    .join('\n\n');
}

/** For documents. */
export function markdownTable(rows: readonly Row[]): string {
  return [...groupsOf(rows)]
    .map(([group, own]) => {
      const lines = own.map(
        ({ name, text, mark }) => `| ${cell(name)} | ${mark ? `**${cell(text)}**` : cell(text)} |`,
      );
      return [`## ${cell(group)}`, '', '| Route | Asks for |', '| --- | --- |', ...lines].join(
        '\n',
      );
    })
    .join('\n\n');
}

/** Nothing in it is read as Markdown or as HTML. */
const cell = (text: string): string =>
  text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>|&#]/g, (sign) => `\\${sign}`);
