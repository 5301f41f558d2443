import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { authenticated, role } from '../../lib/core/requirement/builders.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import { basic, introspection } from '../../lib/express/index.js';
import { type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { realFetch, recorder, verdict } from '../zitadel/parts.js';

let zitadel: ZitadelEmulator;
let reader: User;
let users = 0;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  reader = zitadel.addServiceUser('reader');
  zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
});
afterAll(() => zitadel.stop());
afterEach(() => {
  zitadel.heal();
});

const someone = () => zitadel.addUser(`user ${(users += 1)}`);

function libraryOf(fetch = realFetch) {
  const { clientId, clientSecret } = zitadel.addApiApplication(zitadel.defaultProject);
  return createZitadel(
    zitadel.options({
      logger: recorder(),
      fetch,
      callers: introspection(basic(clientId, clientSecret)),
      memberships: { as: 'serviceUser' },
      serviceUser: pat(zitadel.patFor(reader)),
    }),
  );
}

/** Holds the answers of introspection back, once they are there. */
function holding() {
  let letGo = () => {};
  let arrived = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const answered = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const fetch: typeof realFetch = async (url, init) => {
    const response = await realFetch(url, init);
    if (url.endsWith('/introspect')) {
      arrived();
      await held;
    }
    return response;
  };
  return { fetch, answered, letGo: () => letGo() };
}

describe('an eviction while introspection is under way', () => {
  it('reaches it: what it brings is not kept, and nobody joins it', async () => {
    const { fetch, answered, letGo } = holding();
    const library = libraryOf(fetch);
    const user = someone();
    const token = zitadel.opaqueTokenFor(user);
    const before = verdict(library, token, authenticated());
    await answered;
    zitadel.deactivateUser(user);
    await library.authorizer.evict(user.id);
    const after = verdict(library, token, authenticated());
    letGo();
    await before;
    expect(await after).toBe('token_invalid');
    expect(await verdict(library, token, authenticated())).toBe('token_invalid');
  });
});

describe('a token that introspection calls inactive', () => {
  it('is not accepted by what was answered before', async () => {
    const library = libraryOf();
    const user = someone();
    zitadel.addMember(user, 'instance', ['IAM_OWNER']);
    const token = zitadel.opaqueTokenFor(user);
    expect(await verdict(library, token, role('IAM_OWNER'))).toBe('yes');
    zitadel.revokeToken(token);
    expect(await verdict(library, token, role('IAM_OWNER', { fresh: true }))).toBe('token_invalid');
    expect(await verdict(library, token, role('IAM_OWNER'))).toBe('token_invalid');
  });
});
