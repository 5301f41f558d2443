import { Controller, Get, type Type } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answerDenial, createZitadel } from '../../lib/express/index.js';
import {
  Authenticated,
  CheckedResource,
  RequireRole,
  ZitadelArgumentError,
  org,
} from '../../lib/index.js';
import { boot } from '../support/application.js';
import { get, whoGetsIn } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

const people = usePeople();

/** What somebody else's code puts where every object inherits it, until the test ends. */
function pollute(name: string, value: unknown): void {
  Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
  onTestFinished(() => void Reflect.deleteProperty(Object.prototype, name));
}

const serve = async (...controllers: Type[]) => (await boot(people, { controllers })).url;

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
    expect(await whoGetsIn(people, await serve(XController), '/x')).toBe('A');
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
    const url = await serve(XController);
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
    expect(await whoGetsIn(people, await serve(XController), '/x')).toBe('denied');
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
    const url = await serve(XController);
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
