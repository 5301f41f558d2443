import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  allOf,
  anyOf,
  authenticated,
  permission,
  projectRole,
  role,
} from '../../lib/core/requirement/builders.js';
import { org, project, projectGrant } from '../../lib/core/requirement/refs.js';
import { requirementOf } from '../../lib/core/requirement/requirement.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { type Org, type Project, type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { decide, recorder, verdict } from '../zitadel/parts.js';

let zitadel: ZitadelEmulator;
let acme: Org;
let globex: Org;
let portal: Project;
let owner: User;
let reader: User;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  globex = zitadel.addOrg('globex');
  portal = zitadel.addProject('portal', { org: acme });
  owner = zitadel.addUser('owner', { org: acme });
  zitadel.addMember(owner, { org: acme }, ['ORG_OWNER']);
  reader = zitadel.addServiceUser('reader');
  zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
});
afterAll(() => zitadel.stop());
afterEach(() => {
  zitadel.heal();
});

const libraryOf = (options: Partial<ZitadelOptions> = {}): Zitadel =>
  createZitadel(zitadel.options({ logger: recorder(), ...options }));
const asServiceUser = (): Partial<ZitadelOptions> => ({
  memberships: { as: 'serviceUser' },
  serviceUser: pat(zitadel.patFor(reader)),
});

describe('a permission on a project grant', () => {
  it.each(['project.grant.write', 'project.grant.delete', 'project.write', 'user.write'] as const)(
    'that is the owner’s, such as %s, is not asked of the organization it is granted to',
    (name) => {
      expect(() => permission(name, projectGrant('1'))).toThrow(
        `permission('${name}', project.param(...).in(org.param(...)))`,
      );
    },
  );

  it('that the granted organization has is asked', () => {
    for (const name of ['project.grant.member.write', 'user.grant.write'] as const) {
      expect(permission(name, projectGrant('1')).permissions).toEqual([name]);
    }
  });
});

describe('the reason of a denial', () => {
  it('is of the part that did not hold, not of one in an anyOf that did', async () => {
    const requirement = allOf(
      anyOf(role('IAM_OWNER'), role('ORG_OWNER', org(acme.id))),
      authenticated({ organizations: ['999'] }),
    );
    expect(await verdict(libraryOf(), zitadel.tokenFor(owner), requirement)).toBe(
      'organization_not_accepted',
    );
  });
});

describe('the trouble of one branch of an anyOf', () => {
  it('does not outweigh the yes of another, whatever is remembered', async () => {
    const requirement = anyOf(
      permission('project.write', org(acme.id)),
      role('PROJECT_OWNER', project(portal.id)),
    );
    zitadel.fail('permissions', 503);
    const library = libraryOf();
    const token = zitadel.tokenFor(owner);
    expect(await verdict(library, token, requirement)).toBe('yes');
    expect(await verdict(library, token, requirement)).toBe('yes');
  });

  it('is told where no other branch holds', async () => {
    const requirement = anyOf(
      permission('project.write', org(acme.id)),
      role('PROJECT_OWNER', project('1')),
    );
    zitadel.fail('permissions', 503);
    const library = libraryOf();
    expect(await verdict(library, zitadel.tokenFor(owner), requirement)).toBe('unavailable');
  });
});

describe('a bare user id', () => {
  it('is asked for nothing that only a token says', async () => {
    const { authorizer } = libraryOf({ ...asServiceUser(), projectId: portal.id });
    for (const requirement of [
      projectRole('editor', { org: acme.id }),
      authenticated({ organizations: [acme.id] }),
      permission('org.read', org(acme.id)),
      allOf(role('ORG_OWNER', org(acme.id)), projectRole('editor', { org: acme.id })),
    ]) {
      await expect(authorizer.can(owner.id, requirement)).rejects.toThrow(
        'not with a bare user id',
      );
    }
    expect(await authorizer.can(owner.id, role('ORG_OWNER', org(acme.id)))).toBe(true);
  });
});

describe('the project of the option projectId', () => {
  it('is not a resource that the request named', async () => {
    const claims = {
      'urn:zitadel:iam:user:resourceowner:id': acme.id,
      [`urn:zitadel:iam:org:project:${portal.id}:roles`]: { editor: { [acme.id]: 'acme' } },
    };
    const token = zitadel.tokenFor(owner, { claims });
    const requirement = projectRole('editor', { org: org.param('orgId') });
    const library = libraryOf({ projectId: portal.id });
    const decision = await decide(library, token, requirement, { orgId: acme.id });
    expect(decision).toMatchObject({ allowed: true, checked: [{ kind: 'org', id: acme.id }] });
  });
});

describe('what is no requirement', () => {
  it.each([[''], [[]], ['123'], [[1]], [undefined], [null]])(
    'is a home organization that is %j',
    (organizations) => {
      expect(() => authenticated({ organizations } as never)).toThrow('organizations');
    },
  );

  it('is a home organization that is a text, put together by hand', () => {
    expect(() => requirementOf({ type: 'authenticated', organizations: '123' }, 'x')).toThrow('x');
  });

  it('is a manager role where a role of a project is meant', () => {
    expect(() => projectRole('ORG_OWNER', { org: '1' })).toThrow("role('ORG_OWNER', ...)");
  });

  it('is the empty id, whatever the pattern allows', async () => {
    const library = libraryOf({ idPattern: /[0-9]*/ });
    const requirement = role('ORG_OWNER', org.param('orgId'));
    const decision = await decide(library, zitadel.tokenFor(owner), requirement, { orgId: '' });
    expect(decision).toMatchObject({ allowed: false, reason: 'resource_invalid' });
  });

  it.each([null, true, 1, {}])('is a claim that names no domain but %j', async (domain) => {
    const claims = {
      'urn:zitadel:iam:user:resourceowner:id': acme.id,
      [`urn:zitadel:iam:org:project:${portal.id}:roles`]: { editor: { [acme.id]: domain } },
    };
    const token = zitadel.tokenFor(owner, { claims });
    const requirement = projectRole('editor', { project: portal.id, org: acme.id });
    expect(await verdict(libraryOf(), token, requirement)).toBe('project_role_missing');
  });
});

describe('a user whose foreign rows are over the cap', () => {
  let crowded: User;

  beforeAll(() => {
    crowded = zitadel.addUser('crowded', { org: acme });
    for (let number = 0; number < 10_001; number += 1) {
      const foreign = zitadel.addProject(`foreign ${number}`, { org: globex });
      zitadel.addMember(crowded, { project: foreign }, ['PROJECT_OWNER']);
    }
    zitadel.addMember(crowded, { org: acme }, ['ORG_OWNER']);
  });

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

describe('a token that is none for ZITADEL’s API, with memberships read as the service user', () => {
  it('is refused where permissions decide, and nowhere else, whatever is remembered', async () => {
    const library = libraryOf(asServiceUser());
    const token = zitadel.tokenFor(owner, { zitadelAudience: false });
    const asked = permission('org.write', org(acme.id));
    const either = anyOf(asked, role('PROJECT_OWNER', project(portal.id)));
    expect(await verdict(library, token, either)).toBe('yes');
    expect(await verdict(library, token, asked)).toBe('token_rejected');
    expect(await verdict(library, token, either)).toBe('yes');
  });

  it('costs no more calls than what is not there', async () => {
    const library = libraryOf(asServiceUser());
    const token = zitadel.tokenFor(owner, { zitadelAudience: false });
    zitadel.resetRequests();
    for (let i = 0; i < 250; i += 1) {
      await verdict(library, token, permission('org.write', org(acme.id)));
    }
    expect(zitadel.requests('permissions')).toBe(200);
  });
});
