import { createHmac } from 'node:crypto';
import { type Agent as HttpAgent, request as httpRequest } from 'node:http';
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { EventRecord } from '../world/events.js';
import { isoOf, nowInSeconds } from '../world/world.js';
import type { TargetRecord } from './targets.js';

/** What an event is posted as. The order of the fields and the names are ZITADEL's; what is empty is left out. */
export function deliveryBody(event: EventRecord, instanceId: string): string {
  const { aggregateType, payload } = event;
  return JSON.stringify({
    aggregateID: event.aggregateId,
    aggregateType,
    resourceOwner: event.resourceOwner,
    instanceID: instanceId,
    version: aggregateType === 'user' ? 'v2' : 'v1',
    sequence: event.sequence,
    event_type: event.type,
    created_at: withoutZeros(isoOf(event.stamp)),
    userID: event.editor?.id,
    event_payload: payload,
  });
}

/** As Go writes a moment. */
function withoutZeros(moment: string): string {
  return moment.replace(/\.?0+Z$/, 'Z');
}

interface Connections {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/** Posts once. Whether the target took it: refused, unreachable or too slow are one to ZITADEL. */
export async function post(
  { endpoint, timeoutMs, signingKey }: TargetRecord,
  body: string,
  connections: Connections,
  stopped: AbortSignal,
): Promise<boolean> {
  const time = String(nowInSeconds());
  const signature = createHmac('sha256', signingKey).update(`${time}.${body}`).digest('hex');
  const isHttps = endpoint.startsWith('https:');
  return new Promise((resolve) => {
    const failed = (): void => {
      resolve(false);
    };
    if (!/^https?:$/.test(protocolOf(endpoint))) return failed();
    const outgoing = (isHttps ? httpsRequest : httpRequest)(endpoint, {
      method: 'POST',
      agent: isHttps ? connections.https : connections.http,
      signal: AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)]),
      headers: {
        'User-Agent': 'Go-http-client/1.1',
        'Content-Length': Buffer.byteLength(body),
        'Content-Type': 'application/json',
        'ZITADEL-Signature': `t=${time},v1=${signature}`,
        'Accept-Encoding': 'gzip',
      },
    });
    outgoing.on('response', (incoming) => {
      const { statusCode = 500 } = incoming;
      incoming.on('error', failed).on('end', () => {
        resolve(statusCode < 400);
      });
      incoming.resume();
    });
    outgoing.on('error', failed);
    outgoing.end(body);
  });
}

function protocolOf(endpoint: string): string {
  return URL.canParse(endpoint) ? new URL(endpoint).protocol : '';
}
