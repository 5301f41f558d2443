import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Org, type Project, type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { call, myMemberships, rowsOf } from './calls.js';

let zitadel: ZitadelEmulator;
let acme: Org;
let project: Project;
let alice: User;
let token: string;

beforeEach(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  project = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
  alice = zitadel.addUser('alice', { org: acme });
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  token = zitadel.tokenFor(alice);
});

afterEach(async () => {
  vi.useRealTimers();
  await zitadel.stop();
});

async function roles(): Promise<unknown> {
  return rowsOf(await myMemberships(zitadel, token)).map((row) => row['roles']);
}

function post(path: string, body: object = {}): ReturnType<typeof call> {
  return call(zitadel, `/management/v1${path}`, token, { body });
}

describe('reads that are held', () => {
  it('see nothing that happens, until they are released', async () => {
    zitadel.holdReads();
    zitadel.changeMember(alice, { org: acme }, ['ORG_OWNER_VIEWER']);
    zitadel.addMember(alice, 'instance', ['IAM_OWNER']);
    zitadel.renameOrg(acme, 'renamed');
    expect(await roles()).toEqual([['ORG_OWNER']]);
    zitadel.releaseReads();
    expect(await roles()).toEqual([['ORG_OWNER_VIEWER'], ['IAM_OWNER']]);
  });

  it('show the rows of a member that is already removed', async () => {
    zitadel.holdReads();
    zitadel.removeMember(alice, { org: acme });
    expect(await roles()).toEqual([['ORG_OWNER']]);
    zitadel.releaseReads();
    expect(await roles()).toEqual([]);
  });

  it('are lists, memberships and projects; one grant and all rights are fresh', async () => {
    const globex = zitadel.addOrg('globex');
    const late = zitadel.addServiceUser('late', { org: acme });
    zitadel.holdReads();
    zitadel.addMember(late, { org: acme }, ['ORG_OWNER']);
    token = zitadel.tokenFor(late);
    const young = zitadel.addProject('young', { org: acme });
    const body = { grantedOrgId: globex.id, roleKeys: ['reader'] };
    const added = await post(`/projects/${project.id}/grants`, body);
    expect(added.status).toBe(200);
    const id = String(added.json['grantId']);
    const path = `/management/v1/projects/${project.id}/grants/${id}`;
    expect((await call(zitadel, path, token)).status).toBe(200);
    expect(rowsOf(await post(`/projects/${project.id}/grants/_search`))).toEqual([]);
    expect(rowsOf(await post('/projectgrants/_search'))).toEqual([]);
    const project404 = await call(zitadel, `/management/v1/projects/${young.id}`, token);
    expect(project404.status).toBe(404);
    zitadel.releaseReads();
    expect(rowsOf(await post(`/projects/${project.id}/grants/_search`))).toHaveLength(1);
    expect((await call(zitadel, `/management/v1/projects/${young.id}`, token)).status).toBe(200);
  });
});

describe('reads that lag', () => {
  it('see each change when its time has passed', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    zitadel.lagReads(1000);
    zitadel.changeMember(alice, { org: acme }, ['ORG_OWNER_VIEWER']);
    vi.advanceTimersByTime(600);
    zitadel.addMember(alice, 'instance', ['IAM_OWNER']);
    expect(await roles()).toEqual([['ORG_OWNER']]);
    vi.advanceTimersByTime(600);
    expect(await roles()).toEqual([['ORG_OWNER_VIEWER']]);
    vi.advanceTimersByTime(600);
    expect(await roles()).toEqual([['ORG_OWNER_VIEWER'], ['IAM_OWNER']]);
  });

  it('do not lag behind what was there before', async () => {
    zitadel.lagReads(3_600_000);
    expect(await roles()).toEqual([['ORG_OWNER']]);
  });

  it('are up to date again at 0', async () => {
    zitadel.lagReads(3_600_000);
    zitadel.removeMember(alice, { org: acme });
    expect(await roles()).toEqual([['ORG_OWNER']]);
    zitadel.lagReads(0);
    expect(await roles()).toEqual([]);
  });

  it('never reach what tokens are checked against', async () => {
    zitadel.lagReads(3_600_000);
    zitadel.deactivateUser(alice);
    expect((await myMemberships(zitadel, token)).status).toBe(401);
  });
});
