// What the compiler and an editor say to somebody who writes requirements.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FILE = `${root}test/types/written.ts`;

const WRONG: readonly (readonly [what: string, line: string, ...parts: string[]])[] = [
  ['a letter too few', "role('ORG_OWNR', org('1'));", '"ORG_OWNR"', 'type \'"ORG_OWNER"\''],
  ['a letter too many', "role('ORG_OWNERS', org('1'));", 'type \'"ORG_OWNER"\''],
  ['another letter', "role('PROJECT_OWNAR', project('1'));", 'type \'"PROJECT_OWNER"\''],
  ['small letters', "role('iam_owner');", 'type \'"IAM_OWNER"\''],
  ['an unknown role', "role('ORG_AUDITOR', org('1'));", 'OrgRole', 'CustomRole<"org">'],
  ['a typo in a list', "role(['ORG_OWNER', 'ORG_OWNR'], org('1'));", 'type \'"ORG_OWNER"\''],
  [
    'two scopes in one list',
    "role(['ORG_OWNER', 'PROJECT_OWNER'], org('1'));",
    'must be of one scope: write anyOf(role(...), role(...))',
  ],
  [
    'a project for an organization',
    "role('ORG_OWNER', project('1'));",
    '"project"',
    'A role on an organization takes a ref of org.',
  ],
  [
    'a grant for a project',
    "role('PROJECT_OWNER', projectGrant('1'));",
    '"projectGrant"',
    'A role on a project takes a ref of project.',
  ],
  [
    'an organization for a grant',
    "role('PROJECT_GRANT_OWNER', org('1'));",
    '"org"',
    'A role on a project grant takes a ref of projectGrant.',
  ],
  ['a ref for the instance', "role('IAM_OWNER', org('1'));", 'takes no ref'],
  [
    'an unknown permission',
    "permission('project.grant.wirte', org('1'));",
    '"project.grant.wirte"',
    'PermissionName',
  ],
];
const RIGHT = [
  "role(['ORG_OWNER', customRole('ORG_AUDITOR')], org('1'));",
  "permission(customPermission('report.read'), org('1'));",
];
/** The cursor is where a bar stands. */
const COMPLETED = [
  ["role('|', org('1'));", 'ORG_OWNER'],
  ["role('ORG_|', org('1'));", 'ORG_OWNER'],
  ["role(['|'], org('1'));", 'ORG_OWNER'],
  ["permission('|', org('1'));", 'project.grant.write'],
] as const;

// One text for all cases, so that it is compiled once.
const lines = [
  "import { customPermission, customRole, org, permission, project, projectGrant, role } from '../../lib/public.js';",
  ...WRONG.map(([, line]) => line),
  ...RIGHT,
  ...COMPLETED.map(([line]) => line),
];
const text = lines.join('\n').replaceAll('|', '');
const startOf = (line: string) =>
  lines.slice(0, lines.indexOf(line)).join('\n').replaceAll('|', '').length + 1;

const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(
  { ...config, include: [], files: [] },
  ts.sys,
  root,
);
const service = ts.createLanguageService({
  fileExists: ts.sys.fileExists,
  readFile: ts.sys.readFile,
  readDirectory: ts.sys.readDirectory,
  directoryExists: ts.sys.directoryExists,
  getDirectories: ts.sys.getDirectories,
  getCompilationSettings: () => options,
  getCurrentDirectory: () => root,
  getDefaultLibFileName: ts.getDefaultLibFilePath,
  getScriptFileNames: () => [FILE],
  getScriptVersion: () => '1',
  getScriptSnapshot: (file) =>
    file === FILE || existsSync(file)
      ? ts.ScriptSnapshot.fromString(file === FILE ? text : readFileSync(file, 'utf8'))
      : undefined,
});
afterAll(() => service.dispose());

const errors = service.getSemanticDiagnostics(FILE);

function errorOf(line: string): string {
  const start = startOf(line);
  return errors
    .filter((error) => Number(error.start) >= start && Number(error.start) < start + line.length)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
    .join('\n');
}

describe('the compiler’s error', () => {
  it.each(WRONG)('for %s names what can be written', (_, line, ...parts) => {
    for (const part of parts) expect(errorOf(line)).toContain(part);
  });

  it('is none for what is right', () => {
    expect(RIGHT.map(errorOf)).toEqual(['', '']);
  });
});

describe('an editor', () => {
  it.each(COMPLETED)('completes %s', (line, wanted) => {
    const cursor = startOf(line) + line.indexOf('|');
    const found = service.getCompletionsAtPosition(FILE, cursor, {});
    expect(found?.entries.map(({ name }) => name)).toContain(wanted);
  });
});
