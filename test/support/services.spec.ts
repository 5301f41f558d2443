import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chromiumIsHere, launchChromium } from './chromium.js';
import { askRedis, redisIsHere, startRedis } from './redis.js';

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
