import { describe, expect, it } from 'vitest';
import type { MemberResource } from '../../lib/testing/index.js';
import { call, connectCall, listOf, outcomeOf, useFurnished } from './calls.js';

const PATH = '/zitadel.authorization.v2.AuthorizationService/ListAuthorizations';

const w = useFurnished((zitadel) => {
  const acme = zitadel.addOrg('acme');
  const globex = zitadel.addOrg('globex');
  const portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] });
  const grant = zitadel.grantProject(portal, globex, ['reader']);
  const alice = zitadel.addUser('alice', { org: globex, displayName: 'Alice A' });
  zitadel.authorizeUser(alice, portal, ['reader', 'writer']);
  zitadel.authorizeUser(alice, portal, ['reader'], { org: globex });
  const bob = zitadel.addUser('bob', { org: acme });
  zitadel.authorizeUser(bob, portal, ['writer']);
  return { acme, globex, portal, grant, alice, bob };
});

let readers = 0;
function reader(on: MemberResource, roles: readonly string[]): string {
  readers += 1;
  const user = w.zitadel.addServiceUser(`reader-${String(readers)}`);
  w.zitadel.addMember(user, on, roles);
  return w.zitadel.tokenFor(user);
}

function list(token: string, ...filters: readonly object[]) {
  return connectCall(w.zitadel, PATH, token, { pagination: { asc: true }, filters });
}

const ofAlice = () => ({ userId: { id: w.alice.id } });

describe('the list of authorizations', () => {
  it('names user, project, organization, state and roles', async () => {
    const token = reader('instance', ['IAM_OWNER_VIEWER']);
    const filters = [{ projectId: { id: w.portal.id } }, { organizationId: { id: w.acme.id } }];
    const reply = await list(token, ofAlice(), ...filters);
    expect(reply.status).toBe(200);
    const time = expect.stringMatching(/^20\d\d-.*Z$/) as string;
    expect(reply.json).toEqual({
      pagination: { totalResult: '1', appliedLimit: '100' },
      authorizations: [
        {
          id: expect.stringMatching(/^\d{18}$/) as string,
          creationDate: time,
          changeDate: time,
          project: { id: w.portal.id, name: 'portal', organizationId: w.acme.id },
          organization: { id: w.acme.id, name: 'acme' },
          user: {
            id: w.alice.id,
            preferredLoginName: 'alice',
            displayName: 'Alice A',
            organizationId: w.globex.id,
          },
          state: 'STATE_ACTIVE',
          roles: [
            { key: 'reader', displayName: 'reader' },
            { key: 'writer', displayName: 'writer' },
          ],
        },
      ],
    });
  });

  it('shows a reader what it may read, and counts the rest', async () => {
    const tokens = [
      reader('instance', ['IAM_OWNER_VIEWER']),
      reader({ org: w.acme }, ['ORG_OWNER_VIEWER']),
      reader({ org: w.globex }, ['ORG_OWNER_VIEWER']),
      reader({ project: w.portal }, ['PROJECT_OWNER']),
      reader({ projectGrant: w.grant }, ['PROJECT_GRANT_OWNER']),
      reader({ org: w.acme }, ['ORG_SETTINGS_MANAGER']),
      w.zitadel.tokenFor(w.alice),
    ];
    const seen = await Promise.all(
      tokens.map(async (token) => {
        const reply = await list(token, ofAlice());
        const { totalResult } = reply.json['pagination'] as { readonly totalResult: string };
        return [totalResult, listOf(reply, 'authorizations').length];
      }),
    );
    expect(seen).toEqual([
      ['2', 2],
      ['2', 1],
      ['2', 1],
      ['2', 1],
      ['2', 1],
      ['2', 0],
      ['2', 2],
    ]);
  });

  it('shows what is inactive, and tokens do not', async () => {
    const token = reader('instance', ['IAM_OWNER_VIEWER']);
    const states = async () => {
      const rows = listOf(await list(token, { userId: { id: w.bob.id } }), 'authorizations');
      const scopes = ['urn:zitadel:iam:org:projects:roles'];
      const its = w.zitadel.tokenFor(w.bob, { scopes, audience: [w.portal.id] });
      const { json } = await call(w.zitadel, '/oidc/v1/userinfo', its);
      const claim = `urn:zitadel:iam:org:project:${w.portal.id}:roles`;
      return [rows.map(({ state }) => state), Object.keys((json[claim] as object) ?? {})];
    };
    expect(await states()).toEqual([['STATE_ACTIVE'], ['writer']]);
    w.zitadel.deactivateAuthorization(w.bob, w.portal);
    expect(await states()).toEqual([['STATE_INACTIVE'], []]);
    w.zitadel.reactivateAuthorization(w.bob, w.portal);
    expect(await states()).toEqual([['STATE_ACTIVE'], ['writer']]);
    expect(() => w.zitadel.deactivateAuthorization(w.bob, w.zitadel.defaultProject)).toThrow(
      'COMMAND-1My0t',
    );
  });

  it('refuses what ZITADEL refuses', async () => {
    const token = reader('instance', ['IAM_OWNER_VIEWER']);
    expect((await list(token, {})).status).toBe(400);
    expect((await list(token, { userId: { id: '' } })).status).toBe(400);
    expect((await list(token, { roleKey: { key: 'reader' } })).status).toBe(501);
    expect(outcomeOf(await connectCall(w.zitadel, PATH, 'nonsense', {}))).toEqual([
      401,
      'AUTH-7fs1e',
    ]);
  });
});
