import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join } from 'node:path';
import express, { type Express } from 'express';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { runCommand } from '#dist/bin/commands.js';
import { copiesOfNest } from '../../../lib/bin/application.js';
import type { Finding } from '../../../lib/doctor/finding.js';
import type { Terminal } from '../../../lib/bin/terminal.js';
import { createZitadel, zitadelEvents } from '../../../lib/express/index.js';
import { redisIsHere, startRedis } from '../../support/redis.js';
import { startExpress } from '../../support/start.js';
import { quietTerminal } from '../../support/terminal.js';
import { startEmulator, useEmulator } from '../../support/world.js';

// Inside the repository, so that the files find the packages.
const folder = mkdtempSync(fileURLToPath(new URL('./app-', import.meta.url)));
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Runs the doctor as somebody would, with `input` on the standard input. */
async function run(
  args: readonly string[],
  env: Terminal['env'],
  more: Partial<Omit<Terminal, 'input'>> & { readonly input?: string } = {},
) {
  const { input = '', ...others } = more;
  const { terminal, said } = quietTerminal({ env, input: () => Promise.resolve(input), ...others });
  const code = await runCommand(['doctor', ...args], terminal);
  return { code, ...said() };
}

/** A Redis in which somebody else has each turn. */
const OF_ANOTHER =
  'redis: { duplicate: () => undefined, publish: () => 0, sendCommand: async () => null },';
/** A ZITADEL that does not tell of events by their types. */
const FAILING = `fetch: async (url, init) => String(init?.body).includes('eventTypes')
  ? new Response('', { status: 500 }) : fetch(url, init),`;
/** A ZITADEL that tells of more events than can be read. */
const ENDLESS = `fetch: (url, init) => {
  if (!String(init?.body).includes('eventTypes') || !hasMore++) return fetch(url, init);
  return new Promise((_, no) => init.signal.addEventListener('abort', () => no(init.signal.reason)));
},`;
const READ =
  /^events were asked for as the application does it, and read to the end \(events: \d+\)$/;

const findingsOf = ({ out }: { readonly out: string }): readonly Finding[] =>
  (JSON.parse(out) as { readonly findings: readonly Finding[] }).findings;
const idsOf = (said: { readonly out: string }) =>
  findingsOf(said)
    .filter(({ level }) => level !== 'ok')
    .map(({ id }) => id);

describe('doctor', async () => {
  const zitadel = await useEmulator();
  const alice = zitadel.addUser('alice');
  const good = { ZITADEL_ISSUER: zitadel.url, ZITADEL_PROJECT_ID: zitadel.defaultProject.id };

  it('says of good options that all is in order, and what it saw', async () => {
    const { code, out, told } = await run([], { ...good, ZITADEL_TOKEN: zitadel.tokenFor(alice) });
    expect(code).toBe(0);
    expect(told).toBe('');
    expect(out).toMatch(/^Options\n {2}ok {6}the options are complete/);
    expect(out).toContain(`${zitadel.url} is reached`);
    expect(out).toContain(`a JWT of user ${alice.id}`);
    expect(out).toMatch(/All is in order\.$/);
  });

  it('says what is wrong, why, what it does to a request, and what to do, and exits with 1', async () => {
    const token = zitadel.tokenFor(alice, { audience: ['1'] });
    const { code, out } = await run(['-'], good, { input: `Bearer ${token}\n` });
    expect(code).toBe(1);
    expect(out).toMatch(
      /Token\n {2}WRONG {3}access token: for another audience .*\n +why .*\n +so +a request with this token: 401 token_invalid\n +do +the client must request/,
    );
    expect(out).toMatch(/1 wrong, 0 warnings, \d+ in order\.$/);
    expect(out).not.toContain(token);
  });

  it('exits with 0 on warnings alone, writes JSON, and shows no secret', async () => {
    const env = {
      ...good,
      ZITADEL_SIGNING_KEY: 'a-secret-key',
      ZITADEL_PAT: zitadel.patFor(admin()),
    };
    const said = await run(['--json'], env);
    expect(said.code).toBe(0);
    expect(idsOf(said)).toEqual(['events.no-target']);
    expect(said.out).not.toContain('a-secret-key');
    expect(said.out).not.toContain(env.ZITADEL_PAT);
  });

  const admin = (name = 'admin') => {
    const user = zitadel.addServiceUser(name);
    zitadel.addMember(user, 'instance', ['IAM_OWNER']);
    return user;
  };

  it('takes a token with what stands before it in a header', async () => {
    const token = zitadel.tokenFor(alice);
    for (const before of ['', 'Bearer ', 'authorization: bearer ']) {
      const asked = { ...good, ZITADEL_TOKEN: `${before}${token}\n` };
      expect(await run([], asked)).toMatchObject({ code: 0 });
      expect(await run(['-'], good, { input: `${before}${token}\n` })).toMatchObject({ code: 0 });
    }
  });

  it('tells of a key file that cannot be read, and goes on with the rest', async () => {
    const file = join(folder, 'none.json');
    const said = await run(['--json'], { ...good, ZITADEL_SERVICE_USER_KEY: file });
    expect(said.code).toBe(1);
    expect(idsOf(said)).toEqual(['options.invalid']);
    expect(findingsOf(said).map(({ id }) => id)).toContain('issuer.reached');
    expect(said.out).toContain('ZITADEL_SERVICE_USER_KEY');
  });

  it.each([
    ['no issuer', [], {}, 'ZITADEL_ISSUER must be set'],
    ['an unknown argument', ['--what'], good, '--what'],
    ['two modules', ['a.js', 'b.js'], good, 'only one module'],
    ['a timeout of nothing', ['--timeout', '0'], good, '--timeout takes 1 to 120'],
    ['no token where one is promised', ['-'], good, 'has no token'],
    ['a file that is not there', [join(folder, 'none.js')], good, 'is not a file'],
  ])('exits with 2 on %s', async (_what, args, env, text) => {
    const { code, told, out } = await run(args, env);
    expect(code).toBe(2);
    expect(told).toContain(text);
    expect(out).toBe('');
  });

  it('tells whoever looks on what it is looking at', async () => {
    const { code, told } = await run([], good, { isInteractive: true });
    expect([code, told]).toEqual([0, expect.stringContaining('looking at ZITADEL ...')]);
  });

  it('says that it was stopped', async () => {
    expect(await run([], good, { stop: AbortSignal.abort() })).toEqual({
      code: 130,
      out: '',
      told: '',
    });
  });

  const appOf = (name: string, options: string) =>
    written(
      name,
      `import { Module } from '@nestjs/common';
import { pat, ZitadelModule } from 'nestjs-zitadel';
let hasMore = 0;
export class AppModule {
  onModuleInit() { throw new Error('nothing may start'); }
}
Module({
  imports: [ZitadelModule.forRootAsync({ useFactory: () => { ${options} } })],
})(AppModule);
`,
    );

  it('reads the options of an application, and starts nothing of it', async () => {
    const app = appOf(
      'app.mjs',
      `return { issuer: '${zitadel.url}', audience: '1', strict: true };`,
    );
    expect(await run([app], {})).toMatchObject({
      code: 0,
      out: expect.stringMatching(/All is in order\.$/) as string,
    });
  });

  const expressOf = (name: string, options: string, rest = '') =>
    written(
      name,
      `import { createZitadel } from 'nestjs-zitadel/express';
const options = { issuer: '${zitadel.url}', ${options} };
${rest === '' ? 'createZitadel(options);' : rest}
throw new Error('nothing may start');
`,
    );

  it('reads the options of an application on Express, and starts nothing of it', async () => {
    const app = expressOf('express.mjs', `audience: '1'`);
    const said = await run([app], {});
    expect(said).toMatchObject({
      code: 0,
      out: expect.stringMatching(/All is in order\.$/) as string,
    });
    const refused = await run([expressOf('refused-express.mjs', ''), '--json'], {});
    expect(idsOf(refused)).toEqual(['options.invalid']);
    const makes = expressOf(
      'making-express.mjs',
      `audience: '1', cache: { shared: { secret: false } }`,
      'export function createApp() { createZitadel(options); }\nif (0)',
    );
    const shared = await run([`${makes}#createApp`, '--json'], {});
    expect(findingsOf(shared).find(({ id }) => id === 'options.no-store')).toMatchObject({
      what: expect.stringContaining('createZitadel() has no sharedCache') as string,
    });
  });

  it('chooses a function among classes where no reflect-metadata is loaded', async () => {
    const app = expressOf(
      'class-express.mjs',
      `audience: '1'`,
      'export class Thing {}\nexport function createApp() { createZitadel(options); }\nif (0)',
    );
    const { hasMetadata } = Reflect;
    Reflect.deleteProperty(Reflect, 'hasMetadata');
    try {
      expect(await run([app], {})).toMatchObject({ code: 0 });
    } finally {
      Object.assign(Reflect, { hasMetadata });
    }
  });

  it('says of a function that it does not come to createZitadel()', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'express-'));
    try {
      const app = join(outside, 'app.mjs');
      writeFileSync(app, 'export const createApp = () => ({ listen() {} });');
      const { code, out } = await run([app], {});
      expect(code).toBe(1);
      expect(out).toContain('calls no createZitadel() of this copy of nestjs-zitadel');
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  describe('of an application with other copies than those of the command', () => {
    const ours = fileURLToPath(new URL('../../..', import.meta.url));

    /** A project outside the repository. Of `copies`, it has a copy of its own. */
    function projectWith(copies: readonly string[], app: string): string {
      const project = mkdtempSync(join(tmpdir(), 'copies-'));
      onTestFinished(() => rmSync(project, { recursive: true }));
      const put = (path: string, text: string) => {
        mkdirSync(join(project, path, '..'), { recursive: true });
        writeFileSync(join(project, path), text);
      };
      for (const name of copies) {
        put(`node_modules/${name}/package.json`, JSON.stringify({ name, main: './index.js' }));
        put(`node_modules/${name}/index.js`, 'exports.NestFactory = {};');
      }
      if (!copies.includes('nestjs-zitadel')) {
        symlinkSync(ours, join(project, 'node_modules', 'nestjs-zitadel'));
      }
      put('app.mjs', app);
      return join(project, 'app.mjs');
    }

    const broken = `throw new Error('something broke');`;

    it('loads nothing where this package is another one, since nobody would end it', async () => {
      const app = projectWith(['nestjs-zitadel'], broken);
      const said = await run([app, '--json'], good);
      expect(said.code).toBe(1);
      expect(idsOf(said)).toEqual(['application.copies']);
      expect(said.out).toContain('run npx nestjs-zitadel in the project of the application');
      expect(said.out).not.toContain('something broke');
    });

    it('says first that Nest is another one, and then why the file cannot be loaded', async () => {
      const said = await run([projectWith(['@nestjs/core'], broken), '--json'], good);
      expect(said.code).toBe(1);
      expect(idsOf(said)).toEqual(['application.copies']);
      expect(said.out).toMatch(/two copies of @nestjs\/core: .*; .*something broke/);
    });

    it('says that Nest is another one also where the options were heard', async () => {
      const app = projectWith(
        ['@nestjs/core'],
        `import { ZitadelModule } from 'nestjs-zitadel';
import { NestFactory } from '${import.meta.resolve('@nestjs/core')}';
export function createApp(options) {
  const module = ZitadelModule.forRoot({ issuer: '${zitadel.url}', audience: '1' });
  return NestFactory.create(module, options);
}`,
      );
      const said = await run([app, '--json'], {});
      expect(idsOf(said)).toEqual(['application.copies']);
      expect(findingsOf(said).map(({ id }) => id)).toContain('issuer.reached');
    });

    it('does not speak of two copies where it finds no Nest itself', () => {
      const file = projectWith(['@nestjs/core'], '');
      const alone = pathToFileURL(join(mkdtempSync(join(tmpdir(), 'alone-')), 'command.js'));
      onTestFinished(() => rmSync(new URL('.', alone), { recursive: true }));
      expect(copiesOfNest(file, alone)).toMatch(/^this nestjs-zitadel finds no @nestjs\/core: /);
      expect(copiesOfNest(file, alone)).not.toContain('two copies');
    });

    it('says nothing of a Nest that an application on Express has beside it', async () => {
      const app = projectWith(
        ['@nestjs/core'],
        `import { createZitadel } from 'nestjs-zitadel/express';
createZitadel({ issuer: '${zitadel.url}', audience: '1' });`,
      );
      const said = await run([app, '--json'], {});
      expect([said.code, idsOf(said)]).toEqual([0, []]);
    });
  });

  it.each([
    ['reads events', '', 'ok', READ],
    ['takes no turn of the application', OF_ANOTHER, 'ok', READ],
    [
      'does not come to the end',
      ENDLESS,
      'ok',
      /^events are read, not yet to the end \(events: [1-9]\d*\)$/,
    ],
    ['fails', FAILING, 'warning', /^asking for events fails$/],
  ])('tries whether events.tail works, and %s', async (what, more, level, text) => {
    const app = appOf(
      `tail-${what.replaceAll(' ', '-')}.mjs`,
      `return { issuer: '${zitadel.url}', audience: '1', ${more}
        events: { tail: { serviceUser: pat('${zitadel.patFor(admin(what))}') } } };`,
    );
    const said = await run([app, '--json', '--timeout', '6'], {});
    const found = findingsOf(said).find(({ id }) => id.startsWith('events.tail'));
    expect(found).toMatchObject({ level, what: expect.stringMatching(text) as string });
  });

  it('compares the signing key with that of the target, and tells its own target by it', async () => {
    const other = await startEmulator();
    const owner = other.addServiceUser('owner');
    other.addMember(owner, 'instance', ['IAM_OWNER']);
    const env = { ZITADEL_ISSUER: other.url, ZITADEL_PROJECT_ID: '1' };
    const look = async (key: string, ...args: readonly string[]) => {
      const more = { ZITADEL_SIGNING_KEY: key, ZITADEL_PAT: other.patFor(owner) };
      const said = await run([...args, '--json'], { ...env, ...more });
      expect(said.out).not.toMatch(/theirs|right|wrong-key/);
      return findingsOf(said).find(({ id }) => id.startsWith('events.'));
    };
    for (const signingKey of ['theirs', 'right']) {
      other.addTarget('https://app.example/zitadel/events', { signingKey });
    }
    const same = {
      id: 'events.sent',
      what: expect.stringMatching(/signs with a key of/) as string,
    };
    expect(await look('right')).toMatchObject(same);
    expect(await look('newer right')).toMatchObject(same);
    expect(await look('wrong-key')).toMatchObject({
      ...{ id: 'events.key', level: 'warning' },
      remedy: expect.stringContaining('events setup --name <its name> --rotate') as string,
    });
    // Only Nest receives where an option says.
    other.addTarget('https://app.example/hooks', { signingKey: 'moved' });
    expect(await look('moved')).toMatchObject(same);
    const ofExpress = expressOf(
      'hooks-express.mjs',
      `audience: '1', issuer: '${other.url}', events: { signingKeys: 'moved' }`,
    );
    expect(await look('', ofExpress)).toMatchObject(same);
    const ofNest = appOf(
      'hooks.mjs',
      `return { issuer: '${other.url}', audience: '1', events: { signingKeys: 'moved' } };`,
    );
    expect(await look('', ofNest)).toMatchObject({
      id: 'events.path',
      remedy: expect.stringContaining('https://<your application>/zitadel/events') as string,
    });
    const untold = appOf(
      'untold.mjs',
      `return { issuer: '${other.url}', audience: '1', events: { signingKeys: 'wrong-key' },
        fetch: async (url, init) => {
          const text = await (await fetch(url, init)).text();
          return new Response(text.replaceAll('"signingKey"', '"none"'));
        } };`,
    );
    const silent = await look('', untold);
    expect(silent?.what).toContain('does not tell with which key');
  });

  describe('with --events-url', () => {
    const running = createZitadel({ ...zitadel.options(), events: { signingKeys: ['right'] } });
    const tried = async (url: string, key = 'right') => {
      const env = { ...good, ...(key !== '' && { ZITADEL_SIGNING_KEY: key }) };
      const said = await run(['--events-url', url, '--json'], env);
      return findingsOf(said).find(({ id }) => /^events\.(not-)?received$/.test(id));
    };
    const serve = async (build: (app: Express) => void) => {
      const { url, close } = await startExpress(build);
      onTestFinished(close);
      return `${url}/zitadel/events`;
    };

    it('sends the running application a delivery that ends nothing', async () => {
      const url = await serve((app) => void app.post('/zitadel/events', zitadelEvents(running)));
      expect(await tried(url)).toMatchObject({ id: 'events.received', level: 'ok' });
      expect(running.events.status()).toMatchObject({ received: 1, ignored: 1 });
      expect(running.events.status().lastEventAt).toBeUndefined();
      const rotated = await tried(url, 'newer right');
      expect(rotated).toMatchObject({ id: 'events.received' });
      expect(running.events.status()).toMatchObject({ ignored: 2, replayed: 0 });
      expect(await tried(url, 'wrong')).toMatchObject({
        id: 'events.not-received',
        level: 'warning',
        what: expect.stringContaining('with 401') as string,
        remedy: expect.stringContaining('with the same events.signingKeys') as string,
      });
    });

    it.each([
      [
        'a parser stands before the receiver',
        (app: Express) =>
          void app.use(express.json()).post('/zitadel/events', zitadelEvents(running)),
        /with 500/,
        /before express\.json\(\)/,
      ],
      ['nobody receives there', () => undefined, /with 404/, /the URL where/],
      [
        'somebody else answers there',
        (app: Express) => void app.use((_, response) => void response.send('welcome')),
        /with 200/,
        /no other handler/,
      ],
    ])('says that %s', async (_, build, what, remedy) => {
      expect(await tried(await serve(build))).toMatchObject({
        id: 'events.not-received',
        what: expect.stringMatching(what) as string,
        remedy: expect.stringMatching(remedy) as string,
      });
    });

    const closed = 'http://127.0.0.1:1';
    const several = (...keys: readonly string[]) =>
      appOf(
        `several-${keys.join('-')}.mjs`,
        `return { instances: [${keys
          .map(
            (key, place) =>
              `{ issuer: '${place === 0 ? zitadel.url : closed}', audience: '1', events: { signingKeys: '${key}' } }`,
          )
          .join()}] };`,
      );

    it.each([
      ['of an instance that ZITADEL does not serve', () => [several('other', 'right')], {}, 'ok'],
      ['of no instance', () => [several('other', 'another')], {}, 'warning'],
      [
        'while ZITADEL is down',
        () => [],
        { ...good, ZITADEL_ISSUER: closed, ZITADEL_SIGNING_KEY: 'right' },
        'ok',
      ],
      ['without options', () => [appOf('none.mjs', `throw new Error('broken');`)], {}, 'warning'],
      ['of options that are none', () => [appOf('not.mjs', 'return {};')], {}, 'warning'],
    ])('says once whether the application takes a delivery %s', async (_, apps, env, level) => {
      const url = await serve((app) => void app.post('/zitadel/events', zitadelEvents(running)));
      const said = await run([...apps(), '--events-url', url, '--json'], env);
      const found = findingsOf(said).filter(({ id }) => id.startsWith('events.'));
      expect(found.filter(({ id }) => id !== 'events.unseen')).toEqual([
        expect.objectContaining({ level }),
      ]);
    });

    it('says that nobody listens, that there is no key, and what no URL is', async () => {
      const { url, close } = await startExpress(() => undefined);
      await close();
      const silent = await tried(url);
      expect(silent?.what).toContain('ECONNREFUSED');
      const unsent = await tried('http://localhost:6000/zitadel/events');
      expect(unsent?.what).toContain('(bad port)');
      const keyless = await tried(url, '');
      expect(keyless?.what).toContain('no delivery was sent');
      expect(await run(['--events-url', 'http://app.example/x'], good)).toMatchObject({
        code: 2,
        told: expect.stringContaining('--events-url must be a URL with https') as string,
      });
    });
  });

  it.each([
    ['no handler', '', 'wrong', 1],
    ['no handler that is not public', 'public', 'wrong', 1],
    ['some handlers', 'guarded', 'warning', 0],
    ['every handler', 'guarded public', 'ok', 0],
  ])('says where the guard stands before %s', async (_what, has, level, code) => {
    const app = written(
      `guards-${has.replaceAll(' ', '-')}.mjs`,
      `import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { Public, ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';
class Things { list() {} }
Get('things')(Things.prototype, 'list', Object.getOwnPropertyDescriptor(Things.prototype, 'list'));
${has.includes('public') ? `Public()(Things);` : ''}
Controller()(Things);
class More { list() {} }
Get('more')(More.prototype, 'list', Object.getOwnPropertyDescriptor(More.prototype, 'list'));
Controller()(More);
${has.includes('guarded') ? 'UseGuards(ZitadelManagerGuard)(More);' : ''}
export class AppModule {}
Module({
  imports: [ZitadelModule.forRoot({ issuer: '${zitadel.url}', audience: '1' })],
  controllers: [Things, More],
})(AppModule);
`,
    );
    const said = await run([app, '--json'], {});
    const found = findingsOf(said).find(({ id }) => id.startsWith('routes.'));
    expect({ level: found?.level, code: said.code }).toEqual({ level, code });
  });

  it('reads options that the library refuses', async () => {
    const app = appOf('refused.mjs', `return { issuer: '${zitadel.url}' };`);
    const said = await run([app, '--json'], {});
    expect(said.code).toBe(1);
    expect(idsOf(said)).toEqual(['options.invalid']);
    expect(findingsOf(said).map(({ id }) => id)).toContain('keys.usable');
  });

  it('says why an application has no options, and goes on with the environment', async () => {
    const app = appOf('throwing.mjs', `throw new Error('DATABASE_URL is missing');`);
    const said = await run([app, '--json'], good);
    expect(said.code).toBe(1);
    expect(idsOf(said)).toEqual(['application.options']);
    expect(said.out).toContain('DATABASE_URL is missing');
    expect(findingsOf(said).map(({ id }) => id)).toContain('issuer.reached');
  });

  it.skipIf(!redisIsHere)('looks at the Redis that REDIS_URL names', async () => {
    const redis = await startRedis();
    try {
      const said = await run(['--json'], { ...good, REDIS_URL: redis.url });
      expect(idsOf(said)).toEqual([]);
      expect(findingsOf(said).map(({ id }) => id)).toContain('redis.works');
      redis.pause();
      const silent = await run(['--json', '--timeout', '1'], { ...good, REDIS_URL: redis.url });
      expect(idsOf(silent)).toContain('redis.unreachable');
    } finally {
      redis.resume();
      await redis.stop();
    }
  });
});
