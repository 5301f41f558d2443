import {
  Catch,
  Controller,
  Get,
  NotFoundException,
  Param,
  UseFilters,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  Authenticated,
  CurrentCaller,
  ProjectGrantService,
  Public,
  RequireRole,
  ZitadelApiError,
  ZitadelAuthorizer,
  ZitadelExceptionFilter,
  ZitadelOptionsError,
  ZitadelRequirementError,
  ZitadelUnavailableError,
  pat,
  role,
  type Caller,
  type ZitadelModuleOptions,
} from '../../lib/index.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import { Notes } from '../doors/door.js';
import { boot, GLOBAL, type Application } from '../support/application.js';
import type { Platform, RunningNest } from '../support/start.js';
import { get } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

const UNKNOWN = '404404404404404404';

const people = usePeople();
let projectId: string;
let servicePat: string;
let strangerPat: string;
let notes: Notes;

beforeAll(async () => {
  const { zitadel, orgA, orgB } = people;
  const acme = { org: zitadel.addOrg('acme') };
  const service = zitadel.addServiceUser('service', acme);
  zitadel.addMember(service, { org: orgA }, ['ORG_OWNER']);
  zitadel.addMember(service, { org: orgB }, ['ORG_OWNER']);
  servicePat = zitadel.patFor(service);
  strangerPat = zitadel.patFor(zitadel.addServiceUser('stranger', acme));
  projectId = zitadel.addProject('portal', { org: orgA, roles: ['reader'] }).id;
});

beforeEach(() => {
  notes = new Notes();
});

afterEach(() => {
  people.zitadel.heal();
});

/** Whatever a test wants a handler to do. */
let act: (app: {
  grants: ProjectGrantService;
  authorizer: ZitadelAuthorizer;
  caller: Caller;
}) => unknown;

async function serve(platform: Platform, given: Application = {}): Promise<RunningNest> {
  @Controller()
  class ActController {
    @Get('act')
    @Authenticated()
    async act(@CurrentCaller() caller: Caller) {
      const grants = started.app.get(ProjectGrantService);
      const authorizer = started.app.get(ZitadelAuthorizer);
      await act({ grants, authorizer, caller });
      return {};
    }

    @Get('open/:what')
    @Public()
    open(@Param('what') what: string) {
      if (what === 'plain') throw new Error('a secret of the application');
      if (what === 'http') throw new NotFoundException('mine');
      if (what === 'options') throw new ZitadelOptionsError('issuer', 'issuer: got nothing');
      if (what === 'requirement') throw new ZitadelRequirementError('role() needs a role');
      throw new ZitadelApiError(500, undefined, 'see there', 'Get Thing');
    }

    @Get('refused')
    @RequireRole('ORG_OWNER', people.orgB)
    refused() {
      return {};
    }
  }
  const { controllers = [], providers = [], prepare, options } = given;
  const started = await boot(people, {
    platform,
    prepare,
    controllers: [ActController, ...controllers],
    providers: [GLOBAL, ...providers],
    options: {
      serviceUser: pat(servicePat),
      logger: notes.logger,
      ...options,
    },
  });
  return started;
}

const wanted = (change: object = {}) => ({
  organizationId: people.orgA,
  projectId,
  grantedOrgId: people.orgB,
  roleKeys: ['reader'],
  ...change,
});

const REFUSED = {
  400: ['Bad Request', 'The request contains an invalid value.'],
  404: ['Not Found', 'There is no such resource.'],
  409: ['Conflict', 'The resource is already there, or its state does not allow this.'],
} as const;

const refused = (status: keyof typeof REFUSED, errorCode = 'zitadel_refused') => ({
  statusCode: status,
  error: REFUSED[status][0],
  message: REFUSED[status][1],
  errorCode,
});

const UNAVAILABLE = {
  statusCode: 503,
  error: 'Service Unavailable',
  message: 'Authorization is not available at the moment.',
  errorCode: 'unavailable',
};

const MISCONFIGURED = {
  statusCode: 500,
  error: 'Internal Server Error',
  message: 'Authorization is not set up correctly.',
  errorCode: 'misconfigured',
};

describe.each(['express', 'fastify'] as const)('an error that leaves a handler, on %s,', (on) => {
  const ask = async (what: typeof act, options: Partial<ZitadelModuleOptions> = {}) => {
    act = what;
    return get((await serve(on, { options })).url, '/act', people.tokens.ofA);
  };

  it('is 404 where ZITADEL does not have what is named, and tells nothing of its answer', async () => {
    const heard = await ask(({ grants }) =>
      grants.get({ organizationId: people.orgA, projectId, grantId: UNKNOWN }),
    );
    expect(heard.json).toEqual(refused(404));
    expect(heard.text).not.toMatch(/QUERY-|PROJECT-|COMMAND-/);
    expect(notes.log).toMatch(
      /zitadel_refused: .*(QUERY-n98GGs|PROJECT-D8JxR).*no (such )?project grant/,
    );
  });

  it('is 409 where it is there already', async () => {
    const heard = await ask(async ({ grants }) => {
      await grants.ensure(wanted());
      await grants.add(wanted());
    });
    expect(heard.json).toEqual(refused(409));
  });

  it('is 400 where ZITADEL does not take a value, and where none is sent', async () => {
    const unknownRole = await ask(({ grants }) => grants.add(wanted({ roleKeys: ['nobody'] })));
    expect([400, 404]).toContain(unknownRole.status);
    const noId = await ask(({ grants }) => grants.add(wanted({ grantedOrgId: '../1' })));
    expect(noId.json).toEqual(refused(400, 'argument_invalid'));
    expect(noId.text).not.toContain('../1');
  });

  it('is 503 with Retry-After on an outage', async () => {
    people.zitadel.fail('listGrants', 503);
    const heard = await ask(async ({ grants }) => {
      for await (const _ of grants.list({ organizationId: people.orgA, projectId }));
    });
    expect({ status: heard.status, body: heard.json }).toEqual({ status: 503, body: UNAVAILABLE });
    expect(Number(heard.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(notes.log).toMatch(/zitadel_unavailable: .*try again later/);
  });

  it('carries the pause that ZITADEL asks for', async () => {
    const heard = await ask(() => {
      throw new ZitadelUnavailableError('List Grants', 'ZITADEL answered 429', 6_200);
    });
    expect(heard.headers['retry-after']).toBe('7');
  });

  it('is 500 where our service user is refused, with the remedy in the log only', async () => {
    const heard = await ask(({ grants }) => grants.add(wanted()), {
      serviceUser: pat(strangerPat),
    });
    expect({ status: heard.status, body: heard.json }).toEqual({
      status: 500,
      body: MISCONFIGURED,
    });
    expect(notes.log).toMatch(/make the service user a manager there/);
  });

  it('is 500 where our service user cannot sign in, or does not exist', async () => {
    const wrong = await ask(({ grants }) => grants.add(wanted()), {
      serviceUser: pat('x'.repeat(60)),
    });
    expect(wrong.json).toEqual(MISCONFIGURED);
    const { serviceUser: _, ...none } = { ...people.zitadel.options(), logger: notes.logger };
    const created = createZitadel(none).projectGrants;
    const missing = await ask(() => created.add(wanted()));
    expect(missing.json).toEqual(MISCONFIGURED);
    expect(notes.log).toMatch(/service_user_refused: .*give the option serviceUser/);
  });

  it.each(['options', 'requirement', 'unnamed'])(
    'is 500 where we are at fault: %s',
    async (what) => {
      const heard = await get((await serve(on)).url, `/open/${what}`);
      expect({ status: heard.status, body: heard.json }).toEqual({
        status: 500,
        body: MISCONFIGURED,
      });
      expect(notes.lines.at(-1)?.level).toBe('error');
    },
  );

  it('is 503 with Retry-After where a question cannot be answered', async () => {
    for (const question of ['assert', 'can', 'explain', 'lookupResources'] as const) {
      const heard = await ask(async ({ authorizer, caller }) => {
        people.zitadel.fail('memberships', 503);
        await authorizer.evict(caller.userId);
        return question === 'lookupResources'
          ? authorizer.lookupResources(caller, ['ORG_OWNER'])
          : authorizer[question](caller, role('ORG_OWNER', people.orgA));
      });
      people.zitadel.heal();
      expect({ status: heard.status, body: heard.json }).toEqual({
        status: 503,
        body: UNAVAILABLE,
      });
      expect(Number(heard.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
  });

  it('is what the guard sends, challenge and all, where assert says no', async () => {
    const asserted = await ask(({ authorizer, caller }) =>
      authorizer.assert(caller, role('ORG_OWNER', people.orgB)),
    );
    const { url } = await serve(on);
    const guarded = await get(url, '/refused', people.tokens.ofA);
    expect(asserted.status).toBe(403);
    expect(asserted.json).toEqual(guarded.json);
    expect(asserted.headers['www-authenticate']).toBe(guarded.headers['www-authenticate']);
    expect(asserted.headers['www-authenticate']).toMatch(/^Bearer error="insufficient_scope"/);
  });

  it('is Nest’s to answer where it is none of ours', async () => {
    const { url } = await serve(on);
    expect((await get(url, '/open/plain')).json).toEqual({
      statusCode: 500,
      message: 'Internal server error',
    });
    expect((await get(url, '/open/http')).json).toMatchObject({ statusCode: 404, message: 'mine' });
    expect((await get(url, '/nowhere')).status).toBe(404);
  });

  it('is logged once while it repeats', async () => {
    const { url } = await serve(on);
    for (let times = 0; times < 5; times += 1) await get(url, '/open/options');
    expect(notes.lines.filter(({ text }) => text.includes('options_invalid'))).toHaveLength(1);
  });

  @Catch()
  class CatchAll implements ExceptionFilter {
    constructor(private readonly host: HttpAdapterHost) {}

    catch(_error: unknown, host: ArgumentsHost): void {
      this.host.httpAdapter.reply(host.switchToHttp().getResponse<object>(), { mine: true }, 418);
    }
  }
  Reflect.defineMetadata('design:paramtypes', [HttpAdapterHost], CatchAll);

  it('is the application’s to answer where it has a filter for everything', async () => {
    const byToken = await serve(on, { providers: [{ provide: APP_FILTER, useClass: CatchAll }] });
    const byCall = await serve(on, {
      prepare: (app) => app.useGlobalFilters(new CatchAll(app.get(HttpAdapterHost))),
    });
    @Controller('filtered')
    class FilteredController {
      @Get()
      @Public()
      @UseFilters(CatchAll)
      read() {
        throw new ZitadelOptionsError('issuer', 'issuer: got nothing');
      }
    }
    const byRoute = await serve(on, { controllers: [FilteredController] });
    expect((await get(byToken.url, '/open/options')).json).toEqual({ mine: true });
    expect((await get(byCall.url, '/open/options')).json).toEqual({ mine: true });
    expect((await get(byRoute.url, '/filtered')).json).toEqual({ mine: true });
  });

  it('can be handed on by a filter of the application', async () => {
    @Catch()
    class HandsOn implements ExceptionFilter {
      constructor(private readonly ours: ZitadelExceptionFilter) {}

      catch(error: unknown, host: ArgumentsHost): void {
        const answer = this.ours.catch.bind(this.ours);
        answer(error as ZitadelOptionsError, host);
      }
    }
    Reflect.defineMetadata('design:paramtypes', [ZitadelExceptionFilter], HandsOn);
    const { url } = await serve(on, { providers: [{ provide: APP_FILTER, useClass: HandsOn }] });
    expect((await get(url, '/open/options')).json).toEqual(MISCONFIGURED);
  });
});

describe('off HTTP', () => {
  it('an error is thrown on as it is, in a context of another kind', async () => {
    const filter = (await serve('express')).app.get(ZitadelExceptionFilter);
    const answer = filter.catch.bind(filter);
    const error = new ZitadelOptionsError('issuer', 'issuer: got nothing');
    const host = { getType: () => 'tRPC' } as unknown as ArgumentsHost;
    expect(() => answer(error, host)).toThrow(error);
  });

  it('an error of a message is answered by its code: thrown on, nobody would catch it', async () => {
    const filter = (await serve('express')).app.get(ZitadelExceptionFilter);
    const answer = filter.catch.bind(filter);
    const error = new ZitadelOptionsError('issuer', 'issuer: got nothing');
    const told = {
      status: 'error',
      message: 'Authorization is not set up correctly.',
      errorCode: 'misconfigured',
    };
    const answered = answer(error, {
      getType: () => 'rpc',
      getArgs: () => [{}, undefined],
    } as unknown as ArgumentsHost);
    if (!isObservable(answered)) throw new Error('no Observable');
    await expect(lastValueFrom(answered)).rejects.toEqual(told);
    const emitted: unknown[] = [];
    const client = { emit: (...given: unknown[]) => emitted.push(given) };
    const host = { getType: () => 'ws', getArgByIndex: () => client };
    expect(answer(error, host as unknown as ArgumentsHost)).toBeUndefined();
    expect(emitted).toEqual([['exception', told]]);
  });
});
