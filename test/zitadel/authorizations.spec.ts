import { beforeEach, describe, expect, it } from 'vitest';
import { projectRole } from '../../lib/core/requirement/builders.js';
import { org, project } from '../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import type { User } from '../../lib/testing/index.js';
import { createDiscovery } from '../../lib/zitadel/discovery.js';
import { createRoleReader } from '../../lib/zitadel/authorizations.js';
import { openServiceUser, pat } from '../../lib/zitadel/credentials.js';
import { ServiceToken } from '../../lib/zitadel/service-user.js';
import { MemoryStore } from '../core/store/memory-store.js';
import { impatiently } from '../support/impatience.js';
import { useEmulator } from '../support/world.js';
import { decide, recorder, verdict, wayTo } from './parts.js';
import { json, scripted } from './scripted-server.js';

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const portal = zitadel.addProject('portal', { org: acme, roles: ['editor', 'viewer'] });
const other = zitadel.addProject('other', { org: acme, roles: ['editor'] });
const grant = zitadel.grantProject(portal, globex, ['editor']);
const reader = zitadel.addServiceUser('reader');
zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);

const inAcme = projectRole('editor', { project: project(portal.id), org: org(acme.id) });
const OPTIONS = { projectRoles: 'api', serviceUser: pat(zitadel.patFor(reader)) } as const;

function library(more: Partial<ZitadelOptions> = {}, sharedCache?: MemoryStore): Zitadel {
  const options = zitadel.options({ ...OPTIONS, logger: recorder(), ...more });
  return createZitadel(options, { sharedCache });
}

let users = 0;
function newcomer(home = acme, ...roles: readonly string[]): User {
  users += 1;
  const user = zitadel.addUser(`user-${String(users)}`, { org: home });
  if (roles.length > 0) zitadel.authorizeUser(user, portal, roles);
  return user;
}

const HOME = 'urn:zitadel:iam:user:resourceowner:id';
const rolesOf = (id: string) => `urn:zitadel:iam:org:project:${id}:roles`;

describe('project roles by the API', () => {
  it('are asked for once, narrowed to user, project and organization, and remembered', async () => {
    const lib = library();
    const alice = newcomer(acme, 'editor', 'viewer');
    const token = zitadel.tokenFor(alice);
    const decisions = await Promise.all([1, 2, 3].map(() => verdict(lib, token, inAcme)));
    expect([...decisions, await verdict(lib, token, inAcme)]).toEqual(Array(4).fill('yes'));
    // What is remembered is decided at once.
    const request = { headers: { authorization: `Bearer ${token}` } };
    const { decisions: door } = lib;
    expect(door.authorize(request, door.prepare(inAcme))).toMatchObject({ allowed: true });
    // Another token of the same user is served by the same reply.
    expect(await verdict(lib, zitadel.tokenFor(alice), inAcme)).toBe('yes');
    const [asked, ...more] = zitadel.requestLog('authorizations');
    expect(more).toEqual([]);
    expect(asked?.path).toBe('/zitadel.authorization.v2.AuthorizationService/ListAuthorizations');
    expect(JSON.parse(asked?.body ?? '')).toEqual({
      pagination: { offset: '0', limit: 1000, asc: true },
      filters: [
        { userId: { id: alice.id } },
        { projectId: { id: portal.id } },
        { organizationId: { id: acme.id } },
      ],
    });
  });

  it('are not asked for where the token tells them, or the option does not say so', async () => {
    const lib = library();
    const alice = newcomer(acme, 'editor');
    const claims = {
      [HOME]: acme.id,
      [rolesOf(portal.id)]: { viewer: { [acme.id]: 'a.example' } },
    };
    const token = zitadel.tokenFor(alice, { claims });
    expect(await verdict(lib, token, inAcme)).toBe('project_role_missing');
    const bare = library({ projectRoles: 'token' });
    expect(await verdict(bare, zitadel.tokenFor(alice), inAcme)).toBe('project_role_missing');
    expect(zitadel.requests('authorizations')).toBe(0);
  });

  it.each<[string, () => User, string]>([
    ['no authorization', () => newcomer(), 'project_role_missing'],
    ['another role', () => newcomer(acme, 'viewer'), 'project_role_missing'],
    ['a user of another organization', () => newcomer(globex, 'editor'), 'project_role_missing'],
    [
      'an inactive authorization',
      () => {
        const user = newcomer(acme, 'editor');
        zitadel.deactivateAuthorization(user, portal);
        return user;
      },
      'project_role_missing',
    ],
    [
      'one that is active again',
      () => {
        const user = newcomer(acme, 'editor');
        zitadel.deactivateAuthorization(user, portal);
        zitadel.reactivateAuthorization(user, portal);
        return user;
      },
      'yes',
    ],
    [
      'a role of another project',
      () => {
        const user = newcomer();
        zitadel.authorizeUser(user, other, ['editor']);
        return user;
      },
      'project_role_missing',
    ],
    [
      'a role that another organization gave',
      () => {
        const user = newcomer();
        zitadel.authorizeUser(user, portal, ['editor'], { org: globex });
        return user;
      },
      'project_role_missing',
    ],
    [
      'a role that was taken back',
      () => {
        const user = newcomer(acme, 'editor');
        zitadel.authorizeUser(user, portal, ['viewer']);
        return user;
      },
      'project_role_missing',
    ],
  ])('decide about %s', async (_what, make, expected) => {
    expect(await verdict(library(), zitadel.tokenFor(make()), inAcme)).toBe(expected);
  });

  it('count in a granted organization, until the grant takes them back', async () => {
    const lib = library({ cache: { ttlMs: 0 } });
    const user = newcomer(globex);
    zitadel.authorizeUser(user, portal, ['editor'], { org: globex });
    const inGlobex = projectRole('editor', { project: project(portal.id), org: org(globex.id) });
    expect(await verdict(lib, zitadel.tokenFor(user), inGlobex)).toBe('yes');
    zitadel.changeGrant(grant, []);
    expect(await verdict(lib, zitadel.tokenFor(user), inGlobex)).toBe('project_role_missing');
    zitadel.changeGrant(grant, ['editor']);
    expect(await verdict(lib, zitadel.tokenFor(user), inGlobex)).toBe('project_role_missing');
  });

  it('count for users of other organizations where the requirement says so', async () => {
    const user = newcomer(globex, 'editor');
    const across = { project: project(portal.id), org: org(acme.id), acrossOrganizations: true };
    const requirement = projectRole('editor', across);
    expect(await verdict(library(), zitadel.tokenFor(user), requirement)).toBe('yes');
  });

  it('are known of a bare user id, where memberships are read as the service user', async () => {
    const lib = library({ memberships: { as: 'serviceUser' } });
    expect(await lib.authorizer.can(newcomer(acme, 'editor').id, inAcme)).toBe(true);
    expect(await lib.authorizer.can(newcomer(acme, 'viewer').id, inAcme)).toBe(false);
  });
});

describe('what is remembered of them', () => {
  it('ends with an eviction of the user', async () => {
    const lib = library();
    const user = newcomer(acme, 'editor');
    const token = zitadel.tokenFor(user);
    expect(await verdict(lib, token, inAcme)).toBe('yes');
    zitadel.unauthorizeUser(user, portal);
    expect(await verdict(lib, token, inAcme)).toBe('yes');
    await lib.authorizer.evict(user.id);
    expect(await verdict(lib, token, inAcme)).toBe('project_role_missing');
    zitadel.authorizeUser(user, portal, ['editor']);
    await lib.authorizer.evictAll();
    expect(await verdict(lib, token, inAcme)).toBe('yes');
  });

  it.each<[string, boolean, string | undefined]>([
    ['the owner of the project', true, acme.id],
    ['the organization that gave them', true, globex.id],
    ['another organization', false, '404'],
    ['any organization, where the owner is not told', true, undefined],
  ])('ends with an eviction of %s: %j', async (_, ends, orgId) => {
    const user = zitadel.addUser(`user of globex ${(users += 1)}`, { org: globex });
    zitadel.authorizeUser(user, portal, ['editor'], { org: globex });
    const withoutOwner: typeof fetch = async (...args) => {
      const reply = await fetch(...args);
      const text = await reply.text();
      const bent = text.replaceAll(`"organizationId":"${acme.id}"`, '"organizationId":""');
      return new Response(bent, reply);
    };
    const lib = library(orgId === undefined ? { fetch: withoutOwner } : {});
    const inGlobex = projectRole('editor', { project: project(portal.id), org: org(globex.id) });
    const token = zitadel.tokenFor(user);
    expect(await verdict(lib, token, inGlobex)).toBe('yes');
    zitadel.unauthorizeUser(user, portal, { org: globex });
    await lib.authorizer.evictOrganization(orgId ?? '404');
    expect(await verdict(lib, token, inGlobex)).toBe(ends ? 'project_role_missing' : 'yes');
  });

  it('is not used by a fresh requirement', async () => {
    const lib = library();
    const user = newcomer(acme, 'editor');
    const token = zitadel.tokenFor(user);
    expect(await verdict(lib, token, inAcme)).toBe('yes');
    zitadel.unauthorizeUser(user, portal);
    const on = { project: project(portal.id), org: org(acme.id), fresh: true };
    expect(await verdict(lib, token, projectRole('editor', on))).toBe('project_role_missing');
    // It fills the cache.
    expect(await verdict(lib, token, inAcme)).toBe('project_role_missing');
  });

  it('is asked again for a "no" that may be too old', async () => {
    const lib = library({ cache: { denialMs: 0 } });
    const user = newcomer();
    const token = zitadel.tokenFor(user);
    expect(await verdict(lib, token, inAcme)).toBe('project_role_missing');
    zitadel.authorizeUser(user, portal, ['editor']);
    expect(await verdict(lib, token, inAcme)).toBe('yes');
    const patient = library({ cache: { denialMs: 30_000 } });
    const other = newcomer();
    const its = zitadel.tokenFor(other);
    expect(await verdict(patient, its, inAcme)).toBe('project_role_missing');
    zitadel.authorizeUser(other, portal, ['editor']);
    expect(await verdict(patient, its, inAcme)).toBe('project_role_missing');
  });

  it('is shared between processes', async () => {
    const store = new MemoryStore();
    const cache = { shared: { secret: 'k'.repeat(32) } };
    const user = newcomer(acme, 'editor');
    expect(await verdict(library({ cache }, store), zitadel.tokenFor(user), inAcme)).toBe('yes');
    expect(await verdict(library({ cache }, store), zitadel.tokenFor(user), inAcme)).toBe('yes');
    expect(zitadel.requests('authorizations')).toBe(1);
  });
});

describe('where they cannot be read', () => {
  it.each([500, 503, 429, 'hang', 'refuse', 'html', 'truncated'] as const)(
    'an outage (%s) is no denial',
    async (fault) => {
      const lib = library();
      const token = zitadel.tokenFor(newcomer(acme, 'editor'));
      zitadel.fail('authorizations', fault);
      expect(await impatiently(() => verdict(lib, token, inAcme))).toBe('unavailable');
    },
  );

  it.each<[string, ('ORG_OWNER_VIEWER' | 'ORG_SETTINGS_MANAGER')[], string]>([
    ['a right', [], 'misconfigured'],
    ['this right', ['ORG_SETTINGS_MANAGER'], 'misconfigured'],
    ['nothing', ['ORG_OWNER_VIEWER'], 'yes'],
  ])('the service user lacks %s', async (_what, roles, expected) => {
    users += 1;
    const blind = zitadel.addServiceUser(`blind-${String(users)}`);
    if (roles.length > 0) zitadel.addMember(blind, { org: acme }, roles);
    const lib = library({ serviceUser: pat(zitadel.patFor(blind)) });
    const decision = await decide(lib, zitadel.tokenFor(newcomer(acme, 'editor')), inAcme);
    expect(decision.allowed ? 'yes' : decision.reason).toBe(expected);
    if (!decision.allowed) expect(decision.remedy).toContain('user.grant.read');
    // Nothing is hidden of a user who has nothing.
    const nobody = zitadel.tokenFor(newcomer());
    expect(await verdict(lib, nobody, inAcme)).toBe('project_role_missing');
  });

  it('the server has API v1 alone: that is said', async () => {
    zitadel.serveApis('v1');
    const decision = await decide(library(), zitadel.tokenFor(newcomer(acme, 'editor')), inAcme);
    expect(decision).toMatchObject({
      reason: 'misconfigured',
      remedy: expect.stringContaining('API v2 only') as string,
    });
  });
});

describe('a reply that is not about the question', () => {
  const IDS = ['1', '2', '3'] as const;
  const row = (over: object = {}) => ({
    id: '9',
    project: { id: '2' },
    organization: { id: '3' },
    user: { id: '1', organizationId: '3' },
    state: 'STATE_ACTIVE',
    roles: [{ key: 'editor' }],
    ...over,
  });
  const listOf = (...authorizations: readonly unknown[]) => ({
    pagination: { totalResult: String(authorizations.length), appliedLimit: '100' },
    authorizations,
  });
  let body: unknown;
  beforeEach(() => void (body = listOf()));

  async function ask() {
    const { url } = await scripted((response) => json(response, body));
    const { http } = wayTo({ issuer: url, url });
    const credential = openServiceUser(pat('a'.repeat(80)));
    const token = new ServiceToken(http, createDiscovery(http, url), url, credential);
    return createRoleReader(token)(...IDS);
  }

  it.each<[string, unknown]>([
    ['another user', listOf(row({ user: { id: '7' } }))],
    ['another project', listOf(row({ project: { id: '7' } }))],
    ['another organization', listOf(row({ organization: { id: '7' } }))],
    ['nobody', listOf(row({ user: undefined }))],
    ['no list', {}],
    ['roles that are none', listOf(row({ roles: 'editor' }))],
    ['a role without a key', listOf(row({ roles: [{}] }))],
    ['a role whose key is no text', listOf(row({ roles: [{ key: ['editor'] }] }))],
  ])('is an outage: %s', async (_what, reply) => {
    body = reply;
    expect(await ask()).toMatchObject({ reason: 'unavailable' });
  });

  it.each<[string, unknown, object]>([
    ['nothing', listOf(), { roles: [], home: undefined }],
    ['no roles', listOf(row({ roles: undefined })), { roles: [], home: '3' }],
    ['no state', listOf(row({ state: undefined })), { roles: [], home: '3' }],
    ['an unknown state', listOf(row({ state: 'STATE_NEW' })), { roles: [], home: '3' }],
    ['no home', listOf(row({ user: { id: '1' } })), { roles: ['editor'], home: undefined }],
    [
      'the owner of the project',
      listOf(row({ project: { id: '2', organizationId: '4' } })),
      { roles: ['editor'], home: '3', owner: '4' },
    ],
    [
      'two authorizations',
      listOf(row(), row({ roles: [{ key: 'viewer' }] })),
      { roles: ['editor', 'viewer'], home: '3' },
    ],
  ])('counts for what it says: %s', async (_what, reply, expected) => {
    body = reply;
    expect(await ask()).toEqual(expected);
  });
});
