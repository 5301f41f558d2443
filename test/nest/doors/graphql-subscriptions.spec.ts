import { Inject, Injectable } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Args, Info, Query, Resolver, Subscription } from '@nestjs/graphql';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Current } from '../../../lib/core/attached-decision.js';
import type { Denied } from '../../../lib/core/decision.js';
import { REVIEW } from '../../../lib/core/review.js';
import {
  Authenticated,
  CheckedResource,
  CurrentCaller,
  decisionOf,
  org,
  RequireRole,
  type Caller,
  type CurrentDecision,
  ZitadelManagerGuard,
  ZitadelAuthorizer,
} from '../../../lib/index.js';
import { StreamUnderReview } from '../../../lib/nest/doors/graphql-subscriptions.js';
import { callerOf } from '../../core/rows.js';
import { Notes } from '../../doors/door.js';
import {
  type Answer,
  type Heard,
  type RunningGraphql,
  type Stack,
  STACKS,
  startGraphql,
  subscriberOf,
} from '../../support/graphql.js';
import { useWorld } from '../../support/world.js';

/** What is published goes to every stream that is open. */
class Channel {
  readonly #open = new Set<(value: string | undefined) => void>();

  get listeners(): number {
    return this.#open.size;
  }

  publish(value: string): void {
    for (const tell of this.#open) tell(value);
  }

  /** As the usual pubsub packages do it: `return()` ends a `next()` that waits. */
  listen(): AsyncIterableIterator<string> {
    const waiting: ((value: string | undefined) => void)[] = [];
    const queue: string[] = [];
    const tell = (value: string | undefined) => {
      const next = waiting.shift();
      if (next) next(value);
      else if (value !== undefined) queue.push(value);
    };
    this.#open.add(tell);
    const iterator: AsyncIterableIterator<string> = {
      next: async () => {
        const value =
          queue.shift() ?? (await new Promise<string | undefined>((done) => waiting.push(done)));
        return value === undefined ? { done: true, value } : { done: false, value };
      },
      return: () => {
        this.#open.delete(tell);
        for (const done of waiting.splice(0)) done(undefined);
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }
}

const channel = new Channel();

/** The organizations about which somebody waits. */
const waiting = new Set<string>();

@Injectable()
class Stars {
  of(value: string): string {
    return `*${value}`;
  }
}

@Resolver()
class NewsResolver {
  constructor(@Inject(Stars) readonly stars: Stars) {}

  @Query(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  newsOf(
    @Args('orgId') _asked: string,
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): string {
    return `${caller.userId} at ${orgId}`;
  }

  /** Answers when its decision ends, or its client has left. */
  @Query(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  async waits(@Args('orgId') orgId: string, @Info() info: object): Promise<never> {
    const { signal } = decisionOf(info) as CurrentDecision;
    waiting.add(orgId);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    waiting.delete(orgId);
    throw signal.reason;
  }

  @Subscription(() => String, { resolve: (value: string) => value })
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  news(@Args('orgId') _asked: string): AsyncIterableIterator<string> {
    return channel.listen();
  }

  @Subscription(() => String, {
    resolve(this: NewsResolver, value: string) {
      return this.stars.of(value);
    },
    filter: (value: string) => value.startsWith('!'),
  })
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  alarms(@Args('orgId') _asked: string): AsyncIterableIterator<string> {
    return channel.listen();
  }

  @Subscription(() => String, { resolve: (value: string) => value })
  @Authenticated()
  async *who(@CurrentCaller() caller: Caller): AsyncGenerator<string> {
    yield caller.userId;
  }

  @Subscription(() => String, { resolve: (value: string) => value })
  undeclaredNews(): AsyncIterableIterator<string> {
    return channel.listen();
  }
}

const RESOLVERS = [NewsResolver];
const world = useWorld();
type Sent = Readonly<Record<string, string>>;
const bearer = (token: string) => `Bearer ${token}`;

describe.each(Object.keys(STACKS) as Stack[])('subscriptions of GraphQL by %s', (stack) => {
  let app: RunningGraphql;
  const notes = new Notes();
  const options = { logger: notes.logger, cache: { ttlMs: 1_000 }, clockToleranceMs: 0 };
  beforeAll(async () => {
    app = await startGraphql(stack, world.zitadel.options(options), RESOLVERS, {
      providers: [Stars],
    });
  });
  afterAll(() => app.close());

  const connect = (
    params: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string>> = {},
    to: RunningGraphql = app,
  ) => {
    const client = subscriberOf(to.url, params, headers);
    onTestFinished(() => void client.close());
    return client;
  };
  const someone = () => {
    const { zitadel, acme } = world;
    const user = zitadel.addUser(`someone-${Math.random()}`, { org: { id: acme } });
    zitadel.addMember(user, { org: { id: acme } }, ['ORG_OWNER']);
    return user;
  };
  const news = (orgId = world.acme) => `subscription { news(orgId: "${orgId}") }`;

  it.each([
    ['authorization', (token: string) => [{ authorization: bearer(token) }]],
    ['Authorization', (token: string) => [{ Authorization: bearer(token) }]],
    [
      'headers of the parameters',
      (token: string) => [{ headers: { Authorization: bearer(token) } as never }],
    ],
    ['the upgrade', (token: string) => [{}, { authorization: bearer(token) }]],
    [
      'both alike',
      (token: string) => [{ authorization: bearer(token) }, { authorization: bearer(token) }],
    ],
  ] as const)('take the token from %s', async (_, sent) => {
    const [params, headers]: readonly Sent[] = sent(world.tokens['owner of acme']);
    const client = connect(params ?? {}, headers);
    const heard = client.listen('subscription { who }');
    await expect.poll(() => heard.values).toHaveLength(1);
    expect(heard.values).toEqual([{ data: { who: world.ids['owner of acme'] } }]);
  });

  it.each([
    ['no token', {}, {}, 'token_missing'],
    ['an empty one', { authorization: '' }, {}, 'token_invalid'],
    ['another scheme', { authorization: 'Basic eDp5' }, {}, 'token_missing'],
    ['no text', { authorization: 7 }, {}, 'token_invalid'],
    [
      'two different ones',
      { authorization: 'Bearer a.b.c', Authorization: 'Bearer d.e.f' },
      {},
      'token_invalid',
    ],
  ])('refuse %s', async (_, params, headers, errorCode) => {
    const heard = connect(params, headers).listen(news());
    await expect.poll(() => heard.ended).toBeDefined();
    expect(codesOf(heard)).toEqual([errorCode]);
    expect(channel.listeners).toBe(0);
    expect(notes.log).toContain('its context shows no authorization in connectionParams');
  });

  it('refuse two tokens in two places', async () => {
    const { tokens } = world;
    const heard = connect(
      { authorization: bearer(tokens['owner of acme']) },
      { authorization: bearer(tokens['owner of globex']) },
    ).listen(news());
    await expect.poll(() => heard.ended).toBeDefined();
    expect(codesOf(heard)).toEqual(['token_invalid']);
  });

  it('refuse what is not declared, and another organization', async () => {
    const client = connect({ authorization: bearer(world.tokens['owner of acme']) });
    for (const [query, code] of [
      ['subscription { undeclaredNews }', 'not_declared'],
      [news(world.globex), 'role_missing'],
    ] as const) {
      const heard = client.listen(query);
      await expect.poll(() => heard.ended).toBeDefined();
      expect(codesOf(heard)).toEqual([code]);
    }
    expect(channel.listeners).toBe(0);
  });

  it('let queries through over the same connection', async () => {
    const client = connect({ authorization: bearer(world.tokens['owner of acme']) });
    const [good, bad] = [world.acme, world.globex].map((id) =>
      client.listen(`{ newsOf(orgId: "${id}") }`),
    );
    await expect.poll(() => [good?.ended, bad?.ended]).toEqual(['complete', 'complete']);
    expect(good?.values).toEqual([
      { data: { newsOf: `${world.ids['owner of acme']} at ${world.acme}` } },
    ]);
    expect(bad?.values).toMatchObject([
      { errors: [{ extensions: { errorCode: 'role_missing' } }] },
    ]);
  });

  it.each([
    [
      'the role is lost',
      'role_missing',
      (user: { readonly id: string }) =>
        world.zitadel.removeMember(user, { org: { id: world.acme } }),
    ],
    [
      'the token is revoked',
      'token_rejected',
      (_: object, token: string) => world.zitadel.revokeToken(token),
    ],
  ])('end when %s, and nothing is heard after', async (_, errorCode, change) => {
    const user = someone();
    const token = world.zitadel.tokenFor(user);
    const heard = connect({ authorization: bearer(token) }).listen(news());
    const filtered = connect({ authorization: bearer(token) }).listen(
      `subscription { alarms(orgId: "${world.acme}") }`,
    );
    await expect.poll(() => channel.listeners).toBe(2);
    channel.publish('first');
    channel.publish('!second');
    await expect
      .poll(() => [heard.values, filtered.values].map(({ length }) => length))
      .toEqual([2, 1]);
    change(user, token);
    await expect.poll(() => [heard.ended, filtered.ended]).not.toContain(undefined);
    channel.publish('!late');
    expect([codesOf(heard), codesOf(filtered)]).toEqual([[errorCode], [errorCode]]);
    expect([heard.values, filtered.values].map(({ length }) => length)).toEqual([2, 1]);
    await expect.poll(() => channel.listeners).toBe(0);
  });

  it('ask again at once when their user is evicted, and a field that waits has the same signal', async () => {
    const { zitadel, acme } = world;
    const user = someone();
    const token = zitadel.tokenFor(user);
    const heard = connect({ authorization: bearer(token) }).listen(news());
    const waits = app.ask(token, `{ waits(orgId: "${acme}") }`);
    await expect.poll(() => [channel.listeners, waiting.size]).toEqual([1, 1]);
    zitadel.removeMember(user, { org: { id: acme } });
    await app.app.get(ZitadelAuthorizer).evict(user.id);
    await expect.poll(() => heard.ended).toBeDefined();
    expect(codesOf(heard)).toEqual(['role_missing']);
    expect(await waits).toMatchObject({ errors: [{ extensions: { errorCode: 'role_missing' } }] });
  });

  it('end the signal of a field whose client has left', async () => {
    const { zitadel, acme } = world;
    const leaving = new AbortController();
    const asking = fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: bearer(zitadel.tokenFor(someone())),
        'content-type': 'application/json',
      },
      body: JSON.stringify({ query: `{ waits(orgId: "${acme}") }` }),
      signal: leaving.signal,
    });
    await expect.poll(() => waiting.size).toBe(1);
    leaving.abort();
    await expect(asking).rejects.toThrow('aborted');
    await expect.poll(() => waiting.size).toBe(0);
  });

  // It has the same WebSocket server as Apollo on Express, and these take seconds.
  if (stack === 'Apollo on Fastify') return;

  it('end when the token expires', async () => {
    const token = world.zitadel.tokenFor(someone(), { expiresInSeconds: 2 });
    const heard = connect({ authorization: bearer(token) }).listen(news());
    await expect.poll(() => channel.listeners).toBe(1);
    await expect.poll(() => heard.ended).toBeDefined();
    // ZITADEL may be asked just then, and says it first.
    expect(codesOf(heard)).toEqual([expect.stringMatching(/^token_(invalid|rejected)$/)]);
  });

  it('go on while the decision stands, and are asked about no more after they have ended', async () => {
    const { zitadel } = world;
    const user = someone();
    const client = connect({ authorization: bearer(zitadel.tokenFor(user)) });
    const heard = client.listen(news());
    await expect.poll(() => channel.listeners).toBe(1);
    zitadel.resetRequests();
    await expect.poll(() => zitadel.requests('memberships')).toBeGreaterThan(1);
    channel.publish('still there');
    await expect.poll(() => heard.values).toHaveLength(1);
    heard.stop();
    await expect.poll(() => channel.listeners).toBe(0);
  });

  it('end, also if a guard of the application throws in place of naming an exception', async () => {
    class ThrowingGuard extends ZitadelManagerGuard {
      protected override exceptionFor(): never {
        throw new Error('hidden');
      }
    }
    const throwing = await startGraphql(stack, world.zitadel.options(options), RESOLVERS, {
      providers: [Stars, { provide: APP_GUARD, useClass: ThrowingGuard }],
    });
    onTestFinished(() => throwing.close());
    const { zitadel, acme } = world;
    const user = someone();
    const params = { authorization: bearer(zitadel.tokenFor(user)) };
    const heard = connect(params, {}, throwing).listen(news());
    await expect.poll(() => channel.listeners).toBe(1);
    zitadel.removeMember(user, { org: { id: acme } });
    await expect.poll(() => heard.ended).toBeDefined();
    await expect.poll(() => channel.listeners).toBe(0);
  });

  it('go on through an outage shorter than the time to live', async () => {
    const { zitadel } = world;
    const heard = connect({ authorization: bearer(zitadel.tokenFor(someone())) }).listen(news());
    await expect.poll(() => channel.listeners).toBe(1);
    zitadel.failNext('memberships', { status: 503 }, 1);
    zitadel.resetRequests();
    await expect.poll(() => zitadel.requests('memberships')).toBeGreaterThan(2);
    channel.publish('still there');
    await expect.poll(() => heard.values).toHaveLength(1);
    zitadel.fail('memberships', { status: 503 });
    await expect.poll(() => heard.ended).toBeDefined();
    zitadel.heal();
    expect(codesOf(heard)).toEqual(['unavailable']);
  });
});

/** The codes of what ended a subscription, or kept it from beginning. */
function codesOf({ values, ended }: Heard): readonly unknown[] {
  const errors = Array.isArray(ended) ? (ended as Answer['errors']) : values.at(-1)?.errors;
  return (errors ?? [{ message: String(ended), extensions: undefined }]).map(
    ({ message, extensions }) => extensions?.['errorCode'] ?? message,
  );
}

/** A decision that ends when the test says so. */
function reviewed() {
  const noted = { begun: 0, stopped: 0, end: (): void => undefined };
  const yes = {
    allowed: true,
    caller: callerOf('ann'),
    by: undefined,
    checked: [],
    read: { at: 0, from: 'zitadel' },
    [REVIEW](_request: object, ended: (denied: Denied) => void) {
      noted.begun += 1;
      noted.end = () => ended({ allowed: false, reason: 'role_missing' });
      return { stop: () => void (noted.stopped += 1) };
    },
  } as const;
  return { noted, decision: new Current(yes, {}, ({ reason }) => new Error(reason)) };
}

const streamOf = (next: () => Promise<IteratorResult<string>>, last?: () => unknown) =>
  new StreamUnderReview<string>({
    [Symbol.asyncIterator]: () => ({ next, ...(last && { return: last as never }) }),
  });

describe('a stream under review', () => {
  it('is asked about no more when what it is made of breaks', async () => {
    const { noted, decision } = reviewed();
    const stream = streamOf(() => Promise.reject(new Error('the source broke')));
    stream.endWith(decision);
    // Whoever reads a stream that breaks does not call return().
    await expect(stream.next()).rejects.toThrow('the source broke');
    expect(noted.stopped).toBe(1);
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it('is under one review, also if two guards let it through', async () => {
    const [one, other] = [reviewed(), reviewed()];
    const stream = streamOf(() => Promise.resolve({ done: true, value: undefined }));
    stream.endWith(one.decision);
    stream.endWith(other.decision);
    await stream.next();
    expect([one.noted.begun, one.noted.stopped, other.noted.begun]).toEqual([1, 1, 0]);
  });

  it('ends at once with a decision that has ended', async () => {
    const { noted, decision } = reviewed();
    expect(decision.signal.aborted).toBe(false);
    noted.end();
    const stream = streamOf(() => Promise.resolve({ done: false, value: 'late' }));
    stream.endWith(decision);
    await expect(stream.next()).rejects.toThrow('role_missing');
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it.each([
    ['returns no promise', () => undefined],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('ends with its decision, also if what it is made of %s when it is told', async (_, last) => {
    const { noted, decision } = reviewed();
    const stream = streamOf(() => new Promise(() => undefined), last);
    stream.endWith(decision);
    const next = stream.next();
    noted.end();
    await expect(next).rejects.toThrow('role_missing');
  });
});
