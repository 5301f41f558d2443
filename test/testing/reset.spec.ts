import { describe, expect, it } from 'vitest';
import { useEmulator } from '../support/world.js';
import { call, myMemberships } from './calls.js';

const zitadel = await useEmulator({ queryLimits: { max: 50 } });

const rowsOf = async (token: string) => {
  const { status, json } = await myMemberships(zitadel, token);
  return [status, (json as { result?: unknown[] }).result?.length ?? 0];
};

describe('ids', () => {
  it('may be given, and are taken then', () => {
    const org = zitadel.addOrg('acme', { id: 'acme-1' });
    const project = zitadel.addProject('portal', { org, id: '1' });
    const customer = zitadel.addOrg('customer');
    expect(org.id).toBe('acme-1');
    expect(zitadel.addUser('alice', { org, id: '2' }).id).toBe('2');
    expect(zitadel.addServiceUser('backend', { id: '3' }).id).toBe('3');
    expect(zitadel.grantProject(project, customer, [], { id: '4' }).id).toBe('4');
    const redirectUris = ['http://localhost:9/callback'];
    expect(zitadel.addApplication(project, { clientId: '5', redirectUris }).clientId).toBe('5');
    const api = zitadel.addApiApplication(project, { clientId: '6', clientSecret: 'secret-6' });
    expect(api).toMatchObject({ clientId: '6', clientSecret: 'secret-6' });
    expect(() => zitadel.addOrg('other', { id: '1' })).toThrow('the id 1 is taken');
    expect(() => zitadel.addUser('bob', { id: 'a/b' })).toThrow("'a/b' is not an id");
    expect(zitadel.addUser('bob').id).toMatch(/^\d{18}$/);
  });
});

describe('reset', () => {
  it('begins again, with the same address, keys and ids', async () => {
    const { url, issuer, instanceId, rootOrg, defaultProject, zitadelProjectId } = zitadel;
    const keys = zitadel.publicKeys();
    zitadel.reset();
    const acme = zitadel.addOrg('acme', { id: 'acme-1' });
    const alice = zitadel.addUser('alice', { org: acme, id: '2' });
    zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
    zitadel.addMember(alice, { project: defaultProject }, ['PROJECT_OWNER']);
    zitadel.addTarget('http://127.0.0.1:9/', {});
    const [robot, pat] = [zitadel.addServiceUser('backend'), 'a-text-of-mine'];
    expect(zitadel.patFor(robot, pat)).toBe(pat);
    zitadel.setRolePermissions('ORG_OWNER', []);
    zitadel.setEditor(alice);
    zitadel.deliveries({ lose: 1 });
    zitadel.lagReads(60_000);
    zitadel.fail('memberships', 503);
    zitadel.serveApis('v2');
    zitadel.limitQueries({ max: 1 });
    const token = zitadel.tokenFor(alice);
    zitadel.reset();
    expect(await rowsOf(token)).toEqual([401, 0]);
    expect(await rowsOf(pat)).toEqual([401, 0]);
    expect(zitadel.requests()).toBe(2);
    expect(zitadel.grants()).toEqual([]);
    expect(zitadel).toMatchObject({
      url,
      issuer,
      instanceId,
      rootOrg,
      defaultProject,
      zitadelProjectId,
    });
    expect(zitadel.publicKeys()).toEqual(keys);
    // Who is added again with the same id is the same to tokens.
    const again = zitadel.addUser('alice', { org: zitadel.addOrg('acme'), id: '2' });
    expect(await rowsOf(token)).toEqual([200, 0]);
    zitadel.addMember(again, { project: defaultProject }, ['PROJECT_OWNER']);
    expect(await rowsOf(token)).toEqual([200, 1]);
    await zitadel.delivered();
  });
});

describe('a password', () => {
  it('is asked for on the sign-in page', async () => {
    const [redirectUri] = ['http://localhost:9/callback'];
    const { clientId } = zitadel.addApplication(zitadel.defaultProject, {
      redirectUris: [redirectUri],
    });
    const carol = zitadel.addUser('carol', { password: 'right & "proper"' });
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    });
    const begun = await call(zitadel, `/oauth/v2/authorize?${query.toString()}`);
    const location = new URL(begun.headers.get('location') ?? '', zitadel.url);
    const form = {
      authRequest: location.searchParams.get('authRequest') ?? '',
      userId: carol.id,
    };
    const login = (more: Record<string, string>) =>
      call(zitadel, '/ui/v2/login/login', undefined, {
        body: new URLSearchParams({ ...form, ...more }),
      });
    const [asked, wrong] = [await login({}), await login({ password: 'wrong' })];
    expect([asked.status, asked.text.includes('type="password"')]).toEqual([200, true]);
    expect(asked.text).not.toContain('This is not the password');
    expect([wrong.status, wrong.text.includes('This is not the password')]).toEqual([200, true]);
    const right = await login({ password: 'right & "proper"' });
    expect([right.status, right.headers.get('location')]).toEqual([
      302,
      expect.stringContaining('code='),
    ]);
  });
});
