import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { verifyEventSignature } from '../../lib/zitadel/events/verify-event.js';
import { chromiumIsHere, launchChromium } from './chromium.js';
import { openReceiver } from './deliveries.js';
import { askRedis, redisIsHere, startRedis } from './redis.js';
import { RevocationWorld } from './revocation-world.js';

describe.runIf(redisIsHere)('the Redis of a test', () => {
  it('answers nothing while it is paused and everything after', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    redis.pause();
    const answer = askRedis(redis.port, 'SET a 1');
    const first = await Promise.race([
      answer,
      new Promise((done) => setTimeout(done, 100, 'late')),
    ]);
    expect(first).toBe('late');
    redis.resume();
    expect(await answer).toBe('+OK\r\n');
  });

  it('comes back empty at the same address after a crash', async () => {
    const first = await startRedis();
    await askRedis(first.port, 'SET a 1');
    await first.kill();
    await expect(askRedis(first.port, 'PING')).rejects.toThrow('ECONNREFUSED');
    const second = await startRedis(first.port);
    onTestFinished(() => second.stop());
    expect(second.url).toBe(first.url);
    expect(await askRedis(second.port, 'EXISTS a')).toBe(':0\r\n');
  });

  it('says why it could not start', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    await expect(startRedis(redis.port)).rejects.toThrow('Address already in use');
  });
});

describe.runIf(chromiumIsHere)('the Chromium of a test', () => {
  it('shows a page of this machine', async () => {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<h1>hello</h1>');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const browser = await launchChromium();
    onTestFinished(async () => {
      await browser.close();
      server.close();
    });
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(await page.textContent('h1')).toBe('hello');
  });
});

it('the world of revocations tells each address in turn of what is revoked', async () => {
  const world = await RevocationWorld.start(4);
  onTestFinished(() => world.stop());
  const receivers = [await openReceiver(), await openReceiver()];
  onTestFinished(async () => void (await Promise.all(receivers.map((each) => each.close()))));
  await world.deliverTo(receivers.map(({ url }) => url));
  const [revoked, arrived] = [new Map<number, number>(), new Map<number, number>()];
  world.onRevoked = (place, at) => revoked.set(place, at);
  world.onArrived = (place, at) => arrived.set(place, at);
  await world.revoke([3, 1], 1_000);
  await world.delivered();
  expect([...revoked.keys()]).toEqual([3, 1]);
  expect(new Set(arrived.keys())).toEqual(new Set([1, 3]));
  expect(receivers.map(({ deliveries }) => deliveries.length)).toEqual([1, 1]);
  for (const { raw, headers, at } of receivers.flatMap(({ deliveries }) => deliveries)) {
    const signature = headers['zitadel-signature'];
    expect(verifyEventSignature(raw, signature, world.signingKey, at)).toBe('valid');
  }
  await world.deliveries({ lose: 1 });
  await world.giveBack([3, 1]);
  await world.revoke([3], 1_000);
  await world.delivered();
  expect(receivers.map(({ deliveries }) => deliveries.length)).toEqual([1, 1]);
});
