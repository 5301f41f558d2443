import { Agent, request as send, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { Controller, Get, Headers, Module, Req } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import {
  Authenticated,
  type Caller,
  CheckedResource,
  CurrentCaller,
  decisionOf,
  getZitadelToken,
  org,
  RequireRole,
  role,
  ZitadelAuthorizer,
  ZitadelManagerGuard,
  ZitadelModule,
  type ZitadelOfModule,
} from 'nestjs-zitadel';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import type { Figures, RunOptions } from './proof.js';
import { type Random, seededRandom } from './seeded-random.js';

export const about =
  'namesakes of two instances on one route, interleaved: no answer is about another';

const FIRST_ID = '400000000000000001';
const SEED = 11;
const SOCKETS = 64;

/** Somebody of one instance. In the other one somebody else has the same id, and owns another organization. */
interface Person {
  readonly userId: string;
  readonly issuer: string;
  readonly token: string;
  readonly owns: string;
  /** Of the namesake. */
  readonly ownsNot: string;
}

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const [requests, namesakes] = short ? [800, 20] : [100_000, 500];
  const emulators = [await openInstance(), await openInstance()] as const;
  const people = peopleOf(emulators, namesakes);
  progress(`${people.length} people`);
  const application = await openApplication(emulators);
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
  const random = seededRandom(SEED, 0);
  const seen = { allowed: 0, refused: 0, mixedUp: 0, begun: 0 };
  try {
    const ask = async () => {
      while (seen.begun < requests) {
        seen.begun += 1;
        const number = seen.begun;
        if (number % 10_000 === 0) progress(`${number} requests, ${seen.mixedUp} mixed up`);
        if (random.chance(0.02)) await application.forget(random.pick(people));
        const question = questionOf(random, random.pick(people), String(number));
        const answer = await answerTo(question, application.port, agent);
        if (answer.startsWith('200')) seen.allowed += 1;
        else seen.refused += 1;
        if (answer === question.answer) continue;
        seen.mixedUp += 1;
        if (seen.mixedUp < 5)
          progress(`${question.path}: ${answer} in place of ${question.answer}`);
      }
    };
    await Promise.all(Array.from({ length: 2 * SOCKETS }, ask));
  } finally {
    agent.destroy();
    await application.close();
    await Promise.all(emulators.map((each) => each.stop()));
  }
  const { allowed, refused, mixedUp } = seen;
  return {
    // Otherwise nothing was put to the test.
    ok: mixedUp === 0 && allowed > requests / 4 && refused > requests / 10,
    requests: allowed + refused,
    mixedUp,
    people: people.length,
    instances: emulators.length,
    allowed,
    refused,
  };
}

const openInstance = () => ZitadelEmulator.start({ firstId: FIRST_ID });

function peopleOf(
  emulators: readonly [ZitadelEmulator, ZitadelEmulator],
  namesakes: number,
): readonly Person[] {
  const made = emulators.map((each) => ({
    orgs: Array.from({ length: 10 }, (_, number) => each.addOrg(`org ${number}`).id),
    users: Array.from({ length: namesakes }, (_, number) => each.addUser(`user ${number}`).id),
  }));
  if (JSON.stringify(made[0]) !== JSON.stringify(made[1])) throw new Error('no namesakes');
  return emulators.flatMap((each, instance) => {
    const { orgs, users } = made[instance] as (typeof made)[0];
    return users.map((userId, number): Person => {
      const orgOf = (which: number) => orgs[(number + 3 * which) % orgs.length] ?? '';
      const [owns, ownsNot] = [orgOf(instance), orgOf(1 - instance)];
      each.addMember(userId, { org: owns }, ['ORG_OWNER']);
      return { userId, issuer: each.issuer, token: each.tokenFor(userId), owns, ownsNot };
    });
  });
}

interface Question {
  readonly path: string;
  readonly token: string;
  readonly nonce: string;
  readonly answer: string;
}

function questionOf(random: Random, person: Person, nonce: string): Question {
  const { token, userId, issuer, owns, ownsNot } = person;
  const who = { nonce, userId, issuer };
  const yes = (body: object) => `200 ${JSON.stringify(body)}`;
  return random.weighted<Question>([
    [{ path: '/me', token, nonce, answer: yes(who) }, 2],
    [{ path: `/orgs/${owns}`, token, nonce, answer: yes({ ...who, orgId: owns }) }, 4],
    [{ path: `/orgs/${ownsNot}`, token, nonce, answer: '403 role_missing' }, 3],
    [{ path: `/can/${owns}`, token, nonce, answer: yes({ ...who, can: true }) }, 1],
    [{ path: `/can/${ownsNot}`, token, nonce, answer: yes({ ...who, can: false }) }, 1],
  ]);
}

function answerTo({ path, token, nonce }: Question, port: number, agent: Agent): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'x-nonce': nonce };
  return new Promise((resolve, reject) => {
    send({ host: '127.0.0.1', port, path, agent, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.once('end', () => {
        const { errorCode } = JSON.parse(body) as { readonly errorCode?: string };
        resolve(`${response.statusCode ?? 0} ${errorCode ?? body}`);
      });
    })
      .once('error', reject)
      .end();
  });
}

/** A store that both instances share, with one secret. */
class Store {
  readonly #entries = new Map<string, unknown>();

  async get(key: string): Promise<unknown> {
    await turn();
    return this.#entries.get(key);
  }

  async set(key: string, value: unknown): Promise<void> {
    await turn();
    this.#entries.set(key, value);
  }
}

async function openApplication(emulators: readonly ZitadelEmulator[]) {
  const random = seededRandom(SEED, 1);
  /** What the handlers of an application do: they wait, and others come in between. */
  const work = async () => {
    for (let turns = random.below(4); turns > 0; turns -= 1) await turn();
    if (random.chance(0.1)) await wait(random.below(4));
  };
  const answerOf = async (caller: Caller, nonce: string, request: object) => {
    await work();
    // What stands with the request now, after others came in between.
    const { userId, issuer } = decisionOf(request)?.caller ?? {};
    return caller.userId === userId && caller.issuer === issuer
      ? { nonce, userId, issuer }
      : { nonce, caller, instead: userId };
  };

  @Controller()
  class PeopleController {
    constructor(private readonly zitadel: ZitadelAuthorizer) {}

    @Get('me')
    @Authenticated()
    me(@CurrentCaller() caller: Caller, @Headers('x-nonce') nonce: string, @Req() request: object) {
      return answerOf(caller, nonce, request);
    }

    @Get('orgs/:orgId')
    @RequireRole('ORG_OWNER', org.param('orgId'))
    async manage(
      @CurrentCaller() caller: Caller,
      @CheckedResource('org') orgId: string,
      @Headers('x-nonce') nonce: string,
      @Req() request: object,
    ) {
      return { ...(await answerOf(caller, nonce, request)), orgId };
    }

    @Get('can/:orgId')
    @Authenticated()
    async can(
      @CurrentCaller() caller: Caller,
      @Headers('x-nonce') nonce: string,
      @Req() request: { readonly params: { readonly orgId: string } },
    ) {
      const answer = await answerOf(caller, nonce, request);
      const can = await this.zitadel.can(caller, role('ORG_OWNER', org(request.params.orgId)));
      return { ...answer, can };
    }
  }
  Reflect.defineMetadata('design:paramtypes', [ZitadelAuthorizer], PeopleController);

  // Some are forgotten meanwhile, so that what is remembered, shared and asked for anew stand beside one another.
  const cache = {
    ttlMs: 60_000,
    denialMs: 20_000,
    shared: { secret: 'one secret of both, longer than 32 characters' },
  };
  // It is not about time: a busy machine is no outage.
  const patient = { cache, timeoutMs: 60_000, budgetMs: 120_000 };
  @Module({
    providers: [{ provide: 'CACHE_MANAGER', useClass: Store }],
    exports: ['CACHE_MANAGER'],
  })
  class StoreModule {}

  @Module({
    imports: [
      { module: StoreModule, global: true },
      ZitadelModule.forRoot({ instances: emulators.map((each) => each.options(patient)) }),
    ],
    controllers: [PeopleController],
    providers: [{ provide: APP_GUARD, useExisting: ZitadelManagerGuard }],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  const server = app.getHttpServer() as Server;
  // A socket that idles for long must not be closed while a request is on its way.
  server.keepAliveTimeout = 0;
  await app.listen(0, '127.0.0.1');
  const { instances } = app.get<ZitadelOfModule>(getZitadelToken());
  return {
    port: (server.address() as AddressInfo).port,
    forget: ({ issuer, userId }: Person) => instances.get(issuer)?.authorizer.evict(userId),
    close: () => app.close(),
  };
}
