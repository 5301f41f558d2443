import type { Finding } from '../../doctor/finding.js';
import { coloured, type Terminal } from '../terminal.js';

/** What the first part of an id is called. */
const AREAS: Readonly<Record<string, string>> = {
  application: 'Application',
  options: 'Options',
  issuer: 'ZITADEL',
  clock: 'ZITADEL',
  keys: 'ZITADEL',
  api: 'ZITADEL',
  introspection: 'API application',
  'service-user': 'Service user',
  token: 'Token',
  events: 'Events',
  redis: 'Redis',
};

const MARKS = {
  ok: ['green', 'ok      '],
  warning: ['yellow', 'warning '],
  wrong: ['red', 'WRONG   '],
} as const;

/** The findings in words, those of one area together. */
export function reportOf(findings: readonly Finding[], terminal: Terminal): string {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const [area = ''] = finding.id.split('.');
    const { instance } = finding;
    const name = `${AREAS[area] ?? 'Doctor'}${instance === undefined ? '' : ` (${instance})`}`;
    groups.set(name, [...(groups.get(name) ?? []), finding]);
  }
  const parts = [...groups].map(
    ([name, group]) =>
      `${coloured(terminal, 'bold', name)}\n${group.map((each) => textOf(each, terminal)).join('\n')}`,
  );
  return [...parts, countOf(findings)].join('\n\n');
}

function textOf(finding: Finding, terminal: Terminal): string {
  const [colour, mark] = MARKS[finding.level];
  const first = `  ${coloured(terminal, colour, mark)}${finding.what}`;
  if (finding.level === 'ok') return first;
  const { why, effect, remedy } = finding;
  return [
    first,
    `          why   ${why}`,
    `          so    ${effect}`,
    `          do    ${remedy}`,
  ].join('\n');
}

function countOf(findings: readonly Finding[]): string {
  const of = (level: Finding['level']) => findings.filter((each) => each.level === level).length;
  const [wrong, warnings] = [of('wrong'), of('warning')];
  if (wrong === 0 && warnings === 0) return 'All is in order.';
  const said = warnings === 1 ? '1 warning' : `${warnings} warnings`;
  return `${wrong} wrong, ${said}, ${of('ok')} in order.`;
}
