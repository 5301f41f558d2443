import { beforeEach, describe, expect, it } from 'vitest';
import type { Terminal } from '../../../lib/bin/terminal.js';
import { EVENT_TYPES } from '../../../lib/zitadel/events/event.js';
import type { ZitadelEmulator } from '../../../lib/testing/index.js';
import { startEmulator } from '../../support/world.js';
import { json, type Script, scripted } from '../../zitadel/scripted-server.js';
import { runAs } from '../run-command.js';

// No request is ever made to this port.
const ENDPOINT = 'http://127.0.0.1:9/zitadel/events';
const SETUP = ['events', 'setup', '--endpoint', ENDPOINT];
const KEY = /^\w{36}$/;

let zitadel: ZitadelEmulator;
let pat: string;

beforeEach(async () => {
  zitadel = await startEmulator();
  const admin = zitadel.addServiceUser('admin');
  zitadel.addMember(admin, 'instance', ['IAM_OWNER']);
  pat = zitadel.patFor(admin);
});

/** Runs a command as somebody would, who says `says` when asked. */
async function run(
  args: readonly string[],
  more: Partial<Terminal> & { readonly says?: string } = {},
) {
  const env = { ZITADEL_URL: zitadel.url, ZITADEL_PAT: pat };
  const { asked, ...rest } = await runAs(env, args, more);
  return { ...rest, asked: asked.length };
}

async function api(method: string, path: string, body: object = {}) {
  const reply = await fetch(`${zitadel.url}/v2/actions${path}`, {
    method,
    headers: { authorization: `Bearer ${pat}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await reply.json()) as {
    id?: string;
    targets?: readonly { id: string; name: string; endpoint: string }[];
    executions?: readonly { condition: { event: Record<string, string> }; targets: string[] }[];
  };
}

/** What is set up, with the names of targets: by event, group or all. */
async function state() {
  const { targets = [] } = await api('POST', '/targets/search');
  const { executions = [] } = await api('POST', '/executions/search');
  const nameOf = (id: string) => targets.find((each) => each.id === id)?.name ?? id;
  const on = Object.fromEntries(
    executions.map(({ condition: { event }, targets: ids }) => [
      event['event'] ?? (event['group'] === undefined ? '*' : `${event['group']}.*`),
      ids.map(nameOf),
    ]),
  );
  return { targets: targets.map(({ name, endpoint }) => [name, endpoint]), on };
}

/** A target of somebody else's. */
async function other(name: string, ...conditions: object[]) {
  const { id = '' } = await api('POST', '/targets', {
    name,
    restWebhook: {},
    timeout: '5s',
    endpoint: 'https://other.example',
  });
  for (const event of conditions) {
    await api('PUT', '/executions', { condition: { event }, targets: [id] });
  }
  return id;
}

describe('events setup', () => {
  it('makes a target and executions on exact events, and shows the key once', async () => {
    const { code, out, told } = await run([...SETUP, '--yes']);
    expect(code).toBe(0);
    expect(out).toMatch(KEY);
    expect(told).toContain(`To be changed at ${zitadel.url}:\n  + the target nestjs-zitadel for`);
    const { targets, on } = await state();
    expect(targets).toEqual([['nestjs-zitadel', ENDPOINT]]);
    const known = EVENT_TYPES.filter((type) => !told.includes(`know ${type}`));
    expect(known.length).toBeGreaterThan(40);
    for (const type of Object.keys(on)) expect(known).toContain(type);
    expect(on['org.member.removed']).toEqual(['nestjs-zitadel']);
    expect(on['user.deactivated']).toEqual(['nestjs-zitadel']);
  });

  it('changes nothing the second time, and says so', async () => {
    await run([...SETUP, '--yes']);
    const before = await state();
    const again = await run(SETUP);
    expect(again).toMatchObject({ code: 0, out: '', asked: 0 });
    expect(again.told).toContain('Nothing to change');
    expect(await state()).toEqual(before);
    expect(await run(['events', 'setup', '--check', '--endpoint', ENDPOINT])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^All is set up/) as string,
    });
  });

  it('asks first, and changes nothing unless somebody agrees', async () => {
    expect(await run(SETUP, { says: 'n' })).toMatchObject({ code: 4, out: '', asked: 1 });
    const nobody = await run(SETUP);
    expect(nobody).toMatchObject({ code: 4, asked: 0 });
    expect(nobody.told).toContain('--yes');
    expect(await state()).toEqual({ targets: [], on: {} });
    const agreed = await run(SETUP, { says: 'y' });
    expect(agreed).toMatchObject({ code: 0, asked: 1 });
    // Somebody who waits sees that it goes on.
    expect(agreed.told).toMatch(/\.\.\. the target .*\n\.\.\. events\n/);
    expect((await run(['events', 'setup', '--remove', '--yes'])).told).not.toContain('...');
  });

  it('keeps what others get, also from groups that an exact event would hide', async () => {
    await other('exact', { event: 'org.member.added' });
    await other('group', { group: 'org.member' });
    await other('all', { all: true });
    const before = await state();
    await run([...SETUP, '--yes']);
    const { on } = await state();
    expect(on['org.member.added']).toEqual(['exact', 'nestjs-zitadel']);
    expect(on['org.member.removed']).toEqual(['group', 'nestjs-zitadel']);
    expect(on['user.locked']).toEqual(['all', 'nestjs-zitadel']);
    expect(on['org.member.*']).toEqual(['group']);
    const removed = await run(['events', 'setup', '--remove', '--yes']);
    expect(removed.code).toBe(0);
    expect(await state()).toEqual(before);
  });

  it('brings a target back to what it must be', async () => {
    await run([...SETUP, '--yes']);
    const there = 'http://127.0.0.1:9/elsewhere';
    const check = await run(['events', 'setup', '--check', '--endpoint', there]);
    expect(check).toMatchObject({ code: 3 });
    expect(check.out).toContain(`endpoint ${there} instead of ${ENDPOINT}`);
    const moved = await run(['events', 'setup', '--endpoint', there, '--yes']);
    expect(moved).toMatchObject({ code: 0, out: '' });
    expect((await state()).targets).toEqual([['nestjs-zitadel', there]]);
  });

  it('checks without a change that each event has the target', async () => {
    expect(await run(['events', 'setup', '--check'])).toMatchObject({ code: 3 });
    expect(await state()).toEqual({ targets: [], on: {} });
    await run([...SETUP, '--yes']);
    await other('thief', { event: 'org.member.removed' });
    const before = await state();
    const check = await run(['events', 'setup', '--check']);
    expect(check).toMatchObject({ code: 3 });
    expect(check.out).toContain(
      '1 events, beside the targets that they have:\n      org.member.removed',
    );
    expect(await state()).toEqual(before);
  });

  it.each<[string, Script, boolean]>([
    ['as the application does', (reply) => reply.writeHead(405, { allow: 'POST' }).end(), true],
    ['405 for another reason', (reply) => reply.writeHead(405, { allow: 'GET' }).end(), false],
    ['with a page', (reply) => reply.writeHead(200).end('<!doctype html>'), false],
    ['elsewhere', (reply) => reply.writeHead(302, { location: zitadel.url }).end(), false],
  ])('checks whether an application receives: it answers %s', async (_, script, receives) => {
    const { url, requests } = await scripted(script);
    const endpoint = `${url}/zitadel/events`;
    await run(['events', 'setup', '--endpoint', endpoint, '--yes']);
    const { code, out } = await run(['events', 'setup', '--check']);
    expect(code).toBe(0);
    const says = receives ? 'An application receives events at' : 'No application seems to receive';
    expect(out).toContain(says);
    const { out: text } = await run(['events', 'setup', '--check', '--json']);
    expect(JSON.parse(text)).toMatchObject({ receives });
    // Nothing is delivered.
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /zitadel/events',
      'GET /zitadel/events',
    ]);
  });

  it('checks what ZITADEL has also where the application cannot be reached from here', async () => {
    await run([...SETUP, '--yes']);
    const { code, out } = await run(['events', 'setup', '--check']);
    expect(code).toBe(0);
    expect(out).toContain(`${ENDPOINT} cannot be reached from here (bad port)`);
    const { out: text } = await run(['events', 'setup', '--check', '--json']);
    expect(JSON.parse(text)).not.toHaveProperty('receives');
  });

  it('makes a new key for a target that is there', async () => {
    expect(await run(['events', 'setup', '--rotate', '--yes'])).toMatchObject({ code: 1 });
    const { out: first } = await run([...SETUP, '--yes']);
    const { code, out: second } = await run(['events', 'setup', '--rotate', '--yes']);
    expect([code, second]).toEqual([0, expect.stringMatching(KEY)]);
    expect(second).not.toBe(first);
  });

  it('takes nothing back where nothing was made', async () => {
    await other('theirs', { event: 'org.member.added' });
    const before = await state();
    expect(await run(['events', 'setup', '--remove', '--yes'])).toMatchObject({ code: 0, out: '' });
    expect(await state()).toEqual(before);
  });

  it('writes one object with --json', async () => {
    const { out } = await run([...SETUP, '--yes', '--json']);
    const written = JSON.parse(out) as { done: string[] };
    expect(written).toMatchObject({
      mode: 'setup',
      name: 'nestjs-zitadel',
      exitCode: 0,
      left: [],
      signingKey: expect.stringMatching(KEY) as string,
    });
    expect(written.done[0]).toBe(`+ the target nestjs-zitadel for ${ENDPOINT}`);
  });

  it('stops between two changes, shows the key, and says what is left', async () => {
    const stop = new AbortController();
    const stopped = await run([...SETUP], {
      isInteractive: true,
      ask: () => {
        zitadel.delay('setExecution', 20);
        setTimeout(() => stop.abort(), 50);
        return Promise.resolve('y');
      },
      stop: stop.signal,
    });
    expect(stopped.code).toBe(130);
    expect(stopped.out).toMatch(KEY);
    expect(stopped.told).toContain('Not done:');
    zitadel.heal();
    expect(await run([...SETUP, '--yes'])).toMatchObject({ code: 0, out: '' });
    expect(await run(['events', 'setup', '--check'])).toMatchObject({ code: 0 });
  });

  it('says what ZITADEL says, and what may be done', async () => {
    zitadel.failNext('setExecution', 503);
    const lost = await run([...SETUP, '--yes']);
    expect(lost.code).toBe(1);
    expect(lost.out).toMatch(KEY);
    expect(lost.told).toContain('Not done, the first of them perhaps:');
    const nobody = zitadel.patFor(zitadel.addServiceUser('nobody'));
    const refused = await run(SETUP, { env: { ZITADEL_URL: zitadel.url, ZITADEL_PAT: nobody } });
    expect(refused.code).toBe(1);
    expect(refused.told).toMatch(/ZITADEL_PAT \(404 AUTHZ-\w+\): .* IAM_OWNER of this instance/);
    for (const { told } of [lost, refused]) expect(told).not.toContain(pat);
  });

  it('speaks connect where a server has no REST', async () => {
    const ways: Record<string, (id: string) => [method: string, path: string]> = {
      ListTargets: () => ['POST', '/targets/search'],
      CreateTarget: () => ['POST', '/targets'],
      UpdateTarget: (id) => ['POST', `/targets/${id}`],
      DeleteTarget: (id) => ['DELETE', `/targets/${id}`],
      ListExecutions: () => ['POST', '/executions/search'],
      SetExecution: () => ['PUT', '/executions'],
    };
    const { url } = await scripted((response, { path, body, headers }) => {
      const name = path.replace('/zitadel.action.v2.ActionService/', '');
      const { id = '', ...message } = JSON.parse(body === '' ? '{}' : body) as { id?: string };
      const way = ways[name]?.(id);
      if (!way) return json(response, { code: 5, message: 'Not Found' }, 404);
      const [method, rest] = way;
      const { authorization = '' } = headers;
      void fetch(`${zitadel.url}/v2/actions${rest}`, {
        method,
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(message),
      }).then(async (reply) => json(response, await reply.json(), reply.status));
    });
    const env = { ZITADEL_URL: url, ZITADEL_PAT: pat };
    expect(await run([...SETUP, '--yes'], { env })).toMatchObject({ code: 0 });
    expect((await state()).targets).toEqual([['nestjs-zitadel', ENDPOINT]]);
    expect(await run(['events', 'setup', '--rotate', '--yes'], { env })).toMatchObject({ code: 0 });
    expect(await run(['events', 'setup', '--remove', '--yes'], { env })).toMatchObject({ code: 0 });
    expect(await state()).toEqual({ targets: [], on: {} });
  });

  it.each<[string, readonly string[], object]>([
    ['no endpoint', ['events', 'setup'], {}],
    ['an endpoint in the clear', ['events', 'setup', '--endpoint', 'http://app.example/e'], {}],
    [
      'a name like an address of this host',
      ['events', 'setup', '--endpoint', 'http://127.example.com/e'],
      {},
    ],
    [
      'a ZITADEL_URL in the clear',
      SETUP,
      { env: { ZITADEL_URL: 'http://a.example', ZITADEL_PAT: 'x' } },
    ],
    ['a user in the endpoint', ['events', 'setup', '--endpoint', 'https://a:b@app.example'], {}],
    ['an unknown option', [...SETUP, '--pat', 'x'], {}],
    ['a word too many', [...SETUP, 'now'], {}],
    ['two modes', ['events', 'setup', '--check', '--remove'], {}],
    ['an endpoint to remove', [...SETUP, '--remove'], {}],
    ['no name', [...SETUP, '--name', ''], {}],
    ['no ZITADEL_URL', SETUP, { env: { ZITADEL_PAT: 'x' } }],
    ['a slash behind ZITADEL_URL', SETUP, { env: { ZITADEL_URL: 'https://a/', ZITADEL_PAT: 'x' } }],
    ['no ZITADEL_PAT', SETUP, { env: { ZITADEL_URL: 'https://a' } }],
    ['another command', ['events', 'tidy'], {}],
    ['no command', [], {}],
  ])('refuses %s before it asks ZITADEL', async (_, args, more) => {
    zitadel.resetRequests();
    const { code, out, told } = await run(args, more);
    expect([code, out]).toEqual([2, '']);
    expect(told).toContain('npx nestjs-zitadel');
    expect(zitadel.requests('listTargets')).toBe(0);
  });

  it('says which command there is not', async () => {
    const { told } = await run(['events', 'tidy']);
    expect(told).toContain('There is no command events tidy.');
  });

  it.each([[['--help']], [['events', 'setup', '--help']]])('explains itself: %j', async (args) => {
    const { code, out, told } = await run(args, { env: {} });
    expect([code, told]).toEqual([0, '']);
    expect(out).toContain('Usage: npx nestjs-zitadel');
  });
});
