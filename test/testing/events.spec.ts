import { beforeAll, describe, expect, it } from 'vitest';
import type { Org, User } from '../../lib/testing/index.js';
import { call, type Called, decode, type Json, outcomeOf, useFurnished } from './calls.js';

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

const w = useFurnished((zitadel) => {
  const viewer = zitadel.addServiceUser('viewer');
  zitadel.addMember(viewer, 'instance', ['IAM_OWNER_VIEWER']);
  const [acme, globex] = [zitadel.addOrg('acme'), zitadel.addOrg('globex')];
  const portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] });
  return { viewer, acme, globex, portal };
});

function ask(body: unknown, user = w.viewer): Promise<Called> {
  return call(w.zitadel, PATH, w.zitadel.tokenFor(user), { body });
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
    const admin = w.zitadel.addUser('admin', { displayName: 'The Admin' });
    const user = w.zitadel.addUser('member');
    w.zitadel.setEditor(admin);
    w.zitadel.addMember(user, { org: w.acme }, ['ORG_OWNER']);
    w.zitadel.setEditor(undefined);
    w.zitadel.removeMember(user, { org: w.acme });
    const [removed, added] = await eventsOf({ limit: 2 });
    const localized = (key: string, localizedMessage: string): object => ({
      localized: { key, localizedMessage },
    });
    expect(added).toEqual({
      editor: { userId: admin.id, displayName: 'The Admin', service: 'zitadel' },
      aggregate: {
        id: w.acme.id,
        type: { type: 'org', ...localized('AggregateTypes.org', 'Organization') },
        resourceOwner: w.acme.id,
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
    const owner = w.zitadel.addServiceUser('owner', { org: w.acme, displayName: 'Owner' });
    w.zitadel.addMember(owner, { org: w.acme }, ['ORG_OWNER']);
    const path = `/management/v1/projects/${w.portal.id}/grants`;
    const body = { grantedOrgId: w.zitadel.rootOrg.id, roleKeys: ['reader'] };
    const { json } = await call(w.zitadel, path, w.zitadel.tokenFor(owner), { body });
    const [event] = await eventsOf({ limit: 1 });
    const { grantId, details } = json as { grantId: string; details: Record<string, string> };
    expect(event).toMatchObject({
      editor: { userId: owner.id, displayName: 'Owner' },
      sequence: details['sequence'],
      creationDate: details['creationDate'],
      payload: { grantId, ...body },
      type: { type: 'project.grant.added' },
    });
    w.zitadel.removeGrant(grantId);
    expect((await eventsOf({ limit: 1 }))[0]?.editor).toEqual({ service: 'zitadel' });
  });
});

describe('the emulated world tells', () => {
  it('of members of every kind', async () => {
    const user = w.zitadel.addServiceUser('everywhere');
    const grant = w.zitadel.grantProject(w.portal, w.globex, ['reader']);
    const [on, project, projectGrant] = [
      { org: w.acme },
      { project: w.portal },
      { projectGrant: grant },
    ];
    const userId = user.id;
    const grantId = grant.id;
    const instanceId = w.zitadel.instanceId;
    const events = await told(() => {
      w.zitadel.addMember(user, 'instance', ['IAM_OWNER']);
      w.zitadel.changeMember(user, 'instance', ['IAM_OWNER_VIEWER']);
      w.zitadel.addMember(user, on, ['ORG_OWNER']);
      w.zitadel.addMember(user, project, ['PROJECT_OWNER']);
      w.zitadel.addMember(user, projectGrant, ['PROJECT_GRANT_OWNER']);
      w.zitadel.removeMember(user, projectGrant);
      w.zitadel.removeMember(user, project);
      w.zitadel.removeMember(user, on);
      w.zitadel.removeMember(user, 'instance');
      w.zitadel.removeGrant(grant);
    });
    const instance = ['instance', instanceId];
    expect(events).toEqual([
      ['instance.member.added', ...instance, { roles: ['IAM_OWNER'], userId }],
      ['instance.member.changed', ...instance, { roles: ['IAM_OWNER_VIEWER'], userId }],
      ['org.member.added', 'org', w.acme.id, { roles: ['ORG_OWNER'], userId }],
      ['project.member.added', 'project', w.portal.id, { roles: ['PROJECT_OWNER'], userId }],
      [
        'project.grant.member.added',
        'project',
        w.portal.id,
        { roles: ['PROJECT_GRANT_OWNER'], userId, grantId },
      ],
      ['project.grant.member.removed', 'project', w.portal.id, { userId, grantId }],
      ['project.member.removed', 'project', w.portal.id, { userId }],
      ['org.member.removed', 'org', w.acme.id, { userId }],
      ['instance.member.removed', ...instance, { userId }],
      ['project.grant.removed', 'project', w.portal.id, { grantId }],
    ]);
  });

  it('of a grant and of the roles given through it', async () => {
    const gina = w.zitadel.addServiceUser('gina', { org: w.globex });
    let grantId = '';
    const events = await told(() => {
      grantId = w.zitadel.grantProject(w.portal, w.globex, ['reader', 'writer']).id;
      w.zitadel.authorizeUser(gina, w.portal, ['reader', 'writer'], { org: w.globex });
      w.zitadel.changeGrant(grantId, ['reader']);
      w.zitadel.deactivateGrant(grantId);
      w.zitadel.reactivateGrant(grantId);
      w.zitadel.removeGrant(grantId);
    });
    const roleKeys = ['reader', 'writer'];
    const project = ['project', w.portal.id];
    const given = ['usergrant', expect.stringMatching(/^\d{18}$/)];
    const userGrant = { userId: gina.id, projectId: w.portal.id, grantId, roleKeys };
    expect(events).toEqual([
      ['project.grant.added', ...project, { grantId, grantedOrgId: w.globex.id, roleKeys }],
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
      user = w.zitadel.addUser('short-lived', { org: w.acme });
      w.zitadel.deactivateUser(user);
      w.zitadel.reactivateUser(user);
      w.zitadel.lockUser(user);
      w.zitadel.unlockUser(user);
      w.zitadel.addMember(user, { org: w.globex }, ['ORG_OWNER']);
      w.zitadel.authorizeUser(user, w.portal, ['reader']);
      w.zitadel.removeUser(user);
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
    expect(last[2]?.aggregate).toMatchObject({ id: user?.id, resourceOwner: w.acme.id });
  });

  it('of tokens, keys and sessions that end', async () => {
    const [person, robot] = [w.zitadel.addUser('signed in'), w.zitadel.addServiceUser('robot')];
    const { zitadel } = w;
    const [jwt, opaque] = [zitadel.tokenFor(robot), zitadel.opaqueTokenFor(robot)];
    const [pat, session] = [zitadel.patFor(robot), zitadel.sessionTokenFor(person)];
    const { keyId } = JSON.parse(zitadel.addKey(robot)) as { keyId: string };
    const events = await told(() => {
      for (const token of [jwt, opaque, pat, pat, session]) zitadel.revokeToken(token);
      zitadel.removeKey(keyId);
      zitadel.endSessions(person);
    });
    const { jti } = decode(jwt.split('.')[1]) as { jti: string };
    const id = expect.stringMatching(/^\d{18}$/) as string;
    const tokens = expect.stringMatching(/^V2_\d{18}$/) as string;
    expect(events).toEqual([
      ['oidc_session.access_token.revoked', 'oidc_session', jti.split('-')[0], {}],
      ['oidc_session.access_token.revoked', 'oidc_session', tokens, {}],
      ['user.pat.removed', 'user', robot.id, { tokenId: id }],
      ['session.terminated', 'session', id, {}],
      ['user.machine.key.removed', 'user', robot.id, { keyId }],
      ['session.terminated', 'session', id, {}],
    ]);
  });

  it('of organizations and projects, and of nothing that goes with an organization', async () => {
    const member = w.zitadel.addServiceUser('member of much');
    let ids: readonly string[] = [];
    const events = await told(() => {
      const org = w.zitadel.addOrg('initech');
      const [first, second] = ['first', 'second'].map((name) =>
        w.zitadel.addProject(name, { org }),
      );
      if (first === undefined || second === undefined) return;
      ids = [org.id, first.id];
      w.zitadel.addMember(member, { project: second }, ['PROJECT_OWNER']);
      w.zitadel.deactivateProject(first);
      w.zitadel.reactivateProject(first);
      w.zitadel.removeProject(first);
      w.zitadel.renameOrg(org, 'initrode');
      w.zitadel.deactivateOrg(org);
      w.zitadel.reactivateOrg(org);
      w.zitadel.removeOrg(org);
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
    org = w.zitadel.addOrg('searched');
    for (const name of ['one', 'two', 'three']) {
      const user = w.zitadel.addUser(name, { org });
      w.zitadel.addMember(user, { org }, ['ORG_OWNER']);
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
    expect(await types({ resourceOwner, editorUserId: w.viewer.id })).toEqual([]);
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
    const busy = w.zitadel.addOrg('busy');
    for (let count = 0; count < 10_001; count += 1) w.zitadel.renameOrg(busy, 'busy');
    expect(await eventsOf({ limit: 5000 })).toHaveLength(1000);
    expect(await eventsOf({})).toHaveLength(1000);
    expect(await eventsOf({ eventTypes: ['org.added'] })).toEqual([]);
    expect(await eventsOf({ limit: 3 })).toHaveLength(3);
  });

  it('is for those who may read events', async () => {
    const owner = w.zitadel.addServiceUser('not enough', { org: w.acme });
    w.zitadel.addMember(owner, { org: w.acme }, ['ORG_OWNER']);
    const refused = await ask({}, owner);
    expect(outcomeOf(refused)).toEqual([403, 'AUTH-5mWD2']);
    const nobody = await ask({}, w.zitadel.addServiceUser('nobody'));
    expect(outcomeOf(nobody)).toEqual([404, 'AUTHZ-cdgFk']);
    expect((await call(w.zitadel, PATH, undefined, { body: {} })).status).toBe(401);
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
