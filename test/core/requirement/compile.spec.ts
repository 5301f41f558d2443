import { describe, expect, it } from 'vitest';
import { ZitadelRequirementError } from '../../../lib/core/errors.js';
import {
  allOf,
  anyOf,
  authenticated,
  permission,
  role,
  projectRole,
} from '../../../lib/core/requirement/builders.js';
import {
  canHold,
  compile,
  type Compiled,
  type CompileSettings,
  isBranch,
} from '../../../lib/core/requirement/compile.js';
import { org, project, projectGrant } from '../../../lib/core/requirement/refs.js';
import type { Requirement } from '../../../lib/core/requirement/requirement.js';

const SETTINGS: CompileSettings = {
  hierarchy: {},
  idPattern: /^[0-9]+$/,
  projectId: undefined,
  permissions: true,
};

const NOTHING = {
  fresh: false,
  asksMore: false,
  needsToken: false,
  namesGrants: false,
  readsClaims: false,
  readsRows: false,
};
const NO_SLOTS = { id: -1, owner: -1, project: -1, grantedOrg: -1 };
const none = new Set<string>();
const by = (kind: string, ...roles: readonly string[]) => ({
  instance: none,
  org: none,
  project: none,
  projectGrant: none,
  [kind]: new Set(roles),
});

const o = org.param('o');
const p = project.param('p');
const g = projectGrant.param('g');
const ends = projectGrant({ project: p, grantedOrg: o });
const OWNER = by('org', 'ORG_OWNER');
const GRANT_OWNER = by('projectGrant', 'PROJECT_GRANT_OWNER');

type Expected = Partial<Compiled> & { readonly root: object };

describe('a requirement, prepared', () => {
  it.each<[string, Requirement, Expected]>([
    [
      'a role on the instance',
      role('IAM_OWNER'),
      {
        names: [],
        readsRows: true,
        root: { type: 'role', kind: 'instance', by: by('instance', 'IAM_OWNER'), ...NO_SLOTS },
      },
    ],
    [
      'a role on an organization, read afresh',
      role('ORG_OWNER', o, { fresh: true }),
      {
        names: ['o'],
        fresh: true,
        readsRows: true,
        root: { type: 'role', kind: 'org', by: OWNER, ...NO_SLOTS, id: 0 },
      },
    ],
    [
      'a role on the organization of the caller, which a claim says',
      role('ORG_OWNER', org.ofCaller()),
      {
        names: ['ofCaller'],
        readsRows: true,
        readsClaims: true,
        needsToken: true,
        root: { type: 'role', kind: 'org', by: OWNER, ...NO_SLOTS, id: 0 },
      },
    ],
    [
      'a role on a project of an organization',
      role('PROJECT_OWNER', p.in(o)),
      {
        names: ['p', 'o'],
        readsRows: true,
        root: {
          type: 'role',
          kind: 'project',
          by: by('project', 'PROJECT_OWNER'),
          ...NO_SLOTS,
          id: 0,
          owner: 1,
        },
      },
    ],
    [
      'a role on a project grant',
      role('PROJECT_GRANT_OWNER', g),
      {
        names: ['g'],
        readsRows: true,
        namesGrants: true,
        root: { type: 'role', kind: 'projectGrant', by: GRANT_OWNER, ...NO_SLOTS, id: 0 },
      },
    ],
    [
      'a role on a project grant by its ends',
      role('PROJECT_GRANT_OWNER', ends),
      {
        names: ['p', 'o'],
        readsRows: true,
        namesGrants: true,
        root: {
          type: 'role',
          kind: 'projectGrant',
          by: GRANT_OWNER,
          ...NO_SLOTS,
          project: 0,
          grantedOrg: 1,
        },
      },
    ],
    [
      'a permission',
      permission('org.read', o),
      {
        names: ['o'],
        readsRows: true,
        asksMore: true,
        needsToken: true,
        root: { type: 'permission', kind: 'org', permissions: ['org.read'], ...NO_SLOTS, id: 0 },
      },
    ],
    [
      'a permission, read afresh, on a grant',
      permission('project.grant.read', g, { fresh: true }),
      {
        names: ['g'],
        fresh: true,
        readsRows: true,
        asksMore: true,
        needsToken: true,
        namesGrants: true,
        root: {
          type: 'permission',
          kind: 'projectGrant',
          permissions: ['project.grant.read'],
          ...NO_SLOTS,
          id: 0,
        },
      },
    ],
    [
      'a role of a project',
      projectRole('a', { project: p, org: o }),
      {
        names: ['p', 'o'],
        readsClaims: true,
        needsToken: true,
        root: {
          type: 'projectRole',
          roles: ['a'],
          project: 0,
          org: 1,
          namesProject: true,
          acrossOrganizations: false,
          asks: false,
        },
      },
    ],
    [
      'a role of the project of the option',
      projectRole('a', { org: o, acrossOrganizations: true }),
      {
        readsClaims: true,
        needsToken: true,
        root: {
          type: 'projectRole',
          roles: ['a'],
          project: 0,
          org: 1,
          namesProject: false,
          acrossOrganizations: true,
          asks: false,
        },
      },
    ],
    [
      'a caller',
      authenticated(),
      { names: [], root: { type: 'authenticated', organizations: undefined } },
    ],
    [
      'a caller of an organization',
      authenticated({ organizations: ['1', '2'] }),
      {
        names: [],
        readsClaims: true,
        needsToken: true,
        root: { type: 'authenticated', organizations: ['1', '2'] },
      },
    ],
    [
      'what one part needs, whatever follows',
      allOf(
        role('ORG_OWNER', o, { fresh: true }),
        anyOf(role('PROJECT_GRANT_OWNER', g), permission('org.read', o)),
        authenticated({ organizations: ['1'] }),
        authenticated(),
        role('ORG_OWNER', org('1')),
      ),
      {
        names: ['o', 'g', '1'],
        fresh: true,
        readsRows: true,
        asksMore: true,
        needsToken: true,
        namesGrants: true,
        readsClaims: true,
        root: {
          type: 'allOf',
          of: [
            { type: 'role', kind: 'org', by: OWNER, ...NO_SLOTS, id: 0 },
            {
              type: 'anyOf',
              of: [
                { type: 'role', kind: 'projectGrant', by: GRANT_OWNER, ...NO_SLOTS, id: 1 },
                {
                  type: 'permission',
                  kind: 'org',
                  permissions: ['org.read'],
                  ...NO_SLOTS,
                  id: 0,
                },
              ],
            },
            { type: 'authenticated', organizations: ['1'] },
            { type: 'authenticated', organizations: undefined },
            { type: 'role', kind: 'org', by: OWNER, ...NO_SLOTS, id: 2 },
          ],
        },
      },
    ],
  ])('is %s', (_what, requirement, expected) => {
    const compiled = compile(requirement, { ...SETTINGS, projectId: '7' });
    expect(compiled).toMatchObject({ requirement, ...NOTHING, ...expected });
    expect(compiled.root).toEqual(expected.root);
  });
});

describe('a project role behind other parts', () => {
  const asked = projectRole('a', { project: p, org: o });
  it.each(['token', 'api'] as const)(
    'takes away nothing that they need, where the %s tells',
    (projectRoles) => {
      const behind = permission('org.read', o, { fresh: true });
      expect(compile(allOf(behind, asked), { ...SETTINGS, projectRoles })).toMatchObject({
        fresh: true,
        asksMore: true,
        needsToken: true,
      });
    },
  );
});

describe('a role of a project that may be asked for', () => {
  it('needs no token, and is told apart', () => {
    const compiled = compile(projectRole('a', { project: p, org: o, fresh: true }), {
      ...SETTINGS,
      projectRoles: 'api',
    });
    expect(compiled).toMatchObject({
      ...NOTHING,
      fresh: true,
      asksMore: true,
      readsClaims: true,
      root: { asks: true },
    });
  });
});

describe('ids that are the same', () => {
  /** Two of one name. */
  const codes = [1, 2].map((number) => ({
    read: () => String(number),
    Reader: class {
      readId() {
        return String(number);
      }
    },
  }));
  const places = [
    org('1'),
    org('2'),
    org.param('a'),
    org.param('b'),
    org.query('a'),
    org.body('a'),
    org.header('a'),
    org.ofCaller(),
    ...codes.flatMap(({ read, Reader }) => [org.from(read), org.from(Reader)]),
  ];

  it('are read once, and others apart', () => {
    for (const [at, first] of places.entries()) {
      for (const [other, second] of places.entries()) {
        const { sources } = compile(
          allOf(role('ORG_OWNER', first), role('ORG_OWNER', second)),
          SETTINGS,
        );
        expect([at, other, sources.length]).toEqual([at, other, at === other ? 1 : 2]);
      }
    }
  });
});

describe('whether somebody may act as the caller', () => {
  it('does not matter unless it is said', () => {
    expect(compile(role('IAM_OWNER'), SETTINGS).refusesActors).toBe(false);
    expect(compile(role('IAM_OWNER'), SETTINGS, true).refusesActors).toBe(true);
  });
});

describe('what cannot be prepared', () => {
  it.each<[string, Requirement, Partial<CompileSettings>, string]>([
    [
      'permissions without API v1',
      permission('org.read', o),
      { permissions: false },
      "permissions are evaluated by ZITADEL's API v1 only: take them away, or set the option api to 'auto' or 'v1'",
    ],
    [
      'a role of no project',
      projectRole('a', { org: o }),
      {},
      'projectRole() names no project: give { project }, or set the option projectId',
    ],
    [
      'a literal id by another pattern',
      role('ORG_OWNER', org('acme')),
      {},
      "'acme' is not a valid id by the option idPattern: correct the id, or set idPattern; if it is the name of a parameter, write .param('acme')",
    ],
    [
      'a placeholder of the documentation',
      projectRole('a', { project: '<project id>', org: o }),
      {},
      "'<project id>' is not a valid id: write your own; this is a placeholder of the documentation",
    ],
    [
      'a home from a variable that is not set',
      authenticated({ organizations: ['undefined'] }),
      {},
      "'undefined' is not a valid id: write your own; is an environment variable not set that it is made of?",
    ],
    [
      'a home by another pattern',
      authenticated({ organizations: ['1', 'acme'] }),
      {},
      "'acme' is not a valid id by the option idPattern: correct the id, or set idPattern",
    ],
  ])('is refused: %s', (_what, requirement, settings, message) => {
    // The whole message, not a part of it.
    const error = new ZitadelRequirementError(message);
    expect(() => compile(requirement, { ...SETTINGS, ...settings })).toThrow(error);
  });

  it('is named as a requirement', () => {
    expect(() => compile({ type: 'x' } as never, SETTINGS)).toThrow('a requirement');
  });
});

describe('several conditions', () => {
  it('are told from one', () => {
    const parts = [role('IAM_OWNER'), authenticated(), permission('org.read', o)];
    expect(parts.map((part) => isBranch(compile(part, SETTINGS).root))).toEqual([
      false,
      false,
      false,
    ]);
    const several = [allOf(...parts), anyOf(...parts)];
    expect(several.map((part) => isBranch(compile(part, SETTINGS).root))).toEqual([true, true]);
  });
});

describe('a requirement of which ids are lacking', () => {
  const [a, b] = [org.param('a'), org.param('b')];
  const owner = role('ORG_OWNER', a);
  const other = role('ORG_OWNER', b);
  const ofProject = projectRole('x', { project: project.param('p'), org: b });
  const read = permission('org.read', a);
  it.each<[string, Requirement, readonly string[], boolean]>([
    ['none', owner, [], true],
    ['its only one', owner, ['a'], false],
    ['that of a permission', read, ['a'], false],
    ['the organization of a project role', ofProject, ['b'], false],
    ['the project of a project role', ofProject, ['p'], false],
    ['neither of a project role', ofProject, [], true],
    ['one of two that are needed', allOf(owner, other), ['a'], false],
    ['one of two that are enough', anyOf(owner, other), ['a'], true],
    ['both of two that are enough', anyOf(owner, other), ['a', 'b'], false],
    ['any, where none is needed', authenticated(), [''], true],
    ['those of the other part', anyOf(owner, authenticated()), ['a'], true],
    ['the owner of a project', role('PROJECT_OWNER', project.param('p').in(a)), ['a'], false],
    ['one end of a grant', role('PROJECT_GRANT_OWNER', ends), ['o'], false],
  ])('can hold or not: %s', (_what, requirement, lacking, expected) => {
    const { root, names } = compile(requirement, SETTINGS);
    expect(canHold(root, (slot) => lacking.includes(names[slot] ?? ''))).toBe(expected);
  });
});
