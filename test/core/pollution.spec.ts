import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { indexOf, type Membership } from '../../lib/core/caller.js';
import { openCase } from '../../lib/core/decide/case.js';
import { decide } from '../../lib/core/decide/decide.js';
import {
  allOf,
  anyOf,
  authenticated,
  permission,
  role,
  projectRole,
} from '../../lib/core/requirement/builders.js';
import { compile } from '../../lib/core/requirement/compile.js';
import { org, project, projectGrant } from '../../lib/core/requirement/refs.js';
import type { Requirement } from '../../lib/core/requirement/requirement.js';
import { ZITADEL_HIERARCHY } from '../../lib/core/requirement/roles.js';
import { polluted } from '../support/polluted.js';

/** Every name that the pure decision reads of anything, or takes out of it. */
const NAMES: readonly string[] = (() => {
  const folder = new URL('../../lib/core/', import.meta.url);
  const words = new Set<string>();
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const isRead = /^(decide[\\/].*|requirement[\\/](compile|roles)|caller)\.ts$/;
  for (const file of files.filter((each) => isRead.test(each))) {
    const text = readFileSync(new URL(file, folder), 'utf8').replace(/^\s*(\/?\*|\/\/).*$/gm, '');
    const reads = text.matchAll(/\.([a-z][A-Za-z]+)\b|\b([a-z][A-Za-z]+)\b(?=\s*[,}:='\]?])/g);
    for (const [, read, taken] of reads) words.add(read ?? (taken as string));
  }
  return [...words].sort();
})();

const ROW = { userId: '1', kind: 'instance', id: '', roles: ['IAM_OWNER'] };
const VALUES: readonly unknown[] = [
  '',
  'anyOf',
  'authenticated',
  '100',
  true,
  0,
  [],
  ['IAM_OWNER', 'ORG_OWNER'],
  [ROW],
  new Map([['', ROW]]),
  new Set(['ORG_OWNER', 'PROJECT_OWNER']),
  { source: { from: 'literal', id: '100', name: '100' } },
  () => true,
];

const SETTINGS = {
  hierarchy: ZITADEL_HIERARCHY,
  idPattern: /^[0-9]{1,200}$/,
  projectId: '300',
  permissions: true,
};

/** What the caller lacks: roles elsewhere, and of another kind. */
const ROWS: readonly Membership[] = [
  { userId: '1', kind: 'org', id: '100', roles: ['ORG_USER_MANAGER'] },
  { userId: '1', kind: 'project', id: '300', roles: ['PROJECT_GRANT_OWNER'] },
  { userId: '1', kind: 'projectGrant', id: '400', roles: ['PROJECT_GRANT_OWNER_VIEWER'] },
  { userId: '1', kind: 'org', id: '200', roles: ['ORG_OWNER'] },
];

const REFUSED: readonly (() => Requirement)[] = [
  () => role('IAM_OWNER'),
  () => role('ORG_OWNER', org('100')),
  () => role('PROJECT_OWNER', project('300')),
  () => role('PROJECT_OWNER', project('300').in(org('200'))),
  () => role('PROJECT_GRANT_OWNER', projectGrant('400')),
  () => role('PROJECT_GRANT_OWNER', projectGrant({ project: '300', grantedOrg: org('500') })),
  () => permission('project.write', project('300').in(org('200'))),
  () => projectRole('editor', { org: org('200') }),
  () => authenticated({ organizations: ['100'] }),
  () => allOf(authenticated(), role('ORG_OWNER', org('100'))),
  () => anyOf(role('IAM_OWNER'), role('ORG_OWNER', org('100'))),
];

/** 'threw' where the engine itself does not go on: no request is let through then. */
function decided(make: () => Requirement): string {
  const facts = { ownerOf: () => null, grantOf: () => null, grantBetween: () => null };
  try {
    const compiled = compile(make(), SETTINGS);
    const ids = compiled.sources.map((source) => (source.from === 'literal' ? source.id : ''));
    return decide(openCase(compiled, ids, indexOf(ROWS), {}, facts));
  } catch {
    return 'threw';
  }
}

describe('what every object inherits', () => {
  it('is nothing that a decision reads, whatever it is called', () => {
    expect(REFUSED.map(decided)).not.toContain('yes');
    expect(NAMES.length).toBeGreaterThan(150);
    const opened: string[] = [];
    for (const name of NAMES) {
      for (const value of VALUES) {
        // Written before and after: a requirement is made at boot, and prepared with the first request.
        const written = REFUSED.map((make) => make());
        const verdicts = polluted(name, value, () => [
          ...written.map((before) => decided(() => before)),
          ...REFUSED.map(decided),
        ]);
        if (verdicts.includes('yes')) opened.push(`${name} = ${String(value)}`);
      }
    }
    expect([...new Set(opened)]).toEqual([]);
  });
});
