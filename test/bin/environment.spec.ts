import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runAs } from './run-command.js';
import { UsageError } from '../../lib/bin/command.js';
import { optionsFromEnvironment, readEnvironment, withEnvFile } from '../../lib/bin/environment.js';
import { resolveOptions } from '../../lib/validate-options.js';
import { useEmulator } from '../support/world.js';

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
