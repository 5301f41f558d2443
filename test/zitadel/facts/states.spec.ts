import { afterEach, describe, expect, it, vi } from 'vitest';
import { anyOf, permission, role } from '../../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { MemberResource, User } from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import { useStillClock } from '../../support/still-clock.js';
import { useEmulator } from '../../support/world.js';
import { decide, recorder, verdict } from '../parts.js';

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
const grant = zitadel.grantProject(portal, globex, ['reader']);
const reader = zitadel.addServiceUser('reader');
zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
const blind = zitadel.addServiceUser('blind');
zitadel.addMember(blind, { org: globex }, ['ORG_OWNER_VIEWER']);
useStillClock('performance', 'Date');

let users = 0;
function holding(...rows: readonly (readonly [MemberResource, string])[]): User {
  users += 1;
  const user = zitadel.addUser(`user-${String(users)}`, { org: acme });
  for (const [on, held] of rows) zitadel.addMember(user, on, [held]);
  return user;
}

const ownsPortal = role('PROJECT_OWNER', project(portal.id));
const managesGrant = role(
  'PROJECT_GRANT_OWNER',
  projectGrant({ project: portal.id, grantedOrg: globex.id }),
);

/** Each kind of row, and what it may do. */
const ROWS = {
  instance: { row: ['instance', 'IAM_OWNER'], may: ownsPortal },
  org: { row: [{ org: acme }, 'ORG_OWNER'], may: role('ORG_OWNER', org(acme.id)) },
  project: { row: [{ project: portal }, 'PROJECT_OWNER'], may: ownsPortal },
  'granted organization': { row: [{ org: globex }, 'ORG_OWNER'], may: managesGrant },
  projectGrant: { row: [{ projectGrant: grant }, 'PROJECT_GRANT_OWNER'], may: managesGrant },
} as const;
type Row = keyof typeof ROWS;

const SWITCHES = {
  acme: [() => zitadel.deactivateOrg(acme), () => zitadel.reactivateOrg(acme)],
  globex: [() => zitadel.deactivateOrg(globex), () => zitadel.reactivateOrg(globex)],
  portal: [() => zitadel.deactivateProject(portal), () => zitadel.reactivateProject(portal)],
  grant: [() => zitadel.deactivateGrant(grant), () => zitadel.reactivateGrant(grant)],
} as const;
type Switch = keyof typeof SWITCHES;

const off = new Set<Switch>();
function deactivate(what: Switch): void {
  SWITCHES[what][0]();
  off.add(what);
}
function reactivateAll(): void {
  for (const what of off) SWITCHES[what][1]();
  off.clear();
}
afterEach(reactivateAll);

function library(more: Partial<ZitadelOptions> = {}): Zitadel {
  return createZitadel(
    zitadel.options({
      logger: recorder(),
      serviceUser: pat(zitadel.patFor(reader)),
      memberships: { as: 'caller', inactive: 'deny' },
      ...more,
    }),
  );
}

const STATES = ['org', 'orgV2', 'project', 'projectV2', 'getGrant', 'listGrantsV2'] as const;
const asked = () => STATES.flatMap((name) => Array<string>(zitadel.requests(name)).fill(name));

/** What each row rests on. */
const REST_ON: Readonly<Record<Row, readonly Switch[]>> = {
  instance: [],
  org: ['acme'],
  project: ['portal', 'acme'],
  'granted organization': ['globex'],
  projectGrant: ['grant', 'portal', 'acme', 'globex'],
};

describe.each(['v1', 'v2'] as const)('what is deactivated, by API %s', (api) => {
  const serve = () => {
    zitadel.serveApis(api);
  };

  const asZitadel = library({ memberships: { as: 'caller', inactive: 'asZitadel' } });
  const cases = (Object.keys(ROWS) as Row[]).flatMap((row) =>
    (Object.keys(SWITCHES) as Switch[]).map((what) => ({ row, what })),
  );
  it.each(cases)('$row, without $what', async ({ row, what }) => {
    serve();
    deactivate(what);
    const { row: held, may } = ROWS[row];
    const token = zitadel.tokenFor(holding(held));
    const no = REST_ON[row].includes(what);
    expect(await verdict(library(), token, may)).toBe(no ? 'role_missing' : 'yes');
    if (no) expect(await verdict(asZitadel, token, may)).toBe('yes');
  });

  it('is asked for once, for all callers and their tokens', async () => {
    serve();
    const lib = library();
    const ask = (row: Row) => verdict(lib, zitadel.tokenFor(holding(ROWS[row].row)), ROWS[row].may);
    const all = await Promise.all([ask('projectGrant'), ask('projectGrant'), ask('projectGrant')]);
    expect([...all, await ask('project'), await ask('org')]).toEqual(Array(5).fill('yes'));
    const expected = {
      v1: ['org', 'org', 'project', 'getGrant'],
      v2: ['orgV2', 'orgV2', 'projectV2', 'listGrantsV2'],
    };
    expect(asked()).toEqual(expected[api]);
  });

  it.each(STATES)('is not known while ZITADEL does not tell it: %s', async (endpoint) => {
    serve();
    const { row, may } = ROWS.projectGrant;
    const token = zitadel.tokenFor(holding(row));
    zitadel.fail(endpoint, { status: 503 });
    const isOfApi = ['org', 'project', 'getGrant'].includes(endpoint) === (api === 'v1');
    expect(await verdict(library(), token, may)).toBe(isOfApi ? 'unavailable' : 'yes');
  });

  it.each([
    ['another state', '$1_ANOTHER"'],
    ['none, as of a removed organization', 'null'],
  ])('never counts as active with %s', async (_, instead) => {
    serve();
    const lib = library({
      fetch: async (url, init) => {
        const reply = await globalThis.fetch(url, init);
        const text = (await reply.text()).replace(/("\w*_STATE)_ACTIVE"/g, instead);
        return new Response(text, reply);
      },
    });
    const token = zitadel.tokenFor(holding(ROWS.org.row));
    expect(await verdict(lib, token, ROWS.org.may)).toBe('unavailable');
  });

  it.each(['org', 'project', 'projectGrant'] as const)(
    'is misconfigured if the service user does not see the state of a row: %s',
    async (row) => {
      serve();
      const token = zitadel.tokenFor(holding(ROWS[row].row));
      const lib = library({ serviceUser: pat(zitadel.patFor(blind)) });
      const decision = await decide(lib, token, ROWS[row].may);
      expect(decision).toMatchObject({ allowed: false, reason: 'misconfigured' });
      const { remedy } = decision as { readonly remedy?: string };
      expect(remedy).toContain("memberships.inactive: 'deny'");
    },
  );
});

describe('what is remembered of states', () => {
  it('is not asked for again, nor on the warm path', async () => {
    const lib = library();
    const token = zitadel.tokenFor(holding(ROWS.project.row));
    expect(await verdict(lib, token, ownsPortal)).toBe('yes');
    zitadel.resetRequests();
    const request = { headers: { authorization: `Bearer ${token}` } };
    const compiled = lib.decisions.prepare(ownsPortal);
    const first = lib.decisions.authorize(request, compiled);
    expect(first).toMatchObject({ allowed: true });
    expect(lib.decisions.authorize(request, compiled)).toBe(first);
    expect(zitadel.requests()).toBe(0);
  });

  it.each(['the TTL', 'an eviction of the organization', 'an eviction of everyone'])(
    'ends with %s, also under a remembered yes',
    async (end) => {
      const lib = library({ cache: { ttlMs: 60_000 } });
      const token = zitadel.tokenFor(holding(ROWS.project.row));
      const request = { headers: { authorization: `Bearer ${token}` } };
      const compiled = lib.decisions.prepare(ownsPortal);
      const isAllowed = async () => (await lib.decisions.authorize(request, compiled)).allowed;
      expect([await isAllowed(), await isAllowed()]).toEqual([true, true]);
      deactivate('acme');
      expect(await isAllowed()).toBe(true);
      if (end === 'the TTL') vi.advanceTimersByTime(60_000);
      else if (end === 'an eviction of everyone') await lib.authorizer.evictAll();
      else await lib.authorizer.evictOrganization(acme.id);
      expect(await isAllowed()).toBe(false);
    },
  );

  it('ends before the memberships do, under a remembered yes', async () => {
    const lib = library({ cache: { ttlMs: 60_000 } });
    const first = zitadel.tokenFor(holding(ROWS.project.row));
    expect(await verdict(lib, first, ownsPortal)).toBe('yes');
    vi.advanceTimersByTime(40_000);
    const token = zitadel.tokenFor(holding(ROWS.project.row));
    const request = { headers: { authorization: `Bearer ${token}` } };
    const compiled = lib.decisions.prepare(ownsPortal);
    const isAllowed = async () => (await lib.decisions.authorize(request, compiled)).allowed;
    expect([await isAllowed(), await isAllowed()]).toEqual([true, true]);
    deactivate('portal');
    vi.advanceTimersByTime(20_000);
    expect(await isAllowed()).toBe(false);
  });

  it('denies no longer than cache.denialMs after it is active again', async () => {
    const lib = library();
    deactivate('portal');
    const token = zitadel.tokenFor(holding(ROWS.project.row));
    expect(await verdict(lib, token, ownsPortal)).toBe('role_missing');
    reactivateAll();
    expect(await verdict(lib, token, ownsPortal)).toBe('role_missing');
    vi.advanceTimersByTime(2_001);
    expect(await verdict(lib, token, ownsPortal)).toBe('yes');
  });

  it('does not come back from a question that an eviction has overtaken', async () => {
    const token = zitadel.tokenFor(holding(ROWS.project.row));
    let overtakes = true;
    const slow = library({
      fetch: async (url, init) => {
        const reply = await globalThis.fetch(url, init);
        if (!url.includes('/projects/') || !overtakes) return reply;
        overtakes = false;
        await slow.authorizer.evictOrganization(acme.id);
        deactivate('portal');
        return reply;
      },
    });
    expect(await verdict(slow, token, ownsPortal)).toBe('yes');
    expect(await verdict(slow, token, ownsPortal)).toBe('role_missing');
  });
});

describe('another row', () => {
  it.each<[string, ...[MemberResource, string][]]>([
    ['the instance', ['instance', 'IAM_OWNER'], [{ project: portal }, 'PROJECT_OWNER']],
    ['the organization', [{ project: portal }, 'PROJECT_OWNER'], [{ org: acme }, 'ORG_OWNER']],
  ])('carries it where one is inactive: %s', async (_, ...rows) => {
    deactivate('portal');
    const decision = await decide(library(), zitadel.tokenFor(holding(...rows)), ownsPortal);
    expect(decision).toMatchObject({ allowed: true });
    const { by } = decision as { readonly by?: { readonly kind: string } };
    expect(by?.kind).not.toBe('project');
  });

  it('may stand in another part of the requirement, and is not kept up by an outage', async () => {
    zitadel.fail('project', { status: 503 });
    const token = zitadel.tokenFor(holding(ROWS.project.row, ROWS['granted organization'].row));
    const either = anyOf(ownsPortal, role('ORG_OWNER', org(globex.id)));
    expect(await verdict(library(), token, either)).toBe('yes');
  });
});

describe('permissions', () => {
  const reads = permission('project.read', project(portal.id).in(org(acme.id)));
  it.each<[string, Switch, string, ...[MemberResource, string][]]>([
    ['the instance', 'acme', 'yes', ['instance', 'IAM_OWNER']],
    ['the organization', 'portal', 'yes', [{ org: acme }, 'ORG_OWNER']],
    ['the organization', 'acme', 'permission_missing', [{ org: acme }, 'ORG_OWNER']],
    ['the project', 'portal', 'permission_missing', [{ project: portal }, 'PROJECT_OWNER']],
    ['the project', 'acme', 'permission_missing', [{ project: portal }, 'PROJECT_OWNER']],
    ['the project', 'globex', 'yes', [{ project: portal }, 'PROJECT_OWNER']],
    [
      'the instance and the organization',
      'acme',
      'permission_missing',
      ['instance', 'IAM_OWNER'],
      [{ org: acme }, 'ORG_OWNER'],
    ],
  ])('by a row of %s, without %s: %s', async (_, what, expected, ...rows) => {
    deactivate(what);
    expect(await verdict(library(), zitadel.tokenFor(holding(...rows)), reads)).toBe(expected);
  });

  const onGrant = projectGrant({ project: portal.id, grantedOrg: globex.id });
  it.each<[Switch | undefined, string]>([
    [undefined, 'yes'],
    ['grant', 'permission_missing'],
    ['globex', 'permission_missing'],
    ['portal', 'permission_missing'],
  ])('by a row of a grant, without %s: %s', async (what, expected) => {
    if (what) deactivate(what);
    const token = zitadel.tokenFor(holding(ROWS.projectGrant.row));
    for (const on of [onGrant, projectGrant(grant.id)]) {
      const may = permission('project.grant.read', on);
      expect(await verdict(library(), token, may)).toBe(expected);
    }
  });
});
