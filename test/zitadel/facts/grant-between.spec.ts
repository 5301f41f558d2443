import { describe, expect, it } from 'vitest';
import { role } from '../../../lib/core/requirement/builders.js';
import { projectGrant } from '../../../lib/core/requirement/refs.js';
import { createZitadel } from '../../../lib/create-zitadel.js';
import type { ProjectGrant } from '../../../lib/testing/index.js';
import type { Call } from '../../../lib/zitadel/call.js';
import { askGrantBetween } from '../../../lib/zitadel/facts/grant-between.js';
import { ApiGeneration } from '../../../lib/zitadel/generation.js';
import { realFetch, recorder, verdict } from '../parts.js';
import { useEmulator } from '../../support/world.js';

const WANTED = '9';
const TO = '5';
const row = (id: number) => ({ grantId: `1${id}`, projectId: `2${id}`, grantedOrgId: TO });
const page = (totalResult: string | undefined, ...ids: number[]) => ({
  details: { ...(totalResult && { totalResult }), viewTimestamp: '2026-11-24T08:56:37Z' },
  ...(ids.length > 0 && { result: ids.map(row) }),
});

/** Asks for a grant by API v1, which replies with these pages. */
async function askOf(pages: readonly Readonly<Record<string, unknown>>[]) {
  let asked = 0;
  const source = {
    http: () => Promise.resolve({ status: 200, body: pages[(asked += 1) - 1] ?? {} } as const),
    serviceToken: undefined,
    generation: new ApiGeneration('project grants', 'v1', recorder()),
  };
  const question = { orgId: TO, userId: '1', token: 'a-token' };
  const fact = await askGrantBetween(WANTED)(source, question);
  expect(asked).toBe(pages.length);
  return fact;
}

describe('a list of granted projects without the wanted one', () => {
  it('that is whole is a no', async () => {
    expect(await askOf([page('3', 1, 2), page('3', 2, 3)])).toBeUndefined();
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['shrinks below its next page', page(undefined)],
    ['shrinks to its next page', page('1')],
    ['shifts', page('3', 3, 4)],
    ['loses the row that two pages share', page('2')],
  ])('that %s while it is read is an outage, never a no', async (_how, next) => {
    expect(await askOf([page('3', 1, 2), next])).toMatchObject({ reason: 'unavailable' });
  });

  it('that shrinks while it is read row by row is an outage too', async () => {
    expect(await askOf([page('2', 1), page(undefined)])).toMatchObject({ reason: 'unavailable' });
  });
});

describe('a reply that is too large', () => {
  it('does not show that API v1 is served', async () => {
    const generation = new ApiGeneration('project grants', 'auto', recorder());
    const http = ({ path }: Call) => {
      const kind = path.startsWith('/management/') ? 'tooLarge' : 'late';
      return Promise.resolve({ trouble: 'x', kind } as const);
    };
    const source = { http, serviceToken: undefined, generation };
    const asked = askGrantBetween(WANTED)(source, { orgId: TO, userId: '1', token: 'a-token' });
    expect(await asked).toMatchObject({ reason: 'unavailable' });
    expect(generation.current).toBeUndefined();
  });
});

describe('a grant at the end of more than a page', async () => {
  const zitadel = await useEmulator();

  it('is not denied to the manager of the granted organization because others are removed meanwhile', async () => {
    const [owner, to] = [zitadel.addOrg('owner'), zitadel.addOrg('granted')];
    const grants: ProjectGrant[] = [];
    for (let at = 0; at < 1_005; at += 1) {
      grants.push(zitadel.grantProject(zitadel.addProject(`${at}`, { org: owner }), to, []));
    }
    const manager = zitadel.addUser('manager');
    zitadel.addMember(manager, { org: to }, ['ORG_OWNER']);
    let pages = 0;
    const library = createZitadel(
      zitadel.options({
        logger: recorder(),
        fetch: async (url, init) => {
          if (url.endsWith('/granted_projects/_search') && (pages += 1) === 2) {
            for (const grant of grants.slice(0, 20)) zitadel.removeGrant(grant);
          }
          return realFetch(url, init);
        },
      }),
    );
    const ends = { project: grants.at(-1)?.projectId ?? '', grantedOrg: to.id };
    const manages = role('PROJECT_GRANT_OWNER', projectGrant(ends));
    expect(await verdict(library, zitadel.tokenFor(manager), manages)).toBe('unavailable');
    expect(await verdict(library, zitadel.tokenFor(manager), manages)).toBe('yes');
  });
});
