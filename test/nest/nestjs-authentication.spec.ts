import { Controller, Get, SetMetadata, type Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Authenticated, CurrentCaller, Public, RequireRole, type Caller } from '../../lib/index.js';
import { boot } from '../support/application.js';
import { decoratorsOf } from '../support/nestjs-authentication.js';
import { get, whoGetsIn } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

const people = usePeople();
type Decorator = ClassDecorator & MethodDecorator;
const nothing: Decorator = () => undefined;

/** Who gets into a route with these decorators. */
async function asked(onMethod: Decorator, onClass = nothing, ours = nothing): Promise<string> {
  @Controller()
  @onClass
  class AnyController {
    @Get('route')
    @onMethod
    @ours
    read() {
      return {};
    }
  }
  return ask(AnyController);
}

async function ask(controller: Type): Promise<string> {
  const { url } = await boot(people, { controllers: [controller] });
  return whoGetsIn(people, url, '/route');
}

describe.each([false, true])('decorators of @nestjs/authentication (flagged: %s)', (flagged) => {
  const theirs = decoratorsOf(flagged);

  it('make a route public on a method: @Public()', async () => {
    expect(await asked(theirs.Public())).toBe('public');
  });

  it('do without a caller on a method: @Authenticate({ optional: true })', async () => {
    @Controller()
    class AnyController {
      @Get('route')
      @theirs.Authenticate({ optional: true })
      read(@CurrentCaller() caller?: Caller) {
        return { userId: caller?.userId ?? null };
      }
    }
    const { url } = await boot(people, { controllers: [AnyController] });
    expect((await get(url, '/route')).json).toEqual({ userId: null });
    expect((await get(url, '/route', people.tokens.ofA)).json).toEqual({ userId: people.ids.ofA });
    expect((await get(url, '/route', 'nonsense')).status).toBe(401);
  });

  it.each<[string, () => Decorator]>([
    ['@Authenticate()', () => theirs.Authenticate()],
    ['optional with a second factor', () => theirs.Authenticate({ optional: true, mfa: true })],
    ['optional of some providers', () => theirs.Authenticate({ optional: true, providers: [] })],
    ['optional: false', () => theirs.Authenticate({ optional: false })],
  ])('declare nothing with anything else: %s', async (_what, decorator) => {
    expect(await asked(decorator())).toBe('denied');
  });

  it('say nothing on a class', async () => {
    expect(await asked(nothing, theirs.Public())).toBe('denied');
    expect(await asked(nothing, theirs.Authenticate({ optional: true }))).toBe('denied');
  });

  it('are not inherited', async () => {
    class Base {
      @Get('route')
      @theirs.Public()
      read() {
        return {};
      }
    }
    @Controller()
    class SubController extends Base {}
    expect(await ask(SubController)).toBe('denied');
  });

  it.each<[string, () => Decorator, () => Decorator]>([
    ['@Public() on a method', () => theirs.Public(), () => nothing],
    ['@Authenticate({ optional })', () => theirs.Authenticate({ optional: true }), () => nothing],
    ['@Public() over a class', () => theirs.Public(), () => RequireRole('ORG_OWNER', people.orgA)],
  ])('never lift what ours ask for: the application does not start: %s', async (_, on, onClass) => {
    const ours = onClass() === nothing ? RequireRole('ORG_OWNER', people.orgA) : nothing;
    await expect(asked(on(), onClass(), ours)).rejects.toThrow(
      /AnyController\.read: a decorator of @nestjs\/authentication opens this route, and nestjs-zitadel asks/,
    );
  });

  it('give way to ours that open the route themselves', async () => {
    expect(await asked(theirs.Authenticate({ optional: true }), nothing, Public())).toBe('public');
    expect(await asked(theirs.Public(), nothing, Authenticated({ optional: true }))).toBe('public');
  });
});

describe('metadata under the same key that is not theirs', () => {
  it.each([
    true,
    'public',
    null,
    ['public'],
    { public: 'yes' },
    { public: true, path: '/' },
    Object.create({ public: true }),
  ])('opens nothing: %j', async (value) => {
    expect(await asked(SetMetadata('authentication:route', value))).toBe('denied');
  });

  it('opens nothing where their flag says otherwise', async () => {
    const flag = SetMetadata(Symbol.for('@nestjs/authentication:public'), false);
    expect(await asked(SetMetadata('authentication:route', { public: true }), nothing, flag)).toBe(
      'denied',
    );
  });
});
