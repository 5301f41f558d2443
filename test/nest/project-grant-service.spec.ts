import { filter, lastValueFrom, map, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { pat, ProjectGrantService, type GrantProgress } from '../../lib/index.js';
import { gate } from '../core/gate.js';
import { boot } from '../support/application.js';
import { useEmulator } from '../support/world.js';
import { realFetch } from '../zitadel/parts.js';

describe('ensureMany in Nest', async () => {
  const zitadel = await useEmulator();
  const acme = zitadel.addOrg('acme');
  const granter = zitadel.addServiceUser('granter', { org: acme });
  zitadel.addMember(granter, { org: acme }, ['ORG_OWNER']);
  const orgs = Array.from({ length: 6 }, (_, at) => zitadel.addOrg(`partner ${at}`));

  const grantsOf = (name: string) => {
    const { id: projectId } = zitadel.addProject(name, { org: acme, roles: ['reader'] });
    return orgs.map(({ id }) => ({
      organizationId: acme.id,
      projectId,
      grantedOrgId: id,
      roleKeys: ['reader'],
    }));
  };
  const serviceUser = pat(zitadel.patFor(granter));
  const granted = (projectId = '') =>
    zitadel.grants().filter((grant) => grant.projectId === projectId).length;

  it('is an Observable, whose every subscription is a run', async () => {
    const { app } = await boot({ zitadel }, { options: { serviceUser } });
    const grants = grantsOf('portal');
    const run = app.get(ProjectGrantService).ensureMany(grants);
    const shares = run.pipe(
      map(({ done, total }) => done / total),
      filter((share) => share === 0.5 || share === 1),
      toArray(),
    );
    expect(zitadel.requests()).toBe(0);
    expect(await lastValueFrom(shares)).toEqual([0.5, 1]);
    expect(granted(grants[0]?.projectId)).toBe(6);
    const again: unknown[] = [];
    // In Express it can be iterated, and so it can here.
    for await (const { ensured } of run) again.push(ensured?.outcome);
    expect(again).toEqual(Array.from({ length: 6 }, () => 'unchanged'));
  });

  it('begins nothing new once it is unsubscribed, and ends what has begun', async () => {
    const held = gate();
    const serviceOptions = {
      serviceUser,
      fetch: async (...[url, init]: Parameters<typeof realFetch>) => {
        if (init.method === 'POST' && url.endsWith('/grants')) await held.passed;
        return realFetch(url, init);
      },
    };
    const { app } = await boot({ zitadel }, { options: serviceOptions });
    const service = app.get(ProjectGrantService);
    const [first, ...others] = grantsOf('tools');
    const told: GrantProgress[] = [];
    const subscription = service
      .ensureMany(others, { concurrency: 2 })
      .subscribe((progress) => told.push(progress));
    await expect.poll(() => zitadel.requests('listGrants')).toBe(2);
    subscription.unsubscribe();
    held.open();
    await expect.poll(() => granted(first?.projectId)).toBe(2);
    // Whatever else had begun would have been sent before this.
    if (first) await service.ensure(first);
    expect(zitadel.requests('addGrant')).toBe(3);
    expect(told).toEqual([]);
  });

  it('is stopped by the first value, where no more are asked for', async () => {
    const { app } = await boot({ zitadel }, { options: { serviceUser } });
    const grants = grantsOf('map');
    const service = app.get(ProjectGrantService);
    for await (const { done } of service.ensureMany(grants, { concurrency: 1 })) {
      expect(done).toBe(1);
      break;
    }
    expect(granted(grants[0]?.projectId)).toBe(1);
  });
});
