import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { User } from '../../lib/testing/index.js';
import { call, EACH_TEST, myMemberships, rowsOf, useTenants } from './calls.js';

const w = useTenants(EACH_TEST);
let alice: User;
let token: string;

beforeEach(() => {
  alice = w.addMember({ org: w.acme }, ['ORG_OWNER'], w.acme);
  token = w.zitadel.tokenFor(alice);
});

afterEach(() => vi.useRealTimers());

async function roles(): Promise<unknown> {
  return rowsOf(await myMemberships(w.zitadel, token)).map((row) => row['roles']);
}

function post(path: string, body: object = {}): ReturnType<typeof call> {
  return call(w.zitadel, `/management/v1${path}`, token, { body });
}

describe('reads that are held', () => {
  it('see nothing that happens, until they are released', async () => {
    w.zitadel.holdReads();
    w.zitadel.changeMember(alice, { org: w.acme }, ['ORG_OWNER_VIEWER']);
    w.zitadel.addMember(alice, 'instance', ['IAM_OWNER']);
    w.zitadel.renameOrg(w.acme, 'renamed');
    expect(await roles()).toEqual([['ORG_OWNER']]);
    w.zitadel.releaseReads();
    expect(await roles()).toEqual([['ORG_OWNER_VIEWER'], ['IAM_OWNER']]);
  });

  it('show the rows of a member that is already removed', async () => {
    w.zitadel.holdReads();
    w.zitadel.removeMember(alice, { org: w.acme });
    expect(await roles()).toEqual([['ORG_OWNER']]);
    w.zitadel.releaseReads();
    expect(await roles()).toEqual([]);
  });

  it('are lists, memberships and projects; one grant and all rights are fresh', async () => {
    const late = w.zitadel.addServiceUser('late', { org: w.acme });
    w.zitadel.holdReads();
    w.zitadel.addMember(late, { org: w.acme }, ['ORG_OWNER']);
    token = w.zitadel.tokenFor(late);
    const young = w.zitadel.addProject('young', { org: w.acme });
    const body = { grantedOrgId: w.globex.id, roleKeys: ['reader'] };
    const added = await post(`/projects/${w.other.id}/grants`, body);
    expect(added.status).toBe(200);
    const id = String(added.json['grantId']);
    const path = `/management/v1/projects/${w.other.id}/grants/${id}`;
    expect((await call(w.zitadel, path, token)).status).toBe(200);
    expect(rowsOf(await post(`/projects/${w.other.id}/grants/_search`))).toEqual([]);
    // The one that was there before.
    expect(rowsOf(await post('/projectgrants/_search'))).toHaveLength(1);
    const project404 = await call(w.zitadel, `/management/v1/projects/${young.id}`, token);
    expect(project404.status).toBe(404);
    w.zitadel.releaseReads();
    expect(rowsOf(await post(`/projects/${w.other.id}/grants/_search`))).toHaveLength(1);
    expect((await call(w.zitadel, `/management/v1/projects/${young.id}`, token)).status).toBe(200);
  });
});

describe('reads that lag', () => {
  it('see each change when its time has passed', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    w.zitadel.lagReads(1000);
    w.zitadel.changeMember(alice, { org: w.acme }, ['ORG_OWNER_VIEWER']);
    vi.advanceTimersByTime(600);
    w.zitadel.addMember(alice, 'instance', ['IAM_OWNER']);
    expect(await roles()).toEqual([['ORG_OWNER']]);
    vi.advanceTimersByTime(600);
    expect(await roles()).toEqual([['ORG_OWNER_VIEWER']]);
    vi.advanceTimersByTime(600);
    expect(await roles()).toEqual([['ORG_OWNER_VIEWER'], ['IAM_OWNER']]);
  });

  it('do not lag behind what was there before', async () => {
    w.zitadel.lagReads(3_600_000);
    expect(await roles()).toEqual([['ORG_OWNER']]);
  });

  it('are up to date again at 0', async () => {
    w.zitadel.lagReads(3_600_000);
    w.zitadel.removeMember(alice, { org: w.acme });
    expect(await roles()).toEqual([['ORG_OWNER']]);
    w.zitadel.lagReads(0);
    expect(await roles()).toEqual([]);
  });

  it('never reach what tokens are checked against', async () => {
    w.zitadel.lagReads(3_600_000);
    w.zitadel.deactivateUser(alice);
    expect((await myMemberships(w.zitadel, token)).status).toBe(401);
  });
});
