import { beforeAll, describe, expect, it, vi } from 'vitest';
import { role } from '../../../lib/core/requirement/builders.js';
import type { FreshOptions } from '../../../lib/core/requirement/requirement.js';
import { project, projectGrant } from '../../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { Org, User } from '../../../lib/testing/index.js';
import { gate } from '../../core/gate.js';
import { decide, realFetch, recorder, verdict } from '../parts.js';
import { useStillClock } from '../../support/still-clock.js';
import { useEmulator } from '../../support/world.js';

/** Owners of acme, which owns the projects, and of globex, to which they are granted. */
let names = 0;

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const alice = zitadel.addUser('alice');
const gina = zitadel.addUser('gina');
zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
useStillClock('performance');

const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';
const tokenOf = (user: User | undefined) => zitadel.tokenFor(idOf(user));
const libraryOf = (more: Partial<ZitadelOptions> = {}): Zitadel =>
  createZitadel(zitadel.options({ logger: recorder(), ...more }));
const newProject = () =>
  zitadel.addProject(`project ${(names += 1)}`, { org: acme.id, roles: ['reader'] });
const newGrant = (of = newProject()) => zitadel.grantProject(of, globex.id, ['reader']);

const owns = (id: string, options?: FreshOptions) => role('PROJECT_OWNER', project(id), options);
const manages = (id: string, options?: FreshOptions) =>
  role('PROJECT_GRANT_OWNER', projectGrant(id), options);
const between = (id: string, options?: FreshOptions) =>
  role('PROJECT_GRANT_OWNER', projectGrant({ project: id, grantedOrg: globex.id }), options);

describe('a look-up', () => {
  it('is made once for 200 requests that one caller makes at once', async () => {
    const [library, token, { id }] = [libraryOf(), zitadel.tokenFor(alice), newProject()];
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => verdict(library, token, owns(id))),
    );
    expect(new Set(answers)).toEqual(new Set(['yes']));
    expect(zitadel.requests('project')).toBe(1);
  });

  it('is made for 200 things that are not there, and then for no more of that caller', async () => {
    const library = libraryOf({ cache: { ttlMs: 3_600_000 } });
    const param = role('PROJECT_OWNER', project.param('projectId'));
    const token = zitadel.tokenFor(gina);
    const name = (at: number) => ({ projectId: String(1_000_000 + at) });
    for (let at = 0; at < 200; at += 1) {
      expect(await verdict(library, token, param, name(at))).toBe('role_missing');
    }
    expect(await decide(library, token, param, name(200))).toMatchObject({
      reason: 'unavailable',
      retryAfterMs: 30_000,
    });
    expect(zitadel.requests('project')).toBe(200);
    expect(await verdict(library, zitadel.tokenFor(alice), owns(newProject().id))).toBe('yes');
    vi.advanceTimersByTime(30_000);
    expect(await verdict(library, token, param, name(200))).toBe('role_missing');
  });
});

describe('what is counted as unknown', () => {
  it('is a thing, not each organization under which it was asked', async () => {
    const many = zitadel.addUser('many');
    const orgs = Array.from({ length: 50 }, (_, at) => zitadel.addOrg(`of many ${at}`));
    for (const org of orgs) zitadel.addMember(many, { org }, ['ORG_OWNER']);
    const [library, token] = [libraryOf(), tokenOf(many)];
    for (let at = 0; at < 8; at += 1) {
      const { id } = zitadel.addProject(`real ${at}`, { org: idOf(orgs.at(-1)) });
      expect(await verdict(library, token, owns(id))).toBe('yes');
    }
  });

  it('holds for a burst', async () => {
    const library = libraryOf({ budgetMs: 60_000 });
    const token = zitadel.tokenFor(gina);
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, at) => verdict(library, token, owns(String(2_000_000 + at)))),
    );
    expect(answers.filter((answer) => answer === 'unavailable')).toHaveLength(100);
    expect(zitadel.requests('project')).toBe(200);
  });
});

describe('a list of granted projects that is broken', () => {
  it.each<[string, unknown]>([
    ['no list', { result: 'x' }],
    ['rows that cannot be read', { result: [{}] }],
    ['fewer rows than it says', { details: { totalResult: '7' } }],
  ])('(%s) is an outage, never a no', async (_what, body) => {
    zitadel.failNext('grantedProjects', { status: 200, body });
    const library = libraryOf();
    const { projectId } = newGrant();
    expect(await verdict(library, zitadel.tokenFor(gina), between(projectId))).toBe('unavailable');
    expect(await verdict(library, zitadel.tokenFor(gina), between(projectId))).toBe('yes');
  });
});

describe('a caller who owns more than a hundred organizations', () => {
  const all: Org[] = [];
  let mona: User;
  beforeAll(() => {
    mona = zitadel.addUser('mona');
    for (let at = 0; at <= 100; at += 1) all.push(zitadel.addOrg(`of mona ${at}`));
    for (const org of all) zitadel.addMember(mona, { org }, ['ORG_OWNER']);
  });

  it('is told by an outage with a remedy that not all of them were asked', async () => {
    const token = tokenOf(mona);
    expect(await decide(libraryOf(), token, owns(newProject().id))).toMatchObject({
      reason: 'unavailable',
      remedy: expect.stringMatching(/\.in\(org.*projectOwner/) as string,
    });
    expect(zitadel.requests('project')).toBe(100);
  });

  it('is let in by each of them where the project is tied to it', async () => {
    const [first, last] = [all[0], all.at(-1)].map((org) =>
      zitadel.addProject('of mona', { org: idOf(org) }),
    );
    const [library, token] = [libraryOf(), tokenOf(mona)];
    const tied = (id: string, org: Org | undefined) =>
      role('PROJECT_OWNER', project(id).in(idOf(org)));
    expect(await verdict(library, token, tied(idOf(last), all.at(-1)))).toBe('yes');
    expect(await verdict(library, token, tied(idOf(first), all[0]))).toBe('yes');
    expect(zitadel.requests('project')).toBe(2);
  });

  it('is let in where the application knows the owner', async () => {
    const { id } = newProject();
    const library = libraryOf({ projectOwner: () => Promise.resolve(idOf(all.at(-1))) });
    expect(await verdict(library, tokenOf(mona), owns(id))).toBe('yes');
  });
});

describe('a fresh question', () => {
  it('does not believe what is remembered of a project grant', async () => {
    const library = libraryOf();
    const { id, projectId } = newGrant();
    expect(await verdict(library, zitadel.tokenFor(gina), manages(id))).toBe('yes');
    expect(await verdict(library, zitadel.tokenFor(gina), between(projectId))).toBe('yes');
    zitadel.removeGrant(id);
    expect(await verdict(library, zitadel.tokenFor(gina), manages(id))).toBe('yes');
    const fresh = { fresh: true };
    expect(await verdict(library, zitadel.tokenFor(gina), manages(id, fresh))).toBe('role_missing');
    expect(await verdict(library, zitadel.tokenFor(gina), between(projectId, fresh))).toBe(
      'role_missing',
    );
  });

  it('does not believe that there was nothing', async () => {
    const [library, token] = [libraryOf(), zitadel.tokenFor(alice)];
    zitadel.holdReads();
    const { id } = newProject();
    expect(await verdict(library, token, owns(id))).toBe('role_missing');
    zitadel.releaseReads();
    expect(await verdict(library, token, owns(id))).toBe('role_missing');
    expect(await verdict(library, token, owns(id, { fresh: true }))).toBe('yes');
    expect(await verdict(library, token, owns(id))).toBe('yes');
  });
});

describe('an eviction', () => {
  it('of a user forgets that there was nothing for the user, and for nobody else', async () => {
    const library = libraryOf();
    const other = zitadel.addUser('other');
    zitadel.addMember(other, { org: acme.id }, ['ORG_OWNER']);
    zitadel.holdReads();
    const { id } = newProject();
    for (const user of [alice, other]) {
      expect(await verdict(library, tokenOf(user), owns(id))).toBe('role_missing');
    }
    zitadel.releaseReads();
    await library.authorizer.evict(other.id);
    expect(await verdict(library, zitadel.tokenFor(alice), owns(id))).toBe('role_missing');
    await library.authorizer.evict(alice.id);
    expect(await verdict(library, zitadel.tokenFor(alice), owns(id))).toBe('yes');
  });

  it('of everybody forgets every fact', async () => {
    const library = libraryOf();
    const { id, projectId } = newGrant();
    expect(await verdict(library, zitadel.tokenFor(gina), manages(id))).toBe('yes');
    expect(await verdict(library, zitadel.tokenFor(alice), owns(projectId))).toBe('yes');
    zitadel.removeGrant(id);
    await library.authorizer.evictAll();
    expect(await verdict(library, zitadel.tokenFor(gina), manages(id))).toBe('role_missing');
    expect(await verdict(library, zitadel.tokenFor(alice), owns(projectId))).toBe('yes');
    expect(zitadel.requests('project')).toBe(2);
  });
});

describe('what is known of a project grant', () => {
  it('counts from when the question left, not from when the answer came', async () => {
    const [arrived, held] = [gate(), gate()];
    const library = libraryOf({
      cache: { ttlMs: 30_000 },
      fetch: async (url, init) => {
        const response = await realFetch(url, init);
        if (url.includes('/grants/')) {
          arrived.open();
          await held.passed;
        }
        return response;
      },
    });
    const [token, { id }] = [zitadel.tokenFor(gina), newGrant()];
    const first = verdict(library, token, manages(id));
    await arrived.passed;
    vi.advanceTimersByTime(29_000);
    held.open();
    expect(await first).toBe('yes');
    vi.advanceTimersByTime(999);
    expect(await verdict(library, token, manages(id))).toBe('yes');
    expect(zitadel.requests('getGrant')).toBe(1);
    zitadel.removeGrant(id);
    vi.advanceTimersByTime(1);
    expect(await verdict(library, token, manages(id))).toBe('role_missing');
  });

  it('is enough for one request, and for that one alone, where nothing may be remembered', async () => {
    const library = libraryOf({ cache: { ttlMs: 0 } });
    const { id, projectId } = newGrant();
    expect(await verdict(library, zitadel.tokenFor(gina), manages(id))).toBe('yes');
    expect(await verdict(library, zitadel.tokenFor(gina), between(projectId))).toBe('yes');
    zitadel.removeGrant(id);
    expect(await verdict(library, zitadel.tokenFor(gina), manages(id))).toBe('role_missing');
    expect(await verdict(library, zitadel.tokenFor(gina), between(projectId))).toBe('role_missing');
  });
});
