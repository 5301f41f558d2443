import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { Controller, Get, type ModuleMetadata, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  CheckedResource,
  org,
  RequireRole,
  ZitadelManagerGuard,
  ZitadelModule,
  ZitadelAuthorizer,
  type ZitadelOptions,
} from 'nestjs-zitadel';
import { createZitadel } from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { serve, untilTheEnd } from '../support/application.js';
import { type Prepare, type RunningNest, startNest } from '../support/start.js';
import { Reports, ReportsController } from './filter-a-list.js';
import { HidingGuard } from './hide-existence.js';
import { ProfileController, Profiles } from './local-profile.js';
import { MeController } from './my-roles.js';
import { ReportPolicy, ZitadelCredentials } from './nestjs-authentication.js';
import { BILLING, InvoicesController } from './pass-the-token-on.js';
import { News, NewsController } from './server-sent-events.js';
import { sessionToken, tokenOfSession } from './session-in-a-cookie.js';
import { serveStreams } from './streams-of-your-own.js';
import { callerOfCall, ownerOfOrg } from './trpc.js';

// The recipes import the package by its name, and so does what they run on.
const zitadel = await ZitadelEmulator.start();
afterAll(() => zitadel.stop());
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const portal = zitadel.addProject('portal', { org: globex });
const alice = zitadel.addUser('alice', { org: acme });
zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
zitadel.addMember(alice, { project: portal }, ['PROJECT_OWNER']);
const bob = zitadel.addUser('bob', { org: acme });
const root = zitadel.addUser('root');
zitadel.addMember(root, 'instance', ['IAM_OWNER']);
const bearer = (user: typeof alice) => ({ authorization: `Bearer ${zitadel.tokenFor(user)}` });

@Controller('orgs/:orgId')
class OrganizationController {
  @Get()
  @RequireRole('ORG_OWNER', org.param('orgId'))
  read(@CheckedResource('org') orgId: string) {
    return { orgId };
  }
}

interface Given extends ModuleMetadata {
  readonly options?: Partial<ZitadelOptions>;
  readonly prepare?: Prepare;
  readonly guard?: Provider;
}

const GUARD = { provide: APP_GUARD, useExisting: ZitadelManagerGuard };

/** An application with a recipe in it, until the test ends. */
async function start(given: Given): Promise<RunningNest> {
  const { options, prepare, guard = GUARD, providers = [], ...rest } = given;
  const patient = { timeoutMs: 60_000, budgetMs: 120_000, ...options };
  const metadata = {
    imports: [ZitadelModule.forRoot(zitadel.options(patient))],
    providers: [guard, ...providers],
    ...rest,
  };
  return untilTheEnd(await startNest('express', metadata, prepare));
}

async function ask(url: string, init: RequestInit = {}) {
  const reply = await fetch(url, init);
  return { status: reply.status, body: (await reply.json()) as unknown };
}

describe('a recipe', () => {
  it('tells the frontend where the caller holds which role', async () => {
    const { url } = await start({ controllers: [MeController] });
    const { status, body } = await ask(`${url}/me/roles`, { headers: bearer(alice) });
    const acmeAlone = { everywhere: false, organizations: [acme.id], projectGrants: [] };
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        userId: alice.id,
        mayEdit: { ...acmeAlone, projects: [] },
        mayRead: { ...acmeAlone, projects: [] },
      },
    });
    expect((await ask(`${url}/me/roles`)).status).toBe(401);
  });

  it('keeps a profile for each caller', async () => {
    const { url } = await start({ controllers: [ProfileController], providers: [Profiles] });
    const page = `${url}/me/profile`;
    const put = (theme: string) => ({
      method: 'PUT',
      headers: { ...bearer(alice), 'content-type': 'application/json' },
      body: JSON.stringify({ theme, userId: bob.id }),
    });
    const light = (userId: string) => ({ status: 200, body: { userId, theme: 'light' } });
    expect(await ask(page, { headers: bearer(alice) })).toEqual(light(alice.id));
    await ask(page, put('dark'));
    expect((await ask(page, { headers: bearer(alice) })).body).toEqual({
      userId: alice.id,
      theme: 'dark',
    });
    expect(await ask(page, { headers: bearer(bob) })).toEqual(light(bob.id));
  });

  it('passes the token on, and the answer back', async () => {
    const statuses: number[] = [];
    const seen: unknown[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.statusCode = statuses.shift() ?? 200;
      response.end('["an invoice"]');
    });
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    untilTheEnd({ url: '', close: async () => void other.close() });
    const { port } = other.address() as AddressInfo;
    const { url } = await start({
      controllers: [InvoicesController],
      providers: [{ provide: BILLING, useValue: `http://127.0.0.1:${String(port)}` }],
    });
    const headers = bearer(alice);
    const list = () => ask(`${url}/invoices`, { headers });
    expect(await list()).toEqual({ status: 200, body: ['an invoice'] });
    expect(seen).toEqual([headers.authorization]);
    statuses.push(403, 500, 302);
    expect([(await list()).status, (await list()).status, (await list()).status]).toEqual([
      403, 503, 503,
    ]);
  });

  it('lists what the caller may see', async () => {
    const reports = new Reports();
    const { url } = await start({
      controllers: [ReportsController],
      providers: [{ provide: Reports, useValue: reports }],
    });
    const of = (name: string, organizationId: string, projectId: string) =>
      reports.rows.push({ name, organizationId, projectId });
    of('of acme', acme.id, '1');
    of('of the portal', globex.id, portal.id);
    of('of globex', globex.id, '2');
    const seenBy = async (user: typeof alice) => {
      const { body } = await ask(`${url}/reports`, { headers: bearer(user) });
      return (body as readonly { readonly name: string }[]).map(({ name }) => name);
    };
    expect(await seenBy(alice)).toEqual(['of acme', 'of the portal']);
    expect(await seenBy(bob)).toEqual([]);
    expect(await seenBy(root)).toEqual(['of acme', 'of the portal', 'of globex']);
  });

  it('takes the token from the session, for requests of its own pages', async () => {
    const accessToken = zitadel.tokenFor(alice);
    const { url } = await start({
      controllers: [OrganizationController],
      options: { token: tokenOfSession },
      prepare: (app) =>
        app.use(
          sessionToken(({ headers: { cookie } }) => {
            if (cookie === 'session=broken') return Promise.reject(new Error('no such key'));
            return Promise.resolve(cookie === 'session=alice' ? { accessToken } : null);
          }),
        ),
    });
    const status = async (cookie: string, from: string) => {
      const headers = { cookie, 'sec-fetch-site': from };
      return (await ask(`${url}/orgs/${acme.id}`, { headers })).status;
    };
    expect(await status('session=alice', 'same-origin')).toBe(200);
    expect(await status('session=alice', 'cross-site')).toBe(401);
    expect(await status('session=alice', 'same-site')).toBe(401);
    expect(await status('session=bob', 'same-origin')).toBe(401);
    expect(await status('session=broken', 'same-origin')).toBe(500);
    // A token in the header is none here.
    expect((await ask(`${url}/orgs/${acme.id}`, { headers: bearer(alice) })).status).toBe(401);
  });

  it('hides what the caller may not see as if it did not exist', async () => {
    const { url } = await start({
      controllers: [OrganizationController],
      guard: { provide: APP_GUARD, useClass: HidingGuard },
    });
    const seen = await ask(`${url}/orgs/${acme.id}`, { headers: bearer(bob) });
    const nothing = await ask(`${url}/nothing/${acme.id}`, { headers: bearer(bob) });
    expect(seen.status).toBe(404);
    expect(JSON.stringify(seen.body)).toBe(
      JSON.stringify(nothing.body).replace('/nothing/', '/orgs/'),
    );
    expect((await ask(`${url}/orgs/${acme.id}`)).status).toBe(401);
    expect((await ask(`${url}/orgs/${acme.id}`, { headers: bearer(alice) })).status).toBe(200);
  });

  it('ends a stream of events when the right is gone', async () => {
    const carol = zitadel.addUser('carol', { org: acme });
    zitadel.addMember(carol, { org: acme }, ['ORG_OWNER_VIEWER']);
    const { app, url } = await start({
      controllers: [NewsController],
      providers: [News],
      options: { cache: { ttlMs: 0 } },
    });
    const news = `${url}/orgs/${acme.id}/news`;
    expect((await fetch(news, { headers: bearer(bob) })).status).toBe(403);
    const stream = await fetch(news, { headers: bearer(carol) });
    const events = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    let told = '';
    const readOn = async () => {
      const { done = true, value = '' } = (await events?.read()) ?? {};
      told += value;
      return !done;
    };
    app.get(News).add(globex.id, 'not for you');
    app.get(News).add(acme.id, 'for you');
    while (!told.includes('data: for you') && (await readOn()));
    expect(told).toContain('data: for you');
    expect(told).not.toContain('not for you');
    zitadel.removeMember(carol, { org: acme });
    while (await readOn());
    expect(told.match(/data: /g)).toHaveLength(1);
  });
});

describe('streams of your own in Express', () => {
  it('end when the right is gone: events with the end of the response, rows with a broken connection', async () => {
    const carol = zitadel.addUser('carol of streams', { org: acme });
    zitadel.addMember(carol, { org: acme }, ['ORG_OWNER_VIEWER']);
    const { authorizer, ...rest } = createZitadel(zitadel.options());
    const news = new EventEmitter();
    const rows = new Readable({ read: () => undefined });
    const url = await serve((app) => serveStreams(app, { authorizer, ...rest }, news, () => rows));
    const headers = bearer(carol);
    const events = await fetch(`${url}/orgs/${acme.id}/news`, { headers });
    rows.push('first row');
    const table = await fetch(`${url}/orgs/${acme.id}/rows`, { headers });
    news.emit(acme.id, 'for you');
    zitadel.removeMember(carol, { org: acme });
    await authorizer.evict(carol.id);
    expect(await events.text()).toBe('data: for you\n\n');
    await expect(table.text()).rejects.toThrow('terminated');
    expect(rows.destroyed).toBe(true);
    expect(news.listenerCount(acme.id)).toBe(0);
  });
});

describe('a procedure of tRPC', () => {
  it('runs for those whom the requirement lets in, with their caller', async () => {
    const { app } = await start({});
    const call = (headers: Readonly<Record<string, string>>, orgId: string) =>
      callerOfCall(app.get(ZitadelAuthorizer), { headers, args: { orgId } }, ownerOfOrg);
    await expect(call(bearer(alice), acme.id)).resolves.toMatchObject({ userId: alice.id });
    await expect(call(bearer(bob), acme.id)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: 'A manager role is missing.',
      cause: { errorCode: 'role_missing' },
    });
    await expect(call({}, acme.id)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    await expect(call(bearer(alice), '../x')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('a provider for @nestjs/authentication, and a policy of @nestjs/authorization', () => {
  it('know the caller and the memberships', async () => {
    const { app } = await start({});
    const authorizer = app.get(ZitadelAuthorizer);
    const asking = (headers: Readonly<Record<string, string>>) =>
      new ZitadelCredentials(authorizer).authenticate({
        switchToHttp: () => ({ getRequest: () => ({ headers }) }),
      } as never);
    const result = await asking(bearer(alice));
    if (!result) throw new Error('nobody');
    expect(result.user.userId).toBe(alice.id);
    const policy = new ReportPolicy(authorizer);
    await expect(policy.read(result.user, { orgId: acme.id })).resolves.toBe(true);
    await expect(policy.read(result.user, { orgId: globex.id })).resolves.toBe(false);
    await expect(asking({})).resolves.toBe(null);
    await expect(asking({ authorization: 'Bearer nonsense' })).rejects.toMatchObject({
      message: 'The access token is not valid.',
      options: {
        code: 'token_invalid',
        challenge: expect.stringContaining('error="invalid_token"') as string,
      },
    });
  });
});
