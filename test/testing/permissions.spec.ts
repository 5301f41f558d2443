import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  type MemberResource,
  type Org,
  type Project,
  type ProjectGrant,
  type User,
  ZitadelEmulator,
} from '../../lib/testing/index.js';
import recorded from '../captures/permissions-v4.json' with { type: 'json' };
import { type Called, call, errorIdOf } from './calls.js';

const PATH = '/auth/v1/permissions/zitadel/me/_search';

let zitadel: ZitadelEmulator;
let acme: Org;
let globex: Org;
let portal: Project;
let grant: ProjectGrant;
let people = 0;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
  grant = zitadel.grantProject(portal, globex, ['reader']);
});

afterAll(() => zitadel.stop());

function somebody(): User {
  people += 1;
  return zitadel.addServiceUser(`somebody-${String(people)}`, { org: acme });
}

function manager(on: MemberResource, ...roles: string[]): User {
  const user = somebody();
  zitadel.addMember(user, on, roles);
  return user;
}

function ask(user: User, org?: string, body: unknown = {}): Promise<Called> {
  const headers = org === undefined ? {} : { 'x-zitadel-orgid': org };
  return call(zitadel, PATH, zitadel.tokenFor(user), { body, headers });
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
    ['ORG_OWNER', () => ({ org: acme }), 55],
    ['ORG_OWNER_VIEWER', () => ({ org: acme }), 19],
    ['ORG_USER_MANAGER', () => ({ org: acme }), 17],
    ['ORG_SETTINGS_MANAGER', () => ({ org: acme }), 12],
    ['ORG_USER_PERMISSION_EDITOR', () => ({ org: acme }), 14],
    ['ORG_PROJECT_PERMISSION_EDITOR', () => ({ org: acme }), 16],
    ['PROJECT_OWNER', () => ({ project: portal }), 26],
    ['PROJECT_OWNER_VIEWER', () => ({ project: portal }), 11],
    ['PROJECT_GRANT_OWNER', () => ({ projectGrant: grant }), 13],
    ['PROJECT_GRANT_OWNER_VIEWER', () => ({ projectGrant: grant }), 8],
  ])('of %s are as many as ZITADEL gives', async (role, on, count) => {
    const permissions = await permissionsOf(manager(on(), role), acme.id);
    expect(new Set(permissions).size).toBe(count);
    expect(permissions).toHaveLength(count);
  });

  it('of instance and organization are plain, of a project or grant name it', async () => {
    const user = manager({ project: portal }, 'PROJECT_OWNER_VIEWER');
    zitadel.addMember(user, { projectGrant: grant }, ['PROJECT_GRANT_OWNER_VIEWER']);
    zitadel.addMember(user, 'instance', ['IAM_END_USER_IMPERSONATOR']);
    zitadel.addMember(user, { org: acme }, ['ORG_USER_SELF_MANAGER']);
    const permissions = await permissionsOf(user);
    expect(permissions.slice(0, 3)).toEqual(['policy.read', 'user.self.delete', 'impersonation']);
    expect(permissions.slice(3)).toHaveLength(19);
    expect(permissions[3]).toBe(`policy.read:${portal.id}`);
    expect(permissions.at(-1)).toBe(`user.membership.read:${grant.id}`);
  });

  it('are those of the organization of the call, a grant’s also where it was granted to', async () => {
    const user = manager({ org: globex }, 'ORG_OWNER');
    zitadel.addMember(user, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
    expect(await permissionsOf(user)).toHaveLength(13);
    expect(await permissionsOf(user, globex.id)).toHaveLength(68);
    expect(await permissionsOf(user, zitadel.rootOrg.id)).toEqual([]);
  });

  it('are an empty object of nobody', async () => {
    const answer = await ask(somebody());
    expect([answer.status, answer.text]).toEqual([200, '{}']);
  });

  it('are listed once where two roles give the same', async () => {
    const user = manager({ org: acme }, 'ORG_OWNER', 'ORG_USER_MANAGER');
    expect(await permissionsOf(user)).toHaveLength(55);
  });

  it('are those that a server of the v4 line gave', async () => {
    const users = {
      alice: manager({ org: acme }, 'ORG_OWNER', 'ORG_USER_MANAGER'),
      bob: manager({ project: portal }, 'PROJECT_OWNER'),
      carol: manager({ projectGrant: grant }, 'PROJECT_GRANT_OWNER'),
      dave: somebody(),
      frank: manager({ org: acme }, 'ORG_OWNER_VIEWER'),
    };
    const other = zitadel.addProject('other', { org: acme });
    zitadel.addMember(users.frank, { org: globex }, ['ORG_OWNER']);
    zitadel.addMember(users.frank, { project: other }, ['PROJECT_OWNER_VIEWER']);
    zitadel.addMember(users.frank, { projectGrant: grant }, ['PROJECT_GRANT_OWNER_VIEWER']);
    zitadel.addMember(users.frank, 'instance', ['IAM_USER_MANAGER']);
    const ids: Record<string, string> = {
      '401662587692911654': acme.id,
      '401662587776797734': globex.id,
      '401662587978124326': portal.id,
      '401662588028455974': other.id,
      '401662592524749862': grant.id,
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
    const user = manager({ org: acme }, 'ORG_INVOICER');
    zitadel.addMember(user, { project: portal }, ['PROJECT_INVOICER']);
    expect(await permissionsOf(user)).toEqual([]);
    const path = `/management/v1/projects/${portal.id}`;
    const refused = await call(zitadel, path, zitadel.tokenFor(user));
    expect([refused.status, errorIdOf(refused)]).toEqual([403, 'AUTH-5mWD2']);
    zitadel.setRolePermissions('ORG_INVOICER', ['invoice.read']);
    zitadel.setRolePermissions('PROJECT_INVOICER', ['project.read']);
    expect(await permissionsOf(user)).toEqual(['invoice.read', `project.read:${portal.id}`]);
    expect((await call(zitadel, path, zitadel.tokenFor(user))).status).toBe(200);
  });

  it('come late where reads do', async () => {
    const user = somebody();
    zitadel.holdReads();
    zitadel.addMember(user, { org: acme }, ['ORG_END_USER_IMPERSONATOR']);
    expect(await permissionsOf(user)).toEqual([]);
    zitadel.releaseReads();
    expect(await permissionsOf(user)).toEqual(['impersonation']);
  });

  it('are refused like everything else: by token, by organization, by body', async () => {
    const none = await call(zitadel, PATH, undefined, { body: {} });
    expect(none.status).toBe(401);
    const missing = await ask(somebody(), '1');
    expect([missing.status, errorIdOf(missing)]).toEqual([403, 'AUTH-Bs7Ds']);
    const wrong = await ask(somebody(), undefined, '[]');
    expect(wrong.status).toBe(400);
    expect(zitadel.requests('permissions')).toBeGreaterThan(0);
  });
});
