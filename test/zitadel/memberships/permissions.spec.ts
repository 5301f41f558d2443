import { beforeAll, describe, expect, it } from 'vitest';
import { isRefusal } from '../../../lib/core/decision.js';
import { anyOf, permission, role } from '../../../lib/core/requirement/builders.js';
import { org, project } from '../../../lib/core/requirement/refs.js';
import { createZitadel } from '../../../lib/create-zitadel.js';
import type { User } from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import { askPermissions } from '../../../lib/zitadel/memberships/read.js';
import { recorder, verdict, wayTo } from '../parts.js';
import { useEmulator } from '../../support/world.js';

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
const ask = (user: User | undefined, orgId = acme.id, token = zitadel.tokenFor(user as User)) =>
  askPermissions(wayTo(zitadel, 500).http)(idOf(user), token, orgId);

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
  ] as const)('that fail (%s) are an outage, never none', async (fault) => {
    zitadel.fail('permissions', fault);
    expect(await ask(alice)).toMatchObject({ reason: 'unavailable' });
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
