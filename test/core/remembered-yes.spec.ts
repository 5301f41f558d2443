import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Allowed, Decision } from '../../lib/core/decision.js';
import { allOf, authenticated, permission, role } from '../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../lib/core/requirement/refs.js';
import { KnownCaller } from '../../lib/core/memory/remembered-callers.js';
import type { Requirement } from '../../lib/core/requirement/requirement.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { Org, Project, User } from '../../lib/testing/index.js';
import { recorder } from '../zitadel/parts.js';
import { useStillClock } from '../support/still-clock.js';
import { useEmulator } from '../support/world.js';

const TTL_MS = 30_000;

let library: Zitadel;
let [own, other]: Org[] = [];
let work: Project;
let user: User;
let token: string;

const zitadel = await useEmulator();

let turn = 0;
useStillClock('performance', 'Date');
beforeEach(() => {
  turn += 1;
  own = zitadel.addOrg(`own ${turn}`);
  other = zitadel.addOrg(`other ${turn}`);
  work = zitadel.addProject(`work ${turn}`, { org: own });
  user = zitadel.addUser(`user ${turn}`, { org: own });
  zitadel.addMember(user, { org: own }, ['ORG_OWNER']);
  token = zitadel.tokenFor(user);
  library = createZitadel(zitadel.options({ logger: recorder(), cache: { ttlMs: TTL_MS } }));
});

const idOf = (one: Org | undefined) => one?.id ?? '';

/** A route: its requirement is prepared once. */
function route(requirement: Requirement) {
  const prepared = library.decisions.prepare(requirement);
  return (orgId = idOf(own), as = token): Decision | Promise<Decision> =>
    library.decisions.authorize(
      { headers: { authorization: `Bearer ${as}` }, params: { orgId, projectId: work.id } },
      prepared,
    );
}

const said = async (decision: Decision | Promise<Decision>) => {
  const settled = await decision;
  return settled.allowed ? 'yes' : settled.reason;
};

const ownsOrg = role('ORG_OWNER', org.param('orgId'));

/** A route that has said yes, and would say the same yes again. */
async function remembered(requirement: Requirement = ownsOrg) {
  const ask = route(requirement);
  expect(await said(ask())).toBe('yes');
  const again = ask();
  expect(again).not.toBeInstanceOf(Promise);
  expect(ask()).toBe(again);
  return ask;
}

describe('a remembered yes', () => {
  it('is the very decision that was made, and nobody’s to change', async () => {
    const ask = await remembered();
    const yes = ask() as Allowed;
    expect(() => Object.assign(yes, { allowed: false })).toThrow(TypeError);
    expect(() => (yes.checked as unknown[]).push({})).toThrow(TypeError);
    expect(() => Object.assign(yes.checked[0] ?? {}, { id: idOf(other) })).toThrow(TypeError);
  });

  it('is one about exactly these ids, for exactly this requirement and this caller', async () => {
    const ask = await remembered();
    expect(await said(ask(idOf(other)))).toBe('role_missing');
    expect(await said(ask('..'))).toBe('resource_invalid');
    expect(await said(route(role('IAM_OWNER'))())).toBe('role_missing');
    const stranger = zitadel.tokenFor(zitadel.addUser(`stranger ${turn}`, { org: own as Org }));
    expect(await said(ask(idOf(own), stranger))).toBe('role_missing');
    expect(await said(ask())).toBe('yes');
  });

  it('has its ids in common with those of others who ask about the same', async () => {
    const remember = vi.spyOn(KnownCaller.prototype, 'remember');
    onTestFinished(() => remember.mockRestore());
    const ask = await remembered();
    const colleague = zitadel.addUser(`colleague ${turn}`, { org: own as Org });
    for (const each of [own, other]) {
      zitadel.addMember(colleague, { org: each as Org }, ['ORG_OWNER']);
    }
    token = zitadel.tokenFor(colleague);
    await remembered();
    await said(ask(idOf(other)));
    const [mine, theirs, elsewhere] = remember.mock.calls.map(([, ids]) => ids);
    expect(theirs).toBe(mine);
    expect([mine, elsewhere]).toEqual([[idOf(own)], [idOf(other)]]);
  });

  it('is one about all ids, not about some of them', async () => {
    const both = allOf(ownsOrg, role('PROJECT_OWNER', project.param('projectId')));
    const ask = await remembered(both);
    expect(await said(ask(idOf(other)))).toBe('role_missing');
    work = zitadel.addProject(`foreign ${turn}`, { org: other as Org });
    expect(await said(ask())).toBe('role_missing');
  });

  it('is one to this requirement also where none of the two names an id', async () => {
    await remembered(authenticated());
    expect(await said(route(role('IAM_OWNER'))())).toBe('role_missing');
  });

  it('ends when its user is evicted', async () => {
    const ask = await remembered();
    zitadel.removeMember(user, { org: own as Org });
    expect(await said(ask())).toBe('yes');
    await library.authorizer.evict(user.id);
    expect(await said(ask())).toBe('role_missing');
  });

  it('ends when everybody is evicted', async () => {
    const ask = await remembered();
    zitadel.removeMember(user, { org: own as Org });
    await library.authorizer.evictAll();
    expect(await said(ask())).toBe('role_missing');
  });

  it('ends with the TTL of the memberships, however often it was given', async () => {
    const ask = await remembered();
    zitadel.removeMember(user, { org: own as Org });
    vi.advanceTimersByTime(TTL_MS - 1);
    expect(await said(ask())).toBe('yes');
    vi.advanceTimersByTime(1);
    expect(await said(ask())).toBe('role_missing');
  });

  it('ends with its token', async () => {
    token = zitadel.tokenFor(user, { expiresInSeconds: 10 });
    const ask = await remembered();
    vi.advanceTimersByTime(11_000);
    expect(await said(ask())).toBe('token_invalid');
  });

  it('ends when the host was suspended', async () => {
    const ask = await remembered();
    zitadel.removeMember(user, { org: own as Org });
    vi.setSystemTime(Date.now() + TTL_MS);
    expect(await said(ask())).toBe('role_missing');
  });

  it('is not given where the question must be fresh, and not after a fresh reading', async () => {
    const ask = await remembered();
    const fresh = route(role('ORG_OWNER', org.param('orgId'), { fresh: true }));
    expect(await said(fresh())).toBe('yes');
    expect(await said(fresh())).toBe('yes');
    expect(await said(ask())).toBe('yes');
    zitadel.removeMember(user, { org: own as Org });
    expect(await said(fresh())).toBe('role_missing');
    expect(await said(ask())).toBe('role_missing');
  });

  it('ends when ZITADEL refuses its token', async () => {
    const ask = await remembered();
    zitadel.revokeToken(token);
    const fresh = route(role('ORG_OWNER', org.param('orgId'), { fresh: true }));
    expect(await said(fresh())).toBe('token_rejected');
    expect(await said(ask())).toBe('token_rejected');
  });
});

describe('a yes that rests on more than the caller’s rows', () => {
  /** Renews what is known of the caller, so that it is younger than what was asked for before. */
  const renew = async () => {
    vi.advanceTimersByTime(TTL_MS - 1_000);
    const fresh = route(role('ORG_OWNER', org.param('orgId'), { fresh: true }));
    expect(await said(fresh())).toBe('yes');
  };

  it('does not outlive what is known of a project grant', async () => {
    const theirs = zitadel.addProject(`theirs ${turn}`, { org: other as Org });
    const grant = zitadel.grantProject(theirs, own as Org, []);
    const ask = route(
      role(
        'PROJECT_GRANT_OWNER',
        projectGrant({ project: project(theirs.id), grantedOrg: org.param('orgId') }),
      ),
    );
    expect(await said(ask())).toBe('yes');
    await renew();
    expect(await said(ask())).toBe('yes');
    zitadel.removeGrant(grant);
    vi.advanceTimersByTime(1_000);
    expect(await said(ask())).toBe('role_missing');
  });
});

describe('a yes by ZITADEL’s own evaluation', () => {
  const mayRead = permission('project.read', org.param('orgId'));
  const ALL = ['org.read', 'project.read'];
  /** Makes the caller younger than the evaluation, so that only the evaluation can end. */
  const renewCaller = async () => {
    vi.advanceTimersByTime(TTL_MS - 1_000);
    const fresh = route(role('ORG_OWNER', org.param('orgId'), { fresh: true }));
    expect(await said(fresh())).toBe('yes');
  };

  afterEach(() => zitadel.setRolePermissions('ORG_OWNER', ALL));

  it('is remembered, for exactly these ids and this caller', async () => {
    const ask = await remembered(mayRead);
    const stranger = zitadel.tokenFor(zitadel.addUser(`stranger ${turn}`, { org: own as Org }));
    expect(await said(ask(idOf(own), stranger))).toBe('permission_missing');
    expect(await said(ask(idOf(other)))).toBe('permission_missing');
    expect(await said(ask())).toBe('yes');
  });

  it('ends when its user is evicted', async () => {
    const ask = await remembered(mayRead);
    zitadel.setRolePermissions('ORG_OWNER', ['org.read']);
    expect(await said(ask())).toBe('yes');
    await library.authorizer.evict(user.id);
    expect(await said(ask())).toBe('permission_missing');
  });

  it('ends when everybody is evicted', async () => {
    const ask = await remembered(mayRead);
    zitadel.setRolePermissions('ORG_OWNER', ['org.read']);
    await library.authorizer.evictAll();
    expect(await said(ask())).toBe('permission_missing');
  });

  it('ends with its token', async () => {
    token = zitadel.tokenFor(user, { expiresInSeconds: 10 });
    const ask = await remembered(mayRead);
    vi.advanceTimersByTime(11_000);
    expect(await said(ask())).toBe('token_invalid');
  });

  it('ends with the TTL of the evaluation, though what is known of the caller is younger', async () => {
    expect(await said(route(mayRead)())).toBe('yes');
    await renewCaller();
    const ask = await remembered(mayRead);
    zitadel.setRolePermissions('ORG_OWNER', ['org.read']);
    vi.advanceTimersByTime(999);
    expect(await said(ask())).toBe('yes');
    vi.advanceTimersByTime(1);
    expect(await said(ask())).toBe('permission_missing');
  });

  it('ends with it also when the host was suspended', async () => {
    expect(await said(route(mayRead)())).toBe('yes');
    await renewCaller();
    const ask = await remembered(mayRead);
    zitadel.setRolePermissions('ORG_OWNER', ['org.read']);
    vi.setSystemTime(Date.now() + 1_000);
    expect(await said(ask())).toBe('permission_missing');
  });

  it('ends with it also when the clock on the wall is set back', async () => {
    expect(await said(route(mayRead)())).toBe('yes');
    await renewCaller();
    const ask = await remembered(mayRead);
    zitadel.setRolePermissions('ORG_OWNER', ['org.read']);
    const before = Date.now();
    vi.advanceTimersByTime(1_000);
    vi.setSystemTime(before);
    expect(await said(ask())).toBe('permission_missing');
  });

  it('is not given where the question must be fresh, and not after a fresh evaluation', async () => {
    const ask = await remembered(mayRead);
    const fresh = route(permission('project.read', org.param('orgId'), { fresh: true }));
    expect(await said(fresh())).toBe('yes');
    zitadel.setRolePermissions('ORG_OWNER', ['org.read']);
    expect(await said(fresh())).toBe('permission_missing');
    expect(await said(ask())).toBe('permission_missing');
  });

  it('ends when a newer evaluation takes the place of the one that it rests on', async () => {
    expect(await said(route(mayRead)())).toBe('yes');
    await renewCaller();
    const ask = await remembered(mayRead);
    zitadel.setRolePermissions('ORG_OWNER', ['org.read']);
    // The "no" is asked for again, for it rests on what is old.
    const another = permission('org.write', org.param('orgId'));
    const requests = zitadel.requests('permissions');
    expect(await said(route(another)())).toBe('permission_missing');
    expect(zitadel.requests('permissions')).toBe(requests + 1);
    expect(await said(ask())).toBe('permission_missing');
  });

  it('ends when another evaluation pushes the one that it rests on out of the memory', async () => {
    const many = Array.from({ length: 2_000 }, (_, i) => `some.permission.number.${i}`);
    zitadel.setRolePermissions('ORG_OWNER', [...ALL, ...many]);
    library = createZitadel(
      zitadel.options({ logger: recorder(), cache: { ttlMs: TTL_MS, maxBytes: 2 ** 20 } }),
    );
    const ask = await remembered(mayRead);
    const second = zitadel.addUser(`second ${turn}`, { org: own as Org });
    zitadel.addMember(second, { org: own as Org }, ['ORG_OWNER']);
    expect(await said(ask(idOf(own), zitadel.tokenFor(second)))).toBe('yes');
    zitadel.setRolePermissions('ORG_OWNER', ['org.read']);
    expect(await said(ask())).toBe('permission_missing');
  });
});

describe('a yes to a service', () => {
  it('is not remembered: what it asks for can be as long as it likes, and nobody asks for it again', async () => {
    const { caller } = (await route(ownsOrg)()) as Allowed;
    const ask = async () => {
      const asked = allOf(...[own, own].map((each) => role('ORG_OWNER', org(idOf(each)))));
      expect(await library.authorizer.can(caller, asked)).toBe(true);
      expect(await library.authorizer.can(caller, asked)).toBe(true);
      return new WeakRef(asked);
    };
    const asked = await ask();
    const isGone = () => {
      globalThis.gc?.();
      return asked.deref() === undefined;
    };
    await expect.poll(isGone).toBe(true);
  });
});

describe('a yes to a caller whose list is over its cap', () => {
  let crowded: User;

  beforeEach(() => {
    crowded = zitadel.addUser(`crowded ${turn}`, { org: own as Org });
    token = zitadel.tokenFor(crowded);
  });

  /** More than one reply of API v1 holds. */
  const crowd = () => {
    for (let number = 0; number < 1_001; number += 1) {
      const foreign = zitadel.addOrg(`foreign ${turn} ${number}`);
      zitadel.addMember(crowded, { org: foreign }, ['ORG_OWNER_VIEWER']);
    }
  };

  it('is remembered where a row of the list carries it, and ends with the list', async () => {
    zitadel.addMember(crowded, { org: own as Org }, ['ORG_OWNER']);
    crowd();
    const before = zitadel.requests('memberships');
    const ask = await remembered();
    expect(zitadel.requests('memberships') - before).toBe(1);
    zitadel.removeMember(crowded, { org: own as Org });
    vi.advanceTimersByTime(TTL_MS - 1);
    expect(await said(ask())).toBe('yes');
    vi.advanceTimersByTime(1);
    expect(await said(ask())).toBe('role_missing');
  });

  it('is remembered where a row apart carries it, and ends with that', async () => {
    crowd();
    zitadel.addMember(crowded, { org: own as Org }, ['ORG_OWNER']);
    const before = zitadel.requests('memberships');
    const ask = await remembered();
    expect(zitadel.requests('memberships') - before).toBe(3);
    vi.advanceTimersByTime(TTL_MS - 1_000);
    // Renews the list, and the row of the instance apart.
    const fresh = route(role('IAM_OWNER', { fresh: true }));
    expect(await said(fresh())).toBe('role_missing');
    expect(await said(ask())).toBe('yes');
    expect(ask()).toBe(ask());
    zitadel.removeMember(crowded, { org: own as Org });
    vi.advanceTimersByTime(999);
    expect(await said(ask())).toBe('yes');
    vi.advanceTimersByTime(1);
    expect(await said(ask())).toBe('role_missing');
  });
});
