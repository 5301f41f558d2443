import { beforeEach, describe, expect, it } from 'vitest';
import { role } from '../../../lib/core/requirement/builders.js';
import { org } from '../../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../../lib/options.js';
import type { Org, User } from '../../../lib/testing/index.js';
import { pat } from '../../../lib/zitadel/credentials.js';
import { realFetch, recorder, verdict } from '../parts.js';
import { useEmulator } from '../../support/world.js';

const PAGE = 1_000;

let alice: User;
let foreign: Org[];
let orgs = 0;

const zitadel = await useEmulator({ apis: 'v2' });
const acme = zitadel.addOrg('acme');
const svc = zitadel.addServiceUser('svc');
zitadel.addMember(svc, 'instance', ['IAM_OWNER_VIEWER']);
const reader = zitadel.patFor(svc);
beforeEach(() => {
  alice = zitadel.addUser(`alice of ${orgs}`, { org: acme });
  foreign = [];
});

function addForeignRow(): void {
  const one = zitadel.addOrg(`evil ${(orgs += 1)}`);
  foreign.push(one);
  zitadel.addMember(alice, { org: one }, ['ORG_OWNER_VIEWER']);
}

const WAYS: readonly [string, () => Partial<ZitadelOptions>][] = [
  ['with the callers’ own tokens', () => ({})],
  [
    'as the service user',
    () => ({ serviceUser: pat(reader), memberships: { as: 'serviceUser' as const } }),
  ],
];

describe.each(WAYS)('a list of managers that others change, read %s', (_how, more) => {
  /** Does something whenever a page was read that is not the last one. */
  function libraryThat(between: () => void): Zitadel {
    return createZitadel(
      zitadel.options({
        ...more(),
        logger: recorder(),
        timeoutMs: 60_000,
        budgetMs: 120_000,
        fetch: async (url, init) => {
          const response = await realFetch(url, init);
          if (!url.endsWith('/ListAdministrators')) return response;
          const text = await response.text();
          const { administrators = [] } = JSON.parse(text) as { administrators?: unknown[] };
          if (administrators.length === PAGE) between();
          return new Response(text, response);
        },
      }),
    );
  }
  const isOwner = (library: Zitadel) =>
    verdict(library, zitadel.tokenFor(alice), role('ORG_OWNER', org(acme.id)));

  it('each time it is read locks nobody out', async () => {
    for (let rows = 0; rows < 1_200; rows += 1) addForeignRow();
    zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
    expect(await isOwner(libraryThat(addForeignRow))).toBe('yes');
  });

  it('so that the own row slips through between two pages hides nothing', async () => {
    for (let rows = 0; rows < PAGE; rows += 1) addForeignRow();
    zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
    for (let rows = 0; rows < 200; rows += 1) addForeignRow();
    const shift = () => {
      zitadel.removeMember(alice, { org: foreign.shift() as Org });
      addForeignRow();
    };
    expect(await isOwner(libraryThat(shift))).toBe('yes');
  });

  it('and that has no row that counts is still a no', async () => {
    for (let rows = 0; rows < 1_200; rows += 1) addForeignRow();
    expect(await isOwner(libraryThat(addForeignRow))).toBe('role_missing');
  });
});
