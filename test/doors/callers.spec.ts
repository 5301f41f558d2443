import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  basic,
  introspection,
  jwt,
  key,
  userinfo,
  type DenyReason,
  type ZitadelOptions,
} from '../../lib/index.js';
import { ask, expectAnswer } from './answers.js';
import type { Door } from './door.js';
import { DOORS } from './doors.js';
import { newcomer } from './refusals.js';
import { useWorld, type World } from '../support/world.js';

const WAYS = [
  'jwt',
  'introspection by secret',
  'introspection by key',
  'userinfo',
  'jwt and introspection',
  'jwt and userinfo',
] as const;

type Verdict = 'yes' | DenyReason;
type Verdicts = Readonly<Record<(typeof WAYS)[number], Verdict>>;

/** What each kind of token is answered, in the order of the ways. */
const KINDS: Readonly<
  Record<string, { readonly make: (world: World) => string; readonly verdicts: Verdicts }>
> = {
  'a JWT': {
    make: (world) => world.zitadel.tokenFor(newcomer(world)),
    verdicts: all('yes', 'yes', 'yes', 'yes', 'yes', 'yes'),
  },
  'an opaque token': {
    make: (world) => world.zitadel.opaqueTokenFor(newcomer(world)),
    verdicts: all('token_invalid', 'yes', 'yes', 'yes', 'yes', 'yes'),
  },
  'a personal access token': {
    make: (world) => {
      const { zitadel, acme } = world;
      const service = zitadel.addServiceUser(`svc-${String(zitadel.grants().length)}-${nextId()}`, {
        org: acme,
      });
      zitadel.addMember(service, { org: acme }, ['ORG_OWNER']);
      return zitadel.patFor(service);
    },
    verdicts: all('token_invalid', 'yes', 'yes', 'yes', 'yes', 'yes'),
  },
  'a session token': {
    make: (world) => world.zitadel.sessionTokenFor(newcomer(world)),
    verdicts: refused(),
  },
  'an ID token': {
    make: (world) => world.zitadel.idTokenFor(newcomer(world)),
    verdicts: refusedJwt(),
  },
  'a token of somebody who acts for another': {
    make: (world) => world.zitadel.impersonationTokenFor(newcomer(world), newcomer(world)),
    verdicts: everywhere('impersonated'),
  },
  'a JWT that is signed by somebody else': {
    make: (world) => world.zitadel.foreignTokenFor(newcomer(world)),
    verdicts: refusedJwt(),
  },
  'an expired JWT': {
    make: (world) => world.zitadel.expiredTokenFor(newcomer(world)),
    verdicts: refusedJwt(),
  },
  'an expired opaque token': {
    make: (world) => world.zitadel.opaqueTokenFor(newcomer(world), { expiresInSeconds: -60 }),
    verdicts: refused(),
  },
  'a revoked JWT': {
    make: (world) => revoked(world, world.zitadel.tokenFor(newcomer(world))),
    verdicts: all(
      'token_rejected',
      'token_invalid',
      'token_invalid',
      'token_rejected',
      'token_rejected',
      'token_rejected',
    ),
  },
  'a revoked opaque token': {
    make: (world) => revoked(world, world.zitadel.opaqueTokenFor(newcomer(world))),
    verdicts: refused(),
  },
  // Userinfo does not show whom a token is for: that is what the other ways are for.
  'a JWT for another project': {
    make: (world) => world.zitadel.tokenFor(newcomer(world), { audience: [world.portal] }),
    verdicts: all(
      'token_invalid',
      'token_invalid',
      'token_invalid',
      'yes',
      'token_invalid',
      'token_invalid',
    ),
  },
  'an opaque token for another project': {
    make: (world) => world.zitadel.opaqueTokenFor(newcomer(world), { audience: [world.portal] }),
    verdicts: all('token_invalid', 'token_invalid', 'token_invalid', 'yes', 'token_invalid', 'yes'),
  },
  'a JWT that ZITADEL’s own API does not take': {
    make: (world) => world.zitadel.tokenFor(newcomer(world), { zitadelAudience: false }),
    verdicts: everywhere('token_rejected'),
  },
  'an opaque token that ZITADEL’s own API does not take': {
    make: (world) => world.zitadel.opaqueTokenFor(newcomer(world), { zitadelAudience: false }),
    verdicts: { ...everywhere('token_rejected'), jwt: 'token_invalid' },
  },
  'an opaque token of a user who is deactivated': {
    make: (world) => {
      const user = newcomer(world);
      const token = world.zitadel.opaqueTokenFor(user);
      world.zitadel.deactivateUser(user);
      return token;
    },
    verdicts: refused(),
  },
  'an opaque token with one letter changed': {
    make: (world) => {
      const token = world.zitadel.opaqueTokenFor(newcomer(world));
      return `${token.slice(0, -20)}${token.at(-20) === 'A' ? 'B' : 'A'}${token.slice(-19)}`;
    },
    verdicts: refused(),
  },
  garbage: { make: () => 'garbage', verdicts: refused() },
  'garbage of three parts': { make: () => 'eyJ.eyJ.xyz', verdicts: refusedJwt() },
  'garbage of five parts': { make: () => 'eyJhbGciOiJub25lIn0.a.b.c.d', verdicts: refused() },
};

function all(...verdicts: readonly [Verdict, Verdict, Verdict, Verdict, Verdict, Verdict]) {
  return Object.fromEntries(WAYS.map((way, at) => [way, verdicts[at]])) as Verdicts;
}

function everywhere(verdict: Verdict): Verdicts {
  return all(verdict, verdict, verdict, verdict, verdict, verdict);
}

/** Something that is no JWT and no good. */
function refused(): Verdicts {
  const no = 'token_invalid';
  return all(no, no, no, 'token_rejected', no, 'token_rejected');
}

/** Something that has the form of a JWT and is no good. */
function refusedJwt(): Verdicts {
  return { ...everywhere('token_invalid'), userinfo: 'token_rejected' };
}

function revoked({ zitadel }: World, token: string): string {
  zitadel.revokeToken(token);
  return token;
}

let ids = 0;
function nextId(): string {
  ids += 1;
  return String(ids);
}

const world = useWorld();
let options: Readonly<Record<(typeof WAYS)[number], Pick<ZitadelOptions, 'callers' | 'audience'>>>;

beforeAll(async () => {
  const { zitadel } = world;
  const { clientId, clientSecret } = zitadel.addApiApplication(zitadel.defaultProject);
  const bySecret = introspection(basic(clientId, clientSecret));
  const byKey = introspection(key(zitadel.addApplicationKey(zitadel.defaultProject)));
  const audience = zitadel.defaultProject.id;
  options = {
    jwt: { callers: jwt(), audience },
    'introspection by secret': { callers: bySecret, audience },
    'introspection by key': { callers: byKey },
    userinfo: { callers: userinfo() },
    'jwt and introspection': { callers: [jwt(), bySecret], audience },
    'jwt and userinfo': { callers: [jwt(), userinfo()], audience },
  };
});

describe.each(DOORS)('$name', ({ open }) => {
  describe.each(WAYS)('with callers known by %s', (way) => {
    let door: Door;

    beforeAll(async () => {
      const { issuer } = world.zitadel;
      // The emulator's own options name an audience, which not every way takes.
      const zitadel = Object.create(world.zitadel, {
        options: { value: (more: object) => ({ issuer, ...options[way], ...more }) },
      }) as World['zitadel'];
      door = await open({ ...world, zitadel });
    });

    afterAll(() => door.close());

    it.each(Object.entries(KINDS))('answers %s', async (_kind, { make, verdicts }) => {
      const ran = door.notes.ran;
      const token = make(world);
      const heard = await ask(door, world, {
        path: `/orgs/${world.acme}`,
        authorization: `Bearer ${token}`,
      });
      const verdict = verdicts[way];
      if (verdict === 'yes') expectAnswer(heard, { status: 200 });
      else expect(heard.json?.['errorCode']).toBe(verdict);
      expect(door.notes.ran).toBe(verdict === 'yes' ? ran + 1 : ran);
      expect(door.notes.log).not.toContain(token);
    });
  });
});
