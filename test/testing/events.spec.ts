import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Org, type Project, type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { type Called, type Json, call, errorIdOf } from './calls.js';

const PATH = '/admin/v1/events/_search';

interface EventJson {
  readonly editor: { readonly userId?: string; readonly displayName?: string };
  readonly aggregate: {
    readonly id: string;
    readonly type: { readonly type: string; readonly localized?: object };
    readonly resourceOwner: string;
  };
  readonly sequence: string;
  readonly creationDate: string;
  readonly payload?: Json;
  readonly type: { readonly type: string; readonly localized?: object };
}

let zitadel: ZitadelEmulator;
let viewer: User;
let acme: Org;
let globex: Org;
let portal: Project;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  viewer = zitadel.addServiceUser('viewer');
  zitadel.addMember(viewer, 'instance', ['IAM_OWNER_VIEWER']);
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] });
});

afterAll(() => zitadel.stop());

function ask(body: unknown, user = viewer): Promise<Called> {
  return call(zitadel, PATH, zitadel.tokenFor(user), { body });
}

async function eventsOf(body: object): Promise<readonly EventJson[]> {
  const answer = await ask(body);
  expect(answer.status).toBe(200);
  return (answer.json['events'] ?? []) as readonly EventJson[];
}

/** What happened since `act` began: type, aggregate and payload of each event. */
async function told(act: () => void): Promise<readonly unknown[]> {
  const [last] = await eventsOf({ limit: 1 });
  act();
  const events = await eventsOf({ asc: true, range: { since: last?.creationDate } });
  return events.map(({ type, aggregate, payload }) => [
    type.type,
    aggregate.type.type,
    aggregate.id,
    payload,
  ]);
}

describe('an event', () => {
  it('says what happened to what, when, and by whom', async () => {
    const admin = zitadel.addUser('admin', { displayName: 'The Admin' });
    const user = zitadel.addUser('member');
    zitadel.setEditor(admin);
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    zitadel.setEditor(undefined);
    zitadel.removeMember(user, { org: acme });
    const [removed, added] = await eventsOf({ limit: 2 });
    const localized = (key: string, localizedMessage: string): object => ({
      localized: { key, localizedMessage },
    });
    expect(added).toEqual({
      editor: { userId: admin.id, displayName: 'The Admin', service: 'zitadel' },
      aggregate: {
        id: acme.id,
        type: { type: 'org', ...localized('AggregateTypes.org', 'Organization') },
        resourceOwner: acme.id,
      },
      sequence: expect.stringMatching(/^\d+$/) as string,
      creationDate: expect.stringMatching(/\.\d{6}Z$/) as string,
      payload: { roles: ['ORG_OWNER'], userId: user.id },
      type: {
        type: 'org.member.added',
        ...localized('EventTypes.org.member.added', 'Organization member added'),
      },
    });
    expect(removed?.editor).toEqual({ service: 'zitadel' });
    expect(Number(removed?.sequence)).toBe(Number(added?.sequence) + 1);
  });

  it('of a call names the caller', async () => {
    const owner = zitadel.addServiceUser('owner', { org: acme, displayName: 'Owner' });
    zitadel.addMember(owner, { org: acme }, ['ORG_OWNER']);
    const path = `/management/v1/projects/${portal.id}/grants`;
    const body = { grantedOrgId: zitadel.rootOrg.id, roleKeys: ['reader'] };
    const { json } = await call(zitadel, path, zitadel.tokenFor(owner), { body });
    const [event] = await eventsOf({ limit: 1 });
    const { grantId, details } = json as { grantId: string; details: Record<string, string> };
    expect(event).toMatchObject({
      editor: { userId: owner.id, displayName: 'Owner' },
      sequence: details['sequence'],
      creationDate: details['creationDate'],
      payload: { grantId, ...body },
      type: { type: 'project.grant.added' },
    });
    zitadel.removeGrant(grantId);
    expect((await eventsOf({ limit: 1 }))[0]?.editor).toEqual({ service: 'zitadel' });
  });
});

describe('the emulated world tells', () => {
  it('of members of every kind', async () => {
    const user = zitadel.addServiceUser('everywhere');
    const grant = zitadel.grantProject(portal, globex, ['reader']);
    const [on, project, projectGrant] = [
      { org: acme },
      { project: portal },
      { projectGrant: grant },
    ];
    const userId = user.id;
    const grantId = grant.id;
    const instanceId = zitadel.instanceId;
    const events = await told(() => {
      zitadel.addMember(user, 'instance', ['IAM_OWNER']);
      zitadel.changeMember(user, 'instance', ['IAM_OWNER_VIEWER']);
      zitadel.addMember(user, on, ['ORG_OWNER']);
      zitadel.addMember(user, project, ['PROJECT_OWNER']);
      zitadel.addMember(user, projectGrant, ['PROJECT_GRANT_OWNER']);
      zitadel.removeMember(user, projectGrant);
      zitadel.removeMember(user, project);
      zitadel.removeMember(user, on);
      zitadel.removeMember(user, 'instance');
      zitadel.removeGrant(grant);
    });
    const instance = ['instance', instanceId];
    expect(events).toEqual([
      ['instance.member.added', ...instance, { roles: ['IAM_OWNER'], userId }],
      ['instance.member.changed', ...instance, { roles: ['IAM_OWNER_VIEWER'], userId }],
      ['org.member.added', 'org', acme.id, { roles: ['ORG_OWNER'], userId }],
      ['project.member.added', 'project', portal.id, { roles: ['PROJECT_OWNER'], userId }],
      [
        'project.grant.member.added',
        'project',
        portal.id,
        { roles: ['PROJECT_GRANT_OWNER'], userId, grantId },
      ],
      ['project.grant.member.removed', 'project', portal.id, { userId, grantId }],
      ['project.member.removed', 'project', portal.id, { userId }],
      ['org.member.removed', 'org', acme.id, { userId }],
      ['instance.member.removed', ...instance, { userId }],
      ['project.grant.removed', 'project', portal.id, { grantId }],
    ]);
  });

  it('of a grant and of the roles given through it', async () => {
    const gina = zitadel.addServiceUser('gina', { org: globex });
    let grantId = '';
    const events = await told(() => {
      grantId = zitadel.grantProject(portal, globex, ['reader', 'writer']).id;
      zitadel.authorizeUser(gina, portal, ['reader', 'writer'], { org: globex });
      zitadel.changeGrant(grantId, ['reader']);
      zitadel.deactivateGrant(grantId);
      zitadel.reactivateGrant(grantId);
      zitadel.removeGrant(grantId);
    });
    const roleKeys = ['reader', 'writer'];
    const project = ['project', portal.id];
    const given = ['usergrant', expect.stringMatching(/^\d{18}$/)];
    const userGrant = { userId: gina.id, projectId: portal.id, grantId, roleKeys };
    expect(events).toEqual([
      ['project.grant.added', ...project, { grantId, grantedOrgId: globex.id, roleKeys }],
      ['user.grant.added', ...given, userGrant],
      ['project.grant.changed', ...project, { grantId, roleKeys: ['reader'] }],
      ['user.grant.cascade.changed', ...given, { roleKeys: ['reader'] }],
      ['project.grant.deactivated', ...project, { grantId }],
      ['project.grant.reactivated', ...project, { grantId }],
      ['project.grant.removed', ...project, { grantId }],
      ['user.grant.cascade.removed', ...given, undefined],
    ]);
  });

  it('of users, whose memberships and roles go with them at one moment', async () => {
    let user: User | undefined;
    const events = await told(() => {
      user = zitadel.addUser('short-lived', { org: acme });
      zitadel.deactivateUser(user);
      zitadel.reactivateUser(user);
      zitadel.lockUser(user);
      zitadel.unlockUser(user);
      zitadel.addMember(user, { org: globex }, ['ORG_OWNER']);
      zitadel.authorizeUser(user, portal, ['reader']);
      zitadel.removeUser(user);
    });
    expect(events.map((event) => (event as string[])[0])).toEqual([
      'user.human.added',
      'user.deactivated',
      'user.reactivated',
      'user.locked',
      'user.unlocked',
      'org.member.added',
      'user.grant.added',
      'user.removed',
      'user.grant.cascade.removed',
      'org.member.cascade.removed',
    ]);
    const last = await eventsOf({ limit: 3 });
    expect(new Set(last.map(({ creationDate }) => creationDate)).size).toBe(1);
    expect(last[0]?.payload).toEqual({ userId: user?.id });
    expect(last[2]?.aggregate).toMatchObject({ id: user?.id, resourceOwner: acme.id });
  });

  it('of organizations and projects, and of nothing that goes with an organization', async () => {
    const member = zitadel.addServiceUser('member of much');
    let ids: readonly string[] = [];
    const events = await told(() => {
      const org = zitadel.addOrg('initech');
      const [first, second] = ['first', 'second'].map((name) => zitadel.addProject(name, { org }));
      if (first === undefined || second === undefined) return;
      ids = [org.id, first.id];
      zitadel.addMember(member, { project: second }, ['PROJECT_OWNER']);
      zitadel.deactivateProject(first);
      zitadel.reactivateProject(first);
      zitadel.removeProject(first);
      zitadel.renameOrg(org, 'initrode');
      zitadel.deactivateOrg(org);
      zitadel.reactivateOrg(org);
      zitadel.removeOrg(org);
    });
    const [orgId, projectId] = ids;
    const [org, project] = [
      ['org', orgId],
      ['project', projectId],
    ];
    expect(events).toEqual([
      ['org.added', ...org, { name: 'initech' }],
      ['project.added', ...project, { name: 'first' }],
      ['project.added', 'project', expect.any(String), { name: 'second' }],
      ['project.member.added', 'project', expect.any(String), expect.any(Object)],
      ['project.deactivated', ...project, undefined],
      ['project.reactivated', ...project, undefined],
      ['project.removed', ...project, undefined],
      ['org.changed', ...org, { name: 'initrode' }],
      ['org.deactivated', ...org, {}],
      ['org.reactivated', ...org, {}],
      ['org.removed', ...org, undefined],
    ]);
  });
});

describe('a search of events', () => {
  let org: Org;

  beforeAll(() => {
    org = zitadel.addOrg('searched');
    for (const name of ['one', 'two', 'three']) {
      const user = zitadel.addUser(name, { org });
      zitadel.addMember(user, { org }, ['ORG_OWNER']);
    }
  });

  it('goes backwards unless told', async () => {
    const types = ['org.added', 'org.member.added'];
    const backwards = await eventsOf({ aggregateId: org.id, eventTypes: types });
    const forwards = await eventsOf({ aggregateId: org.id, eventTypes: types, asc: true });
    expect(forwards).toHaveLength(4);
    expect(forwards[0]?.type.type).toBe('org.added');
    expect(forwards).toEqual([...backwards].reverse());
  });

  it('filters by kind, owner, editor and place, all of it at once', async () => {
    const types = async (body: object): Promise<string[]> =>
      (await eventsOf({ asc: true, ...body })).map(({ type }) => type.type);
    const resourceOwner = org.id;
    expect(await types({ resourceOwner })).toHaveLength(7);
    expect(await types({ resourceOwner, aggregateTypes: ['user'] })).toEqual(
      Array.from({ length: 3 }, () => 'user.human.added'),
    );
    expect(await types({ resourceOwner, aggregateTypes: ['project'] })).toEqual([]);
    expect(await types({ resourceOwner, editorUserId: viewer.id })).toEqual([]);
    expect(await types({ aggregateId: org.id, sequence: '3' })).toEqual(['org.member.added']);
    const empty = await ask({ aggregateId: '1' });
    expect(empty.text).toBe('{}');
  });

  it('takes moments, which are left out themselves', async () => {
    const all = await eventsOf({ aggregateId: org.id, asc: true });
    const [first, , third, last] = all.map(({ creationDate }) => creationDate);
    const ids = async (body: object): Promise<string[]> =>
      (await eventsOf({ aggregateId: org.id, ...body })).map(({ sequence }) => sequence);
    expect(await ids({ asc: true, range: { since: first, until: last } })).toEqual(['2', '3']);
    expect(await ids({ asc: true, from: first })).toEqual(['2', '3', '4']);
    expect(await ids({ from: third })).toEqual(['2', '1']);
    expect(await ids({ range: { since: third }, from: first })).toEqual(['4']);
    const later = (first ?? '').replace(/(\d{3})Z$/, '+00:00');
    expect(await ids({ asc: true, range: { until: later } })).toEqual([]);
  });

  it('gives 1000 at most, and remembers 10,000', async () => {
    const busy = zitadel.addOrg('busy');
    for (let count = 0; count < 10_001; count += 1) zitadel.renameOrg(busy, 'busy');
    expect(await eventsOf({ limit: 5000 })).toHaveLength(1000);
    expect(await eventsOf({})).toHaveLength(1000);
    expect(await eventsOf({ eventTypes: ['org.added'] })).toEqual([]);
    expect(await eventsOf({ limit: 3 })).toHaveLength(3);
  });

  it('is for those who may read events', async () => {
    const owner = zitadel.addServiceUser('not enough', { org: acme });
    zitadel.addMember(owner, { org: acme }, ['ORG_OWNER']);
    const refused = await ask({}, owner);
    expect([refused.status, errorIdOf(refused)]).toEqual([403, 'AUTH-5mWD2']);
    const nobody = await ask({}, zitadel.addServiceUser('nobody'));
    expect([nobody.status, errorIdOf(nobody)]).toEqual([404, 'AUTHZ-cdgFk']);
    expect((await call(zitadel, PATH, undefined, { body: {} })).status).toBe(401);
  });

  it.each<[string, unknown]>([
    ['31 types', { eventTypes: Array.from({ length: 31 }, (_, at) => `org.${String(at)}`) }],
    ['11 aggregates', { aggregateTypes: Array.from({ length: 11 }, (_, at) => `a${String(at)}`) }],
    ['a moment that is none', { range: { since: 'yesterday' } }],
    ['a day that is none', { from: '2026-13-45T00:00:00Z' }],
    ['a number as moment', { from: 1 }],
    ['an order that is none', { asc: 'yes' }],
    ['a limit below zero', { limit: -1 }],
  ])('is refused with %s', async (_name, body) => {
    const refused = await ask(body);
    expect([refused.status, refused.json['code']]).toEqual([400, 3]);
  });
});
