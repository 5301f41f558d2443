import { Controller, Get, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { answerDenial, createZitadel } from '../../lib/express/index.js';
import {
  Authenticated,
  CheckedResource,
  RequireRole,
  ZitadelArgumentError,
  ZitadelManagerGuard,
  ZitadelModule,
  org,
} from '../../lib/index.js';
import { startNest, type Running } from '../support/start.js';
import { createPeople, get, whoGetsIn, type People } from './people.js';

let people: People;
const running: Running[] = [];

beforeAll(async () => {
  people = await createPeople();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ close }) => close()));
});

afterAll(() => people.zitadel.stop());

/** What somebody else's code puts where every object inherits it, until the test ends. */
function pollute(name: string, value: unknown): void {
  Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
  onTestFinished(() => void Reflect.deleteProperty(Object.prototype, name));
}

async function boot(...controllers: Type[]): Promise<string> {
  const app = await startNest('express', {
    imports: [ZitadelModule.forRoot(people.zitadel.options())],
    controllers,
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  });
  running.push(app);
  return app.url;
}

describe('what every object inherits', () => {
  it('does not let @Authenticated() replace what a class asks for', async () => {
    pollute('replaces', true);
    @Controller('x')
    @RequireRole('ORG_OWNER', people.orgA)
    class XController {
      @Get()
      @Authenticated()
      read() {
        return {};
      }
    }
    expect(await whoGetsIn(people, await boot(XController), '/x')).toBe('A');
  });

  it('does not name the checked resource', async () => {
    @Controller('x/:orgId')
    class XController {
      @Get()
      @RequireRole('ORG_OWNER', org.param('orgId'))
      read(@CheckedResource('org') id: string) {
        return { id };
      }
    }
    const url = await boot(XController);
    pollute('name', 'elsewhere');
    const heard = await get(url, `/x/${people.orgA}`, people.tokens.ofA);
    expect(heard.json).toEqual({ id: people.orgA });
  });

  it('is no option of the module', async () => {
    @Controller('x')
    class XController {
      @Get()
      read() {
        return {};
      }
    }
    pollute('strict', true);
    pollute('publicControllers', [XController]);
    expect(await whoGetsIn(people, await boot(XController), '/x')).toBe('denied');
  });

  it('is no header of an answer to an error', async () => {
    @Controller('x')
    class XController {
      @Get()
      @Authenticated()
      read() {
        throw new ZitadelArgumentError('grantId', 'grantId: not a valid id');
      }
    }
    const url = await boot(XController);
    pollute('headers', { 'x-injected': 'yes' });
    const heard = await get(url, '/x', people.tokens.ofA);
    expect(heard.status).toBe(400);
    expect(heard.headers).not.toHaveProperty('x-injected');
  });

  it('does not answer refusals on Express', () => {
    pollute('onDenied', () => undefined);
    expect(createZitadel(people.zitadel.options()).onDenied).toBe(answerDenial);
  });
});
