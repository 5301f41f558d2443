import KeyvRedis from '@keyv/redis';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Decision } from '../../../lib/core/decision.js';
import { role } from '../../../lib/core/requirement/builders.js';
import { org } from '../../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import { redisIsHere, type RedisServer, startRedis } from '../../support/redis.js';
import { useEmulator } from '../../support/world.js';

const SECRET = 'a secret of more than thirty-two characters';

describe.runIf(redisIsHere)('memberships shared over a real Redis', async () => {
  let redis: RedisServer;
  const connections: KeyvRedis<string>[] = [];

  const zitadel = await useEmulator();
  const alice = zitadel.addUser('alice');
  zitadel.addMember(alice, { org: zitadel.rootOrg }, ['ORG_OWNER']);
  const token = zitadel.tokenFor(alice);
  const requirement = role('ORG_OWNER', org(zitadel.rootOrg.id));
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    redis.resume();
    // In good order it would wait for a server that is gone.
    for (const connection of connections.splice(0)) await connection.disconnect(true);
    await redis.stop();
  });

  function connect(): KeyvRedis<string> {
    const connection = new KeyvRedis<string>(redis.url);
    connections.push(connection);
    return connection;
  }

  /** As one process of an application would have it: an own memory, an own connection. */
  function processOf(ttlMs = 30_000): Zitadel {
    const connection = connect();
    const keyv = new Keyv(connection);
    keyv.on('error', () => undefined);
    const logger = { debug() {}, log() {}, warn() {}, error() {} };
    return createZitadel(
      zitadel.options({ cache: { ttlMs, shared: { secret: SECRET } }, logger }),
      { sharedCache: createCache({ stores: [keyv] }) },
    );
  }

  function ask({ decisions }: Zitadel): Promise<Decision> {
    const headers = { authorization: `Bearer ${token}` };
    return Promise.resolve(decisions.authorize({ headers }, decisions.prepare(requirement)));
  }

  const from = (decision: Decision) => (decision.allowed ? decision.read.from : decision.reason);

  /** A write is not waited for: asks with new processes until one finds it. */
  async function untilShared(): Promise<Zitadel> {
    return expect
      .poll(async () => from(await ask(processOf())), { interval: 20 })
      .toBe('shared')
      .then(() => processOf());
  }

  it('are read from ZITADEL once for all processes', async () => {
    expect(from(await ask(processOf()))).toBe('zitadel');
    await untilShared();
    const calls = zitadel.requests('memberships');
    expect(from(await ask(processOf()))).toBe('shared');
    expect(zitadel.requests('memberships')).toBe(calls);
  });

  it('end for all processes at once by an eviction in one', async () => {
    await ask(processOf());
    const other = await untilShared();
    await other.authorizer.evict(zitadel.rootOrg.id);
    expect(from(await ask(processOf()))).toBe('shared');
    const decision = await ask(other);
    if (!decision.caller) throw new Error('no caller');
    await other.authorizer.evict(decision.caller.userId);
    expect(from(await ask(processOf()))).toBe('zitadel');
  });

  it('are asked of ZITADEL while Redis hangs, and shared again afterwards', async () => {
    await ask(processOf());
    const other = await untilShared();
    redis.pause();
    // Redis answers neither of these before it goes on.
    expect(from(await ask(other))).toBe('zitadel');
    await other.authorizer.evictAll();
    redis.resume();
    await ask(processOf());
    await untilShared();
  });

  it('end for a process that starts when Redis is back, if they were evicted while it hung', async () => {
    await ask(processOf());
    const other = await untilShared();
    const decision = await ask(other);
    redis.pause();
    await other.authorizer.evict(decision.caller?.userId ?? '');
    redis.resume();
    await expect.poll(async () => from(await ask(processOf())), { timeout: 5_000 }).toBe('zitadel');
  });

  it('are asked of ZITADEL when Redis is killed, and when it is back and empty', async () => {
    await ask(processOf());
    const other = await untilShared();
    const { port } = redis;
    await redis.kill();
    expect(from(await ask(other))).toBe('zitadel');
    expect(from(await ask(processOf()))).toBe('zitadel');
    redis = await startRedis(port);
    await ask(processOf());
    await untilShared();
  });

  it('are signed as they lie there: a changed one is asked anew', async () => {
    await ask(processOf());
    await untilShared();
    const redisClient = await connect().getClient();
    const keys = (await redisClient.keys('*')).filter((key) => String(key).includes(':rows:'));
    expect(keys).toHaveLength(1);
    const [key = ''] = keys.map(String);
    const value = String(await redisClient.get(key));
    expect(value).toContain('ORG_OWNER');
    await redisClient.set(key, value.replaceAll('ORG_OWNER', 'IAM_OWNER'));
    expect(from(await ask(processOf()))).toBe('zitadel');
  });
});
