import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { runAs } from './run-command.js';
import { UsageError } from '../../lib/bin/command.js';
import {
  optionsFromEnvironment,
  readEnvironment,
  withEnvFile,
  readSettings,
} from '../../lib/bin/environment.js';
import { resolveOptions } from '../../lib/validate-options.js';
import { startEmulator, useEmulator } from '../support/world.js';

const folder = mkdtempSync(join(tmpdir(), 'environment-'));
afterAll(() => rmSync(folder, { recursive: true }));

const written = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('options from the environment', async () => {
  const zitadel = await useEmulator();

  it('have a name for each, and are complete', () => {
    const reader = zitadel.addServiceUser('reader');
    const options = optionsFromEnvironment({
      ZITADEL_ISSUER: 'https://acme.zitadel.cloud',
      ZITADEL_INTERNAL_URL: 'http://zitadel:8080',
      ZITADEL_PROJECT_ID: '7',
      ZITADEL_CLIENT_ID: '8',
      ZITADEL_API_KEY: written('api.json', zitadel.addApplicationKey(zitadel.addProject('portal'))),
      ZITADEL_SERVICE_USER_KEY: written('user.json', zitadel.addKey(reader)),
      ZITADEL_ORGANIZATIONS: '1, 2',
      ZITADEL_SIGNING_KEY: 'abc',
    });
    expect(resolveOptions(options)).toMatchObject({
      issuer: 'https://acme.zitadel.cloud',
      internalUrl: 'http://zitadel:8080',
      projectId: '7',
      audience: ['7'],
      callers: { type: 'introspection' },
      serviceUser: { kind: 'key' },
      memberships: { as: 'serviceUser', organizations: ['1', '2'] },
      events: { signingKeys: ['abc'] },
    });
  });

  it('take * for all organizations, and refuse it among others', () => {
    const { memberships } = readSettings({ ZITADEL_ORGANIZATIONS: '*' });
    expect(memberships).toEqual({ as: 'serviceUser' });
    for (const text of ['1, *', '* 1', '*,*']) {
      expect(() => readSettings({ ZITADEL_ORGANIZATIONS: text })).toThrow(UsageError);
    }
  });

  it('are those of the library where nothing is set', () => {
    const env = { ZITADEL_ISSUER: 'https://acme.zitadel.cloud', ZITADEL_API_KEY: '' };
    expect(optionsFromEnvironment({ ...env, ZITADEL_CLIENT_ID: '8' })).toEqual({
      issuer: 'https://acme.zitadel.cloud',
      audience: '8',
    });
    expect(() => optionsFromEnvironment({})).toThrow(UsageError);
  });

  it('tell every key file that cannot be read, by its variable', () => {
    const env = {
      ZITADEL_ISSUER: 'https://acme.zitadel.cloud',
      ZITADEL_API_KEY: join(folder, 'none.json'),
      ZITADEL_SERVICE_USER_KEY: written('broken.json', '{'),
    };
    const { problems, options } = readEnvironment(env);
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^ZITADEL_API_KEY: .*none\.json cannot be read \(ENOENT\)/),
      expect.stringMatching(/^ZITADEL_SERVICE_USER_KEY: .*not valid JSON/),
    ]);
    expect(options).toEqual({ issuer: 'https://acme.zitadel.cloud' });
    expect(() => optionsFromEnvironment(env)).toThrow(/^ZITADEL_API_KEY/);
  });
});

describe('the .env that setup writes', () => {
  it.each([
    ['IAM_OWNER_VIEWER', 'the memberships of everybody', 'service user', 0],
    ['ORG_OWNER_VIEWER', 'memberships in 1 organization', 'service user', 0],
    ['none', 'it holds no manager role', 'caller', 1],
  ])('for %s is read alike by every command', async (role, seen, as, explained) => {
    const zitadel = await startEmulator();
    const admin = zitadel.addServiceUser('admin');
    zitadel.addMember(admin, 'instance', ['IAM_OWNER']);
    const acme = zitadel.addOrg('acme');
    const alice = zitadel.addUser('alice', { org: acme });
    zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
    const at = (name: string) => join(mine, name);
    const mine = mkdtempSync(join(folder, 'setup-'));
    const files = ['--env', at('.env'), '--secrets', at('secrets')];
    const wanted = ['--project', 'shop', '--service-user-role', role, '--organization', acme.id];
    const env = { ZITADEL_URL: zitadel.url, ZITADEL_PAT: zitadel.patFor(admin) };
    expect(await runAs(env, ['setup', ...wanted, '--yes', ...files])).toMatchObject({ code: 0 });
    const audience = parseEnv(readFileSync(at('.env'), 'utf8'))['ZITADEL_PROJECT_ID'] ?? '';
    const run = (args: readonly string[], token: string) =>
      runAs({ ZITADEL_TOKEN: token }, [...args, '--env', at('.env')]);
    const token = zitadel.tokenFor(alice, { audience: [audience] });

    const doctor = await run(['doctor'], token);
    expect([doctor.code, doctor.out]).toEqual([0, expect.stringContaining(seen)]);
    const checked = await run(['token', '--check'], token);
    expect([checked.code, checked.out]).toEqual([0, expect.stringContaining(`read as the ${as}`)]);
    const asked = ['--role', 'ORG_OWNER', '--org', acme.id];
    expect(await run(['explain', '--user', alice.id, ...asked], '')).toMatchObject({
      code: explained,
    });

    // Only a caller's own token must be for ZITADEL.
    const others = zitadel.tokenFor(alice, { audience: [audience], zitadelAudience: false });
    expect(await run(['token'], others)).toMatchObject({ code: as === 'caller' ? 3 : 0 });
    expect(await run(['explain', ...asked], others)).toMatchObject({
      code: as === 'caller' ? 3 : 0,
    });

    const removal = ['--project', 'shop', '--organization', acme.id, '--remove', '--yes', ...files];
    expect(await runAs(env, ['setup', ...removal])).toMatchObject({ code: 0 });
    expect(existsSync(at('.env'))).toBe(false);
  });
});

describe('a file with variables', () => {
  it('adds what is not set', () => {
    const file = written('.env', 'ZITADEL_ISSUER="https://a.example"\nZITADEL_PROJECT_ID=7\n');
    expect(withEnvFile({ ZITADEL_PROJECT_ID: '8' }, file)).toEqual({
      ZITADEL_ISSUER: 'https://a.example',
      ZITADEL_PROJECT_ID: '8',
    });
    expect(withEnvFile({})).toEqual({});
    expect(() => withEnvFile({}, join(folder, 'none'))).toThrow(UsageError);
  });
});

it.each(['setup', 'doctor', 'explain'])(
  'is named to %s by an option that Node does not take',
  async (name) => {
    // Node reads --env-file wherever it stands, and ends if there is no such file.
    const { out } = await runAs({}, [name, '--help']);
    expect(out).toContain('--env <path>');
    expect(out).not.toContain('--env-file <path>');
  },
);
