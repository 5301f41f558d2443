import { afterEach, describe, expect, it } from 'vitest';
import { castOf } from './cast.js';
import { changesOn, closeServers, id, recordedIn, replay, TOKEN, worldOn } from './replaying.js';
import { EventEmitter } from 'node:events';
import { interruptible } from './interruption.js';

// What is made and changed in the recordings, but for the refusals.
const setup = recordedIn('./recorded/setup.json');
const signIn = recordedIn('../captures/human.json', /^(?!.*second use)/);
const rowsOfFrank = recordedIn('../captures/memberships.json', /member frank$/);
const impersonation = recordedIn(
  '../captures/impersonation.json',
  /allow|svc-actor|OIDC|^exchange/,
);
const later = [
  ...recordedIn('../captures/inactive.json', /^(de|re)activate/),
  ...recordedIn('../captures/memberships.json', /^terminate/),
  ...recordedIn(
    '../captures/webhooks.json',
    /^(org|iam|project|grant) .*(added|changed|removed)|^user/,
  ),
];

afterEach(closeServers);

describe('the world on a real server', () => {
  it('is made by the recorded requests and no others, but for credentials', async () => {
    const server = await replay([...setup, ...signIn, ...rowsOfFrank, ...impersonation]);
    const scene = await castOf(await worldOn(server));
    await scene.token('hank');
    const impersonated = await scene.token('alice impersonated');

    expect(impersonated).toBe('<alice token with act svc-actor>');
    expect(server.unknown).toEqual([]);
    expect(server.neverAsked).toEqual([]);
    expect(server.unrecorded).toEqual([
      expect.stringMatching(/^POST .*\/apps\/\d+\/keys$/),
      `POST /management/v1/users/${id('svc-login')}/pats`,
      `PUT /management/v1/users/${id('svc-actor')}/secret`,
    ]);
  });

  it('changes by the recorded requests', async () => {
    const server = await replay([...setup, ...signIn, ...rowsOfFrank, ...impersonation, ...later]);
    const world = await worldOn(server);
    const scene = await castOf(world);
    const { orgs, users, portal, grant } = scene.made;
    const signedIn = await scene.hank();
    await scene.token('alice impersonated');
    const before = server.unrecorded.length;

    await world.deactivateGrant(grant);
    await world.reactivateGrant(grant);
    await world.deactivateProject(portal);
    await world.reactivateProject(portal);
    await world.deactivateOrg(orgs.acme);
    await world.reactivateOrg(orgs.acme);
    await world.endSession(users.hank, signedIn);
    await world.addMember(users.dave, { org: orgs.acme }, ['ORG_OWNER_VIEWER']);
    await world.changeMember(users.dave, { org: orgs.acme }, ['ORG_OWNER']);
    await world.removeMember(users.dave, { org: orgs.acme });
    await world.addMember(users.dave, 'instance', ['IAM_OWNER_VIEWER']);
    await world.removeMember(users.dave, 'instance');
    await world.addMember(users.dave, { project: portal }, ['PROJECT_OWNER']);
    await world.removeMember(users.dave, { project: portal });
    await world.addMember(users.dave, { grant }, ['PROJECT_GRANT_OWNER']);
    await world.removeGrant(grant);
    await world.addMember(users.dave, { org: orgs.acme }, ['ORG_OWNER_VIEWER']);
    await world.deactivateUser(users.dave);
    await world.removeUser(users.dave);

    expect(server.unknown).toEqual([]);
    expect(server.neverAsked).toEqual([]);
    expect(server.unrecorded.slice(before)).toEqual([]);
  });

  it('goes on when a change can be seen, not before', async () => {
    const server = await replay([...setup, ...rowsOfFrank, ...signIn, ...impersonation, ...later]);
    const world = await worldOn(server);
    const { users, orgs, grant, portal } = (await castOf(world)).made;
    const member = `POST /management/v1/users/${id('dave')}/memberships/_search`;
    for (const [happens, look] of [
      [() => world.deactivateUser(users.dave), `GET /management/v1/users/${id('dave')}`],
      [() => world.deactivateOrg(orgs.acme), 'GET /management/v1/orgs/me'],
      [() => world.deactivateProject(portal), `GET /management/v1/projects/${id('portal')}`],
      [() => world.addMember(users.dave, { org: orgs.acme }, ['ORG_OWNER_VIEWER']), member],
      [() => world.removeMember(users.dave, { org: orgs.acme }), member],
      [
        () => world.removeGrant(grant),
        `POST /management/v1/projects/${id('portal')}/grants/_search`,
      ],
    ] as const) {
      const before = server.looks.length;
      await happens();
      // First it looks whether the organization is its own. The first look after that is answered with what was before.
      const own = 'GET /management/v1/orgs/me';
      expect(server.looks.slice(before)).toEqual([own, look, look]);
    }
  });

  it('makes what no recording has under the paths of the same API', async () => {
    const server = await replay([...setup, ...rowsOfFrank, ...signIn, ...impersonation]);
    const world = await worldOn(server);
    const { users, orgs, apiBasic } = (await castOf(world)).made;
    const before = server.unrecorded.length;

    const key = await world.addKey(users.alice);
    await world.removeKey(users.alice, key);
    const pat = await world.addPat(users.alice);
    await world.removePat(users.alice, pat);
    await world.lockUser(users.alice);
    await world.unlockUser(users.alice);
    await world.deactivateUser(users.bob);
    await world.reactivateUser(users.bob);
    await world.changePassword(users.hank);
    await world.deactivateApplication(apiBasic);
    await world.removeApplication(apiBasic);
    await world.removeOrg(orgs.initech);

    const user = `/management/v1/users/${id('alice')}`;
    expect(server.unknown).toEqual([]);
    expect(server.unrecorded.slice(before)).toEqual([
      `POST ${user}/keys`,
      `DELETE ${user}/keys/${key.keyId}`,
      `POST ${user}/pats`,
      `DELETE ${user}/pats/${pat.id}`,
      `POST ${user}/_lock`,
      `POST ${user}/_unlock`,
      `POST /management/v1/users/${id('bob')}/_deactivate`,
      `POST /management/v1/users/${id('bob')}/_reactivate`,
      `POST /v2/users/${id('hank')}/password`,
      `POST /management/v1/projects/${id('portal')}/apps/${apiBasic.appId}/_deactivate`,
      `DELETE /management/v1/projects/${id('portal')}/apps/${apiBasic.appId}`,
      `DELETE /admin/v1/orgs/${id('initech')}`,
    ]);
  });
});

describe('at the end', () => {
  it('what was made is removed in the opposite order', async () => {
    const server = await replay([...setup, ...signIn, ...rowsOfFrank, ...impersonation]);
    const world = await worldOn(server);
    const scene = await castOf(world);
    await scene.token('alice impersonated');
    await scene.token('hank');
    const before = server.unrecorded.length;
    await world.close();

    expect(server.unknown).toEqual([]);
    expect(server.unrecorded.slice(before)).toEqual([
      'PUT /admin/v1/policies/security',
      expect.stringMatching(/^DELETE \/v2\/sessions\/\d+$/),
      `DELETE /admin/v1/members/${id('svc-login')}`,
      `DELETE /management/v1/users/${id('svc-login')}`,
      `DELETE /admin/v1/members/${id('frank')}`,
      `DELETE /admin/v1/members/${id('svc-viewer')}`,
      `DELETE /management/v1/users/${id('svc-viewer')}`,
      ...['initech', 'globex', 'acme'].map((name) => `DELETE /admin/v1/orgs/${id(name)}`),
    ]);
  });

  it('what was made before a failure is removed too', async () => {
    const server = await replay(setup);
    server.refuse(/^POST .*\/users\/machine$/, 500);
    const world = await worldOn(server);
    await expect(castOf(world)).rejects.toThrow(/^POST \/management\/v1\/users\/machine: 500/);
    const before = server.unrecorded.length;
    await world.close();

    expect(server.unrecorded.slice(before)).toEqual(
      ['initech', 'globex', 'acme'].map((name) => `DELETE /admin/v1/orgs/${id(name)}`),
    );
  });

  it('a server that is away for a moment, or refuses for now, is asked again', async () => {
    const server = await replay(setup);
    const world = await worldOn(server);
    await world.addOrg('acme');
    server.refuse(/./, 503, 6);
    server.refuse(/^DELETE/, 429, 1);
    await world.close();

    expect(server.unrecorded).toEqual([`DELETE /admin/v1/orgs/${id('acme')}`]);
  });

  it('what cannot be removed is named, and the rest is removed', async () => {
    const server = await replay(setup);
    const world = await worldOn(server);
    await world.addOrg('acme');
    await world.addOrg('globex');
    server.refuse(/^DELETE/, 400, 1);

    await expect(world.close()).rejects.toThrow(
      /^left behind on the server:\n {2}organization globex-b737b2: 400/,
    );
    expect(server.unrecorded).toEqual([`DELETE /admin/v1/orgs/${id('acme')}`]);
  });

  it('nothing is made any more, as by a run that was interrupted', async () => {
    const server = await replay(setup);
    const world = await worldOn(server);
    await world.close();

    await expect(world.addOrg('acme')).rejects.toThrow('the run is over');
    expect(server.neverAsked).toContain('create org acme');
  });

  it('what a case has removed already is no trouble', async () => {
    const server = await replay(setup);
    const world = await worldOn(server);
    const acme = await world.addOrg('acme');
    await world.removeOrg(acme);
    server.refuse(/^DELETE/, 500);

    await expect(world.close()).resolves.toBeUndefined();
  });
});

describe('a real server', () => {
  it('is known by what it serves', async () => {
    const both = await worldOn(await replay(setup));
    expect([...both.serves]).toEqual(['v1', 'v2']);

    const bare = await replay(setup);
    bare.script(/openid-configuration$/, { status: 200, body: { issuer: bare.url } }, 1);
    bare.script(/openid-configuration$/, { status: 404, body: 'unable to set instance' });
    expect([...(await worldOn(bare)).serves]).toEqual(['v1', 'v2', 'instance header']);

    const server = await replay(setup);
    server.refuse(/ListAdministrators$/, 501);
    expect([...(await worldOn(server)).serves]).toEqual(['v1']);
  });

  it.each([
    [
      [{ iam: true, roles: ['IAM_OWNER_VIEWER', 'IAM_ORG_MANAGER'] }],
      /holds IAM_OWNER_VIEWER, IAM/,
    ],
    [[{ orgId: '7', roles: ['IAM_OWNER'] }], /holds no role on the instance/],
    [undefined, /holds no role on the instance/],
  ])('whose token is of somebody with %j says so before anything is made', async (result, told) => {
    const server = await replay(setup);
    const body = { details: {}, ...(result && { result }) };
    server.script(/memberships\/me\/_search$/, { status: 200, body });
    const failing = worldOn(server);

    await expect(failing).rejects.toThrow(told);
    await expect(failing).rejects.toThrow(
      /The suite needs a user who is IAM_OWNER\. Nothing was made$/,
    );
    expect(changesOn(server)).toEqual([]);
  });

  it('that does not take the token says so, without showing it', async () => {
    const server = await replay(setup);
    server.refuse(/^\w+ (?!.*openid)/, 401);
    const failing = worldOn(server);

    await expect(failing).rejects.toThrow('ZITADEL_PAT: the server does not accept this token');
    await expect(failing).rejects.not.toThrow(TOKEN);
  });
});

function promised<T>(): { readonly promise: Promise<T>; readonly keep: (value: T) => void } {
  let keep = (_value: T): void => undefined;
  const promise = new Promise<T>((resolve) => (keep = resolve));
  return { promise, keep: (value) => keep(value) };
}

function running(tidy: () => Promise<void>) {
  const said: string[] = [];
  const ended = promised<number>();
  const signals = new EventEmitter();
  const interrupted = interruptible(Object.assign(signals, { exit: ended.keep }), {
    tidy,
    server: 'https://acme.example',
    say: (line) => said.push(line),
  });
  return { signals, said, interrupted, ended: ended.promise };
}

describe('a run that somebody interrupts', () => {
  it('waits until everything is taken away, and ends with one line that says so', async () => {
    const tidied = promised<void>();
    const { signals, said, ended, interrupted } = running(() => tidied.promise);
    expect(interrupted()).toBe(false);

    signals.emit('SIGINT');
    expect(interrupted()).toBe(true);
    expect(said).toEqual([expect.stringMatching(/^SIGINT: taking away what was made/)]);

    // Impatience changes nothing.
    signals.emit('SIGINT');
    signals.emit('SIGTERM');
    tidied.keep();
    expect(await ended).toBe(130);
    expect(said.slice(1)).toEqual(['Interrupted. Nothing is left on https://acme.example.']);
  });

  it('says what is left where that is not everything', async () => {
    const { signals, said, ended } = running(() =>
      Promise.reject(new Error('left behind on the server:\n  organization acme')),
    );
    signals.emit('SIGTERM');
    expect(await ended).toBe(130);
    expect(said.at(-1)).toBe('Interrupted. left behind on the server:\n  organization acme');
  });
});
