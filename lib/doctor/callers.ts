import { callersOf } from '../callers-option.js';
import type { Caller } from '../core/caller.js';
import { isRefusal, type Refusal } from '../core/decision.js';
import { own } from '../core/own-properties.js';
import { jsonOf } from '../zitadel/callers/access-token.js';
import { createIntrospection } from '../zitadel/callers/introspection.js';
import { ALGORITHMS, SigningKeys } from '../zitadel/callers/signing-keys.js';
import { openClient } from '../zitadel/credentials.js';
import { createMembershipReader } from '../zitadel/memberships/read.js';
import { isDone } from '../zitadel/reply.js';
import { shownAudience } from '../zitadel/shown.js';
import { amiss, type Finding, fine, found, warning } from './finding.js';
import { callerWays } from './readable-options.js';
import type { Scene } from './scene.js';
import { rolesText } from './service-user.js';

const WHY = 'the signature of a JWT is verified with the public keys of the instance';

/** Whether the keys that verify JWTs can be had and used. */
export async function examineKeys(scene: Scene): Promise<Finding | undefined> {
  const { http, discover, resolved } = scene;
  if (!callerWays(resolved.callers).some(({ type }) => type === 'jwt')) return undefined;
  // No key has this id. What comes instead tells whether the set can be used.
  const said = await new SigningKeys(http, discover).get('doctor');
  if (said && isRefusal(said)) {
    return amiss('keys.unusable', {
      what: said.detail ?? 'the keys cannot be used',
      why: WHY,
      effect: 'every request with a JWT: 503 unavailable',
      remedy:
        said.remedy ??
        'look at what jwks_uri of the instance shows: it must be ZITADEL’s list of public keys',
    });
  }
  const list = await keysOf(scene);
  const algorithms = [...new Set(list)].sort();
  const unknown = algorithms.filter((each) => !ALGORITHMS.has(each));
  const what = `${list.length} ${list.length === 1 ? 'key' : 'keys'} (${algorithms.join(', ')})`;
  if (unknown.length === 0) return fine('keys.usable', what);
  return warning('keys.unknown-algorithm', {
    what: `${what}, of which ${unknown.join(', ')} is not accepted`,
    why: WHY,
    effect: 'requests with a token that such a key signed: 401 token_invalid',
    remedy: `let the active web key of ZITADEL be one of ${[...ALGORITHMS].join(', ')}`,
  });
}

/** The algorithm of each key. */
async function keysOf({ http, discover }: Scene): Promise<readonly string[]> {
  const endpoints = await discover();
  if (isRefusal(endpoints)) return [];
  const reply = await http({ family: 'keys', method: 'GET', path: endpoints.keys });
  const keys = isDone(reply) ? reply.body['keys'] : undefined;
  return Array.isArray(keys)
    ? keys.map((key) => {
        const alg = own(key, 'alg');
        return typeof alg === 'string' && /^[\w-]{1,20}$/.test(alg) ? alg : 'unnamed';
      })
    : [];
}

/** Whether ZITADEL answers the application that introspects. It is asked about a word that is no token. */
export async function examineIntrospection({
  http,
  discover,
  resolved,
}: Scene): Promise<Finding | undefined> {
  for (const way of callerWays(resolved.callers)) {
    if (way.type !== 'introspection') continue;
    const client = openClient(way.credential);
    const said = await createIntrospection(http, discover, client, resolved)('doctor');
    const isAnswered = isRefusal(said) && said.reason === 'token_invalid';
    if (isAnswered) return fine('introspection.answers', 'ZITADEL answers the API application');
    const { detail = 'no reply', remedy = '', reason = '' } = isRefusal(said) ? said : {};
    const effect = reason === 'unavailable' ? '503 unavailable' : '500 misconfigured';
    return amiss('introspection.refused', {
      what: detail,
      why: 'ZITADEL says only to an application of type API whose a token is',
      effect: `every request whose token is introspected: ${effect}`,
      remedy: remedy || 'look at the log of ZITADEL',
    });
  }
  return undefined;
}

const API_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** Explains a token of a caller: whether it counts, for whom it is, and what it lets ZITADEL tell. */
export async function examineToken(scene: Scene, token: string): Promise<readonly Finding[]> {
  const { resolved, http, discover } = scene;
  const known = await callersOf(resolved, http, discover).verify(token);
  if (isRefusal(known)) return [refused('token.refused', known)];
  return found(
    fine('token.accepted', describe(known, token)),
    audienceOf(scene, token),
    claimsOf(known),
    resolved.memberships.as === 'caller'
      ? await readAs(scene, known, token)
      : await confirm(scene, known, token),
  );
}

const STATUS: Readonly<Partial<Record<Refusal['reason'], string>>> = {
  unavailable: '503 unavailable',
  misconfigured: '500 misconfigured',
  mfa_required: '403 mfa_required',
};

function refused(id: string, { reason, detail = '', got, remedy }: Refusal): Finding {
  return amiss(id, {
    what: got === undefined ? detail : `${detail} (${got})`,
    why: 'the token of a caller is the first that is looked at',
    effect: `a request with this token: ${STATUS[reason] ?? `401 ${reason}`}`,
    remedy: remedy ?? 'get a new token, and look whether this is the access token',
  });
}

function describe({ userId, clientId, expiresAt, actor }: Caller, token: string): string {
  const parts = token.split('.').length;
  const form = parts === 3 ? 'a JWT' : parts === 5 ? 'an opaque token' : 'a personal access token';
  return [
    `${form} of user ${userId}`,
    clientId === undefined ? '' : `obtained by client ${shownAudience([clientId])}`,
    actor === undefined ? '' : `used by user ${actor}`,
    expiresAt === undefined ? '' : `good until ${new Date(expiresAt).toISOString()}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** For whom a JWT is. */
function audienceOf({ resolved }: Scene, token: string): Finding | undefined {
  const aud = own(jsonOf(token.split('.')[1]), 'aud');
  if (aud === undefined) return undefined;
  const list: readonly unknown[] = [aud].flat();
  const matches = resolved.audience.filter((each) => list.includes(each));
  const why = matches.length > 0 ? `; ${matches.join(', ')} is the option audience` : '';
  return fine('token.audience', `it is for ${shownAudience(list)}${why}`);
}

/** What the token tells besides, because the client requested it. */
function claimsOf({ claims }: Caller): Finding {
  const hasRoles = Object.keys(claims).some((name) =>
    /^urn:zitadel:iam:org:project:(?:[^:]+:)?roles$/.test(name),
  );
  const hasHome = Object.hasOwn(claims, 'urn:zitadel:iam:user:resourceowner:id');
  return fine(
    'token.scopes',
    [
      hasRoles
        ? 'it shows project roles'
        : 'it shows no project roles, which the scope urn:zitadel:iam:org:projects:roles asks for',
      hasHome
        ? 'it shows the home organization'
        : 'it shows no home organization, which the scope urn:zitadel:iam:user:resourceowner asks for',
    ].join('; '),
  );
}

/** Reads the memberships with the token, as the application does. */
async function readAs(scene: Scene, { userId }: Caller, token: string): Promise<Finding> {
  const { http, generation } = scene;
  const parts = { http, generation, serviceToken: undefined };
  const read = createMembershipReader({ ...parts, as: 'caller', everywhere: false });
  const said = await read({ userId, token, organizations: [] });
  if (!isRefusal(said)) return fine('token.memberships', rolesText(said.rows));
  if (said.reason !== 'token_rejected') return refused('token.memberships', said);
  return amiss('token.scope', {
    what: 'ZITADEL’s own API does not accept the token, though its signature is right',
    why: 'memberships are read with the token of the caller',
    effect: 'a request with this token: 401 token_rejected',
    remedy: `let the client request the scope ${API_SCOPE}; if it did, the token is revoked: sign in again`,
  });
}

/** Asks ZITADEL whether the token still counts, where the application does so. */
async function confirm(scene: Scene, caller: Caller, token: string): Promise<Finding | undefined> {
  const { resolved, http, discover } = scene;
  const said = await callersOf(resolved, http, discover).confirm?.ask(caller, token);
  return said && refused('token.revoked', said);
}
