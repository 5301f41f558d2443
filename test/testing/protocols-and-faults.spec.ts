import { afterEach, describe, expect, it } from 'vitest';
import { type Fault, type ServedApis, ZitadelEmulator } from '../../lib/testing/index.js';
import {
  administrators,
  call,
  type Called,
  connectCall,
  errorIdOf,
  myMemberships,
  outcomeOf,
  PERMISSIONS,
  PROJECTS,
  rowsOf,
  useFurnished,
} from './calls.js';

const LIST = `${PERMISSIONS}/ListAdministrators`;

const w = useFurnished((zitadel) => {
  const alice = zitadel.addUser('alice');
  zitadel.addMember(alice, 'instance', ['IAM_OWNER_VIEWER']);
  return { alice, token: zitadel.tokenFor(alice) };
});

afterEach(() => {
  w.zitadel.heal();
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

describe('faults of Connect', () => {
  it.each<[number, string, string | undefined]>([
    [400, 'invalid_argument', undefined],
    [401, 'unauthenticated', 'AUTH-7fs1e'],
    [403, 'permission_denied', 'AUTH-5mWD2'],
    [404, 'not_found', 'AUTHZ-cdgFk'],
    [429, 'resource_exhausted', 'QUOTA-vjAy8'],
    [503, 'unavailable', undefined],
    [418, 'unknown', undefined],
  ])('answer %i in its own way', async (status, code, id) => {
    w.zitadel.failNext('administrators', status);
    const called = await administrators(w.zitadel, w.token);
    expect(outcomeOf(called)).toEqual([status, id]);
    expect(called.json['code']).toBe(code);
    expect((await administrators(w.zitadel, w.token)).status).toBe(200);
  });

  it('strike one endpoint, which is counted and logged', async () => {
    w.zitadel.resetRequests();
    w.zitadel.fail('projectV2', 500);
    expect((await administrators(w.zitadel, w.token)).status).toBe(200);
    expect((await connectCall(w.zitadel, `${PROJECTS}/GetProject`, w.token, {})).status).toBe(500);
    expect([w.zitadel.requests('administrators'), w.zitadel.requests('projectV2')]).toEqual([1, 1]);
    expect(w.zitadel.requestLog('administrators')[0]).toMatchObject({ method: 'POST', path: LIST });
  });
});

function read(signal?: AbortSignal): Promise<Called> {
  return myMemberships(w.zitadel, w.token, signal === undefined ? {} : { signal });
}

describe('answers instead of the right one', () => {
  it.each<[Fault, number, string | undefined]>([
    [400, 400, undefined],
    [401, 401, 'AUTH-7fs1e'],
    [403, 403, 'AUTH-5mWD2'],
    [404, 404, 'AUTHZ-cdgFk'],
    [429, 429, 'QUOTA-vjAy8'],
    [500, 500, undefined],
    [503, 503, undefined],
    [418, 418, undefined],
  ])('%j is that status with the body of the API', async (fault, status, id) => {
    w.zitadel.failNext('memberships', fault);
    const called = await read();
    expect([called.status, errorIdOf(called)]).toEqual([status, id]);
    expect(called.headers.get('content-type')).toBe('application/json');
    expect(called.json['code']).toEqual(expect.any(Number));
    expect(called.headers.has('www-authenticate')).toBe(status === 401);
    expect((await read()).status).toBe(200);
  });

  it('have the body of OAuth at the token endpoint', async () => {
    w.zitadel.failNext('token', 500);
    const body = new URLSearchParams({ grant_type: 'client_credentials' });
    const called = await call(w.zitadel, '/oauth/v2/token', undefined, { body });
    expect([called.status, called.json['error']]).toEqual([500, 'server_error']);
  });

  it('may be given word for word', async () => {
    w.zitadel.failNext('memberships', {
      status: 503,
      body: 'busy',
      headers: { 'retry-after': '7' },
    });
    const busy = await read();
    expect([busy.status, busy.text, busy.headers.get('retry-after')]).toEqual([503, 'busy', '7']);
    w.zitadel.failNext('memberships', { status: 200, body: { result: 'none' } });
    expect((await read()).json).toEqual({ result: 'none' });
    w.zitadel.failNext('memberships', { status: 204 });
    expect((await read()).text).toBe('');
  });

  it('may be garbage, a page, or half of it', async () => {
    w.zitadel.failNext('memberships', 'garbage');
    w.zitadel.failNext('memberships', 'html');
    w.zitadel.failNext('memberships', 'truncated');
    const whole = (await call(w.zitadel, '/debug/healthz')).text;
    const [garbage, html, truncated] = [await read(), await read(), await read()];
    const right = await read();
    for (const { status, text } of [garbage, html, truncated]) {
      expect(status).toBe(200);
      expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    }
    expect(garbage.headers.get('content-type')).toBe('application/json');
    expect(html.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(right.text.startsWith(truncated.text)).toBe(true);
    expect(whole).toBe('ok');
  });

  it('may send away', async () => {
    w.zitadel.failNext('memberships', 'redirect');
    w.zitadel.failNext('memberships', { redirectTo: 'http://127.0.0.1:1/' });
    const [away, there] = [await read(), await read()];
    expect([away.status, away.headers.get('location')]).toEqual([
      302,
      'https://elsewhere.example/',
    ]);
    expect([there.status, there.headers.get('location')]).toEqual([302, 'http://127.0.0.1:1/']);
  });
});

describe('the wrong user', () => {
  it('is in every row, and in a row of its own where there is none', async () => {
    w.zitadel.fail('memberships', 'wrong-user');
    const nobody = w.zitadel.tokenFor(w.zitadel.addUser('without-roles'));
    for (const called of [await read(), await myMemberships(w.zitadel, nobody)]) {
      const [row, ...more] = rowsOf(called);
      expect(row?.['userId']).toMatch(/^\d{18}$/);
      expect(row?.['userId']).not.toBe(w.alice.id);
      expect(row).toMatchObject({ iam: true });
      expect(more).toEqual([]);
    }
  });

  it('is in userinfo, and nowhere where no user is', async () => {
    w.zitadel.fail('userinfo', 'wrong-user');
    const info = await call(w.zitadel, '/oidc/v1/userinfo', w.token);
    expect(info.json['sub']).toMatch(/^\d{18}$/);
    expect(info.json['sub']).not.toBe(w.alice.id);
    expect(() => w.zitadel.fail('keys', 'wrong-user')).toThrow("not 'keys'");
  });

  it('does not make a refusal an answer', async () => {
    w.zitadel.fail('memberships', 'wrong-user');
    expect((await myMemberships(w.zitadel, 'garbage')).status).toBe(401);
  });
});

describe('connections', () => {
  it('may hang until the client gives up', async () => {
    w.zitadel.failNext('memberships', 'hang');
    await expect(read(AbortSignal.timeout(50))).rejects.toThrow('timeout');
    expect((await read()).status).toBe(200);
  });

  it('may be refused, with nothing done', async () => {
    const grant = await addGrantWith('refuse');
    expect(grant).toEqual({ outcome: 'rejected', grants: 0 });
  });

  it('may be lost after the work is done', async () => {
    const grant = await addGrantWith('lose');
    expect(grant).toEqual({ outcome: 'rejected', grants: 1 });
  });

  it('may send without end', async () => {
    w.zitadel.failNext('memberships', 'endless');
    const response = await fetch(`${w.zitadel.url}/auth/v1/memberships/me/_search`, {
      method: 'POST',
      headers: { authorization: `Bearer ${w.token}` },
    });
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    let received = 0;
    while (received < 2_000_000) received += (await reader?.read())?.value?.length ?? 0;
    await reader?.cancel();
    expect((await read()).status).toBe(200);
  });

  async function addGrantWith(fault: 'refuse' | 'lose'): Promise<object> {
    const org = w.zitadel.addOrg(`granted by ${fault}`);
    const project = w.zitadel.addProject(`granted by ${fault}`, { roles: ['a'] });
    const user = w.zitadel.addUser(`owner by ${fault}`);
    w.zitadel.addMember(user, { org: w.zitadel.rootOrg }, ['ORG_OWNER']);
    w.zitadel.failNext('addGrant', fault);
    const path = `/management/v1/projects/${project.id}/grants`;
    const body = { grantedOrgId: org.id, roleKeys: ['a'] };
    const [result] = await Promise.allSettled([
      call(w.zitadel, path, w.zitadel.tokenFor(user), { body }),
    ]);
    const grants = w.zitadel.grants().filter(({ projectId }) => projectId === project.id).length;
    return { outcome: result.status, grants };
  }
});

describe('how long a fault stays', () => {
  it('is a number of times, in order, or until it is healed', async () => {
    w.zitadel.fail('memberships', 500);
    w.zitadel.failNext('memberships', 503, 2);
    w.zitadel.failNext('memberships', 429);
    const statuses = [];
    for (let round = 0; round < 5; round += 1) statuses.push((await read()).status);
    expect(statuses).toEqual([503, 503, 429, 500, 500]);
    w.zitadel.heal('keys');
    expect((await read()).status).toBe(500);
    w.zitadel.heal('memberships');
    expect((await read()).status).toBe(200);
  });

  it('touches one endpoint only', async () => {
    w.zitadel.fail('memberships', 500);
    expect((await call(w.zitadel, '/oauth/v2/keys')).status).toBe(200);
    expect(w.zitadel.requests('keys')).toBeGreaterThan(0);
  });
});

describe('a delay', () => {
  it('comes before everything else, until it is taken back', async () => {
    w.zitadel.delay('memberships', 80);
    w.zitadel.failNext('memberships', 503);
    const begun = performance.now();
    expect((await read()).status).toBe(503);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(75);
    w.zitadel.delay('memberships', 3_600_000);
    w.zitadel.delay('memberships', 0);
    expect((await read()).status).toBe(200);
  });
});
