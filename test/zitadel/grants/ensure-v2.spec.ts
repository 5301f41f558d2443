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
  zitadel = await ZitadelEmulator.start({ apis: 'v2' });
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  tokens = ['one', 'other'].map((name) => {
    const user = zitadel.addServiceUser(name, { org: acme as Org });
    zitadel.addMember(user, { org: acme as Org }, ['ORG_OWNER']);
    return zitadel.patFor(user);
  });
});
afterAll(async () => {
  await zitadel.stop();
});
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
});

const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';

/** A writer of its own: with its own service user, and what it does not share with anybody. */
function writer(at = 0, fetch: Fetch = realFetch): ProjectGrantService {
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

const before = (...roleKeys: string[]) => zitadel.grantProject(portal, globex as Org, roleKeys);

/** What there is now, whatever reads see. */
const now = () =>
  zitadel
    .grants()
    .filter(({ projectId }) => projectId === portal.id)
    .map(({ roleKeys, state }) => ({ roleKeys, state }));

describe('a grant that is made sure of by API v2', () => {
  it('is created where there is none', async () => {
    const ensured = await writer().ensure(wanted(['reader']));
    expect(ensured).toEqual({ roleKeys: ['reader'], state: 'active', outcome: 'created' });
    expect(now()).toEqual([{ roleKeys: ['reader'], state: 'active' }]);
  });

  it('is left as it is where it is right, in whatever order', async () => {
    before('writer', 'reader');
    const ensured = await writer().ensure(wanted(['reader', 'writer', 'reader']));
    expect(ensured).toMatchObject({ outcome: 'unchanged', state: 'active' });
    // Written it is, since the list may be stale; in the order that is there, which changes nothing.
    expect(now()).toEqual([{ roleKeys: ['writer', 'reader'], state: 'active' }]);
    expect(zitadel.requests('changeGrantV2')).toBe(1);
  });

  it('gets exactly the roles that are wanted, and none where none are', async () => {
    before('reader', 'writer');
    const ensured = await writer().ensure(wanted(['admin', 'reader']));
    expect(ensured).toEqual({ roleKeys: ['admin', 'reader'], state: 'active', outcome: 'changed' });
    expect(now()).toEqual([{ roleKeys: ['admin', 'reader'], state: 'active' }]);
    await writer().ensure(wanted([]));
    expect(now()).toMatchObject([{ roleKeys: [] }]);
  });

  it('keeps the roles that others gave where that is wanted', async () => {
    before('reader');
    const ensured = await writer().ensure(wanted(['admin'], { keepOthers: true }));
    expect(ensured).toMatchObject({ outcome: 'changed', roleKeys: ['reader', 'admin'] });
    expect(now()).toEqual([{ roleKeys: ['reader', 'admin'], state: 'active' }]);
    zitadel.resetRequests();
    const again = await writer().ensure(wanted(['reader'], { keepOthers: true }));
    expect(again).toMatchObject({ outcome: 'unchanged' });
    expect(zitadel.requests('changeGrantV2')).toBe(0);
  });

  it('stays inactive unless told otherwise', async () => {
    zitadel.deactivateGrant(before('reader'));
    expect(await writer().ensure(wanted(['reader']))).toMatchObject({
      outcome: 'unchanged',
      state: 'inactive',
    });
    expect(now()).toMatchObject([{ state: 'inactive' }]);
    expect(await writer().ensure(wanted(['reader'], { reactivate: true }))).toMatchObject({
      outcome: 'changed',
      state: 'active',
    });
    expect(now()).toEqual([{ roleKeys: ['reader'], state: 'active' }]);
    expect(await writer().ensure(wanted(['reader'], { reactivate: true }))).toMatchObject({
      outcome: 'unchanged',
    });
  });

  it('is reactivated and changed in one go', async () => {
    zitadel.deactivateGrant(before('reader'));
    await writer().ensure(wanted(['admin'], { reactivate: true }));
    expect(now()).toEqual([{ roleKeys: ['admin'], state: 'active' }]);
    zitadel.deactivateGrant(
      zitadel.grants().find(({ projectId }) => projectId === portal.id) as never,
    );
    const both = { reactivate: true, keepOthers: true };
    expect(await writer().ensure(wanted(['reader'], both))).toMatchObject({ state: 'active' });
    expect(now()).toEqual([{ roleKeys: ['admin', 'reader'], state: 'active' }]);
  });
});

describe('while the list of API v2 does not show what there is', () => {
  it('a grant that was made before is written all the same, without having been seen', async () => {
    zitadel.holdReads();
    before('reader');
    const ensured = await writer().ensure(wanted(['admin']));
    expect(ensured).toEqual({ roleKeys: ['admin'], state: 'unknown', outcome: 'changed' });
    expect(now()).toEqual([{ roleKeys: ['admin'], state: 'active' }]);
  });

  it('the roles of others are waited for: what was not seen could not be kept', async () => {
    zitadel.holdReads();
    before('reader');
    const asked = writer().ensure(wanted(['admin'], { keepOthers: true }));
    await expect.poll(() => zitadel.requests('listGrantsV2')).toBeGreaterThan(4);
    expect(now()).toEqual([{ roleKeys: ['reader'], state: 'active' }]);
    zitadel.releaseReads();
    expect(await asked).toMatchObject({ outcome: 'changed' });
    expect(now()).toEqual([{ roleKeys: ['reader', 'admin'], state: 'active' }]);
  });

  it('what is wanted is written over what it shows', async () => {
    const { id } = before('reader');
    zitadel.holdReads();
    zitadel.changeGrant(id, ['writer']);
    expect(await writer().ensure(wanted(['reader']))).toMatchObject({ outcome: 'changed' });
    expect(now()).toMatchObject([{ roleKeys: ['reader'] }]);
  });

  it('a grant that was removed before is made again', async () => {
    const grant = before('reader');
    zitadel.holdReads();
    zitadel.removeGrant(grant);
    const asked = writer().ensure(wanted(['reader']));
    await expect.poll(() => zitadel.requests('changeGrantV2')).toBeGreaterThan(0);
    zitadel.releaseReads();
    expect(await asked).toMatchObject({ outcome: 'created' });
    expect(now()).toHaveLength(1);
  });

  it('for longer than ten seconds, it is said that nothing was settled', async () => {
    zitadel.holdReads();
    before('reader');
    vi.useFakeTimers({ toFake: ['performance'] });
    const ended = writer()
      .ensure(wanted(['admin'], { keepOthers: true }))
      .catch((error: unknown) => error);
    await expect.poll(() => zitadel.requests('listGrantsV2')).toBeGreaterThan(2);
    vi.advanceTimersByTime(10_001);
    expect(await ended).toMatchObject({ code: 'grant_not_settled' });
    expect(now()).toMatchObject([{ roleKeys: ['reader'] }]);
  });

  it('an own write is not taken back by what it still shows', async () => {
    const { id } = before('reader');
    zitadel.lagReads(300);
    const first = writer().ensure(wanted(['admin'], { keepOthers: true }));
    await expect.poll(() => now()[0]?.roleKeys).toEqual(['reader', 'admin']);
    // Another writer adds one while the list still shows neither.
    zitadel.changeGrant(id, ['reader', 'admin', 'writer']);
    expect(await first).toMatchObject({ outcome: 'changed' });
    expect(now()[0]?.roleKeys.toSorted()).toEqual(['admin', 'reader', 'writer']);
  });
});

describe('a lost answer of API v2', () => {
  it('to the creation leaves one grant with the wanted roles', async () => {
    zitadel.failNext('addGrantV2', 'lose');
    expect(await writer().ensure(wanted(['reader']))).toMatchObject({ outcome: 'created' });
    expect(now()).toEqual([{ roleKeys: ['reader'], state: 'active' }]);
  });

  it('to the creation leaves one grant also where the list lags', async () => {
    zitadel.lagReads(300);
    zitadel.failNext('addGrantV2', 'lose', 2);
    await writer().ensure(wanted(['reader']));
    expect(now()).toEqual([{ roleKeys: ['reader'], state: 'active' }]);
  });

  it('to the change leaves the wanted roles, and is called a change', async () => {
    before('reader');
    zitadel.failNext('changeGrantV2', 'lose', 2);
    expect(await writer().ensure(wanted(['admin']))).toMatchObject({ outcome: 'changed' });
    expect(now()).toEqual([{ roleKeys: ['admin'], state: 'active' }]);
  });

  it('to the activation leaves an active grant', async () => {
    zitadel.deactivateGrant(before('reader'));
    zitadel.failNext('activateGrantV2', 'lose');
    await writer().ensure(wanted(['reader'], { reactivate: true }));
    expect(now()).toEqual([{ roleKeys: ['reader'], state: 'active' }]);
  });

  it.each(['refuse', 500, 503, 'garbage'] as const)(
    'or another failure (%s) is tried again',
    async (fault) => {
      zitadel.failNext('addGrantV2', fault);
      await writer().ensure(wanted(['reader']));
      expect(now()).toEqual([{ roleKeys: ['reader'], state: 'active' }]);
    },
  );

  it('every time ends in an error after ten seconds', async () => {
    zitadel.fail('addGrantV2', 500);
    vi.useFakeTimers({ toFake: ['performance'] });
    const ended = writer()
      .ensure(wanted(['reader']))
      .catch((error: unknown) => error);
    await expect.poll(() => zitadel.requests('addGrantV2')).toBeGreaterThan(2);
    vi.advanceTimersByTime(10_001);
    expect(await ended).toBeInstanceOf(ZitadelUnavailableError);
    expect(now()).toEqual([]);
  });
});

describe('a refusal by API v2', () => {
  it.each<[string, string, () => Partial<WantedGrant>]>([
    ['an unknown role', 'COMMAND-6m9gd', () => ({ roleKeys: ['nonsense'] })],
    ['an unknown organization', 'COMMAND-3m9gg', () => ({ grantedOrgId: '404404404404404404' })],
    ['the owner itself', 'PROJECT-ckUpbvboAH', () => ({ grantedOrgId: idOf(acme) })],
    ['no rights', 'AUTHZ-cdgFk', () => ({ organizationId: idOf(globex) })],
  ])('for %s is told at once', async (_what, id, more) => {
    const error: unknown = await writer()
      .ensure(wanted(['reader'], more()))
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ZitadelApiError);
    expect(error).toMatchObject({ id });
    expect(zitadel.requests('addGrantV2')).toBeLessThanOrEqual(1);
  });
});

describe('two writers at once by API v2', () => {
  it.each([0, 300])('who want the same get one grant, with a lag of %d ms', async (lag) => {
    zitadel.lagReads(lag);
    await Promise.all([0, 1].map((at) => writer(at).ensure(wanted(['reader']))));
    expect(now()).toEqual([{ roleKeys: ['reader'], state: 'active' }]);
  });

  it.each([0, 300])(
    'who want different things get one grant as one of them wants it, with a lag of %d ms',
    async (lag) => {
      zitadel.lagReads(lag);
      await Promise.all([
        writer(0).ensure(wanted(['reader', 'admin'])),
        writer(1).ensure(wanted(['writer'])),
      ]);
      expect(now()).toHaveLength(1);
      expect([['reader', 'admin'], ['writer']]).toContainEqual(now()[0]?.roleKeys);
    },
  );

  it.each([0, 50])('who both add get what both add, with a lag of %d ms', async (lag) => {
    zitadel.lagReads(lag);
    await Promise.all([
      writer(0).ensure(wanted(['reader'], { keepOthers: true })),
      writer(1).ensure(wanted(['writer'], { keepOthers: true })),
    ]);
    expect(now()[0]?.roleKeys.toSorted()).toEqual(['reader', 'writer']);
  });

  it('who both add get what both add, also where one is overtaken by the other', async () => {
    before('admin');
    const sent = gate();
    const held = gate();
    // One has read what there is and is about to write it down, when the other one reads and writes.
    const slow: Fetch = async (url, init) => {
      if (url.endsWith('/UpdateProjectGrant')) {
        sent.open();
        await held.passed;
      }
      return realFetch(url, init);
    };
    const first = writer(0, slow).ensure(wanted(['reader'], { keepOthers: true }));
    await sent.passed;
    const second = writer(1).ensure(wanted(['writer'], { keepOthers: true }));
    await expect.poll(() => now()[0]?.roleKeys).toEqual(['admin', 'writer']);
    held.open();
    await Promise.all([first, second]);
    expect(now()[0]?.roleKeys.toSorted()).toEqual(['admin', 'reader', 'writer']);
  });
});
