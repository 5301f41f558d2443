import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { allOf, anyOf, authenticated, role } from '../../lib/core/requirement/builders.js';
import { createZitadel } from '../../lib/create-zitadel.js';
import { type Org, type User, ZitadelEmulator } from '../../lib/testing/index.js';
import { pat } from '../../lib/zitadel/credentials.js';
import { ZitadelUnavailableError } from '../../lib/zitadel/refusals.js';
import { decide, recorder } from '../zitadel/parts.js';

let zitadel: ZitadelEmulator;
let acme: Org;
let alice: User;

beforeAll(async () => {
  zitadel = await ZitadelEmulator.start();
  acme = zitadel.addOrg('acme');
  alice = zitadel.addUser('alice');
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
});
afterAll(() => zitadel.stop());
beforeEach(() => zitadel.resetRequests());

describe('explain', () => {
  const many = (fresh: boolean) =>
    allOf(
      authenticated(),
      anyOf(role('IAM_OWNER', { fresh }), role('ORG_OWNER', acme.id, { fresh })),
      allOf(role('ORG_OWNER_VIEWER', acme.id), role('ORG_USER_MANAGER', acme.id)),
    );

  it.each([
    ['by a fresh question', true, 30_000],
    ['where nothing is remembered', false, 0],
  ])('tells nobody, and asks once for all parts, %s', async (_how, fresh, ttlMs) => {
    const library = createZitadel(zitadel.options({ logger: recorder(), cache: { ttlMs } }));
    const decision = await decide(library, zitadel.tokenFor(alice), authenticated());
    if (!decision.caller) throw new Error('no caller');
    let heard = 0;
    library.authorizer.onDecision(() => (heard += 1));
    zitadel.resetRequests();
    const explained = await library.authorizer.explain(decision.caller, many(fresh));
    expect(explained).toMatchObject({
      allowed: true,
      parts: [
        { allowed: true },
        { allowed: true, parts: [{ reason: 'role_missing' }, { by: { id: acme.id } }] },
        { allowed: true, parts: [{ allowed: true }, { allowed: true }] },
      ],
    });
    expect(zitadel.requests('memberships')).toBe(1);
    expect(heard).toBe(0);
  });

  it('that cannot be answered, and a look-up that cannot, tell nobody either', async () => {
    const library = createZitadel(zitadel.options({ logger: recorder(), cache: { ttlMs: 0 } }));
    const { caller } = await decide(library, zitadel.tokenFor(alice), authenticated());
    if (!caller) throw new Error('no caller');
    let heard = 0;
    library.authorizer.onDecision(() => (heard += 1));
    zitadel.fail('memberships', 500);
    const { authorizer } = library;
    for (const asked of [
      () => authorizer.explain(caller, many(false)),
      () => authorizer.lookupResources(caller, 'ORG_OWNER'),
    ]) {
      await expect(asked()).rejects.toThrow(ZitadelUnavailableError);
    }
    zitadel.heal();
    expect(heard).toBe(0);
  });

  it('of a bare user id asks once for all parts too', async () => {
    const svc = zitadel.addServiceUser('svc');
    zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
    const library = createZitadel(
      zitadel.options({
        logger: recorder(),
        cache: { ttlMs: 0 },
        serviceUser: pat(zitadel.patFor(svc)),
        memberships: { as: 'serviceUser', organizations: [acme.id] },
      }),
    );
    let heard = 0;
    library.authorizer.onDecision(() => (heard += 1));
    expect(await library.authorizer.explain(alice.id, many(false))).toMatchObject({
      allowed: true,
    });
    expect(zitadel.requests('userMemberships')).toBe(1);
    expect(heard).toBe(0);
  });
});
