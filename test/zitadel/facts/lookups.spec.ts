import { describe, expect, it, vi } from 'vitest';
import { permission, role } from '../../../lib/core/requirement/builders.js';
import type { PermissionName } from '../../../lib/core/requirement/permissions.js';
import { org, project, projectGrant } from '../../../lib/core/requirement/refs.js';
import type { Requirement } from '../../../lib/core/requirement/requirement.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { MemberResource, Org, ProjectGrant, User } from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import { OUTAGES, decide, realFetch, recorder, verdict } from '../parts.js';
import { impatiently } from '../../support/impatience.js';
import { useStillClock } from '../../support/still-clock.js';
import { useEmulator } from '../../support/world.js';

const UNKNOWN = '404404404404404404';
const LONG = { ttlMs: 3_600_000, denialMs: 3_600_000 };

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
const secret = zitadel.addProject('secret', { org: acme });
const grant = zitadel.grantProject(portal, globex, ['reader']);
/** ORG_OWNER of acme, which owns the projects; of globex, to which one is granted; and nobody. */
const alice = zitadel.addUser('alice', { org: acme });
zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
const gina = zitadel.addUser('gina', { org: globex });
zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
const nobody = zitadel.addUser('nobody', { org: acme });
useStillClock('performance');

const tokenOf = (user: User) => zitadel.tokenFor(user);

function libraryOf(more: Partial<ZitadelOptions> = {}): Zitadel {
  return createZitadel(zitadel.options({ logger: recorder(), ...more }));
}

const owns = (of: string) => role('PROJECT_OWNER', project(of));
const manages = (id: string) => role('PROJECT_GRANT_OWNER', projectGrant(id));
const between = (of: string, to: string) =>
  role('PROJECT_GRANT_OWNER', projectGrant({ project: of, grantedOrg: to }));
const asked = () =>
  zitadel
    .requestLog('project')
    .map(({ path, headers }) => [path.split('/').at(-1), headers['x-zitadel-orgid']]);

/** How each API is asked for the owner of a project, and how it tells it. */
const OWNERS = [
  {
    api: 'v1',
    endpoint: 'project',
    asks: (id: string) => ({ method: 'GET', path: `/management/v1/projects/${id}` }),
    tells: (id: string, resourceOwner?: string) => ({
      project: { id, details: { resourceOwner } },
    }),
  },
  {
    api: 'v2',
    endpoint: 'projectV2',
    asks: (projectId: string) => ({
      method: 'POST',
      path: '/zitadel.project.v2.ProjectService/GetProject',
      body: JSON.stringify({ projectId }),
    }),
    tells: (projectId: string, organizationId?: string) => ({
      project: { projectId, organizationId },
    }),
  },
] as const;

/** Where both are served, v1 is asked. */
function serving(api: 'v1' | 'v2'): Zitadel {
  zitadel.serveApis(api === 'v1' ? 'both' : 'v2');
  return libraryOf(api === 'v1' ? {} : { api });
}

describe.each(OWNERS)('the owner of a project, by API $api', ({ api, endpoint, asks, tells }) => {
  it('is told by ZITADEL, once for all callers and for long', async () => {
    const library = serving(api);
    expect(await verdict(library, tokenOf(alice), owns(portal.id))).toBe('yes');
    expect(await verdict(library, tokenOf(alice), owns(portal.id))).toBe('yes');
    expect(await verdict(library, tokenOf(gina), owns(portal.id))).toBe('role_missing');
    vi.advanceTimersByTime(3_600_000);
    expect(await verdict(library, tokenOf(alice), owns(portal.id))).toBe('yes');
    const headers = { 'x-zitadel-orgid': acme.id };
    expect(zitadel.requestLog(endpoint)).toMatchObject([{ ...asks(portal.id), headers }]);
  });

  it('is not asked for by somebody who holds no such row: a look-up is no lever', async () => {
    const library = serving(api);
    const viewer = zitadel.addUser(`viewer by ${api}`);
    zitadel.addMember(viewer, { org: acme }, ['ORG_OWNER_VIEWER', 'ORG_PROJECT_CREATOR']);
    for (const user of [nobody, viewer]) {
      for (const id of [portal.id, secret.id, UNKNOWN]) {
        expect(await verdict(library, tokenOf(user), owns(id))).toBe('role_missing');
      }
    }
    expect(zitadel.requests(endpoint)).toBe(0);
  });

  it('is no oracle: an unknown project and another organization’s are answered alike', async () => {
    const answers = [];
    for (const id of [UNKNOWN, portal.id, secret.id]) {
      zitadel.resetRequests();
      const decision = await decide(serving(api), tokenOf(gina), owns(id));
      if (decision.allowed) throw new Error('allowed');
      const { reason, detail, remedy, description } = decision;
      answers.push({ reason, detail, remedy, description, requests: zitadel.requests(endpoint) });
    }
    expect(answers[0]).toMatchObject({ reason: 'role_missing', requests: 1 });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it.each(OUTAGES)(
    'whose question fails (%s) is an outage, never a no, and is over with it',
    async (fault) => {
      vi.useRealTimers();
      const [library, token] = [serving(api), tokenOf(alice)];
      zitadel.fail(endpoint, fault);
      const again = () => verdict(library, token, owns(portal.id));
      expect(await impatiently(again)).toBe('unavailable');
      zitadel.heal();
      await expect.poll(again).toBe('yes');
    },
  );

  it.each<[string, unknown]>([
    ['another project', tells('1', '1')],
    ['a project without an owner', tells(portal.id)],
    ['nothing', {}],
    ['a list', { project: [] }],
  ])('that is told of %s is an outage', async (_what, body) => {
    zitadel.fail(endpoint, { status: 200, body });
    expect(await verdict(serving(api), tokenOf(alice), owns(portal.id))).toBe('unavailable');
  });
});

describe('the owner of a project', () => {
  it('is told by a row of the project, without asking', async () => {
    const paul = zitadel.addUser('paul');
    zitadel.addMember(paul, { org: acme }, ['ORG_OWNER']);
    zitadel.addMember(paul, { project: secret }, ['PROJECT_OWNER_VIEWER']);
    expect(await verdict(libraryOf(), tokenOf(paul), owns(secret.id))).toBe('yes');
    expect(asked()).toEqual([]);
  });

  it('is asked for with the caller’s own token', async () => {
    const token = tokenOf(alice);
    await verdict(libraryOf(), token, owns(portal.id));
    const [request] = zitadel.requestLog('project');
    expect(request?.headers['authorization']).toBe(`Bearer …${token.slice(-8)}`);
  });

  it('is asked for only under organizations where a row could then satisfy', async () => {
    const rita = zitadel.addUser('rita');
    zitadel.addMember(rita, { org: acme }, ['ORG_OWNER']);
    zitadel.addMember(rita, { org: globex }, ['ORG_USER_MANAGER', 'ORG_OWNER_VIEWER']);
    zitadel.addMember(rita, { project: secret }, ['PROJECT_OWNER']);
    await verdict(libraryOf(), tokenOf(rita), owns(UNKNOWN));
    expect(asked()).toEqual([[UNKNOWN, acme.id]]);
  });

  it('that nobody knows is remembered as such for half a minute, where a "no" may be that old', async () => {
    const [library, token] = [libraryOf({ cache: LONG }), tokenOf(gina)];
    for (let second = 0; second < 60; second += 1) {
      expect(await verdict(library, token, owns(portal.id))).toBe('role_missing');
      vi.advanceTimersByTime(1_000);
    }
    expect(asked()).toHaveLength(2);
  });

  it('that one caller may not see is still asked for by another one', async () => {
    const library = libraryOf();
    expect(await verdict(library, tokenOf(gina), owns(portal.id))).toBe('role_missing');
    expect(await verdict(library, tokenOf(alice), owns(portal.id))).toBe('yes');
  });

  it('is looked for in every organization of a caller with many, until one knows it', async () => {
    const max = zitadel.addUser('max');
    const orgs = Array.from({ length: 14 }, (_, at) => zitadel.addOrg(`of max ${at}`));
    for (const each of orgs) zitadel.addMember(max, { org: each }, ['ORG_OWNER']);
    const last = zitadel.addProject('of the last', { org: orgs.at(-1) as Org });
    const first = zitadel.addProject('of the first', { org: orgs[0] as Org });
    const library = libraryOf();
    expect(await verdict(library, tokenOf(max), owns(last.id))).toBe('yes');
    expect(zitadel.requests('project')).toBeLessThanOrEqual(14);
    zitadel.resetRequests();
    expect(await verdict(library, tokenOf(max), owns(first.id))).toBe('yes');
    expect(zitadel.requests('project')).toBeLessThanOrEqual(4);
  });

  it.each(['..', '.', '1/2', '1?x', '1#x', '%2e%2e', '１', '1'.repeat(201), '__proto__', ''])(
    'is never asked for by what is no id: %j',
    async (id) => {
      const requirement = role('PROJECT_OWNER', project.param('projectId'));
      const library = libraryOf();
      const answer = await verdict(library, tokenOf(alice), requirement, {
        projectId: id,
      });
      expect(answer).toBe('resource_invalid');
      expect(zitadel.requests('project')).toBe(0);
    },
  );
});

describe('a project that is tied to an organization', () => {
  const tied = (of: string, owner: string) => role('PROJECT_OWNER', project(of).in(owner));

  it('counts where ZITADEL says that this organization owns it, and is asked for there alone', async () => {
    const both = zitadel.addUser('both');
    zitadel.addMember(both, { org: acme }, ['ORG_OWNER']);
    zitadel.addMember(both, { org: globex }, ['ORG_OWNER']);
    const token = tokenOf(both);
    expect(await verdict(libraryOf(), token, tied(portal.id, acme.id))).toBe('yes');
    expect(await verdict(libraryOf(), token, tied(portal.id, globex.id))).toBe('role_missing');
    expect(asked()).toEqual([
      [portal.id, acme.id],
      [portal.id, globex.id],
    ]);
  });

  it('does not count under another organization, whatever the caller may do there or on it', async () => {
    const paula = zitadel.addUser('paula');
    zitadel.addMember(paula, { project: portal }, ['PROJECT_OWNER']);
    zitadel.addMember(paula, { org: globex }, ['ORG_OWNER']);
    const token = tokenOf(paula);
    expect(await verdict(libraryOf(), token, tied(portal.id, acme.id))).toBe('yes');
    expect(await verdict(libraryOf(), token, tied(portal.id, globex.id))).toBe('role_missing');
    expect(asked()).toEqual([]);
  });

  it('does not count under another organization for a manager of the instance either', async () => {
    const iam = zitadel.addUser('iam');
    zitadel.addMember(iam, 'instance', ['IAM_OWNER']);
    const token = tokenOf(iam);
    expect(await verdict(libraryOf(), token, tied(portal.id, acme.id))).toBe('yes');
    expect(await verdict(libraryOf(), token, tied(portal.id, globex.id))).toBe('role_missing');
    expect(await verdict(libraryOf(), token, tied(UNKNOWN, acme.id))).toBe('role_missing');
  });
});

describe('a caller who names what does not exist', () => {
  const MANY = 2_000;
  const param = role('PROJECT_OWNER', project.param('projectId'));
  let projects = 0;
  /** A server that knows no project, and says so at once. */
  const nothingThere: typeof realFetch = (url, init) => {
    if (!url.includes('/management/v1/projects/')) return realFetch(url, init);
    projects += 1;
    const body = {
      code: 5,
      message: 'Errors.Project.NotFound',
      details: [{ id: 'PROJECT-fb9s8' }],
    };
    return Promise.resolve(Response.json(body, { status: 404 }));
  };

  it('cannot make us ask without end, and holds up nobody else', async () => {
    const library = libraryOf({ cache: { ttlMs: 3_600_000 } });
    const token = tokenOf(gina);
    for (let at = 0; at < MANY; at += 1) {
      const projectId = String(1_000_000 + at);
      expect(await verdict(library, token, param, { projectId })).not.toBe('yes');
    }
    expect(zitadel.requests('project')).toBeLessThan(MANY / 2);
    expect(await verdict(library, tokenOf(alice), owns(portal.id))).toBe('yes');
    vi.advanceTimersByTime(60_000);
    expect(await verdict(library, token, owns(UNKNOWN))).toBe('role_missing');
  });

  it('cannot make us ask without end by an answer that is no "no" either', async () => {
    zitadel.setRolePermissions('ORG_CLERK', []);
    const clerk = zitadel.addUser('clerk who tries');
    zitadel.addMember(clerk, { org: acme }, ['ORG_CLERK']);
    const library = libraryOf({ hierarchy: { ORG_CLERK: ['PROJECT_OWNER'] } });
    for (let at = 0; at < 300; at += 1) {
      await verdict(library, tokenOf(clerk), param, { projectId: String(1_000_000 + at) });
    }
    expect(zitadel.requests('project')).toBe(200);
  });

  it('cannot make us ask without end by having more organizations than are asked', async () => {
    const many = zitadel.addUser('owner of many');
    for (let at = 0; at <= 100; at += 1) {
      zitadel.addMember(many, { org: zitadel.addOrg(`of many ${at}`) }, ['ORG_OWNER']);
    }
    const library = libraryOf({ fetch: nothingThere });
    const token = tokenOf(many);
    const asks = (at: number) => verdict(library, token, param, { projectId: String(at) });
    for (let at = 1; at <= 200; at += 1) expect(await asks(at)).toBe('unavailable');
    projects = 0;
    expect(await asks(201)).toBe('unavailable');
    expect(projects).toBe(0);
  });
});

describe('the option projectOwner', () => {
  it('is asked last, and remembered', async () => {
    const projectOwner = vi.fn((_id: string) => Promise.resolve(globex.id));
    const library = libraryOf({ projectOwner });
    expect(await verdict(library, tokenOf(alice), owns(portal.id))).toBe('yes');
    expect(projectOwner).not.toHaveBeenCalled();
    expect(await verdict(library, tokenOf(gina), owns(UNKNOWN))).toBe('yes');
    expect(await verdict(library, tokenOf(gina), owns(UNKNOWN))).toBe('yes');
    expect(projectOwner.mock.calls).toEqual([[UNKNOWN]]);
  });

  it('is not asked for somebody whom no answer could help', async () => {
    const projectOwner = vi.fn(() => Promise.resolve(acme.id));
    const library = libraryOf({ projectOwner });
    expect(await verdict(library, tokenOf(nobody), owns(UNKNOWN))).toBe('role_missing');
    expect(projectOwner).not.toHaveBeenCalled();
  });

  it.each([undefined, null])(
    'that answers %s is asked again after half a minute, where a "no" may be that old',
    async (nothing) => {
      const projectOwner = vi.fn(() => Promise.resolve(nothing as undefined));
      const library = libraryOf({ projectOwner, cache: LONG });
      const token = tokenOf(gina);
      for (let second = 0; second < 60; second += 1) {
        expect(await verdict(library, token, owns(UNKNOWN))).toBe('role_missing');
        vi.advanceTimersByTime(1_000);
      }
      expect(projectOwner).toHaveBeenCalledTimes(2);
    },
  );

  it.each<[string, () => unknown, string]>([
    ['rejects', () => Promise.reject(new Error('db')), 'unavailable'],
    [
      'throws',
      () => {
        throw new Error('db');
      },
      'unavailable',
    ],
    ['answers what is no id', () => Promise.resolve('../x'), 'misconfigured'],
    ['answers a number', () => Promise.resolve(1), 'misconfigured'],
    ['answers a list', () => Promise.resolve([globex.id]), 'misconfigured'],
    ['answers without a promise', () => globex.id, 'yes'],
  ])('that %s', async (_how, projectOwner, expected) => {
    const library = libraryOf({ projectOwner: projectOwner as never });
    expect(await verdict(library, tokenOf(gina), owns(UNKNOWN))).toBe(expected);
  });

  it('that never answers is waited for no longer than the budget', async () => {
    const projectOwner = () => new Promise<never>(() => undefined);
    const library = libraryOf({ projectOwner, timeoutMs: 300, budgetMs: 300 });
    expect(await verdict(library, tokenOf(gina), owns(UNKNOWN))).toBe('unavailable');
  });
});

describe('a project grant', () => {
  it('is asked for only under organizations where a row could then satisfy', async () => {
    expect(await verdict(libraryOf(), tokenOf(nobody), manages(grant.id))).toBe('role_missing');
    expect(zitadel.requests('getGrant')).toBe(0);
    await verdict(libraryOf(), tokenOf(gina), manages(UNKNOWN));
    expect(zitadel.requestLog('getGrant').map(({ headers }) => headers['x-zitadel-orgid'])).toEqual(
      [globex.id],
    );
  });

  it('is remembered for no longer while the host is suspended', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    const library = libraryOf({ cache: { ttlMs: 20_000 } });
    const token = tokenOf(gina);
    expect(await verdict(library, token, manages(grant.id))).toBe('yes');
    vi.setSystemTime(Date.now() + 20_000);
    expect(await verdict(library, token, manages(grant.id))).toBe('yes');
    expect(zitadel.requests('getGrant')).toBe(2);
  });
});

/** How a grant is named, and what is asked for it. */
const NAMED = [
  { api: 'v1', by: 'its id', endpoint: 'getGrant' },
  { api: 'v1', by: 'its ends', endpoint: 'grantedProjects' },
  { api: 'v2', by: 'its ends', endpoint: 'listGrantsV2' },
] as const;

describe.each(NAMED)('a project grant named by $by, by API $api', ({ api, by, endpoint }) => {
  const named = ({ id, projectId }: ProjectGrant) =>
    by === 'its id' ? manages(id) : between(projectId, globex.id);

  it('is found under the granted organization, by its owner alone', async () => {
    const library = serving(api);
    expect(await verdict(library, tokenOf(gina), named(grant))).toBe('yes');
    const [request] = zitadel.requestLog(endpoint);
    expect(request?.headers['x-zitadel-orgid']).toBe(globex.id);
    expect(await verdict(library, tokenOf(alice), named(grant))).toBe('role_missing');
    expect(await verdict(library, tokenOf(nobody), named(grant))).toBe('role_missing');
  });

  it('is remembered for the TTL: it can be removed', async () => {
    const other = zitadel.addProject(`of ${api} by ${by}`, { org: acme, roles: ['reader'] });
    const brief = zitadel.grantProject(other, globex, ['reader']);
    const [library, token] = [serving(api), tokenOf(gina)];
    expect(await verdict(library, token, named(brief))).toBe('yes');
    zitadel.removeGrant(brief);
    expect(await verdict(library, token, named(brief))).toBe('yes');
    expect(zitadel.requests(endpoint)).toBe(1);
    vi.advanceTimersByTime(30_000);
    expect(await verdict(library, token, named(brief))).toBe('role_missing');
  });
});

describe.each(['v1', 'v2'] as const)('a project grant, by API %s', (api) => {
  it('is not found by another project or another organization', async () => {
    const library = serving(api);
    expect(await verdict(library, tokenOf(gina), between(secret.id, globex.id))).toBe(
      'role_missing',
    );
    expect(await verdict(library, tokenOf(gina), between(portal.id, acme.id))).toBe('role_missing');
  });

  it('of a member of it counts by the row alone', async () => {
    const carol = zitadel.addUser(`carol by ${api}`, { org: globex });
    zitadel.addMember(carol, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
    const library = serving(api);
    expect(await verdict(library, tokenOf(carol), manages(grant.id))).toBe('yes');
    expect(await verdict(library, tokenOf(carol), between(portal.id, globex.id))).toBe('yes');
    expect(zitadel.requests(api === 'v1' ? 'getGrant' : 'listGrantsV2')).toBe(0);
  });
});

describe('a permission on a project grant that is named by its id', () => {
  const may = (what: PermissionName, id = grant.id) => permission(what, projectGrant(id));
  const ends = () => projectGrant({ project: portal.id, grantedOrg: globex.id });
  /** Somebody who lives in a third organization. */
  const stranger = (on: MemberResource, ...roles: string[]) => {
    const user = zitadel.addServiceUser(`stranger-${String(Math.random())}`, { org: third() });
    zitadel.addMember(user, on, roles);
    return user;
  };
  let home: Org | undefined;
  const third = () => (home ??= zitadel.addOrg('a third one'));
  const unknown = {
    reason: 'misconfigured',
    remedy: 'name the grant by projectGrant({ project, grantedOrg })',
  };

  async function decided(library: Zitadel, user: User, requirement: Requirement) {
    const headers = { authorization: `Bearer ${tokenOf(user)}` };
    const decision = await library.decisions.authorize(
      { headers },
      library.decisions.prepare(requirement),
    );
    if (decision.allowed) return 'yes';
    const { reason, remedy } = decision;
    return reason === 'misconfigured' ? { reason, remedy } : reason;
  }

  it.each<[string, 'grant' | 'globex' | 'acme' | 'instance', string, PermissionName, unknown]>([
    ['the grant', 'grant', 'PROJECT_GRANT_OWNER', 'project.grant.member.write', 'yes'],
    [
      'the grant',
      'grant',
      'PROJECT_GRANT_OWNER_VIEWER',
      'project.grant.member.write',
      'permission_missing',
    ],
    ['the granted organization', 'globex', 'ORG_OWNER', 'project.grant.member.write', 'yes'],
    [
      'the granted organization',
      'globex',
      'ORG_OWNER_VIEWER',
      'project.grant.member.write',
      'permission_missing',
    ],
    ['the owner', 'acme', 'ORG_OWNER', 'project.grant.member.write', 'permission_missing'],
    ['the instance', 'instance', 'IAM_OWNER', 'project.grant.member.write', unknown],
    [
      'the instance',
      'instance',
      'IAM_OWNER_VIEWER',
      'project.grant.member.write',
      'permission_missing',
    ],
    // They may not read grants, so ZITADEL does not say whether this one is theirs.
    ['the granted organization', 'globex', 'ORG_USER_MANAGER', 'user.grant.write', unknown],
    ['the owner', 'acme', 'ORG_USER_MANAGER', 'user.grant.write', unknown],
    [
      'the granted organization',
      'globex',
      'ORG_USER_MANAGER',
      'project.grant.member.write',
      'permission_missing',
    ],
  ])(
    'of somebody from elsewhere with a row of %s (%s): %s, %s',
    async (_of, on, has, what, expected) => {
      const where: Readonly<Record<typeof on, MemberResource>> = {
        grant: { projectGrant: grant },
        globex: { org: globex },
        acme: { org: acme },
        instance: 'instance',
      };
      const user = stranger(where[on], has);
      const library = libraryOf();
      const before = await decided(library, user, may(what));
      // What somebody else has found out changes nothing.
      expect(await decided(library, gina, may('project.grant.member.write'))).toBe('yes');
      expect([before, await decided(library, user, may(what))]).toEqual([expected, expected]);
      expect(await decided(library, user, may(what, UNKNOWN))).toEqual(
        expected === 'yes' ? 'permission_missing' : expected,
      );
    },
  );

  it('of a manager of the instance counts by the ends of the grant', async () => {
    const user = stranger('instance', 'IAM_OWNER');
    const requirement = permission('project.grant.member.write', ends());
    expect(await decided(libraryOf(), user, requirement)).toBe('yes');
  });

  it('of a manager of the instance is looked for under the organizations of other rows', async () => {
    const user = stranger('instance', 'IAM_OWNER');
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    expect(await decided(libraryOf(), user, may('project.grant.member.write'))).toBe('yes');
  });

  it('of a member of the grant takes one question, and none about the grant', async () => {
    const user = stranger({ projectGrant: grant }, 'PROJECT_GRANT_OWNER');
    zitadel.setRolePermissions('PROJECT_GRANT_CLERK', ['user.grant.write']);
    const clerk = stranger({ projectGrant: grant }, 'PROJECT_GRANT_CLERK');
    for (const each of [user, clerk]) {
      zitadel.resetRequests();
      expect(await decided(libraryOf(), each, may('user.grant.write'))).toBe('yes');
      expect([zitadel.requests('permissions'), zitadel.requests('getGrant')]).toEqual([1, 0]);
    }
  });

  it('that may be held unseen is no lever: who names ever more grants is left alone', async () => {
    const user = stranger({ org: globex }, 'ORG_USER_MANAGER');
    const library = libraryOf();
    const told = new Set<unknown>();
    for (let n = 1; n <= 202; n += 1) {
      const got = await decided(library, user, may('user.grant.write', String(n)));
      told.add(typeof got === 'string' ? got : got.reason);
    }
    expect([...told]).toEqual(['misconfigured', 'unavailable']);
  });
});

describe('a role on a project grant that is named by its id', () => {
  it('is no "no" where ZITADEL hides grants from a role that would count', async () => {
    zitadel.setRolePermissions('ORG_CLERK', []);
    const clerk = zitadel.addUser('clerk');
    zitadel.addMember(clerk, { org: globex }, ['ORG_CLERK']);
    const library = libraryOf({ hierarchy: { ORG_CLERK: ['PROJECT_GRANT_OWNER'] } });
    for (const id of [grant.id, UNKNOWN]) {
      const manages = role('PROJECT_GRANT_OWNER', projectGrant(id));
      expect(await verdict(library, tokenOf(clerk), manages)).toBe('misconfigured');
    }
  });

  it('of a project is none either', async () => {
    zitadel.setRolePermissions('ORG_CLERK', []);
    const clerk = zitadel.addUser('clerk of projects');
    zitadel.addMember(clerk, { org: acme }, ['ORG_CLERK']);
    const hierarchy = { ORG_CLERK: ['PROJECT_OWNER'] };
    const token = tokenOf(clerk);
    for (const id of [secret.id, UNKNOWN]) {
      expect(await verdict(libraryOf({ hierarchy }), token, owns(id))).toBe('misconfigured');
    }
    const projectOwner = () => Promise.resolve(acme.id);
    const library = libraryOf({ hierarchy, projectOwner });
    expect(await verdict(library, token, owns(secret.id))).toBe('yes');
  });
});

describe('what our service user may not see', () => {
  const asReader = (reader: User) =>
    libraryOf({
      serviceUser: pat(zitadel.patFor(reader)),
      memberships: { as: 'serviceUser', organizations: [globex.id] },
    });
  const between = () => projectGrant({ project: project(portal.id), grantedOrg: org(globex.id) });

  it('is no "no" about a grant to an organization in which it only reads members', async () => {
    const reader = zitadel.addServiceUser('reader of members', { org: globex });
    zitadel.setRolePermissions('ORG_READER', ['user.membership.read']);
    zitadel.addMember(reader, { org: globex }, ['ORG_READER']);
    const manages = role('PROJECT_GRANT_OWNER', between());
    expect(await verdict(asReader(reader), tokenOf(gina), manages)).toBe('misconfigured');
  });

  it('is no "no" to a manager of the instance about an organization in which it is nothing', async () => {
    const reader = zitadel.addServiceUser('reader of globex', { org: globex });
    zitadel.addMember(reader, { org: globex }, ['ORG_OWNER_VIEWER']);
    const iam = zitadel.addUser('manager of all');
    zitadel.addMember(iam, 'instance', ['IAM_OWNER']);
    const third = zitadel.addOrg('third');
    zitadel.grantProject(secret, third, []);
    const library = asReader(reader);
    const tied = role('PROJECT_OWNER', project(secret.id).in(acme.id));
    expect(await verdict(library, tokenOf(iam), tied)).toBe('misconfigured');
    const ofThird = projectGrant({ project: project(secret.id), grantedOrg: org(third.id) });
    const may = permission('user.grant.write', ofThird);
    expect(await verdict(library, tokenOf(iam), may)).toBe('misconfigured');
  });
});

describe('a look-up', () => {
  it('whose token is refused meanwhile says so', async () => {
    zitadel.fail('project', 401);
    expect(await verdict(libraryOf(), tokenOf(alice), owns(portal.id))).toBe('token_rejected');
  });

  it('of a host that serves no such API is our misconfiguration', async () => {
    zitadel.fail('project', { status: 404, body: { code: 5, message: 'Not Found' } });
    const library = libraryOf({ api: 'v1' });
    expect(await verdict(library, tokenOf(alice), owns(portal.id))).toBe('misconfigured');
  });

  it('is made as the service user where memberships are', async () => {
    const reader = zitadel.addServiceUser('reader', { org: acme });
    zitadel.addMember(reader, { org: acme }, ['ORG_OWNER_VIEWER']);
    const token = zitadel.patFor(reader);
    const library = libraryOf({
      serviceUser: pat(token),
      memberships: { as: 'serviceUser', organizations: [acme.id] },
    });
    const own = zitadel.tokenFor(alice, { zitadelAudience: false });
    expect(await verdict(library, own, owns(portal.id))).toBe('yes');
    const [request] = zitadel.requestLog('project');
    expect(request?.headers['authorization']).toBe(`Bearer …${token.slice(-8)}`);
  });
});

describe('an unknown project', async () => {
  /** Owner of globex, a stranger to acme; owner of sixty organizations; and the service user, who sees everything. */
  let names = 0;

  const zitadel = await useEmulator();
  const acme = zitadel.addOrg('acme');
  const globex = zitadel.addOrg('globex');
  const gina = zitadel.addUser('gina');
  zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
  const many = zitadel.addUser('many');
  for (let at = 0; at < 60; at += 1) {
    zitadel.addMember(many, { org: zitadel.addOrg(`of many ${at}`) }, ['ORG_OWNER']);
  }
  const viewer = zitadel.addServiceUser('viewer');
  zitadel.addMember(viewer, 'instance', ['IAM_OWNER_VIEWER']);

  const tokenOf = (user: User | undefined) => zitadel.tokenFor(user as User);
  const owns = role('PROJECT_OWNER', project.param('projectId'));
  const asks = (library: Zitadel, user: User | undefined, projectId: string) =>
    verdict(library, tokenOf(user), owns, { projectId });

  type Api = 'v1' | 'v2';
  const WAYS: readonly (readonly [Api, 'caller' | 'serviceUser'])[] = [
    ['v1', 'caller'],
    ['v2', 'caller'],
    ['v1', 'serviceUser'],
    ['v2', 'serviceUser'],
  ];

  function libraryOf(api: Api, as: 'caller' | 'serviceUser'): Zitadel {
    const more: Partial<ZitadelOptions> =
      as === 'caller'
        ? {}
        : {
            memberships: api === 'v1' ? { as, organizations: [acme.id, globex.id] } : { as },
            serviceUser: pat(zitadel.patFor(viewer)),
          };
    return createZitadel(
      zitadel.options({ logger: recorder(), api, cache: { ttlMs: 3_600_000 }, ...more }),
    );
  }

  describe.each(WAYS)('a project of another tenant, by %s as the %s', (api, as) => {
    /** How many unknown projects can still be named after this one, until the user is left alone. */
    const leftAfter = async (projectId: string) => {
      const [library, token] = [libraryOf(api, as), zitadel.tokenFor(gina)];
      expect(await verdict(library, token, owns, { projectId })).toBe('role_missing');
      for (let named = 0; ; named += 1) {
        const answer = await verdict(library, token, owns, {
          projectId: String(5_000_000 + named),
        });
        if (answer === 'unavailable') return named;
        expect(answer).toBe('role_missing');
        expect(named).toBeLessThan(250);
      }
    };

    // Two hundred are allowed, and any of those that do not exist is one of them.
    it('costs whoever names it as much as one that does not exist', async () => {
      const { id } = zitadel.addProject(`secret ${(names += 1)}`, { org: acme.id });
      expect(await leftAfter(id)).toBe(199);
    });
  });

  describe('an unknown project, named by a manager of sixty organizations', () => {
    it('is asked for once where our service user asks by v2', async () => {
      const library = libraryOf('v2', 'serviceUser');
      for (let at = 0; at < 3; at += 1) {
        expect(await asks(library, many, String(6_000_000 + at))).toBe('role_missing');
      }
      expect(zitadel.requests('projectV2')).toBe(3);
      expect(await asks(library, many, '6000000')).toBe('role_missing');
      expect(zitadel.requests('projectV2')).toBe(3);
    });

    it('is hardly asked for more while it is found out that v2 is served', async () => {
      zitadel.serveApis('v2');
      const library = createZitadel(
        zitadel.options({
          logger: recorder(),
          memberships: { as: 'serviceUser' },
          serviceUser: pat(zitadel.patFor(viewer)),
        }),
      );
      expect(await asks(library, many, '7000000')).toBe('role_missing');
      expect(zitadel.requests('projectV2')).toBeLessThanOrEqual(4);
      expect(await asks(library, many, '7000000')).toBe('role_missing');
      expect(zitadel.requests('projectV2')).toBeLessThanOrEqual(4);
    });
  });

  describe.each(['v1', 'v2', 'auto'] as const)(
    '4,000 projects that a stranger grants (%s)',
    (api) => {
      it('lock no manager of the granted organization out', async () => {
        const [evil, own, to] = [
          zitadel.addOrg(`evil ${api}`),
          zitadel.addOrg(`owner ${api}`),
          zitadel.addOrg(`granted ${api}`),
        ];
        const [owner, manager] = [
          zitadel.addUser(`owner ${api}`),
          zitadel.addUser(`manager ${api}`),
        ];
        for (let at = 0; at < 4_000; at += 1) {
          zitadel.grantProject(zitadel.addProject(`lure ${api} ${at}`, { org: evil }), to, []);
        }
        const { id } = zitadel.addProject(`shop ${api}`, { org: own, roles: ['reader'] });
        const grant = zitadel.grantProject(id, to, ['reader']);
        zitadel.addMember(owner, { org: to }, ['ORG_OWNER']);
        zitadel.addMember(manager, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
        const library = createZitadel(zitadel.options({ logger: recorder(), api }));
        const manages = (projectId: string) =>
          role('PROJECT_GRANT_OWNER', projectGrant({ project: projectId, grantedOrg: to.id }));
        expect(await verdict(library, tokenOf(manager), manages(id))).toBe('yes');
        expect(await verdict(library, tokenOf(owner), manages(id))).toBe('yes');
        zitadel.resetRequests();
        expect(await verdict(library, tokenOf(owner), manages('8000000'))).toBe('role_missing');
        const pages = zitadel.requests('grantedProjects') + zitadel.requests('listGrantsV2');
        // v1 alone reads on to the end; where v2 is served, its filter says that there is nothing.
        expect(pages).toBe(api === 'v1' ? 5 : api === 'v2' ? 1 : 2);
      });
    },
  );
});
