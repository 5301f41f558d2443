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
afterAll(async () => {
  await zitadel.stop();
});
beforeEach(() => {
  zitadel.heal();
  zitadel.lagReads(0);
  zitadel.releaseReads();
  zitadel.resetRequests();
  count += 1;
  const roles = ['reader', 'writer', 'admin'];
  portal = zitadel.addProject(`portal ${count}`, { org: acme as Org, roles });
});

afterEach(() => {
  vi.useRealTimers();
});

const idOf = (one: { readonly id: string } | undefined) => one?.id ?? '';

/** A writer of its own: with its own service user, and what it does not share with anybody. */
function writer(at = 0, fetch: Fetch = realFetch): ProjectGrantService {
  return createZitadel(
    zitadel.options({
      serviceUser: pat(tokens[at] ?? ''),
      logger: recorder(),
      fetch,
    }),
  ).projectGrants;
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
    .map(({ id, roleKeys, state }) => ({ id, roleKeys: roleKeys.toSorted(), state }));

const writes = () => zitadel.requests('addGrant') + zitadel.requests('changeGrant');

describe('a grant that is made sure of', () => {
  it('is created where there is none', async () => {
    const ensured = await writer().ensure(wanted(['reader']));
    expect(now()).toEqual([{ id: ensured.grantId, roleKeys: ['reader'], state: 'active' }]);
    expect(ensured).toEqual({
      grantId: ensured.grantId,
      roleKeys: ['reader'],
      state: 'active',
      outcome: 'created',
    });
  });

  it('is left as it is where it is right, in whatever order', async () => {
    const { id } = before('writer', 'reader');
    const ensured = await writer().ensure(wanted(['reader', 'writer', 'reader']));
    expect(ensured).toMatchObject({ grantId: id, outcome: 'unchanged' });
    expect(writes()).toBe(0);
  });

  it('gets exactly the roles that are wanted', async () => {
    const { id } = before('reader', 'writer');
    const ensured = await writer().ensure(wanted(['admin', 'reader']));
    expect(ensured).toMatchObject({ grantId: id, outcome: 'changed' });
    expect(now()).toEqual([{ id, roleKeys: ['admin', 'reader'], state: 'active' }]);
  });

  it('can be without roles', async () => {
    await writer().ensure(wanted([]));
    expect(now()).toMatchObject([{ roleKeys: [] }]);
  });

  it('keeps the roles that others gave where that is wanted', async () => {
    const { id } = before('reader');
    const ensured = await writer().ensure(wanted(['admin'], { keepOthers: true }));
    expect(ensured).toMatchObject({ grantId: id, outcome: 'changed' });
    expect(now()).toEqual([{ id, roleKeys: ['admin', 'reader'], state: 'active' }]);
    const again = await writer().ensure(wanted(['reader'], { keepOthers: true }));
    expect(again).toMatchObject({ outcome: 'unchanged' });
  });

  it('stays inactive unless told otherwise', async () => {
    const grant = before('reader');
    zitadel.deactivateGrant(grant);
    expect(await writer().ensure(wanted(['reader']))).toMatchObject({
      outcome: 'unchanged',
      state: 'inactive',
    });
    expect(now()).toMatchObject([{ state: 'inactive' }]);
    expect(await writer().ensure(wanted(['reader'], { reactivate: true }))).toMatchObject({
      outcome: 'changed',
      state: 'active',
    });
    expect(now()).toMatchObject([{ state: 'active', roleKeys: ['reader'] }]);
  });

  it('is reactivated and changed in one go', async () => {
    zitadel.deactivateGrant(before('reader'));
    await writer().ensure(wanted(['admin'], { reactivate: true }));
    expect(now()).toMatchObject([{ state: 'active', roleKeys: ['admin'] }]);
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
});

describe('while the list does not show what there is', () => {
  it('a grant that was made before is found, not doubled', async () => {
    zitadel.holdReads();
    const { id } = before('reader');
    const asked = writer().ensure(wanted(['admin']));
    await expect.poll(() => zitadel.requests('addGrant')).toBeGreaterThan(0);
    zitadel.releaseReads();
    expect(await asked).toMatchObject({ grantId: id, outcome: 'changed' });
    expect(now()).toEqual([{ id, roleKeys: ['admin'], state: 'active' }]);
  });

  it('the roles are read from the grant itself, not from the list', async () => {
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
    const ensured = await writer().ensure(wanted(['reader']));
    expect(ensured.outcome).toBe('created');
    expect(ensured.grantId).not.toBe(grant.id);
    expect(now()).toHaveLength(1);
  });

  it('for longer than ten seconds, it is said that nothing was settled', async () => {
    zitadel.holdReads();
    before('reader');
    vi.useFakeTimers({ toFake: ['performance'] });
    const ended = writer()
      .ensure(wanted(['admin']))
      .catch((error: unknown) => error);
    await expect.poll(() => zitadel.requests('listGrants')).toBeGreaterThan(2);
    vi.advanceTimersByTime(10_001);
    expect(await ended).toMatchObject({ code: 'grant_not_settled' });
    expect(now()).toMatchObject([{ roleKeys: ['reader'] }]);
  });
});

describe('a lost answer', () => {
  it('to the creation leaves one grant with the wanted roles', async () => {
    zitadel.failNext('addGrant', 'lose');
    const ensured = await writer().ensure(wanted(['reader']));
    expect(now()).toEqual([{ id: ensured.grantId, roleKeys: ['reader'], state: 'active' }]);
  });

  it('to the creation leaves one grant also where the list lags', async () => {
    zitadel.lagReads(300);
    zitadel.failNext('addGrant', 'lose', 2);
    const ensured = await writer().ensure(wanted(['reader']));
    expect(now()).toEqual([{ id: ensured.grantId, roleKeys: ['reader'], state: 'active' }]);
  });

  it('to the change leaves the wanted roles', async () => {
    const { id } = before('reader');
    zitadel.failNext('changeGrant', 'lose', 2);
    expect(await writer().ensure(wanted(['admin']))).toMatchObject({ grantId: id });
    expect(now()).toEqual([{ id, roleKeys: ['admin'], state: 'active' }]);
  });

  it.each(['refuse', 500, 503, 'garbage'] as const)(
    'or another failure (%s) is tried again',
    async (fault) => {
      zitadel.failNext('addGrant', fault);
      const ensured = await writer().ensure(wanted(['reader']));
      expect(now()).toEqual([{ id: ensured.grantId, roleKeys: ['reader'], state: 'active' }]);
    },
  );

  it('every time ends in an error after ten seconds', async () => {
    zitadel.fail('addGrant', 500);
    vi.useFakeTimers({ toFake: ['performance'] });
    const ended = writer()
      .ensure(wanted(['reader']))
      .catch((error: unknown) => error);
    await expect.poll(() => zitadel.requests('addGrant')).toBeGreaterThan(2);
    vi.advanceTimersByTime(10_001);
    expect(await ended).toBeInstanceOf(ZitadelUnavailableError);
    expect(now()).toEqual([]);
  });
});

describe('a refusal', () => {
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
    expect(zitadel.requests('addGrant')).toBeLessThanOrEqual(1);
  });
});

describe('two writers at once', () => {
  it('who want the same get one grant', async () => {
    const both = await Promise.all([0, 1].map((at) => writer(at).ensure(wanted(['reader']))));
    expect(new Set(both.map(({ grantId }) => grantId)).size).toBe(1);
    expect(now()).toEqual([{ id: both[0]?.grantId, roleKeys: ['reader'], state: 'active' }]);
  });

  it('who want different things get one grant as one of them wants it', async () => {
    await Promise.all([
      writer(0).ensure(wanted(['reader', 'admin'])),
      writer(1).ensure(wanted(['writer'])),
    ]);
    expect(now()).toHaveLength(1);
    expect([['admin', 'reader'], ['writer']]).toContainEqual(now()[0]?.roleKeys);
  });

  it('who both add get what both add', async () => {
    await Promise.all([
      writer(0).ensure(wanted(['reader'], { keepOthers: true })),
      writer(1).ensure(wanted(['writer'], { keepOthers: true })),
    ]);
    expect(now()).toMatchObject([{ roleKeys: ['reader', 'writer'] }]);
  });

  it('who both add get what both add, also where one is overtaken by the other', async () => {
    before('admin');
    const sent = gate();
    const held = gate();
    // One has read what there is and is about to write it down, when the other one reads and writes.
    const slow: Fetch = async (url, init) => {
      if (init.method === 'PUT') {
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
    expect(now()).toMatchObject([{ roleKeys: ['admin', 'reader', 'writer'] }]);
  });
});
