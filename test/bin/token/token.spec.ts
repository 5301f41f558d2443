import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCommand } from '../../../lib/bin/commands.js';
import type { Terminal } from '../../../lib/bin/terminal.js';
import { quietTerminal } from '../../support/terminal.js';
import { useEmulator } from '../../support/world.js';

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
const alice = zitadel.addUser('alice', { org: acme });
zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
zitadel.authorizeUser(alice, portal, ['reader'], { org: acme });
const robot = zitadel.addServiceUser('robot', { org: acme });
const project = String(zitadel.options().audience);
const HOME = 'urn:zitadel:iam:user:resourceowner';
const now = Math.floor(Date.now() / 1_000);

/** Runs the command, and checks that nothing of the token comes back. */
async function run(token: string, args: readonly string[] = [], more: Partial<Terminal> = {}) {
  const { terminal, said } = quietTerminal({
    ...more,
    env: {
      ZITADEL_TOKEN: token,
      ZITADEL_ISSUER: zitadel.url,
      ZITADEL_PROJECT_ID: project,
      ...more.env,
    },
  });
  const code = await runCommand(['token', ...args], terminal);
  const { out, told } = said();
  for (const part of token.split('.').filter((each) => each.length > 20)) {
    expect(out + told).not.toContain(part);
    expect(out + told).not.toContain(part.slice(-20));
  }
  return { code, out, told };
}

const json = async (...args: Parameters<typeof run>) => {
  const { code, out } = await run(args[0], ['--json', ...(args[1] ?? [])], args[2]);
  return { code, ...(JSON.parse(out) as Readonly<Record<string, unknown>>) };
};

/** The key file of an application or a service user, for one test. */
async function keyFileOf(content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'token-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'key.json');
  await writeFile(path, content, { mode: 0o600 });
  return path;
}

const claims = { iss: zitadel.url, sub: alice.id, aud: [project], exp: now + 60, iat: now };

describe('token', () => {
  it.each([
    ['an access token', zitadel.tokenFor(alice), 0, 'accessToken', undefined],
    ['an expired one', zitadel.expiredTokenFor(alice), 3, 'accessToken', 'token_invalid'],
    [
      'one for others',
      zitadel.tokenFor(alice, { audience: ['1'] }),
      3,
      'accessToken',
      'token_invalid',
    ],
    [
      'one that is not for ZITADEL',
      zitadel.tokenFor(alice, { zitadelAudience: false }),
      3,
      'accessToken',
      'token_rejected',
    ],
    [
      'one of an actor',
      zitadel.impersonationTokenFor(alice, robot),
      3,
      'accessToken',
      'impersonated',
    ],
    ['an ID token', zitadel.idTokenFor(alice), 3, 'idToken', 'token_invalid'],
    [
      'an assertion',
      zitadel.signJwt({ ...claims, iss: alice.id }),
      3,
      'assertion',
      'token_invalid',
    ],
    ['another JWT', zitadel.signJwt(claims), 3, 'otherJwt', 'token_invalid'],
    ['an opaque token', zitadel.opaqueTokenFor(alice), 3, 'opaque', 'token_invalid'],
    ['a personal access token', zitadel.patFor(robot), 3, 'sealed', 'token_invalid'],
    ['a session token', zitadel.sessionTokenFor(alice), 3, 'sealed', 'token_invalid'],
    ['a word', 'undefined', 3, 'unknown', 'token_invalid'],
    ['five parts of nothing', 'a.b.c.d.e', 3, 'unknown', 'token_invalid'],
    ['a token in quotation marks', `"${zitadel.patFor(robot)}"`, 3, 'unknown', 'token_invalid'],
  ] as const)('names %s, and asks nobody', async (_, token, code, kind, reason) => {
    const said = await json(token);
    expect(said).toMatchObject({ code, exitCode: code, usable: code === 0, kind });
    expect((said as { refused?: { reason: string } }).refused?.reason).toBe(reason);
    const { out } = await run(token);
    expect(out).toContain(code === 0 ? 'Usable, if' : 'Not usable');
    expect(zitadel.requestLog()).toEqual([]);
  });

  it('reads what is not set from the file that --env names', async () => {
    const token = zitadel.tokenFor(alice);
    const path = await keyFileOf(`ZITADEL_ISSUER=https://b.example\nZITADEL_TOKEN=${token}\n`);
    const { terminal, said } = quietTerminal({ env: { ZITADEL_PROJECT_ID: project } });
    expect(await runCommand(['token', '--env', path], terminal)).toBe(3);
    expect(said().out).toContain('https://b.example');
    expect(said().out).not.toContain(token);
    const missing = await run(token, ['--env', `${path}.none`]);
    expect(missing).toMatchObject({
      code: 2,
      told: expect.stringContaining('the file that --env names cannot be read') as string,
    });
  });

  it('says for whom, until when, and which scope is missing for what', async () => {
    const { out } = await run(zitadel.tokenFor(alice, { expiresInSeconds: 3_000 }));
    expect(out).toContain(`user          ${alice.id}`);
    expect(out).toMatch(/valid until {3}\S+ \(in 50 min\)/);
    expect(out).toContain(`missing: request the scope ${HOME}`);
    expect(out).toContain('missing: request the scope urn:zitadel:iam:org:projects:roles');
    const scopes = [HOME, 'urn:zitadel:iam:org:projects:roles'];
    const rich = await run(
      zitadel.tokenFor(alice, { scopes, audience: [project, portal.id], claims: { tier: 'gold' } }),
    );
    expect(rich.out).toContain(`it is ${acme.id}`);
    expect(rich.out).toContain(`reader of project ${portal.id}`);
    expect(rich.out).toMatch(/other claims {2}tier/);
    expect(rich.out).not.toContain('gold');
  });

  it('compares no issuer and no audience that is not set, and says so', async () => {
    const token = zitadel.tokenFor(alice, { audience: ['1'] });
    const env = { ZITADEL_ISSUER: '', ZITADEL_PROJECT_ID: '' };
    const { code, out } = await run(token, [], { env });
    expect(code).toBe(0);
    expect(out).toContain('Not compared: the issuer (ZITADEL_ISSUER is not set) and the audience');
  });

  it('writes nothing that steers the terminal', async () => {
    const evil = '\u001b]0;owned\u0007';
    const { out } = await run(
      zitadel.tokenFor(alice, { claims: { sub: evil, [evil]: 1, act: { sub: evil } } }),
    );
    // oxlint-disable-next-line no-control-regex -- That is what must not be there.
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  it('takes it from the standard input or a prompt, with Bearer before it or without', async () => {
    const token = zitadel.tokenFor(alice);
    const env = { ZITADEL_TOKEN: undefined };
    const input = () => Promise.resolve(`Authorization: Bearer ${token}\n`);
    expect(await run(token, [], { env, input })).toMatchObject({ code: 0 });
    const askSecret = () => Promise.resolve(token);
    expect(await run(token, [], { env, askSecret, isInteractive: true })).toMatchObject({
      code: 0,
    });
    expect(await run('', [], { env })).toMatchObject({ code: 2, out: '' });
  });

  it('takes none as an argument, and does not repeat it', async () => {
    const token = zitadel.tokenFor(alice);
    for (const args of [[token], [`--token=${token}`], ['--token', token], [`--json=${token}`]]) {
      expect(await run(token, args)).toMatchObject({ code: 2, out: '' });
    }
  });

  it('ends on Ctrl-C at the prompt', async () => {
    const stop = AbortSignal.abort();
    const env = { ZITADEL_TOKEN: undefined };
    expect(await run('', [], { env, stop, isInteractive: true })).toMatchObject({ code: 130 });
  });
});

describe('token --check', () => {
  it('shows what ZITADEL does: it accepts the token, with these roles', async () => {
    const said = await json(zitadel.tokenFor(alice), ['--check']);
    expect(said).toMatchObject({
      code: 0,
      zitadel: {
        accepted: true,
        memberships: [{ kind: 'org', id: acme.id, roles: ['ORG_OWNER'] }],
      },
    });
    const { out } = await run(zitadel.tokenFor(alice), ['--check']);
    expect(out).toContain(`Usable: ZITADEL accepts it.\nThe manager roles of its user`);
    expect(out).toContain(`ORG_OWNER on org ${acme.id}`);
  });

  it.each([
    ['signed by another', () => zitadel.foreignTokenFor(alice), 'token_invalid'],
    [
      'not for ZITADEL',
      () => zitadel.tokenFor(alice, { zitadelAudience: false }),
      'token_rejected',
    ],
    [
      'revoked',
      () => {
        const token = zitadel.tokenFor(alice);
        zitadel.revokeToken(token);
        return token;
      },
      'token_rejected',
    ],
  ])('refuses a token that is %s', async (_, token, reason) => {
    const said = await json(token(), ['--check']);
    expect(said).toMatchObject({ code: 3, zitadel: { accepted: false, refused: { reason } } });
  });

  it('does not send what the application would refuse on its own', async () => {
    for (const token of [zitadel.idTokenFor(alice), zitadel.patFor(robot)]) {
      const { code, out } = await run(token, ['--check']);
      expect(code).toBe(3);
      expect(out).toContain('ZITADEL was not asked');
    }
    expect(zitadel.requestLog()).toEqual([]);
  });

  it('asks introspection where there is a key, or userinfo', async () => {
    const ZITADEL_API_KEY = await keyFileOf(zitadel.addApplicationKey(project));
    const opaque = zitadel.opaqueTokenFor(alice);
    expect(await json(opaque, [], { env: { ZITADEL_API_KEY } })).toMatchObject({ code: 0 });
    expect(zitadel.requestLog()).toEqual([]);
    const said = await json(opaque, ['--check'], { env: { ZITADEL_API_KEY } });
    expect(said).toMatchObject({ code: 0, kind: 'opaque', userId: alice.id });
    expect(zitadel.requestLog().map(({ path }) => path)).toContain('/oauth/v2/introspect');
    const pat = await json(zitadel.patFor(robot), ['--check', '--userinfo']);
    expect(pat).toMatchObject({ code: 0, kind: 'sealed', userId: robot.id });
    const session = zitadel.sessionTokenFor(alice);
    const env = { ZITADEL_API_KEY };
    expect(await json(session, ['--check'], { env })).toMatchObject({ code: 3 });
  });

  it('reads memberships as the service user where its organizations are given', async () => {
    const reader = zitadel.addServiceUser('reader');
    zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    const env = {
      ZITADEL_SERVICE_USER_KEY: await keyFileOf(zitadel.addKey(reader)),
      ZITADEL_ORGANIZATIONS: '*',
    };
    const token = zitadel.tokenFor(alice, { zitadelAudience: false });
    expect(await json(token, [], { env })).toMatchObject({ code: 0 });
    const { code, out } = await run(token, ['--check'], { env });
    expect(code).toBe(0);
    expect(out).toContain('read as the service user');
  });

  it('tells trouble from a refusal', async () => {
    const token = zitadel.tokenFor(alice);
    zitadel.failNext('memberships', 503, 10);
    const { code, out } = await run(token, ['--check']);
    expect(code).toBe(1);
    expect(out).toContain('Not known:');
    const elsewhere = { ZITADEL_ISSUER: undefined };
    expect(await run(token, ['--check'], { env: elsewhere })).toMatchObject({ code: 2 });
    const noKey = { ZITADEL_SERVICE_USER_KEY: '/nowhere.json' };
    const wrong = await run(token, ['--check'], { env: noKey });
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(wrong.told).toContain('/nowhere.json');
  });
});
