import { afterEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../lib/testing/index.js';
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

const w = useFurnished((zitadel) => {
  const alice = zitadel.addUser('alice');
  zitadel.addMember(alice, 'instance', ['IAM_OWNER_VIEWER']);
  return { alice, token: zitadel.tokenFor(alice) };
});

afterEach(() => {
  w.zitadel.heal();
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
    expect(w.zitadel.requestLog('administrators')[0]).toMatchObject({
      method: 'POST',
      path: `${PERMISSIONS}/ListAdministrators`,
    });
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
