import { Controller, Get, type MessageEvent, Sse } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  Authenticated,
  org,
  Public,
  RequireRole,
  ZitadelAuthorizer,
  type ZitadelModuleOptions,
} from '../../lib/index.js';
import { boot } from '../support/application.js';
import { get } from '../support/who-gets-in.js';
import { useWorld } from '../support/world.js';

const world = useWorld();

const news = new Subject<MessageEvent>();

@Controller(':orgId')
class NewsController {
  @Sse('news')
  @RequireRole('ORG_OWNER_VIEWER', org.param('orgId'))
  news(): Observable<MessageEvent> {
    return news;
  }

  @Sse('optional')
  @Authenticated({ optional: true })
  optional(): Observable<MessageEvent> {
    return news;
  }

  @Sse('public')
  @Public()
  public(): Observable<MessageEvent> {
    return news;
  }

  @Get('page')
  @RequireRole('ORG_OWNER_VIEWER', org.param('orgId'))
  page() {
    return {};
  }
}

/** Reads a stream. `open` says whether the server has ended it. */
async function read(url: string, token?: string) {
  const response = await fetch(url, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  const stream = { status: response.status, text: '', open: true };
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const readOn = async () => {
    for (;;) {
      const { done = true, value = '' } = (await reader?.read()) ?? {};
      stream.text += value;
      if (done) break;
    }
    stream.open = false;
  };
  // A connection that breaks is not the server's end of the stream.
  readOn().catch(() => undefined);
  return stream;
}

const serve = (platform: 'express' | 'fastify', options: Partial<ZitadelModuleOptions>) =>
  boot(world, { controllers: [NewsController], platform, options });

describe.each(['express', 'fastify'] as const)('a stream of events on %s', (platform) => {
  it('ends when the role is lost, and the other streams go on', async () => {
    const { zitadel, acme, tokens } = world;
    const { url } = await serve(platform, { cache: { ttlMs: 1_000 } });
    const user = zitadel.addUser(`reader on ${platform}`);
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER_VIEWER']);
    expect(await get(url, `/${acme}/news`, tokens.nobody)).toMatchObject({ status: 403 });
    const streams = [
      await read(`${url}/${acme}/news`, zitadel.tokenFor(user)),
      await read(`${url}/${acme}/news`, tokens['owner of acme']),
      await read(`${url}/${acme}/optional`),
      await read(`${url}/${acme}/public`, zitadel.tokenFor(user)),
    ];
    news.next({ data: 'first' });
    await expect.poll(() => streams.every(({ text }) => text.includes('data: first'))).toBe(true);
    zitadel.removeMember(user, { org: acme });
    await expect.poll(() => streams[0]?.open).toBe(false);
    news.next({ data: 'second' });
    await expect
      .poll(() => streams.map(({ text }) => text.includes('data: second')))
      .toEqual([false, true, true, true]);
    expect(streams.map(({ open }) => open)).toEqual([false, true, true, true]);
  });

  it('ends at once when an eviction shows that the role is lost', async () => {
    const { zitadel, acme } = world;
    const { app, url } = await serve(platform, {});
    const user = zitadel.addUser(`evicted on ${platform}`);
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER_VIEWER']);
    const stream = await read(`${url}/${acme}/news`, zitadel.tokenFor(user));
    zitadel.removeMember(user, { org: acme });
    await app.get(ZitadelAuthorizer).evictOrganization(acme);
    await expect.poll(() => stream.open).toBe(false);
  });

  it.each(['news', 'optional'])('ends when its token expires: %s', async (path) => {
    const { zitadel, acme, ids } = world;
    const { url } = await serve(platform, {});
    const claims = { exp: Math.floor(Date.now() / 1_000) + 3 };
    const token = zitadel.tokenFor(ids['owner of acme'], { claims });
    const stream = await read(`${url}/${acme}/${path}`, token);
    await expect.poll(() => stream.open).toBe(false);
    expect(stream.status).toBe(200);
  });

  it('is left alone when its client is gone', async () => {
    const { acme, tokens } = world;
    const { url } = await serve(platform, { cache: { ttlMs: 1_000 } });
    const leaving = new AbortController();
    const headers = { authorization: `Bearer ${tokens['viewer of acme']}` };
    await fetch(`${url}/${acme}/news`, { headers, signal: leaving.signal });
    await expect.poll(() => news.observed).toBe(true);
    leaving.abort();
    await expect.poll(() => news.observed).toBe(false);
  });
});
