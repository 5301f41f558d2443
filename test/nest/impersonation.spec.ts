import { Controller, Get, type Type } from '@nestjs/common';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  AllowImpersonation,
  type AuditRecord,
  auditTo,
  Authenticated,
  type Caller,
  CurrentCaller,
  pat,
  Public,
  RequireRole,
  ZitadelAuthorizer,
  ZitadelModule,
  type DecisionEvent,
  type ZitadelModuleOptions,
} from '../../lib/index.js';
import { authenticated, createZitadel, requireThat, role } from '../../lib/express/index.js';
import { boot, GLOBAL, serve } from '../support/application.js';
import { startNest } from '../support/start.js';
import { get } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

const people = usePeople();

let readers = 0;

function asServiceUser(): Partial<ZitadelModuleOptions> {
  const { zitadel } = people;
  const reader = zitadel.addServiceUser(`reader ${String((readers += 1))}`);
  zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
  return { memberships: { as: 'serviceUser' }, serviceUser: pat(zitadel.patFor(reader)) };
}

/** A token by which nobody acts as the owner of A. */
const acting = () =>
  people.zitadel.impersonationTokenFor({ id: people.ids.ofA }, { id: people.ids.nobody });

const serveWith = (options: Partial<ZitadelModuleOptions>, ...controllers: Type[]) =>
  boot(people, { controllers, options: { ...asServiceUser(), ...options } });

describe('@AllowImpersonation', () => {
  it.each([true, false])(
    'lets impersonated callers in where it stands, and refuses them beside it, warm and in both orders: %s',
    async (first) => {
      @Controller()
      class BothController {
        @Get('lets')
        @RequireRole('ORG_OWNER', people.orgA)
        @AllowImpersonation()
        lets(@CurrentCaller() { userId, actor }: Caller) {
          return { userId, actor };
        }

        @Get('refuses')
        @RequireRole('ORG_OWNER', people.orgA)
        refuses(@CurrentCaller() { userId, actor }: Caller) {
          return { userId, actor };
        }
      }
      const { url, app } = await serveWith({ allowImpersonation: 'perRoute' }, BothController);
      const told: DecisionEvent[] = [];
      app.get(ZitadelAuthorizer).onDecision((event) => void told.push(event));
      const records: AuditRecord[] = [];
      const audit = auditTo(app.get(ZitadelAuthorizer), (record) => records.push(record));
      const token = acting();
      for (let round = 0; round < 3; round += 1) {
        for (const lets of [first, !first]) {
          const heard = await get(url, lets ? '/lets' : '/refuses', token);
          if (lets) {
            expect(heard).toMatchObject({ status: 200 });
            expect(heard.json).toEqual({
              userId: people.ids.ofA,
              actor: people.ids.nobody,
            });
          } else {
            expect(heard).toMatchObject({ status: 401 });
            expect(heard.json).toMatchObject({ errorCode: 'impersonated' });
          }
        }
      }
      await audit.stop();
      const actors = Array.from({ length: 6 }, () => people.ids.nobody);
      expect(told.map(({ decision }) => decision.caller?.actor)).toEqual(actors);
      expect(records.map((record) => record.type === 'decision' && record.actor)).toEqual(actors);
      expect((await get(url, '/refuses', people.tokens.ofA)).status).toBe(200);
    },
  );

  it('asks for nothing itself, and what the route asks for is asked of the user', async () => {
    @Controller()
    @AllowImpersonation()
    class AllController {
      @Get('undeclared')
      undeclared() {
        return {};
      }

      @Get('of-b')
      @RequireRole('ORG_OWNER', people.orgB)
      ofB() {
        return {};
      }

      @Get('optional')
      @Authenticated({ optional: true })
      optional() {
        return {};
      }

      @Get('public')
      @Public()
      open() {
        return {};
      }
    }
    const { url } = await serveWith({ allowImpersonation: 'perRoute' }, AllController);
    const codes = await Promise.all(
      ['undeclared', 'of-b', 'optional', 'public'].map(async (path) => {
        const { status, json } = await get(url, `/${path}`, acting());
        return [status, (json as { errorCode?: string }).errorCode];
      }),
    );
    expect(codes).toEqual([
      [403, 'not_declared'],
      [403, 'role_missing'],
      [200, undefined],
      [200, undefined],
    ]);
  });

  it('is not inherited', async () => {
    @AllowImpersonation()
    class Base {
      @Get('inherited')
      @Authenticated({ organizations: ['1'] })
      inherited() {
        return {};
      }

      @Get('overridden')
      @Authenticated()
      @AllowImpersonation()
      overridden(): object {
        return {};
      }
    }
    @Controller()
    class SubController extends Base {
      @Get('overridden')
      @Authenticated()
      override overridden() {
        return {};
      }
    }
    const { url } = await serveWith({ allowImpersonation: 'perRoute' }, SubController);
    for (const path of ['/inherited', '/overridden']) {
      expect((await get(url, path, acting())).json).toMatchObject({
        errorCode: 'impersonated',
      });
    }
  });

  it.each([undefined, false, true])('is refused at boot with the option %s', async (option) => {
    @Controller()
    class AnyController {
      @Get()
      @Authenticated()
      @AllowImpersonation()
      read() {
        return {};
      }
    }
    const options = option === undefined ? {} : { allowImpersonation: option };
    await expect(serveWith(options, AnyController)).rejects.toThrow(
      /AnyController\.read: @AllowImpersonation\(\) stands here, and the option allowImpersonation is (?:false|true): set it to 'perRoute'/,
    );
  });

  it('contradicts @Public on the same class or method', () => {
    const both = [Public(), AllowImpersonation()] as const;
    for (const [one, other] of [both, [...both].reverse()] as const) {
      class AnyController {}
      one?.(AnyController);
      expect(() => other?.(AnyController)).toThrow(/@Public\(\) stands beside another decorator/);
    }
  });

  it('stands in the boot report', async () => {
    @Controller('me')
    class MeController {
      @Get()
      @Authenticated()
      @AllowImpersonation()
      read() {
        return {};
      }
    }
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const logger = { debug: write, log: write, warn: write, error: write };
    await serveWith({ allowImpersonation: 'perRoute', logger }, MeController);
    expect(lines.join('\n')).toContain('GET /me  any accepted caller, or whoever acts as one');
  });
});

/** Whether an impersonated owner of A gets in, with the decorator on the class or on the method. */
describe('class and method together', () => {
  const nothing = (): ClassDecorator & MethodDecorator => () => undefined;
  const ask: Readonly<Record<string, () => ClassDecorator & MethodDecorator>> = {
    '@Public': Public,
    '@Authenticated': Authenticated,
    A: () => RequireRole('ORG_OWNER', people.orgA),
  };
  const rows = Object.keys(ask).flatMap((onClass) =>
    [...Object.keys(ask), 'none'].flatMap((onMethod) =>
      (['class', 'method'] as const).map((where) => ({ onClass, onMethod, where })),
    ),
  );
  const url = { of: '' };

  beforeAll(async () => {
    const controllers = rows.flatMap(({ onClass, onMethod, where }, at) => {
      // What contradicts itself does not get this far.
      if ((where === 'class' ? onClass : onMethod) === '@Public') return [];
      @Controller(String(at))
      @((ask[onClass] ?? nothing)())
      @(where === 'class' ? AllowImpersonation() : nothing())
      class CellController {
        @Get()
        @((ask[onMethod] ?? nothing)())
        @(where === 'method' ? AllowImpersonation() : nothing())
        read() {
          return {};
        }
      }
      return [CellController];
    });
    const options = { ...asServiceUser(), allowImpersonation: 'perRoute' as const };
    const imports = [ZitadelModule.forRoot({ ...people.zitadel.options(), ...options })];
    const app = await startNest('express', { imports, controllers, providers: [GLOBAL] });
    url.of = app.url;
    return app.close;
  });

  it.each(rows.map((row, at) => ({ ...row, at })))(
    'with $onClass on the class, $onMethod on the method and it on the $where',
    async ({ onClass, onMethod, where, at }) => {
      if ((where === 'class' ? onClass : onMethod) === '@Public') return;
      expect((await get(url.of, `/${String(at)}`, acting())).status).toBe(200);
    },
  );
});

describe('requireThat({ allowImpersonation }) in Express', () => {
  it('lets impersonated callers in there alone, by the same requirement', async () => {
    const zitadel = createZitadel({
      ...people.zitadel.options(asServiceUser()),
      allowImpersonation: 'perRoute',
    });
    const ofA = role('ORG_OWNER', people.orgA);
    const url = await serve((app) => {
      const answer = (_: unknown, response: { json(body: object): unknown }) =>
        void response.json({});
      app.get('/lets', requireThat(zitadel, ofA, { allowImpersonation: true }), answer);
      app.get('/refuses', requireThat(zitadel, ofA), answer);
    });
    const token = acting();
    for (const path of ['/lets', '/refuses', '/lets', '/refuses']) {
      expect((await get(url, path, token)).status).toBe(path === '/lets' ? 200 : 401);
    }
  });

  it.each([{ allowImpersonation: 'yes' }, { allow: true }, true, null])(
    'refuses %j',
    (settings) => {
      const zitadel = createZitadel(people.zitadel.options());
      expect(() => requireThat(zitadel, authenticated(), settings as never)).toThrow(
        /\{ allowImpersonation: true \| false \}/,
      );
    },
  );
});
