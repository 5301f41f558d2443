import { beforeEach, describe, expect, it } from 'vitest';
import { anyOf, authenticated, permission, role } from '../../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { Org, User } from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import { decide, recorder, verdict } from '../parts.js';
import { useEmulator } from '../../support/world.js';

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

  it.each([
    500,
    502,
    503,
    504,
    429,
    'hang',
    'refuse',
    'garbage',
    'html',
    'truncated',
    'endless',
    'redirect',
  ] as const)('that fails (%s) is an outage, never a no', async (fault) => {
    zitadel.fail(endpoint, fault);
    const times = { timeoutMs: 400, budgetMs: 1_000 };
    expect(await ask(ownerOf(acme), times)).toBe('unavailable');
    expect(await ask(authenticated() as never, times)).toBe('unavailable');
  });

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
