import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#dist/bin/commands.js';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Terminal } from '../../../lib/bin/terminal.js';
import type { ZitadelEmulator } from '../../../lib/testing/index.js';
import { quietTerminal } from '../../support/terminal.js';
import { startEmulator } from '../../support/world.js';

const FILE = join('test', 'bin', 'routes', 'application.mjs');
const APPLICATION = `${FILE}#AppModule`;

let zitadel: ZitadelEmulator;
let token: string;
let orgId: string;

beforeEach(async () => {
  zitadel = await startEmulator();
  const acme = zitadel.addOrg('acme');
  const alice = zitadel.addUser('alice', { org: acme });
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  token = zitadel.tokenFor(alice);
  orgId = acme.id;
});

async function run(args: readonly string[], input = token, more: Terminal['env'] = {}) {
  const { audience } = zitadel.options();
  const { terminal, said } = quietTerminal({
    env: { ZITADEL_ISSUER: zitadel.url, ZITADEL_PROJECT_ID: String([audience].flat()[0]), ...more },
    input: () => Promise.resolve(input),
  });
  const code = await runCommand(['explain', ...args], terminal);
  return { code, ...said() };
}

describe('explain', () => {
  it('says by which membership it is allowed, and how old that is', async () => {
    const { code, out } = await run(['--role', 'ORG_OWNER', '--org', orgId]);
    expect([code, out]).toEqual([0, expect.stringMatching(/^Allowed\.\n {2}yes ORG_OWNER on org/)]);
    expect(out).toContain(`by ORG_OWNER on org ${orgId}`);
    expect(out).toMatch(/read from zitadel \d+ ms ago/);
    expect(out).not.toContain(token);
  });

  it('says which membership would allow it', async () => {
    const { code, out } = await run(['--role', 'IAM_OWNER_VIEWER']);
    expect(code).toBe(3);
    expect(out).toContain('Denied (role_missing).');
    expect(out).toContain('It would take:\n  IAM_OWNER_VIEWER | IAM_OWNER on the instance');
  });

  it('says what is missing where no service user reads memberships', async () => {
    const asks = ['--user', '1', '--role', 'ORG_OWNER', '--org', orgId];
    const none = await run(asks);
    expect([none.code, none.told]).toEqual([
      1,
      expect.stringMatching(
        /^Not known\. --user needs .*: set ZITADEL_SERVICE_USER_KEY and ZITADEL_ORGANIZATIONS \(\* means all\), or .* token .* instead of --user$/,
      ),
    ]);
    const half = await run(asks, token, { ZITADEL_ORGANIZATIONS: orgId });
    expect(half.told).toContain(': set ZITADEL_SERVICE_USER_KEY, or');
    const app = await run([...asks, '--app', APPLICATION, '--json']);
    expect(JSON.parse(app.out)).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining("write memberships: { as: 'serviceUser' }") as string,
    });
  });

  it('tells a token that is not accepted, and an outage is no denial', async () => {
    const denied = await run(['--role', 'IAM_OWNER', '--json'], 'a.b.c');
    expect(JSON.parse(denied.out)).toMatchObject({ exitCode: 3, reason: 'token_invalid' });
    await zitadel.stop();
    const outage = await run(['--role', 'IAM_OWNER', '--json']);
    expect(JSON.parse(outage.out)).toMatchObject({ exitCode: 1, reason: 'unavailable' });
  });

  it('takes what a route asks for', async () => {
    const route = (name: string) => run(['--app', APPLICATION, '--route', name]);
    expect(await route('GET /orgs/<b>|logo')).toMatchObject({
      code: 0,
      out: 'Allowed. It is public: everybody gets in, and no token is read.',
    });
    expect(await route('GET /orgs/of/nobody')).toMatchObject({ code: 3 });
    const missing = await route('GET /orgs/:orgId');
    expect([missing.code, missing.told]).toEqual([
      2,
      expect.stringContaining('--param orgId=<id>'),
    ]);
    const unknown = await route('GET /none');
    expect([unknown.code, unknown.told]).toEqual([2, expect.stringContaining('has no GET /none')]);
  });

  it('says of a route without the guard that everybody gets in, whatever it asks for', async () => {
    const asked = ['--app', `${FILE}#Unguarded`, '--route', 'GET /orgs/:orgId'];
    expect(await run(asked)).toMatchObject({
      code: 0,
      out: 'Allowed. Nothing of nestjs-zitadel guards this: everybody gets in.',
    });
    expect(await run([...asked, '--param', `orgId=${orgId}`])).toMatchObject({ code: 0 });
  });

  it('asks the ZITADEL that the route names', async () => {
    const partners = await startEmulator();
    const bob = partners.addUser('bob');
    partners.addMember(bob, 'instance', ['IAM_OWNER']);
    // Inside the repository, so that the file finds the packages.
    const folder = mkdtempSync(fileURLToPath(new URL('./app-', import.meta.url)));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const app = join(folder, 'app.mjs');
    const optionsOf = ({ url, defaultProject }: ZitadelEmulator) =>
      `issuer: '${url}', audience: '${defaultProject.id}'`;
    writeFileSync(
      app,
      `import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { RequireRole, ZitadelManagerGuard, ZitadelModule } from 'nestjs-zitadel';
class Partners { list() {} }
const list = Object.getOwnPropertyDescriptor(Partners.prototype, 'list');
Get('partners')(Partners.prototype, 'list', list);
RequireRole('IAM_OWNER', { zitadel: 'partners' })(Partners.prototype, 'list', list);
Controller()(Partners);
UseGuards(ZitadelManagerGuard)(Partners);
export class AppModule {}
Module({
  imports: [
    ZitadelModule.forRoot({ ${optionsOf(zitadel)} }),
    ZitadelModule.forRoot({ name: 'partners', ${optionsOf(partners)} }),
  ],
  controllers: [Partners],
})(AppModule);
`,
    );
    const asked = ['--app', app, '--route', 'GET /partners'];
    const bobs = partners.tokenFor(bob);
    expect(await run(asked, bobs)).toMatchObject({ code: 0, told: '' });
    expect(await run([...asked, '--name', 'partners'], bobs)).toMatchObject({ code: 0 });
    expect(await run([...asked, '--name', 'other'], bobs)).toMatchObject({
      code: 2,
      told: expect.stringContaining('GET /partners asks the ZITADEL partners') as string,
    });
  });

  it('says what would allow it by the hierarchy of the instance that the token is of', async () => {
    const folder = mkdtempSync(fileURLToPath(new URL('./app-', import.meta.url)));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const app = join(folder, 'zitadel.mjs');
    const { issuer, audience } = zitadel.options();
    const instances = JSON.stringify([{ issuer, audience, hierarchy: 'exact' }]);
    writeFileSync(
      app,
      `import { createZitadel } from 'nestjs-zitadel/express';
export const zitadel = createZitadel({ instances: ${instances} });
`,
    );
    const { code, out } = await run(['--app', app, '--role', 'IAM_OWNER_VIEWER', '--json']);
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ wouldAllow: ['IAM_OWNER_VIEWER on the instance'] });
  });

  it('takes no route for another one that answers under another host', async () => {
    const route = (name: string) => run(['--app', `${FILE}#TwoHosts`, '--route', name]);
    const both = await route('GET /things');
    expect([both.code, both.told]).toEqual([
      2,
      expect.stringContaining(
        'GET /things is several: name one of GET /things (host a.example), GET /things (host b.example)',
      ),
    ]);
    expect(await route('GET /things (host a.example)')).toMatchObject({ code: 0 });
    expect(await route('GET /things (host b.example)')).toMatchObject({ code: 3 });
  });

  it.each([
    ['a role without its organization', ['--role', 'ORG_OWNER'], /--org must say/],
    ['a place without a question', ['--org', '1'], /say what is asked for/],
    ['a route without an application', ['--route', 'GET /'], /--app/],
    ['two questions', ['--role', 'IAM_OWNER', '--permission', 'a.b'], /do not go together/],
    ['nobody', ['--role', 'IAM_OWNER'], /say about whom/],
  ])('refuses %s', async (_, args, text) => {
    const { code, told } = await run(args, '');
    expect([code, told]).toEqual([2, expect.stringMatching(text)]);
  });
});
