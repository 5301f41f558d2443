import { describe, expect, it } from 'vitest';
import { authenticated, permission, projectRole } from '../../../lib/core/requirement/builders.js';
import { customPermission } from '../../../lib/core/requirement/permissions.js';
import { compile, type CompileSettings } from '../../../lib/core/requirement/compile.js';
import { org, project, projectGrant } from '../../../lib/core/requirement/refs.js';
import {
  checkedBy,
  type Requirement,
  requirementOf,
  requirementText,
} from '../../../lib/core/requirement/requirement.js';
import { ZITADEL_HIERARCHY } from '../../../lib/core/requirement/roles.js';

const SETTINGS: CompileSettings = {
  hierarchy: ZITADEL_HIERARCHY,
  idPattern: /^[0-9]+$/,
  projectId: undefined,
  permissions: true,
};

const OWNED = project.param('projectId').in(org.param('orgId'));

describe('in words', () => {
  it.each<[Requirement, string]>([
    [
      permission(['user.read', 'user.write'], org.param('orgId'), { fresh: true }),
      'permission user.read | user.write on org param orgId (fresh)',
    ],
    [
      permission('project.write', OWNED),
      'permission project.write on project param projectId of org param orgId',
    ],
    [
      projectRole(['editor', 'viewer'], { org: org.param('orgId') }),
      'project role editor | viewer of the project of the option projectId, given by org param orgId',
    ],
    [
      projectRole('editor', { project: '1', org: '2', acrossOrganizations: true }),
      'project role editor of project 1, given by org 2, also of other home organizations',
    ],
    [
      projectRole('editor'),
      'project role editor of the project of the option projectId, given by org of the caller',
    ],
    [
      permission('project.read', project.param('projectId').in(org.ofCaller())),
      'permission project.read on project param projectId of org of the caller',
    ],
    [permission(customPermission('report.read'), '1'), 'permission report.read on org 1'],
    [
      projectRole('editor', { project: '1', org: '2', fresh: true }),
      'project role editor of project 1, given by org 2 (fresh)',
    ],
    [authenticated({ organizations: ['1', '2'] }), 'an accepted caller of org 1 | 2'],
  ])('%#: it says what is asked', (requirement, text) => {
    expect(requirementText(requirement)).toBe(text);
  });
});

describe('what is refused where it is written', () => {
  const untyped = { permission, projectRole, authenticated } as unknown as Readonly<
    Record<'permission' | 'projectRole' | 'authenticated', (...given: unknown[]) => Requirement>
  >;
  it.each<[string, () => unknown, string]>([
    ['no permission', () => untyped.permission([], '1'), 'at least one'],
    [
      'a role as a permission',
      () => untyped.permission('ORG_OWNER', '1'),
      "'ORG_OWNER' is not a permission of ZITADEL's default roles",
    ],
    [
      'a permission with a suffix',
      () => untyped.permission('project.read:1', '1'),
      'project.read:1',
    ],
    ['a misspelt permission', () => untyped.permission('org.raed', '1'), "customPermission('...')"],
    ['a role as a custom permission', () => customPermission('ORG_OWNER'), 'small letters'],
    [
      'an object as a permission',
      () => untyped.permission({ toString: () => 'a.b' }, '1'),
      'a value of type object is not a permission',
    ],
    ['a permission on nothing', () => untyped.permission('user.read'), 'name the organization'],
    [
      'a permission on an untied project',
      () => untyped.permission('project.read', project('1')),
      '.in(',
    ],
    [
      'other options of a permission',
      () => untyped.permission('user.read', '1', { frsh: true }),
      'fresh',
    ],
    ['no project role', () => untyped.projectRole([], { org: '1' }), 'at least one'],
    ['an empty project role', () => untyped.projectRole('', { org: '1' }), 'at least one'],
    [
      'a project role of an undefined organization',
      () => untyped.projectRole('a', { org: undefined }),
      'name the organization',
    ],
    [
      'a project role of other organizations without naming one',
      () => untyped.projectRole('a', { acrossOrganizations: true }),
      'name it',
    ],
    [
      'a project role of other organizations in the own one',
      () => untyped.projectRole('a', { acrossOrganizations: true, org: org.ofCaller() }),
      'name it',
    ],
    [
      'an optional caller as a requirement',
      () => untyped.authenticated({ optional: true }),
      'organizations',
    ],
    [
      'a project role of an undefined project',
      () => untyped.projectRole('a', { project: undefined, org: '1' }),
      'name the project',
    ],
    [
      'a project role of a tied project',
      () => untyped.projectRole('a', { project: OWNED, org: '1' }),
      'without .in()',
    ],
    [
      'another setting of a project role',
      () => untyped.projectRole('a', { org: '1', across: true }),
      'nothing else',
    ],
    [
      'a project role that is fresh as a text',
      () => untyped.projectRole('a', { org: '1', fresh: 'yes' }),
      'nothing else',
    ],
    [
      'a home organization that is no text',
      () => untyped.authenticated({ organizations: [1] }),
      'list of ids',
    ],
    [
      'another setting of authenticated()',
      () => untyped.authenticated({ orgs: ['1'] }),
      'organizations',
    ],
  ])('%s', (_, write, says) => {
    expect(write).toThrow(says);
  });
});

describe('what is refused with the options', () => {
  it.each<[string, Requirement, Partial<CompileSettings>, string]>([
    [
      'permissions where API v2 is forced',
      permission('user.read', '1'),
      { permissions: false },
      "'auto' or 'v1'",
    ],
    [
      'a project role without any project',
      projectRole('a', { org: '1' }),
      {},
      'the option projectId',
    ],
    [
      'a home organization that is no id',
      authenticated({ organizations: ['acme'] }),
      {},
      'idPattern',
    ],
  ])('%s', (_, requirement, settings, says) => {
    expect(() => compile(requirement, { ...SETTINGS, ...settings })).toThrow(says);
  });

  it('but for the project that the option names', () => {
    const { sources } = compile(projectRole('a', { org: '2' }), { ...SETTINGS, projectId: '1' });
    expect(sources).toEqual([
      { from: 'literal', id: '1' },
      { from: 'literal', id: '2' },
    ]);
  });
});

describe('what a handler can be given', () => {
  it.each<[string, Requirement, readonly object[]]>([
    [
      'an organization',
      permission('user.read', org.param('orgId')),
      [{ kind: 'org', name: 'orgId' }],
    ],
    [
      'a project and its owner',
      permission('project.read', OWNED),
      [
        { kind: 'org', name: 'orgId' },
        { kind: 'project', name: 'projectId' },
      ],
    ],
    [
      'a project grant',
      permission('project.grant.read', projectGrant.param('grantId')),
      [{ kind: 'projectGrant', name: 'grantId' }],
    ],
    [
      'only the organization, where the option names the project',
      projectRole('a', { org: org.param('orgId') }),
      [{ kind: 'org', name: 'orgId' }],
    ],
    ['the own organization', projectRole('a'), [{ kind: 'org', name: 'ofCaller' }]],
    ['nothing of a home organization', authenticated({ organizations: ['1'] }), []],
  ])('%s', (_, requirement, checked) => {
    expect(checkedBy(requirement)).toEqual(checked);
  });
});

describe('a permission on a project grant', () => {
  it.each(['project.grant.write', 'project.grant.delete', 'project.write', 'user.write'] as const)(
    'that is the owner’s, such as %s, is not asked of the organization it is granted to',
    (name) => {
      expect(() => permission(name, projectGrant('1'))).toThrow(
        `permission('${name}', project.param(...).in(org.param(...)))`,
      );
    },
  );

  it('that the granted organization has is asked', () => {
    for (const name of ['project.grant.member.write', 'user.grant.write'] as const) {
      expect(permission(name, projectGrant('1')).permissions).toEqual([name]);
    }
  });
});

describe('what is no requirement', () => {
  it.each([[''], [[]], ['123'], [[1]], [undefined], [null]])(
    'is a home organization that is %j',
    (organizations) => {
      expect(() => authenticated({ organizations } as never)).toThrow('organizations');
    },
  );

  it('is a home organization that is a text, put together by hand', () => {
    expect(() => requirementOf({ type: 'authenticated', organizations: '123' }, 'x')).toThrow('x');
  });

  it('is a manager role where a role of a project is meant', () => {
    expect(() => projectRole('ORG_OWNER', { org: '1' })).toThrow("role('ORG_OWNER', ...)");
  });
});
