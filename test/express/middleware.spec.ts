import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type NextFunction, type Request, type Response } from 'express';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  ZitadelNotAllowedError,
  ZitadelUnavailableError,
  ZitadelOptionsError,
  ZitadelRequirementError,
  anyOf,
  answerDenial,
  requireAuthenticated,
  callerOf,
  checkedResource,
  createZitadel,
  decisionOf,
  letIn,
  org,
  project,
  requireThat,
  requireRole,
  role,
  type ExpressZitadel,
  type Middleware,
  type OnDenied,
  type SharedCache,
  type ZitadelOptions,
} from '../../lib/express/index.js';
import type { Zitadel } from '../../lib/create-zitadel.js';
import { expectAnswer } from '../doors/answers.js';
import { get } from '../support/who-gets-in.js';
import { createPeople, usePeople } from '../support/world.js';
import { serve } from '../support/application.js';

const people = usePeople();

afterEach(() => {
  people.zitadel.heal();
});

const requirementOn = (orgId: string) => role('ORG_OWNER', org(orgId));
const zitadelWith = (
  options: Partial<ZitadelOptions> = {},
  surroundings?: Parameters<typeof createZitadel>[1],
): ExpressZitadel => createZitadel(people.zitadel.options(options), surroundings);

const ok = (_request: Request, response: Response) => void response.json({});

describe('a middleware without its first argument', () => {
  const told = /^requireRole\(\) takes what createZitadel\(\) returned as its first argument/;

  it('says so, where it is left out', () => {
    const withoutIt = requireRole as unknown as (...args: readonly unknown[]) => Middleware;
    expect(() => withoutIt('ORG_OWNER', org.param('orgId'))).toThrow(told);
  });

  it.each([undefined, null, {}])('says so, where it is %j', (zitadel) => {
    expect(() => requireRole(zitadel as never, 'ORG_OWNER', org.param('orgId'))).toThrow(told);
    expect(() => requireAuthenticated(zitadel as never)).toThrow(/^requireAuthenticated\(\) takes/);
  });
});

describe('a handler behind the middleware', () => {
  it('knows the caller and the id that was checked', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) =>
      app.get(
        '/:orgId',
        requireRole(zitadel, 'ORG_OWNER', org.param('orgId')),
        (request, response) => {
          const { userId, clientId, expiresAt, claims } = callerOf(request);
          const orgId = checkedResource(request, 'org');
          response.json({ userId, clientId, expiresAt, sub: claims['sub'], orgId });
        },
      ),
    );
    const { json } = await get(url, `/${people.orgA}`, people.tokens.ofA);
    expect(json).toEqual({
      userId: people.ids.ofA,
      clientId: expect.stringMatching(/^\d+$/) as string,
      expiresAt: expect.any(Number) as number,
      sub: people.ids.ofA,
      orgId: people.orgA,
    });
  });

  it('knows the decision: the membership that carries it, and when it was read', async () => {
    const zitadel = zitadelWith();
    let decision: ReturnType<typeof decisionOf>;
    const url = await serve((app) => {
      app.get('/open', (request, response) => {
        decision = decisionOf(request);
        response.json({});
      });
      app.get('/', requireRole(zitadel, 'ORG_OWNER_VIEWER', people.orgA), (request, response) => {
        decision = decisionOf(request);
        response.json({});
      });
    });
    await get(url, '/', people.tokens.ofA);
    expect(decision).toMatchObject({
      allowed: true,
      caller: { userId: people.ids.ofA },
      by: { kind: 'org', id: people.orgA, roles: ['ORG_OWNER'] },
      checked: [{ kind: 'org', id: people.orgA }],
      read: { from: 'zitadel' },
    });
    await get(url, '/open', people.tokens.ofA);
    expect(decision).toBe(undefined);
  });

  it('is never given the token, however deep it looks', async () => {
    const zitadel = zitadelWith();
    let seen = '';
    const url = await serve((app) =>
      app.get('/', requireAuthenticated(zitadel), (request, response) => {
        seen = JSON.stringify(callerOf(request));
        response.json({});
      }),
    );
    await get(url, '/', people.tokens.ofA);
    expect(seen).toContain(people.ids.ofA);
    for (const part of people.tokens.ofA.split('.')) expect(seen).not.toContain(part);
  });

  it('cannot change what the next request sees of the caller', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) =>
      app.get('/', requireAuthenticated(zitadel), (request, response) => {
        const caller = callerOf(request) as unknown as Record<string, unknown>;
        const before = caller['userId'];
        expect(() => (caller['userId'] = 'somebody else')).toThrow(TypeError);
        expect(() => ((caller['claims'] as { sub: string }).sub = 'somebody else')).toThrow(
          TypeError,
        );
        response.json({ before });
      }),
    );
    for (let times = 0; times < 2; times += 1) {
      const heard = await get(url, '/', people.tokens.ofA);
      expect(heard.json).toEqual({ before: people.ids.ofA });
    }
  });

  it('is told by an error, not by undefined, that nothing was checked', async () => {
    const zitadel = zitadelWith();
    const thrown: unknown[] = [];
    const note = (work: () => unknown) => {
      try {
        thrown.push(work());
      } catch (error) {
        thrown.push(error);
      }
    };
    const url = await serve((app) => {
      app.get('/unchecked', (request, response) => {
        note(() => callerOf(request));
        note(() => checkedResource(request, 'org'));
        response.json({});
      });
      app.get('/checked', requireAuthenticated(zitadel), (request, response) => {
        note(() => checkedResource(request, 'org'));
        response.json({});
      });
    });
    await get(url, '/unchecked', people.tokens.ofA);
    await get(url, '/checked', people.tokens.ofA);
    expect(thrown).toHaveLength(3);
    for (const error of thrown) expect(error).toBeInstanceOf(ZitadelRequirementError);
    expect(String(thrown[0])).toMatch(
      /put requireRole\(\), requireThat\(\) or requireAuthenticated\(\) before/,
    );
    expect(String(thrown[1])).toBe(String(thrown[0]));
    expect(String(thrown[2])).toMatch(/name it in the requirement/);
  });

  it('does not believe what a client, or another middleware, put on the request', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) => {
      app.use((request, _response, next) => {
        Object.assign(request, {
          user: { userId: people.ids.ofBoth },
          zitadel: { allowed: true },
          decision: { allowed: true, caller: { userId: people.ids.ofBoth } },
          caller: { userId: people.ids.ofBoth },
        });
        next();
      });
      app.get('/', requireRole(zitadel, 'ORG_OWNER', people.orgA), ok);
    });
    expectAnswer(await get(url, '/', people.tokens.ofB), { denied: 'role_missing' });
    expectAnswer(await get(url, '/'), { denied: 'token_missing' });
  });
});

describe('a middleware of the application’s own', () => {
  it('lets in by an API key, and tells the handler what it checked', async () => {
    const zitadel = zitadelWith();
    const owner = requireRole(zitadel, 'ORG_OWNER', org.param('orgId'));
    const keyOrOwner: Middleware = (request, response, next) => {
      if (request.headers['x-api-key'] !== 'key of A') return owner(request, response, next);
      const caller = { userId: 'key of A', claims: {} };
      letIn(request, caller, [{ kind: 'org', id: people.orgA, name: 'orgId' }]);
      return next();
    };
    const url = await serve((app) => {
      app.get('/:orgId', keyOrOwner, (request, response) => {
        response.json([checkedResource(request, 'org'), callerOf(request).userId]);
      });
    });
    const path = `/${people.orgA}`;
    const byKey = await fetch(url + path, { headers: { 'x-api-key': 'key of A' } });
    expect(await byKey.json()).toEqual([people.orgA, 'key of A']);
    expect((await get(url, path, people.tokens.ofA)).json).toEqual([people.orgA, people.ids.ofA]);
    expectAnswer(await get(url, path, people.tokens.ofB), { denied: 'role_missing' });
  });
});

describe('a caller that is optional', () => {
  it('is none that callerOf() gives: its error says what to read', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) => {
      app.get('/', requireAuthenticated(zitadel, { optional: true }), (request, response) => {
        response.json({ user: callerOf(request).userId });
      });
      app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
        response.status(500).json({ message: error.message });
      });
    });
    expect((await get(url, '/', people.tokens.ofA)).json).toEqual({ user: people.ids.ofA });
    expect((await get(url, '/')).json).toEqual({
      message: expect.stringContaining('decisionOf(request)?.caller') as string,
    });
  });

  it('does not lift what another middleware asks for', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) => {
      app.use(requireAuthenticated(zitadel, { optional: true }));
      app.get('/', requireRole(zitadel, 'ORG_OWNER', people.orgA), ok);
    });
    expectAnswer(await get(url, '/'), { denied: 'token_missing' });
    expectAnswer(await get(url, '/', people.tokens.ofB), { denied: 'role_missing' });
    expect((await get(url, '/', people.tokens.ofA)).status).toBe(200);
  });
});

describe('stacked middlewares', () => {
  const idsOf = (request: Request, response: Response) =>
    void response.json({
      one: checkedResource(request, 'org', 'one'),
      two: checkedResource(request, 'org', 'two'),
      caller: callerOf(request).userId,
    });

  it('must all let a request through, and tell the handler what each checked', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) =>
      app.get(
        '/:one/:two',
        requireRole(zitadel, 'ORG_OWNER', org.param('one')),
        requireRole(zitadel, 'ORG_OWNER', org.param('two')),
        idsOf,
      ),
    );
    const path = `/${people.orgA}/${people.orgB}`;
    expect((await get(url, path, people.tokens.ofBoth)).json).toEqual({
      one: people.orgA,
      two: people.orgB,
      caller: people.ids.ofBoth,
    });
    for (const token of [people.tokens.ofA, people.tokens.ofB]) {
      expectAnswer(await get(url, path, token), { denied: 'role_missing' });
    }
  });

  it('tell the handler what both checked, also when the second asks anew', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) =>
      app.get(
        '/:one/:two',
        requireRole(zitadel, 'ORG_OWNER', org.param('one')),
        requireRole(zitadel, 'ORG_OWNER', org.param('two'), { fresh: true }),
        idsOf,
      ),
    );
    const heard = await get(url, `/${people.orgA}/${people.orgB}`, people.tokens.ofBoth);
    expect(heard.json).toEqual({
      one: people.orgA,
      two: people.orgB,
      caller: people.ids.ofBoth,
    });
  });

  it('tell the handler what both checked, also where nothing is remembered', async () => {
    const zitadel = zitadelWith({ cache: { ttlMs: 0 } });
    const url = await serve((app) =>
      app.get(
        '/:one/:two',
        requireRole(zitadel, 'ORG_OWNER', org.param('one')),
        requireRole(zitadel, 'ORG_OWNER', org.param('two')),
        idsOf,
      ),
    );
    const heard = await get(url, `/${people.orgA}/${people.orgB}`, people.tokens.ofBoth);
    expect(heard.json).toMatchObject({ one: people.orgA, two: people.orgB });
  });

  it('need a name where two ids of a kind were checked', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) => {
      app.get(
        '/:one/:two',
        requireRole(zitadel, 'ORG_OWNER', org.param('one')),
        requireRole(zitadel, 'ORG_OWNER', org.param('two')),
        (request, response) => void response.json({ id: checkedResource(request, 'org') }),
      );
      app.use((error: Error, _request: Request, response: Response, next: NextFunction) => {
        if (error instanceof ZitadelRequirementError) {
          response.status(422).json({ message: error.message });
        } else next(error);
      });
    });
    const heard = await get(url, `/${people.orgA}/${people.orgB}`, people.tokens.ofBoth);
    expect(heard.status).toBe(422);
    expect(heard.json).toEqual({ message: expect.stringMatching(/name it/) as string });
    // Twice the same id is no doubt.
    const same = await get(url, `/${people.orgA}/${people.orgA}`, people.tokens.ofBoth);
    expect(same.json).toEqual({ id: people.orgA });
  });

  it('keep two instances of ZITADEL apart on one request', async () => {
    const other = await createPeople();
    try {
      const url = await serve((app) =>
        app.get(
          '/',
          requireRole(zitadelWith(), 'ORG_OWNER', people.orgA),
          requireRole(createZitadel(other.zitadel.options()), 'ORG_OWNER', other.orgA),
          ok,
        ),
      );
      // Neither token is one for both.
      expectAnswer(await get(url, '/', people.tokens.ofA), { denied: 'token_invalid' });
      expectAnswer(await get(url, '/', other.tokens.ofA), { denied: 'token_invalid' });
    } finally {
      await other.zitadel.stop();
    }
  });
});

describe('onDenied', () => {
  it('changes what is answered, and gets who was denied and why', async () => {
    const onDenied: OnDenied = (denied, request, response, next) => {
      if (denied.reason !== 'role_missing') return answerDenial(denied, request, response, next);
      response.statusCode = 404;
      response.setHeader('x-user', denied.caller?.userId ?? '');
      response.end('nothing here');
    };
    const zitadel = zitadelWith({}, { onDenied });
    const url = await serve((app) =>
      app.get('/', requireRole(zitadel, 'ORG_OWNER', people.orgB), ok),
    );
    const heard = await get(url, '/', people.tokens.ofA);
    expect([heard.status, heard.text, heard.headers['x-user']]).toEqual([
      404,
      'nothing here',
      people.ids.ofA,
    ]);
    expectAnswer(await get(url, '/'), { denied: 'token_missing' });
  });

  it('hands an error of its own to the error handler, and lets nobody in', async () => {
    let ran = 0;
    const onDenied: OnDenied = () => {
      throw new Error('a template is missing');
    };
    const zitadel = zitadelWith({}, { onDenied });
    const errors: unknown[] = [];
    const url = await serve((app) => {
      app.get('/', requireRole(zitadel, 'ORG_OWNER', people.orgB), () => void (ran += 1));
      app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
        errors.push(error);
        response.status(500).end();
      });
    });
    expect((await get(url, '/', people.tokens.ofA)).status).toBe(500);
    expect(errors).toMatchObject([{ message: 'a template is missing' }]);
    expect(ran).toBe(0);
  });

  it('may take its time; what it rejects with goes to the error handler', async () => {
    const onDenied: OnDenied = async (denied, request, response, next) => {
      await Promise.resolve();
      if (denied.reason === 'token_missing') throw new Error('a template is missing');
      await answerDenial(denied, request, response, next);
    };
    const zitadel = zitadelWith({}, { onDenied });
    const errors: unknown[] = [];
    const url = await serve((app) => {
      app.get('/', requireRole(zitadel, 'ORG_OWNER', people.orgB), ok);
      app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
        errors.push(error);
        response.status(500).end();
      });
    });
    expectAnswer(await get(url, '/', people.tokens.ofA), { denied: 'role_missing' });
    expect((await get(url, '/')).status).toBe(500);
    expect(errors).toMatchObject([{ message: 'a template is missing' }]);
  });

  it('hands an error on when it rejects at once, and nobody else has to handle it', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    const onDenied: OnDenied = () => Promise.reject(new Error('of the application'));
    const zitadel = zitadelWith({}, { onDenied });
    let ran = 0;
    const url = await serve((app) => {
      app.get('/', requireRole(zitadel, 'IAM_OWNER'), (_request, response) => {
        ran += 1;
        response.json({});
      });
      app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
        response.status(418).json({ handled: error.message });
      });
    });
    const heard = await get(url, '/', people.tokens.ofA);
    expect(heard).toMatchObject({ status: 418, json: { handled: 'of the application' } });
    expect(ran).toBe(0);
    expect(unhandled).toEqual([]);
  });

  it('may hand the refusal on to the error handler', async () => {
    const zitadel = zitadelWith(
      {},
      { onDenied: (denied, _request, _response, next) => next(new ZitadelNotAllowedError(denied)) },
    );
    const url = await serve((app) => {
      app.get('/', requireRole(zitadel, 'ORG_OWNER', people.orgB), ok);
      app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
        const { decision } = error as ZitadelNotAllowedError;
        response.status(418).json({ reason: decision.reason });
      });
    });
    const heard = await get(url, '/', people.tokens.ofA);
    expect([heard.status, heard.json]).toEqual([418, { reason: 'role_missing' }]);
  });
});

describe('a question from a handler', () => {
  it('throws an outage as such, and everything else with the decision', async () => {
    const zitadel = zitadelWith();
    const authorization = `Bearer ${people.tokens.ofA}`;
    const asked = requirementOn(people.orgA);
    const { decisions } = zitadel as ExpressZitadel & Pick<Zitadel, 'decisions'>;
    const decision = await decisions.authorize(
      { headers: { authorization } },
      decisions.prepare(asked),
    );
    if (!decision.allowed) throw new Error(decision.reason);
    const { caller } = decision;
    const elsewhere = zitadel.authorizer.assert(caller, requirementOn(people.orgB));
    await expect(elsewhere).rejects.toMatchObject({
      code: 'not_allowed',
      decision: { reason: 'role_missing' },
    });
    people.zitadel.fail('memberships', 503);
    await zitadel.authorizer.evict(caller.userId);
    for (const ask of [
      () => zitadel.authorizer.can(caller, asked),
      () => zitadel.authorizer.assert(caller, asked),
      () => zitadel.authorizer.explain(caller, asked),
      () => zitadel.authorizer.lookupResources(caller, 'ORG_OWNER'),
    ]) {
      await expect(ask()).rejects.toThrow(ZitadelUnavailableError);
    }
    people.zitadel.heal();
  });
});

describe('where the middleware stands', () => {
  it('answers 400 on a prefix, where no parameter is known yet', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) => {
      app.use(requireRole(zitadel, 'ORG_OWNER', org.param('orgId')));
      app.get('/:orgId', ok);
    });
    expectAnswer(await get(url, `/${people.orgA}`, people.tokens.ofA), {
      denied: 'resource_missing',
    });
  });

  it('answers 400 in a router that does not see the parameters above it', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) => {
      const router = express.Router();
      router.get('/', requireRole(zitadel, 'ORG_OWNER', org.param('orgId')), ok);
      app.use('/:orgId', router);
    });
    expectAnswer(await get(url, `/${people.orgA}`, people.tokens.ofA), {
      denied: 'resource_missing',
    });
  });

  it('answers 400 where the body is read before it is parsed', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) =>
      app.get('/', requireRole(zitadel, 'ORG_OWNER', org.body('orgId')), ok),
    );
    expectAnswer(await get(url, '/', people.tokens.ofA), { denied: 'resource_missing' });
  });

  it('reads own properties only: what a body inherits is refused', async () => {
    const zitadel = zitadelWith();
    let body: object = {};
    const url = await serve((app) => {
      app.use((request, _response, next) => {
        request.body = body;
        next();
      });
      app.get('/', requireRole(zitadel, 'ORG_OWNER', org.body('orgId')), ok);
    });
    const asked = () => get(url, '/', people.tokens.ofA);
    body = { orgId: people.orgA };
    expect((await asked()).status).toBe(200);
    body = Object.create({ orgId: people.orgA }) as object;
    expectAnswer(await asked(), { denied: 'resource_invalid' });
    body = Object.assign(Object.create(null) as object, { orgId: people.orgA });
    expect((await asked()).status).toBe(200);
  });

  it('calls next once for a request that goes on, and never for one that does not', async () => {
    const zitadel = zitadelWith();
    const guard = requireRole(zitadel, 'ORG_OWNER', people.orgA);
    let calls = 0;
    const url = await serve((app) =>
      app.get(
        '/',
        ((request, response, next) =>
          guard(request, response, (error) => {
            calls += 1;
            next(error);
          })) satisfies Middleware,
        ok,
      ),
    );
    expect((await get(url, '/', people.tokens.ofA)).status).toBe(200);
    expect((await get(url, '/', people.tokens.ofA)).status).toBe(200);
    expect(calls).toBe(2);
    expectAnswer(await get(url, '/', people.tokens.ofB), { denied: 'role_missing' });
    expect(calls).toBe(2);
  });

  it('lets an error of the handler be an error of the handler', async () => {
    const zitadel = zitadelWith();
    const url = await serve((app) => {
      app.get('/', requireAuthenticated(zitadel), () => {
        throw new Error('of the handler');
      });
      app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
        response.status(418).end(error.message);
      });
    });
    // Cold and warm: the one goes on later, the other at once.
    for (let times = 0; times < 2; times += 1) {
      const heard = await get(url, '/', people.tokens.ofA);
      expect([heard.status, heard.text]).toEqual([418, 'of the handler']);
    }
  });

  it('does not answer a second time when the response is on its way', async () => {
    const zitadel = zitadelWith();
    const errors: unknown[] = [];
    const decided = new Promise((resolve) => zitadel.authorizer.onDecision(resolve));
    const url = await serve((app) => {
      app.use((_request, response, next) => {
        response.status(202).end('already');
        next();
      });
      app.get('/', requireRole(zitadel, 'ORG_OWNER', people.orgB), ok);
      app.use((error: unknown, _request: Request, _response: Response, next: NextFunction) => {
        errors.push(error);
        next();
      });
    });
    const heard = await get(url, '/', people.tokens.ofA);
    expect([heard.status, heard.text]).toEqual([202, 'already']);
    await decided;
    await new Promise((resolve) => setImmediate(resolve));
    expect(errors).toEqual([]);
  });

  it('needs no Express: a server of Node’s own will do', async () => {
    const zitadel = zitadelWith();
    const guard = requireRole(zitadel, 'ORG_OWNER', org.header('x-org'));
    const server: Server = createServer((request, response) =>
      guard(request, response, (error) => {
        response.statusCode = error ? 500 : 200;
        response.end(error ? '' : callerOf(request).userId);
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const asked = (token: string) =>
        fetch(`http://127.0.0.1:${String(port)}/`, {
          headers: { authorization: `Bearer ${token}`, 'x-org': people.orgA },
        });
      const heard = await asked(people.tokens.ofA);
      expect([heard.status, await heard.text()]).toEqual([200, people.ids.ofA]);
      expect((await asked(people.tokens.ofB)).status).toBe(403);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('what cannot be meant', () => {
  it('throws where it is written', () => {
    const zitadel = zitadelWith();
    class Reader {
      readId() {
        return people.orgA;
      }
    }
    const mistakes: readonly (readonly [() => unknown, RegExp])[] = [
      [() => requireRole<'ORG_OWNER'>(zitadel, [] as never, people.orgA), /an empty list of roles/],
      [() => requireRole(zitadel, 'ORG_OWNR' as never, people.orgA as never), /'ORG_OWNR'/],
      [() => requireRole(zitadel, 'ORG_OWNER', undefined as never), /name the organization/],
      [
        () => requireRole(zitadel, 'ORG_OWNER', project.param('x') as never),
        /name the organization/,
      ],
      [() => requireRole(zitadel, 'ORG_OWNER', 'acme'), /'acme' is not a valid id/],
      [() => requireRole(zitadel, 'ORG_OWNER', org.from(Reader)), /only Nest can build a class/],
      [
        () => requireRole(zitadel, 'ORG_OWNER', org.arg('orgId')),
        /argument of GraphQL, which an HTTP request does not have/,
      ],
      [
        () => requireAuthenticated(zitadel, { optional: true, organizations: ['1'] }),
        /optional .* stands without organizations/,
      ],
      [() => requireAuthenticated(zitadel, { optional: 1 as never }), /optional is true or false/],
      [() => requireThat(zitadel, undefined as never), /requireThat\(\) takes requirements/],
      [() => requireThat(zitadel, (anyOf as () => never)()), /anyOf\(\)/],
      [
        () => requireThat(zitadel, anyOf(role('ORG_OWNER', org.from(Reader)))),
        /only Nest can build a class/,
      ],
    ];
    const either = anyOf(role('IAM_OWNER'), role('ORG_OWNER', org.arg('orgId')));
    expect(() => requireThat(zitadel, either)).not.toThrow();
    for (const [make, message] of mistakes) {
      expect(make).toThrow(ZitadelRequirementError);
      expect(make).toThrow(message);
    }
  });

  it('names the option that is wrong', () => {
    expect(() => createZitadel(undefined as never)).toThrow(ZitadelOptionsError);
    expect(() => zitadelWith({ issuer: '' })).toThrow(/^issuer: got an empty string/);
    expect(() => zitadelWith({ strict: true } as never)).toThrow(
      /^strict: there is no such option/,
    );
    expect(() => zitadelWith({ cache: { shared: { secret: 'x'.repeat(32) } } })).toThrow(
      /cache\.shared: got no CACHE_MANAGER.*createZitadel\(options, \{ sharedCache \}\)/,
    );
  });
});

describe('a shared cache', () => {
  it('is anything with get and set, and answers for a second process', async () => {
    const kept = new Map<string, string>();
    const sharedCache: SharedCache = {
      get: (key) => Promise.resolve(kept.get(key)),
      set: (key, value) => Promise.resolve(kept.set(key, value)),
    };
    const options = { cache: { shared: { secret: 'x'.repeat(32) } } };
    const urlOf = (zitadel: ExpressZitadel) =>
      serve((app) => app.get('/', requireRole(zitadel, 'ORG_OWNER', people.orgA), ok));
    const [first, second] = [
      await urlOf(zitadelWith(options, { sharedCache })),
      await urlOf(zitadelWith(options, { sharedCache })),
    ];
    expect((await get(first, '/', people.tokens.ofA)).status).toBe(200);
    const before = people.zitadel.requests('memberships');
    expect((await get(second, '/', people.tokens.ofA)).status).toBe(200);
    expect(people.zitadel.requests('memberships')).toBe(before);
    expect([...kept.values()].join()).not.toContain(people.tokens.ofA.slice(-40));
  });
});

describe('a Retry-After of ZITADEL', () => {
  /** Nobody can wait for as long as it says. */
  const times = { timeoutMs: 30_000, budgetMs: 30_000 };

  it.each([
    ['61', '60'],
    ['86400', '60'],
    ['999999999', '60'],
    [new Date(Date.now() + 86_400_000).toUTCString(), '60'],
    ['59', '59'],
  ])('of %s is passed on as %s seconds', async (header, seconds) => {
    const zitadel = zitadelWith(times);
    const url = await serve((app) => app.get('/', requireAuthenticated(zitadel), ok));
    people.zitadel.fail('memberships', { status: 429, headers: { 'retry-after': header } });
    const heard = await get(url, '/', people.tokens.nobody);
    expect(heard).toMatchObject({ status: 503, headers: { 'retry-after': seconds } });
  });
});

describe('the log of an Express application that names no logger', () => {
  it('is the console: a refusal is one warning, with the name of the library, whoever is refused', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
    onTestFinished(() => warn.mockRestore());
    const zitadel = zitadelWith();
    const url = await serve((app) =>
      app.get('/:orgId', requireRole(zitadel, 'ORG_OWNER', org.param('orgId')), ok),
    );
    for (const token of [people.tokens.nobody, people.tokens.ofB, people.tokens.nobody]) {
      expectAnswer(await get(url, `/${people.orgA}`, token), { denied: 'role_missing' });
    }
    expect(warn.mock.calls).toEqual([
      [
        expect.stringMatching(
          /^\[nestjs-zitadel\] role_missing: .*\(user \d+\): the route asks for ORG_OWNER on org param orgId: make the user a manager/,
        ),
      ],
    ]);
  });
});
