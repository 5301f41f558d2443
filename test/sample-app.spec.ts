import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readEnvironment } from '../sample-app/environment.js';
import { redisIsHere, startRedis, type RedisServer } from './support/redis.js';
import {
  buildSample,
  onZitadel,
  signInTo,
  startOnZitadel,
  startSample,
  type Sample,
} from './support/sample.js';

interface Me {
  readonly userId: string;
  readonly roles: readonly { kind: string; id: string; name: string; roles: readonly string[] }[];
  readonly resources: {
    readonly organizations: readonly { id: string; name: string }[];
    readonly projects: readonly { id: string; name: string; organizationId: string }[];
  };
}

interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One call of the app by somebody, or by nobody. */
async function ask(
  { url }: { readonly url: string },
  [method, path]: readonly [string, string],
  token?: string,
  json?: unknown,
): Promise<Told> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
    },
    ...(json !== undefined && { body: typeof json === 'string' ? json : JSON.stringify(json) }),
  });
  const body = (await response.json()) as Told['body'];
  return { status: response.status, headers: response.headers, body };
}

async function meOf(sample: Sample, token: string): Promise<Me> {
  const { status, body } = await ask(sample, ['GET', '/api/me'], token);
  expect(status).toBe(200);
  return body as unknown as Me;
}

/** Reads server-sent events until one of them is what was waited for. */
async function eventUntil(
  { url }: { readonly url: string },
  token: string,
  isIt: (data: Readonly<Record<string, unknown>>) => boolean,
  meanwhile: () => Promise<unknown>,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const ending = new AbortController();
  const response = await fetch(`${url}/api/events`, {
    headers: { ...headers, authorization: `Bearer ${token}` },
    signal: ending.signal,
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const heard: Readonly<Record<string, unknown>>[] = [];
  let text = '';
  let begun = false;
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines.filter((each) => each.startsWith('data:'))) {
        heard.push(JSON.parse(line.slice(5)) as Readonly<Record<string, unknown>>);
      }
      if (heard.some(isIt)) return heard;
      if (!begun && heard.length > 0) {
        begun = true;
        await meanwhile();
      }
    }
  } finally {
    ending.abort();
  }
  throw new Error(`the stream ended: ${JSON.stringify(heard)}`);
}

/** How many connections hear the channel that most of them hear. */
async function mostListeners(url: string): Promise<number> {
  const client = await createClient({ url }).connect();
  const channels = await client.pubSubChannels('nestjs-zitadel:*');
  const heard = Object.values(await client.pubSubNumSub(channels));
  client.destroy();
  return Math.max(0, ...heard.map(Number));
}

/** A role ends, and each instance says so by itself: with these statuses. */
async function bothRefuse(sample: Sample, who: string, place: object): Promise<readonly number[]> {
  const token = await signInTo(sample.url, who);
  const watched = await ask(sample, ['POST', '/api/demo/watched-roles'], token, place);
  expect(watched.body['message']).toMatch(/^Both instances refuse: the first after \d+ ms, /);
  expect(watched.body['refusedAfterMs']).toEqual([expect.any(Number), expect.any(Number)]);
  const [, second = ''] = /second instance of the app is at (\S+)\.\n/.exec(sample.output()) ?? [];
  const door = `/api/door?kind=org&id=${String(Object(place)['id'])}&role=ORG_OWNER_VIEWER`;
  const urls = [sample.url, second];
  const found = await Promise.all(urls.map((url) => ask({ url }, ['GET', door], token)));
  expect((await ask(sample, ['DELETE', '/api/demo/taken-roles'], token)).status).toBe(200);
  return found.map(({ status }) => status);
}

beforeAll(buildSample, 120_000);

describe('the sample app on its emulator', () => {
  let sample: Sample;
  /** What it printed before anybody asked for anything. */
  let atStart: string;
  let olga: string;
  let nils: string;
  let ines: string;
  let me: Me;
  let acme: string;
  let globex: string;
  let portal: string;
  beforeAll(async () => {
    sample = await startSample();
    atStart = sample.output();
    [olga, nils, ines] = await Promise.all([
      signInTo(sample.url, 'Olga'),
      signInTo(sample.url, 'Nils'),
      signInTo(sample.url, 'Ines'),
    ]);
    me = await meOf(sample, olga);
    acme = me.resources.organizations[0]?.id ?? '';
    globex = me.resources.organizations[1]?.id ?? '';
    portal = me.resources.projects[0]?.id ?? '';
  });
  afterAll(async () => {
    await sample.stop();
  });

  const byOlga = () => olga;
  const byNils = () => nils;
  const grants = (): string => `/api/orgs/${acme}/projects/${portal}/grants`;

  it('prints its address on the last line, and which route asks for what', () => {
    const lines = atStart.trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(/^nestjs-zitadel sample: open http:\/\/127\.0\.0\.1:\d+$/);
    expect(atStart).toContain('GET /api/try/instance  IAM_OWNER_VIEWER on the instance');
  });

  it('serves its page under a policy without anything inline', async () => {
    const response = await fetch(sample.url);
    expect(response.status).toBe(200);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(policy).toContain("frame-ancestors 'none'");
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(await response.text()).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
  });

  it('lists the roles of whoever signed in', () => {
    const role = { kind: 'org', id: acme, name: 'Acme Robotics', roles: ['ORG_OWNER'] };
    expect(me.roles).toEqual([expect.objectContaining(role)]);
  });

  it('answers 200 with who allowed it and how old the memberships were', async () => {
    const { status, headers, body } = await ask(sample, ['GET', `/api/try/orgs/${acme}`], olga);
    expect(status).toBe(200);
    expect(body['allowedBy']).toEqual({ kind: 'org', id: acme, roles: ['ORG_OWNER'] });
    expect(Number(headers.get('x-memberships-age'))).toBeLessThan(30_000);
    expect(headers.get('x-memberships-from')).toBe('zitadel');
  });

  it.each([
    ['401 without a token', 401, 'token_missing', (): string | undefined => undefined],
    [
      '401 with a forged token',
      401,
      'token_invalid',
      (): string => `${olga.slice(0, -12)}AAAAAAAAAAAA`,
    ],
    ['403 without the role', 403, 'role_missing', (): string => nils],
  ] as const)('answers %s', async (_, expected, errorCode, token) => {
    const { status, body } = await ask(sample, ['GET', `/api/try/orgs/${acme}`], token());
    expect({ status, errorCode: body['errorCode'] }).toEqual({ status: expected, errorCode });
  });

  it('answers each of its routes to the owner of the instance, for things that exist', async () => {
    const { resources } = await meOf(sample, ines);
    const { projectGrants } = resources as unknown as { projectGrants: { id: string }[] };
    for (const path of [
      'public',
      'hello',
      'instance',
      `orgs/${acme}`,
      `orgs/${acme}/danger`,
      `orgs/${acme}/projects/${portal}`,
      `orgs/${acme}/users`,
      `grants/${projectGrants[0]?.id ?? ''}`,
      'report',
    ]) {
      const { status } = await ask(sample, ['GET', `/api/try/${path}`], ines);
      expect({ path, status }).toEqual({ path, status: 200 });
    }
  });

  it('refuses a project under an organization that does not own it', async () => {
    const path = `/api/try/orgs/${globex}/projects/${portal}`;
    expect((await ask(sample, ['GET', path], ines)).status).toBe(403);
    expect((await ask(sample, ['GET', path.replace(globex, acme)], olga)).status).toBe(200);
  });

  it('opens to each role what its matrix says, and nothing else', async () => {
    const { body } = await ask(sample, ['GET', '/api/access']);
    const { roles, routes } = body as {
      roles: readonly string[];
      routes: readonly { name: string; opens: Readonly<Record<string, string>> }[];
    };
    const { resources } = await meOf(sample, ines);
    const { projectGrants } = resources as unknown as { projectGrants: { id: string }[] };
    const grant = projectGrants[0]?.id ?? '';
    const ids = {
      orgId: acme,
      projectId: portal,
      grantId: grant,
      grantedOrgId: '100000000000000001',
    };
    const asking = routes.filter(({ opens }) => Object.keys(opens).length > 0);
    expect(asking).toHaveLength(11);
    const opened = async ({ name }: { readonly name: string }) => {
      const [method = '', path = ''] = name.split(' ');
      const response = await fetch(
        sample.url + path.replace(/:(\w+)/g, (_, id: keyof typeof ids) => ids[id]),
        { method, headers: { authorization: `Bearer ${nils}`, 'x-zitadel-orgid': acme } },
      );
      await response.body?.cancel();
      // Whoever is let in to grant without saying what is told so.
      return response.status === 403 ? [] : [name];
    };
    const places = (role: string) =>
      role.startsWith('IAM_')
        ? ['']
        : role.startsWith('ORG_')
          ? // The owner of the project, and the organization that was granted it.
            [acme, globex]
          : [role.startsWith('PROJECT_GRANT_') ? grant : portal];
    for (const role of [...roles, 'ORG_SETTINGS_MANAGER', 'PROJECT_GRANT_OWNER_VIEWER']) {
      for (const id of places(role)) {
        const given = await ask(sample, ['POST', '/api/demo/given-roles'], nils, { id, role });
        expect({ role, status: given.status }).toEqual({ role, status: 200 });
      }
      const found = (await Promise.all(asking.map(opened))).flat();
      const promised = asking.filter(({ opens }) => opens[role]).map(({ name }) => name);
      expect([role, found]).toEqual([role, promised]);
      expect((await ask(sample, ['DELETE', '/api/demo/given-roles'], nils)).status).toBe(200);
    }
    expect((await Promise.all(asking.map(opened))).flat()).toEqual([]);
  });

  it('tells the path of a request to the tab that sent it, and to no other', async () => {
    const tab = (letter: string) => ({ 'x-tab': letter.repeat(43) });
    const sent = await fetch(`${sample.url}/api/try/instance`, {
      headers: { ...tab('a'), authorization: `Bearer ${nils}` },
    });
    expect(await sent.text()).not.toMatch(/IAM_/);
    const path = `${sample.url}/api/path/${sent.headers.get('x-decision') ?? ''}`;
    const told = await fetch(path, { headers: tab('a') });
    expect(await told.json()).toMatchObject({
      status: 403,
      stoppedAt: 'decision',
      memberships: { from: 'zitadel', rows: [] },
      why: {
        missing: {
          type: 'row',
          rows: [{ kind: 'instance', id: '', roles: ['IAM_OWNER_VIEWER', 'IAM_OWNER'] }],
        },
      },
    });
    for (const headers of [tab('b'), {}]) expect((await fetch(path, { headers })).status).toBe(404);
  });

  it('answers 503 while ZITADEL is broken, to everybody, and lets anybody mend it', async () => {
    expect((await ask(sample, ['POST', '/api/demo/outage'], olga)).status).toBe(200);
    const { status, headers, body } = await ask(sample, ['GET', '/api/try/hello'], olga);
    expect({ status, errorCode: body['errorCode'] }).toEqual({
      status: 503,
      errorCode: 'unavailable',
    });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask(sample, ['DELETE', '/api/demo/outage'])).status).toBe(200);
    expect((await ask(sample, ['GET', '/api/try/hello'], olga)).status).toBe(200);
  });

  it('remembers a role that was taken away until it is told to forget', async () => {
    const petra = await signInTo(sample.url, 'Petra');
    const path = `/api/try/orgs/${acme}/projects/${portal}`;
    expect((await ask(sample, ['GET', path], petra)).status).toBe(200);
    const place = { kind: 'project', id: portal };
    const taken = await ask(sample, ['POST', '/api/demo/taken-roles'], petra, place);
    expect(taken.status).toBe(200);
    expect(taken.body['rememberedMs']).toBeGreaterThan(0);
    expect(taken.body['rememberedMs']).toBeLessThanOrEqual(30_000);
    expect((await ask(sample, ['GET', path], petra)).status).toBe(200);
    expect((await ask(sample, ['POST', '/api/me/evict'], petra)).status).toBe(200);
    expect((await ask(sample, ['GET', path], petra)).status).toBe(403);
    expect((await ask(sample, ['DELETE', '/api/demo/taken-roles'], petra)).status).toBe(200);
    expect((await ask(sample, ['POST', '/api/me/evict'], petra)).status).toBe(200);
    expect((await ask(sample, ['GET', path], petra)).status).toBe(200);
    expect((await ask(sample, ['DELETE', '/api/demo/taken-roles'], petra)).status).toBe(409);
  });

  it('lets both instances refuse when ZITADEL tells the first that a role is gone', async () => {
    const refused = await bothRefuse(sample, 'Otto', { kind: 'org', id: acme });
    expect(refused).toEqual([403, 403]);
  });

  it('opens no door that is none', async () => {
    const query = 'kind=org&id=1&role=IAM_OWNER';
    const refused = await ask(sample, ['GET', `/api/door?${query}`], olga);
    expect(refused.status).toBe(400);
  });

  it('grants a project, changes the grant, lists it and removes it', async () => {
    const hostile = me.resources.organizations[2];
    const wanted = { grantedOrgId: hostile?.id, roleKeys: ['reader'] };
    const granted = await ask(sample, ['POST', grants()], olga, wanted);
    expect(granted.body).toMatchObject({ outcome: 'created', roleKeys: ['reader'] });
    const more = { ...wanted, roleKeys: ['reader', 'writer'] };
    expect((await ask(sample, ['POST', grants()], olga, more)).body['outcome']).toBe('changed');
    const { body } = await ask(sample, ['GET', grants()], olga);
    expect(body['grants']).toContainEqual({
      grantedOrgId: hostile?.id,
      grantedOrgName: hostile?.name,
      roleKeys: ['reader', 'writer'],
      state: 'active',
    });
    const path = `${grants()}/${hostile?.id ?? ''}`;
    expect((await ask(sample, ['DELETE', path], nils)).status).toBe(403);
    expect((await ask(sample, ['DELETE', path], olga)).body['outcome']).toBe('removed');
    expect((await ask(sample, ['DELETE', path], olga)).status).toBe(404);
  });

  it.each([
    [
      'a role that the project does not have',
      { roleKeys: ['nobody'] },
      'COMMAND-6m9gd',
      /role key does not exist/,
    ],
    [
      'an organization that does not exist',
      { grantedOrgId: '1' },
      'COMMAND-3m9gg',
      /does not exist/,
    ],
    ['no role at all', { roleKeys: [] }, 'grant_request_invalid', /at least one role/],
    ['roles that are no words', { roleKeys: [1] }, 'grant_request_invalid', /words/],
    ['no organization', { grantedOrgId: undefined }, 'grant_request_invalid', /which organization/],
    ['what is no id', { grantedOrgId: '../1' }, 'argument_invalid', /is not a valid id/],
  ])('says in words why it does not grant to %s', async (_, change, errorCode, words) => {
    const wanted = { grantedOrgId: globex, roleKeys: ['reader'], ...change };
    const { status, body } = await ask(sample, ['POST', grants()], olga, wanted);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body['errorCode']).toBe(errorCode);
    expect(`${String(body['message'])} ${String(body['remedy'])}`).toMatch(words);
  });

  it('grants a project to many organizations, and says beside each what went wrong', async () => {
    const json = { grantedOrgIds: [globex, '1', acme], roleKeys: ['reader'] };
    const response = await fetch(`${sample.url}${grants()}/many`, {
      method: 'POST',
      headers: { authorization: `Bearer ${olga}`, 'content-type': 'application/json' },
      body: JSON.stringify(json),
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const events = [...(await response.text()).matchAll(/^data: ?(.*)$/gm)];
    const said = events.map(([, data = '']) => JSON.parse(data) as Record<string, unknown>);
    expect(said.map(({ done, total }) => `${String(done)}/${String(total)}`)).toEqual([
      '1/3',
      '2/3',
      '3/3',
    ]);
    const about = (id: string) => said.find(({ grantedOrgId }) => grantedOrgId === id);
    expect(about(globex)).toMatchObject({ outcome: 'unchanged' });
    expect(about('1')?.['trouble']).toContain('The granted organization does not exist');
    expect(about(acme)?.['trouble']).toContain('cannot be granted to the organization that owns');
  });

  it.each([
    ['nobody', byOlga, { grantedOrgIds: [], roleKeys: ['reader'] }, 400],
    ['what is no list', byOlga, { grantedOrgIds: 'all', roleKeys: ['reader'] }, 400],
    ['many without a role', byOlga, { grantedOrgIds: ['1'], roleKeys: [] }, 400],
    [
      'many for somebody without a role',
      byNils,
      { grantedOrgIds: ['1'], roleKeys: ['reader'] },
      403,
    ],
  ] as const)('does not grant to %s', async (_, token, json, status) => {
    expect((await ask(sample, ['POST', `${grants()}/many`], token(), json)).status).toBe(status);
  });

  it('answers a body that is no JSON with 400', async () => {
    expect((await ask(sample, ['POST', grants()], olga, '{"grantedOrgId')).status).toBe(400);
  });

  it('tells a decision at once to whom it is about, and everybody’s only to an IAM_OWNER', async () => {
    const other = await signInTo(sample.url, 'Otto');
    const here = (data: Readonly<Record<string, unknown>>) =>
      data['request'] === `GET /api/try/orgs/${globex}`;
    const heard = await eventUntil(sample, olga, here, async () => {
      await ask(sample, ['GET', '/api/try/hello'], other);
      await ask(sample, ['GET', `/api/try/orgs/${globex}`], olga);
    });
    const decisions = heard.filter((data) => 'request' in data);
    expect(decisions.every((data) => data['who'] === me.userId)).toBe(true);
    expect(decisions.at(-1)).toMatchObject({
      allowed: false,
      reason: 'role_missing',
      asked: 'ORG_OWNER | ORG_OWNER_VIEWER on org param orgId',
    });
    const everybody = await eventUntil(
      sample,
      ines,
      (data) => data['request'] === 'GET /api/try/report' && data['you'] === false,
      () => ask(sample, ['GET', '/api/try/report'], other),
    );
    expect(everybody[0]).toEqual({ seesAll: true });
  });

  it('tells a tab its own refused requests, which have no caller, and no other tab', async () => {
    const own = { 'x-tab': 'a'.repeat(43) };
    const refused = (tab: string) =>
      fetch(`${sample.url}/api/try/hello`, { headers: { 'x-tab': tab } });
    const heard = await eventUntil(
      sample,
      nils,
      (data) => data['reason'] === 'token_missing',
      async () => {
        await refused('b'.repeat(43));
        await refused('short');
        await refused(own['x-tab']);
      },
      own,
    );
    expect(heard.filter((data) => data['reason'] === 'token_missing')).toHaveLength(1);
  });

  it('shows nobody the events without a token', async () => {
    expect((await ask(sample, ['GET', '/api/events'])).status).toBe(401);
  });

  it('writes nothing of the hostile name to its log', async () => {
    const hal = await signInTo(sample.url, 'Hal');
    const { roles } = await meOf(sample, hal);
    expect(roles[0]?.name).toContain('<img src=x onerror=alert(1)>');
    await ask(sample, ['GET', `/api/try/orgs/${roles[0]?.id ?? ''}`], hal);
    await ask(sample, ['GET', `/api/try/orgs/${acme}`], hal);
    expect(sample.output()).not.toMatch(/onerror|Umbrella|evil|\u202e/);
  });

  // The last one: nobody can ask it for anything after that.
  it('ends cleanly on Ctrl-C, also while somebody listens', async () => {
    const stream = await fetch(`${sample.url}/api/events`, {
      headers: { authorization: `Bearer ${nils}` },
    });
    expect(stream.status).toBe(200);
    expect(await sample.stop()).toBe(0);
    await expect(stream.text()).rejects.toThrow('terminated');
  });
});

describe('the sample app as a process', () => {
  it('takes the next free port if the usual one is taken, says so plainly, and where it is last', async () => {
    // If somebody else has it already, that does as well.
    const blocker = createServer().listen(3_000, '127.0.0.1');
    await once(blocker, 'listening').catch(() => undefined);
    onTestFinished(() => void blocker.close());
    const sample = await startSample({ PORT: undefined });
    onTestFinished(async () => void (await sample.stop()));
    const { port } = new URL(sample.url);
    expect(Number(port)).toBeGreaterThan(3_000);
    expect(sample.output()).toContain(
      `Port 3000 is taken by another program, so this is port ${port}.\n`,
    );
    expect(sample.output()).not.toMatch(/EADDRINUSE|ERROR/);
    expect(sample.output().trimEnd().split('\n').at(-1)).toBe(
      `nestjs-zitadel sample: open ${sample.url}`,
    );
  });

  it('says so when the port that was asked for is taken', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    onTestFinished(() => void blocker.close());
    const { port } = blocker.address() as AddressInfo;
    const error: unknown = await startSample({ PORT: String(port) }).catch((why: unknown) => why);
    expect(String(error)).toContain(`Port ${port} is not free: choose another one`);
    expect(String(error)).not.toMatch(/EADDRINUSE/);
  });

  it.each([
    [{ ZITADEL_ISSUER: 'https://acme.example' }, 'ZITADEL_CLIENT_ID is missing'],
    [{ ZITADEL_ISSUER: 'https://acme.example' }, 'ZITADEL_SERVICE_USER_KEY is missing'],
    [{ ZITADEL_ISSUER: '' }, 'ZITADEL_ISSUER is empty'],
    [{ ZITADEL_CLIENT_ID: '1' }, 'ZITADEL_ISSUER is missing'],
    [{ PORT: '99999' }, 'PORT is not a port'],
    [{ REDIS_URL: 'http://127.0.0.1' }, 'REDIS_URL is not the address of a Redis'],
    [{ REDIS_URL: 'redis://127.0.0.1' }, 'SHARED_CACHE_SECRET is missing'],
    [{ SHARED_CACHE_SECRET: 'short' }, 'SHARED_CACHE_SECRET is too short'],
  ])('names what is wrong with the environment %j: %s', (env, words) => {
    expect(() => readEnvironment(env)).toThrow(words);
  });

  it('prints such a mistake without a stack and does not start', async () => {
    await expect(startSample({ ZITADEL_ISSUER: 'https://acme.example' })).rejects.toThrow(
      /^ended with 1: \nThe sample cannot start:\nZITADEL_CLIENT_ID is missing[^\n]*\nZITADEL_PROJECT_ID/,
    );
  });
});

describe('the sample app on a ZITADEL named by the environment', () => {
  let real: Awaited<ReturnType<typeof startOnZitadel>>;
  beforeAll(async () => {
    real = await startOnZitadel();
  });
  afterAll(() => real.stop());

  it('shows roles, decides and grants there, and has nothing to break it with', async () => {
    const { zitadel, sample, acme, globex, project, token } = real;
    const { body } = await ask(sample, ['GET', '/api/config']);
    expect(body).toMatchObject({ issuer: zitadel.issuer, clientId: '4711' });
    expect(body).not.toHaveProperty('people');
    const { resources } = await meOf(sample, token);
    expect(resources.projects).toEqual([
      { id: project.id, name: 'portal', organizationId: acme.id },
    ]);
    const path = `/api/orgs/${acme.id}/projects/${project.id}/grants`;
    const wanted = { grantedOrgId: globex.id, roleKeys: ['reader'] };
    expect((await ask(sample, ['POST', path], token, wanted)).status).toBe(200);
    expect(zitadel.grants()).toHaveLength(1);
    expect((await ask(sample, ['POST', '/api/demo/outage'], token)).status).toBe(404);
    expect((await ask(sample, ['POST', '/api/demo/tokens'], token)).status).toBe(404);
  });

  it('tells the path of a request there, and not why it was refused', async () => {
    const { sample, token } = real;
    const headers = { 'x-tab': 'a'.repeat(43) };
    const sent = await fetch(`${sample.url}/api/try/instance`, {
      headers: { ...headers, authorization: `Bearer ${token}` },
    });
    const id = sent.headers.get('x-decision') ?? '';
    const path = (await (
      await fetch(`${sample.url}/api/path/${id}`, { headers })
    ).json()) as object;
    expect(path).toMatchObject({
      status: 403,
      stoppedAt: 'decision',
      memberships: { from: 'zitadel' },
    });
    expect(JSON.stringify(path)).not.toMatch(/"why"|"rows"|would have|portal/);
  });

  it('answers 503 when ZITADEL does not do its part of a grant', async () => {
    const { zitadel, sample, acme, project, token } = real;
    zitadel.fail('listGrants', 503);
    onTestFinished(() => zitadel.heal());
    const path = `/api/orgs/${acme.id}/projects/${project.id}/grants`;
    const { status, headers, body } = await ask(sample, ['GET', path], token);
    expect({ status, errorCode: body['errorCode'] }).toEqual({
      status: 503,
      errorCode: 'unavailable',
    });
    expect(headers.has('retry-after')).toBe(true);
  });

  it('tells its log, and not the caller, why its service user cannot sign in', async () => {
    const { zitadel, sample, acme, project, token } = await onZitadel();
    zitadel.fail('token', { status: 400, body: { error: 'invalid_grant' } });
    const path = `/api/orgs/${acme.id}/projects/${project.id}/grants`;
    const { status, body } = await ask(sample, ['GET', path], token);
    expect({ status, body }).toEqual({
      status: 500,
      body: {
        statusCode: 500,
        error: 'Internal Server Error',
        message: 'Authorization is not set up correctly.',
        errorCode: 'misconfigured',
      },
    });
    expect(sample.output()).toContain('service_user_refused');
  });
});

describe.runIf(redisIsHere)('the sample app with Redis behind its memory', () => {
  const SHARED_CACHE_SECRET = 'a secret of the tests, long enough to count';
  const hello = ['GET', '/api/try/hello'] as const;

  let redis: RedisServer;
  let real: Awaited<ReturnType<typeof startOnZitadel>>;
  beforeAll(async () => {
    redis = await startRedis();
    real = await startOnZitadel({ REDIS_URL: redis.url, SHARED_CACHE_SECRET });
  });
  afterAll(async () => {
    await real.stop();
    await redis.stop();
  });

  it('tells the other instance over Redis that a role is gone', async () => {
    const sample = await startSample({ REDIS_URL: redis.url, SHARED_CACHE_SECRET });
    onTestFinished(async () => void (await sample.stop()));
    // Before that they tell one another nothing.
    await expect.poll(() => mostListeners(redis.url)).toBe(2);
    const otto = await signInTo(sample.url, 'Otto');
    const { resources } = await meOf(sample, otto);
    const place = { kind: 'org', id: resources.organizations[0]?.id };
    expect(await bothRefuse(sample, 'Otto', place)).toEqual([403, 403]);
  });

  it('uses what another process has read from ZITADEL', async () => {
    const { zitadel, sample, env, token } = real;
    const second = await startSample(env);
    onTestFinished(async () => void (await second.stop()));
    const from = async (app: Sample) =>
      (await ask(app, hello, token)).headers.get('x-memberships-from');
    // On a busy machine Redis may take longer than it is waited for; then both read anew.
    await expect
      .poll(async () => {
        for (const app of [second, sample]) await ask(app, ['POST', '/api/me/evict'], token);
        expect(await from(sample)).toBe('zitadel');
        const before = zitadel.requests('memberships');
        return [await from(second), zitadel.requests('memberships') - before];
      })
      .toEqual(['shared', 0]);
  });

  it('answers right while Redis hangs', async () => {
    const { zitadel, sample, token } = real;
    expect((await ask(sample, hello, token)).status).toBe(200);
    redis.pause();
    for (let round = 0; round < 3; round += 1) {
      expect((await ask(sample, ['POST', '/api/me/evict'], token)).status).toBe(200);
      const before = zitadel.requests('memberships');
      expect((await ask(sample, hello, token)).status).toBe(200);
      expect((await ask(sample, ['GET', '/api/try/instance'], token)).status).toBe(403);
      expect(zitadel.requests('memberships')).toBe(before + 1);
    }
    redis.resume();
    expect((await ask(sample, hello, token)).status).toBe(200);
  });

  it('starts and answers without the Redis that it was told of', async () => {
    const gone = await startRedis();
    await gone.stop();
    const { sample, token } = await onZitadel({ REDIS_URL: gone.url, SHARED_CACHE_SECRET });
    expect((await ask(sample, hello, token)).status).toBe(200);
    expect(sample.output()).toContain('Redis does not answer: going on without it.');
  });
});
