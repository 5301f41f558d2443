import { beforeEach, describe, expect, it, vi } from 'vitest';
import { role } from '../../lib/core/requirement/builders.js';
import { org } from '../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import { pat } from '../../lib/zitadel/credentials.js';
import {
  ApiGeneration,
  type Generation,
  servedBy,
  type Tried,
} from '../../lib/zitadel/generation.js';
import { ZitadelUnavailableError } from '../../lib/zitadel/refusals.js';
import { gate } from '../core/gate.js';
import { realFetch, recorder, verdict } from './parts.js';
import { useStillClock } from '../support/still-clock.js';
import { useEmulator } from '../support/world.js';

/** A server that has these generations, and what was asked of it. */
function serverOf(...has: Generation[]) {
  const asked: Generation[] = [];
  const served = new Set(has);
  const task = (generation: Generation): Promise<Tried<string>> => {
    asked.push(generation);
    return Promise.resolve(
      served.has(generation)
        ? { served: true, value: generation }
        : { served: false, value: `no ${generation}` },
    );
  };
  return { asked, served, task };
}

const generationOf = (setting: 'auto' | Generation, log = recorder()) =>
  new ApiGeneration('memberships', setting, log);

describe('the generation of an API', () => {
  it('is v1 as long as that is served, and says so once', async () => {
    const [log, { task, asked }] = [recorder(), serverOf('v1', 'v2')];
    const generation = generationOf('auto', log);
    for (let times = 0; times < 3; times += 1) expect(await generation.ask(task)).toBe('v1');
    expect(asked).toEqual(['v1', 'v1', 'v1']);
    expect(log.lines).toEqual(['log: ZITADEL memberships: API v1 is used']);
  });

  it('is v2 where v1 is not served, which is found out by one call', async () => {
    const [log, { task, asked }] = [recorder(), serverOf('v2')];
    const generation = generationOf('auto', log);
    for (let times = 0; times < 3; times += 1) expect(await generation.ask(task)).toBe('v2');
    expect(asked).toEqual(['v1', 'v2', 'v2', 'v2']);
    expect(log.lines).toEqual(['log: ZITADEL memberships: API v2 is used']);
  });

  it('is found out by the first of many who ask at once: the others wait for it', async () => {
    const { task, asked } = serverOf('v2');
    const generation = generationOf('auto');
    const all = await Promise.all(Array.from({ length: 50 }, () => generation.ask(task)));
    expect(new Set(all)).toEqual(new Set(['v2']));
    expect(asked.filter((each) => each === 'v1')).toHaveLength(1);
  });

  it('changes when the server does, with a warning, and for all who ask at once', async () => {
    const [log, { task, asked, served }] = [recorder(), serverOf('v1')];
    const generation = generationOf('auto', log);
    await generation.ask(task);
    served.clear();
    served.add('v2');
    const all = await Promise.all(Array.from({ length: 20 }, () => generation.ask(task)));
    expect(new Set(all)).toEqual(new Set(['v2']));
    expect(await generation.ask(task)).toBe('v2');
    expect(asked.at(-1)).toBe('v2');
    expect(log.lines.slice(1)).toEqual([
      'warn: ZITADEL memberships: API v1 is not served any more, API v2 is used',
    ]);
    served.clear();
    served.add('v1');
    expect(await generation.ask(task)).toBe('v1');
    expect(await generation.ask(task)).toBe('v1');
    expect(log.lines.slice(2)).toEqual([
      'log: ZITADEL memberships: API v1 is served again, and used',
    ]);
  });

  it('of a server that has none is asked for each time, and the first answer counts', async () => {
    const [log, { task, asked }] = [recorder(), serverOf()];
    const generation = generationOf('auto', log);
    expect(await generation.ask(task)).toBe('no v1');
    expect(await generation.ask(task)).toBe('no v1');
    expect(asked).toEqual(['v1', 'v2', 'v1', 'v2']);
    expect(log.lines).toEqual([]);
  });

  it('that was found stays while for a moment neither is served', async () => {
    const [log, { task, served }] = [recorder(), serverOf('v1')];
    const generation = generationOf('auto', log);
    await generation.ask(task);
    served.clear();
    const all = await Promise.all(Array.from({ length: 20 }, () => generation.ask(task)));
    expect(new Set(all)).toEqual(new Set(['no v1']));
    served.add('v1');
    expect(await generation.ask(task)).toBe('v1');
    expect(log.lines).toHaveLength(1);
  });

  it('is not learned from a failure, which says nothing of either', async () => {
    const log = recorder();
    const generation = generationOf('auto', log);
    const fails = () => Promise.resolve({ served: undefined, value: 'outage' });
    expect(await generation.ask(fails)).toBe('outage');
    expect(log.lines).toEqual([]);
    expect(await generation.ask(serverOf('v2').task)).toBe('v2');
    expect(await generation.ask(fails)).toBe('outage');
    const { task, asked } = serverOf('v1', 'v2');
    expect(await generation.ask(task)).toBe('v2');
    expect(asked).toEqual(['v2']);
  });

  it('is not learned from what throws, which nobody else hears', async () => {
    const generation = generationOf('auto');
    const throws = () => Promise.reject(new Error('thrown'));
    const both = [generation.ask(throws), generation.ask(serverOf('v2').task)];
    const [one, other] = await Promise.allSettled(both);
    expect(one).toMatchObject({ status: 'rejected' });
    expect(other).toEqual({ status: 'fulfilled', value: 'v2' });
  });

  it('is waited for no longer than a second: the first one may be slow for its own reasons', async () => {
    const generation = generationOf('auto');
    const held = gate();
    const slow = generation.ask(async () => {
      await held.passed;
      return { served: true, value: 'slow' };
    });
    const { task } = serverOf('v1');
    expect(await generation.ask(task)).toBe('v1');
    held.open();
    expect(await slow).toBe('slow');
  });

  it('is not called "not served" because the first one is slow to find out', async () => {
    const generation = generationOf('auto');
    const { task } = serverOf('v2');
    const held = gate();
    const slow = generation.ask(async (asked) => {
      if (asked === 'v2') await held.passed;
      return task(asked);
    });
    expect(await generation.ask(task)).toBe('v2');
    held.open();
    expect(await slow).toBe('v2');
  });

  it.each<[Generation, Generation]>([
    ['v1', 'v2'],
    ['v2', 'v1'],
  ])('that is set to %s stays, also where only %s is served', async (set, has) => {
    const [log, { task, asked }] = [recorder(), serverOf(has)];
    const generation = generationOf(set, log);
    expect(await generation.ask(task)).toBe(`no ${set}`);
    expect(await generation.ask(task)).toBe(`no ${set}`);
    expect(asked).toEqual([set, set]);
    expect(log.lines).toEqual([]);
  });

  it('is told to a logger that throws without any harm', async () => {
    const fails = () => {
      throw new Error('log');
    };
    const log = { debug: fails, log: fails, warn: fails, error: fails };
    expect(await new ApiGeneration('memberships', 'auto', log).ask(serverOf('v2').task)).toBe('v2');
  });
});

describe('v1 that was not served', () => {
  useStillClock('performance');

  it('for a moment is used again after a second, and both are told once', async () => {
    const [log, { task, served }] = [recorder(), serverOf('v1', 'v2')];
    const generation = generationOf('auto', log);
    await generation.ask(task);
    served.delete('v1');
    expect(await generation.ask(task)).toBe('v2');
    served.add('v1');
    expect(await generation.ask(task)).toBe('v2');
    vi.advanceTimersByTime(1_000);
    expect(await generation.ask(task)).toBe('v1');
    expect(await generation.ask(task)).toBe('v1');
    expect(log.lines).toEqual([
      'log: ZITADEL memberships: API v1 is used',
      'warn: ZITADEL memberships: API v1 is not served any more, API v2 is used',
      'log: ZITADEL memberships: API v1 is served again, and used',
    ]);
  });

  it('is looked for less and less, once a minute in the end, and nobody is told', async () => {
    const [log, { task, asked, served }] = [recorder(), serverOf('v1')];
    const generation = generationOf('auto', log);
    await generation.ask(task);
    served.clear();
    served.add('v2');
    await generation.ask(task);
    asked.length = 0;
    for (let second = 0; second < 600; second += 1) {
      vi.advanceTimersByTime(1_000);
      expect(await generation.ask(task)).toBe('v2');
    }
    expect(asked.filter((each) => each === 'v1')).toHaveLength(14);
    expect(log.lines).toHaveLength(2);
  });

  it('is looked for by one call, while all others go on with v2', async () => {
    const { task, asked, served } = serverOf('v2');
    const generation = generationOf('auto');
    await generation.ask(task);
    served.add('v1');
    asked.length = 0;
    vi.advanceTimersByTime(60_000);
    const held = gate();
    const look = generation.ask(async (which) => {
      await held.passed;
      return task(which);
    });
    const others = await Promise.all(Array.from({ length: 20 }, () => generation.ask(task)));
    expect(new Set(others)).toEqual(new Set(['v2']));
    held.open();
    expect(await look).toBe('v1');
    expect(await generation.ask(task)).toBe('v1');
  });

  it('and fails when it is looked for is said to fail: a write is made once', async () => {
    const { task, asked } = serverOf('v2');
    const generation = generationOf('auto');
    await generation.ask(task);
    vi.advanceTimersByTime(60_000);
    const fails = (which: Generation) => {
      asked.push(which);
      return Promise.resolve({ served: undefined, value: `outage of ${which}` });
    };
    asked.length = 0;
    expect(await generation.ask(fails)).toBe('outage of v1');
    expect(asked).toEqual(['v1']);
    expect(await generation.ask(task)).toBe('v2');
  });
});

describe('a reply', () => {
  it('shows that an API is served by its result or by an error of its own, and by no outage', () => {
    expect(servedBy({ status: 200, body: {} })).toBe(true);
    expect(servedBy({ status: 401, says: 'error', id: 'AUTH-7fs1e' })).toBe(true);
    expect(servedBy({ status: 404, says: 'notServed', id: undefined })).toBe(false);
    expect(servedBy({ status: 404, says: 'noInstance', id: undefined })).toBeUndefined();
    expect(servedBy({ status: 503, says: 'outage', id: undefined })).toBeUndefined();
    expect(servedBy({ trouble: 'a page', kind: 'unusable', status: 403 })).toBeUndefined();
    expect(servedBy({ trouble: 'late', kind: 'late' })).toBeUndefined();
    expect(servedBy({ reason: 'misconfigured' })).toBeUndefined();
  });
});

describe('an upgrade of ZITADEL while we run', async () => {
  let log = recorder();
  let library: Zitadel;

  const zitadel = await useEmulator();
  const acme = zitadel.addOrg('acme');
  const alice = zitadel.addUser('alice', { org: acme });
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  const svc = zitadel.addServiceUser('svc', { org: acme });
  zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
  beforeEach(() => {
    log = recorder();
    library = createZitadel(
      zitadel.options({ logger: log, serviceUser: pat(zitadel.patFor(svc)) }),
    );
  });

  const ask = (user = alice) =>
    verdict(library, zitadel.tokenFor(user), role('ORG_OWNER', org(acme.id)));

  it('is noticed by the next read of memberships, and by no caller', async () => {
    zitadel.serveApis('v1');
    expect(await ask()).toBe('yes');
    zitadel.serveApis('v2');
    expect(await ask()).toBe('yes');
    expect(await ask()).toBe('yes');
    expect([zitadel.requests('memberships'), zitadel.requests('administrators')]).toEqual([1, 2]);
    expect(log.lines).toEqual([
      'log: ZITADEL memberships: API v1 is used',
      'warn: ZITADEL memberships: API v1 is not served any more, API v2 is used',
    ]);
  });

  it('is noticed by the next call for a project grant, in the middle of a list too', async () => {
    const globex = zitadel.addOrg('globex');
    const portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] });
    const { projectGrants } = library;
    const of = { organizationId: acme.id, projectId: portal.id, grantedOrgId: globex.id };
    zitadel.serveApis('v1');
    const { grantId } = await projectGrants.add({ ...of, roleKeys: ['reader'] });
    expect(grantId).toBeDefined();
    zitadel.serveApis('v2');
    await projectGrants.changeRoles({ ...of, roleKeys: ['writer'] });
    const found = await projectGrants.get(of);
    expect(found).toMatchObject({ grantedRoleKeys: ['writer'], grantedOrgId: globex.id });
    expect(found).not.toHaveProperty('grantId');
    const listed = [];
    for await (const grant of projectGrants.list(of)) listed.push(grant.grantedOrgId);
    expect(listed).toEqual([globex.id]);
    await projectGrants.remove(of);
    expect(zitadel.grants()).toEqual([]);
    expect(log.lines).toEqual([
      'log: ZITADEL project grants: API v1 is used',
      'warn: ZITADEL project grants: API v1 is not served any more, API v2 is used',
    ]);
  });

  it.each([
    [429, 'too many'],
    [429, '404 page not found'],
    [500, '404 page not found'],
    [503, '404 page not found'],
  ])('never sends a write again that got %i and "%s"', async (status, text) => {
    const globex = zitadel.addOrg(`globex ${status} ${text}`);
    const portal = zitadel.addProject(`portal ${status} ${text}`, { org: acme, roles: ['reader'] });
    zitadel.serveApis('v2');
    const options = { logger: log, serviceUser: pat(zitadel.patFor(svc)) };
    const sent: string[] = [];
    const { projectGrants } = createZitadel({
      ...zitadel.options(options),
      fetch: async (url, init) => {
        if (!/\/(CreateProjectGrant|projects\/\d+\/grants)$/.test(url)) return realFetch(url, init);
        sent.push(url);
        return new Response(text, { status });
      },
    });
    const of = { organizationId: acme.id, projectId: portal.id };
    expect((await projectGrants.list(of).next()).done).toBe(true);
    const added = projectGrants.add({ ...of, grantedOrgId: globex.id, roleKeys: ['reader'] });
    await expect(added).rejects.toThrow(ZitadelUnavailableError);
    expect(sent).toEqual([expect.stringMatching(/CreateProjectGrant$/)]);
  });

  it.each(['v1', 'v2'] as const)('is our misconfiguration where api is set to %s', async (api) => {
    zitadel.serveApis(api === 'v1' ? 'v2' : 'v1');
    library = createZitadel(zitadel.options({ logger: log, api }));
    expect(await ask()).toBe('misconfigured');
    expect(log.lines.join()).toContain("'auto'");
  });
});
