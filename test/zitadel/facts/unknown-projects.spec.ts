import { describe, expect, it } from 'vitest';
import { role } from '../../../lib/core/requirement/builders.js';
import { project, projectGrant } from '../../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { User } from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import { recorder, verdict } from '../parts.js';
import { useEmulator } from '../../support/world.js';

/** Owner of globex, a stranger to acme; owner of sixty organizations; and the service user, who sees everything. */
let names = 0;

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const globex = zitadel.addOrg('globex');
const gina = zitadel.addUser('gina');
zitadel.addMember(gina, { org: globex }, ['ORG_OWNER']);
const many = zitadel.addUser('many');
for (let at = 0; at < 60; at += 1) {
  zitadel.addMember(many, { org: zitadel.addOrg(`of many ${at}`) }, ['ORG_OWNER']);
}
const viewer = zitadel.addServiceUser('viewer');
zitadel.addMember(viewer, 'instance', ['IAM_OWNER_VIEWER']);

const tokenOf = (user: User | undefined) => zitadel.tokenFor(user as User);
const owns = role('PROJECT_OWNER', project.param('projectId'));
const asks = (library: Zitadel, user: User | undefined, projectId: string) =>
  verdict(library, tokenOf(user), owns, { projectId });

type Api = 'v1' | 'v2';
const WAYS: readonly (readonly [Api, 'caller' | 'serviceUser'])[] = [
  ['v1', 'caller'],
  ['v2', 'caller'],
  ['v1', 'serviceUser'],
  ['v2', 'serviceUser'],
];

function libraryOf(api: Api, as: 'caller' | 'serviceUser'): Zitadel {
  const more: Partial<ZitadelOptions> =
    as === 'caller'
      ? {}
      : {
          memberships: api === 'v1' ? { as, organizations: [acme.id, globex.id] } : { as },
          serviceUser: pat(zitadel.patFor(viewer)),
        };
  return createZitadel(
    zitadel.options({ logger: recorder(), api, cache: { ttlMs: 3_600_000 }, ...more }),
  );
}

describe.each(WAYS)('a project of another tenant, by %s as the %s', (api, as) => {
  /** How many unknown projects can still be named after this one, until the user is left alone. */
  const leftAfter = async (projectId: string) => {
    const [library, token] = [libraryOf(api, as), zitadel.tokenFor(gina)];
    expect(await verdict(library, token, owns, { projectId })).toBe('role_missing');
    for (let named = 0; ; named += 1) {
      const answer = await verdict(library, token, owns, { projectId: String(5_000_000 + named) });
      if (answer === 'unavailable') return named;
      expect(answer).toBe('role_missing');
      expect(named).toBeLessThan(250);
    }
  };

  // Two hundred are allowed, and any of those that do not exist is one of them.
  it('costs whoever names it as much as one that does not exist', async () => {
    const { id } = zitadel.addProject(`secret ${(names += 1)}`, { org: acme.id });
    expect(await leftAfter(id)).toBe(199);
  });
});

describe('an unknown project, named by a manager of sixty organizations', () => {
  it('is asked for once where our service user asks by v2', async () => {
    const library = libraryOf('v2', 'serviceUser');
    for (let at = 0; at < 3; at += 1) {
      expect(await asks(library, many, String(6_000_000 + at))).toBe('role_missing');
    }
    expect(zitadel.requests('projectV2')).toBe(3);
    expect(await asks(library, many, '6000000')).toBe('role_missing');
    expect(zitadel.requests('projectV2')).toBe(3);
  });

  it('is hardly asked for more while it is found out that v2 is served', async () => {
    zitadel.serveApis('v2');
    const library = createZitadel(
      zitadel.options({
        logger: recorder(),
        memberships: { as: 'serviceUser' },
        serviceUser: pat(zitadel.patFor(viewer)),
      }),
    );
    expect(await asks(library, many, '7000000')).toBe('role_missing');
    expect(zitadel.requests('projectV2')).toBeLessThanOrEqual(4);
    expect(await asks(library, many, '7000000')).toBe('role_missing');
    expect(zitadel.requests('projectV2')).toBeLessThanOrEqual(4);
  });
});

describe.each(['v1', 'v2', 'auto'] as const)(
  '4,000 projects that a stranger grants (%s)',
  (api) => {
    it('lock no manager of the granted organization out', async () => {
      const [evil, own, to] = [
        zitadel.addOrg(`evil ${api}`),
        zitadel.addOrg(`owner ${api}`),
        zitadel.addOrg(`granted ${api}`),
      ];
      const [owner, manager] = [zitadel.addUser(`owner ${api}`), zitadel.addUser(`manager ${api}`)];
      for (let at = 0; at < 4_000; at += 1) {
        zitadel.grantProject(zitadel.addProject(`lure ${api} ${at}`, { org: evil }), to, []);
      }
      const { id } = zitadel.addProject(`shop ${api}`, { org: own, roles: ['reader'] });
      const grant = zitadel.grantProject(id, to, ['reader']);
      zitadel.addMember(owner, { org: to }, ['ORG_OWNER']);
      zitadel.addMember(manager, { projectGrant: grant }, ['PROJECT_GRANT_OWNER']);
      const library = createZitadel(zitadel.options({ logger: recorder(), api }));
      const manages = (projectId: string) =>
        role('PROJECT_GRANT_OWNER', projectGrant({ project: projectId, grantedOrg: to.id }));
      expect(await verdict(library, tokenOf(manager), manages(id))).toBe('yes');
      expect(await verdict(library, tokenOf(owner), manages(id))).toBe('yes');
      zitadel.resetRequests();
      expect(await verdict(library, tokenOf(owner), manages('8000000'))).toBe('role_missing');
      const pages = zitadel.requests('grantedProjects') + zitadel.requests('listGrantsV2');
      // v1 alone reads on to the end; where v2 is served, its filter says that there is nothing.
      expect(pages).toBe(api === 'v1' ? 5 : api === 'v2' ? 1 : 2);
    });
  },
);
