import { isRefusal } from '../core/decision.js';
import { createIntrospection } from '../zitadel/callers/introspection.js';
import { openClient } from '../zitadel/credentials.js';
import { type Finding, fine, amiss } from './finding.js';
import { callerWays } from './readable-options.js';
import type { Scene } from './scene.js';

/** Whether ZITADEL answers the application that introspects. It is asked about a word that is no token. */
export async function examineIntrospection({
  http,
  discover,
  resolved,
}: Scene): Promise<readonly Finding[]> {
  for (const way of callerWays(resolved.callers)) {
    if (way.type !== 'introspection') continue;
    const client = openClient(way.credential);
    const said = await createIntrospection(http, discover, client, resolved)('doctor');
    const isAnswered = isRefusal(said) && said.reason === 'token_invalid';
    if (isAnswered) return [fine('introspection.answers', 'ZITADEL answers the API application')];
    const { detail = 'no reply', remedy = '', reason = '' } = isRefusal(said) ? said : {};
    const effect = reason === 'unavailable' ? '503 unavailable' : '500 misconfigured';
    return [
      amiss('introspection.refused', {
        what: detail,
        why: 'ZITADEL says only to an application of type API whose a token is',
        effect: `every request whose token is introspected: ${effect}`,
        remedy: remedy || 'look at the log of ZITADEL',
      }),
    ];
  }
  return [];
}
