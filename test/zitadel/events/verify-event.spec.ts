import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ZitadelArgumentError } from '../../../lib/core/errors.js';
import { verifyEvent } from '../../../lib/public.js';
import { eventFrom } from '../../../lib/zitadel/events/event.js';
import { verifyEventSignature } from '../../../lib/zitadel/events/verify-event.js';
import { asJwt, delivered, type Posted, signed, SIGNING_KEY } from '../../support/deliveries.js';

const DELIVERY = delivered();
const EVENT = eventFrom(JSON.parse(DELIVERY));
const verdictOf = ({ body, headers }: Posted) => verifyEvent(body, headers, SIGNING_KEY);

describe('a delivery', () => {
  it('is an event, as JSON and as JWT, as text and as bytes', () => {
    const valid = { valid: true, event: EVENT, status: 200 };
    for (const { body, headers } of [signed(DELIVERY), signed(asJwt(DELIVERY))]) {
      expect(verifyEvent(body, headers, SIGNING_KEY)).toEqual(valid);
      expect(verifyEvent(Buffer.from(body), headers, ['other', SIGNING_KEY])).toEqual(valid);
    }
  });

  it('may have its signature in the other header', () => {
    const { 'zitadel-signature': signature = '' } = signed(DELIVERY).headers;
    expect(verdictOf({ body: DELIVERY, headers: { 'x-zitadel-signature': signature } }).valid).toBe(
      true,
    );
  });

  it.each<[string, Posted, number]>([
    ['too_long', signed(delivered({ more: 'x'.repeat(256 * 1_024) })), 413],
    ['malformed', { body: DELIVERY, headers: {} }, 401],
    ['malformed', { body: asJwt(DELIVERY), headers: {} }, 401],
    ['untimely', signed(DELIVERY, SIGNING_KEY, -302), 401],
    ['untimely', signed(DELIVERY, SIGNING_KEY, 360), 401],
    ['mismatch', signed(DELIVERY, 'another key'), 401],
    ['encrypted', signed(`${asJwt(DELIVERY)}.x.y`), 400],
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
    const headers = new Headers(signed(DELIVERY).headers);
    expect(verifyEvent(DELIVERY, headers, SIGNING_KEY)).toMatchObject({ valid: true });
  });

  it('reads no header that is inherited', () => {
    const headers = Object.create(signed(DELIVERY).headers) as Record<string, string>;
    expect(verdictOf({ body: DELIVERY, headers })).toMatchObject({ reason: 'malformed' });
  });
});

const KEY = 'IM1I0ch5b7XIV8Uv1pVN0qYl6e378GRMskJv';
const OTHER_KEY = 'another-signing-key-of-the-same-target';
const T = 1_795_510_612;
const NOW = T * 1_000;
const BODY = Buffer.from(
  JSON.stringify({ event_type: 'org.member.added', event_payload: { userId: '1', name: 'Zoë' } }),
);

const sign = (body: Uint8Array | string = BODY, t: number | string = T, key = KEY) =>
  createHmac('sha256', key).update(`${t}.`).update(body).digest('hex');
const headerOf = (...more: Parameters<typeof sign>) => `t=${more[1] ?? T},v1=${sign(...more)}`;

describe('the signature of a delivery', () => {
  it('that is signed with the key is valid, as bytes and as text', () => {
    expect(verifyEventSignature(BODY, headerOf(), KEY, NOW)).toBe('valid');
    expect(verifyEventSignature(new Uint8Array(BODY), headerOf(), KEY, NOW)).toBe('valid');
    expect(verifyEventSignature(BODY.toString(), headerOf(), KEY, NOW)).toBe('valid');
    expect(verifyEventSignature('', headerOf(''), KEY, NOW)).toBe('valid');
  });

  it('is valid by any of several keys and any of several signatures: a key can be rotated', () => {
    const both = `t=${T},v1=${sign(BODY, T, OTHER_KEY)},v1=${sign()}`;
    expect(verifyEventSignature(BODY, headerOf(), [OTHER_KEY, KEY], NOW)).toBe('valid');
    expect(verifyEventSignature(BODY, both, KEY, NOW)).toBe('valid');
    expect(verifyEventSignature(BODY, both, [OTHER_KEY], NOW)).toBe('valid');
    expect(verifyEventSignature(BODY, headerOf(), [OTHER_KEY], NOW)).toBe('mismatch');
  });

  it('is valid beside schemes that nobody knows yet', () => {
    expect(verifyEventSignature(BODY, `${headerOf()},v2=abc`, KEY, NOW)).toBe('valid');
    expect(verifyEventSignature(BODY, `v0=${sign()},${headerOf()}`, KEY, NOW)).toBe('valid');
  });

  it('is refused with any one bit of the body flipped', () => {
    const header = headerOf();
    for (let bit = 0; bit < BODY.length * 8; bit += 1) {
      const body = Buffer.from(BODY);
      body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect([bit, verifyEventSignature(body, header, KEY, NOW)]).toEqual([bit, 'mismatch']);
    }
  });

  it('is refused with any one bit of the header flipped', () => {
    const header = Buffer.from(headerOf());
    let tried = 0;
    for (let bit = 0; bit < header.length * 8; bit += 1) {
      const flipped = Buffer.from(header);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const verdict = verifyEventSignature(BODY, flipped.toString('latin1'), KEY, NOW);
      expect([flipped.toString('latin1'), verdict]).not.toContain('valid');
      tried += 1;
    }
    expect(tried).toBe(header.length * 8);
  });

  it('is refused with any one bit of the key flipped', () => {
    for (let bit = 0; bit < KEY.length * 8; bit += 1) {
      const key = Buffer.from(KEY);
      key[bit >> 3] = (key[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifyEventSignature(BODY, headerOf(), key.toString('latin1'), NOW)).toBe('mismatch');
    }
  });

  it('is refused with something before or after the body, or with a part of it', () => {
    for (const body of [`${BODY.toString()} `, `.${BODY.toString()}`, BODY.subarray(1), '']) {
      expect(verifyEventSignature(body, headerOf(), KEY, NOW)).toBe('mismatch');
    }
  });

  it('that is signed for another time is refused with this one', () => {
    const header = `t=${T},v1=${sign(BODY, T - 1)}`;
    expect(verifyEventSignature(BODY, header, KEY, NOW)).toBe('mismatch');
  });
});

describe('the time of a delivery', () => {
  const at = (seconds: number) => {
    const t = T + seconds;
    return verifyEventSignature(BODY, headerOf(BODY, t), KEY, NOW);
  };

  it.each([
    [-301, 'untimely'],
    [-300, 'valid'],
    [-299, 'valid'],
    [0, 'valid'],
    [299, 'valid'],
    [300, 'valid'],
    [301, 'untimely'],
  ])('%d s from now is %s', (seconds, verdict) => {
    expect(at(seconds)).toBe(verdict);
  });

  it('counts in fractions of a second', () => {
    expect(verifyEventSignature(BODY, headerOf(), KEY, NOW + 300_001)).toBe('untimely');
  });

  it.each([NaN, Infinity, -Infinity])('is refused while our own is %d', (now) => {
    expect(verifyEventSignature(BODY, headerOf(), KEY, now)).toBe('untimely');
  });
});

describe('a header', () => {
  const right = sign();
  const times = (count: number) => Array.from({ length: count }, () => `v1=${right}`).join(',');
  it.each<[string, string | undefined]>([
    ['that is missing', undefined],
    ['that is empty', ''],
    ['of blanks', '   '],
    ['without a time', `v1=${right}`],
    ['without a signature', `t=${T}`],
    ['with another scheme alone', `t=${T},v0=${right}`],
    ['with two times', `t=${T},t=${T},v1=${right}`],
    ['that was sent twice', `${headerOf()}, ${headerOf()}`],
    ['that was sent twice, joined without a blank', `${headerOf()},${headerOf()}`],
    ['with a time that is empty', `t=,v1=${right}`],
    ['with a time that is no number', `t=NaN,v1=${sign(BODY, 'NaN')}`],
    ['with a time that is infinite', `t=Infinity,v1=${sign(BODY, 'Infinity')}`],
    ['with a negative time', `t=-1,v1=${sign(BODY, -1)}`],
    ['with a plus before the time', `t=+${T},v1=${sign(BODY, `+${T}`)}`],
    ['with a broken time', `t=${T}.0,v1=${sign(BODY, `${T}.0`)}`],
    ['with a time in hex', `t=0x6b05,v1=${sign(BODY, '0x6b05')}`],
    ['with an exponent', `t=1e9,v1=${sign(BODY, '1e9')}`],
    ['with a time of 2^63', `t=9223372036854775808,v1=${sign(BODY, '9223372036854775808')}`],
    ['with zeros before the time', `t=0${T},v1=${sign(BODY, `0${T}`)}`],
    ['with a signature in capitals', `t=${T},v1=${right.toUpperCase()}`],
    ['with a short signature', `t=${T},v1=${right.slice(0, 62)}`],
    ['with an odd signature', `t=${T},v1=${right.slice(0, 63)}`],
    ['with a long signature', `t=${T},v1=${right}00`],
    ['with a signature that is no hex', `t=${T},v1=${right.slice(0, 63)}g`],
    ['with an empty signature', `t=${T},v1=`],
    ['with an = in a signature', `t=${T},v1=${right.slice(0, 63)}=`],
    ['with a signature in base64', `t=${T},v1=${Buffer.from(right, 'hex').toString('base64')}`],
    ['with a bad signature beside the right one', `${headerOf()},v1=00`],
    ['with a blank before a part', `t=${T}, v1=${right}`],
    ['with a blank at the end', `${headerOf()} `],
    ['with a line break', `${headerOf()}\n`],
    ['with a comma at the end', `${headerOf()},`],
    ['with a part that has no scheme', `${headerOf()},x`],
    ['with capital schemes', `T=${T},V1=${right}`],
    ['with nine signatures', `t=${T},${times(9)}`],
    ['with 10,000 signatures', `t=${T},${times(10_000)}`],
    ['that is very long', `${headerOf()},v2=${'x'.repeat(2_000)}`],
  ])('%s is refused', (_what, header) => {
    expect(verifyEventSignature(BODY, header, KEY, NOW)).toBe('malformed');
  });

  it('with eight signatures is read', () => {
    expect(verifyEventSignature(BODY, `t=${T},${times(8)}`, KEY, NOW)).toBe('valid');
  });

  it('that is no text is refused', () => {
    for (const header of [[headerOf()], 1, {}, null]) {
      expect(verifyEventSignature(BODY, header as never, KEY, NOW)).toBe('malformed');
    }
  });
});

describe('what is no key or no body', () => {
  it.each([[''], ['  '], [undefined], [null], [[]], [[KEY, '']], [[undefined]], [1]])(
    'is never signed with: %j',
    (keys) => {
      const verify = () => verifyEventSignature(BODY, headerOf(BODY, T, ''), keys as never, NOW);
      expect(verify).toThrow(ZitadelArgumentError);
      expect(verify).toThrow(expect.objectContaining({ argument: 'signingKeys' }));
    },
  );

  it.each([[undefined], [null], [{}], [JSON.parse(BODY.toString()) as unknown], [[]], [1]])(
    'is never verified: %j',
    (body) => {
      const verify = () => verifyEventSignature(body as never, headerOf(), KEY, NOW);
      expect(verify).toThrow(ZitadelArgumentError);
      expect(verify).toThrow(expect.objectContaining({ argument: 'rawBody' }));
    },
  );
});
