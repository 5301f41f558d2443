import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { isRefusal } from '../../../lib/core/decision.js';
import { authenticated } from '../../../lib/core/requirement/builders.js';
import { createZitadel, type Zitadel } from '../../../lib/create-zitadel.js';
import { SigningKeys } from '../../../lib/zitadel/callers/signing-keys.js';
import { gate } from '../../core/gate.js';
import { recorder, verdict, wayTo } from '../parts.js';
import { useStillClock } from '../../support/still-clock.js';
import { useEmulator } from '../../support/world.js';

const zitadel = await useEmulator();
let kid = zitadel.publicKeys().keys[0]?.kid ?? '';
useStillClock('performance');

function keysOf(timeoutMs?: number): SigningKeys {
  const { http, discover } = wayTo(zitadel, timeoutMs);
  return new SigningKeys(http, discover);
}

/** A key, nothing, or the reason why neither can be said. */
async function ask(keys: SigningKeys, id = kid): Promise<string> {
  const found = await keys.get(id);
  if (found === undefined) return 'none';
  return isRefusal(found) ? found.reason : found.alg;
}

const fetches = () => zitadel.requests('keys');
const pass = (ms: number) => vi.advanceTimersByTime(ms);

/** Publishes these keys instead of the emulator's own. */
const publish = (...keys: readonly unknown[]) =>
  zitadel.fail('keys', { status: 200, body: { keys } });

/** Made once each: it takes a while. */
const made = new Map<string, JsonWebKey>();

function rsa(bits: number, exponent = 65_537, kid = 'test'): Readonly<Record<string, unknown>> {
  const name = `${bits} ${exponent}`;
  const settings = { modulusLength: bits, publicExponent: exponent };
  const jwk =
    made.get(name) ?? generateKeyPairSync('rsa', settings).publicKey.export({ format: 'jwk' });
  made.set(name, jwk);
  return { ...jwk, kid, alg: 'RS256', use: 'sig' };
}

const ec = (namedCurve: string, alg: string) => ({
  ...generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' }),
  kid: 'test',
  alg,
});

describe('a key', () => {
  it('is fetched once, by however many', async () => {
    const keys = keysOf();
    const found = await Promise.all(Array.from({ length: 100 }, () => ask(keys)));
    expect(new Set(found)).toEqual(new Set(['RS256']));
    expect(fetches()).toBe(1);
  });

  it('is used for five minutes, then fetched anew', async () => {
    const keys = keysOf();
    await ask(keys);
    pass(5 * 60_000 - 1);
    await ask(keys);
    expect(fetches()).toBe(1);
    pass(1);
    await ask(keys);
    expect(fetches()).toBe(2);
  });

  it('that is new is found by one fetch, a second after the last one', async () => {
    const keys = keysOf();
    await ask(keys);
    const fresh = zitadel.rotateKeys();
    pass(1_000);
    expect(await Promise.all([ask(keys, fresh), ask(keys), ask(keys, fresh)])).toEqual([
      'RS256',
      'RS256',
      'RS256',
    ]);
    expect(fetches()).toBe(2);
  });

  it('that may be newer than the last fetch is an outage until the next one, which is named', async () => {
    const keys = keysOf();
    await ask(keys);
    const fresh = zitadel.rotateKeys();
    expect(await keys.get(fresh)).toMatchObject({ reason: 'unavailable', retryAfterMs: 1_000 });
    pass(400);
    expect(await keys.get(fresh)).toMatchObject({ reason: 'unavailable', retryAfterMs: 600 });
    expect(await ask(keys)).toBe('RS256');
    expect(fetches()).toBe(1);
    pass(600);
    expect(await ask(keys, fresh)).toBe('RS256');
  });

  it('is not said to be none by a fetch that had left before it was asked for', async () => {
    const [left, answer] = [gate(), gate()];
    const { http, discover } = wayTo(zitadel);
    const keys = new SigningKeys(async (call) => {
      const reply = await http(call);
      left.open();
      await answer.passed;
      return reply;
    }, discover);
    const early = ask(keys, 'unknown');
    await left.passed;
    const fresh = zitadel.rotateKeys();
    const late = ask(keys, fresh);
    answer.open();
    expect([await early, await late]).toEqual(['none', 'unavailable']);
    pass(1_000);
    expect(await ask(keys, fresh)).toBe('RS256');
  });

  it('that is withdrawn is gone within five minutes', async () => {
    const old = zitadel.publicKeys().keys.at(-1)?.kid ?? '';
    const keys = keysOf();
    expect(await ask(keys, old)).toBe('RS256');
    zitadel.rotateKeys();
    zitadel.withdrawKey(old);
    kid = zitadel.publicKeys().keys[0]?.kid ?? '';
    pass(5 * 60_000);
    expect(await ask(keys, old)).toBe('none');
    expect(await ask(keys)).toBe('RS256');
  });

  it('that nobody knows is asked for at most once a second', async () => {
    const keys = keysOf();
    const told: string[] = [];
    for (let tenth = 0; tenth < 100; tenth += 1) {
      told.push(await ask(keys, `unknown ${tenth}`));
      pass(100);
    }
    expect(fetches()).toBe(10);
    expect(told.map((one) => one === 'none')).toEqual(told.map((_, tenth) => tenth % 10 === 0));
    expect(new Set(told)).toEqual(new Set(['none', 'unavailable']));
  });

  it('is fetched anew by the clock on the wall too: the host may have been suspended', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    const keys = keysOf();
    await ask(keys);
    vi.setSystemTime(Date.now() + 5 * 60_000);
    pass(1_000);
    await ask(keys);
    expect(fetches()).toBe(2);
    vi.setSystemTime(Date.now() - 60 * 60_000);
    pass(5 * 60_000);
    await ask(keys);
    expect(fetches()).toBe(3);
  });

  it.each(['__proto__', 'constructor', 'toString'])(
    'is never one that every object has: %s',
    async (id) => {
      expect(await ask(keysOf(), id)).toBe('none');
    },
  );
});

describe('a set of keys', () => {
  it.each<[string, () => unknown[]]>([
    ['an RSA key for HS256', () => [{ ...rsa(2048), alg: 'HS256' }]],
    ['a key for none', () => [{ ...rsa(2048), alg: 'none' }]],
    ['a key for PS256, which ZITADEL never uses', () => [{ ...rsa(2048), alg: 'PS256' }]],
    ['a key without an algorithm', () => [{ ...rsa(2048), alg: undefined }]],
    ['a key for encryption', () => [{ ...rsa(2048), use: 'enc' }]],
    ['a key whose operations are others', () => [{ ...rsa(2048), key_ops: ['encrypt'] }]],
    ['a key without an id', () => [{ ...rsa(2048), kid: undefined }]],
    ['a key with an empty id', () => [{ ...rsa(2048), kid: '' }]],
    ['a key with a number as id', () => [{ ...rsa(2048), kid: 1 }]],
    ['a key of 1024 bits', () => [rsa(1024)]],
    ['a key with exponent 3', () => [rsa(2048, 3)]],
    ['a key with exponent 1', () => [{ ...rsa(2048), e: 'AQ' }]],
    ['a key with an even exponent', () => [{ ...rsa(2048), e: 'AQAA' }]],
    ['a key with an exponent of a hundred bytes', () => [{ ...rsa(2048), e: 'Af'.repeat(70) }]],
    ['a key without a modulus', () => [{ ...rsa(2048), n: undefined }]],
    [
      'a key padded with zeros to look strong',
      () => [
        {
          ...rsa(1024),
          n: Buffer.concat([
            Buffer.alloc(128),
            Buffer.from(String(rsa(1024).n), 'base64url'),
          ]).toString('base64url'),
        },
      ],
    ],
    ['a curve that does not fit its algorithm', () => [ec('P-384', 'ES256')]],
    ['another kind of key than its algorithm', () => [{ ...ec('P-256', 'ES256'), alg: 'RS256' }]],
    ['a key that is a text', () => ['test']],
    ['a key that is null', () => [null]],
    ['a key that is a list', () => [[]]],
    ['nothing else', () => []],
  ])('with %s leaves it out, and knows the others', async (_what, wrong) => {
    publish(...wrong(), rsa(2048, 65_537, 'right'));
    const keys = keysOf();
    expect(await ask(keys, 'test')).toBe('none');
    expect(await ask(keys, 'right')).toBe('RS256');
  });

  it.each<[string, () => unknown[]]>([
    ['a secret', () => [{ kty: 'oct', k: 'c2VjcmV0', kid: 'test', alg: 'HS256' }]],
    ['a secret that says RS256', () => [{ kty: 'oct', k: 'c2VjcmV0', kid: 'test', alg: 'RS256' }]],
    [
      'a private key',
      () => [
        {
          ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
            format: 'jwk',
          }),
          kid: 'test',
          alg: 'RS256',
        },
      ],
    ],
  ])('that shows %s is refused as a whole', async (_what, shown) => {
    publish(...shown(), rsa(2048, 65_537, 'right'));
    const keys = keysOf();
    expect(await ask(keys, 'test')).toBe('unavailable');
    expect(await ask(keys, 'right')).toBe('unavailable');
  });

  it.each<[string, () => unknown[]]>([
    ['nothing', () => []],
    ['a weak key alone', () => [rsa(1024)]],
  ])('with %s is an outage: an instance has a key', async (_what, published) => {
    publish(...published());
    expect(await ask(keysOf(), 'test')).toBe('unavailable');
  });

  it('takes every algorithm that ZITADEL offers', async () => {
    const all: readonly [string, object][] = [
      ['RS256', rsa(2048)],
      ['RS384', { ...rsa(2048), alg: 'RS384' }],
      ['RS512', { ...rsa(2048), alg: 'RS512' }],
      ['ES256', ec('P-256', 'ES256')],
      ['ES384', ec('P-384', 'ES384')],
      ['ES512', ec('P-521', 'ES512')],
      [
        'EdDSA',
        { ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), alg: 'EdDSA' },
      ],
    ];
    publish(...all.map(([id, key]) => ({ ...key, kid: id })));
    const keys = keysOf();
    for (const [alg] of all) expect(await ask(keys, alg)).toBe(alg);
  });

  it('with two keys of one id is refused as a whole', async () => {
    publish(rsa(2048, 65_537, 'right'), rsa(2048), rsa(2048));
    const keys = keysOf();
    expect(await ask(keys, 'test')).toBe('unavailable');
    expect(await ask(keys, 'right')).toBe('unavailable');
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['keys that are null', { keys: null }],
    ['keys that are an object', { keys: { length: 1 } }],
    ['no keys', {}],
  ])('that is %s is an outage', async (_what, body) => {
    zitadel.fail('keys', { status: 200, body });
    expect(await ask(keysOf())).toBe('unavailable');
  });

  it('of thousands is known as a whole', async () => {
    const many = Array.from({ length: 2_000 }, (_, at) => rsa(2048, 65_537, `${at}`));
    publish(...many, rsa(2048, 65_537, 'last'));
    const keys = keysOf();
    expect(await ask(keys, 'last')).toBe('RS256');
    expect(await ask(keys, '1999')).toBe('RS256');
  });

  it('that is too long to be read is an outage: the key may be among the rest', async () => {
    publish(...Array.from({ length: 5_000 }, (_, at) => rsa(2048, 65_537, `${at}`)));
    expect(await ask(keysOf(), '0')).toBe('unavailable');
  });
});

describe('while the keys cannot be fetched', () => {
  const FAULTS = [
    500,
    404,
    'hang',
    'refuse',
    'garbage',
    'html',
    'truncated',
    'endless',
    'redirect',
  ] as const;

  it.each(FAULTS)('(%s) an unknown key is an outage, not a bad token', async (fault) => {
    zitadel.fail('keys', fault);
    expect(await ask(keysOf(200))).toBe('unavailable');
  });

  /** On a busy machine, a fetch may take longer than its 200 ms. Then the next one is waited for. */
  async function fetched(keys: SigningKeys): Promise<void> {
    for (let tries = 0; tries < 10 && (await ask(keys)) !== 'RS256'; tries += 1) pass(30_000);
    expect(await ask(keys)).toBe('RS256');
  }

  it.each(FAULTS)('(%s) known keys count for an hour and not longer', async (fault) => {
    const keys = keysOf(200);
    await fetched(keys);
    zitadel.fail('keys', fault);
    pass(5 * 60_000);
    expect(await ask(keys)).toBe('RS256');
    expect(await ask(keys, 'unknown')).toBe('unavailable');
    pass(55 * 60_000 - 1_000);
    expect(await ask(keys)).toBe('RS256');
    pass(1_000);
    expect(await ask(keys)).toBe('unavailable');
    zitadel.heal();
    pass(30_000);
    await fetched(keys);
  });

  it.each([500, 'refuse', 'garbage'] as const)(
    '(%s) they are fetched again after a second, then half as often each time',
    async (fault) => {
      zitadel.fail('keys', fault);
      const keys = keysOf();
      const at: number[] = [];
      for (let ms = 0; ms < 100_000; ms += 100) {
        const before = fetches();
        await ask(keys, `unknown ${ms}`);
        if (fetches() > before) at.push(ms);
        pass(100);
      }
      const gaps = at.slice(1).map((ms, index) => ms - (at[index] ?? 0));
      expect(gaps).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    },
  );

  it('they are told when to come back', async () => {
    zitadel.fail('keys', 500);
    const refusal = await keysOf().get('x');
    expect(refusal).toMatchObject({ reason: 'unavailable', retryAfterMs: 1_000 });
  });

  it('and it is over, one fetch ends it for everybody', async () => {
    zitadel.fail('keys', 500);
    const keys = keysOf();
    await ask(keys);
    zitadel.heal();
    pass(1_000);
    zitadel.resetRequests();
    expect(await Promise.all(Array.from({ length: 20 }, () => ask(keys)))).toEqual(
      Array.from({ length: 20 }, () => 'RS256'),
    );
    expect(fetches()).toBe(1);
  });
});

describe('a set of keys that cannot be trusted', () => {
  let users = 0;
  const someToken = () => zitadel.tokenFor(zitadel.addUser(`user ${(users += 1)}`));
  const asked = (library: Zitadel, token = someToken()) => verdict(library, token, authenticated());
  const publicRsa = (modulusLength: number) =>
    generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' });
  const use = { kid: 'new', alg: 'RS256', use: 'sig' };
  const SETS: readonly [string, () => readonly unknown[]][] = [
    ['is empty', () => []],
    ['holds nothing that can be used', () => [{ ...publicRsa(1_024), ...use }, null, {}]],
    ['shows the private part of one', () => [{ ...published(), d: 'AQAB' }]],
    [
      'shows the private part of one among others',
      () => [published(), { ...publicRsa(2_048), ...use, d: 'AQAB' }],
    ],
    ['shows a shared key', () => [published(), { ...use, kty: 'oct', k: 'c2VjcmV0' }]],
  ];
  const published = () => zitadel.publicKeys().keys.at(-1) ?? {};

  it.each(SETS)(
    'because it %s is an outage, and the keys that are known stay',
    async (_how, keys) => {
      const library = createZitadel(zitadel.options({ logger: recorder() }));
      expect(await asked(library)).toBe('yes');
      const known = someToken();
      zitadel.fail('keys', { status: 200, body: { keys: keys() } });
      // Long enough for known keys to be fetched anew.
      vi.advanceTimersByTime(5 * 60_000);
      zitadel.resetRequests();
      expect(await asked(library, known)).toBe('yes');
      expect(zitadel.requests('keys')).toBe(1);
      const fresh = zitadel.tokenFor(zitadel.addUser(`user ${(users += 1)}`), {
        header: { kid: 'of a key that is not known' },
      });
      expect(await asked(library, fresh)).toBe('unavailable');
      zitadel.heal();
      vi.advanceTimersByTime(1_000);
      expect(await asked(library, fresh)).toBe('token_invalid');
    },
  );
});
