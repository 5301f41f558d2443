import { describe, expect, it } from 'vitest';
import { role } from '../../../lib/core/requirement/builders.js';
import { ANY_AGE } from '../../../lib/core/validity.js';
import { projectGrant } from '../../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { Project, User } from '../../../lib/testing/index.js';
import { openServiceUser, pat } from '../../../lib/zitadel/credentials.js';
import { Lookups } from '../../../lib/zitadel/facts/lookups.js';
import { ApiGeneration, type Generation } from '../../../lib/zitadel/generation.js';
import { ServiceToken } from '../../../lib/zitadel/service-user.js';
import { recorder, verdict, wayTo } from '../parts.js';
import { useStillClock } from '../../support/still-clock.js';
import { useEmulator } from '../../support/world.js';

const zitadel = await useEmulator({ apis: 'v2' });
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
const secret = zitadel.addProject('secret', { org: acme });
const grant = zitadel.grantProject(portal, globex, ['reader']);
/** ORG_OWNER of acme, which owns the projects; of globex, to which one is granted; and a reader of the instance. */
const alice = zitadel.addUser('alice', { org: acme });
zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
const gina = zitadel.addUser('gina', { org: globex });
zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
const viewer = zitadel.addServiceUser('viewer');
zitadel.addMember(viewer, 'instance', ['IAM_OWNER_VIEWER']);
useStillClock('performance');

const between = (of: string, to: string) =>
  role('PROJECT_GRANT_OWNER', projectGrant({ project: of, grantedOrg: to }));
function libraryOf(more: Partial<ZitadelOptions> = {}): Zitadel {
  return createZitadel(zitadel.options({ logger: recorder(), api: 'v2', ...more }));
}

/** The facts alone, in a caller's or the reader's name. */
function lookupsOf(as: 'caller' | 'reader', setting: 'auto' | Generation = 'v2'): Lookups {
  const { http, discover } = wayTo(zitadel);
  const credential = openServiceUser(pat(zitadel.patFor(viewer)));
  return new Lookups({
    http,
    serviceToken:
      as === 'reader' ? new ServiceToken(http, discover, zitadel.issuer, credential) : undefined,
    generation: new ApiGeneration('project grants', setting, recorder()),
    knowsRowsByEnds: as === 'reader',
    projectOwner: undefined,
    idPattern: /^[0-9]{1,200}$/,
    ttlMs: 30_000,
  });
}
const asking = (user: User) => ({
  userId: user.id,
  token: zitadel.tokenFor(user),
  notBefore: ANY_AGE,
  toll: {
    pay: () => undefined,
    giveBack: () => undefined,
    keep: () => undefined,
    isSpent: () => false,
  },
});

describe('the owner of a project, by API v2', () => {
  it('is asked for under the caller’s own organization where none is known', async () => {
    const need = { fact: 'owner', projectId: portal.id, orgIds: [] } as const;
    for (const [api, endpoint] of [
      ['v2', 'projectV2'],
      ['v1', 'project'],
    ] as const) {
      zitadel.serveApis(api);
      const facts = await lookupsOf('caller', api).ask([need], asking(alice));
      expect('ownerOf' in facts && facts.ownerOf(portal.id)).toBe(acme.id);
      expect(zitadel.requests(endpoint)).toBe(1);
      expect(zitadel.requestLog(endpoint)[0]?.headers).not.toHaveProperty('x-zitadel-orgid');
    }
  });

  it('is asked for under the own organization first where there are too many to ask them all', async () => {
    const orgIds = Array.from({ length: 150 }, (_, at) => String(900_000 + at));
    const need = { fact: 'owner', projectId: portal.id, orgIds } as const;
    const facts = await lookupsOf('caller').ask([need], asking(alice));
    expect('ownerOf' in facts && facts.ownerOf(portal.id)).toBe(acme.id);
    expect(zitadel.requests('projectV2')).toBeLessThanOrEqual(4);
  });
});

describe('a project grant, by API v2', () => {
  it('is asked for by its ends', async () => {
    await verdict(libraryOf(), zitadel.tokenFor(gina), between(portal.id, globex.id));
    const filters = [
      { inProjectIdsFilter: { ids: [portal.id] } },
      { grantedOrganizationIdFilter: { id: globex.id } },
    ];
    const pagination = { offset: '0', limit: 1000, asc: true };
    const [request] = zitadel.requestLog('listGrantsV2');
    expect(JSON.parse(request?.body ?? '')).toEqual({ pagination, filters });
  });

  it('has no id among the facts', async () => {
    const [projectId, grantedOrgId] = [portal.id, globex.id];
    const need = { fact: 'grantBetween', projectId, grantedOrgId } as const;
    for (const as of ['caller', 'reader'] as const) {
      const facts = await lookupsOf(as).ask([need], asking(gina));
      const found = 'grantBetween' in facts && facts.grantBetween(projectId, grantedOrgId);
      expect(found).toEqual({ projectId, grantedOrgId });
    }
  });

  it('by its id is no "no" where rows may be missing that v2 finds by its ends alone', async () => {
    zitadel.serveApis('both');
    const need = { fact: 'grant', grantId: '404', orgIds: [] } as const;
    const lookups = lookupsOf('reader', 'v1');
    expect(await lookups.ask([{ ...need, cut: true }], asking(alice))).toMatchObject({
      reason: 'misconfigured',
      remedy: 'name the grant by projectGrant({ project, grantedOrg })',
    });
    const whole = await lookups.ask([need], asking(alice));
    expect('grantOf' in whole && whole.grantOf('404')).toBeNull();
    const own = await lookupsOf('caller', 'v1').ask([{ ...need, cut: true }], asking(alice));
    expect('grantOf' in own && own.grantOf('404')).toBeNull();
  });

  it.each(['v2', 'auto'] as const)(
    'by its id is not known where v1 is not served (%s), which is said with what to write instead',
    async (setting) => {
      const need = { fact: 'grant', grantId: grant.id, orgIds: [globex.id] } as const;
      expect(await lookupsOf('caller', setting).ask([need], asking(gina))).toMatchObject({
        reason: 'misconfigured',
        remedy: expect.stringContaining('projectGrant({ project, grantedOrg })') as string,
      });
    },
  );

  it('that the service user may not see is a right that it lacks, and no "there is none"', async () => {
    const body = { pagination: { totalResult: '1', appliedLimit: '1000' } };
    zitadel.fail('listGrantsV2', { status: 200, body });
    const [projectId, grantedOrgId] = [portal.id, globex.id];
    const need = { fact: 'grantBetween', projectId, grantedOrgId } as const;
    expect(await lookupsOf('reader').ask([need], asking(gina))).toMatchObject({
      reason: 'misconfigured',
      remedy: expect.stringContaining('IAM_OWNER_VIEWER') as string,
    });
  });

  it('that the caller may not see, and ZITADEL counts, is no "there is none" either', async () => {
    const body = { pagination: { totalResult: '1', appliedLimit: '1000' } };
    zitadel.fail('listGrantsV2', { status: 200, body });
    const [projectId, grantedOrgId] = [portal.id, globex.id];
    const need = { fact: 'grantBetween', projectId, grantedOrgId } as const;
    expect(await lookupsOf('caller').ask([need], asking(gina))).toMatchObject({
      reason: 'unavailable',
    });
  });

  it.each<[string, unknown]>([
    ['a list', []],
    ['nothing', {}],
    ['a list without a page', { projectGrants: [] }],
    ['rows that are no list', { pagination: {}, projectGrants: {} }],
    ['rows that are none', { pagination: {}, projectGrants: [{}] }],
    [
      'another grant',
      { pagination: {}, projectGrants: [{ projectId: '1', grantedOrganizationId: '2' }] },
    ],
  ])('that is told as %s is an outage', async (_what, body) => {
    zitadel.fail('listGrantsV2', { status: 200, body });
    const ask = verdict(libraryOf(), zitadel.tokenFor(gina), between(portal.id, globex.id));
    expect(await ask).toBe('unavailable');
  });
});

describe('facts of a server that is upgraded', () => {
  it('are asked for by the other API from then on', async () => {
    zitadel.serveApis('v1');
    const lookups = lookupsOf('caller', 'auto');
    const ask = async (of: Project) => {
      const need = { fact: 'owner', projectId: of.id, orgIds: [acme.id] } as const;
      const facts = await lookups.ask([need], asking(alice));
      return 'ownerOf' in facts && facts.ownerOf(of.id);
    };
    expect(await ask(portal)).toBe(acme.id);
    zitadel.serveApis('v2');
    expect(await ask(secret)).toBe(acme.id);
    expect([zitadel.requests('project'), zitadel.requests('projectV2')]).toEqual([1, 1]);
  });
});
