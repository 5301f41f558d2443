import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createZitadel } from '../../lib/create-zitadel.js';
import { ZitadelEmulator, type Org } from '../../lib/testing/index.js';
import { pat } from '../../lib/zitadel/credentials.js';
import type { ProjectGrantService } from '../../lib/zitadel/grants/project-grant-service.js';
import { recorder } from '../zitadel/parts.js';

let zitadel: ZitadelEmulator;
let [acme, globex]: Org[] = [];
let grants: ProjectGrantService;
let projects = 0;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  const svc = zitadel.addServiceUser('svc', { org: acme });
  zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
  grants = createZitadel(
    zitadel.options({ logger: recorder(), serviceUser: pat(zitadel.patFor(svc)) }),
  ).projectGrants;
});
afterAll(() => zitadel.stop());
beforeEach(() => {
  zitadel.heal();
  zitadel.lagReads(0);
});

/** A project of its own, to be granted with one role. */
function wanted() {
  const org = acme as Org;
  const roles = ['reader', 'writer'];
  const project = zitadel.addProject(`project ${(projects += 1)}`, { org, roles });
  return {
    organizationId: org.id,
    projectId: project.id,
    grantedOrgId: globex?.id ?? '',
    roleKeys: ['reader'],
  };
}

describe('what ensure did', () => {
  it('is told as created when the answer to its own create was lost and the list shows it late', async () => {
    const grant = wanted();
    zitadel.lagReads(300);
    zitadel.failNext('addGrant', 'lose');
    expect(await grants.ensure(grant)).toMatchObject({ outcome: 'created', roleKeys: ['reader'] });
    expect(await grants.ensure(grant)).toMatchObject({ outcome: 'unchanged' });
    expect(zitadel.grants().filter(({ projectId }) => projectId === grant.projectId)).toHaveLength(
      1,
    );
  });

  it('is told as changed when the answer to its own change was lost', async () => {
    const grant = wanted();
    await grants.ensure(grant);
    zitadel.failNext('changeGrant', 'lose');
    const changed = await grants.ensure({ ...grant, roleKeys: ['writer'] });
    expect(changed).toMatchObject({ outcome: 'changed', roleKeys: ['writer'] });
  });

  it('is told as unchanged when only a read was lost', async () => {
    const grant = wanted();
    await grants.ensure(grant);
    zitadel.failNext('listGrants', 500);
    expect(await grants.ensure(grant)).toMatchObject({ outcome: 'unchanged' });
  });
});
