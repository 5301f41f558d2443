import { describe, expect, it } from 'vitest';
import { ZitadelRequirementError } from '../../../lib/core/errors.js';
import { allOf, anyOf, authenticated, role } from '../../../lib/core/requirement/builders.js';
import { compile, type CompileSettings } from '../../../lib/core/requirement/compile.js';
import { org, project, projectGrant } from '../../../lib/core/requirement/refs.js';
import {
  type Requirement,
  requirementOf,
  requirementText,
} from '../../../lib/core/requirement/requirement.js';
import { customRole, satisfying, ZITADEL_HIERARCHY } from '../../../lib/core/requirement/roles.js';

const SETTINGS: CompileSettings = {
  hierarchy: {},
  idPattern: /^[0-9]{1,200}$/,
  projectId: undefined,
  permissions: true,
};

/** What JavaScript callers can pass, whatever the types say. */
const loose = {
  role: role as unknown as (...args: unknown[]) => Requirement,
  allOf: allOf as unknown as (...args: unknown[]) => Requirement,
  anyOf: anyOf as unknown as (...args: unknown[]) => Requirement,
  customRole: customRole as unknown as (name: unknown) => unknown,
  org: org as unknown as (id: unknown) => unknown,
};

function refusalOf(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    expect(error).toBeInstanceOf(ZitadelRequirementError);
    expect(error).toMatchObject({ code: 'requirement_invalid' });
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

describe('a role', () => {
  it.each<[string, () => unknown]>([
    ['no role', () => loose.role()],
    ['undefined', () => loose.role(undefined, org('1'))],
    ['null', () => loose.role(null, org('1'))],
    ['an empty text', () => loose.role('', org('1'))],
    ['an empty list', () => loose.role([], org('1'))],
    ['a typo', () => loose.role('ORG_OWNR', org('1'))],
    ['other case', () => loose.role('org_owner', org('1'))],
    ['a name that every object has', () => loose.role('constructor', org('1'))],
    ['a prototype', () => loose.role('__proto__', org('1'))],
    ['a number', () => loose.role(1, org('1'))],
    ['a list in a list', () => loose.role([['ORG_OWNER']], org('1'))],
    ['a list with a gap', () => loose.role(['ORG_OWNER', undefined], org('1'))],
    [
      'a custom role that was not made by customRole',
      () => loose.role({ name: 'ORG_X' }, org('1')),
    ],
    ['roles of several scopes', () => loose.role(['ORG_OWNER', 'PROJECT_OWNER'], org('1'))],
    [
      'a role of the instance beside others',
      () => loose.role(['IAM_OWNER', 'ORG_OWNER'], org('1')),
    ],
    ['no organization', () => loose.role('ORG_OWNER')],
    ['an undefined organization', () => loose.role('ORG_OWNER', undefined)],
    ['an empty organization', () => loose.role('ORG_OWNER', '')],
    ['a ref of another scope', () => loose.role('ORG_OWNER', project('1'))],
    ['a project for a grant', () => loose.role('PROJECT_GRANT_OWNER', project('1'))],
    ['a grant for a project', () => loose.role('PROJECT_OWNER', projectGrant('1'))],
    ['an object that looks like no ref', () => loose.role('ORG_OWNER', { orgId: '1' })],
    ['an unknown setting', () => loose.role('ORG_OWNER', org('1'), { frsh: true })],
    ['a setting of another type', () => loose.role('ORG_OWNER', org('1'), { fresh: 'yes' })],
    ['settings that are no object', () => loose.role('ORG_OWNER', org('1'), true)],
    ['a ref for the instance', () => loose.role('IAM_OWNER', org('1'))],
  ])('is refused where it is written: %s', (_what, build) => {
    expect(refusalOf(build)).not.toBe('');
  });

  it.each<[string, () => unknown, string]>([
    [
      'a role of a project',
      () => loose.role('editor', org('1')),
      "'editor' is not a manager role that ZITADEL ships: write projectRole('...') for a role of your project, customRole('...') for a manager role of your own, or a name such as IAM_OWNER, ORG_OWNER or PROJECT_OWNER",
    ],
    [
      'a requirement',
      () => loose.role(role('IAM_OWNER')),
      'a value of type object is not a manager role that ZITADEL ships: write its name, such as ORG_OWNER; a whole requirement stands in @Require() or requireThat()',
    ],
    [
      'a variable that is not set',
      () => loose.role(undefined, org('1')),
      'undefined is not a manager role that ZITADEL ships: write its name, such as ORG_OWNER: is an environment variable not set?',
    ],
    [
      'a resource for the instance',
      () => loose.role('IAM_OWNER', org('1')),
      'a role on the instance takes no ref: write only { fresh: true | false }, or nothing, behind IAM_OWNER',
    ],
    [
      'an id for the instance',
      () => loose.role(['IAM_OWNER', 'IAM_OWNER_VIEWER'], '1'),
      'a role on the instance takes no ref: write only { fresh: true | false }, or nothing, behind IAM_OWNER',
    ],
    [
      'a setting that there is not',
      () => loose.role('IAM_OWNER', { frsh: true }),
      'the options of a requirement are { fresh: true | false }',
    ],
  ])('says what to write instead of %s', (_what, build, message) => {
    expect(refusalOf(build)).toBe(message);
  });

  it.each<[string, () => unknown]>([
    ['an organization', () => loose.role('ORG_OWNER', undefined)],
    ['an id of one', () => loose.org(undefined)],
    ['an empty id of one', () => loose.org('')],
    ['a project', () => loose.role('PROJECT_OWNER', undefined)],
    ['a grant', () => loose.role('PROJECT_GRANT_OWNER', undefined)],
    ['a project of a grant', () => projectGrant({ project: undefined as never, grantedOrg: '1' })],
    ['a home', () => authenticated({ organizations: [undefined as never] })],
  ])('asks about a variable of the environment that is not set: %s', (_what, build) => {
    expect(refusalOf(build)).toMatch(/is an environment variable (not set|empty)\?$/);
  });

  it('is frozen', () => {
    const required = role(['ORG_OWNER', 'ORG_OWNER_VIEWER'], org('1'));
    expect(() => Object.assign(required, { kind: 'instance' })).toThrow(TypeError);
    expect(() => (required.roles as string[]).push('IAM_OWNER')).toThrow(TypeError);
    expect(() => Object.assign(required.ref ?? {}, { kind: 'x' })).toThrow(TypeError);
  });

  it('names the typo and what to write', () => {
    expect(refusalOf(() => loose.role('ORG_OWNR', org('1')))).toMatch(/'ORG_OWNR'.*customRole/);
  });
});

describe('a requirement of several parts', () => {
  it.each<[string, () => unknown]>([
    ['allOf()', () => loose.allOf()],
    ['anyOf()', () => loose.anyOf()],
    ['allOf(undefined)', () => loose.allOf(undefined)],
    ['anyOf(a list)', () => loose.anyOf([role('IAM_OWNER')])],
    ['anyOf(a name)', () => loose.anyOf('ORG_OWNER')],
    ['allOf(a function)', () => loose.allOf(() => true)],
    ['a ref instead of a requirement', () => requirementOf(org('1'), 'require()')],
    ['null instead of a requirement', () => requirementOf(null, 'require()')],
  ])('is refused where it is written: %s', (_what, build) => {
    expect(refusalOf(build)).not.toBe('');
  });

  it('is frozen', () => {
    const both = allOf(role('IAM_OWNER'), authenticated());
    expect(() => (both.of as unknown as Requirement[]).pop()).toThrow(TypeError);
    expect(() => Object.assign(both, { of: [] })).toThrow(TypeError);
    expect(() => Object.assign(authenticated(), { type: 'x' })).toThrow(TypeError);
  });

  it('reads in words', () => {
    const tree = anyOf(
      role(['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId'), { fresh: true }),
      allOf(
        role('PROJECT_OWNER', project.query('projectId').in(org.header('x-org'))),
        role('PROJECT_GRANT_OWNER', projectGrant({ project: '7', grantedOrg: org.body('orgId') })),
      ),
      role('IAM_OWNER'),
      authenticated(),
    );
    expect(requirementText(tree)).toBe(
      '(ORG_OWNER | ORG_OWNER_VIEWER on org param orgId (fresh) or ' +
        '(PROJECT_OWNER on project query projectId of org header x-org and ' +
        'PROJECT_GRANT_OWNER on projectGrant (project 7, granted to org body orgId)) or ' +
        'IAM_OWNER on the instance or any accepted caller)',
    );
    expect(requirementText(allOf(role('IAM_OWNER')))).toBe('IAM_OWNER on the instance');
  });
});

describe('a ref', () => {
  const builders = { org, project, projectGrant };
  const ways = ['param', 'query', 'body', 'header'] as const;

  it.each(Object.entries(builders))('of %s is refused without a name', (_kind, builder) => {
    for (const way of ways) {
      const named = builder[way] as unknown as (name: unknown) => unknown;
      for (const name of ['', undefined, null, 1, {}, [], 'x'.repeat(201)]) {
        expect(refusalOf(() => named(name))).toContain('non-empty string');
      }
    }
    for (const id of ['', undefined, null, 1, []]) {
      const literal = builder as unknown as (id: unknown) => unknown;
      expect(refusalOf(() => literal(id))).not.toBe('');
    }
  });

  it.each(Object.entries(builders))(
    'of %s reads from a function or a class with readId alone',
    (_kind, builder) => {
      const from = builder.from as unknown as (read: unknown) => unknown;
      class Reader {
        readId() {
          return '1';
        }
      }
      class NoReader {}
      expect(from(Reader)).toMatchObject({ source: { from: 'class', type: Reader } });
      expect(from(() => '1')).toMatchObject({ source: { from: 'function' } });
      for (const read of [NoReader, new Reader(), undefined, 'orgId', {}]) {
        refusalOf(() => from(read));
      }
    },
  );

  it('names a parameter without the colon of the path', () => {
    for (const [kind, builder] of Object.entries(builders)) {
      expect(refusalOf(() => builder.param(':id'))).toContain(`write ${kind}.param('id')`);
    }
  });

  it('to a function without a name reads as such', () => {
    const unnamed = requirementText(
      role(
        'ORG_OWNER',
        org.from(
          (
            () => () =>
              '1'
          )(),
        ),
      ),
    );
    expect(unnamed).toBe('ORG_OWNER on org of an unnamed function');
    const tenantOf = () => '1';
    expect(requirementText(role('ORG_OWNER', org.from(tenantOf)))).toBe(
      'ORG_OWNER on org function tenantOf',
    );
  });

  it.each([
    ['ORG_OWNR', 'to ORG_OWNER,'],
    ['org_owner', 'to ORG_OWNER,'],
    ['PROJECT_OWNERS', 'to PROJECT_OWNER,'],
    ['admin', 'such as IAM_OWNER, ORG_OWNER or PROJECT_OWNER'],
    ['x'.repeat(1_000), 'such as IAM_OWNER, ORG_OWNER or PROJECT_OWNER'],
  ])('a role that is not one is answered with those that may be meant: %s', (given, names) => {
    expect(refusalOf(() => role(given as never, '1' as never))).toContain(names);
  });

  it('to a grant by its two ends takes a project that is not tied to an owner', () => {
    const tied = { project: project('1').in('2') as never, grantedOrg: '3' };
    expect(refusalOf(() => projectGrant(tied))).toContain('.in()');
    for (const parts of [{}, { project: '1' }, { grantedOrg: '1' }, null, undefined]) {
      expect(refusalOf(() => projectGrant(parts as never))).not.toBe('');
    }
  });

  it('is frozen', () => {
    for (const ref of [org('1'), project('1').in('2'), projectGrant('1'), org.param('x')]) {
      expect(() => Object.assign(ref, { kind: 'x' })).toThrow(TypeError);
    }
    const { source } = org('1');
    expect(() => Object.assign(source, { id: '2' })).toThrow(TypeError);
  });
});

describe('a literal id', () => {
  it.each(['x', '../1', '1 ', ' 1', '1\n', '１', '1'.repeat(201)])(
    'is refused at once: %j',
    (id) => {
      if (id.length <= 200) {
        expect(refusalOf(() => compile(role('ORG_OWNER', org(id)), SETTINGS))).toContain(
          'idPattern',
        );
      } else refusalOf(() => org(id));
    },
  );

  it('is taken where it matches', () => {
    expect(compile(role('ORG_OWNER', org('1')), SETTINGS).sources).toEqual([
      { from: 'literal', id: '1' },
    ]);
  });
});

describe('customRole()', () => {
  it.each([
    'ORG_OWNER',
    'IAM_OWNER',
    'OWNER',
    'org_auditor',
    'ORG-AUDITOR',
    'ORG_',
    '',
    'ORG AUDITOR',
    'ORG_ÄUDITOR',
    'SYSTEM_OWNER',
    1,
    undefined,
    null,
    ['ORG_X'],
  ])('refuses %o', (name) => {
    expect(refusalOf(() => loose.customRole(name))).not.toBe('');
  });

  it.each([
    ['IAM_AUDITOR', 'instance'],
    ['ORG_AUDITOR', 'org'],
    ['PROJECT_AUDITOR', 'project'],
    ['PROJECT_GRANT_AUDITOR', 'projectGrant'],
  ] as const)('knows by the prefix of %s that it is held on %s', (name, kind) => {
    expect(customRole(name)).toEqual({ customRole: name, kind });
  });

  it('implies nothing, and nothing implies it', () => {
    const { org: on, instance } = satisfying(ZITADEL_HIERARCHY, ['ORG_AUDITOR']);
    expect([...on]).toEqual(['ORG_AUDITOR']);
    expect([...instance]).toEqual([]);
    expect([...satisfying(ZITADEL_HIERARCHY, ['ORG_OWNER']).org]).not.toContain('ORG_AUDITOR');
  });
});
