import { createHmac } from 'node:crypto';

/** The signing key of the target in tests. */
export const SIGNING_KEY = 'IM1I0ch5b7XIV8Uv1pVN0qYl6e378GRMskJv';

/** What ZITADEL posts of an event. */
export interface Posted {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A member that was removed, unless `told` says something else. */
export const delivered = (told: object = {}) =>
  JSON.stringify({
    aggregateID: '400999949619170342',
    aggregateType: 'org',
    resourceOwner: '400999949619170342',
    instanceID: '400999942941838374',
    version: 'v1',
    sequence: 16,
    event_type: 'org.member.removed',
    created_at: '2026-11-24T08:56:55.287428Z',
    userID: '400999942942428198',
    event_payload: { userId: '400999950592248870' },
    ...told,
  });

/** The header of ZITADEL, `offset` seconds from now. */
export function signatureOf(body: string, key = SIGNING_KEY, offset = 0): string {
  const t = Math.floor(Date.now() / 1_000) + offset;
  return `t=${t},v1=${createHmac('sha256', key).update(`${t}.${body}`).digest('hex')}`;
}

/** A delivery as ZITADEL sends it. */
export function signed(body: string, key?: string, offset?: number): Posted {
  return { body, headers: { 'zitadel-signature': signatureOf(body, key, offset) } };
}

/** The same as a JWT that the instance signed. Nobody asks for that signature. */
export function asJwt(body: string): string {
  const part = (text: string) => Buffer.from(text).toString('base64url');
  return `${part('{"alg":"RS256","kid":"1"}')}.${part(body)}.${part('signature')}`;
}
