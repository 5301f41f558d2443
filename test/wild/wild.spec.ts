import { readFileSync } from 'node:fs';
import type { ModuleMetadata } from '@nestjs/common';
import type { Express } from 'express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { untilTheEnd } from '../support/application.js';
import { startExpress, startNest } from '../support/start.js';
import * as optionalAfter from './optional-callers/after.js';
import * as optionalBefore from './optional-callers/before.js';
import * as claimsAfter from './roles-by-claim/after.js';
import * as claimsBefore from './roles-by-claim/before.js';
import * as sessionAfter from './session/after.js';
import * as sessionBefore from './session/before.js';
import type { Settings } from './wild.js';

// Set-ups that teams write by hand, and the same with this library: both answer one table of requests alike, but for the rows
// that say otherwise. Those are what the hand-written one gets wrong.
const zitadel = await ZitadelEmulator.start();
afterAll(() => zitadel.stop());
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const app = zitadel.addProject('articles', { org: acme, roles: ['editor', 'admin'] });
zitadel.grantProject(app, globex, ['editor', 'admin']);
const silent = () => undefined;
const settings: Settings = {
  // A "yes" counts for no longer than the request here: nothing waits for a TTL.
  options: zitadel.options({
    audience: app.id,
    timeoutMs: 60_000,
    budgetMs: 120_000,
    cache: { ttlMs: 0 },
    logger: { debug: silent, log: silent, warn: silent, error: silent },
  }),
  issuer: zitadel.issuer,
  projectId: app.id,
  orgId: acme.id,
};

const OF_THE_APP = {
  audience: [app.id],
  scopes: ['urn:zitadel:iam:org:projects:roles', 'urn:zitadel:iam:user:resourceowner'],
};
const person = (name: string, org = acme) => zitadel.addUser(name, { org });
const tokenOf = (user: ReturnType<typeof person>) => zitadel.tokenFor(user, OF_THE_APP);

const reader = person('reader');
const editor = person('editor');
zitadel.authorizeUser(editor, app, ['editor']);
const admin = person('admin');
zitadel.authorizeUser(admin, app, ['admin']);
const stranger = person('stranger', globex);
zitadel.authorizeUser(stranger, app, ['admin'], { org: globex });
const owner = person('owner');
zitadel.addMember(owner, { org: acme }, ['ORG_OWNER']);
const viewer = person('viewer');
zitadel.addMember(viewer, { org: acme }, ['ORG_OWNER_VIEWER']);
const root = person('root');
zitadel.addMember(root, 'instance', ['IAM_OWNER']);

let newcomers = 0;
const newcomer = () => person(`newcomer ${String((newcomers += 1))}`);

const JUNK = 'a.b.c';
const NOT_OURS = {
  junk: JUNK,
  expired: zitadel.expiredTokenFor(admin, OF_THE_APP),
  'signed by a stranger': zitadel.foreignTokenFor(admin, OF_THE_APP),
  'for another project': zitadel.tokenFor(admin, { ...OF_THE_APP, audience: ['1'] }),
};

/** One request, and the status that it gets; a second one where the library answers otherwise. */
type Row = readonly [
  what: string,
  ask: (url: string) => Promise<number>,
  before: number,
  after?: number,
];

async function statusOf(url: string, method = 'GET', headers: Record<string, string> = {}) {
  const reply = await fetch(url, { method, headers });
  await reply.arrayBuffer();
  return reply.status;
}

const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

/** `'POST /articles'`, with a token. */
const request = (line: string, token?: string) => (url: string) => {
  const [method = '', path = ''] = line.split(' ');
  return statusOf(`${url}${path}`, method, bearer(token));
};

const claims: readonly Row[] = [
  ['nobody reads', request('GET /articles'), 200],
  ['junk reads', request('GET /articles', JUNK), 200],
  ['nobody asks for their own', request('GET /articles/mine'), 401],
  ...Object.entries(NOT_OURS).map(([what, token]): Row => [
    what,
    request('GET /articles/mine', token),
    401,
  ]),
  ['a reader asks for their own', request('GET /articles/mine', tokenOf(reader)), 200],
  ['nobody writes', request('POST /articles'), 401],
  ['a reader writes', request('POST /articles', tokenOf(reader)), 403],
  ['an editor writes', request('POST /articles', tokenOf(editor)), 201],
  ['an admin writes', request('POST /articles', tokenOf(admin)), 201],
  ['an editor removes', request('DELETE /articles', tokenOf(editor)), 403],
  ['an admin removes', request('DELETE /articles', tokenOf(admin)), 200],
  [
    'an admin by the word of another organization removes',
    request('DELETE /articles', tokenOf(stranger)),
    200,
    403,
  ],
  [
    'an ID token of an admin asks for their own',
    request('GET /articles/mine', zitadel.idTokenFor(admin, OF_THE_APP)),
    200,
    401,
  ],
  [
    'an admin whose account is deactivated removes',
    (url) => {
      const gone = newcomer();
      zitadel.authorizeUser(gone, app, ['admin']);
      const token = tokenOf(gone);
      zitadel.deactivateUser(gone);
      return request('DELETE /articles', token)(url);
    },
    200,
    401,
  ],
];

const projects = `/orgs/${acme.id}/projects`;
const optional: readonly Row[] = [
  ['nobody visits', request('GET /showcase'), 200],
  [
    'a reader visits, and is known',
    async (url) => {
      const reply = await fetch(`${url}/showcase`, { headers: bearer(tokenOf(reader)) });
      const { visitor } = (await reply.json()) as { readonly visitor: unknown };
      return visitor === reader.id ? reply.status : 0;
    },
    200,
  ],
  ...Object.entries(NOT_OURS).map(([what, token]): Row => [
    what,
    request('GET /showcase', token),
    401,
  ]),
  ['nobody lists', request(`GET ${projects}`), 401],
  ['a reader lists', request(`GET ${projects}`, tokenOf(reader)), 403],
  ['a viewer lists', request(`GET ${projects}`, tokenOf(viewer)), 200],
  ['an owner of the instance lists', request(`GET ${projects}`, tokenOf(root)), 200],
  ['a viewer creates', request(`POST ${projects}`, tokenOf(viewer)), 403],
  ['an owner creates', request(`POST ${projects}`, tokenOf(owner)), 201],
  ['an owner lists elsewhere', request(`GET /orgs/${globex.id}/projects`, tokenOf(owner)), 403],
  ['an owner names no organization', request('GET /orgs/none/projects', tokenOf(owner)), 400],
  [
    'an ID token of a reader visits',
    request('GET /showcase', zitadel.idTokenFor(reader, OF_THE_APP)),
    200,
    401,
  ],
  [
    'an owner creates while ZITADEL fails',
    async (url) => {
      zitadel.fail('permissions', 503);
      const status = await request(`POST ${projects}`, tokenOf(owner))(url);
      zitadel.heal('permissions');
      return status;
    },
    403,
    503,
  ],
];

/** Signs in, does something in between, and asks with the cookie. */
const signedIn =
  (line: string, token: string, meanwhile: () => void = () => undefined) =>
  async (url: string) => {
    const [method = '', path = ''] = line.split(' ');
    const cookie = await signIn(url, token);
    meanwhile();
    return statusOf(`${url}${path}`, method, { cookie });
  };

async function signIn(url: string, accessToken: string): Promise<string> {
  const reply = await fetch(`${url}/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ accessToken }),
  });
  await reply.arrayBuffer();
  const [cookie = ''] = (reply.headers.get('set-cookie') ?? '').split(';');
  return reply.status === 204 ? cookie : '';
}

const invoices = `/orgs/${acme.id}/invoices`;
type Change = (user: ReturnType<typeof person>) => void;

/** A newcomer, perhaps with a role, about whom something changes after the sign-in. */
const changing = (line: string, roles: readonly string[], change: Change) => (url: string) => {
  const user = newcomer();
  if (roles.length > 0) zitadel.addMember(user, { org: acme }, roles);
  return signedIn(line, tokenOf(user), () => change(user))(url);
};

const session: readonly Row[] = [
  ['nobody asks who they are', request('GET /me'), 401],
  ...Object.entries(NOT_OURS).map(([what, token]): Row => [what, signedIn('GET /me', token), 401]),
  ['a reader asks who they are', signedIn('GET /me', tokenOf(reader)), 200],
  ['nobody reads', request(`GET ${invoices}`), 401],
  ['a reader reads', signedIn(`GET ${invoices}`, tokenOf(reader)), 403],
  ['a viewer reads', signedIn(`GET ${invoices}`, tokenOf(viewer)), 200],
  ['an owner reads', signedIn(`GET ${invoices}`, tokenOf(owner)), 200],
  ['an owner of the instance reads', signedIn(`GET ${invoices}`, tokenOf(root)), 200],
  ['a viewer removes', signedIn(`DELETE ${invoices}`, tokenOf(viewer)), 403],
  ['an owner removes', signedIn(`DELETE ${invoices}`, tokenOf(owner)), 204],
  ['an owner reads elsewhere', signedIn(`GET /orgs/${globex.id}/invoices`, tokenOf(owner)), 403],
  [
    'an owner names no organization',
    signedIn('GET /orgs/..%2F1/invoices', tokenOf(owner)),
    403,
    400,
  ],
  [
    'an owner whose role is taken away removes',
    changing(`DELETE ${invoices}`, ['ORG_OWNER'], (user) =>
      zitadel.removeMember(user, { org: acme }),
    ),
    204,
    403,
  ],
  [
    'somebody who has just become an owner removes',
    changing(`DELETE ${invoices}`, [], (user) =>
      zitadel.addMember(user, { org: acme }, ['ORG_OWNER']),
    ),
    403,
    204,
  ],
  [
    'an owner whose account is deactivated removes',
    changing(`DELETE ${invoices}`, ['ORG_OWNER'], (user) => zitadel.deactivateUser(user)),
    204,
    401,
  ],
];

const inNest = async (root: ModuleMetadata) => untilTheEnd(await startNest('express', root)).url;
const inExpress = async (built: Express) =>
  untilTheEnd(await startExpress((outer) => outer.use(built))).url;

const SETUPS = [
  {
    name: 'roles-by-claim',
    rows: claims,
    before: () => inNest(claimsBefore.application(settings)),
    after: () => inNest(claimsAfter.application(settings)),
  },
  {
    name: 'optional-callers',
    rows: optional,
    before: () => inNest(optionalBefore.application(settings)),
    after: () => inNest(optionalAfter.application(settings)),
  },
  {
    name: 'session',
    rows: session,
    before: () => inExpress(sessionBefore.application(settings)),
    after: () => inExpress(sessionAfter.application(settings)),
  },
];

/** Lines of code, without empty ones and comments. */
function linesOf(file: string): number {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  return text.split('\n').filter((line) => line.trim() !== '' && !/^\s*(\/\/|\/?\*)/.test(line))
    .length;
}

describe.each(SETUPS)('a set-up written by hand: $name', ({ name, rows, before, after }) => {
  const expected = (which: 'before' | 'after') =>
    rows.map(([what, , byHand, byUs = byHand]) => [what, which === 'before' ? byHand : byUs]);

  it.each([
    ['before', before],
    ['after', after],
  ] as const)('answers as the table says: %s', async (which, start) => {
    const url = await start();
    const answered: [string, number][] = [];
    for (const [what, ask] of rows) answered.push([what, await ask(url)]);
    expect(answered).toEqual(expected(which));
  });

  it('is smaller with the library', () => {
    const [byHand, byUs] = [linesOf(`${name}/before.ts`), linesOf(`${name}/after.ts`)];
    console.log(`${name}: ${byHand} lines before, ${byUs} after`);
    expect(byUs).toBeLessThan(byHand);
  });
});
