import { describe, expect, it } from 'vitest';
import { openServiceUser, pat } from '../../../lib/zitadel/credentials.js';
import { ApiGeneration, type Generation } from '../../../lib/zitadel/generation.js';
import type { GrantFilter } from '../../../lib/zitadel/grants/project-grant.js';
import { ProjectGrantService } from '../../../lib/zitadel/grants/project-grant-service.js';
import { ZitadelUnavailableError } from '../../../lib/zitadel/refusals.js';
import { ServiceToken } from '../../../lib/zitadel/service-user.js';
import { recorder, wayTo } from '../parts.js';
import { json, scripted, type ScriptedServer } from '../scripted-server.js';

let server: ScriptedServer;

interface Ends {
  readonly projectId: string;
  readonly grantedOrgId: string;
}

/** A server of one generation whose pages hold these grants, so many at most, and that says that there are so many. */
async function grantsOf(
  generation: Generation,
  page: (number: number) => readonly Ends[],
  total: (number: number) => number,
  limit = 1_000,
): Promise<ProjectGrantService> {
  server = await scripted((response, { number }) => {
    const totalResult = String(total(number));
    json(
      response,
      generation === 'v1'
        ? {
            details: { totalResult, viewTimestamp: '2026-11-24T08:56:37Z' },
            result: page(number).map((ends) => ({ ...ends, grantId: `1${ends.grantedOrgId}` })),
          }
        : {
            pagination: { totalResult, appliedLimit: String(limit) },
            projectGrants: page(number).map(({ projectId, grantedOrgId }) => ({
              projectId,
              organizationId: '3',
              grantedOrganizationId: grantedOrgId,
            })),
          },
    );
  });
  const { url } = server;
  const { http, discover } = wayTo({ issuer: url, url });
  return new ProjectGrantService({
    serviceToken: new ServiceToken(http, discover, url, openServiceUser(pat('a-token'))),
    idPattern: /^[0-9]{1,200}$/,
    ownerOf: () => Promise.resolve(undefined),
    generation: new ApiGeneration('project grants', generation, recorder()),
  });
}

async function amount(list: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _each of list) count += 1;
  return count;
}

/** Pages of so many rows have one row in common. */
const full = (number: number, limit = 1_000) =>
  Array.from({ length: limit }, (_, at) => ({
    projectId: '1',
    grantedOrgId: String(number * (limit - 1) + at),
  }));
/** A server that allows fewer rows a page. */
const FEW = 20;
const fullOfFew = (number: number) => full(number, FEW);

describe.each(['v1', 'v2'] as const)('a list of project grants of API %s', (generation) => {
  it.each<[string, (grants: ProjectGrantService) => AsyncIterable<unknown>]>([
    ['of a project', (grants) => grants.list({ projectId: '1' })],
    ['of an organization', (grants) => grants.list({ organizationId: '3' })],
  ])('%s whose pages are always full of new ones is not read without end', async (_what, list) => {
    const grants = await grantsOf(generation, fullOfFew, () => 100 * FEW, FEW);
    await expect(amount(list(grants))).rejects.toThrow(ZitadelUnavailableError);
    expect(server.requests).toHaveLength(100);
  });

  it('that says it is longer than all of that is given up at once', async () => {
    const grants = await grantsOf(generation, full, () => 1_000_000);
    await expect(amount(grants.list({ projectId: '1' }))).rejects.toThrow('does not end');
    expect(server.requests).toHaveLength(1);
  });

  it('of a hundred pages is read', async () => {
    const step = 999;
    const last = 99 * step + 1_000;
    const grants = await grantsOf(
      generation,
      (number) => full(number).slice(0, last - (number - 1) * step),
      () => last,
    );
    expect(await amount(grants.list({ projectId: '1' }))).toBe(last);
  });

  it('that ends before its next page begins is an error, never a short list', async () => {
    const grants = await grantsOf(
      generation,
      (number) => (number === 1 ? full(1) : []),
      (number) => (number === 1 ? 1_005 : 0),
    );
    const listed = amount(grants.list({ projectId: '1' }));
    await expect(listed).rejects.toThrow('the list changes while it is read');
  });

  const one = [{ projectId: '1', grantedOrgId: '2' }];
  it.each<[string, (grants: ProjectGrantService) => AsyncIterable<unknown>]>([
    ['of another project', (grants) => grants.list({ projectId: '9' })],
    ['to another organization', (grants) => grants.list({ grantedOrgId: '9' })],
    ['to another organization than ours', (grants) => grants.listGranted({ organizationId: '9' })],
  ])('with one %s than was asked for is unusable', async (_what, list) => {
    const grants = await grantsOf(
      generation,
      () => one,
      () => 1,
    );
    await expect(amount(list(grants))).rejects.toThrow(ZitadelUnavailableError);
  });

  it.each<GrantFilter>([{ projectId: '1' }, { grantedOrgId: '2' }, { organizationId: '3' }])(
    'with one that was asked for (%o) is taken',
    async (filter) => {
      const grants = await grantsOf(
        generation,
        () => one,
        () => 1,
      );
      expect(await amount(grants.list(filter))).toBe(1);
    },
  );
});

describe('a list of API v2, of grants between two ends', () => {
  it('with one between others beside it is unusable, also to be made sure of', async () => {
    const two = [
      { projectId: '1', grantedOrgId: '2' },
      { projectId: '9', grantedOrgId: '2' },
    ];
    const grants = await grantsOf(
      'v2',
      () => two,
      () => 2,
    );
    const asked = grants.get({ projectId: '1', grantedOrgId: '2' });
    await expect(asked).rejects.toThrow(ZitadelUnavailableError);
  });
});

describe('a grant by its two ends, on API v2', () => {
  it('that is there more than once is none', async () => {
    const twice = [1, 2].map(() => ({ projectId: '1', grantedOrgId: '2' }));
    const grants = await grantsOf(
      'v2',
      () => twice,
      () => 2,
    );
    const grant = { projectId: '1', organizationId: '3', grantedOrgId: '2' };
    await expect(grants.get(grant)).rejects.toThrow(ZitadelUnavailableError);
  });
});
