import { Controller, Get, UseGuards } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { callerOf, checkedResource } from '../../lib/express/index.js';
import {
  type Caller,
  CheckedResource,
  CurrentCaller,
  DENIAL,
  denialAnswer,
  type DenyReason,
  org,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelOptions,
} from '../../lib/index.js';
import { denyAs, guardAs, type GuardDouble } from '../../lib/testing/index.js';
import { boot, GLOBAL, serve, untilTheEnd } from '../support/application.js';
import { useWorld } from '../support/world.js';

const world = useWorld();

@Controller('orgs/:sellerId/to/:buyerId')
@RequireRole('ORG_OWNER', org.param('sellerId'))
@RequireRole('ORG_OWNER', org.param('buyerId'))
class SalesController {
  @Get()
  read(
    @CheckedResource('org', 'sellerId') seller: string,
    @CheckedResource('org', 'buyerId') buyer: string,
  ) {
    return { seller, buyer };
  }
}

@Controller('orgs/:orgId')
class OrgController {
  @Get()
  @RequireRole('ORG_OWNER', org.param('orgId'))
  read(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
    return { orgId, userId: caller.userId, claims: caller.claims };
  }
}

@Controller('orgs/:orgId')
@UseGuards(ZitadelManagerGuard)
class OwnGuardController extends OrgController {
  @Get()
  @RequireRole('ORG_OWNER', org.param('orgId'))
  override read(@CheckedResource('org') orgId: string, @CurrentCaller() caller: Caller) {
    return { orgId, userId: caller.userId, claims: caller.claims };
  }
}

type Overridden = 'overrideProvider' | 'overrideGuard';

/** An application whose options lead to no ZITADEL, with a double in the guard's place. */
async function standIn(
  double: GuardDouble,
  by: Overridden = 'overrideProvider',
  logger: ZitadelOptions['logger'] | null = SILENT,
): Promise<string> {
  const controllers =
    by === 'overrideProvider' ? [OrgController, SalesController] : [OwnGuardController];
  const module = await Test.createTestingModule({
    imports: logger
      ? [ZitadelModule.forRoot({ issuer: 'https://nobody.example', audience: '1', logger })]
      : [],
    controllers,
    providers: by === 'overrideProvider' ? [GLOBAL] : [],
  })
    [by](ZitadelManagerGuard)
    .useValue(double)
    .compile();
  const app = module.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  untilTheEnd({ url: '', close: () => app.close() });
  return app.getUrl();
}

const quiet = () => undefined;
const SILENT = { debug: quiet, log: quiet, warn: quiet, error: quiet };

async function answer(url: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(url, { headers });
  const told = ['www-authenticate', 'retry-after'].flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  const body: unknown = await response.json();
  return { status: response.status, headers: Object.fromEntries(told), body };
}

describe('guardAs', () => {
  it.each(['overrideProvider', 'overrideGuard'] as const)(
    'gives handlers the caller and the checked id, by %s',
    async (by) => {
      const caller = { userId: 'alice', claims: { email: 'alice@acme.example' } };
      const url = await standIn(guardAs(caller, { org: '7' }), by);
      expect(await answer(`${url}/orgs/1`)).toMatchObject({
        status: 200,
        body: { orgId: '7', ...caller },
      });
    },
  );

  it('gives ids by their names', async () => {
    const checked = { org: { sellerId: '7', buyerId: '8' } };
    const url = await standIn(guardAs({ userId: 'alice' }, checked));
    expect(await answer(`${url}/orgs/1/to/2`)).toMatchObject({
      body: { seller: '7', buyer: '8' },
    });
  });

  it('is a middleware in Express', async () => {
    const url = await serve((app) => {
      app.get('/', guardAs({ userId: 'alice' }, { project: '7' }).middleware, (req, res) => {
        res.json([callerOf(req).userId, checkedResource(req, 'project')]);
      });
    });
    expect(await answer(url)).toMatchObject({ status: 200, body: ['alice', '7'] });
  });

  it('says which id it was not given, where a handler takes one', async () => {
    const lines: string[] = [];
    const error = (line: string) => void lines.push(line);
    const url = await standIn(guardAs({ userId: 'alice' }, { project: '7' }), undefined, {
      ...SILENT,
      error,
    });
    expect(await answer(`${url}/orgs/1`)).toMatchObject({ status: 500 });
    expect(lines.join()).toMatch(
      /@CheckedResource\('org'\) in OrgController\.read: .*guardAs\(caller, \{ org: '<id>' \}\)/,
    );
  });

  it('refuses what would never reach a handler', () => {
    expect(() => guardAs({} as never)).toThrow(/user id/);
    expect(() => guardAs(undefined as never)).toThrow(/user id/);
    expect(() => guardAs({ userId: '1' }, { orgId: '7' } as never)).toThrow(/not of 'orgId'/);
    expect(() => denyAs('role_misssing' as never)).toThrow(/role_missing/);
  });
});

describe('denyAs', () => {
  it('answers as the guard does', async () => {
    const real = await boot(world, { controllers: [OrgController] });
    const headers = { authorization: `Bearer ${world.tokens.nobody}` };
    const denied = await answer(`${real.url}/orgs/${world.acme}`, headers);
    expect(denied.status).toBe(403);
    const url = await standIn(denyAs('role_missing'));
    expect(await answer(`${url}/orgs/1`)).toEqual(denied);
    const without = await standIn(denyAs('role_missing'), 'overrideGuard', null);
    expect(await answer(`${without}/orgs/1`)).toEqual(denied);
  });

  it.each(Object.keys(DENIAL) as DenyReason[])('has the answer for %s', async (reason) => {
    const { status, headers, body } = denialAnswer({ reason });
    const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    const expected = { status, headers: Object.fromEntries(lower) as object, body };
    const url = await serve((app) => {
      app.get('/', denyAs(reason).middleware, (_req, res) => void res.json({}));
    });
    expect(await answer(url)).toEqual(expected);
    const thrown: unknown = await Promise.resolve(denyAs(reason).canActivate(IN_HTTP)).catch(
      (error: unknown) => error,
    );
    expect(thrown).toMatchObject({ response: body, status });
  });
});

const IN_HTTP = {
  getType: () => 'http',
  getArgByIndex: () => ({}),
  switchToHttp: () => ({ getResponse: () => ({}) }),
};

describe('the entry', () => {
  it('does not load Nest: an application on Express alone has none', () => {
    const lib = fileURLToPath(new URL('../../lib', import.meta.url));
    const open = [join(lib, 'testing/index.ts')];
    const seen = new Set(open);
    const packages = new Set<string>();
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      const text = readFileSync(file, 'utf8').replaceAll(/^(?:import|export) type [^;]*;/gm, '');
      for (const [, from = ''] of text.matchAll(/^(?:import|export|\}) [^;]*?from '([^']+)';/gm)) {
        const next = join(dirname(file), from.replace(/\.js$/, '.ts'));
        if (!from.startsWith('.')) packages.add(from);
        else if (!seen.has(next)) open.push(next);
        seen.add(next);
      }
    }
    expect(seen.size).toBeGreaterThan(30);
    expect([...packages].filter((each) => !/^(node:|jose$|lru-cache$)/.test(each))).toEqual([]);
  });
});
