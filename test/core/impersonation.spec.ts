import { describe, expect, it } from 'vitest';
import { authenticated, role } from '../../lib/core/requirement/builders.js';
import { org } from '../../lib/core/requirement/refs.js';
import type { Requirement } from '../../lib/core/requirement/requirement.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import { introspection, jwt } from '../../lib/callers.js';
import type { ZitadelOptions } from '../../lib/options.js';
import { basic, pat } from '../../lib/zitadel/credentials.js';
import { MemoryStore } from './store/memory-store.js';
import { useEmulator } from '../support/world.js';
import { recorder } from '../zitadel/parts.js';

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const reader = zitadel.addServiceUser('reader', { org: acme });
zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
const application = zitadel.addApiApplication(zitadel.defaultProject);
let users = 0;

const ways: Readonly<Record<string, ZitadelOptions['callers'] & object>> = {
  'jwt()': jwt(),
  'jwt({ recheckMs: false })': jwt({ recheckMs: false }),
  'introspection(...)': introspection(basic(application.clientId, application.clientSecret)),
};

function libraryOf(more: Partial<ZitadelOptions>, store?: MemoryStore): Zitadel {
  const options = zitadel.options({
    memberships: { as: 'serviceUser' },
    serviceUser: pat(zitadel.patFor(reader)),
    logger: recorder(),
    ...more,
  });
  return createZitadel(options, store ? { sharedCache: store } : {});
}

/** An owner of acme, and a token with which somebody else acts as that owner. */
function impersonated() {
  users += 1;
  const owner = zitadel.addUser(`owner ${users}`);
  zitadel.addMember(owner, { org: acme }, ['ORG_OWNER']);
  const actor = zitadel.addUser(`actor ${users}`);
  return { owner, actor, token: zitadel.impersonationTokenFor(owner, actor) };
}

/** One and the same requirement, on a route that lets impersonated callers in and on one that does not. */
const asked: Readonly<Record<string, Requirement>> = {
  'a role': role('ORG_OWNER', acme.id),
  'a role on what the request names': role('ORG_OWNER', org.param('orgId')),
  'a fresh role': role('ORG_OWNER', acme.id, { fresh: true }),
  'any caller': authenticated(),
};

async function ask({ decisions }: Zitadel, token: string, requirement: Requirement, lets: boolean) {
  const request = { headers: { authorization: `Bearer ${token}` }, params: { orgId: acme.id } };
  const decision = await decisions.authorize(request, decisions.prepare(requirement, lets));
  return decision.allowed ? decision.caller.actor : decision.reason;
}

describe.each(Object.entries(ways))('per route, with callers: %s', (_way, callers) => {
  describe.each([false, true])('with a shared cache: %s', (isShared) => {
    const perRoute = () =>
      libraryOf(
        {
          callers,
          allowImpersonation: 'perRoute',
          ...(isShared && { cache: { shared: { secret: 's'.repeat(32) } } }),
        },
        isShared ? new MemoryStore() : undefined,
      );

    it.each(Object.entries(asked))(
      'an impersonated caller is let in on one route and refused on the other, whichever was first: %s',
      async (_what, requirement) => {
        for (const first of [true, false]) {
          const library = perRoute();
          const { token, actor } = impersonated();
          for (let round = 0; round < 3; round += 1) {
            for (const lets of [first, !first]) {
              expect(await ask(library, token, requirement, lets)).toBe(
                lets ? actor.id : 'impersonated',
              );
            }
          }
        }
      },
    );

    it('what one process has stored lets nobody in on the other route of another process', async () => {
      const store = new MemoryStore();
      const more = {
        callers,
        allowImpersonation: 'perRoute' as const,
        cache: { shared: { secret: 's'.repeat(32) } },
      };
      const { token, actor } = impersonated();
      const requirement = role('ORG_OWNER', acme.id);
      expect(await ask(libraryOf(more, store), token, requirement, true)).toBe(actor.id);
      expect(await ask(libraryOf(more, store), token, requirement, false)).toBe('impersonated');
    });
  });

  it('callers who are themselves are let in on both, and have no actor', async () => {
    const library = libraryOf({ callers, allowImpersonation: 'perRoute' });
    const token = zitadel.tokenFor(impersonated().owner);
    for (const lets of [true, false, true]) {
      expect(await ask(library, token, role('ORG_OWNER', acme.id), lets)).toBe(undefined);
    }
  });

  it('allowImpersonation: true lets them in everywhere, and tells the actor', async () => {
    const library = libraryOf({ callers, allowImpersonation: true });
    const { token, actor } = impersonated();
    expect(await ask(library, token, authenticated(), false)).toBe(actor.id);
  });
});

describe('the actor', () => {
  it('is told to listeners, whether the caller is let in or not', async () => {
    const library = libraryOf({ allowImpersonation: 'perRoute' });
    const told: unknown[] = [];
    library.authorizer.onDecision(({ decision }) => {
      told.push([decision.allowed, decision.caller?.userId, decision.caller?.actor]);
    });
    const { token, owner, actor } = impersonated();
    for (const lets of [true, false]) await ask(library, token, authenticated(), lets);
    expect(told).toEqual([
      [true, owner.id, actor.id],
      [false, owner.id, actor.id],
    ]);
  });

  it.each([{}, { sub: 7 }, { sub: '' }, 'somebody', null, []])(
    'that a token does not name makes it invalid: %j',
    async (act) => {
      const { owner } = impersonated();
      const [, payload = ''] = zitadel.tokenFor(owner).split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
      const token = zitadel.signJwt({ ...claims, act });
      for (const allowImpersonation of [true, 'perRoute'] as const) {
        const library = libraryOf({ allowImpersonation });
        expect(await ask(library, token, authenticated(), true)).toBe('token_invalid');
      }
      expect(await ask(libraryOf({}), token, authenticated(), true)).toBe('impersonated');
    },
  );

  it('is no reason to answer a service differently: the route has decided', async () => {
    const library = libraryOf({ allowImpersonation: 'perRoute' });
    const { token } = impersonated();
    const { decisions, authorizer } = library;
    const request = { headers: { authorization: `Bearer ${token}` } };
    const decision = await decisions.authorize(request, decisions.prepare(authenticated(), true));
    if (!decision.allowed) throw new Error(decision.reason);
    expect(await authorizer.can(decision.caller, role('ORG_OWNER', acme.id))).toBe(true);
  });
});
