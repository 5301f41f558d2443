import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authenticated, role } from '../../lib/core/requirement.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { ZitadelEmulator, type Org, type User } from '../../lib/testing/index.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { gate } from '../core/gate.js';
import { realFetch, recorder, verdict } from '../zitadel/parts.js';

let zitadel: ZitadelEmulator;
let acme: Org;
let [alice, bob]: User[] = [];
let reader: string;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  const svc = zitadel.addServiceUser('svc', { org: acme });
  zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
  reader = zitadel.patFor(svc);
  alice = zitadel.addUser('alice');
  bob = zitadel.addUser('bob');
});
afterAll(() => zitadel.stop());

const tokenOf = (user: User | undefined) => zitadel.tokenFor(user?.id ?? '');

type More = () => Partial<ZitadelOptions>;
const WAYS: readonly [string, More][] = [
  ['with the callers’ own tokens', () => ({})],
  [
    'as the service user',
    () => ({
      serviceUser: pat(reader),
      memberships: { as: 'serviceUser', organizations: [acme.id] },
    }),
  ],
];

describe.each(WAYS)('memberships read %s', (_how, more) => {
  it('are read for others while a hundred fresh requests of one user wait for theirs', async () => {
    const [crowded, over] = [gate(), gate()];
    const [ofAlice, ofBob] = [tokenOf(alice), tokenOf(bob)];
    let held = 0;
    const library = createZitadel(
      zitadel.options({
        ...more(),
        logger: recorder(),
        timeoutMs: 60_000,
        budgetMs: 120_000,
        fetch: async (url, init) => {
          const isAlice =
            url.includes(`/users/${alice?.id ?? ''}/`) ||
            (url.includes('/memberships/me/') &&
              new Headers(init.headers).get('authorization') === `Bearer ${ofAlice}`);
          if (isAlice) {
            held += 1;
            if (held === 8) crowded.open();
            await over.passed;
          }
          return realFetch(url, init);
        },
      }),
    );
    const crowd = Array.from({ length: 100 }, () =>
      verdict(library, ofAlice, role('IAM_OWNER', { fresh: true })),
    );
    await crowded.passed;
    expect(await verdict(library, ofBob, authenticated())).toBe('yes');
    // A crowd of one user shares what one user may have at a time.
    expect(held).toBe(8);
    over.open();
    expect(new Set(await Promise.all(crowd))).toEqual(new Set(['role_missing']));
  });
});
