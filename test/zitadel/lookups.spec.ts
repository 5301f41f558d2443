import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { role } from '../../lib/core/requirement.js';
import { project, projectGrant } from '../../lib/core/resource.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import {
  ZitadelEmulator,
  type Org,
  type Project,
  type ProjectGrant,
  type User,
} from '../../lib/testing/index.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { recorder, verdict } from './parts.js';

const UNKNOWN = '404404404404404404';

let zitadel: ZitadelEmulator;
let [acme, globex]: Org[] = [];
let [portal, secret]: Project[] = [];
let grant: ProjectGrant;
/** ORG_OWNER of acme, which owns the projects; of globex, to which one is granted; and nobody. */
let [alice, gina, nobody]: User[] = [];

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
  secret = zitadel.addProject('secret', { org: acme });
  grant = zitadel.grantProject(portal, globex, ['reader']);
  alice = zitadel.addUser('alice', { org: acme });
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  gina = zitadel.addUser('gina', { org: globex });
  zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
  nobody = zitadel.addUser('nobody', { org: acme });
});
afterAll(async () => {
  await zitadel.stop();
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  zitadel.heal();
  zitadel.resetRequests();
});
afterEach(() => {
  vi.useRealTimers();
});

const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';
const tokenOf = (user: User | undefined) => zitadel.tokenFor(user as User);

function libraryOf(more: Partial<ZitadelOptions> = {}): Zitadel {
  return createZitadel(zitadel.options({ logger: recorder(), ...more }));
}

const owns = (of: string) => role('PROJECT_OWNER', project(of));
const asked = () =>
  zitadel
    .requestLog('project')
    .map(({ path, headers }) => [path.split('/').at(-1), headers['x-zitadel-orgid']]);

describe('the owner of a project', () => {
  it('is told by ZITADEL, once for all callers and for long', async () => {
    const library = libraryOf();
    expect(await verdict(library, tokenOf(alice), owns(idOf(portal)))).toBe('yes');
    expect(asked()).toEqual([[idOf(portal), idOf(acme)]]);
    expect(await verdict(library, tokenOf(alice), owns(idOf(portal)))).toBe('yes');
    expect(await verdict(library, tokenOf(gina), owns(idOf(portal)))).toBe('role_missing');
    vi.advanceTimersByTime(3_600_000);
    expect(await verdict(library, tokenOf(alice), owns(idOf(portal)))).toBe('yes');
    expect(asked()).toHaveLength(1);
  });

  it('is told by a row of the project, without asking', async () => {
    const paul = zitadel.addUser('paul');
    zitadel.addMember(paul, { org: acme as Org }, ['ORG_OWNER']);
    zitadel.addMember(paul, { project: secret as Project }, ['PROJECT_OWNER_VIEWER']);
    expect(await verdict(libraryOf(), tokenOf(paul), owns(idOf(secret)))).toBe('yes');
    expect(asked()).toEqual([]);
  });

  it('is asked for with the caller’s own token', async () => {
    const token = tokenOf(alice);
    await verdict(libraryOf(), token, owns(idOf(portal)));
    const [request] = zitadel.requestLog('project');
    expect(request?.headers['authorization']).toBe(`Bearer …${token.slice(-8)}`);
  });

  it('is asked for only under organizations where a row could then satisfy', async () => {
    const rita = zitadel.addUser('rita');
    zitadel.addMember(rita, { org: acme as Org }, ['ORG_OWNER']);
    zitadel.addMember(rita, { org: globex as Org }, ['ORG_USER_MANAGER', 'ORG_OWNER_VIEWER']);
    zitadel.addMember(rita, { project: secret as Project }, ['PROJECT_OWNER']);
    await verdict(libraryOf(), tokenOf(rita), owns(UNKNOWN));
    expect(asked()).toEqual([[UNKNOWN, idOf(acme)]]);
  });

  it('is not asked for by somebody who holds no such row: a look-up is no lever', async () => {
    const library = libraryOf();
    const viewer = zitadel.addUser('viewer');
    zitadel.addMember(viewer, { org: acme as Org }, ['ORG_OWNER_VIEWER', 'ORG_PROJECT_CREATOR']);
    for (const user of [nobody, viewer]) {
      for (const id of [idOf(portal), idOf(secret), UNKNOWN]) {
        expect(await verdict(library, tokenOf(user), owns(id))).toBe('role_missing');
      }
    }
    expect(zitadel.requests('project')).toBe(0);
  });

  it('is no oracle: an unknown project and another organization’s are answered alike', async () => {
    const answers = [];
    for (const id of [UNKNOWN, idOf(portal), idOf(secret)]) {
      zitadel.resetRequests();
      const library = libraryOf();
      const [token, requirement] = [tokenOf(gina), owns(id)];
      const headers = { authorization: `Bearer ${token}` };
      const decision = await library.decisions.authorize({ headers }, requirement);
      if (decision.allowed) throw new Error('allowed');
      const { reason, detail, remedy, description } = decision;
      answers.push({ reason, detail, remedy, description, requests: zitadel.requests('project') });
    }
    expect(answers[0]).toMatchObject({ reason: 'role_missing', requests: 1 });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it('that nobody knows is remembered as such for half a minute', async () => {
    const [library, token] = [libraryOf({ cache: { ttlMs: 3_600_000 } }), tokenOf(gina)];
    for (let second = 0; second < 60; second += 1) {
      expect(await verdict(library, token, owns(idOf(portal)))).toBe('role_missing');
      vi.advanceTimersByTime(1_000);
    }
    expect(asked()).toHaveLength(2);
  });

  it('that one caller may not see is still asked for by another one', async () => {
    const library = libraryOf();
    expect(await verdict(library, tokenOf(gina), owns(idOf(portal)))).toBe('role_missing');
    expect(await verdict(library, tokenOf(alice), owns(idOf(portal)))).toBe('yes');
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
      const answer = await verdict(library, tokenOf(alice), requirement, { projectId: id });
      expect(answer).toBe('resource_invalid');
      expect(zitadel.requests('project')).toBe(0);
    },
  );
});

describe('a project that is tied to an organization', () => {
  const tied = (of: string, owner: string) => role('PROJECT_OWNER', project(of).in(owner));

  it('counts where ZITADEL says that this organization owns it, and is asked for there alone', async () => {
    const both = zitadel.addUser('both');
    zitadel.addMember(both, { org: acme as Org }, ['ORG_OWNER']);
    zitadel.addMember(both, { org: globex as Org }, ['ORG_OWNER']);
    const token = tokenOf(both);
    expect(await verdict(libraryOf(), token, tied(idOf(portal), idOf(acme)))).toBe('yes');
    expect(await verdict(libraryOf(), token, tied(idOf(portal), idOf(globex)))).toBe(
      'role_missing',
    );
    expect(asked()).toEqual([
      [idOf(portal), idOf(acme)],
      [idOf(portal), idOf(globex)],
    ]);
  });

  it('does not count under another organization, whatever the caller may do there or on it', async () => {
    const paula = zitadel.addUser('paula');
    zitadel.addMember(paula, { project: portal as Project }, ['PROJECT_OWNER']);
    zitadel.addMember(paula, { org: globex as Org }, ['ORG_OWNER']);
    const token = tokenOf(paula);
    expect(await verdict(libraryOf(), token, tied(idOf(portal), idOf(acme)))).toBe('yes');
    expect(await verdict(libraryOf(), token, tied(idOf(portal), idOf(globex)))).toBe(
      'role_missing',
    );
    expect(asked()).toEqual([]);
  });

  it('does not count under another organization for a manager of the instance either', async () => {
    const iam = zitadel.addUser('iam');
    zitadel.addMember(iam, 'instance', ['IAM_OWNER']);
    const token = tokenOf(iam);
    expect(await verdict(libraryOf(), token, tied(idOf(portal), idOf(acme)))).toBe('yes');
    expect(await verdict(libraryOf(), token, tied(idOf(portal), idOf(globex)))).toBe(
      'role_missing',
    );
    expect(await verdict(libraryOf(), token, tied(UNKNOWN, idOf(acme)))).toBe('role_missing');
  });
});

describe('a caller who names what does not exist', () => {
  const MANY = 2_000;
  const param = role('PROJECT_OWNER', project.param('projectId'));

  it('cannot make us ask without end, and holds up nobody else', async () => {
    const library = libraryOf({ cache: { ttlMs: 3_600_000 } });
    const token = tokenOf(gina);
    for (let at = 0; at < MANY; at += 1) {
      const projectId = String(1_000_000 + at);
      expect(await verdict(library, token, param, { projectId })).not.toBe('yes');
    }
    expect(zitadel.requests('project')).toBeLessThan(MANY / 2);
    expect(await verdict(library, tokenOf(alice), owns(idOf(portal)))).toBe('yes');
    vi.advanceTimersByTime(60_000);
    expect(await verdict(library, token, owns(UNKNOWN))).toBe('role_missing');
  });
});

describe('the option projectOwner', () => {
  it('is asked last, and remembered', async () => {
    const projectOwner = vi.fn((_id: string) => Promise.resolve(globex?.id));
    const library = libraryOf({ projectOwner });
    expect(await verdict(library, tokenOf(alice), owns(idOf(portal)))).toBe('yes');
    expect(projectOwner).not.toHaveBeenCalled();
    expect(await verdict(library, tokenOf(gina), owns(UNKNOWN))).toBe('yes');
    expect(await verdict(library, tokenOf(gina), owns(UNKNOWN))).toBe('yes');
    expect(projectOwner.mock.calls).toEqual([[UNKNOWN]]);
  });

  it('is not asked for somebody whom no answer could help', async () => {
    const projectOwner = vi.fn(() => Promise.resolve(acme?.id));
    const library = libraryOf({ projectOwner });
    expect(await verdict(library, tokenOf(nobody), owns(UNKNOWN))).toBe('role_missing');
    expect(projectOwner).not.toHaveBeenCalled();
  });

  it.each([undefined, null])(
    'that answers %s is asked again after half a minute',
    async (nothing) => {
      const projectOwner = vi.fn(() => Promise.resolve(nothing as undefined));
      const library = libraryOf({ projectOwner, cache: { ttlMs: 3_600_000 } });
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
    ['answers a list', () => Promise.resolve([idOf(globex)]), 'misconfigured'],
    ['answers without a promise', () => idOf(globex), 'yes'],
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
  const manages = (id: string) => role('PROJECT_GRANT_OWNER', projectGrant(id));
  const between = (of: string, to: string) =>
    role('PROJECT_GRANT_OWNER', projectGrant({ project: of, grantedOrg: to }));

  it('is managed by the organization that it was granted to, not by the one that granted it', async () => {
    const library = libraryOf();
    expect(await verdict(library, tokenOf(gina), manages(grant.id))).toBe('yes');
    expect(await verdict(library, tokenOf(alice), manages(grant.id))).toBe('role_missing');
    expect(await verdict(library, tokenOf(nobody), manages(grant.id))).toBe('role_missing');
  });

  it('is asked for only under organizations where a row could then satisfy', async () => {
    expect(await verdict(libraryOf(), tokenOf(nobody), manages(grant.id))).toBe('role_missing');
    expect(zitadel.requests('getGrant')).toBe(0);
    await verdict(libraryOf(), tokenOf(gina), manages(UNKNOWN));
    expect(zitadel.requestLog('getGrant').map(({ headers }) => headers['x-zitadel-orgid'])).toEqual(
      [idOf(globex)],
    );
  });

  it('is remembered for the TTL: it can be removed', async () => {
    const other = zitadel.addProject('to be removed', { org: acme as Org, roles: ['reader'] });
    const brief = zitadel.grantProject(other, globex as Org, ['reader']);
    const [library, token] = [libraryOf(), tokenOf(gina)];
    expect(await verdict(library, token, manages(brief.id))).toBe('yes');
    zitadel.removeGrant(brief);
    expect(await verdict(library, token, manages(brief.id))).toBe('yes');
    expect(zitadel.requests('getGrant')).toBe(1);
    vi.advanceTimersByTime(30_000);
    expect(await verdict(library, token, manages(brief.id))).toBe('role_missing');
  });

  it('is found by project and granted organization too', async () => {
    const library = libraryOf();
    expect(await verdict(library, tokenOf(gina), between(idOf(portal), idOf(globex)))).toBe('yes');
    expect(await verdict(library, tokenOf(gina), between(idOf(secret), idOf(globex)))).toBe(
      'role_missing',
    );
    expect(await verdict(library, tokenOf(gina), between(idOf(portal), idOf(acme)))).toBe(
      'role_missing',
    );
    expect(await verdict(library, tokenOf(alice), between(idOf(portal), idOf(globex)))).toBe(
      'role_missing',
    );
    const [request] = zitadel.requestLog('grantedProjects');
    expect(request?.headers['x-zitadel-orgid']).toBe(idOf(globex));
  });

  it('of a member of it counts by the row alone', async () => {
    const carol = zitadel.addUser('carol', { org: globex as Org });
    zitadel.addMember(carol, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
    expect(await verdict(libraryOf(), tokenOf(carol), manages(grant.id))).toBe('yes');
    expect(await verdict(libraryOf(), tokenOf(carol), between(idOf(portal), idOf(globex)))).toBe(
      'yes',
    );
    expect(zitadel.requests('getGrant')).toBe(0);
  });
});

describe('a look-up', () => {
  const FAULTS = [
    500,
    503,
    429,
    'hang',
    'refuse',
    'garbage',
    'html',
    'truncated',
    'endless',
    'redirect',
  ] as const;

  it.each(FAULTS)(
    'that fails (%s) is an outage, never a no, and is over with it',
    async (fault) => {
      vi.useRealTimers();
      const [library, token] = [libraryOf({ timeoutMs: 1_000, budgetMs: 2_000 }), tokenOf(alice)];
      zitadel.fail('project', fault);
      expect(await verdict(library, token, owns(idOf(portal)))).toBe('unavailable');
      zitadel.heal();
      const again = () => verdict(library, token, owns(idOf(portal)));
      await expect.poll(again).toBe('yes');
    },
  );

  it.each<[string, unknown]>([
    ['another project', { project: { id: '1', details: { resourceOwner: '1' } } }],
    ['a project without an owner', 'NO OWNER'],
    ['nothing', {}],
    ['a list', { project: [] }],
  ])('that is about %s is an outage', async (_what, answer) => {
    const body = answer === 'NO OWNER' ? { project: { id: idOf(portal), details: {} } } : answer;
    zitadel.fail('project', { status: 200, body });
    expect(await verdict(libraryOf(), tokenOf(alice), owns(idOf(portal)))).toBe('unavailable');
  });

  it('whose token is refused meanwhile says so', async () => {
    zitadel.fail('project', 401);
    expect(await verdict(libraryOf(), tokenOf(alice), owns(idOf(portal)))).toBe('token_rejected');
  });

  it('of a host that serves no such API is our misconfiguration', async () => {
    zitadel.fail('project', { status: 404, body: { code: 5, message: 'Not Found' } });
    const library = libraryOf({ api: 'v1' });
    expect(await verdict(library, tokenOf(alice), owns(idOf(portal)))).toBe('misconfigured');
  });

  it('is made as the service user where memberships are', async () => {
    const reader = zitadel.addServiceUser('reader', { org: acme as Org });
    zitadel.addMember(reader, { org: acme as Org }, ['ORG_OWNER_VIEWER']);
    const token = zitadel.patFor(reader);
    const library = libraryOf({
      serviceUser: pat(token),
      memberships: { as: 'serviceUser', organizations: [idOf(acme)] },
    });
    const own = zitadel.tokenFor(alice as User, { zitadelAudience: false });
    expect(await verdict(library, own, owns(idOf(portal)))).toBe('yes');
    const [request] = zitadel.requestLog('project');
    expect(request?.headers['authorization']).toBe(`Bearer …${token.slice(-8)}`);
  });
});
