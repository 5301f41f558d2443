import { Controller, Get, type Type } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authenticated, Public, RequireRole, ZitadelModule } from '../../lib/index.js';
import { startNest, type Running } from '../support/start.js';
import { GLOBAL } from '../support/application.js';
import { get } from '../support/who-gets-in.js';
import { useEmulator } from '../support/world.js';

const HOME = 'urn:zitadel:iam:user:resourceowner:id';

const zitadel = await useEmulator();
const [a, b] = [zitadel.addOrg('A').id, zitadel.addOrg('B').id];
const owner = zitadel.addUser('owner of A', { org: a });
zitadel.addMember(owner, { org: a }, ['ORG_OWNER']);
const tokens = {
  ofA: zitadel.tokenFor(zitadel.addUser('ofA', { org: a }), { claims: { [HOME]: a } }),
  ofB: zitadel.tokenFor(zitadel.addUser('ofB', { org: b }), { claims: { [HOME]: b } }),
  owner: zitadel.tokenFor(owner, { claims: { [HOME]: a } }),
};

let app: Running;
beforeAll(async () => {
  app = await startNest('express', {
    imports: [ZitadelModule.forRoot(zitadel.options())],
    controllers: controllersOf(),
    providers: [GLOBAL],
  });
});
afterAll(() => app.close());

function controllersOf(): Type[] {
  @Controller('base')
  @Authenticated({ organizations: [a] })
  class Base {
    @Get('plain')
    plain() {
      return {};
    }

    @Get('overridden')
    @Authenticated({ organizations: [a] })
    overridden() {
      return {};
    }

    @Get('public')
    @Public()
    public() {
      return {};
    }

    @Get('replaced')
    @Authenticated({ organizations: [b], replaces: true })
    replaced() {
      return {};
    }

    @Get('both')
    @Authenticated({ organizations: [b] })
    both() {
      return {};
    }

    @Get('owner')
    @RequireRole('ORG_OWNER', a)
    owner() {
      return {};
    }
  }

  @Controller('derived')
  class Derived extends Base {
    @Get('overridden')
    override overridden() {
      return {};
    }

    @Get('new')
    @Authenticated()
    added() {
      return {};
    }
  }
  return [Base, Derived];
}

describe('home organizations on classes and methods', () => {
  it.each<[string, string]>([
    ['base/plain', 'ofA, owner'],
    ['base/overridden', 'ofA, owner'],
    ['base/public', 'nobody at all, ofA, ofB, owner'],
    ['base/replaced', 'ofB'],
    ['base/both', ''],
    ['base/owner', 'owner'],
    // A subclass never asks for less than its base.
    ['derived/plain', 'ofA, owner'],
    ['derived/overridden', 'ofA, owner'],
    ['derived/new', 'ofA, owner'],
    ['derived/owner', 'owner'],
  ])('of %s let in: %s', async (path, expected) => {
    const everybody = [['nobody at all', undefined], ...Object.entries(tokens)] as const;
    const let_in: string[] = [];
    for (const [name, token] of everybody) {
      if ((await get(app.url, `/${path}`, token)).status === 200) let_in.push(name);
    }
    expect(let_in.join(', ')).toBe(expected);
  });
});
