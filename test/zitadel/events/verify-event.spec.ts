import { describe, expect, it } from 'vitest';
import { verifyEvent } from '../../../lib/public.js';
import { eventFrom } from '../../../lib/zitadel/events/event.js';
import { asJwt, delivered, type Posted, signed, SIGNING_KEY } from '../../support/deliveries.js';

const BODY = delivered();
const EVENT = eventFrom(JSON.parse(BODY));
const verdictOf = ({ body, headers }: Posted) => verifyEvent(body, headers, SIGNING_KEY);

describe('a delivery', () => {
  it('is an event, as JSON and as JWT, as text and as bytes', () => {
    const valid = { valid: true, event: EVENT, status: 200 };
    for (const { body, headers } of [signed(BODY), signed(asJwt(BODY))]) {
      expect(verifyEvent(body, headers, SIGNING_KEY)).toEqual(valid);
      expect(verifyEvent(Buffer.from(body), headers, ['other', SIGNING_KEY])).toEqual(valid);
    }
  });

  it('may have its signature in the other header', () => {
    const { 'zitadel-signature': signature = '' } = signed(BODY).headers;
    expect(verdictOf({ body: BODY, headers: { 'x-zitadel-signature': signature } }).valid).toBe(
      true,
    );
  });

  it.each<[string, Posted, number]>([
    ['too_long', signed(delivered({ more: 'x'.repeat(256 * 1_024) })), 413],
    ['malformed', { body: BODY, headers: {} }, 401],
    ['malformed', { body: asJwt(BODY), headers: {} }, 401],
    ['untimely', signed(BODY, SIGNING_KEY, -302), 401],
    ['untimely', signed(BODY, SIGNING_KEY, 302), 401],
    ['mismatch', signed(BODY, 'another key'), 401],
    ['encrypted', signed(`${asJwt(BODY)}.x.y`), 400],
    ['encrypted', signed('eyJh..aXY.Y2lwaGVy.dGFn'), 400],
    ['not_an_event', signed('{}'), 400],
    ['not_an_event', signed(''), 400],
    ['not_an_event', signed('text'), 400],
    ['not_an_event', signed(asJwt('text')), 400],
    ['not_an_event', signed('['.repeat(100_000)), 400],
  ])('is refused: %s (%#)', (reason, posted, status) => {
    expect(verdictOf(posted)).toEqual({ valid: false, reason, status });
  });

  it('is known by the headers of the Fetch API too', () => {
    const headers = new Headers(signed(BODY).headers);
    expect(verifyEvent(BODY, headers, SIGNING_KEY)).toMatchObject({ valid: true });
  });

  it('reads no header that is inherited', () => {
    const headers = Object.create(signed(BODY).headers) as Record<string, string>;
    expect(verdictOf({ body: BODY, headers })).toMatchObject({ reason: 'malformed' });
  });
});
