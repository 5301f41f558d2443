import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseEnv, promisify } from 'node:util';
import ts from 'typescript';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createZitadel, introspection, keyFile, role } from '../../../lib/express/index.js';
import type { Terminal } from '../../../lib/bin/terminal.js';
import type { ZitadelEmulator } from '../../../lib/testing/index.js';
import { startEmulator } from '../../support/world.js';
import { runAs } from '../run-command.js';

let zitadel: ZitadelEmulator;
/** Of an administrator. */
let pat: string;
/** What the command is given. */
let token: string;
let folder: string;

beforeEach(async () => {
  zitadel = await startEmulator();
  const admin = zitadel.addServiceUser('admin');
  zitadel.addMember(admin, 'instance', ['IAM_OWNER']);
  pat = zitadel.patFor(admin);
  token = pat;
  folder = mkdtempSync(join(tmpdir(), 'setup-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

const at = (name: string) => join(folder, name);
const API_KEY = 'secrets/api-key.json';
const USER_KEY = 'secrets/service-user.json';

/** Runs `setup` for the project shop, with its files in a folder of the test's own. */
function setup(args: readonly string[], more: Partial<Terminal> & { readonly says?: string } = {}) {
  const files = ['--env', at('.env'), '--secrets', at('secrets')];
  const env = { ZITADEL_URL: zitadel.url, ZITADEL_PAT: token };
  return runAs(env, ['setup', '--project', 'shop', ...files, ...args], more);
}

const ROLES = ['--role', 'editor', '--role', 'viewer'];
const ENDPOINT = ['--endpoint', 'https://shop.example/zitadel/events'];

async function api(path: string, body: object = {}, method = 'POST') {
  const reply = await fetch(zitadel.url + path, {
    method,
    headers: { authorization: `Bearer ${pat}`, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: JSON.stringify(body) }),
  });
  return (await reply.json()) as {
    readonly id?: string;
    readonly result?: readonly Readonly<Record<string, unknown>>[];
    readonly targets?: readonly { readonly id: string; readonly name: string }[];
    readonly executions?: readonly unknown[];
  };
}
const V1 = '/management/v1';

const rows = async (path: string) => (await api(path)).result ?? [];

/** All that an administrator sees: names of what there is. */
async function state() {
  const projects = await rows(`${V1}/projects/_search`);
  const inside = await Promise.all(
    projects.map(async ({ id, name }) => {
      const path = `${V1}/projects/${String(id)}`;
      const roles = await rows(`${path}/roles/_search`);
      const apps = await rows(`${path}/apps/_search`);
      const keys = await Promise.all(
        apps.map(
          async (app) => (await rows(`${path}/apps/${String(app['id'])}/keys/_search`)).length,
        ),
      );
      return [name, roles.map(({ key }) => key), apps.map((app) => app['name']), keys];
    }),
  );
  const users = await Promise.all(
    (await rows(`${V1}/users/_search`)).map(async ({ id, userName }) => {
      const held = await rows(`${V1}/users/${String(id)}/memberships/_search`);
      const keys = await rows(`${V1}/users/${String(id)}/keys/_search`);
      return [userName, held.flatMap(({ roles }) => roles), keys.length];
    }),
  );
  const { targets = [] } = await api('/v2/actions/targets/search');
  const { executions = [] } = await api('/v2/actions/executions/search');
  const notes = await rows(`${V1}/metadata/_search`);
  return {
    inside,
    users,
    targets: targets.map(({ name }) => name),
    executions: executions.length,
    notes: notes.length,
  };
}

const envLines = () => readFileSync(at('.env'), 'utf8').trimEnd().split('\n');
const envNames = () => envLines().map((line) => line.split('=')[0]);
const modeOf = (name: string) => (statSync(at(name)).mode & 0o777).toString(8);

describe('setup', () => {
  it('makes all that an application needs, and its keys work', async () => {
    const { code, out, told } = await setup([...ROLES, ...ENDPOINT, '--yes']);
    expect([told, code]).toEqual([expect.stringContaining(`To be changed at ${zitadel.url}`), 0]);
    expect(await state()).toMatchObject({
      inside: [
        ['ZITADEL', [], [], []],
        ['app', [], [], []],
        ['shop', ['editor', 'viewer'], ['shop-api'], [1]],
      ],
      users: [
        ['admin', ['IAM_OWNER'], 0],
        ['shop-service', ['ORG_OWNER_VIEWER'], 1],
      ],
      targets: ['shop'],
    });
    expect(envNames()).toEqual([
      'ZITADEL_ISSUER',
      'ZITADEL_PROJECT_ID',
      'ZITADEL_CLIENT_ID',
      'ZITADEL_API_KEY',
      'ZITADEL_SERVICE_USER_KEY',
      'ZITADEL_ORGANIZATIONS',
      'ZITADEL_SIGNING_KEY',
    ]);
    expect(envLines().at(-1)).toMatch(/=\w{36}$/);
    expect(['.env', API_KEY, USER_KEY].map(modeOf)).toEqual(['600', '600', '600']);
    expect(readFileSync(at('secrets/.gitignore'), 'utf8')).toBe('*\n');
    for (const secret of [pat, 'PRIVATE KEY', envLines().at(-1)?.split('=')[1] ?? '']) {
      expect(out + told).not.toContain(secret);
    }

    const env = Object.fromEntries(envLines().map((line) => line.split('=')));
    const alice = zitadel.addUser('alice');
    zitadel.addMember(alice, { org: zitadel.rootOrg }, ['ORG_OWNER']);
    const project = String(env['ZITADEL_PROJECT_ID']);
    const application = createZitadel({
      issuer: String(env['ZITADEL_ISSUER']),
      audience: project,
      callers: introspection(keyFile(String(env['ZITADEL_API_KEY']))),
      memberships: { as: 'serviceUser', organizations: [zitadel.rootOrg.id] },
      serviceUser: keyFile(String(env['ZITADEL_SERVICE_USER_KEY'])),
    });
    onTestFinished(() => application.close());
    const hers = zitadel.opaqueTokenFor(alice, { audience: [project] });
    const headers = { authorization: `Bearer ${hers}` };
    const decision = await application.authorizer.authorize(
      { headers },
      role('ORG_OWNER', zitadel.rootOrg.id),
    );
    expect(decision).toMatchObject({ allowed: true });
  });

  it('prints the lines that its page shows', async () => {
    const page = readFileSync(new URL('../../../docs/command.md', import.meta.url), 'utf8');
    const { out } = await setup([...ENDPOINT, '--yes']);
    expect(page).toContain(`\`\`\`ts\n${out}\n\`\`\``);
  });

  it('prints lines for Express where the project has no Nest', async () => {
    const bin = fileURLToPath(new URL('../../../dist/bin/nestjs-zitadel.js', import.meta.url));
    const env = { PATH: process.env['PATH'], ZITADEL_URL: zitadel.url, ZITADEL_PAT: pat };
    const args = [bin, 'setup', '--project', 'shop', '--endpoint', 'https://shop.example/hooks'];
    const ran = await promisify(execFile)(process.execPath, [...args, '--yes'], {
      ...{ cwd: folder, env },
    });
    const application = await startPrinted(ran.stdout, EXPRESS_MAIN, folder);
    expect(await statusesAt(application)).toEqual([200, 403]);
    const delivery = await fetch(`${application}/hooks`, { method: 'POST', body: '{}' });
    expect(delivery.status).toBe(401);
  }, 30_000);

  it.each([
    ['the organization', ['--endpoint', 'https://shop.example/hooks'], '/hooks', 401],
    ['everything', ['--service-user-role', 'IAM_OWNER_VIEWER'], '/zitadel/events', 404],
    ['nothing', ['--service-user-role', 'none'], '/zitadel/events', 404],
  ])(
    'prints lines that start an application, where the service user reads %s',
    async (_what, args, path, delivered) => {
      const { out } = await setup([...args, '--yes']);
      const application = await startPrinted(out, NEST_MAIN);
      // What the service user reads does not depend on the scopes of the caller's token.
      expect(await statusesAt(application, args.includes('none'))).toEqual([200, 403]);
      const delivery = await fetch(application + path, { method: 'POST', body: '{}' });
      expect(delivery.status).toBe(delivered);
    },
    30_000,
  );

  it('changes nothing the second time, and makes what is missing then', async () => {
    await setup([...ROLES, ...ENDPOINT, '--yes']);
    const [before, lines] = [await state(), envLines()];
    zitadel.resetRequests();
    const again = await setup([...ROLES, ...ENDPOINT]);
    expect(again).toMatchObject({ code: 0, out: '', asked: [] });
    expect(again.told).toContain('Nothing to change');
    expect(await state()).toEqual(before);
    expect(envLines()).toEqual(lines);
    const more = await setup([...ROLES, ...ENDPOINT, '--role', 'admin', '--json', '--yes']);
    expect(JSON.parse(more.out)).toMatchObject({
      ...{ mode: 'setup', project: 'shop', exitCode: 0, left: [], kept: [] },
      done: ['+ admin (roles of the project)'],
      ids: { project: expect.stringMatching(/^\d{18}$/) as string },
    });
  });

  it('says which events the server does not know', async () => {
    const first = await setup([...ENDPOINT, '--yes']);
    expect(first.told).toContain('This server does not know user.human.refresh.token.removed, ');
    const again = await setup([...ENDPOINT, '--json']);
    expect(JSON.parse(again.out)).toMatchObject({
      unknownEvents: expect.arrayContaining(['oidc_session.terminated']) as string[],
    });
    expect(JSON.parse((await setup(['--json'])).out)).toMatchObject({ unknownEvents: [] });
  });

  it('makes a new key for a file that is lost, and says so', async () => {
    await setup(['--yes']);
    rmSync(at(USER_KEY));
    const { code, told } = await setup(['--yes']);
    expect(code).toBe(0);
    expect(told).toContain('since the file is not here (keys stay)');
    expect((await state()).users).toContainEqual(['shop-service', ['ORG_OWNER_VIEWER'], 2]);
    expect(await setup([])).toMatchObject({ code: 0, out: '' });
  });

  it('--remove takes back all of it, and leaves the other lines of .env', async () => {
    const before = await state();
    await setup([...ROLES, ...ENDPOINT, '--yes']);
    writeFileSync(at('.env'), `${readFileSync(at('.env'), 'utf8')}PORT=1\n`);
    const { code, told } = await setup(['--remove', '--yes']);
    expect([code, told]).toEqual([0, expect.stringContaining('- the project shop')]);
    expect(await state()).toEqual(before);
    expect([readdirSync(folder), envLines()]).toEqual([['.env'], ['PORT=1']]);
    expect((await setup(['--remove'])).told).toContain('Nothing to take back');
  });

  it('--remove leaves what was there before setup', async () => {
    const shop = zitadel.addProject('shop');
    await api(`${V1}/projects/${shop.id}/roles/_bulk`, { roles: [{ key: 'viewer' }] });
    const robot = zitadel.addServiceUser('shop-service');
    zitadel.addMember(robot, { org: zitadel.rootOrg }, ['ORG_USER_MANAGER']);
    zitadel.addKey(robot);
    const before = await state();
    await setup([...ROLES, '--yes']);
    expect(await state()).not.toEqual(before);
    expect((await setup(['--remove', '--yes'])).code).toBe(0);
    expect(await state()).toEqual(before);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('--remove knows the names and paths that setup was given, and the values that it wrote', async () => {
    const second = zitadel.addServiceUser('second');
    zitadel.addMember(second, { org: zitadel.rootOrg }, ['ORG_OWNER_VIEWER']);
    const before = await state();
    const names = ['--application', 'backend', '--service-user', 'first'];
    await setup([...names, ...ENDPOINT, '--secrets', at('keys'), '--yes']);
    const more = ['--service-user', 'second', '--service-user-role', 'ORG_OWNER'];
    await setup([...more, '--secrets', at('more'), '--env', at('more.env'), '--yes']);
    // What somebody took away at ZITADEL tells no value any more.
    const { targets = [] } = await api('/v2/actions/targets/search');
    for (const { id } of targets) await api(`/v2/actions/targets/${id}`, {}, 'DELETE');
    const [shop] = (await rows(`${V1}/projects/_search`)).filter(({ name }) => name === 'shop');
    await api(`${V1}/projects/${String(shop?.['id'])}`, {}, 'DELETE');

    expect(await setup(['--remove', '--yes'])).toMatchObject({ code: 0 });
    expect(await state()).toEqual(before);
    expect(readdirSync(folder).sort()).toEqual(['more', 'more.env']);
  });

  it('--remove leaves lines of .env that were there before', async () => {
    const before = `ZITADEL_ISSUER=${zitadel.url}\n`;
    writeFileSync(at('.env'), before);
    await setup(['--yes']);
    expect(envLines().length).toBeGreaterThan(4);
    await setup(['--remove', '--yes']);
    expect(readFileSync(at('.env'), 'utf8')).toBe(before);
    expect(await state()).toMatchObject({ notes: 0 });
  });

  it('takes the organizations of an earlier run out of .env where the service user reads none', async () => {
    const none = ['--service-user-role', 'none'];
    await setup(['--yes']);
    const { told } = await setup([...none, '--yes']);
    expect(told).toContain('- in ');
    expect(envNames()).not.toContain('ZITADEL_ORGANIZATIONS');
    expect(await setup(none)).toMatchObject({ code: 0, out: '' });
    // A line of somebody else stays.
    writeFileSync(at('.env'), `${readFileSync(at('.env'), 'utf8')}ZITADEL_ORGANIZATIONS=1\n`);
    expect(await setup(none)).toMatchObject({ code: 0, out: '' });
    await setup(['--remove', '--yes']);
    expect(envLines()).toEqual(['ZITADEL_ORGANIZATIONS=1']);
  });

  it('writes through a link to .env', async () => {
    writeFileSync(at('shared.env'), 'PORT=1\n');
    symlinkSync(at('shared.env'), at('.env'));
    await setup(['--yes']);
    expect(lstatSync(at('.env')).isSymbolicLink()).toBe(true);
    expect(readFileSync(at('shared.env'), 'utf8')).toContain('ZITADEL_PROJECT_ID=');
  });

  it('--remove keeps a project in which others made something, and says so', async () => {
    await setup([...ROLES, '--yes']);
    const [shop] = (await rows(`${V1}/projects/_search`)).filter(({ name }) => name === 'shop');
    const roles = `${V1}/projects/${String(shop?.['id'])}/roles/_bulk`;
    await api(roles, { roles: [{ key: 'theirs' }] });
    const { code, told } = await setup(['--remove', '--yes']);
    expect([code, told]).toEqual([0, expect.stringContaining('The project shop stays')]);
    expect((await state()).inside).toContainEqual(['shop', ['theirs'], [], []]);
    await api(`${V1}/projects/${String(shop?.['id'])}/roles/theirs`, {}, 'DELETE');
    await setup(['--remove', '--yes']);
    expect(await state()).toMatchObject({
      inside: [['ZITADEL'], ['app']].map((each) => [...each, [], [], []]),
      notes: 0,
    });
  });

  it('goes on where Ctrl-C, or a lost reply, ended it', async () => {
    const robot = zitadel.addServiceUser('shop-service');
    zitadel.addMember(robot, { org: zitadel.rootOrg }, ['ORG_USER_MANAGER']);
    const before = await state();
    const stop = new AbortController();
    // The first two steps are done before somebody presses Ctrl-C.
    let looks = 0;
    const signal = new Proxy(stop.signal, {
      get: (target, name) => {
        if (name === 'aborted' && (looks += 1) > 2) stop.abort();
        return Reflect.get(target, name, target) as unknown;
      },
    });
    const stopped = await setup([...ROLES, '--json', '--yes'], { stop: signal });
    expect(stopped.code).toBe(130);
    expect(JSON.parse(stopped.out)).toMatchObject({
      done: ['+ the project shop', '+ editor (roles of the project)'],
      left: expect.arrayContaining(['+ viewer (roles of the project)']) as string[],
    });
    // The role is given, and nobody hears of it.
    zitadel.failNext('members', 'lose');
    const lost = await setup([...ROLES, '--yes']);
    expect([lost.code, lost.told]).toEqual([1, expect.stringContaining('goes on from here')]);
    const last = await setup([...ROLES, '--json', '--yes']);
    expect(JSON.parse(last.out)).toMatchObject({
      done: [expect.stringContaining('.env')],
      left: [],
    });
    expect((await state()).users).toContainEqual([
      'shop-service',
      ['ORG_USER_MANAGER', 'ORG_OWNER_VIEWER'],
      1,
    ]);
    await setup(['--remove', '--yes']);
    expect(await state()).toEqual(before);
  });

  it('does not take for its own what somebody made after a refusal', async () => {
    const weak = zitadel.addServiceUser('weak');
    zitadel.addMember(weak, { org: zitadel.rootOrg }, ['ORG_SETTINGS_MANAGER']);
    zitadel.setRolePermissions('ORG_SETTINGS_MANAGER', [
      'org.read',
      'org.write',
      'project.read',
      'user.read',
    ]);
    token = zitadel.patFor(weak);
    const refused = await setup(['--yes']);
    expect([refused.code, refused.told]).toEqual([1, expect.stringContaining('make it IAM_OWNER')]);
    token = pat;
    zitadel.addProject('shop');
    await setup(['--yes']);
    await setup(['--remove', '--yes']);
    expect((await state()).inside).toContainEqual(['shop', [], [], []]);
  });

  it.each<[string, () => void, string]>([
    ['a person of the name', () => void zitadel.addUser('shop-service'), '--service-user'],
    [
      'a deactivated project',
      () => zitadel.deactivateProject(zitadel.addProject('shop')),
      'activate it',
    ],
    ['a key file of somebody else', writeForeignKey, '--secrets'],
    ['a folder where a file should be', () => mkdirSync(at('.env')), 'see whose it is'],
    ['a token that does not count', () => void (token = 'nonsense'), 'not expired'],
  ])('says what to do about %s, and changes nothing', async (_what, prepare, remedy) => {
    prepare();
    const before = await state();
    const { code, told } = await setup(['--yes']);
    expect([code, told]).toEqual([1, expect.stringContaining(remedy)]);
    expect(await state()).toEqual(before);
  });

  it.each([
    [[], '--project is missing'],
    [['--project', 'a/b'], 'without a slash'],
    [['--project', 'shop', '--service-user-role', 'editor'], 'must be a manager role'],
    [['--project', 'shop', '--endpoint', 'http://shop.example'], '--endpoint must be'],
    [['--project', 'shop', '--organization', '../x'], '--organization must be'],
    [['--project', 'shop', '--pat', 'x'], "Unknown option '--pat'"],
    [['--project', 'shop', '--env', ''], 'take a path'],
    [['--project', 'shop', '--secrets', ''], 'take a path'],
  ])('explains wrong arguments: %j', async (args, text) => {
    const env = { ZITADEL_URL: zitadel.url, ZITADEL_PAT: pat };
    const { code, told } = await runAs(env, ['setup', ...args]);
    expect([code, told]).toEqual([2, expect.stringContaining(text)]);
  });

  it('asks for a token without showing it, and for agreement', async () => {
    const env = { ZITADEL_URL: zitadel.url };
    const replies = [pat, 'n'];
    const ask = () => Promise.resolve(replies.shift() ?? '');
    const args = ['setup', '--project', 'shop', '--env', at('.env'), '--secrets', at('secrets')];
    const asked = await runAs(env, args, { isInteractive: true, askSecret: ask, ask });
    expect(asked).toMatchObject({ code: 4, out: '' });
    expect(asked.told).not.toContain(pat);
    expect(asked.told).not.toContain('...');
    expect(await state()).toMatchObject({ notes: 0, targets: [] });
    expect(await runAs(env, args)).toMatchObject({ code: 2 });
  });

  it('tells whoever looks on what is under way, and a script the plan alone', async () => {
    const steps =
      /\.\.\. the project shop\n\.\.\. the API application [^]*\n\.\.\. until ZITADEL shows it/;
    expect(await setup([], { says: 'y' })).toMatchObject({
      code: 0,
      told: expect.stringMatching(steps) as string,
    });
    await setup(['--remove', '--yes']);
    expect((await setup(['--yes'])).told).not.toContain('...');
  });
});

/** What an owner of the organization and somebody else get there. */
async function statusesAt(application: string, zitadelAudience = false): Promise<number[]> {
  const [alice, bob] = [zitadel.addUser('alice'), zitadel.addUser('bob')];
  zitadel.addMember(alice, { org: zitadel.rootOrg }, ['ORG_OWNER']);
  const audience = [parseEnv(readFileSync(at('.env'), 'utf8'))['ZITADEL_PROJECT_ID'] ?? ''];
  const asked = [alice, bob].map(async (user) => {
    const token = zitadel.opaqueTokenFor(user, { audience, zitadelAudience });
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${application}/orgs/${zitadel.rootOrg.id}`, { headers })).status;
  });
  return Promise.all(asked);
}

const NEST_MAIN = `import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { org, RequireRole } from 'nestjs-zitadel';
import { AppModule } from './lines.mjs';
class Orgs { read() { return 'in'; } }
const read = Object.getOwnPropertyDescriptor(Orgs.prototype, 'read');
Get(':orgId')(Orgs.prototype, 'read', read);
RequireRole('ORG_OWNER', org.param('orgId'))(Orgs.prototype, 'read', read);
Controller('orgs')(Orgs);
class Main {}
Module({ imports: [AppModule], controllers: [Orgs] })(Main);
const app = await NestFactory.create(Main, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
console.log(await app.getUrl());
`;

const EXPRESS_MAIN = `import express from 'express';
import { org, requireRole } from 'nestjs-zitadel/express';
import { events, zitadel } from './lines.mjs';
const app = express();
app.post('/hooks', events);
const guard = requireRole(zitadel, 'ORG_OWNER', org.param('orgId'));
app.get('/orgs/:orgId', guard, (_, response) => void response.send('in'));
const server = app.listen(0, '127.0.0.1', () => {
  console.log('http://127.0.0.1:' + server.address().port);
});
`;

/** Starts the printed lines as the command says, with a route for owners of an organization. Returns its address. */
async function startPrinted(lines: string, main: string, cwd?: string): Promise<string> {
  // Inside the repository, so that the lines find the package.
  const inside = mkdtempSync(fileURLToPath(new URL('./app-', import.meta.url)));
  onTestFinished(() => rmSync(inside, { recursive: true }));
  const compilerOptions = {
    ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    experimentalDecorators: true,
  };
  const { outputText } = ts.transpileModule(lines, { compilerOptions });
  writeFileSync(join(inside, 'lines.mjs'), outputText);
  writeFileSync(join(inside, 'main.mjs'), main);
  const args = [`--env-file=${at('.env')}`, join(inside, 'main.mjs')];
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child = spawn(process.execPath, args, { stdio: [...stdio], cwd });
  onTestFinished(() => void child.kill());
  const output = createInterface(child.stdout);
  const ended = once(output, 'close').then(() => [`it ended: ${lines}`]);
  const [url] = (await Promise.race([once(output, 'line'), ended])) as [string];
  return url;
}

function writeForeignKey(): void {
  mkdirSync(at('secrets'));
  writeFileSync(at(API_KEY), '{"type":"application","keyId":"1","clientId":"2"}');
}
