import { describe, expect, it } from 'vitest';
import { permission, role } from '../../../lib/core/requirement/builders.js';
import { project, projectGrant } from '../../../lib/core/requirement/refs.js';
import { createZitadel } from '../../../lib/create-zitadel.js';
import { recorder, verdict } from '../parts.js';
import { useEmulator } from '../../support/world.js';

describe('a user whose foreign rows are over the cap', async () => {
  const zitadel = await useEmulator();
  const acme = zitadel.addOrg('acme');
  const globex = zitadel.addOrg('globex');
  const crowded = zitadel.addUser('crowded', { org: acme });
  for (let number = 0; number < 10_001; number += 1) {
    const foreign = zitadel.addProject(`foreign ${number}`, { org: globex });
    zitadel.addMember(crowded, { project: foreign }, ['PROJECT_OWNER']);
  }
  zitadel.addMember(crowded, { org: acme }, ['ORG_OWNER']);

  const libraryOf = () => createZitadel(zitadel.options({ logger: recorder() }));

  it('is let in to every one of the own projects, one after another', async () => {
    const library = libraryOf();
    const token = zitadel.tokenFor(crowded);
    for (let number = 0; number < 230; number += 1) {
      const { id } = zitadel.addProject(`own ${number}`, { org: acme });
      const requirement = role('PROJECT_OWNER', project(id).in(acme.id));
      expect(await verdict(library, token, requirement)).toBe('yes');
    }
  });

  it('has the permissions of a grant whose row is beyond it', async () => {
    const initech = zitadel.addOrg('initech');
    const tools = zitadel.addProject('tools', { org: globex });
    zitadel.addMember(crowded, { projectGrant: zitadel.grantProject(tools, initech, []) }, [
      'PROJECT_GRANT_OWNER',
    ]);
    const requirement = permission(
      'project.grant.member.write',
      projectGrant({ project: tools.id, grantedOrg: initech.id }),
    );
    expect(await verdict(libraryOf(), zitadel.tokenFor(crowded), requirement)).toBe('yes');
  });
});
