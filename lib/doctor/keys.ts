import { isRefusal } from '../core/decision.js';
import { ALGORITHMS, SigningKeys } from '../zitadel/callers/signing-keys.js';
import { isRecord } from '../zitadel/reading.js';
import { isDone } from '../zitadel/reply.js';
import { type Finding, fine, warning, amiss } from './finding.js';
import { callerWays } from './readable-options.js';
import type { Scene } from './scene.js';

const WHY = 'the signature of a JWT is verified with the public keys of the instance';

/** Whether the keys that verify JWTs can be had and used. */
export async function examineKeys(scene: Scene): Promise<readonly Finding[]> {
  const { http, discover, resolved } = scene;
  if (!callerWays(resolved.callers).some(({ type }) => type === 'jwt')) return [];
  // No key has this id. What comes instead tells whether the set can be used.
  const found = await new SigningKeys(http, discover).get('doctor');
  if (found && isRefusal(found)) {
    return [
      amiss('keys.unusable', {
        what: found.detail ?? 'the keys cannot be used',
        why: WHY,
        effect: 'every request with a JWT: 503 unavailable',
        remedy:
          found.remedy ??
          'look at what jwks_uri of the instance shows: it must be ZITADEL’s list of public keys',
      }),
    ];
  }
  const list = await keysOf(scene);
  const algorithms = [...new Set(list)].sort();
  const unknown = algorithms.filter((each) => !ALGORITHMS.has(each));
  const what = `${list.length} ${list.length === 1 ? 'key' : 'keys'} (${algorithms.join(', ')})`;
  if (unknown.length === 0) return [fine('keys.usable', what)];
  return [
    warning('keys.unknown-algorithm', {
      what: `${what}, of which ${unknown.join(', ')} is not accepted`,
      why: WHY,
      effect: 'requests with a token that such a key signed: 401 token_invalid',
      remedy: `let the active web key of ZITADEL be one of ${[...ALGORITHMS].join(', ')}`,
    }),
  ];
}

/** The algorithm of each key. */
async function keysOf({ http, discover }: Scene): Promise<readonly string[]> {
  const endpoints = await discover();
  if (isRefusal(endpoints)) return [];
  const reply = await http({ family: 'keys', method: 'GET', path: endpoints.keys });
  const keys = isDone(reply) ? reply.body['keys'] : undefined;
  return Array.isArray(keys)
    ? keys.map((key) => {
        const alg: unknown = isRecord(key) ? key['alg'] : undefined;
        return typeof alg === 'string' && /^[\w-]{1,20}$/.test(alg) ? alg : 'unnamed';
      })
    : [];
}
