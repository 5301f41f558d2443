import { describe, expect, it } from 'vitest';
import type { Authorizer } from '../../lib/core/authorizer.js';
import { indexOf, type MembershipIndex } from '../../lib/core/caller.js';
import {
  allOf,
  anyOf,
  authenticated,
  permission,
  role,
  projectRole,
} from '../../lib/core/requirement/builders.js';
import { org } from '../../lib/core/requirement/refs.js';
import type { RoleName } from '../../lib/core/requirement/role-args.js';
import type { HierarchyTable } from '../../lib/core/requirement/roles.js';
import {
  type ResourceLookup,
  ZitadelAuthorizer,
  ZitadelNotAllowedError,
} from '../../lib/core/zitadel-authorizer.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { ZitadelUnavailableError } from '../../lib/zitadel/refusals.js';
import type { Target } from '../evidence/oracle.js';
import { seededRandom } from '../evidence/seeded-random.js';
import { decide, recorder } from '../zitadel/parts.js';
import { ALL_FACTS, decideOnce, membershipOf, prepared } from './decide/deciding.js';
import { requirementOf } from './decide/requirements.js';
import { GRANTS, IDS, OWNERS, ROLES, ROWS, TABLES } from './decide/worlds.js';
import { useEmulator } from '../support/world.js';

/** Questions about somebody of whom exactly these memberships are known. */
function questionsOver(index: MembershipIndex, hierarchy: HierarchyTable): ZitadelAuthorizer {
  const knownFor = () => Promise.resolve({ index });
  return new ZitadelAuthorizer(
    { knownFor, hierarchyOf: () => hierarchy } as unknown as Authorizer,
    (denied) => new ZitadelNotAllowedError(denied),
  );
}

const ANY = Object.values(ROLES).flat();

describe('lookupResources', () => {
  const at = (id: string) => ({ literal: id });
  const TARGET = {
    org: (id: string): Target => ({ on: 'org', id: at(id) }),
    project: (id: string): Target => ({ on: 'project', id: at(id) }),
    grant: (id: string): Target => ({ on: 'grant', id: at(id) }),
  };

  /** Whether a resource is among what was named, by itself or by its organization. */
  function isNamed(found: ResourceLookup, kind: keyof typeof TARGET, id: string): boolean {
    if (found.everywhere) return true;
    const { organizations, projects, projectGrants } = found;
    switch (kind) {
      case 'org':
        return organizations.includes(id);
      case 'project':
        return projects.includes(id) || organizations.includes(OWNERS.get(id) ?? '');
      case 'grant':
        return (
          projectGrants.includes(id) || organizations.includes(GRANTS.get(id)?.grantedOrg ?? '')
        );
    }
  }

  it('names exactly what decisions allow, by whatever hierarchy', async () => {
    const random = seededRandom(8, 0);
    const wrong: string[] = [];
    let named = 0;
    for (let turn = 0; turn < 1_500; turn += 1) {
      const table: Record<string, string[]> = {};
      for (let edges = 2 + random.below(6); edges > 0; edges -= 1) {
        (table[random.pick(ANY)] ??= []).push(random.pick(ANY));
      }
      const hierarchy = turn % 3 === 0 ? random.pick(Object.values(TABLES)) : table;
      const rows = Array.from({ length: 1 + random.below(5) }, () => random.pick(ROWS));
      const index = indexOf(rows.map((row) => membershipOf(row, 'all')));
      const kind = random.pick(['org', 'project', 'grant'] as const);
      const roles = [random.pick(ROLES[kind]), random.pick(ROLES[kind])];
      const questions = questionsOver(index, hierarchy);
      const found = await questions.lookupResources('alice', roles as [RoleName]);
      for (const id of IDS) {
        const demand = { roles, target: TARGET[kind](id) };
        const compiled = prepared(requirementOf(demand), { hierarchy });
        const allowed = decideOnce(compiled, index, ALL_FACTS).verdict === 'yes';
        const says = isNamed(found, kind, id);
        named += Number(says);
        if (says !== allowed) wrong.push(JSON.stringify({ hierarchy, rows, roles, id, says }));
      }
      // Where the roles cannot be held, nothing is named.
      if (found.everywhere) continue;
      const { projects, projectGrants } = found;
      const elsewhere = [
        ...(kind === 'project' ? [] : projects),
        ...(kind === 'grant' ? [] : projectGrants),
      ];
      if (elsewhere.length > 0) wrong.push(JSON.stringify({ hierarchy, rows, roles, elsewhere }));
    }
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(named).toBeGreaterThan(500);
  });

  it('names no project for a role of its grants, whatever a table says', async () => {
    const row = membershipOf({ kind: 'project', id: '1', roles: ['PROJECT_OWNER'] }, 'all');
    const questions = questionsOver(indexOf([row]), { PROJECT_OWNER: ['PROJECT_GRANT_OWNER'] });
    expect(await questions.lookupResources('alice', 'PROJECT_GRANT_OWNER')).toEqual({
      everywhere: false,
      organizations: [],
      projects: [],
      projectGrants: [],
    });
    expect(await questions.lookupResources('alice', 'PROJECT_OWNER')).toMatchObject({
      projects: ['1'],
    });
  });
});

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const alice = zitadel.addUser('alice');
zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
const reader = zitadel.addServiceUser('reader');
zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);

describe('explain', () => {
  const many = (fresh: boolean) =>
    allOf(
      authenticated(),
      anyOf(role('IAM_OWNER', { fresh }), role('ORG_OWNER', acme.id, { fresh })),
      allOf(role('ORG_OWNER_VIEWER', acme.id), role('ORG_USER_MANAGER', acme.id)),
    );

  it.each([
    ['by a fresh question', true, 30_000],
    ['where nothing is remembered', false, 0],
  ])('tells nobody, and asks once for all parts, %s', async (_how, fresh, ttlMs) => {
    const library = createZitadel(zitadel.options({ logger: recorder(), cache: { ttlMs } }));
    const decision = await decide(library, zitadel.tokenFor(alice), authenticated());
    if (!decision.caller) throw new Error('no caller');
    let heard = 0;
    library.authorizer.onDecision(() => (heard += 1));
    zitadel.resetRequests();
    const explained = await library.authorizer.explain(decision.caller, many(fresh));
    expect(explained).toMatchObject({
      allowed: true,
      parts: [
        { allowed: true },
        { allowed: true, parts: [{ reason: 'role_missing' }, { by: { id: acme.id } }] },
        { allowed: true, parts: [{ allowed: true }, { allowed: true }] },
      ],
    });
    expect(zitadel.requests('memberships')).toBe(1);
    expect(heard).toBe(0);
  });

  it('that cannot be answered, and a look-up that cannot, tell nobody either', async () => {
    const library = createZitadel(zitadel.options({ logger: recorder(), cache: { ttlMs: 0 } }));
    const { caller } = await decide(library, zitadel.tokenFor(alice), authenticated());
    if (!caller) throw new Error('no caller');
    let heard = 0;
    library.authorizer.onDecision(() => (heard += 1));
    zitadel.fail('memberships', 500);
    const { authorizer } = library;
    for (const asked of [
      () => authorizer.explain(caller, many(false)),
      () => authorizer.lookupResources(caller, 'ORG_OWNER'),
    ]) {
      await expect(asked()).rejects.toThrow(ZitadelUnavailableError);
    }
    zitadel.heal();
    expect(heard).toBe(0);
  });

  it('of a bare user id asks once for all parts too', async () => {
    const library = createZitadel(
      zitadel.options({
        logger: recorder(),
        cache: { ttlMs: 0 },
        serviceUser: pat(zitadel.patFor(reader)),
        memberships: { as: 'serviceUser', organizations: [acme.id] },
      }),
    );
    let heard = 0;
    library.authorizer.onDecision(() => (heard += 1));
    expect(await library.authorizer.explain(alice.id, many(false))).toMatchObject({
      allowed: true,
    });
    expect(zitadel.requests('userMemberships')).toBe(1);
    expect(heard).toBe(0);
  });
});

describe('a bare user id', () => {
  it('is asked for nothing that only a token says', async () => {
    const { authorizer } = createZitadel(
      zitadel.options({
        logger: recorder(),
        serviceUser: pat(zitadel.patFor(reader)),
        memberships: { as: 'serviceUser' },
        projectId: zitadel.defaultProject.id,
      }),
    );
    for (const requirement of [
      projectRole('editor', { org: acme.id }),
      authenticated({ organizations: [acme.id] }),
      permission('org.read', org(acme.id)),
      allOf(role('ORG_OWNER', org(acme.id)), projectRole('editor', { org: acme.id })),
    ]) {
      await expect(authorizer.can(alice.id, requirement)).rejects.toThrow(
        'not with a bare user id',
      );
    }
    expect(await authorizer.can(alice.id, role('ORG_OWNER', org(acme.id)))).toBe(true);
  });
});

describe('authorize, for doors of the application’s own', () => {
  const acme = zitadel.addOrg('acme of a door');
  const owner = zitadel.addUser('owner of a door');
  zitadel.addMember(owner, { org: acme }, ['ORG_OWNER']);
  const ofArg = role('ORG_OWNER', org.arg('orgId'));
  const bearer = (user: typeof owner) => ({ authorization: `Bearer ${zitadel.tokenFor(user)}` });

  it('decides by what a call shows, at once where the caller is remembered, and listeners hear of it', async () => {
    const { authorizer } = createZitadel(zitadel.options({ logger: recorder() }));
    const told: boolean[] = [];
    authorizer.onDecision(({ decision }) => void told.push(decision.allowed));
    const request = { headers: bearer(owner), args: { orgId: acme.id } };
    const first = await authorizer.authorize(request, ofArg);
    expect(first).toMatchObject({
      allowed: true,
      caller: { userId: owner.id },
      checked: [{ kind: 'org', id: acme.id, name: 'orgId' }],
    });
    expect(authorizer.authorize(request, ofArg)).toEqual(first);
    const elsewhere = { ...request, args: { orgId: '7' } };
    expect(await authorizer.authorize(elsewhere, ofArg)).toMatchObject({
      reason: 'role_missing',
    });
    expect(await authorizer.authorize({ headers: {} }, ofArg)).toMatchObject({
      allowed: false,
      reason: 'token_missing',
    });
    expect(told).toEqual([true, true, false, false]);
  });

  it('lets impersonated callers in only where the call says so', async () => {
    const reader = zitadel.addServiceUser('reader of a door');
    zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    const { authorizer } = createZitadel(
      zitadel.options({
        logger: recorder(),
        memberships: { as: 'serviceUser' },
        serviceUser: pat(zitadel.patFor(reader)),
        allowImpersonation: 'perRoute',
      }),
    );
    const token = zitadel.impersonationTokenFor(owner, reader);
    const request = { headers: { authorization: `Bearer ${token}` }, args: { orgId: acme.id } };
    for (const allowImpersonation of [true, false, true, false]) {
      const decision = await authorizer.authorize(request, ofArg, { allowImpersonation });
      expect(decision.allowed ? decision.caller.actor : decision.reason).toBe(
        allowImpersonation ? reader.id : 'impersonated',
      );
    }
    expect(await authorizer.authorize(request, ofArg)).toMatchObject({
      reason: 'impersonated',
    });
  });

  class Tenant {
    readId(): string {
      return acme.id;
    }
  }

  it.each<[string, unknown, unknown, RegExp]>([
    ['no request', undefined, ofArg, /request: .*headers/],
    ['no headers', {}, ofArg, /request: .*headers/],
    ['Headers of the web', { headers: new Headers() }, ofArg, /Object\.fromEntries\(headers\)/],
    ['no requirement', { headers: {} }, { type: 'any' }, /takes requirements/],
    ['an id from a class', { headers: {} }, role('ORG_OWNER', org.from(Tenant)), /a function here/],
  ])('refuses %s as a mistake', (_what, request, requirement, message) => {
    const { authorizer } = createZitadel(zitadel.options({ logger: recorder() }));
    expect(() => authorizer.authorize(request as never, requirement as never)).toThrow(message);
  });
});
