import { afterEach, describe, expect, it } from 'vitest';
import { type ServedApis, ZitadelEmulator } from '../../lib/testing/index.js';
import {
  administrators,
  call,
  connectCall,
  myMemberships,
  outcomeOf,
  PERMISSIONS,
  PROJECTS,
  useFurnished,
} from './calls.js';

const LIST = `${PERMISSIONS}/ListAdministrators`;

const w = useFurnished((zitadel) => {
  const alice = zitadel.addUser('alice');
  zitadel.addMember(alice, 'instance', ['IAM_OWNER_VIEWER']);
  return { alice, token: zitadel.tokenFor(alice) };
});

afterEach(() => {
  w.zitadel.serveApis('both');
});

describe('the Connect protocol', () => {
  it.each([
    ['without a token', undefined, 'auth header missing', undefined],
    ['with a wrong one', 'garbage', 'Errors.Token.Invalid (AUTH-7fs1e)', 'AUTH-7fs1e'],
  ])('refuses calls %s, with no challenge', async (_, wrong, message, id) => {
    const called = await connectCall(w.zitadel, LIST, wrong, {});
    expect(outcomeOf(called)).toEqual([401, id]);
    expect(called.json).toMatchObject({ code: 'unauthenticated', message });
    expect(called.headers.has('www-authenticate')).toBe(false);
    expect(called.headers.has('cache-control')).toBe(false);
    expect('details' in called.json).toBe(id !== undefined);
  });

  it('puts error ids into a protobuf message, whatever its length and language', async () => {
    const actor = w.zitadel.addServiceUser('actor');
    const called = await administrators(w.zitadel, w.zitadel.impersonationTokenFor(w.alice, actor));
    expect([called.status, called.json]).toEqual([
      403,
      {
        code: 'permission_denied',
        message: 'Errors.TokenExchange.Token.NotForAPI (APP-Shi0J)',
        details: [
          {
            type: 'zitadel.v1.ErrorDetail',
            value: 'CglBUFAtU2hpMEoSJEVycm9ycy5Ub2tlbkV4Y2hhbmdlLlRva2VuLk5vdEZvckFQSQ',
            debug: { id: 'APP-Shi0J', message: 'Errors.TokenExchange.Token.NotForAPI' },
          },
        ],
      },
    ]);
  });

  it('looks at the content type before the token', async () => {
    const plain = await connectCall(
      w.zitadel,
      LIST,
      undefined,
      {},
      { 'content-type': 'text/plain' },
    );
    expect([plain.status, plain.text, plain.headers.has('content-type')]).toEqual([415, '', false]);
    const utf8 = { 'content-type': 'application/json; charset=utf-8' };
    expect((await connectCall(w.zitadel, LIST, w.token, {}, utf8)).status).toBe(200);
    const latin = { 'content-type': 'application/json; charset=latin1' };
    expect((await connectCall(w.zitadel, LIST, w.token, {}, latin)).status).toBe(415);
    const binary = { 'content-type': 'application/proto' };
    expect((await connectCall(w.zitadel, LIST, w.token, {}, binary)).status).toBe(501);
  });

  const into = 'unmarshal message: unmarshal into *internal_permission.ListAdministratorsRequest:';

  it.each([
    ['{', `${into} proto:\u00A0unexpected EOF`],
    ['', 'unmarshal message: zero-length payload is not a valid JSON object'],
    [
      '{"pagination":{"limit":"many"}}',
      `${into} proto:\u00A0(line 1:1): invalid value for uint32 field limit: "many"`,
    ],
    [
      '{"pagination":{"asc":1}}',
      `${into} proto:\u00A0(line 1:1): invalid value for bool field asc: 1`,
    ],
    [
      '{"filters":[{"role":{"roleKey":"a"},"inUserIdsFilter":{}}]}',
      `${into} proto:\u00A0(line 1:37): error parsing "inUserIdsFilter", oneof ` +
        'zitadel.internal_permission.v2.AdministratorSearchFilter.filter is already set',
    ],
  ])('refuses a body of %j', async (body, message) => {
    const called = await connectCall(w.zitadel, LIST, w.token, body);
    expect([called.status, called.json]).toEqual([400, { code: 'invalid_argument', message }]);
  });

  it('answers other methods of HTTP with 405 and nothing', async () => {
    const called = await call(w.zitadel, LIST, w.token);
    expect([called.status, called.text, called.headers.get('allow')]).toEqual([405, '', 'POST']);
  });

  it.each(['GET', 'POST'])('answers %s to an unknown method as plain text', async (method) => {
    const called = await call(w.zitadel, `${PROJECTS}/Nothing`, w.token, { method });
    expect([called.status, called.text]).toEqual([404, '404 page not found\n']);
    expect(called.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  it('says in its own way that there is no such instance', async () => {
    const headers = { 'x-zitadel-instance-host': 'elsewhere.example' };
    const called = await connectCall(w.zitadel, LIST, w.token, {}, headers);
    expect([called.status, called.json['code']]).toEqual([404, 'not_found']);
    expect(called.json['message']).toMatch(/^unable to set instance using origin/);
  });
});

describe('a project over Connect', () => {
  it('is shown to whoever may read it, under any organization', async () => {
    const acme = w.zitadel.addOrg('acme');
    const portal = w.zitadel.addProject('portal', { org: acme, roleAssertion: true });
    const read = (asking: string, projectId: string): ReturnType<typeof connectCall> =>
      connectCall(w.zitadel, `${PROJECTS}/GetProject`, asking, { projectId });
    const date = expect.stringMatching(/\.\d{6}Z$/) as string;
    expect((await read(w.token, portal.id)).json).toEqual({
      project: {
        projectId: portal.id,
        organizationId: acme.id,
        creationDate: date,
        changeDate: date,
        name: 'portal',
        state: 'PROJECT_STATE_ACTIVE',
        projectRoleAssertion: true,
      },
    });
    w.zitadel.deactivateProject(portal);
    expect((await read(w.token, portal.id)).json['project']).toMatchObject({
      state: 'PROJECT_STATE_INACTIVE',
    });
    expect(outcomeOf(await read(w.token, '1'))).toEqual([404, 'QUERY-fk2fs']);
    expect((await read(w.token, '')).json).toEqual({
      code: 'invalid_argument',
      message:
        'invalid GetProjectRequest.ProjectId: value length must be between 1 and 200 runes, inclusive',
    });
    const nobody = w.zitadel.tokenFor(w.zitadel.addServiceUser('nobody', { org: acme }));
    expect(outcomeOf(await read(nobody, portal.id))).toEqual([404, 'AUTHZ-cdgFk']);
    const bob = w.zitadel.addServiceUser('bob', { org: acme });
    w.zitadel.addMember(bob, { project: portal }, ['PROJECT_OWNER']);
    expect(outcomeOf(await read(w.zitadel.tokenFor(bob), portal.id))).toEqual([200, undefined]);
    const other = w.zitadel.addProject('other', { org: acme });
    expect(outcomeOf(await read(w.zitadel.tokenFor(bob), other.id))).toEqual([403, 'AUTH-Swrgg2']);
  });
});

describe('the served generation', () => {
  const paths = {
    v1: '/auth/v1/memberships/me/_search',
    v2: LIST,
    beta: '/v2beta/administrators/search',
  };

  it.each<[ServedApis, number, number, number]>([
    ['v1', 200, 404, 404],
    ['v2', 404, 200, 400],
    ['both', 200, 200, 400],
  ])('%s', async (apis, v1, v2, beta) => {
    const served = await ZitadelEmulator.start({ apis });
    const user = served.tokenFor(served.addUser('alice'));
    const statuses = await Promise.all(
      [paths.v1, paths.v2, paths.beta].map(async (path) => connectCall(served, path, user, {})),
    );
    expect(statuses.map(({ status }) => status)).toEqual([v1, v2, beta]);
    const missing = statuses.filter(({ status }) => status === 404);
    for (const { json } of missing) expect(json).toEqual({ code: 5, message: 'Not Found' });
    expect(served.requests('other')).toBe(missing.length);
    expect((await call(served, '/oidc/v1/userinfo', user)).status).toBe(200);
    await served.stop();
  });

  it.each([
    ['v1', '/zitadel.session.v2.SessionService/GetSession'],
    ['v1', `${PERMISSIONS}/Nothing`],
    ['v1', '/v2/sessions/1'],
    ['v2', '/management/v1/projects/1'],
    ['v2', '/admin/v1/members'],
  ] as const)('of %s knows nothing of %s, not even that it is not emulated', async (apis, path) => {
    w.zitadel.serveApis(apis);
    const called = await call(w.zitadel, path, w.token, { method: 'POST', body: {} });
    expect([called.status, called.json]).toEqual([404, { code: 5, message: 'Not Found' }]);
  });

  it('changes while it runs, and the world stays', async () => {
    w.zitadel.serveApis('v1');
    expect((await myMemberships(w.zitadel, w.token)).status).toBe(200);
    expect((await administrators(w.zitadel, w.token)).status).toBe(404);
    w.zitadel.serveApis('v2');
    expect((await myMemberships(w.zitadel, w.token)).status).toBe(404);
    expect((await administrators(w.zitadel, w.token)).status).toBe(200);
  });

  it('has to be one that there is', async () => {
    const wrong = 'v3' as ServedApis;
    expect(() => {
      w.zitadel.serveApis(wrong);
    }).toThrow("apis 'v3' is none of v1, v2, both");
    await expect(ZitadelEmulator.start({ apis: wrong })).rejects.toThrow('is none of');
  });
});
