import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { differences } from './captures/compare.js';
import { LEFT_OUT } from './captures/left-out.js';
import { RecordedWorld, claimsOf, headerOf } from './captures/recorded-world.js';
import { CHAPTERS, type Chapter, entriesOf, entryOf } from './captures/recording.js';
import { type Received, compare, exchange, send } from './captures/replay.js';

const FORM = { 'content-type': 'application/x-www-form-urlencoded', host: 'localhost:8080' };
const ZITADEL_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

const replayed = new Set<string>();
let world: RecordedWorld;

beforeAll(async () => {
  world = await RecordedWorld.start();
});

afterAll(async () => {
  await world.zitadel.stop();
});

/** Registers one test an entry, in the order of the numbers. */
function replays(
  chapter: Chapter,
  numbers: readonly number[],
  learn: (received: Received, entry: number) => void = () => undefined,
): void {
  for (const number of numbers) {
    const entry = entryOf(chapter, number);
    replayed.add(keyOf(chapter, number));
    it(`answers as recorded: ${chapter} ${String(number)}, ${entry.name}`, async () => {
      const received = await send(world, entry);
      expect(compare(world, entry, received)).toEqual([]);
      learn(received, number);
    });
  }
}

/** The same for entries that are no exchanges: a token is made, and its parts are compared. */
function shapes(chapter: Chapter, number: number, make: () => Promise<string> | string): void {
  const entry = entryOf(chapter, number);
  replayed.add(keyOf(chapter, number));
  it(`makes tokens as recorded: ${chapter} ${String(number)}, ${entry.name}`, async () => {
    const token = await make();
    expect(differences(entry.header, headerOf(token), world.ids)).toEqual([]);
    expect(differences(entry.claims, claimsOf(token), world.ids)).toEqual([]);
  });
}

/** What was done over the management API when it was recorded. */
function verb(title: string, act: () => void): void {
  it(`does by verb: ${title}`, () => {
    expect(act).not.toThrow();
  });
}

function keyOf(chapter: Chapter, number: number): string {
  return `${chapter} ${String(number)}`;
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function portalScope(): string {
  return `urn:zitadel:iam:org:project:id:${world.portal.id}:aud`;
}

async function tokensOf(name: string, scope: string): Promise<Record<string, string>> {
  const user = world.user(name);
  const { clientId, clientSecret } = world.zitadel.addSecret(user);
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope,
  });
  const { text } = await exchange(world, 'POST', '/oauth/v2/token', FORM, form.toString());
  return JSON.parse(text) as Record<string, string>;
}

async function tokenOf(name: string, scope: string): Promise<string> {
  return (await tokensOf(name, scope))['access_token'] ?? '';
}

async function signIn(location: string): Promise<string> {
  const page = await exchange(world, 'GET', location, { host: 'localhost:8080' }, undefined);
  const [, requestId = ''] = /name="authRequest" value="([^"]+)"/.exec(page.text) ?? [];
  const form = new URLSearchParams({ authRequest: requestId, userId: world.user('hank').id });
  const path = '/ui/v2/login/login';
  const done = await exchange(world, 'POST', path, FORM, form.toString());
  const { searchParams } = new URL(done.headers['location'] ?? '');
  expect(searchParams.get('state')).toBe('s-1');
  return searchParams.get('code') ?? '';
}

describe('before anything was set up', () => {
  replays('discovery', range(0, 10));
});

describe('right after the world was set up', () => {
  it('is built with verbs', async () => {
    world.setUp();
    const secret = world.labels.get('client secret of alice') ?? '';
    const full = `openid profile ${ZITADEL_SCOPE} ${portalScope()}`;
    for (const name of [
      'bob',
      'carol',
      'dave',
      'frank',
      'olga',
      'gina',
      'svc-acme',
      'svc-viewer',
    ]) {
      world.labels.set(`${name} token`, await tokenOf(name, full));
    }
    const withRoles = `${full} urn:zitadel:iam:org:projects:roles`;
    world.labels.set('dave token with roles', await tokenOf('dave', withRoles));
    expect(secret).not.toBe('');
    expect(world.labels.size).toBeGreaterThan(20);
  });

  replays('memberships', [0]);

  verb('makes frank a member of the grant and of the instance', () => {
    const { zitadel } = world;
    const frank = world.user('frank');
    zitadel.addMember(frank, { projectGrant: world.grantId }, ['PROJECT_GRANT_OWNER_VIEWER']);
    zitadel.addMember(frank, 'instance', ['IAM_USER_MANAGER']);
  });
});

describe('tokens of service users', () => {
  replays('tokens', range(0, 18), (received, number) => {
    if (number !== 0) return;
    const body = JSON.parse(received.text) as Record<string, string>;
    world.labels.set('alice token', body['access_token'] ?? '');
    world.labels.set('alice id token', body['id_token'] ?? '');
  });
  shapes('tokens', 19, () => world.labels.get('alice token') ?? '');
  shapes('tokens', 20, () => world.labels.get('alice id token') ?? '');
  shapes('tokens', 21, async () => {
    const token = await tokenOf('alice', `openid ${portalScope()}`);
    world.labels.set('alice token without zitadel audience', token);
    return token;
  });
  shapes('tokens', 22, () => tokenOf('alice', 'openid'));
  shapes('tokens', 23, () => world.labels.get('dave token with roles') ?? '');

  replayed.add(keyOf('tokens', 24));
  it('makes tokens as recorded: tokens 24, opaque token shape', () => {
    const entry = entryOf('tokens', 24);
    const opaque = world.labels.get('olga token');
    expect(differences(entry['sample'], opaque, world.ids)).toEqual([]);
    expect(differences(entry['pat'], world.labels.get('alice PAT'), world.ids)).toEqual([]);
  });
});

describe('a person signs in', () => {
  let location = '';
  let code = '';
  let refreshToken = '';

  it('has an application to sign in to', () => {
    const redirectUris = ['http://localhost:9/callback'];
    const { clientId } = world.zitadel.addApplication(world.portal, { redirectUris });
    world.ids.set('400999956447562790', clientId);
    expect(clientId).toMatch(/^\d{18}$/);
  });

  replays('human', [1], (received) => {
    location = received.headers['location'] ?? '';
  });

  it('picks a person on the sign-in page', async () => {
    code = await signIn(location);
    const recorded = entryOf('human', 4).request?.form?.['code'] ?? '';
    world.labels.set(recorded.slice(1, -1), code);
    expect(code).not.toBe('');
  });

  replays('human', [4, 5], (received, number) => {
    if (number !== 4) return;
    const body = JSON.parse(received.text) as Record<string, string>;
    world.labels.set('hank token', body['access_token'] ?? '');
    world.labels.set('hank id token', body['id_token'] ?? '');
    refreshToken = body['refresh_token'] ?? '';
  });

  replayed.add(keyOf('human', 6));
  it('makes tokens as recorded: human 6, session token shape', () => {
    const entry = entryOf('human', 6);
    const session = world.labels.get('hank session token');
    expect(differences(entry['sample'], session, world.ids)).toEqual([]);
    expect(differences(entry['code'], code, world.ids)).toEqual([]);
    expect(differences(entry['refreshToken'], refreshToken, world.ids)).toEqual([]);
  });

  shapes('human', 7, () => world.labels.get('hank token') ?? '');
  shapes('human', 8, () => world.labels.get('hank id token') ?? '');
});

describe('reads and grants', () => {
  replays('userinfo', range(0, 7));
  replays('memberships', range(3, 36));
  replays('user-memberships', range(0, 10));
  replays('projects', range(0, 4));
  replays('grants-v1', range(0, 38));
});

describe('roles on the wrong resource', () => {
  it.each([
    [37, () => ({ org: world.orgs.acme }), 'IAM_OWNER'],
    [38, () => 'instance' as const, 'ORG_OWNER'],
    [39, () => ({ projectGrant: world.grantId }), 'PROJECT_OWNER'],
  ])('are refused by the verb with the recorded id: memberships %i', (number, on, role) => {
    const recorded = entryOf('memberships', number).response?.body as { message: string };
    const add = (): void => {
      world.zitadel.addMember(world.user('olga'), on(), [role]);
    };
    expect(add).toThrow(recorded.message);
  });

  verb('are taken by a project if they are roles of a grant', () => {
    world.zitadel.addMember(world.user('olga'), { project: world.other }, ['PROJECT_GRANT_OWNER']);
  });

  replays('memberships', [41]);
});

describe('what is inactive', () => {
  replays('inactive', [0, 1, 3]);
  verb('deactivates the project', () => {
    world.zitadel.deactivateProject(world.portal);
  });
  replays('inactive', [5, 6]);
  verb('deactivates the organization', () => {
    world.zitadel.reactivateProject(world.portal);
    world.zitadel.deactivateOrg(world.orgs.acme);
  });
  replays('inactive', [10, 11]);
  verb('reactivates the organization', () => {
    world.zitadel.reactivateOrg(world.orgs.acme);
  });
});

describe('what is gone', () => {
  verb('removes the grant and deactivates dave', () => {
    world.zitadel.removeGrant(world.grantId);
    world.zitadel.deactivateUser(world.user('dave'));
  });
  replays('tokens', [25]);
  replays('memberships', [42, 43]);
  verb('removes dave', () => {
    world.zitadel.removeUser(world.user('dave'));
  });
  replays('tokens', [26]);
  replays('memberships', [45, 46]);
  verb('ends the session of hank', () => {
    world.zitadel.endSessions(world.user('hank'));
  });
  replays('memberships', [48]);
});

describe('the recording', () => {
  it('is replayed completely, but for what is listed with a reason', () => {
    const everything = CHAPTERS.flatMap((chapter) =>
      entriesOf(chapter).map((entry, number) => ({
        key: keyOf(chapter, number),
        name: entry.name,
      })),
    );
    const leftOut = new Map(
      LEFT_OUT.map(({ chapter, entry, name }) => [keyOf(chapter, entry), name]),
    );
    const forgotten = everything.filter(({ key }) => !replayed.has(key) && !leftOut.has(key));
    const misnamed = [...leftOut].filter(
      ([key, name]) => everything.find((entry) => entry.key === key)?.name !== name,
    );
    const both = [...leftOut.keys()].filter((key) => replayed.has(key));
    expect({ forgotten, misnamed, both }).toEqual({ forgotten: [], misnamed: [], both: [] });
    expect(replayed.size + leftOut.size).toBe(everything.length);
    const counts = CHAPTERS.map((chapter) => {
      const total = entriesOf(chapter).length;
      const own = [...replayed].filter((key) => key.startsWith(`${chapter} `)).length;
      return `${chapter} ${String(own)}/${String(total)}`;
    });
    console.info(
      `replayed ${String(replayed.size)}, left out ${String(leftOut.size)}, ` +
        `of ${String(everything.length)}: ${counts.join(', ')}`,
    );
  });
});
