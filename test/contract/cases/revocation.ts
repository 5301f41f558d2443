import type { Case } from '../case.js';
import { listOf, send, textAt } from '../http.js';
import { decodeJwt } from '../jwt-parts.js';
import { revoke } from '../oauth.js';
import type { Scene } from '../scene.js';

interface Revoked {
  /** Ids of aggregates whose events are looked at. */
  readonly of: string;
  readonly types: readonly string[];
  readonly see: (events: readonly Record<string, unknown>[]) => unknown;
}

/** A case about what is told after something was revoked, by the Event API, which every server has. */
function told(
  says: string,
  happens: (scene: Scene, name: string) => Promise<Revoked>,
  verdict: unknown,
): Case {
  const happened = new WeakMap<Scene, Promise<Revoked>>();
  return {
    chapter: 'revocation',
    says,
    generation: 'v1',
    again: true,
    verdict,
    ask: async ({ scene }) => {
      const name = `revoked-${says.replaceAll(/\W+/g, '-').slice(0, 40)}`;
      const work = happened.get(scene) ?? happens(scene, name);
      happened.set(scene, work);
      const { of, types, see } = await work;
      return see(await eventsOf(scene, of, types));
    },
  };
}

async function eventsOf(scene: Scene, aggregateId: string, eventTypes: readonly string[]) {
  const { body } = await send(scene.issuer, {
    method: 'POST',
    path: '/admin/v1/events/_search',
    headers: { authorization: `Bearer ${await scene.token('admin')}` },
    body: { asc: true, limit: 100, aggregateId, eventTypes },
  });
  return listOf(body['events']);
}

const typesOf = (events: readonly Record<string, unknown>[]) =>
  events.map((event) => textAt(event, 'type', 'type'));

/** Somebody signs in to an application of their own. */
async function someoneSignedIn(scene: Scene, name: string) {
  const { world } = scene;
  const person = await world.addPerson(scene.made.orgs.initech, name);
  const web = await world.addWebApplication(scene.made.portal, name);
  const signedIn = await world.signIn(person, web, [...scene.scopes, 'offline_access']);
  const { jti } = decodeJwt(signedIn.accessToken)?.claims ?? {};
  const [session = '', token = ''] = String(jti).split('-');
  return { person, web, signedIn, session, token };
}

/** Tokens are known by the beginning of their `jti`: it is what the events are about. */
function revokedToken(which: 'accessToken' | 'refreshToken') {
  return async (scene: Scene, name: string): Promise<Revoked> => {
    const { web, signedIn, session, token } = await someoneSignedIn(scene, name);
    await revoke(scene.issuer, web.clientId, signedIn[which]);
    const prefix = 'oidc_session';
    return {
      of: session,
      types: [`${prefix}.access_token.revoked`, `${prefix}.refresh_token.revoked`],
      see: (events) => ({ types: typesOf(events), jti: /^at_\d+$/.test(token) }),
    };
  };
}

async function anyone(scene: Scene, name: string) {
  return scene.world.addServiceUser(scene.made.orgs.initech, name);
}

const STATES = ['deactivated', 'reactivated', 'locked', 'unlocked', 'removed'];

export const revocation: readonly Case[] = [
  told(
    'a revoked access token is told of under the beginning of its jti',
    revokedToken('accessToken'),
    { types: ['oidc_session.access_token.revoked'], jti: true },
  ),
  told(
    'a revoked refresh token is told of under the beginning of the jti of its access token',
    revokedToken('refreshToken'),
    { types: ['oidc_session.refresh_token.revoked'], jti: true },
  ),
  told(
    'an ended session is told of under the sid of its ID token, which no access token has',
    async (scene, name) => {
      const { person, signedIn, session } = await someoneSignedIn(scene, name);
      const sid = String(decodeJwt(signedIn.idToken)?.claims['sid']);
      await scene.world.endSession(person, signedIn);
      return {
        of: sid,
        types: ['session.terminated'],
        see: (events) => ({ types: typesOf(events), inJti: session === `V2_${sid}` }),
      };
    },
    { types: ['session.terminated'], inJti: false },
  ),
  told(
    'a deleted personal access token is told of by the jti that introspection shows',
    async (scene, name) => {
      const { world } = scene;
      const user = await anyone(scene, name);
      const pat = await world.addPat(user);
      const { clientId, clientSecret } = scene.made.apiBasic;
      const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
      const asked = await send(scene.issuer, {
        method: 'POST',
        path: '/oauth/v2/introspect',
        headers: { authorization: `Basic ${basic}` },
        form: { token: pat.token },
      });
      await world.removePat(user, pat);
      return {
        of: user.id,
        types: ['user.pat.removed'],
        see: (events) =>
          events.map((event) => textAt(event, 'payload', 'tokenId') === textAt(asked.body, 'jti')),
      };
    },
    [true],
  ),
  told(
    'a deleted key is told of as one of its user',
    async (scene, name) => {
      const user = await anyone(scene, name);
      const key = await scene.world.addKey(user);
      await scene.world.removeKey(user, key);
      return { of: user.id, types: ['user.machine.key.removed'], see: typesOf };
    },
    ['user.machine.key.removed'],
  ),
  told(
    'a user is told of in every state',
    async (scene, name) => {
      const user = await anyone(scene, name);
      const { world } = scene;
      await world.deactivateUser(user);
      await world.reactivateUser(user);
      await world.lockUser(user);
      await world.unlockUser(user);
      await world.removeUser(user);
      return { of: user.id, types: STATES.map((state) => `user.${state}`), see: typesOf };
    },
    STATES.map((state) => `user.${state}`),
  ),
];
