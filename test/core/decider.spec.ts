import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  anyOf,
  authenticated,
  permission,
  role,
  projectRole,
} from '../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import { introspection } from '../../lib/callers.js';
import type { ZitadelOptions } from '../../lib/options.js';
import type { Org, User } from '../../lib/testing/index.js';
import { basic, pat } from '../../lib/zitadel/credentials.js';
import { decide, realFetch, recorder, verdict } from '../zitadel/parts.js';
import { gate, settle } from './gate.js';
import { MemoryStore } from './store/memory-store.js';
import { useStillClock } from '../support/still-clock.js';
import { useEmulator } from '../support/world.js';

const DENIAL_MS = 2_000;

/** Where everybody has a home, where the user is owner, and where nobody is anything yet. */
let [home, own, other]: Org[] = [];
let user: User;
let token: string;
let reader: User;

const zitadel = await useEmulator();

let turn = 0;
useStillClock('performance', 'Date');
beforeEach(() => {
  turn += 1;
  [home, own, other] = ['home', 'own', 'other'].map((name) => zitadel.addOrg(`${name} ${turn}`));
  user = zitadel.addUser(`user ${turn}`, { org: home as Org });
  zitadel.addMember(user, { org: own as Org }, ['ORG_OWNER']);
  token = zitadel.tokenFor(user);
  reader = zitadel.addServiceUser(`reader ${turn}`, { org: home as Org });
  for (const each of [home, own, other]) {
    zitadel.addMember(reader, { org: each as Org }, ['ORG_OWNER_VIEWER']);
  }
  counted = { reads: 0 };
});

const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';
const owns = (of: Org | undefined) => role('ORG_OWNER', org(idOf(of)));
const give = () => zitadel.addMember(user, { org: other as Org }, ['ORG_OWNER']);
const reads = () => counted.reads;
/** Of this test alone: a read that was given up by the one before may still be on its way. */
let counted = { reads: 0 };

function libraryOf(more: Partial<ZitadelOptions> = {}, store?: MemoryStore): Zitadel {
  const mine = counted;
  const { fetch = realFetch } = more;
  const counting: typeof realFetch = (url, init) => {
    if (url.includes('/memberships/')) mine.reads += 1;
    return fetch(url, init);
  };
  const options = zitadel.options({ logger: recorder(), ...more, fetch: counting });
  return createZitadel(options, { sharedCache: store });
}

const asServiceUser = (): Partial<ZitadelOptions> => ({
  memberships: { as: 'serviceUser', organizations: [home, own, other].map(idOf) },
  serviceUser: pat(zitadel.patFor(reader)),
});

/** Lets a while pass in which the user comes with every kind of question that is allowed and denied. */
async function denied(library: Zitadel, forMs: number, stepMs: number, as = token) {
  for (let ms = 0; ms < forMs; ms += stepMs) {
    expect(await verdict(library, as, owns(other))).toBe('role_missing');
    vi.advanceTimersByTime(stepMs);
  }
}

describe.each<[string, () => Partial<ZitadelOptions>]>([
  ['the caller', () => ({})],
  ['the service user', asServiceUser],
])('a "no" over memberships read as %s', (_how, options) => {
  /** How many calls one read is: as the service user one an organization. */
  const perRead = () => (options().memberships ? 3 : 1);

  it('is repeated while it is young, and gives way to a right that was given meanwhile', async () => {
    const library = libraryOf(options());
    expect(await verdict(library, token, owns(other))).toBe('role_missing');
    give();
    vi.advanceTimersByTime(DENIAL_MS);
    expect(await verdict(library, token, owns(other))).toBe('role_missing');
    expect(reads()).toBe(perRead());
    vi.advanceTimersByTime(1);
    expect(await verdict(library, token, owns(other))).toBe('yes');
    expect(reads()).toBe(2 * perRead());
  });

  it('is a promise only where something is asked', async () => {
    const library = libraryOf(options());
    const request = { headers: { authorization: `Bearer ${token}` } };
    const ask = (of: Org | undefined) =>
      library.decisions.authorize(request, library.decisions.prepare(owns(of)));
    await ask(other);
    expect(ask(other)).not.toBeInstanceOf(Promise);
    vi.advanceTimersByTime(DENIAL_MS + 1);
    expect(ask(own)).not.toBeInstanceOf(Promise);
    const asked = ask(other);
    expect(asked).toBeInstanceOf(Promise);
    await asked;
    expect(ask(other)).not.toBeInstanceOf(Promise);
  });

  it('costs a read an interval, however many requests, routes and kinds of questions there are', async () => {
    const library = libraryOf(options());
    const decision = await decide(library, token, owns(own));
    if (!decision.allowed) throw new Error(decision.reason);
    for (let ms = 0; ms < 10 * DENIAL_MS; ms += 100) {
      const asked = [owns(other), owns(home), role('IAM_OWNER'), anyOf(owns(home), owns(other))];
      const all = [
        ...Array.from({ length: 5 }, () => asked.map((one) => verdict(library, token, one))).flat(),
        ...asked.map(async (one) => String(await library.authorizer.can(decision.caller, one))),
      ];
      expect(new Set(await Promise.all(all))).toEqual(new Set(['role_missing', 'false']));
      vi.advanceTimersByTime(100);
    }
    expect(reads() / perRead()).toBeLessThanOrEqual(10);
    expect(reads() / perRead()).toBeGreaterThanOrEqual(9);
  });

  it('never costs a "yes" anything', async () => {
    const library = libraryOf(options());
    for (let ms = 0; ms < 30_000; ms += 100) {
      expect(await verdict(library, token, owns(own))).toBe('yes');
      vi.advanceTimersByTime(100);
    }
    expect(reads()).toBe(perRead());
  });

  it('is given to nobody while ZITADEL cannot be asked: it is not known any more', async () => {
    const library = libraryOf(options());
    expect(await verdict(library, token, owns(other))).toBe('role_missing');
    zitadel.fail('memberships', 503);
    zitadel.fail('userMemberships', 503);
    expect(await verdict(library, token, owns(other))).toBe('role_missing');
    vi.advanceTimersByTime(DENIAL_MS + 1);
    expect(await verdict(library, token, owns(other))).toBe('unavailable');
    expect(await verdict(library, token, owns(own))).toBe('yes');
    zitadel.heal();
    // Past every pause.
    vi.advanceTimersByTime(29_000 - DENIAL_MS);
    expect(await verdict(library, token, owns(other))).toBe('role_missing');
  });

  it('is asked for each time where denialMs is 0, and as long as it is remembered where it is the TTL', async () => {
    const [never, long] = [0, 30_000].map((denialMs) =>
      libraryOf({ ...options(), cache: { denialMs } }),
    ) as [Zitadel, Zitadel];
    await denied(never, 10_000, 1_000);
    expect(reads() / perRead()).toBe(10);
    counted.reads = 0;
    await denied(long, 30_000, 1_000);
    expect(reads() / perRead()).toBe(1);
  });

  it('is answered to everybody who comes meanwhile by one read', async () => {
    const held = gate();
    let holds = false;
    const library = libraryOf({
      ...options(),
      fetch: async (url, init) => {
        if (holds) await held.passed;
        return realFetch(url, init);
      },
    });
    await denied(library, DENIAL_MS + 100, DENIAL_MS + 100);
    give();
    counted.reads = 0;
    holds = true;
    const asked = Array.from({ length: 200 }, () => verdict(library, token, owns(other)));
    await settle();
    held.open();
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['yes']));
    expect(reads()).toBe(perRead());
  });

  it('is explained by what was asked for again', async () => {
    const library = libraryOf(options());
    const decision = await decide(library, token, owns(own));
    if (!decision.allowed) throw new Error(decision.reason);
    give();
    vi.advanceTimersByTime(DENIAL_MS + 1);
    const explained = await library.authorizer.explain(
      decision.caller,
      anyOf(owns(home), owns(other)),
    );
    expect(explained).toMatchObject({ allowed: true, by: { id: idOf(other) }, ageMs: 0 });
    expect(explained.parts.map(({ allowed }) => allowed)).toEqual([false, true]);
    expect(reads()).toBe(2 * perRead());
  });
});

describe('a "no" of a user with many tokens', () => {
  const tokens = () => Array.from({ length: 30 }, () => zitadel.tokenFor(user));

  it('is asked for once, where the service user reads', async () => {
    const [library, all] = [libraryOf(asServiceUser()), tokens()];
    for (const each of all) expect(await verdict(library, each, owns(other))).toBe('role_missing');
    vi.advanceTimersByTime(DENIAL_MS + 1);
    counted.reads = 0;
    for (const each of all) expect(await verdict(library, each, owns(other))).toBe('role_missing');
    expect(reads()).toBe(3);
    give();
    vi.advanceTimersByTime(DENIAL_MS + 1);
    for (const each of all) expect(await verdict(library, each, owns(other))).toBe('yes');
    expect(reads()).toBe(6);
  });

  it('is asked for 8 times an interval, where each token reads, and repeated beyond that', async () => {
    const [library, all] = [libraryOf(), tokens()];
    for (const each of all) expect(await verdict(library, each, owns(other))).toBe('role_missing');
    for (let interval = 0; interval < 3; interval += 1) {
      vi.advanceTimersByTime(DENIAL_MS + 1);
      counted.reads = 0;
      const answers = await Promise.all(all.map((each) => verdict(library, each, owns(other))));
      expect(new Set(answers)).toEqual(new Set(['role_missing']));
      expect(reads()).toBe(8);
    }
    // A right that is there costs nothing of it.
    give();
    vi.advanceTimersByTime(DENIAL_MS + 1);
    for (const each of all) expect(await verdict(library, each, owns(other))).toBe('yes');
  });

  it('is unavailable beyond 200 in half a minute, where none may be repeated', async () => {
    const library = libraryOf({ cache: { denialMs: 0 } });
    const answers: string[] = [];
    for (let i = 0; i < 210; i += 1) {
      vi.advanceTimersByTime(10);
      answers.push(await verdict(library, token, owns(other)));
    }
    expect(answers.indexOf('unavailable')).toBe(201);
    expect(reads()).toBe(201);
  });
});

describe('a "no" about a bare user id', () => {
  it('gives way to a right that was given meanwhile', async () => {
    const library = libraryOf(asServiceUser());
    expect(await library.authorizer.can(user.id, owns(other))).toBe(false);
    give();
    expect(await library.authorizer.can(user.id, owns(other))).toBe(false);
    vi.advanceTimersByTime(DENIAL_MS + 1);
    expect(await library.authorizer.can(user.id, owns(other))).toBe(true);
    expect(reads()).toBe(6);
  });
});

describe('a "no" that rests on look-ups', () => {
  it('finds the grant that was made meanwhile, between a project and an organization', async () => {
    const library = libraryOf();
    const portal = zitadel.addProject('portal', { org: other as Org, roles: ['reader'] });
    const manages = role(
      'PROJECT_GRANT_OWNER',
      projectGrant({ project: project(portal.id), grantedOrg: org(idOf(own)) }),
    );
    expect(await verdict(library, token, manages)).toBe('role_missing');
    zitadel.grantProject(portal, own as Org, ['reader']);
    vi.advanceTimersByTime(DENIAL_MS);
    expect(await verdict(library, token, manages)).toBe('role_missing');
    expect(zitadel.requests('grantedProjects')).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await verdict(library, token, manages)).toBe('yes');
    expect(zitadel.requests('grantedProjects')).toBe(2);
  });

  it('asks for what was not there an interval at a time, and at most for 8 such things', async () => {
    const library = libraryOf();
    const unknown = Array.from({ length: 20 }, (_, at) =>
      role('PROJECT_OWNER', project(`4040${String(at)}`)),
    );
    for (const each of unknown) expect(await verdict(library, token, each)).toBe('role_missing');
    vi.advanceTimersByTime(DENIAL_MS + 1);
    counted.reads = 0;
    zitadel.resetRequests();
    for (let again = 0; again < 5; again += 1) {
      for (const each of unknown) expect(await verdict(library, token, each)).toBe('role_missing');
    }
    expect(zitadel.requests('project')).toBeLessThanOrEqual(8);
    expect(reads()).toBe(1);
  });

  it('asks again for permissions', async () => {
    const library = libraryOf();
    const member = zitadel.addUser(`member ${turn}`, { org: home as Org });
    zitadel.addMember(member, { org: own as Org }, ['ORG_USER_PERMISSION_EDITOR']);
    const as = zitadel.tokenFor(member);
    const writes = permission('org.write', org(idOf(own)));
    expect(await verdict(library, as, writes)).toBe('permission_missing');
    zitadel.removeMember(member, { org: own as Org });
    zitadel.addMember(member, { org: own as Org }, ['ORG_OWNER']);
    vi.advanceTimersByTime(DENIAL_MS);
    expect(await verdict(library, as, writes)).toBe('permission_missing');
    expect(zitadel.requests('permissions')).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await verdict(library, as, writes)).toBe('yes');
    expect(zitadel.requests('permissions')).toBe(2);
  });

  it('is not known while the look-up fails', async () => {
    const library = libraryOf();
    const unknown = role('PROJECT_OWNER', project('404404'));
    expect(await verdict(library, token, unknown)).toBe('role_missing');
    zitadel.fail('project', 503);
    vi.advanceTimersByTime(DENIAL_MS + 1);
    expect(await verdict(library, token, unknown)).toBe('unavailable');
  });
});

describe('a "no" that rests on claims', () => {
  it('asks again by introspection', async () => {
    const app = zitadel.addApiApplication(zitadel.defaultProject);
    const library = libraryOf({
      callers: introspection(basic(app.clientId, app.clientSecret)),
      projectId: zitadel.defaultProject.id,
    });
    const asked = anyOf(
      projectRole('editor', { org: idOf(home) }),
      authenticated({ organizations: [idOf(other)] }),
    );
    expect(await verdict(library, token, asked)).toBe('project_role_missing');
    vi.advanceTimersByTime(DENIAL_MS);
    expect(await verdict(library, token, asked)).toBe('project_role_missing');
    expect(zitadel.requests('introspect')).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await verdict(library, token, asked)).toBe('project_role_missing');
    expect(zitadel.requests('introspect')).toBe(2);
  });

  it('of a JWT asks nothing: the token goes on saying the same', async () => {
    const library = libraryOf();
    const asked = authenticated({ organizations: [idOf(other)] });
    for (let ms = 0; ms < 20_000; ms += 1_000) {
      expect(await verdict(library, token, asked)).toBe('organization_not_accepted');
      vi.advanceTimersByTime(1_000);
    }
    expect(reads()).toBe(1);
  });
});

describe('a resource that code of the application does not find', () => {
  it('is asked for again as often as one of somebody else, so that time does not tell them apart', async () => {
    const slug = () => undefined;
    for (const asked of [owns(other), role('ORG_OWNER', org.from(slug))]) {
      counted = { reads: 0 };
      const library = libraryOf();
      for (let ms = 0; ms < 10_000; ms += 1_000) {
        expect(await verdict(library, token, asked)).toBe('role_missing');
        vi.advanceTimersByTime(1_000);
      }
      expect(reads()).toBe(4);
    }
    const both = anyOf(role('ORG_OWNER', org.from(slug)), role('ORG_OWNER', org.param('orgId')));
    expect(await verdict(libraryOf(), token, both)).toBe('resource_missing');
    expect(await verdict(libraryOf(), token, both, { orgId: idOf(own) })).toBe('yes');
  });
});

describe('the own organization that a token does not say', () => {
  it('is not asked for again, and is no denial, whatever else is missing', async () => {
    const library = libraryOf();
    const mine = role('ORG_OWNER', org.ofCaller());
    for (let ms = 0; ms < 10_000; ms += 1_000) {
      expect(await verdict(library, token, mine)).toBe('misconfigured');
      vi.advanceTimersByTime(1_000);
    }
    expect(reads()).toBe(1);
    const either = anyOf(mine, role('ORG_OWNER', org.param('orgId')));
    expect(await verdict(library, token, either)).toBe('misconfigured');
    expect(await verdict(library, token, either, { orgId: idOf(own) })).toBe('yes');
  });
});

describe('what makes no difference', () => {
  it('is a request that names no resource', async () => {
    const library = libraryOf();
    const asked = role('ORG_OWNER', org.param('orgId'));
    for (let ms = 0; ms < 20_000; ms += 1_000) {
      expect(await verdict(library, token, asked)).toBe('resource_missing');
      vi.advanceTimersByTime(1_000);
    }
    expect(reads()).toBe(1);
  });
});

describe('a "no" in several processes', () => {
  const cache = { shared: { secret: 's'.repeat(32) } };

  it('gives way to a right that another one has seen, without a read of its own', async () => {
    const store = new MemoryStore();
    const [one, two] = [libraryOf({ cache }, store), libraryOf({ cache }, store)];
    expect(await verdict(one, token, owns(other))).toBe('role_missing');
    await settle();
    expect(await verdict(two, token, owns(other))).toBe('role_missing');
    expect(reads()).toBe(1);
    give();
    vi.advanceTimersByTime(DENIAL_MS + 1);
    expect(await verdict(one, token, owns(other))).toBe('yes');
    await settle();
    expect(await verdict(two, token, owns(other))).toBe('yes');
    expect(reads()).toBe(2);
  });

  it('is not proved by what the store held before', async () => {
    const store = new MemoryStore();
    const [one, two] = [libraryOf({ cache }, store), libraryOf({ cache }, store)];
    expect(await verdict(one, token, owns(other))).toBe('role_missing');
    await settle();
    give();
    vi.advanceTimersByTime(DENIAL_MS + 1);
    // It comes to this process for the first time, and is older than a "no" may be.
    expect(await verdict(two, token, owns(other))).toBe('yes');
    expect(reads()).toBe(2);
  });
});

describe('an eviction', () => {
  it('while a "no" is asked for again lets nothing be kept of it', async () => {
    const [arrived, held] = [gate(), gate()];
    let holds = false;
    const library = libraryOf({
      fetch: async (url, init) => {
        const response = await realFetch(url, init);
        if (holds) {
          holds = false;
          arrived.open();
          await held.passed;
        }
        return response;
      },
    });
    await denied(library, DENIAL_MS + 1, DENIAL_MS + 1);
    holds = true;
    const before = verdict(library, token, owns(other));
    await arrived.passed;
    give();
    await library.authorizer.evict(user.id);
    held.open();
    expect(await before).toBe('role_missing');
    expect(await verdict(library, token, owns(other))).toBe('yes');
  });
});
