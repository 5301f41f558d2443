import { readFile } from 'node:fs/promises';
import { Controller, Get, Req, type Type } from '@nestjs/common';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  AllowImpersonation,
  Authenticated,
  CheckedResource,
  CurrentCaller,
  Public,
  Require,
  RequireRole,
  ZitadelModule,
  ZitadelRequirementError,
  allOf,
  anyOf,
  customRole,
  org,
  pat,
  project,
  projectGrant,
  role,
  type Caller,
} from '../../lib/index.js';
import { expectAnswer } from '../doors/answers.js';
import { boot, GLOBAL } from '../support/application.js';
import { startNest } from '../support/start.js';
import { get, whoGetsIn } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

// Types refuse most of what is tried here; JavaScript does not ask them.
const untyped = {
  RequireRole,
  Require,
  Authenticated,
  org,
  role,
  anyOf,
  allOf,
  customRole,
} as Record<string, unknown> as Readonly<
  Record<string, (...anything: unknown[]) => ClassDecorator & MethodDecorator>
>;

const people = usePeople();

/** The address of an application with the guard in force everywhere. */
const serve = async (...controllers: Type[]) => (await boot(people, { controllers })).url;

const askA = () => RequireRole('ORG_OWNER', people.orgA);
const askB = () => RequireRole('ORG_OWNER', people.orgB);
const nothing = (): ClassDecorator & MethodDecorator => () => undefined;
type Ask = () => ClassDecorator & MethodDecorator;

/** As it is published. */
const TABLE = `
| class ↓ method →    | none     | @Public | @Authenticated | @AllowImpersonation | A       | B       |
| none                | denied   | public  | a caller       | denied              | A       | B       |
| @Public             | public   | public  | a caller       | public              | A       | B       |
| @Authenticated      | a caller | public  | a caller       | a caller            | A       | B       |
| @AllowImpersonation | denied   | public  | a caller       | denied              | A       | B       |
| A                   | A        | public  | A              | A                   | A       | A and B |
| B                   | B        | public  | B              | B                   | A and B | B       |
`;

const cellsOf = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.replaceAll('`', '').trim());

const [[, ...columns] = [], ...lines] = TABLE.trim().split('\n').map(cellsOf);

const DECORATORS: Readonly<Record<string, () => ClassDecorator & MethodDecorator>> = {
  none: nothing,
  '@Public': Public,
  '@Authenticated': Authenticated,
  '@AllowImpersonation': AllowImpersonation,
  A: askA,
  B: askB,
};

describe('what class and method ask for together', () => {
  const controllers: Type[] = [];
  let url: string;

  beforeAll(async () => {
    for (const [row, [onClass = '']] of lines.entries()) {
      for (const [column, onMethod] of columns.entries()) {
        @Controller(`${String(row)}/${String(column)}`)
        @((DECORATORS[onClass] ?? nothing)())
        class CellController {
          @Get()
          @((DECORATORS[onMethod] ?? nothing)())
          read() {
            return {};
          }
        }
        controllers.push(CellController);
      }
    }
    const { zitadel } = people;
    const reader = zitadel.addServiceUser('reader');
    zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    const options = zitadel.options({
      memberships: { as: 'serviceUser' },
      serviceUser: pat(zitadel.patFor(reader)),
      allowImpersonation: 'perRoute',
    });
    const imports = [ZitadelModule.forRoot(options)];
    const app = await startNest('express', { imports, controllers, providers: [GLOBAL] });
    url = app.url;
    return app.close;
  });

  it('is a table of six by six', () => {
    expect([lines.length, columns.length, controllers.length]).toEqual([6, 6, 36]);
  });

  for (const [row, [onClass, ...cells]] of lines.entries()) {
    for (const [column, expected] of cells.entries()) {
      it(`is "${expected}" with ${String(onClass)} on the class and ${String(columns[column])} on the method`, async () => {
        const path = `/${String(row)}/${String(column)}`;
        expect(await whoGetsIn(people, url, path)).toBe(expected);
      });
    }
  }

  it('is published as it is', async () => {
    const page = await readFile(new URL('../../docs/requirements.md', import.meta.url), 'utf8');
    const published = page
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map(cellsOf);
    for (const line of [['class ↓ method →', ...columns], ...lines]) {
      expect(published).toContainEqual(line);
    }
  });
});

describe('what is inherited', () => {
  const replacing = () => Authenticated({ replaces: true });

  /** What stands on a class and on its method, and on the class that extends it and on the method in place of that, if there is one. */
  const FAMILIES: readonly [
    sentence: string,
    base: readonly [onClass: Ask, onMethod: Ask],
    sub: readonly [onClass: Ask, onOverride?: Ask],
    whoGetsIn: { readonly base: string; readonly old: string; readonly new: string },
  ][] = [
    [
      'is the requirement of a base class, for routes of the base and new ones',
      [askA, nothing],
      [nothing],
      { base: 'A', old: 'A', new: 'A' },
    ],
    [
      'adds to the requirement of the class itself',
      [askA, nothing],
      [askB],
      { base: 'A', old: 'A and B', new: 'A and B' },
    ],
    [
      'is not that a base class is public: neither its routes nor new ones are',
      [Public, nothing],
      [nothing],
      { base: 'public', old: 'denied', new: 'denied' },
    ],
    [
      'is not that a base class is content with a caller',
      [Authenticated, nothing],
      [nothing],
      { base: 'a caller', old: 'denied', new: 'denied' },
    ],
    [
      'is not that a method of the base is public',
      [nothing, Public],
      [nothing],
      { base: 'public', old: 'denied', new: 'denied' },
    ],
    [
      'is not that an overridden method is public',
      [nothing, Public],
      [nothing, nothing],
      { base: 'public', old: 'denied', new: 'denied' },
    ],
    [
      'is the requirement of a method that is overridden without a decorator',
      [nothing, askA],
      [nothing, nothing],
      { base: 'A', old: 'A', new: 'denied' },
    ],
    [
      'adds up where a method with a requirement overrides another',
      [nothing, askA],
      [nothing, askB],
      { base: 'A', old: 'A and B', new: 'denied' },
    ],
    [
      'is not lifted from an overridden method by public',
      [nothing, askA],
      [nothing, Public],
      { base: 'A', old: 'A', new: 'denied' },
    ],
    [
      'is not lifted from an overridden method by a caller instead of what the class asks for',
      [nothing, askB],
      [askA, replacing],
      { base: 'B', old: 'B', new: 'A' },
    ],
    [
      'is lifted from a base class by public on a method',
      [askA, nothing],
      [nothing, Public],
      { base: 'A', old: 'public', new: 'A' },
    ],
    [
      'is not lifted from a base class by public on the class',
      [askA, nothing],
      [Public],
      { base: 'A', old: 'A', new: 'A' },
    ],
    [
      'is not lifted from an inherited method by public on the class',
      [nothing, askA],
      [Public],
      { base: 'A', old: 'A', new: 'public' },
    ],
  ];

  let families: string;

  beforeAll(async () => {
    const controllers = FAMILIES.flatMap(([, [onBase, onOld], [onSub, onOverride]], row) => {
      @Controller(`${String(row)}/base`)
      @onBase()
      class BaseController {
        @Get('old')
        @onOld()
        old() {
          return {};
        }
      }
      @Controller(`${String(row)}/sub`)
      @onSub()
      class SubController extends BaseController {
        @Get('new')
        new() {
          return {};
        }
      }
      if (!onOverride) return [BaseController, SubController];
      const override: Ask = onOverride;
      @Controller(`${String(row)}/sub`)
      @onSub()
      class OverridingController extends BaseController {
        @Get('old')
        @override()
        override old() {
          return {};
        }

        @Get('new')
        new() {
          return {};
        }
      }
      return [BaseController, OverridingController];
    });
    const imports = [ZitadelModule.forRoot(people.zitadel.options())];
    const app = await startNest('express', { imports, controllers, providers: [GLOBAL] });
    families = app.url;
    return app.close;
  });

  it.each(FAMILIES.map(([sentence, , , expected], row) => [sentence, row, expected] as const))(
    '%s',
    async (_sentence, row, expected) => {
      const at = (path: string) => whoGetsIn(people, families, `/${String(row)}/${path}`);
      expect({
        base: await at('base/old'),
        old: await at('sub/old'),
        new: await at('sub/new'),
      }).toEqual(expected);
    },
  );

  it('comes over two levels: class of the one, method of the other', async () => {
    @askA()
    class First {
      read() {
        return {};
      }
    }
    class Second extends First {
      @askB()
      override read() {
        return {};
      }
    }
    @Controller('sub')
    class ThirdController extends Second {
      @Get()
      override read() {
        return {};
      }
    }
    expect(await whoGetsIn(people, await serve(ThirdController), '/sub')).toBe('A and B');
  });

  it('comes from an abstract class and from a mixin', async () => {
    @askA()
    abstract class Base {
      @Get('read')
      read() {
        return {};
      }
    }
    const audited = (base: typeof Base) => {
      @askB()
      abstract class Audited extends base {
        @Get('audit')
        audit() {
          return {};
        }
      }
      return Audited;
    };
    @Controller('plain')
    class PlainController extends Base {}
    @Controller('mixed')
    class MixedController extends audited(Base) {}
    const url = await serve(PlainController, MixedController);
    expect(await whoGetsIn(people, url, '/plain/read')).toBe('A');
    expect(await whoGetsIn(people, url, '/mixed/read')).toBe('A and B');
    expect(await whoGetsIn(people, url, '/mixed/audit')).toBe('A and B');
  });

  it('does not leak from one subclass into another, nor into the base', async () => {
    @Controller('base')
    @askA()
    class BaseController {
      @Get()
      read() {
        return {};
      }
    }
    @Controller('one')
    @askB()
    class OneController extends BaseController {}
    @Controller('two')
    class TwoController extends BaseController {}
    const url = await serve(OneController, TwoController, BaseController);
    expect(await whoGetsIn(people, url, '/one')).toBe('A and B');
    expect(await whoGetsIn(people, url, '/two')).toBe('A');
    expect(await whoGetsIn(people, url, '/base')).toBe('A');
  });
});

describe('a caller instead of what the class asks for', () => {
  it('is enough on a method that says so', async () => {
    @Controller('own')
    @askA()
    class OwnController {
      @Get()
      @Authenticated({ replaces: true })
      read() {
        return {};
      }
    }
    expect(await whoGetsIn(people, await serve(OwnController), '/own')).toBe('a caller');
  });

  it('is not enough where the method itself asks for more, in any order', async () => {
    @Controller('own')
    @askA()
    class OwnController {
      @Get('over')
      @Authenticated({ replaces: true })
      @askB()
      over() {
        return {};
      }

      @Get('under')
      @askB()
      @Authenticated({ replaces: true })
      under() {
        return {};
      }
    }
    const url = await serve(OwnController);
    expect(await whoGetsIn(people, url, '/own/over')).toBe('B');
    expect(await whoGetsIn(people, url, '/own/under')).toBe('B');
  });

  it('cannot be said on a class', () => {
    expect(() => Authenticated({ replaces: true })(class {})).toThrow(/only a method can replace/);
  });
});

describe('an optional caller', () => {
  const optional = () => Authenticated({ optional: true });
  const replacing = () => Authenticated({ optional: true, replaces: true });

  /** A controller with one route, of which class and method say this. */
  function controllerOf(
    onClass: () => ClassDecorator & MethodDecorator,
    onMethod: () => ClassDecorator & MethodDecorator,
    Base: Type = class {},
    given: () => ParameterDecorator = CurrentCaller,
  ): Type {
    @Controller('some')
    @onClass()
    class SomeController extends Base {
      @Get()
      @onMethod()
      read(@given() caller: Caller | undefined) {
        return { user: caller?.userId };
      }
    }
    return SomeController;
  }

  it.each<[string, () => Type]>([
    ['on a method', () => controllerOf(nothing, optional)],
    ['on a class', () => controllerOf(optional, nothing)],
    ['on both', () => controllerOf(optional, optional)],
    ['on a method of a public class', () => controllerOf(Public, optional)],
    ['in place of what the class asks for', () => controllerOf(askA, replacing)],
    [
      'in place of the caller that the class asks for',
      () => controllerOf(Authenticated, replacing),
    ],
  ])('is named if there is one: %s', async (_what, make) => {
    const url = await serve(make());
    expect((await get(url, '/some')).json).toEqual({});
    expect((await get(url, '/some', people.tokens.ofA)).json).toEqual({ user: people.ids.ofA });
    expectAnswer(await get(url, '/some', 'nonsense'), { denied: 'token_invalid' });
  });

  it.each<[string, () => Type, string]>([
    // A public route has no caller to give.
    ['public on a method', () => controllerOf(optional, Public, undefined, Req), 'public'],
    [
      'a caller on a method',
      () => controllerOf(optional, () => Authenticated({ replaces: true })),
      'a caller',
    ],
  ])('of a class gives way to %s', async (_what, make, expected) => {
    expect(await whoGetsIn(people, await serve(make()), '/some')).toBe(expected);
  });

  it.each<[string, () => Type]>([
    ['a requirement of the class', () => controllerOf(askA, optional)],
    ['a requirement of the method', () => controllerOf(optional, askA)],
    ['a caller of the class', () => controllerOf(Authenticated, optional)],
    ['a caller of the method', () => controllerOf(optional, Authenticated)],
    [
      'a requirement of a base class',
      () => controllerOf(optional, nothing, controllerOf(askA, askA)),
    ],
    [
      'an overridden requirement',
      () => controllerOf(nothing, replacing, controllerOf(nothing, askA)),
    ],
  ])('stands alone: beside %s the application refuses to boot', async (_what, make) => {
    const booting = boot(people, { controllers: [make()] });
    await expect(booting).rejects.toThrow(ZitadelRequirementError);
    await expect(booting).rejects.toThrow(
      /SomeController\.read: .*stands beside another requirement/,
    );
  });

  it('does not open a controller that is named public by contradicting itself', async () => {
    const publicControllers = [controllerOf(askA, optional)];
    const booting = boot(people, {
      controllers: publicControllers,
      options: { publicControllers },
    });
    await expect(booting).rejects.toThrow(/stands beside another requirement/);
  });

  it('is not inherited', async () => {
    @Controller('derived')
    class Derived extends controllerOf(optional, optional) {}
    const url = await serve(Derived);
    expectAnswer(await get(url, '/derived'), { denied: 'not_declared' });
  });

  it('cannot be asked for an organization', () => {
    for (const settings of [
      { optional: true, organizations: ['1'] },
      { optional: 'yes' },
      { optional: null },
    ]) {
      expect(() => untyped['Authenticated']?.(settings)).toThrow(/optional is true or false/);
    }
  });
});

describe('the order of decorators', () => {
  it('does not matter among themselves, nor beside those of Nest', async () => {
    @askA()
    @Controller('mixed')
    class MixedController {
      @askB()
      @Get('first')
      first() {
        return {};
      }

      @Get('last')
      @askB()
      last() {
        return {};
      }
    }
    const url = await serve(MixedController);
    expect(await whoGetsIn(people, url, '/mixed/first')).toBe('A and B');
    expect(await whoGetsIn(people, url, '/mixed/last')).toBe('A and B');
  });

  it('does not matter beside a decorator that wraps the method in another function', async () => {
    const logged: MethodDecorator = (_target, _key, descriptor) => {
      const inner = descriptor.value as unknown as (this: unknown, ...given: unknown[]) => unknown;
      descriptor.value = function (this: unknown, ...given: unknown[]) {
        return inner.apply(this, given);
      } as never;
    };
    @Controller('wrapped')
    @askA()
    class WrappedController {
      @Get('inside')
      @logged
      @askB()
      inside() {
        return {};
      }

      @Get('outside')
      @askB()
      @logged
      outside() {
        return {};
      }
    }
    const url = await serve(WrappedController);
    expect(await whoGetsIn(people, url, '/wrapped/outside')).toBe('A and B');
    expect(await whoGetsIn(people, url, '/wrapped/inside')).toBe('A and B');
  });

  it('does not matter for stacked requirements: all of them must hold', async () => {
    @Controller('stacked')
    class StackedController {
      @Get('ab')
      @askA()
      @askB()
      ab() {
        return {};
      }

      @Get('ba')
      @askB()
      @Authenticated()
      @askA()
      ba() {
        return {};
      }
    }
    const url = await serve(StackedController);
    expect(await whoGetsIn(people, url, '/stacked/ab')).toBe('A and B');
    expect(await whoGetsIn(people, url, '/stacked/ba')).toBe('A and B');
  });
});

describe('what cannot be meant', () => {
  const onMethod = (...decorators: MethodDecorator[]) => {
    class Some {
      read() {
        return {};
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Some.prototype, 'read');
    for (const decorate of decorators) decorate(Some.prototype, 'read', descriptor as never);
  };

  it('is public beside anything else on the same method or class, in any order', () => {
    const others = [
      RequireRole('IAM_OWNER'),
      Require(role('IAM_OWNER')),
      Authenticated(),
      Public(),
    ];
    for (const other of others) {
      expect(() => onMethod(Public(), other)).toThrow(/@Public\(\) stands beside/);
      expect(() => onMethod(other, Public())).toThrow(/@Public\(\) stands beside/);
      class Some {}
      expect(() => {
        Public()(Some);
        other(Some);
      }).toThrow(/@Public\(\) stands beside another decorator of the same class/);
    }
  });

  it('throws where it is written, with an error that names the remedy', () => {
    const { orgA } = people;
    const mistakes: Readonly<Record<string, () => unknown>> = {
      'no role': () => untyped['RequireRole']?.(),
      'an undefined role': () => untyped['RequireRole']?.(undefined, orgA),
      'null for a role': () => untyped['RequireRole']?.(null, orgA),
      'an empty list of roles': () => untyped['RequireRole']?.([], orgA),
      'a list with undefined': () => untyped['RequireRole']?.([undefined], orgA),
      'a typo': () => untyped['RequireRole']?.('ORG_OWNR', orgA),
      'small letters': () => untyped['RequireRole']?.('org_owner', orgA),
      'a space behind': () => untyped['RequireRole']?.('ORG_OWNER ', orgA),
      'a name that every object has': () => untyped['RequireRole']?.('constructor', orgA),
      'a custom role without customRole': () => untyped['RequireRole']?.('ORG_AUDITOR', orgA),
      'roles of two scopes': () => untyped['RequireRole']?.(['ORG_OWNER', 'IAM_OWNER'], orgA),
      'no organization': () => untyped['RequireRole']?.('ORG_OWNER'),
      'an undefined organization': () => untyped['RequireRole']?.('ORG_OWNER', undefined),
      'an empty organization': () => untyped['RequireRole']?.('ORG_OWNER', ''),
      'a number for an organization': () => untyped['RequireRole']?.('ORG_OWNER', 1),
      'a project for an organization': () =>
        untyped['RequireRole']?.('ORG_OWNER', project.param('projectId')),
      'an organization for a project': () =>
        untyped['RequireRole']?.('PROJECT_OWNER', org.param('orgId')),
      'a project for a project grant': () =>
        untyped['RequireRole']?.('PROJECT_GRANT_OWNER', project.param('projectId')),
      'an organization for the instance': () =>
        untyped['RequireRole']?.('IAM_OWNER', org.param('orgId')),
      'an unknown option': () => untyped['RequireRole']?.('IAM_OWNER', { frech: true }),
      'an option that is no truth value': () =>
        untyped['RequireRole']?.('ORG_OWNER', orgA, { fresh: 1 }),
      'no requirement': () => untyped['Require']?.(),
      'something else than a requirement': () => untyped['Require']?.({ role: 'ORG_OWNER' }),
      'the name of a role for a requirement': () => untyped['Require']?.('ORG_OWNER'),
      'an empty anyOf': () => untyped['anyOf']?.(),
      'an empty allOf': () => untyped['allOf']?.(),
      'an anyOf with undefined': () => untyped['anyOf']?.(undefined),
      'an empty name of a parameter': () => org.param(''),
      'no name of a parameter': () => (org.param as (name?: string) => unknown)(),
      'a class without readId': () => org.from(class {} as never),
      'no function': () => org.from(undefined as never),
      'a default role as custom role': () => untyped['customRole']?.('ORG_OWNER'),
      'a custom role without prefix': () => untyped['customRole']?.('AUDITOR'),
      'an empty custom role': () => untyped['customRole']?.(''),
      'a grant without its organization': () =>
        projectGrant({ project: project.param('projectId') } as never),
      'a grant of a project that is tied to its owner': () =>
        projectGrant({
          project: project.param('projectId').in(org.param('orgId')) as never,
          grantedOrg: org.param('other'),
        }),
    };
    for (const [what, make] of Object.entries(mistakes)) {
      let thrown: unknown;
      try {
        make();
      } catch (error) {
        thrown = error;
      }
      expect(thrown, what).toBeInstanceOf(ZitadelRequirementError);
      expect(thrown, what).toMatchObject({ code: 'requirement_invalid' });
      expect((thrown as Error).message.length, what).toBeGreaterThan(30);
    }
  });

  it('is a decorator of ours on a property, an accessor or a parameter of a constructor', () => {
    class Some {
      get read() {
        return {};
      }
    }
    const accessor = Object.getOwnPropertyDescriptor(Some.prototype, 'read');
    for (const decorate of [RequireRole('IAM_OWNER'), Authenticated(), Public()]) {
      expect(() => decorate(Some.prototype, 'read', accessor as never)).toThrow(
        /decorates a controller or one of its methods/,
      );
      expect(() => decorate(Some.prototype, 'field', undefined as never)).toThrow(
        /decorates a controller or one of its methods/,
      );
    }
    expect(() => CheckedResource('org')(Some, undefined, 0)).toThrow(/parameter of a handler/);
  });

  it('is a literal id that the option idPattern does not know: the application refuses to boot', async () => {
    @Controller()
    class TypoController {
      @Get()
      @RequireRole('ORG_OWNER', 'acme')
      read() {
        return {};
      }
    }
    await expect(serve(TypoController)).rejects.toThrow(
      /'acme' is not a valid id by the option idPattern/,
    );
  });
});
