import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { anyOf, authenticated, permission, role } from '../../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { Org, User } from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import { OUTAGES, decide, recorder, verdict, wayTo } from '../parts.js';
import { startEmulator, useEmulator } from '../../support/world.js';
import { isRefusal } from '../../../lib/core/decision.js';
import { askPermissions } from '../../../lib/zitadel/memberships/read.js';
import type { Requirement } from '../../../lib/core/requirement/requirement.js';
import { type Random, seededRandom } from '../../evidence/seeded-random.js';

let log = recorder();

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const initech = zitadel.addOrg('initech');
const alice = zitadel.addUser('alice', { org: acme });
zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
zitadel.addMember(alice, { org: globex }, ['ORG_OWNER_VIEWER']);
zitadel.addMember(alice, { org: initech }, ['ORG_OWNER']);
const reader = zitadel.addServiceUser('reader', { org: acme });
zitadel.addMember(reader, { org: acme }, ['ORG_OWNER_VIEWER']);
zitadel.addMember(reader, { org: globex }, ['ORG_OWNER_VIEWER']);
beforeEach(() => {
  log = recorder();
});

const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';
const ownerOf = (of: Org | undefined) => role('ORG_OWNER', org(idOf(of)));

function libraryOf(more: Partial<ZitadelOptions> = {}): Zitadel {
  return createZitadel(zitadel.options({ logger: log, ...more }));
}

/** With the service user as the reader, in these organizations. */
function readBy(
  organizations: readonly string[] | (() => Promise<readonly string[]>),
  user = reader,
  more: Partial<ZitadelOptions> = {},
): Zitadel {
  const memberships = { as: 'serviceUser', organizations } as const;
  return libraryOf({ serviceUser: pat(zitadel.patFor(user)), memberships, ...more });
}

describe('read as the caller', () => {
  it('memberships of all organizations count, by one call with the caller’s own token', async () => {
    const [library, token] = [libraryOf(), zitadel.tokenFor(alice)];
    expect(await verdict(library, token, ownerOf(acme))).toBe('yes');
    expect(await verdict(library, token, ownerOf(globex))).toBe('role_missing');
    expect(await verdict(library, token, ownerOf(initech))).toBe('yes');
    expect(zitadel.requests('memberships')).toBe(1);
    const [asked] = zitadel.requestLog('memberships');
    expect(asked?.headers['authorization']).toBe(`Bearer …${token.slice(-8)}`);
    // With a limit ZITADEL tells how many there are in all.
    expect(asked?.body).toBe('{"query":{"limit":1000}}');
  });

  it('a token without the scope for ZITADEL is told so, in the log and in the challenge', async () => {
    const token = zitadel.tokenFor(alice, { zitadelAudience: false });
    expect(await decide(libraryOf(), token, authenticated())).toMatchObject({
      reason: 'token_rejected',
      description: expect.stringContaining('urn:zitadel:iam:org:project:id:zitadel:aud') as string,
    });
    expect(log.lines.join()).toContain('urn:zitadel:iam:org:project:id:zitadel:aud');
    expect(log.lines.join()).not.toContain(token);
  });

  it('a second factor that is missing is told apart', async () => {
    const mia = zitadel.addUser('mia');
    zitadel.requireMfa(mia);
    expect(await verdict(libraryOf(), zitadel.tokenFor(mia), authenticated())).toBe('mfa_required');
  });

  it.each<[string, (user: User) => void, string]>([
    ['deactivated', (user) => zitadel.deactivateUser(user), 'token_rejected'],
    ['locked', (user) => zitadel.lockUser(user), 'token_rejected'],
    ['removed', (user) => zitadel.removeUser(user), 'token_rejected'],
    ['signed out', (user) => zitadel.endSessions(user), 'token_rejected'],
  ])('somebody who is %s is refused, on every route', async (what, happens, reason) => {
    const user = zitadel.addUser(`user ${what}`);
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    const token = zitadel.tokenFor(user);
    happens(user);
    expect(await verdict(libraryOf(), token, authenticated())).toBe(reason);
    expect(await verdict(libraryOf(), token, ownerOf(acme))).toBe(reason);
  });

  it('somebody whose organization is removed is refused, and stops nobody else', async () => {
    const gone = zitadel.addOrg('gone');
    const users = [1, 2, 3, 4].map((at) => zitadel.addUser(`gone ${at}`, { org: gone }));
    const tokens = users.map((user) => zitadel.tokenFor(user));
    zitadel.removeOrg(gone);
    const library = libraryOf();
    for (const token of tokens) {
      expect(await verdict(library, token, authenticated())).not.toBe('yes');
    }
    expect(await verdict(library, zitadel.tokenFor(alice), authenticated())).toBe('yes');
  });
});

describe('read as the service user', () => {
  it('the named organizations count and no other, by one call each', async () => {
    const [library, token] = [readBy([acme.id, globex.id]), zitadel.tokenFor(alice)];
    expect(await verdict(library, token, ownerOf(acme))).toBe('yes');
    expect(await verdict(library, token, role('ORG_OWNER_VIEWER', org(globex.id)))).toBe('yes');
    expect(await verdict(library, token, ownerOf(initech))).toBe('role_missing');
    expect(zitadel.requests('memberships')).toBe(0);
    expect(
      zitadel.requestLog('userMemberships').map(({ headers }) => headers['x-zitadel-orgid']),
    ).toEqual([acme.id, globex.id]);
  });

  it('the organizations can be asked for each time', async () => {
    const lists = [[acme.id], [globex.id], [acme.id]];
    const library = readBy(() => Promise.resolve(lists.shift() ?? []));
    const ask = (of: Org | undefined) => library.authorizer.can(alice.id, ownerOf(of));
    expect(await ask(acme)).toBe(true);
    expect(await ask(acme)).toBe(false);
    expect(await ask(acme)).toBe(true);
    expect(zitadel.requests('userMemberships')).toBe(2);
  });

  it.each<[string, () => Promise<readonly string[]>, string]>([
    [
      'throws',
      () => {
        throw new Error('db');
      },
      'unavailable',
    ],
    ['rejects', () => Promise.reject(new Error('db')), 'unavailable'],
    ['answers nothing', () => Promise.resolve(undefined as never), 'misconfigured'],
    ['answers an empty list', () => Promise.resolve([]), 'misconfigured'],
    ['answers what are no ids', () => Promise.resolve(['../1']), 'misconfigured'],
    ['answers a text', () => Promise.resolve('1' as never), 'misconfigured'],
  ])('a function of them that %s allows nobody', async (_how, organizations, reason) => {
    const token = zitadel.tokenFor(alice);
    expect(await verdict(readBy(organizations), token, ownerOf(acme))).toBe(reason);
  });

  it('an organization without a right for the reader is our misconfiguration, with the remedy', async () => {
    const token = zitadel.tokenFor(alice);
    const library = readBy([acme.id, initech.id]);
    expect(await verdict(library, token, ownerOf(acme))).toBe('misconfigured');
    expect(log.lines.join()).toMatch(/error: misconfigured: .*AUTHZ-cdgFk.*ORG_OWNER_VIEWER/);
  });

  it('an organization that does not exist is our misconfiguration', async () => {
    const token = zitadel.tokenFor(alice);
    const library = readBy([acme.id, '404404404404404404']);
    expect(await verdict(library, token, ownerOf(acme))).toBe('misconfigured');
    expect(log.lines.join()).toContain('memberships.organizations');
  });

  it('a reader with too little right is our misconfiguration', async () => {
    const weak = zitadel.addServiceUser('weak', { org: acme });
    zitadel.addMember(weak, { org: acme }, ['ORG_PROJECT_CREATOR']);
    const library = readBy([acme.id], weak);
    expect(await verdict(library, zitadel.tokenFor(alice), ownerOf(acme))).toBe('misconfigured');
  });

  it('a reader that ZITADEL does not accept is our misconfiguration, never the caller’s', async () => {
    const gone = zitadel.addServiceUser('gone reader', { org: acme });
    const token = zitadel.patFor(gone);
    zitadel.removeUser(gone);
    const library = libraryOf({
      serviceUser: pat(token),
      memberships: { as: 'serviceUser', organizations: [acme.id] },
    });
    expect(await verdict(library, zitadel.tokenFor(alice), ownerOf(acme))).toBe('misconfigured');
  });

  it('a token without the scope for ZITADEL is enough', async () => {
    const token = zitadel.tokenFor(alice, { zitadelAudience: false });
    expect(await verdict(readBy([acme.id]), token, ownerOf(acme))).toBe('yes');
  });

  it('a bare user id can be asked about, and what is none is refused before anything is sent', async () => {
    const library = readBy([acme.id]);
    expect(await library.authorizer.can(alice.id, ownerOf(acme))).toBe(true);
    expect(await library.authorizer.can('404404404404404404', ownerOf(acme))).toBe(false);
    zitadel.resetRequests();
    for (const who of ['', '.', '..', '1/2', '1?', ' 1', '1'.repeat(201), '__proto__']) {
      await expect(library.authorizer.can(who, ownerOf(acme))).rejects.toMatchObject({
        code: 'argument_invalid',
      });
    }
    expect(zitadel.requests()).toBe(0);
  });

  it('more organizations than are asked at once are all asked', async () => {
    const orgs = Array.from({ length: 11 }, (_, at) => zitadel.addOrg(`many ${at}`));
    for (const each of orgs) {
      zitadel.addMember(reader, { org: each }, ['ORG_OWNER_VIEWER']);
      zitadel.addMember(alice, { org: each }, ['ORG_OWNER']);
    }
    const library = readBy(orgs.map(({ id }) => id));
    for (const each of orgs) {
      expect(await library.authorizer.can(alice.id, ownerOf(each))).toBe(true);
    }
    expect(zitadel.requests('userMemberships')).toBe(11);
  });
});

describe.each([
  ['the caller', 'memberships', libraryOf],
  [
    'the service user',
    'userMemberships',
    (more?: Partial<ZitadelOptions>) => readBy([acme.id], reader, more),
  ],
] as const)('an answer to %s', (_who, endpoint, make) => {
  const ask = (requirement = ownerOf(acme), more: Partial<ZitadelOptions> = {}) =>
    verdict(make(more), zitadel.tokenFor(alice), requirement);

  it.each([...OUTAGES, 502, 504] as const)(
    'that fails (%s) is an outage, never a no',
    async (fault) => {
      zitadel.fail(endpoint, fault);
      const times = { timeoutMs: 400, budgetMs: 1_000 };
      expect(await ask(ownerOf(acme), times)).toBe('unavailable');
      expect(await ask(authenticated() as never, times)).toBe('unavailable');
    },
  );

  it('about another user is an outage', async () => {
    zitadel.fail(endpoint, 'wrong-user');
    expect(await ask()).toBe('unavailable');
  });

  const row = (more: Readonly<Record<string, unknown>>) => ({
    userId: alice.id,
    roles: ['ORG_OWNER'],
    orgId: acme.id,
    details: { resourceOwner: acme.id },
    ...more,
  });
  const answer = (result: unknown, total?: unknown) =>
    zitadel.fail(endpoint, {
      status: 200,
      body: { details: total === undefined ? {} : { totalResult: total }, result },
    });

  it.each<[string, () => unknown[]]>([
    ['another user', () => [row({}), row({ userId: '1' })]],
    ['nobody', () => [row({ userId: '' })]],
    ['a missing user', () => [row({ userId: undefined })]],
    ['a list as user', () => [row({ userId: [alice.id] })]],
  ])('with a row of %s is an outage', async (_what, result) => {
    answer(result());
    expect(await ask()).toBe('unavailable');
  });

  it.each<[string, unknown]>([
    ['more than came', '2'],
    ['more than came, as a number', 2],
  ])('that says that there are %s is an outage for whatever did not come', async (_what, total) => {
    answer([row({})], total);
    expect(await ask()).toBe('yes');
    answer([row({ orgId: '1' })], total);
    expect(await ask()).toBe('unavailable');
  });

  it('that says nothing of how many there are is taken', async () => {
    answer([row({})]);
    expect(await ask()).toBe('yes');
  });

  it.each<[string, unknown]>([
    ['an object', {}],
    ['a text', 'x'],
    ['a number', 1],
    ['a list of texts', ['x']],
    ['a list with null', [null]],
    ['a list of lists', [[]]],
  ])('whose rows are %s is an outage', async (_what, result) => {
    answer(result);
    expect(await ask()).toBe('unavailable');
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['a text', '"x"'],
    ['a number', 1],
  ])('that is %s is an outage', async (_what, body) => {
    zitadel.fail(endpoint, { status: 200, body });
    expect(await ask()).toBe('unavailable');
  });

  const anything = anyOf(
    role('IAM_OWNER'),
    role('ORG_OWNER', org('1')),
    role('PROJECT_OWNER_VIEWER', project('1')),
    role('PROJECT_GRANT_OWNER', projectGrant('1')),
  );
  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['on nothing', { orgId: undefined, roles: ['IAM_OWNER'] }],
    ['on two things', { iam: true, roles: ['IAM_OWNER', 'ORG_OWNER'] }],
    ['on an organization and a project', { projectId: '1', roles: ['PROJECT_OWNER'] }],
    ['without roles', { orgId: '1', roles: undefined }],
    ['with a role of another kind', { orgId: '1', roles: ['IAM_OWNER', 'PROJECT_OWNER'] }],
    ['with a role in other case', { orgId: '1', roles: ['org_owner', 'ORG_OWNER '] }],
  ])('with a row %s allows nothing by it', async (_what, more) => {
    answer([row(more)]);
    expect(await ask(anything as never)).toBe('role_missing');
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['on an instance that is not true', { orgId: undefined, iam: 'true', roles: ['IAM_OWNER'] }],
    ['on an instance that is false', { orgId: undefined, iam: false, roles: ['IAM_OWNER'] }],
    ['on an organization that is no text', { orgId: 1 }],
    ['on an empty organization', { orgId: '' }],
    ['on no organization', { orgId: null }],
    ['on a project that is no text', { orgId: undefined, projectId: ['1'] }],
    ['on a project grant that is no text', { orgId: undefined, projectGrantId: {} }],
    ['with a text as roles', { orgId: '1', roles: 'ORG_OWNER' }],
    ['with null as roles', { orgId: '1', roles: null }],
    ['with lists as roles', { orgId: '1', roles: [['ORG_OWNER']] }],
    ['with one role that is no text', { orgId: '1', roles: ['ORG_OWNER', 1] }],
    ['with details that are a text', { orgId: '1', details: 'x' }],
    ['with an owner that is no text', { orgId: '1', details: { resourceOwner: 1 } }],
  ])('with a row %s is an outage', async (_what, more) => {
    answer([row(more)]);
    expect(await ask(anything as never)).toBe('unavailable');
  });

  it.each<[string, unknown]>([
    ['without anything', {}],
    ['without details', { result: [] }],
    ['with details that are a text', { details: 'x', result: [] }],
    ['with details that are a list', { details: [], result: [] }],
    ['of many rows', { details: { totalResult: 'many' }, result: [] }],
    ['of a part of a row', { details: { totalResult: 0.5 }, result: [] }],
    ['of less than no rows', { details: { totalResult: '-1' }, result: [] }],
  ])('%s is an outage', async (_what, body) => {
    zitadel.fail(endpoint, { status: 200, body });
    expect(await ask()).toBe('unavailable');
  });

  it('with PROJECT_GRANT_OWNER on a project means nothing for the project', async () => {
    answer([row({ orgId: undefined, projectId: '1', roles: ['PROJECT_GRANT_OWNER'] })]);
    expect(await ask(anything as never)).toBe('role_missing');
  });

  it('of more than 8 MiB is an outage, and does not fill the memory', async () => {
    const many = Array.from({ length: 20_000 }, () => row({ displayName: 'x'.repeat(500) }));
    answer(many, String(many.length));
    expect(await ask()).toBe('unavailable');
  });

  it('of almost 8 MiB is read', async () => {
    const many = Array.from({ length: 12_000 }, (_, at) =>
      row({ orgId: String(at + 1), displayName: 'x'.repeat(500) }),
    );
    answer([...many, row({})], String(many.length + 1));
    expect(await ask()).toBe('yes');
  });
});

describe('a user whose foreign rows are over the cap', async () => {
  const zitadel = await useEmulator();
  const acme = zitadel.addOrg('acme');
  const globex = zitadel.addOrg('globex');
  const crowded = zitadel.addUser('crowded', { org: acme });
  for (let number = 0; number < 10_001; number += 1) {
    const foreign = zitadel.addProject(`foreign ${number}`, { org: globex });
    zitadel.addMember(crowded, { project: foreign }, ['PROJECT_OWNER']);
  }
  zitadel.addMember(crowded, { org: acme }, ['ORG_OWNER']);

  const libraryOf = () => createZitadel(zitadel.options({ logger: recorder() }));

  it('is let in to every one of the own projects, one after another', async () => {
    const library = libraryOf();
    const token = zitadel.tokenFor(crowded);
    for (let number = 0; number < 230; number += 1) {
      const { id } = zitadel.addProject(`own ${number}`, { org: acme });
      const requirement = role('PROJECT_OWNER', project(id).in(acme.id));
      expect(await verdict(library, token, requirement)).toBe('yes');
    }
  });

  it('has the permissions of a grant whose row is beyond it', async () => {
    const initech = zitadel.addOrg('initech');
    const tools = zitadel.addProject('tools', { org: globex });
    zitadel.addMember(crowded, { projectGrant: zitadel.grantProject(tools, initech, []) }, [
      'PROJECT_GRANT_OWNER',
    ]);
    const requirement = permission(
      'project.grant.member.write',
      projectGrant({ project: tools.id, grantedOrg: initech.id }),
    );
    expect(await verdict(libraryOf(), zitadel.tokenFor(crowded), requirement)).toBe('yes');
  });
});

describe('permissions', async () => {
  const zitadel = await useEmulator();
  const acme = zitadel.addOrg('acme');
  const globex = zitadel.addOrg('globex');
  const portal = zitadel.addProject('portal', { org: acme });
  const alice = zitadel.addUser('alice', { org: acme });
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  const bob = zitadel.addUser('bob', { org: acme });
  zitadel.addMember(bob, { project: portal }, ['PROJECT_OWNER']);
  const nobody = zitadel.addUser('nobody', { org: acme });

  const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';
  const ask = (
    user: User | undefined,
    orgId = acme.id,
    token = zitadel.tokenFor(user as User),
    timeoutMs?: number,
  ) => askPermissions(wayTo(zitadel, timeoutMs).http)(idOf(user), token, orgId);

  async function list(...asked: Parameters<typeof ask>): Promise<readonly string[]> {
    const permissions = await ask(...asked);
    if (isRefusal(permissions)) throw new Error(`refused: ${JSON.stringify(permissions)}`);
    return permissions;
  }

  describe('effective permissions', () => {
    it('are those of one organization, by the caller’s own token', async () => {
      const token = zitadel.tokenFor(alice);
      expect(await list(alice, acme.id, token)).toContain('project.grant.write');
      const [asked, ...more] = zitadel.requestLog();
      expect(more).toEqual([]);
      expect(asked).toMatchObject({
        method: 'POST',
        path: '/auth/v1/permissions/zitadel/me/_search',
        body: '{}',
      });
      expect(asked?.headers['x-zitadel-orgid']).toBe(acme.id);
      expect(asked?.headers['authorization']).toBe(`Bearer …${token.slice(-8)}`);
    });

    it('of a project carry its id', async () => {
      const permissions = await list(bob);
      expect(permissions).toContain(`project.write:${portal.id}`);
      expect(permissions).not.toContain('project.write');
    });

    it('are none where the caller holds no role, or where there is no such organization', async () => {
      expect(await list(alice, globex.id)).toEqual([]);
      expect(await list(nobody)).toEqual([]);
      expect(await list(alice, '404404404404404404')).toEqual([]);
    });

    it('of a token that ZITADEL refuses are refused', async () => {
      const token = zitadel.tokenFor(alice, { zitadelAudience: false });
      expect(await ask(alice, acme.id, token)).toMatchObject({ reason: 'token_rejected' });
      const mia = zitadel.addUser('mia');
      zitadel.requireMfa(mia);
      expect(await ask(mia)).toMatchObject({ reason: 'mfa_required' });
    });

    it('exist on API v1 alone, which is said where it is not served', async () => {
      zitadel.serveApis('v2');
      expect(await ask(alice)).toMatchObject({
        reason: 'misconfigured',
        remedy: expect.stringContaining('API v1 only') as string,
      });
    });

    it.each(OUTAGES)('that fail (%s) are an outage, never none', async (fault) => {
      zitadel.fail('permissions', fault);
      const asked = ask(alice, acme.id, zitadel.tokenFor(alice), 500);
      expect(await asked).toMatchObject({ reason: 'unavailable' });
    });

    it.each<[string, unknown]>([
      ['a list', []],
      ['null', null],
      ['a text', '"x"'],
      ['a result that is no list', { result: { 'org.read': true } }],
      ['a result that is a text', { result: 'org.read' }],
      ['a result of no texts', { result: ['org.read', 1] }],
    ])('that are %s are an outage', async (_what, body) => {
      zitadel.fail('permissions', { status: 200, body });
      expect(await ask(alice)).toMatchObject({ reason: 'unavailable' });
    });
  });

  describe('a token that is none for ZITADEL’s API, with memberships read as the service user', () => {
    let service: string;
    beforeAll(() => {
      const reader = zitadel.addServiceUser('reader');
      zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
      service = zitadel.patFor(reader);
    });

    const libraryOf = () =>
      createZitadel(
        zitadel.options({
          logger: recorder(),
          memberships: { as: 'serviceUser' },
          serviceUser: pat(service),
        }),
      );
    const asked = () => permission('org.write', org(acme.id));

    it('is refused where permissions decide, and nowhere else, whatever is remembered', async () => {
      const library = libraryOf();
      const token = zitadel.tokenFor(alice, { zitadelAudience: false });
      const either = anyOf(asked(), role('PROJECT_OWNER', project(portal.id)));
      expect(await verdict(library, token, either)).toBe('yes');
      expect(await verdict(library, token, asked())).toBe('token_rejected');
      expect(await verdict(library, token, either)).toBe('yes');
    });

    it('costs no more calls than what is not there', async () => {
      const library = libraryOf();
      const token = zitadel.tokenFor(alice, { zitadelAudience: false });
      for (let i = 0; i < 250; i += 1) {
        await verdict(library, token, asked());
      }
      expect(zitadel.requests('permissions')).toBe(200);
    });
  });
});

interface RandomWorld {
  readonly token: string;
  readonly ways: Readonly<Record<string, Zitadel>>;
  readonly orgs: readonly string[];
  readonly projects: readonly string[];
  readonly grants: readonly string[];
}

async function worldOf(random: Random): Promise<RandomWorld> {
  const zitadel = await startEmulator();
  const orgs = [1, 2, 3, 4].map((number) => zitadel.addOrg(`org ${number}`).id);
  const owned = [1, 2, 3, 4].map((number) => {
    const owner = random.pick(orgs);
    return { owner, id: zitadel.addProject(`project ${number}`, { org: owner }).id };
  });
  const projects = owned.map(({ id }) => id);
  const grants = owned.map(({ owner, id }) => {
    const to = random.pick(orgs.filter((each) => each !== owner));
    return zitadel.grantProject(id, to, []).id;
  });
  const user = zitadel.addUser('somebody', { org: random.pick(orgs) });
  if (random.chance(0.2)) zitadel.addMember(user, 'instance', ['IAM_OWNER_VIEWER']);
  for (const id of orgs.filter(() => random.chance(0.4))) {
    zitadel.addMember(user, { org: id }, [random.pick(['ORG_OWNER', 'ORG_OWNER_VIEWER'])]);
  }
  for (const id of projects.filter(() => random.chance(0.3))) {
    const roles = ['PROJECT_OWNER', 'PROJECT_OWNER_VIEWER', 'PROJECT_GRANT_OWNER'];
    zitadel.addMember(user, { project: id }, [random.pick(roles)]);
  }
  for (const id of grants.filter(() => random.chance(0.4))) {
    const roles = ['PROJECT_GRANT_OWNER', 'PROJECT_GRANT_OWNER_VIEWER'];
    zitadel.addMember(user, { projectGrant: id }, [random.pick(roles)]);
  }
  const reader = zitadel.addServiceUser('reader');
  zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
  const library = (options: Partial<ZitadelOptions>) =>
    createZitadel(
      zitadel.options({ serviceUser: pat(zitadel.patFor(reader)), logger: recorder(), ...options }),
    );
  const ways = {
    'as the caller, v1': library({ api: 'v1' }),
    'as the caller, v2': library({ api: 'v2' }),
    'as the service user, v1': library({
      api: 'v1',
      memberships: { as: 'serviceUser', organizations: orgs },
    }),
    'as the service user, v2': library({ api: 'v2', memberships: { as: 'serviceUser' } }),
    'as the service user, auto': library({ memberships: { as: 'serviceUser' } }),
  };
  return { token: zitadel.tokenFor(user), ways, orgs, projects, grants };
}

/** `byId`: a grant is named by its id, which API v2 alone does not know. */
function* questionsOf({ orgs, projects, grants }: RandomWorld): Generator<{
  readonly requirement: Requirement;
  readonly byId: boolean;
}> {
  for (const id of orgs) {
    yield { requirement: role('ORG_OWNER', org(id)), byId: false };
    yield { requirement: role('ORG_OWNER_VIEWER', org(id)), byId: false };
  }
  for (const id of [...projects, '7']) {
    yield { requirement: role('PROJECT_OWNER', project(id)), byId: false };
    yield { requirement: role('PROJECT_OWNER_VIEWER', project(id)), byId: false };
    for (const owner of orgs) {
      yield { requirement: role('PROJECT_OWNER', project(id).in(owner)), byId: false };
      const ends = projectGrant({ project: id, grantedOrg: owner });
      yield { requirement: role('PROJECT_GRANT_OWNER_VIEWER', ends), byId: false };
    }
  }
  for (const id of [...grants, '8']) {
    yield { requirement: role('PROJECT_GRANT_OWNER', projectGrant(id)), byId: true };
  }
}

describe('the same decision, whoever reads the memberships and by which API', () => {
  it.each([1, 2, 3])('in the random world of seed %i', async (seed) => {
    const world = await worldOf(seededRandom(seed, 0));
    const seen = new Set<string>();
    for (const { requirement, byId } of questionsOf(world)) {
      const answers: Record<string, string> = {};
      for (const [way, library] of Object.entries(world.ways)) {
        if (byId && way.endsWith('v2')) continue;
        answers[way] = await verdict(library, world.token, requirement);
      }
      const [first = ''] = Object.values(answers);
      seen.add(first);
      const same = Object.fromEntries(Object.keys(answers).map((way) => [way, first]));
      expect({ requirement, answers }).toEqual({ requirement, answers: same });
    }
    expect([...seen].sort()).toEqual(['role_missing', 'yes']);
  });
});
