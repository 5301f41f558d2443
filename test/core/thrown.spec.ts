import { describe, expect, it } from 'vitest';
import { createZitadel, org, requireRole } from '../../lib/express/index.js';
import { thrownText } from '../../lib/core/thrown.js';
import { get } from '../support/who-gets-in.js';
import { serve } from '../support/application.js';
import { usePeople } from '../support/world.js';

const people = usePeople();

const failed = (more: object = {}): Error =>
  Object.assign(new TypeError('a secret\n    at a secret:1:2'), more);

describe('what code of the application threw', () => {
  it('is shown by its class and its place, without its message', () => {
    expect(thrownText(failed())).toMatch(/^TypeError at \S+thrown\.spec\.ts:\d+:\d+$/);
  });

  it('is shown by its class where it has no name of its own', () => {
    class ClientClosed extends Error {}
    expect(thrownText(new ClientClosed('a secret'))).toMatch(/^ClientClosed at \S+$/);
  });

  it('is shown by its code, too', () => {
    expect(thrownText(failed({ code: 'ECONNREFUSED' }))).toMatch(/^TypeError ECONNREFUSED at \S+$/);
  });

  it.each<[string, unknown, string]>([
    ['no error', 'a secret', 'no Error'],
    ['a name that is a text of its own', failed({ name: 'a secret', stack: '' }), 'an Error'],
    ['a code that is a text of its own', failed({ code: 'a secret', stack: '' }), 'TypeError'],
    ['a stack of its own', failed({ stack: 'a secret\n    at another' }), 'TypeError'],
    [
      'what throws when it is read',
      Object.defineProperty(new Error('x'), 'name', { get: () => JSON.parse('') as string }),
      'an Error',
    ],
  ])('is not shown: %s', (_what, error, text) => {
    expect(thrownText(error)).toBe(text);
  });

  it.each<[string, () => never | Promise<never>]>([
    [
      'throws',
      () => {
        throw failed();
      },
    ],
    ['rejects', () => Promise.reject(failed())],
  ])('is in the log where a function in .from() %s', async (_how, read) => {
    const lines: string[] = [];
    const note = (line: string) => void lines.push(line);
    const logger = { debug: () => undefined, log: () => undefined, warn: note, error: note };
    const zitadel = createZitadel(people.zitadel.options({ logger }));
    const url = await serve((app) =>
      app.get('/', requireRole(zitadel, 'ORG_OWNER', org.from(read)), (_request, response) => {
        response.json({});
      }),
    );
    expect((await get(url, '/', people.tokens.ofA)).status).toBe(503);
    expect(lines.join()).toMatch(
      /^unavailable: .*threw or rejected \(got TypeError at \S+thrown\.spec\.ts:\d+:\d+\): look there; .* returns undefined$/,
    );
  });

  it('is in the log where the function in the option callers throws', async () => {
    const lines: string[] = [];
    const note = (line: string) => void lines.push(line);
    const logger = { debug: () => undefined, log: () => undefined, warn: note, error: note };
    const { audience: _audience, ...options } = people.zitadel.options({ logger });
    const callers = () => {
      throw failed();
    };
    const serviceUser = people.zitadel.options().serviceUser;
    const zitadel = createZitadel({ ...options, ...(serviceUser && { serviceUser }), callers });
    const url = await serve((app) =>
      app.get('/', requireRole(zitadel, 'ORG_OWNER', '1'), (_request, response) => {
        response.json({});
      }),
    );
    expect((await get(url, '/', people.tokens.ofA)).status).toBe(503);
    expect(lines.join()).toMatch(/callers threw or rejected \(got TypeError at \S+\)/);
  });
});
