import { describe, expect, it, onTestFinished } from 'vitest';
import { jwt, userinfo } from '../../lib/callers.js';
import { role } from '../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../lib/create-zitadel.js';
import type { ZitadelOptions } from '../../lib/options.js';
import type { User } from '../../lib/testing/index.js';
import { MemoryStore } from '../core/store/memory-store.js';
import { delivered, type Posted, signed, SIGNING_KEY } from '../support/deliveries.js';
import { useEmulator } from '../support/world.js';
import { recorder, verdict } from '../zitadel/parts.js';
import { MemoryBus } from './memory-bus.js';

const zitadel = await useEmulator();
const acme = zitadel.addOrg('acme');
const requirement = role('ORG_OWNER', acme.id);

let users = 0;
function newcomer(): { readonly user: User; readonly token: string } {
  const user = zitadel.addUser(`user ${(users += 1)}`);
  zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
  return { user, token: zitadel.tokenFor(user) };
}

type Change = (options: ZitadelOptions) => ZitadelOptions;

/** Three processes of one application. Nothing ends by itself during a test. */
function threeProcesses(change: Change = (options) => options): readonly Zitadel[] {
  const bus = new MemoryBus();
  const sharedCache = new MemoryStore();
  return [1, 2, 3].map(() => {
    const options = zitadel.options({
      cache: { ttlMs: 3_600_000, shared: { secret: 's'.repeat(32) } },
      redis: bus,
      events: { signingKeys: SIGNING_KEY },
      logger: recorder(),
    });
    const library = createZitadel(change(options), { sharedCache });
    onTestFinished(() => library.close());
    return library;
  });
}

const ask = (all: readonly Zitadel[], token: string) =>
  Promise.all(all.map((each) => verdict(each, token, requirement)));
const each = (text: string) => [text, text, text];
const receive = ({ events }: Zitadel, { body, headers }: Posted) =>
  events.receive(body, headers).status;

/** The session in the id of a JWT. */
function sessionOf(token: string): string {
  const [, payload = ''] = token.split('.');
  const { jti } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti: string };
  return jti.slice(0, jti.indexOf('-'));
}

/** What ZITADEL posts when the user loses the right, and what each process answers then. */
const LOSSES: readonly [string, string, (user: User, token: string) => object][] = [
  [
    'a role was removed',
    'role_missing',
    (user) => {
      zitadel.removeMember(user, { org: acme });
      return { event_payload: { userId: user.id } };
    },
  ],
  [
    'the user was deactivated',
    'token_invalid',
    (user) => ({ event_type: 'user.deactivated', aggregateType: 'user', aggregateID: user.id }),
  ],
  [
    'the sign-in was ended',
    'token_invalid',
    (_user, token) => ({
      event_type: 'oidc_session.access_token.revoked',
      aggregateType: 'oidc_session',
      aggregateID: sessionOf(token),
    }),
  ],
];

describe('a delivery', () => {
  it.each(LOSSES)('ends it in three processes if one receives it: %s', async (_, reason, lose) => {
    const all = threeProcesses();
    const [{ user, token }, other] = [newcomer(), newcomer()];
    expect(await ask(all, token)).toEqual(each('yes'));
    expect(await ask(all, other.token)).toEqual(each('yes'));
    const told = lose(user, token);
    // What is remembered counts until they hear of it.
    expect(await ask(all, token)).toEqual(each('yes'));
    const delivery = signed(delivered({ created_at: new Date().toISOString(), ...told }));
    expect(receive(all[1] as Zitadel, delivery)).toBe(200);
    await expect.poll(() => ask(all, token)).toEqual(each(reason));
    const asked = zitadel.requests();
    expect(await ask(all, other.token)).toEqual(each('yes'));
    expect(zitadel.requests()).toBe(asked);
  });

  it.each(LOSSES)(
    'changes nothing more if it is sent again to all of them: %s',
    async (_, reason, lose) => {
      const all = threeProcesses();
      const { user, token } = newcomer();
      expect(await ask(all, token)).toEqual(each('yes'));
      const told = lose(user, token);
      const delivery = signed(delivered({ created_at: new Date().toISOString(), ...told }));
      for (const library of all) expect(receive(library, delivery)).toBe(200);
      await expect.poll(() => ask(all, token)).toEqual(each(reason));
      for (let times = 0; times < 10; times += 1) {
        for (const library of all) expect(receive(library, delivery)).toBe(200);
      }
      expect(await ask(all, token)).toEqual(each(reason));
      expect(all.map(({ events }) => events.status())).toEqual(
        [1, 2, 3].map(() => expect.objectContaining({ received: 11, replayed: 10 }) as object),
      );
    },
  );

  // Userinfo does not say when an opaque token was issued. ZITADEL refuses those of before by itself.
  it('about a user who is let in again leaves later tokens alone, with userinfo()', async () => {
    const all = threeProcesses(({ audience: _audience, ...options }) => ({
      ...options,
      callers: userinfo(),
    }));
    const { user } = newcomer();
    const token = zitadel.opaqueTokenFor(user);
    expect(await ask(all, token)).toEqual(each('yes'));
    const tell = (type: string) => {
      const about = { aggregateType: 'user', aggregateID: user.id, event_type: type };
      const delivery = signed(delivered({ created_at: new Date().toISOString(), ...about }));
      expect(receive(all[0] as Zitadel, delivery)).toBe(200);
    };
    zitadel.lockUser(user);
    tell('user.locked');
    await expect.poll(() => ask(all, token)).toEqual(each('token_rejected'));
    zitadel.unlockUser(user);
    tell('user.unlocked');
    expect(await ask(all, zitadel.opaqueTokenFor(user))).toEqual(each('yes'));
    expect(await ask(all, token)).toEqual(each('token_rejected'));
  });

  it('about a user who was deactivated ends JWTs at once also beside userinfo(), whatever ZITADEL still says', async () => {
    const all = threeProcesses((options) => ({ ...options, callers: [jwt(), userinfo()] }));
    const { user, token } = newcomer();
    expect(await ask(all, token)).toEqual(each('yes'));
    const about = { aggregateType: 'user', aggregateID: user.id, event_type: 'user.deactivated' };
    const delivery = signed(delivered({ created_at: new Date().toISOString(), ...about }));
    expect(receive(all[0] as Zitadel, delivery)).toBe(200);
    await expect.poll(() => ask(all, token)).toEqual(each('token_invalid'));
  });
});
