import { beforeEach, describe, expect, it } from 'vitest';
import { authenticated, role } from '../../lib/core/requirement/builders.js';
import { org } from '../../lib/core/requirement/refs.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import type { User } from '../../lib/testing/index.js';
import { clientCredentials, key, pat } from '../../lib/zitadel/credentials.js';
import { recorder, verdict } from '../zitadel/parts.js';
import { settle } from './gate.js';
import { MemoryStore } from './store/memory-store.js';
import { startEmulator, useEmulator } from '../support/world.js';

const SECRET = 'a secret of more than thirty-two characters';

let store: MemoryStore;

const zitadel = await useEmulator();
const alice = zitadel.addUser('alice');
zitadel.addMember(alice, { org: zitadel.rootOrg }, ['ORG_OWNER']);
const [one, other] = ['one', 'other'].map((name) => {
  const user = zitadel.addServiceUser(name);
  zitadel.addMember(user, { org: zitadel.rootOrg }, ['ORG_OWNER_VIEWER']);
  return user;
}) as [User, User];
const token = zitadel.tokenFor(alice);
beforeEach(() => {
  store = new MemoryStore();
});

function libraryOf(more: Partial<ZitadelOptions> = {}, secret: string | false = SECRET): Zitadel {
  const cache = { shared: { secret } };
  const options = zitadel.options({ cache, logger: recorder(), ...more });
  return createZitadel(options, { sharedCache: store });
}

const asServiceUser = (serviceUser: ZitadelOptions['serviceUser'], ...more: string[]) =>
  ({
    serviceUser,
    memberships: { as: 'serviceUser', organizations: [zitadel.rootOrg.id, ...more] },
  }) as Partial<ZitadelOptions>;

const reads = () => zitadel.requests('memberships') + zitadel.requests('userMemberships');
const ask = (library: Zitadel) =>
  verdict(library, token, role('ORG_OWNER', org(zitadel.rootOrg.id)));

/** Whether the second one asks ZITADEL again although the first one has stored its answer. */
async function shares(first: Zitadel, second: Zitadel): Promise<boolean> {
  expect(await ask(first)).toBe('yes');
  await settle();
  const before = reads();
  expect(await ask(second)).toBe('yes');
  return reads() === before;
}

describe('two applications with one store', () => {
  it('share what they ask in the same way', async () => {
    expect(await shares(libraryOf(), libraryOf())).toBe(true);
    const reader = () => libraryOf(asServiceUser(key(zitadel.addKey(one))));
    expect(await shares(reader(), reader())).toBe(true);
  });

  const audience = () => [zitadel.defaultProject.id, 'another'];
  const differences: readonly [string, () => Zitadel, () => Zitadel][] = [
    ['another audience', () => libraryOf(), () => libraryOf({ audience: audience() })],
    ['another secret', () => libraryOf(), () => libraryOf({}, 'x'.repeat(40))],
    ['no secret', () => libraryOf(), () => libraryOf({}, false)],
    [
      'the service user as the reader',
      () => libraryOf(),
      () => libraryOf(asServiceUser(pat(zitadel.patFor(one)))),
    ],
    [
      'another reader by key',
      () => libraryOf(asServiceUser(key(zitadel.addKey(one)))),
      () => libraryOf(asServiceUser(key(zitadel.addKey(other)))),
    ],
    [
      'another reader by secret',
      () => libraryOf(asServiceUser(secretOf(one))),
      () => libraryOf(asServiceUser(secretOf(other))),
    ],
    [
      'another reader by personal access token',
      () => libraryOf(asServiceUser(pat(zitadel.patFor(one)))),
      () => libraryOf(asServiceUser(pat(zitadel.patFor(other)))),
    ],
  ];

  it.each(differences)('do not share with %s', async (_what, first, second) => {
    expect(await shares(first(), second())).toBe(false);
  });

  it('do not share with other organizations', async () => {
    const more = zitadel.addOrg('more');
    zitadel.addMember(one, { org: more }, ['ORG_OWNER_VIEWER']);
    const reader = (...orgs: string[]) =>
      libraryOf(asServiceUser(key(zitadel.addKey(one)), ...orgs));
    expect(await shares(reader(), reader(more.id))).toBe(false);
  });

  it('of two instances never meet, whatever their users are called', async () => {
    const elsewhere = await startEmulator();
    expect(await ask(libraryOf())).toBe('yes');
    await settle();
    const callers = () => ({ userId: alice.id, claims: {} });
    const { issuer } = elsewhere;
    const options = { issuer, callers, cache: { shared: { secret: SECRET } }, logger: recorder() };
    const library = createZitadel(options, { sharedCache: store });
    expect(await verdict(library, token, authenticated())).toBe('token_rejected');
    expect(elsewhere.requests('memberships')).toBe(1);
  });

  it('leave nothing of a token, a user or a secret in the keys, and no token in the values', async () => {
    await ask(libraryOf());
    await settle();
    const [name = ''] = store.rowKeys();
    const lying = JSON.stringify([...store.entries]);
    expect(lying).not.toContain(token.slice(-40));
    expect(lying).not.toContain(SECRET);
    expect(name).not.toContain(alice.id);
  });
});

function secretOf(user: User | undefined) {
  const { clientId, clientSecret } = zitadel.addSecret(user as User);
  return clientCredentials(clientId, clientSecret);
}
