import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createZitadel } from '../../../lib/create-zitadel.js';
import { type Org, type Project, ZitadelEmulator } from '../../../lib/testing/index.js';
import type { Fetch } from '../../../lib/zitadel/call.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import type { WantedGrant } from '../../../lib/zitadel/grants/ensure.js';
import type { ProjectGrantService } from '../../../lib/zitadel/grants/project-grant-service.js';
import { ZitadelApiError, ZitadelUnavailableError } from '../../../lib/zitadel/refusals.js';
import { gate } from '../../core/gate.js';
import { realFetch, recorder } from '../parts.js';

let zitadel: ZitadelEmulator;
let [acme, globex]: Org[] = [];
let tokens: string[];
let portal: Project;
let count = 0;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  tokens = ['one', 'other'].map((name) => {
    const user = zitadel.addServiceUser(name, { org: acme as Org });
    zitadel.addMember(user, { org: acme as Org }, ['ORG_OWNER']);
    return zitadel.patFor(user);
  });
});
afterAll(() => zitadel.stop());
beforeEach(() => {
  zitadel.heal();
  zitadel.lagReads(0);
  zitadel.releaseReads();
  count += 1;
  const roles = ['reader', 'writer', 'admin'];
  portal = zitadel.addProject(`portal ${count}`, { org: acme as Org, roles });
  zitadel.resetRequests();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

const byWriter = new AsyncLocalStorage<true>();

/** The pauses of writers are over at once, and the clock goes on by as much. What else runs in this process waits as ever. */
function skipPauses(): void {
  let skipped = 0;
  const wait = timers.setTimeout;
  const real = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => real() + skipped);
  vi.spyOn(timers, 'setTimeout').mockImplementation((ms = 0, ...given) => {
    if (!byWriter.getStore()) return wait(ms, ...given);
    skipped += ms;
    return Promise.resolve() as Promise<never>;
  });
  syncBuiltinESMExports();
}

const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';

/** A writer of its own: with its own service user, and what it does not share with anybody. */
function writer(at = 0, fetch: Fetch = realFetch): ProjectGrantService {
  byWriter.enterWith(true);
  const [serviceUser, logger] = [pat(tokens[at] ?? ''), recorder()];
  return createZitadel(zitadel.options({ serviceUser, logger, fetch })).projectGrants;
}

const wanted = (roleKeys: readonly string[], more: Partial<WantedGrant> = {}): WantedGrant => ({
  organizationId: idOf(acme),
  projectId: portal.id,
  grantedOrgId: idOf(globex),
  roleKeys,
  ...more,
});
const keeping = { keepOthers: true };

const before = (...roleKeys: string[]) => zitadel.grantProject(portal, globex as Org, roleKeys);
const found = () => zitadel.grants().filter(({ projectId }) => projectId === portal.id);

/** What there is now, whatever reads see. */
const now = () => found().map(({ roleKeys, state }) => ({ roleKeys: roleKeys.toSorted(), state }));
const active = (...roleKeys: string[]) => [{ roleKeys, state: 'active' }];

const errorOf = (asked: Promise<unknown>) => asked.catch((error: unknown) => error);

interface Api {
  readonly apis: 'v1' | 'v2';
  readonly add: 'addGrant' | 'addGrantV2';
  readonly change: 'changeGrant' | 'changeGrantV2';
  readonly list: 'listGrants' | 'listGrantsV2';
  /** v1 names a grant by an id of its own; v2 by its two ends. */
  readonly idAs: (id: string | undefined) => { readonly grantId?: string | undefined };
  readonly isChange: (...call: Parameters<Fetch>) => boolean;
}

const APIS: readonly Api[] = [
  {
    apis: 'v1',
    add: 'addGrant',
    change: 'changeGrant',
    list: 'listGrants',
    idAs: (grantId) => ({ grantId }),
    isChange: (_url, { method }) => method === 'PUT',
  },
  {
    apis: 'v2',
    add: 'addGrantV2',
    change: 'changeGrantV2',
    list: 'listGrantsV2',
    idAs: () => ({}),
    isChange: (url) => url.endsWith('/UpdateProjectGrant'),
  },
];

describe.each(APIS)('a grant that is made sure of by API $apis', (api) => {
  const { add, change, list, idAs, isChange } = api;
  // Where both are served, v1 is spoken.
  beforeAll(() => zitadel.serveApis(api.apis === 'v1' ? 'both' : 'v2'));

  it('is created where there is none', async () => {
    const ensured = await writer().ensure(wanted(['reader']));
    const [{ id } = { id: '' }] = found();
    const created = { roleKeys: ['reader'], state: 'active', outcome: 'created' };
    expect(ensured).toEqual({ ...idAs(id), ...created });
    expect(now()).toEqual(active('reader'));
  });

  it('is left as it is where it is right, in whatever order', async () => {
    const { id } = before('writer', 'reader');
    const ensured = await writer().ensure(wanted(['reader', 'writer', 'reader']));
    expect(ensured).toMatchObject({ ...idAs(id), outcome: 'unchanged', state: 'active' });
    expect(found()).toMatchObject([{ id, roleKeys: ['writer', 'reader'], state: 'active' }]);
    // By v2 it is written, since the list may be stale; in the order that is there, which changes nothing.
    expect(zitadel.requests(change)).toBe(api.apis === 'v1' ? 0 : 1);
    expect(zitadel.requests(add)).toBe(0);
  });

  it('gets exactly the roles that are wanted', async () => {
    const { id } = before('reader', 'writer');
    const ensured = await writer().ensure(wanted(['admin', 'reader']));
    expect(ensured).toEqual({
      ...idAs(id),
      roleKeys: ['admin', 'reader'],
      state: 'active',
      outcome: 'changed',
    });
    expect(found()).toMatchObject([{ id, roleKeys: ['admin', 'reader'], state: 'active' }]);
  });

  it.each([[[]], [['reader']]])('can be without roles, where there were %j', async (roleKeys) => {
    if (roleKeys.length > 0) before(...roleKeys);
    await writer().ensure(wanted([]));
    expect(now()).toEqual(active());
  });

  it('keeps the roles that others gave where that is wanted', async () => {
    skipPauses();
    const { id } = before('reader');
    const ensured = await writer().ensure(wanted(['admin'], keeping));
    expect(ensured).toMatchObject({
      ...idAs(id),
      outcome: 'changed',
      roleKeys: ['reader', 'admin'],
    });
    expect(now()).toEqual(active('admin', 'reader'));
    zitadel.resetRequests();
    const again = await writer().ensure(wanted(['reader'], keeping));
    expect(again).toMatchObject({ outcome: 'unchanged' });
    expect(zitadel.requests(change)).toBe(0);
  });

  it('stays inactive unless told otherwise', async () => {
    zitadel.deactivateGrant(before('reader'));
    const [as, reactivated] = [wanted(['reader']), wanted(['reader'], { reactivate: true })];
    const stayed = { outcome: 'unchanged', state: 'inactive' };
    expect(await writer().ensure(as)).toMatchObject(stayed);
    expect(now()).toMatchObject([{ state: 'inactive' }]);
    const changed = { outcome: 'changed', state: 'active' };
    expect(await writer().ensure(reactivated)).toMatchObject(changed);
    expect(now()).toEqual(active('reader'));
    expect(await writer().ensure(reactivated)).toMatchObject({ outcome: 'unchanged' });
  });

  it('is reactivated and changed in one go', async () => {
    skipPauses();
    const grant = before('reader');
    zitadel.deactivateGrant(grant);
    await writer().ensure(wanted(['admin'], { reactivate: true }));
    expect(now()).toEqual(active('admin'));
    zitadel.deactivateGrant(grant);
    const both = wanted(['reader'], { reactivate: true, keepOthers: true });
    expect(await writer().ensure(both)).toMatchObject({ state: 'active' });
    expect(now()).toEqual(active('admin', 'reader'));
  });

  it('of another project or organization is left alone', async () => {
    const initech = zitadel.addOrg(`initech ${count}`);
    const other = zitadel.addProject(`other ${count}`, { org: acme as Org, roles: ['reader'] });
    const untouched = [
      zitadel.grantProject(other, globex as Org, ['reader']),
      zitadel.grantProject(portal, initech, ['writer']),
    ];
    await writer().ensure(wanted(['admin']));
    for (const { id, roleKeys } of untouched) {
      expect(zitadel.grants().find((each) => each.id === id)?.roleKeys).toEqual(roleKeys);
    }
    expect(now()).toHaveLength(2);
  });

  describe('while the list does not show what there is', () => {
    it('and that was changed meanwhile gets the roles that are wanted all the same', async () => {
      const { id } = before('reader');
      zitadel.holdReads();
      zitadel.changeGrant(id, ['writer']);
      expect(await writer().ensure(wanted(['reader']))).toMatchObject({ outcome: 'changed' });
      expect(now()).toMatchObject([{ roleKeys: ['reader'] }]);
    });

    it('and that was removed before is made again', async () => {
      const grant = before('reader');
      zitadel.holdReads();
      zitadel.removeGrant(grant);
      const asked = writer().ensure(wanted(['reader']));
      if (api.apis === 'v2') {
        await expect.poll(() => zitadel.requests(change)).toBeGreaterThan(0);
        zitadel.releaseReads();
      }
      expect(await asked).toMatchObject({ outcome: 'created' });
      expect(found()).toHaveLength(1);
      expect(found()[0]?.id).not.toBe(grant.id);
    });

    it('for longer than ten seconds, is said not to be settled', async () => {
      zitadel.holdReads();
      before('reader');
      vi.useFakeTimers({ toFake: ['performance'] });
      const settings = api.apis === 'v1' ? {} : keeping;
      const ended = errorOf(writer().ensure(wanted(['admin'], settings)));
      await expect.poll(() => zitadel.requests(list)).toBeGreaterThan(2);
      vi.advanceTimersByTime(10_001);
      expect(await ended).toMatchObject({ code: 'grant_not_settled' });
      expect(now()).toMatchObject([{ roleKeys: ['reader'] }]);
    });
  });

  describe('when an answer is lost', () => {
    beforeEach(skipPauses);

    it.each([
      ['once', 0, 1],
      ['twice, while the list lags', 300, 2],
    ])('to its creation %s, is there once with the wanted roles', async (_how, lag, times) => {
      zitadel.lagReads(lag);
      zitadel.failNext(add, 'lose', times);
      const ensured = await writer().ensure(wanted(['reader']));
      expect(ensured).toMatchObject({ ...idAs(found()[0]?.id), outcome: 'created' });
      expect(now()).toEqual(active('reader'));
    });

    it('to its creation while the list lags, is told as created, and then as unchanged', async () => {
      zitadel.lagReads(300);
      zitadel.failNext(add, 'lose');
      const created = { outcome: 'created', roleKeys: ['reader'] };
      expect(await writer().ensure(wanted(['reader']))).toMatchObject(created);
      const again = await writer().ensure(wanted(['reader']));
      expect(again).toMatchObject({ outcome: 'unchanged' });
      expect(found()).toHaveLength(1);
    });

    it.each([1, 2])('to its change %d times, is told as changed', async (times) => {
      const { id } = before('reader');
      zitadel.failNext(change, 'lose', times);
      const ensured = await writer().ensure(wanted(['writer']));
      expect(ensured).toMatchObject({ ...idAs(id), outcome: 'changed', roleKeys: ['writer'] });
      expect(now()).toEqual(active('writer'));
    });

    it('to a read alone, is told as unchanged', async () => {
      before('reader');
      zitadel.failNext(list, 500);
      const ensured = await writer().ensure(wanted(['reader']));
      expect(ensured).toMatchObject({ outcome: 'unchanged' });
    });

    it.each(['refuse', 500, 503, 'garbage'] as const)(
      'or another failure happens (%s), is tried again',
      async (fault) => {
        zitadel.failNext(add, fault);
        const ensured = await writer().ensure(wanted(['reader']));
        expect(ensured).toMatchObject(idAs(found()[0]?.id));
        expect(now()).toEqual(active('reader'));
      },
    );

    it('every time, ends in an error after ten seconds', async () => {
      zitadel.fail(add, 500);
      const began = performance.now();
      const ended = await errorOf(writer().ensure(wanted(['reader'])));
      expect(ended).toBeInstanceOf(ZitadelUnavailableError);
      expect(performance.now() - began).toBeGreaterThanOrEqual(10_000);
      expect(zitadel.requests(add)).toBeGreaterThan(2);
      expect(now()).toEqual([]);
    });
  });

  it('is one of many that fail as unavailable, of which ZITADEL hears only a little', async () => {
    skipPauses();
    zitadel.fail(list, 'refuse');
    const many = Array.from({ length: 100 }, (_, at) =>
      wanted(['reader'], { grantedOrgId: `37200000000000${1000 + at}` }),
    );
    const errors: unknown[] = [];
    for await (const { error } of writer().ensureMany(many)) errors.push(error);
    expect(errors).toHaveLength(100);
    for (const error of errors) expect(error).toBeInstanceOf(ZitadelUnavailableError);
    // Less than one call a grant: six of them begin, and the breaker lets few of their calls through.
    expect(zitadel.requests(list)).toBeLessThan(100);
  });

  it.each<[string, string, () => Partial<WantedGrant>]>([
    ['an unknown role', 'COMMAND-6m9gd', () => ({ roleKeys: ['nonsense'] })],
    ['an unknown organization', 'COMMAND-3m9gg', () => ({ grantedOrgId: '404404404404404404' })],
    ['the owner itself', 'PROJECT-ckUpbvboAH', () => ({ grantedOrgId: idOf(acme) })],
    ['no rights', 'AUTHZ-cdgFk', () => ({ organizationId: idOf(globex) })],
  ])('is refused for %s at once', async (_what, id, more) => {
    const error = await errorOf(writer().ensure(wanted(['reader'], more())));
    expect(error).toBeInstanceOf(ZitadelApiError);
    expect(error).toMatchObject({ id });
    expect(zitadel.requests(add)).toBeLessThanOrEqual(1);
  });

  describe('by two writers at once', () => {
    it.each([0, 300])('who want the same is one, with a lag of %d ms', async (lag) => {
      zitadel.lagReads(lag);
      const both = await Promise.all([0, 1].map((at) => writer(at).ensure(wanted(['reader']))));
      const { id } = found()[0] ?? {};
      for (const each of both) expect(each).toMatchObject(idAs(id));
      expect(now()).toEqual(active('reader'));
    });

    it.each([0, 300])(
      'who want different things is one as one of them wants it, with a lag of %d ms',
      async (lag) => {
        zitadel.lagReads(lag);
        await Promise.all([
          writer(0).ensure(wanted(['reader', 'admin'])),
          writer(1).ensure(wanted(['writer'])),
        ]);
        expect([active('admin', 'reader'), active('writer')]).toContainEqual(now());
      },
    );

    it.each([0, 50])('who both add has what both add, with a lag of %d ms', async (lag) => {
      zitadel.lagReads(lag);
      await Promise.all([
        writer(0).ensure(wanted(['reader'], keeping)),
        writer(1).ensure(wanted(['writer'], keeping)),
      ]);
      expect(now()).toEqual(active('reader', 'writer'));
    });

    it('who both add has what both add, also where one is overtaken by the other', async () => {
      before('admin');
      const sent = gate();
      const held = gate();
      // One has read what there is and is about to write it down, when the other one reads and writes.
      const slow: Fetch = async (url, init) => {
        if (isChange(url, init)) {
          sent.open();
          await held.passed;
        }
        return realFetch(url, init);
      };
      const first = writer(0, slow).ensure(wanted(['reader'], keeping));
      await sent.passed;
      const second = writer(1).ensure(wanted(['writer'], keeping));
      await expect.poll(() => now()[0]?.roleKeys).toEqual(['admin', 'writer']);
      held.open();
      await Promise.all([first, second]);
      expect(now()).toEqual(active('admin', 'reader', 'writer'));
    });
  });
});

describe('by API v1, which reads the grant itself', () => {
  beforeAll(() => zitadel.serveApis('both'));

  it('one that the list does not show is found, not doubled', async () => {
    zitadel.holdReads();
    const { id } = before('reader');
    const asked = writer().ensure(wanted(['admin']));
    await expect.poll(() => zitadel.requests('addGrant')).toBeGreaterThan(0);
    zitadel.releaseReads();
    expect(await asked).toMatchObject({ grantId: id, outcome: 'changed' });
    expect(found()).toMatchObject([{ id, roleKeys: ['admin'], state: 'active' }]);
  });
});

describe('by API v2, which has nothing but the list', () => {
  beforeAll(() => zitadel.serveApis('v2'));

  it('one that it does not show is written all the same, without having been seen', async () => {
    zitadel.holdReads();
    before('reader');
    const ensured = await writer().ensure(wanted(['admin']));
    expect(ensured).toEqual({ roleKeys: ['admin'], state: 'unknown', outcome: 'changed' });
    expect(now()).toEqual(active('admin'));
  });

  it('the roles of others are waited for: what was not seen could not be kept', async () => {
    zitadel.holdReads();
    before('reader');
    const asked = writer().ensure(wanted(['admin'], keeping));
    await expect.poll(() => zitadel.requests('listGrantsV2')).toBeGreaterThan(4);
    expect(now()).toEqual(active('reader'));
    zitadel.releaseReads();
    expect(await asked).toMatchObject({ outcome: 'changed' });
    expect(now()).toEqual(active('admin', 'reader'));
  });

  it('an own write is not taken back by what it still shows', async () => {
    const { id } = before('reader');
    zitadel.lagReads(300);
    const first = writer().ensure(wanted(['admin'], keeping));
    await expect.poll(() => now()).toEqual(active('admin', 'reader'));
    // Another writer adds one while the list still shows neither.
    zitadel.changeGrant(id, ['reader', 'admin', 'writer']);
    expect(await first).toMatchObject({ outcome: 'changed' });
    expect(now()).toEqual(active('admin', 'reader', 'writer'));
  });

  it('a lost answer to the activation leaves an active grant', async () => {
    skipPauses();
    zitadel.deactivateGrant(before('reader'));
    zitadel.failNext('activateGrantV2', 'lose');
    await writer().ensure(wanted(['reader'], { reactivate: true }));
    expect(now()).toEqual(active('reader'));
  });
});
