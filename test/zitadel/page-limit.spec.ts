import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { role } from '../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import {
  type Org,
  type Project,
  type QueryLimits,
  type User,
  ZitadelEmulator,
} from '../../lib/testing/index.js';
import type { Call } from '../../lib/zitadel/call.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { readMembershipPages } from '../../lib/zitadel/memberships/by-v1.js';
import { withPageLimit } from '../../lib/zitadel/http.js';
import type { Done, No } from '../../lib/zitadel/reply.js';
import { recorder, verdict } from './parts.js';

const ROWS = 1_250;
const warnings = (log: ReturnType<typeof recorder>) =>
  log.lines.filter((line) => line.startsWith('warn: '));

describe('a server that allows fewer rows a page than are asked for', () => {
  const refusal: No = { status: 400, says: 'error', id: 'QUERY-4M0fs' };
  /** As some servers leave ids out. */
  const nameless: No = { status: 400, says: 'error', id: undefined };
  const limitIn = ({ json }: Call) => {
    const { query, pagination } = json as Record<string, { limit?: number } | undefined>;
    return (query ?? pagination)?.limit;
  };

  function serverOf(most: number, refused: No) {
    const asked: (number | undefined)[] = [];
    const log = recorder();
    const http = withPageLimit((call) => {
      const limit = limitIn(call);
      asked.push(limit);
      const isTooMuch = limit !== undefined && limit > most;
      return Promise.resolve(isTooMuch ? refused : { status: 200, body: {} });
    }, log);
    const ask = (limit: number, place: 'query' | 'pagination' = 'query') =>
      http({
        family: 'memberships',
        method: 'POST',
        path: '/',
        json: { [place]: { limit, asc: true } },
      });
    return { ask, asked, log };
  }

  it.each([refusal, nameless])(
    'is asked without a limit from its first refusal on, for all lists, and everybody is answered',
    async (refused) => {
      const { ask, asked, log } = serverOf(100, refused);
      expect(await ask(1_000)).toMatchObject({ status: 200 });
      expect(await ask(1_000, 'pagination')).toMatchObject({ status: 200 });
      expect(await ask(2_000)).toMatchObject({ status: 200 });
      expect(await ask(100)).toMatchObject({ status: 200 });
      expect(asked).toEqual([1_000, undefined, undefined, undefined, 100]);
      expect(warnings(log)).toHaveLength(1);
      expect(log.lines.join()).toContain('SystemDefaults.MaxQueryLimit');
    },
  );

  it('is told about once, however many calls meet it at the same time, and whatever they ask for', async () => {
    const { ask, log } = serverOf(100, refusal);
    const limits = Array.from({ length: 20 }, (_, at) => 1_000 - at * 10);
    const answers = await Promise.all(limits.map((limit) => ask(limit)));
    expect(new Set(answers.map((answer) => 'status' in answer && answer.status))).toEqual(
      new Set([200]),
    );
    expect(warnings(log)).toHaveLength(1);
  });

  it('is not what another bad request is about', async () => {
    const log = recorder();
    const asked: (number | undefined)[] = [];
    const other: No = { status: 400, says: 'error', id: 'X-1' };
    const unclear: No = { status: 400, says: 'error', id: undefined };
    let answer = other;
    const http = withPageLimit((call) => {
      asked.push(limitIn(call));
      return Promise.resolve(answer);
    }, log);
    const call: Call = {
      family: 'memberships',
      method: 'POST',
      path: '/',
      json: { query: { limit: 1_000 } },
    };
    expect(await http(call)).toBe(other);
    answer = unclear;
    expect(await http(call)).toBe(unclear);
    expect(await http(call)).toBe(unclear);
    expect(asked).toEqual([1_000, 1_000, undefined, 1_000, undefined]);
    expect(log.lines).toEqual([]);
  });
});

/** Somebody with more rows than a page holds, on servers with different limits. */
describe.each([
  ['1000 rows', { max: 1_000 }],
  ['100 rows', { max: 100 }],
  ['100 rows, and 30 without a limit', { max: 100, default: 30 }],
  ['100 rows, and all without a limit', { max: 100, default: 0 }],
  ['any number of rows', { max: 0, default: 0 }],
  ['any number of rows on API v1 alone', { v1Max: 0 }],
] as readonly [string, QueryLimits][])(
  'on a ZITADEL that allows %s a page',
  (_what, queryLimits) => {
    let zitadel: ZitadelEmulator;
    let [acme, globex]: Org[] = [];
    let frank: User;
    let grace: User;
    let last: string;
    let other: string;
    let own: string;
    let reader: string;
    let log: ReturnType<typeof recorder>;
    const refuses = queryLimits.max === 100;

    beforeAll(async () => {
      zitadel = await ZitadelEmulator.start({ queryLimits });
      acme = zitadel.addOrg('acme');
      globex = zitadel.addOrg('globex');
      frank = zitadel.addUser('frank', { org: globex });
      grace = zitadel.addUser('grace');
      const projects = Array.from({ length: ROWS }, (_, at) =>
        zitadel.addProject(`project ${at}`, { org: acme as Org, roles: ['reader'] }),
      );
      for (const each of projects) zitadel.addMember(frank, { project: each }, ['PROJECT_OWNER']);
      last = projects.at(-1)?.id ?? '';
      zitadel.addMember(frank, { org: globex }, ['ORG_OWNER']);
      other = zitadel.addProject('other', { org: acme }).id;
      own = zitadel.addProject('own', { org: globex }).id;
      const svc = zitadel.addServiceUser('svc', { org: acme });
      zitadel.addMember(svc, 'instance', ['IAM_OWNER']);
      reader = zitadel.patFor(svc);
      for (let at = 0; at < 130; at += 1) {
        zitadel.grantProject(last, zitadel.addOrg(`more ${at}`), ['reader']);
      }
    });
    afterAll(() => zitadel.stop());
    beforeEach(() => {
      log = recorder();
    });

    const ofApi = (api: 'v1' | 'v2', more: Partial<ZitadelOptions> = {}): Zitadel =>
      createZitadel(zitadel.options({ api, logger: log, serviceUser: pat(reader), ...more }));
    const asServiceUser = (api: 'v1' | 'v2'): Partial<ZitadelOptions> => ({
      memberships: {
        as: 'serviceUser',
        ...(api === 'v1' && { organizations: [acme?.id ?? '', globex?.id ?? ''] }),
      },
    });

    it.each([
      ['v1', 'the caller', () => ({})],
      ['v2', 'the caller', () => ({})],
      ['v1', 'the service user', () => asServiceUser('v1')],
      ['v2', 'the service user', () => asServiceUser('v2')],
    ] as const)('by API %s, read as %s, every row counts and no other', async (api, _as, more) => {
      const library = ofApi(api, more());
      const token = zitadel.tokenFor(frank);
      expect(await verdict(library, token, role('PROJECT_OWNER', project(last)))).toBe('yes');
      expect(await verdict(library, token, role('ORG_OWNER', org(globex?.id ?? '')))).toBe('yes');
      expect(await verdict(library, token, role('PROJECT_OWNER', project(own)))).toBe('yes');
      expect(await verdict(library, token, role('ORG_OWNER', org(acme?.id ?? '')))).toBe(
        'role_missing',
      );
      expect(await verdict(library, token, role('PROJECT_OWNER', project(other)))).toBe(
        'role_missing',
      );
      expect(warnings(log).filter((line) => line.includes('MaxQueryLimit'))).toHaveLength(
        refuses ? 1 : 0,
      );
    });

    it.each(['v1', 'v2'] as const)('by API %s whoever has no rows is told no', async (api) => {
      const token = zitadel.tokenFor(grace);
      const library = ofApi(api);
      for (let again = 0; again < 2; again += 1) {
        expect(await verdict(library, token, role('PROJECT_OWNER', project(last)))).toBe(
          'role_missing',
        );
      }
    });

    it.each(['v1', 'v2'] as const)('by API %s lists of memberships are whole', async (api) => {
      const { membershipLists } = ofApi(api);
      const mine = await membershipLists.listMine(zitadel.tokenFor(frank));
      expect(mine.details.totalResult).toBe(ROWS + 1);
      expect(new Set(mine.result.map((row) => row.projectId ?? row.orgId)).size).toBe(ROWS + 1);
      const asked = { userId: frank.id, organizationId: acme?.id ?? '' };
      const ofFrank = await membershipLists.listOfUser(asked);
      expect(ofFrank.result).toHaveLength(ROWS);
      const part = { query: { offset: 10, limit: 1_200 } };
      const some = await membershipLists.listOfUser({ ...asked, ...part });
      expect(some.details.totalResult).toBe(ROWS);
      expect(some.result).toEqual(ofFrank.result.slice(10, 1_210));
      expect((await membershipLists.listMine(zitadel.tokenFor(frank), part)).result).toHaveLength(
        1_200,
      );
    });

    it.each(['v1', 'v2'] as const)('by API %s lists of project grants are whole', async (api) => {
      const { projectGrants } = ofApi(api);
      const granted = new Set<string>();
      const of = { organizationId: acme?.id ?? '', projectId: last };
      for await (const { grantedOrgId } of projectGrants.list(of)) granted.add(grantedOrgId);
      expect(granted.size).toBe(130);
    });
  },
);

describe('on a ZITADEL that allows one row a page', () => {
  it.each([
    ['v1', {}],
    ['both', { api: 'v1' }],
    ['both', {}],
  ] as const)(
    'that serves %s a grant is found by its two ends, or is not there: %j',
    async (apis, more) => {
      const zitadel = await ZitadelEmulator.start({ apis, queryLimits: { max: 1, default: 1 } });
      try {
        const [acme, globex] = [zitadel.addOrg('acme'), zitadel.addOrg('globex')];
        const [first, second, other] = ['first', 'second', 'other'].map((name) =>
          zitadel.addProject(name, { org: acme }),
        ) as [Project, Project, Project];
        for (const each of [first, second]) zitadel.grantProject(each, globex, []);
        const gina = zitadel.addUser('gina', { org: globex });
        zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
        const library = createZitadel(zitadel.options({ logger: recorder(), ...more }));
        const manages = ({ id }: Project) =>
          verdict(
            library,
            zitadel.tokenFor(gina),
            role('PROJECT_GRANT_OWNER', projectGrant({ project: id, grantedOrg: globex.id })),
          );
        expect(await manages(first)).toBe('yes');
        expect(await manages(second)).toBe('yes');
        expect(await manages(other)).toBe('role_missing');
      } finally {
        await zitadel.stop();
      }
    },
  );
});

describe('on a ZITADEL whose limits are those of API v2 alone', () => {
  it('a part of a list of API v1, asked without a limit, is no longer than was wanted', async () => {
    const result = ['1', '2', '3'].map((orgId) => ({ userId: '9', orgId, roles: [], details: {} }));
    const body = { details: { totalResult: '3' }, result };
    const answer: Done = { status: 200, body };
    const request = { query: { limit: 2 } };
    const list = await readMembershipPages(() => Promise.resolve(answer), request, 1);
    expect(list).toMatchObject({
      goesOn: false,
      hasMoved: false,
      total: 3,
      rows: result.slice(0, 2),
    });
    expect('rows' in list && list.rows).toHaveLength(2);
  });
});

describe('on a ZITADEL from before January 2026, which cannot narrow a list by roles', () => {
  it.each(['caller', 'serviceUser'] as const)(
    'everybody is answered, read as the %s, and it is asked for that once',
    async (as) => {
      const zitadel = await ZitadelEmulator.start({
        apis: 'v2',
        queryLimits: { max: 100 },
        administratorFilters: false,
      });
      try {
        const acme = zitadel.addOrg('acme');
        const frank = zitadel.addUser('frank');
        for (let at = 0; at < 1_200; at += 1) {
          const each = zitadel.addProject(`project ${at}`, { org: acme });
          zitadel.addMember(frank, { project: each }, ['PROJECT_OWNER']);
        }
        const globex = zitadel.addOrg('globex');
        zitadel.addMember(frank, { org: globex }, ['ORG_OWNER']);
        const [own, other] = [globex, acme].map((of) => zitadel.addProject('p', { org: of }));
        const svc = zitadel.addServiceUser('svc');
        zitadel.addMember(svc, 'instance', ['IAM_OWNER_VIEWER']);
        const log = recorder();
        const library = createZitadel(
          zitadel.options({
            logger: log,
            serviceUser: pat(zitadel.patFor(svc)),
            memberships: { as },
            cache: { ttlMs: 0 },
          }),
        );
        const owner = (id = '') => role('PROJECT_OWNER', project(id));
        const token = zitadel.tokenFor(frank);
        expect(await verdict(library, token, owner(own?.id))).toBe('yes');
        expect(await verdict(library, token, owner(other?.id))).toBe('role_missing');
        const byRole = zitadel
          .requestLog('administrators')
          .filter(({ body }) => body.includes('roleKey'));
        // Asked without a limit too, since the refusal has no id.
        expect(byRole.length).toBeLessThanOrEqual(2);
      } finally {
        await zitadel.stop();
      }
    },
  );
});
