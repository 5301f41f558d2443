import { describe, expect, it } from 'vitest';
import { type MemberResource, type User, ZitadelEmulator } from '../../lib/testing/index.js';
import recorded from '../captures/permissions-v4.json' with { type: 'json' };
import { type Called, call, outcomeOf, useTenants } from './calls.js';

const PATH = '/auth/v1/permissions/zitadel/me/_search';
const w = useTenants();
const somebody = () => w.addMember(undefined, [], w.acme);
const manager = (on: MemberResource, ...roles: string[]) => w.addMember(on, roles, w.acme);

function ask(user: User, org?: string, body: unknown = {}): Promise<Called> {
  const headers = org === undefined ? {} : { 'x-zitadel-orgid': org };
  return call(w.zitadel, PATH, w.zitadel.tokenFor(user), { body, headers });
}

async function permissionsOf(user: User, org?: string): Promise<readonly string[]> {
  const answer = await ask(user, org);
  expect(answer.status).toBe(200);
  return (answer.json['result'] ?? []) as string[];
}

describe('effective permissions', () => {
  it.each<[string, () => MemberResource, number]>([
    ['IAM_OWNER', () => 'instance', 95],
    ['IAM_OWNER_VIEWER', () => 'instance', 34],
    ['IAM_ORG_MANAGER', () => 'instance', 57],
    ['IAM_USER_MANAGER', () => 'instance', 26],
    ['IAM_LOGIN_CLIENT', () => 'instance', 34],
    ['ORG_OWNER', () => ({ org: w.acme }), 55],
    ['ORG_OWNER_VIEWER', () => ({ org: w.acme }), 19],
    ['ORG_USER_MANAGER', () => ({ org: w.acme }), 17],
    ['ORG_SETTINGS_MANAGER', () => ({ org: w.acme }), 12],
    ['ORG_USER_PERMISSION_EDITOR', () => ({ org: w.acme }), 14],
    ['ORG_PROJECT_PERMISSION_EDITOR', () => ({ org: w.acme }), 16],
    ['PROJECT_OWNER', () => ({ project: w.portal }), 26],
    ['PROJECT_OWNER_VIEWER', () => ({ project: w.portal }), 11],
    ['PROJECT_GRANT_OWNER', () => ({ projectGrant: w.grant }), 13],
    ['PROJECT_GRANT_OWNER_VIEWER', () => ({ projectGrant: w.grant }), 8],
  ])('of %s are as many as ZITADEL gives', async (role, on, count) => {
    const permissions = await permissionsOf(manager(on(), role), w.acme.id);
    expect(new Set(permissions).size).toBe(count);
    expect(permissions).toHaveLength(count);
  });

  it('of instance and organization are plain, of a project or grant name it', async () => {
    const user = manager({ project: w.portal }, 'PROJECT_OWNER_VIEWER');
    w.zitadel.addMember(user, { projectGrant: w.grant }, ['PROJECT_GRANT_OWNER_VIEWER']);
    w.zitadel.addMember(user, 'instance', ['IAM_END_USER_IMPERSONATOR']);
    w.zitadel.addMember(user, { org: w.acme }, ['ORG_USER_SELF_MANAGER']);
    const permissions = await permissionsOf(user);
    expect(permissions.slice(0, 3)).toEqual(['policy.read', 'user.self.delete', 'impersonation']);
    expect(permissions.slice(3)).toHaveLength(19);
    expect(permissions[3]).toBe(`policy.read:${w.portal.id}`);
    expect(permissions.at(-1)).toBe(`user.membership.read:${w.grant.id}`);
  });

  it('are those of the organization of the call, a grant’s also where it was granted to', async () => {
    const user = manager({ org: w.globex }, 'ORG_OWNER');
    w.zitadel.addMember(user, { projectGrant: w.grant }, ['PROJECT_GRANT_OWNER']);
    expect(await permissionsOf(user)).toHaveLength(13);
    expect(await permissionsOf(user, w.globex.id)).toHaveLength(68);
    expect(await permissionsOf(user, w.zitadel.rootOrg.id)).toEqual([]);
  });

  it('are an empty object of nobody', async () => {
    const answer = await ask(somebody());
    expect([answer.status, answer.text]).toEqual([200, '{}']);
  });

  it('are listed once where two roles give the same', async () => {
    const user = manager({ org: w.acme }, 'ORG_OWNER', 'ORG_USER_MANAGER');
    expect(await permissionsOf(user)).toHaveLength(55);
  });

  it('are those that a server of the v4 line gave', async () => {
    const users = {
      alice: manager({ org: w.acme }, 'ORG_OWNER', 'ORG_USER_MANAGER'),
      bob: manager({ project: w.portal }, 'PROJECT_OWNER'),
      carol: manager({ projectGrant: w.grant }, 'PROJECT_GRANT_OWNER'),
      dave: somebody(),
      frank: manager({ org: w.acme }, 'ORG_OWNER_VIEWER'),
    };
    w.zitadel.addMember(users.frank, { org: w.globex }, ['ORG_OWNER']);
    w.zitadel.addMember(users.frank, { project: w.other }, ['PROJECT_OWNER_VIEWER']);
    w.zitadel.addMember(users.frank, { projectGrant: w.grant }, ['PROJECT_GRANT_OWNER_VIEWER']);
    w.zitadel.addMember(users.frank, 'instance', ['IAM_USER_MANAGER']);
    const ids: Record<string, string> = {
      '401662587692911654': w.acme.id,
      '401662587776797734': w.globex.id,
      '401662587978124326': w.portal.id,
      '401662588028455974': w.other.id,
      '401662592524749862': w.grant.id,
    };
    const here = (id: string) => ids[id] ?? expect.unreachable(`nothing here is ${id}`);
    expect(recorded).toHaveLength(7);
    for (const { name, request, response } of recorded) {
      const { authorization, 'x-zitadel-orgid': org } = request.headers;
      const user = /<(\w+) token>/.exec(authorization)?.[1] as keyof typeof users;
      const got = await permissionsOf(users[user], org === undefined ? org : here(org));
      const { result = [] } = response.body as { result?: string[] };
      const told = result.map((each) => each.replace(/\d+$/, here));
      expect(got, name).toEqual(told);
    }
  });

  it.each([
    ['IAM_OWNER', 'instance', 102],
    ['IAM_USER_MANAGER', 'instance', 28],
    ['IAM_LOGIN_CLIENT', 'instance', 36],
    ['ORG_OWNER', 'org', 62],
    ['ORG_OWNER_VIEWER', 'org', 21],
    ['ORG_USER_MANAGER', 'org', 19],
    ['ORG_USER_PERMISSION_EDITOR', 'org', 16],
    ['ORG_PROJECT_PERMISSION_EDITOR', 'org', 16],
    ['ORG_SETTINGS_MANAGER', 'org', 12],
  ] as const)('of %s count user groups on the main line', async (role, on, count) => {
    const main = await ZitadelEmulator.start({ line: 'main' });
    const user = main.addServiceUser('somebody');
    main.addMember(user, on === 'org' ? { org: main.rootOrg } : on, [role]);
    const answer = await call(main, PATH, main.tokenFor(user), { body: {} });
    await main.stop();
    expect(answer.json['result']).toHaveLength(count);
  });

  it('are of a line that there is', async () => {
    const line = 'v3' as 'v4';
    await expect(ZitadelEmulator.start({ line })).rejects.toThrow("line 'v3' is none of v4, main");
  });

  it('of roles of a configured ZITADEL are what the test says', async () => {
    const user = manager({ org: w.acme }, 'ORG_INVOICER');
    w.zitadel.addMember(user, { project: w.portal }, ['PROJECT_INVOICER']);
    expect(await permissionsOf(user)).toEqual([]);
    const path = `/management/v1/projects/${w.portal.id}`;
    const refused = await call(w.zitadel, path, w.zitadel.tokenFor(user));
    expect(outcomeOf(refused)).toEqual([403, 'AUTH-5mWD2']);
    w.zitadel.setRolePermissions('ORG_INVOICER', ['invoice.read']);
    w.zitadel.setRolePermissions('PROJECT_INVOICER', ['project.read']);
    expect(await permissionsOf(user)).toEqual(['invoice.read', `project.read:${w.portal.id}`]);
    expect((await call(w.zitadel, path, w.zitadel.tokenFor(user))).status).toBe(200);
  });

  it('come late where reads do', async () => {
    const user = somebody();
    w.zitadel.holdReads();
    w.zitadel.addMember(user, { org: w.acme }, ['ORG_END_USER_IMPERSONATOR']);
    expect(await permissionsOf(user)).toEqual([]);
    w.zitadel.releaseReads();
    expect(await permissionsOf(user)).toEqual(['impersonation']);
  });

  it('are refused like everything else: by token, by organization, by body', async () => {
    const none = await call(w.zitadel, PATH, undefined, { body: {} });
    expect(none.status).toBe(401);
    const missing = await ask(somebody(), '1');
    expect(outcomeOf(missing)).toEqual([403, 'AUTH-Bs7Ds']);
    const wrong = await ask(somebody(), undefined, '[]');
    expect(wrong.status).toBe(400);
    expect(w.zitadel.requests('permissions')).toBeGreaterThan(0);
  });
});
