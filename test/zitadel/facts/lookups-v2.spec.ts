import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { role } from '../../../lib/core/requirement/builders.js';
import { ANEW, ANY_AGE } from '../../../lib/core/requirement/fresh.js';
import { project, projectGrant } from '../../../lib/core/requirement/refs.js';
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

const UNKNOWN = '404404404404404404';
const SERVICE = '/zitadel.project.v2.ProjectService/';

/** ORG_OWNER of acme, which owns the projects; of globex, to which one is granted; nobody; and a reader of the instance. */

const zitadel = await useEmulator({ apis: 'v2' });
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const portal = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
const secret = zitadel.addProject('secret', { org: acme });
const grant = zitadel.grantProject(portal, globex, ['reader']);
const alice = zitadel.addUser('alice', { org: acme });
zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
const gina = zitadel.addUser('gina', { org: globex });
zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
const nobody = zitadel.addUser('nobody', { org: acme });
const viewer = zitadel.addServiceUser('viewer');
zitadel.addMember(viewer, 'instance', ['IAM_OWNER_VIEWER']);
useStillClock('performance');

const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';
const tokenOf = (user: User | undefined) => zitadel.tokenFor(user as User);
const owns = (of: string) => role('PROJECT_OWNER', project(of));
const between = (of: string, to: string) =>
  role('PROJECT_GRANT_OWNER', projectGrant({ project: of, grantedOrg: to }));
const asked = (endpoint: 'projectV2' | 'listGrantsV2') =>
  zitadel
    .requestLog(endpoint)
    .map(({ body, headers }) => [JSON.parse(body) as unknown, headers['x-zitadel-orgid']]);

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
const asking = (user: User | undefined, fresh = false) => ({
  userId: idOf(user),
  token: tokenOf(user),
  notBefore: fresh ? ANEW : ANY_AGE,
  toll: {
    pay: () => undefined,
    giveBack: () => undefined,
    keep: () => undefined,
    isSpent: () => false,
  },
});

describe('the owner of a project, by API v2', () => {
  it('is told by ZITADEL, once for all callers and for long', async () => {
    const library = libraryOf();
    expect(await verdict(library, zitadel.tokenFor(alice), owns(portal.id))).toBe('yes');
    expect(await verdict(library, zitadel.tokenFor(alice), owns(portal.id))).toBe('yes');
    expect(await verdict(library, zitadel.tokenFor(gina), owns(portal.id))).toBe('role_missing');
    vi.advanceTimersByTime(3_600_000);
    expect(await verdict(library, zitadel.tokenFor(alice), owns(portal.id))).toBe('yes');
    expect(asked('projectV2')).toEqual([[{ projectId: portal.id }, acme.id]]);
    expect(zitadel.requestLog('projectV2')[0]).toMatchObject({
      method: 'POST',
      path: `${SERVICE}GetProject`,
    });
  });

  it('is not asked for by somebody whom no answer could help', async () => {
    expect(await verdict(libraryOf(), zitadel.tokenFor(nobody), owns(portal.id))).toBe(
      'role_missing',
    );
    expect(zitadel.requests('projectV2')).toBe(0);
  });

  it('is no oracle: an unknown project and another organization’s are answered alike', async () => {
    const answers = [];
    for (const id of [UNKNOWN, portal.id, secret.id]) {
      zitadel.resetRequests();
      const headers = { authorization: `Bearer ${zitadel.tokenFor(gina)}` };
      const { decisions } = libraryOf();
      const decision = await decisions.authorize({ headers }, decisions.prepare(owns(id)));
      if (decision.allowed) throw new Error('allowed');
      const { reason, detail, remedy, description } = decision;
      answers.push({
        reason,
        detail,
        remedy,
        description,
        requests: zitadel.requests('projectV2'),
      });
    }
    expect(answers[0]).toMatchObject({ reason: 'role_missing', requests: 1 });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

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

  it.each([
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
  ] as const)('whose question fails (%s) is an outage, never a no', async (fault) => {
    vi.useRealTimers();
    zitadel.fail('projectV2', fault);
    const library = libraryOf({ timeoutMs: 300, budgetMs: 800 });
    expect(await verdict(library, zitadel.tokenFor(alice), owns(portal.id))).toBe('unavailable');
  });

  it.each<[string, unknown]>([
    ['another project', { project: { projectId: '1', organizationId: '1' } }],
    ['a project without an owner', 'NO OWNER'],
    ['nothing', {}],
    ['a list', { project: [] }],
  ])('that is told of %s is an outage', async (_what, answer) => {
    const body = answer === 'NO OWNER' ? { project: { projectId: portal.id } } : answer;
    zitadel.fail('projectV2', { status: 200, body });
    expect(await verdict(libraryOf(), zitadel.tokenFor(alice), owns(portal.id))).toBe(
      'unavailable',
    );
  });
});

describe('a project grant, by API v2', () => {
  it('is found by project and granted organization, under that one', async () => {
    const library = libraryOf();
    const [p, g] = [portal.id, globex.id];
    expect(await verdict(library, zitadel.tokenFor(gina), between(p, g))).toBe('yes');
    expect(await verdict(library, zitadel.tokenFor(gina), between(secret.id, g))).toBe(
      'role_missing',
    );
    expect(await verdict(library, zitadel.tokenFor(alice), between(p, g))).toBe('role_missing');
    const filters = [
      { inProjectIdsFilter: { ids: [p] } },
      { grantedOrganizationIdFilter: { id: g } },
    ];
    const pagination = { offset: '0', limit: 1000, asc: true };
    expect(asked('listGrantsV2')[0]).toEqual([{ pagination, filters }, g]);
  });

  it('is remembered for the TTL: it can be removed', async () => {
    const other = zitadel.addProject('to be removed', { org: acme, roles: ['reader'] });
    const brief = zitadel.grantProject(other, globex, ['reader']);
    const library = libraryOf();
    const ask = () => verdict(library, zitadel.tokenFor(gina), between(other.id, globex.id));
    expect(await ask()).toBe('yes');
    zitadel.removeGrant(brief);
    expect(await ask()).toBe('yes');
    vi.advanceTimersByTime(30_000);
    expect(await ask()).toBe('role_missing');
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
    onTestFinished(() => zitadel.serveApis('v2'));
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

  it('of a member of it counts by the row alone', async () => {
    const carol = zitadel.addUser('carol', { org: globex });
    zitadel.addMember(carol, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
    const library = libraryOf();
    expect(await verdict(library, tokenOf(carol), between(portal.id, globex.id))).toBe('yes');
    const byId = role('PROJECT_GRANT_OWNER', projectGrant(grant.id));
    expect(await verdict(library, tokenOf(carol), byId)).toBe('yes');
    expect(zitadel.requests('listGrantsV2')).toBe(0);
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
    const ask = async (of: Project | undefined) => {
      const need = { fact: 'owner', projectId: idOf(of), orgIds: [acme.id] } as const;
      const facts = await lookups.ask([need], asking(alice));
      return 'ownerOf' in facts && facts.ownerOf(idOf(of));
    };
    expect(await ask(portal)).toBe(acme.id);
    zitadel.serveApis('v2');
    expect(await ask(secret)).toBe(acme.id);
    expect([zitadel.requests('project'), zitadel.requests('projectV2')]).toEqual([1, 1]);
  });
});
