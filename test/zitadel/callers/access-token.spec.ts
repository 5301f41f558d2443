import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Caller } from '../../../lib/core/caller.js';
import { isRefusal, type Refusal } from '../../../lib/core/decision.js';
import {
  checkClaims,
  type ClaimRules,
  createJwtVerifier,
  isText,
  ownClaim,
  tooLong,
} from '../../../lib/zitadel/callers/access-token.js';
import { SigningKeys } from '../../../lib/zitadel/callers/signing-keys.js';
import { wayTo } from '../parts.js';
import { startEmulator, useEmulator } from '../../support/world.js';

/** A key that is published beside the emulator's own, and one that is not. */
const ours = generateKeyPairSync('rsa', { modulusLength: 2048 });
const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 });
const zitadel = await useEmulator();
const alice = zitadel.addUser('alice');
const service = zitadel.addServiceUser('service');
const published = {
  ...ours.publicKey.export({ format: 'jwk' }),
  kid: 'ours',
  alg: 'RS256',
  use: 'sig',
};
const keys = [...zitadel.publicKeys().keys, published];
let verify: (token: string) => Promise<Caller | Refusal>;
beforeAll(() => {
  verify = verifierOf();
});
beforeEach(() => zitadel.fail('keys', { status: 200, body: { keys } }));

function verifierOf(rules: Partial<ClaimRules> = {}) {
  const { http, discover } = wayTo(zitadel);
  return createJwtVerifier(new SigningKeys(http, discover), {
    issuer: zitadel.issuer,
    audience: [zitadel.defaultProject.id],
    allowImpersonation: false,
    clockToleranceMs: 5_000,
    ...rules,
  });
}

async function reasonOf(token: string, by = verify): Promise<string> {
  const caller = await by(token);
  return isRefusal(caller) ? caller.reason : 'accepted';
}

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const now = () => Math.floor(Date.now() / 1_000);
const token = (claims: Readonly<Record<string, unknown>> = {}, header = {}) =>
  zitadel.tokenFor(alice, { claims, header });
const partsOf = (jwt = token()) => jwt.split('.') as [string, string, string];

describe('an access token', () => {
  it('is accepted, and tells who calls, by which client and until when', async () => {
    const jwt = token();
    expect(await verify(jwt)).toEqual({
      userId: alice.id,
      clientId: expect.stringMatching(/^[0-9]+$/) as string,
      expiresAt: expect.any(Number) as number,
      claims: expect.objectContaining({ sub: alice.id, iss: zitadel.issuer }) as object,
    });
    expect(JSON.stringify(await verify(jwt))).not.toContain(partsOf(jwt)[2]);
  });

  it.each<[string, () => string]>([
    ['of a service user', () => zitadel.tokenFor(service)],
    ['for several audiences', () => token({ aud: ['x', zitadel.defaultProject.id] })],
    ['for one audience, as a text', () => token({ aud: zitadel.defaultProject.id })],
    ['without nbf', () => token({ nbf: undefined })],
    ['without typ', () => token({}, { typ: undefined })],
    ['of type at+jwt', () => token({}, { typ: 'at+jwt' })],
    ['issued five seconds ahead of this clock', () => token({ iat: now() + 4, nbf: now() + 4 })],
    ['signed by another key of the instance', () => signed(claimsText())],
    [
      'with claims that ZITADEL adds',
      () => token({ 'urn:zitadel:iam:user:resourceowner:id': '1' }),
    ],
  ])('is accepted %s', async (_what, make) => {
    expect(await reasonOf(make())).toBe('accepted');
  });

  it('from the future is accepted as far as clockToleranceMs says; an expired one never', async () => {
    const fromTheFuture = token({ iat: now() + 60, nbf: now() + 60 });
    const expired = token({ exp: now() - 1 });
    const exactly = verifierOf({ clockToleranceMs: 0 });
    const tolerant = verifierOf({ clockToleranceMs: 90_000 });
    expect(await reasonOf(token({ iat: now() + 3, nbf: now() + 3 }), exactly)).toBe(
      'token_invalid',
    );
    expect(await reasonOf(fromTheFuture, tolerant)).toBe('accepted');
    expect(await reasonOf(fromTheFuture)).toBe('token_invalid');
    expect(await reasonOf(expired, tolerant)).toBe('token_invalid');
  });

  it.each<[string, () => string]>([
    ['expired', () => zitadel.expiredTokenFor(alice)],
    ['expired this second', () => token({ exp: now() })],
    ['without exp', () => token({ exp: undefined })],
    ['with exp as a text', () => token({ exp: String(now() + 60) })],
    ['with exp null', () => token({ exp: null })],
    ['with exp as a fraction', () => token({ exp: now() + 60.5 })],
    ['with exp in the far future beyond any number', () => token({ exp: 1e300 })],
    ['with a negative exp', () => token({ exp: -1 })],
    ['without iat', () => token({ iat: undefined })],
    ['with iat as a text', () => token({ iat: String(now()) })],
    ['from the future by iat', () => token({ iat: now() + 10 })],
    ['from the future by nbf', () => token({ nbf: now() + 10 })],
    ['with nbf as a text', () => token({ nbf: String(now()) })],
    ['of another issuer', () => token({ iss: 'https://globex.example' })],
    ['of the issuer with a slash', () => token({ iss: `${zitadel.issuer}/` })],
    ['of the issuer in capitals', () => token({ iss: zitadel.issuer.toUpperCase() })],
    ['of the issuer as a list', () => token({ iss: [zitadel.issuer] })],
    [
      'of the issuer behind a user name',
      () => token({ iss: `${zitadel.issuer}@elsewhere.example` }),
    ],
    ['without an issuer', () => token({ iss: undefined })],
    ['for another audience', () => zitadel.tokenFor(alice, { audience: ['1'] })],
    ['for ZITADEL alone', () => zitadel.tokenFor(alice, { audience: [] })],
    ['for nobody', () => token({ aud: [] })],
    ['for an empty audience', () => token({ aud: '' })],
    ['without an audience', () => token({ aud: undefined })],
    ['for part of the audience', () => token({ aud: zitadel.defaultProject.id.slice(1) })],
    ['for more than the audience', () => token({ aud: `${zitadel.defaultProject.id}0` })],
    ['for the audience in a list in a list', () => token({ aud: [[zitadel.defaultProject.id]] })],
    ['for the audience beside an object', () => token({ aud: [zitadel.defaultProject.id, {}] })],
    ['for the audience as a name', () => token({ aud: { [zitadel.defaultProject.id]: true } })],
    ['without a subject', () => token({ sub: undefined })],
    ['with an empty subject', () => token({ sub: '' })],
    ['with a list as subject', () => token({ sub: [alice.id] })],
    ['with a number as subject', () => token({ sub: 2 ** 53 })],
    ['with a zero byte in the subject', () => token({ sub: `${alice.id}\u0000` })],
    ['with a blank before the subject', () => token({ sub: ` ${alice.id}` })],
    ['with a subject of other letters', () => token({ sub: '１２３' })],
    ['with a subject of 201 characters', () => token({ sub: '1'.repeat(201) })],
    ['without jti', () => token({ jti: undefined })],
    ['without a client', () => token({ client_id: undefined })],
    ['with an empty client', () => token({ client_id: '' })],
    ['with the marks of an ID token: azp', () => token({ azp: 'x' })],
    ['with the marks of an ID token: at_hash', () => token({ at_hash: 'x' })],
    ['with the marks of an ID token: nonce', () => token({ nonce: null })],
    ['with the marks of a logout token', () => token({ events: {} })],
    ['whose claims come by the prototype', () => signed(`{"__proto__":${claimsText()}}`)],
    ['whose claims are a list', () => signed(`[${claimsText()}]`)],
    ['whose claims are null', () => signed('null')],
    ['whose claims are a text', () => signed('"x"')],
    ['whose claims are 3,000 lists deep', () => signed('['.repeat(3_000) + ']'.repeat(3_000))],
  ])('is refused %s', async (_what, make) => {
    expect(await reasonOf(make())).toBe('token_invalid');
  });

  it('is refused as another kind of token that the instance issues', async () => {
    const kinds = {
      id: zitadel.idTokenFor(alice),
      idOfService: zitadel.idTokenFor(service),
      opaque: zitadel.opaqueTokenFor(alice),
      pat: zitadel.patFor(service),
      session: zitadel.sessionTokenFor(alice),
      foreign: zitadel.foreignTokenFor(alice),
      // The JSON of an action, signed with the instance's key.
      action: zitadel.signJwt({ userID: alice.id, fullMethod: '/zitadel.x' }),
    };
    for (const [kind, jwt] of Object.entries(kinds)) {
      expect([kind, await reasonOf(jwt)]).toEqual([kind, 'token_invalid']);
    }
  });

  it('of somebody who acts for another is told apart, and let through where that is wanted', async () => {
    const jwt = zitadel.impersonationTokenFor(alice, service);
    expect(await reasonOf(jwt)).toBe('impersonated');
    expect(await reasonOf(token({ act: null }))).toBe('impersonated');
    for (const allowImpersonation of [true, 'perRoute'] as const) {
      const open = verifierOf({ allowImpersonation });
      expect(await open(jwt)).toMatchObject({ userId: alice.id, actor: service.id });
      for (const act of [null, {}, { sub: '' }, { sub: 1 }]) {
        expect(await open(token({ act }))).toMatchObject({
          reason: 'token_invalid',
          detail: expect.stringContaining('act names no user') as string,
        });
      }
    }
  });

  it('that is opaque is answered with the remedy', async () => {
    for (const opaque of [zitadel.opaqueTokenFor(alice), zitadel.sessionTokenFor(alice)]) {
      expect(await verify(opaque)).toMatchObject({
        remedy: expect.stringContaining('set the application’s token type to JWT') as string,
        description: 'a JWT access token is expected',
      });
    }
  });

  it('for another audience is answered with the scope to ask for', async () => {
    expect(await verify(zitadel.tokenFor(alice, { audience: ['1'] }))).toMatchObject({
      remedy: expect.stringContaining('urn:zitadel:iam:org:project:id:') as string,
    });
  });
});

/** Any payload at all, signed by a key that the instance publishes. */
function signed(payload: string): string {
  const content = `${encode({ alg: 'RS256', kid: 'ours', typ: 'JWT' })}.${encode(payload)}`;
  return `${content}.${signature(content, ours.privateKey)}`;
}

const claimsText = () => Buffer.from(partsOf()[1], 'base64url').toString();

describe('a header', () => {
  const withHeader = (header: unknown) => {
    const [, claims, signature] = partsOf();
    return `${encode(header)}.${claims}.${signature}`;
  };
  const right = () =>
    JSON.parse(Buffer.from(partsOf()[0], 'base64url').toString()) as { kid: string };

  it.each(['none', 'None', 'NONE', 'nOnE', ''])(
    'with alg %j is refused, signed by nobody',
    async (alg) => {
      const [, claims] = partsOf();
      const head = encode({ ...right(), alg });
      expect(await reasonOf(`${head}.${claims}.`)).toBe('token_invalid');
      expect(await reasonOf(`${head}.${claims}.AA`)).toBe('token_invalid');
    },
  );

  it('with HS256 over any form of the public key is refused', async () => {
    const [jwk] = zitadel.publicKeys().keys;
    const key = createPublicKey({ key: jwk as never, format: 'jwk' });
    const pem = key.export({ type: 'spki', format: 'pem' }).toString();
    const forms = [
      pem,
      pem.trim(),
      ` ${pem}`,
      `\t${pem}`,
      `\ufeff${pem}`,
      pem.replaceAll('\n', '\r\n'),
      key.export({ type: 'spki', format: 'der' }),
      key.export({ type: 'pkcs1', format: 'pem' }),
      JSON.stringify(jwk),
      '',
    ];
    for (const alg of ['HS256', 'HS384', 'HS512', 'RS256']) {
      for (const form of forms) {
        const content = `${encode({ ...right(), alg })}.${partsOf()[1]}`;
        const mac = createHmac('sha256', form).update(content).digest('base64url');
        expect(await reasonOf(`${content}.${mac}`)).toBe('token_invalid');
      }
    }
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['alg as a list', { alg: ['RS256'] }],
    ['alg as a number', { alg: 1 }],
    ['alg __proto__', { alg: '__proto__' }],
    ['alg constructor', { alg: 'constructor' }],
    ['no alg', { alg: undefined }],
    ['another alg than the key', { alg: 'RS512' }],
    ['an alg with other padding', { alg: 'PS256' }],
    ['an alg of another kind of key', { alg: 'ES256' }],
    ['no kid', { kid: undefined }],
    ['an empty kid', { kid: '' }],
    ['a kid that is a number', { kid: 1 }],
    ['a kid that is a list', { kid: ['x'] }],
    ['a kid that every object has', { kid: '__proto__' }],
    ['a kid of 201 characters', { kid: 'x'.repeat(201) }],
    ['a kid that is a path', { kid: '../../../dev/null' }],
    ['another type', { typ: 'logout+jwt' }],
    ['a type that is a list', { typ: ['JWT'] }],
    ['a critical header', { crit: ['exp'] }],
    ['an empty list of critical headers', { crit: [] }],
    ['an unencoded payload', { b64: false, crit: ['b64'] }],
    ['b64 alone', { b64: true }],
  ])('with %s is refused', async (_what, more) => {
    // A verifier of its own: whether a key is unknown is said only by keys that are fetched for the token.
    expect(await reasonOf(token({}, more), verifierOf())).toBe('token_invalid');
  });

  it.each<[string, (trap: string) => Readonly<Record<string, unknown>>]>([
    ['jku', (trap) => ({ jku: trap })],
    ['x5u', (trap) => ({ x5u: trap })],
    ['jwk', () => ({ jwk: foreign.publicKey.export({ format: 'jwk' }) })],
    ['x5c', () => ({ x5c: ['MIIB'] })],
  ])(
    'with %s is not believed: nothing is fetched, and no other key counts',
    async (_what, more) => {
      const trap = await startEmulator();
      const header = { alg: 'RS256', kid: 'theirs', ...more(`${trap.url}/oauth/v2/keys`) };
      const content = `${encode(header)}.${partsOf()[1]}`;
      const jwt = `${content}.${signature(content, foreign.privateKey)}`;
      expect(await reasonOf(jwt, verifierOf())).toBe('token_invalid');
      expect(trap.requests()).toBe(0);
    },
  );

  it.each<[string, unknown]>([
    ['a list', []],
    ['null', 'null'],
    ['a text', '"x"'],
    ['no JSON', '{'],
    ['an empty text', ''],
    ['JSON with a byte order mark', '\ufeff{"alg":"RS256"}'],
  ])('that is %s is refused', async (_what, header) => {
    expect(await reasonOf(withHeader(header))).toBe('token_invalid');
  });
});

function signature(content: string, key: KeyObject): string {
  return sign('RSA-SHA256', Buffer.from(content), key).toString('base64url');
}

describe('the form of a token', () => {
  it('is the one canonical form: no other bytes lead to the same token', async () => {
    const jwt = token();
    expect(await reasonOf(jwt)).toBe('accepted');
    const [header, claims, sig] = partsOf(jwt);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const variants = [
      ...[...alphabet].map((last) => `${header}.${claims}.${sig.slice(0, -1)}${last}`),
      `${jwt}=`,
      `${jwt}==`,
      `${jwt} `,
      ` ${jwt}`,
      `${jwt}\n`,
      `${header}=.${claims}.${sig}`,
      `${header}.${claims}=.${sig}`,
      `${header}.${claims}. ${sig}`,
      `${header}.${claims}.${sig.slice(0, 10)} ${sig.slice(10)}`,
      `${header}.${claims}.${sig.slice(0, 10)}\n${sig.slice(10)}`,
      `${header}.${claims}.${sig}.`,
      `.${header}.${claims}.${sig}`,
      `${header}.${claims}.${sig}.${sig}`,
      `${header}..${claims}.${sig}`,
      `${header}.${claims}`,
      `${header}.${claims}.`,
      `${header}..${sig}`,
      `.${claims}.${sig}`,
      '..',
      '.',
      '',
      'x',
      `${header}.${claims}.${Buffer.from(sig, 'base64url').toString('base64')}`,
      `${Buffer.from(header, 'base64url').toString('base64')}=.${claims}.${sig}`,
      `${header}.${claims}.${sig.slice(0, -4)}`,
      `${header}.${claims}.${sig}AAAA`,
      `${header}.${claims}.${'A'.repeat(sig.length)}`,
      `${claims}.${header}.${sig}`,
    ].filter((variant) => variant !== jwt);
    expect(variants.length).toBeGreaterThan(85);
    for (const variant of variants) {
      expect([variant.slice(-20), await reasonOf(variant)]).toEqual([
        variant.slice(-20),
        'token_invalid',
      ]);
    }
  });

  it('is JSON in UTF-8: other bytes are refused', async () => {
    const [, claims, sig] = partsOf();
    const bad = Buffer.concat([Buffer.from('{"alg":"RS256","kid":"'), Buffer.from([0xff, 0xfe])]);
    expect(await reasonOf(`${bad.toString('base64url')}.${claims}.${sig}`)).toBe('token_invalid');
  });

  it('is short: 8 KiB at most, and what is longer is not even looked at', async () => {
    const long = token({ filler: 'x'.repeat(7_000) });
    expect(long.length).toBeGreaterThan(8_192);
    expect(await verify(long)).toMatchObject({ remedy: 'ask for fewer scopes' });
    const deep = `${encode('['.repeat(2_000_000))}.e30.AA`;
    const beginning = process.cpuUsage();
    for (let turn = 0; turn < 1_000; turn += 1) await verify(deep);
    expect(process.cpuUsage(beginning).user / 1_000).toBeLessThan(1_000);
  });
});

describe('the rules of a token', async () => {
  const NOW = 1_800_000_000;
  const RULES: ClaimRules = {
    issuer: 'https://zitadel.example',
    audience: ['app', 'other app'],
    allowImpersonation: false,
    clockToleranceMs: 5_000,
  };
  const CLAIMS = {
    iss: RULES.issuer,
    aud: ['app'],
    exp: NOW + 60,
    iat: NOW,
    nbf: NOW,
    sub: '1',
    jti: 't',
    client_id: 'c',
  };
  const HEADER = { alg: 'ES256', kid: 'k', typ: 'JWT' };
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const encode = (value: unknown) =>
    Buffer.from(
      Buffer.isBuffer(value) || typeof value === 'string' ? value : JSON.stringify(value),
    ).toString('base64url');

  function signed(claims: unknown = CLAIMS, header: unknown = HEADER): string {
    const content = `${encode(header)}.${encode(claims)}`;
    const key = { key: pair.privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return `${content}.${sign('SHA256', Buffer.from(content), key).toString('base64url')}`;
  }

  /** What is wrong with a token; and whether a key was asked for. */
  async function verified(token: string, rules: Partial<ClaimRules> = {}) {
    const asked: string[] = [];
    const keys: Record<string, unknown> = {
      k: { alg: 'ES256', key: pair.publicKey },
      'k of another alg': { alg: 'RS256', key: pair.publicKey },
      'not now': { reason: 'zitadel_unavailable' },
    };
    const get = (kid: string) => {
      asked.push(kid);
      return Promise.resolve(keys[kid]);
    };
    const said = await createJwtVerifier({ get } as unknown as SigningKeys, {
      ...RULES,
      ...rules,
    })(token);
    return { said, asked };
  }

  const claims = (more: Readonly<Record<string, unknown>>) => signed({ ...CLAIMS, ...more });
  const header = (more: Readonly<Record<string, unknown>>) =>
    signed(CLAIMS, { ...HEADER, ...more });
  const parts = () => signed().split('.') as [string, string, string];
  const remedies = {
    token: 'send the access_token of a sign-in at this instance, as ZITADEL gave it',
    issuer: 'the option issuer must equal the token’s iss exactly',
    future:
      'compare the clocks of this host and of ZITADEL; the option clockToleranceMs allows for a difference',
    audience:
      'the client must request the scope urn:zitadel:iam:org:project:id:<project id>:aud, and the option audience name that project or the client id',
  } as const;

  describe('a token that keeps every rule', () => {
    it.each<[string, () => string]>([
      ['as it is', () => signed()],
      ['issued as far ahead as the clocks may differ', () => claims({ iat: NOW + 5 })],
      ['good from as far ahead as the clocks may differ', () => claims({ nbf: NOW + 5 })],
      ['for the second of two audiences', () => claims({ aud: 'other app' })],
      ['that ends in a second', () => claims({ exp: NOW + 1 })],
      ['of a client with 1,000 letters', () => claims({ client_id: 'c'.repeat(1_000) })],
    ])('is accepted: %s', async (_what, make) => {
      const { said, asked } = await verified(make());
      expect(said).toMatchObject({ userId: '1' });
      expect(asked).toEqual(['k']);
    });
  });

  describe('a token of one of several clients', () => {
    it.each<[string, readonly string[] | undefined, boolean]>([
      ['none is named', undefined, true],
      ['its client is the first', ['c', 'd'], true],
      ['its client is the second', ['d', 'c'], true],
      ['another client is named', ['d'], false],
      ['a client of a longer name is named', ['cc'], false],
    ])('is held to it where %s', async (_what, clients, isGood) => {
      const { said, asked } = await verified(signed(), { clients });
      if (isGood) expect(said).toMatchObject({ userId: '1', clientId: 'c' });
      else {
        expect(said).toEqual({
          reason: 'token_invalid',
          detail: 'access token: obtained by another client than those of jwt({ clients })',
          got: expect.stringMatching(
            /^client_id 1 characters that are not an id, expected \d characters that are not an id$/,
          ) as string,
          remedy: 'if its client_id is one of yours, add that to the option callers',
        });
      }
      expect(asked).toEqual(isGood ? ['k'] : []);
    });
  });

  describe('a token that breaks one rule', () => {
    const before: readonly [string, () => string, object][] = [
      ['not a JWT', () => 'a', { got: '1 of 3 parts' }],
      ...['undefined', 'null'].map((word): [string, () => string, object] => [
        `not a JWT, but the word ${word}`,
        () => word,
        { remedy: 'the client sends the header before it has a token: let it sign in first' },
      ]),
      ['not a JWT', () => `${signed()}.x`, { got: '4 of 3 parts' }],
      [
        'an opaque token, a personal access token or a session token where a JWT is expected',
        () => 'a.b.c.d.e',
        {
          description: 'a JWT access token is expected',
          remedy:
            'set the application’s token type to JWT, or accept both: callers: [jwt(), introspection(...)] or [jwt(), userinfo()]',
        },
      ],
      [
        'longer than 8192 characters',
        () => claims({ x: 'x'.repeat(8_192) }),
        { remedy: 'ask for fewer scopes' },
      ],
      ['not a well-formed JWT', () => `${parts()[0]}=.${parts()[1]}.${parts()[2]}`, {}],
      ['not a well-formed JWT', () => `${parts()[0]}.${parts()[1]}=.${parts()[2]}`, {}],
      ['not a well-formed JWT', () => `${signed()}=`, {}],
      ['not a well-formed JWT', () => `${parts()[0]}.${parts()[1]}.`, {}],
      ['not a well-formed JWT', () => signed(CLAIMS, []), {}],
      ['not a well-formed JWT', () => signed([CLAIMS]), {}],
      [
        'not a well-formed JWT',
        () => signed(CLAIMS, Buffer.from('{"alg":"ES256","kid":"k\xff"}', 'latin1')),
        {},
      ],
      [
        'algorithm not allowed',
        () => header({ alg: 'HS256' }),
        { got: 'alg HS256, expected RS256 or another with a key pair' },
      ],
      [
        'algorithm not allowed',
        () => header({ alg: 'a secret' }),
        { got: 'another alg, expected RS256 or another with a key pair' },
      ],
      [
        'algorithm not allowed',
        () => header({ alg: 1 }),
        { got: 'another alg, expected RS256 or another with a key pair' },
      ],
      ...[['none'], 'secret none', 'nonesuch'].map((alg): [string, () => string, object] => [
        'algorithm not allowed',
        () => header({ alg }),
        { got: 'another alg, expected RS256 or another with a key pair' },
      ]),
      ['no key id', () => header({ kid: undefined }), {}],
      ['no key id', () => header({ kid: '' }), {}],
      ['no key id', () => header({ kid: 'k'.repeat(201) }), {}],
      ['critical header not supported', () => header({ crit: ['exp'] }), {}],
      ['critical header not supported', () => header({ b64: true }), {}],
      ['other type of JWT', () => header({ typ: 'logout+jwt' }), {}],
      ...[{ jti: undefined }, { client_id: '' }, { client_id: 'c'.repeat(1_001) }].map(
        (less): [string, () => string, object] => [
          'not an access token: no jti, no client_id',
          () => claims(less),
          { remedy: 'if it is an ID token, send the access_token instead' },
        ],
      ),
      ...['azp', 'at_hash', 'nonce', 'events'].map((name): [string, () => string, object] => [
        'an ID token where an access token is expected',
        () => claims({ [name]: 'x' }),
        { remedy: 'send the access_token instead' },
      ]),
      [
        'another issuer',
        () => claims({ iss: 'x' }),
        {
          remedy: remedies.issuer,
          got: 'iss 1 characters that are not an origin, expected https://zitadel.example',
        },
      ],
      [
        'another issuer',
        () => claims({ iss: 'https://globex.example:443/secret' }),
        {
          remedy: remedies.issuer,
          got: 'iss https://globex.example:443/..., expected https://zitadel.example',
        },
      ],
      [
        'another issuer',
        () => claims({ iss: `${RULES.issuer}/` }),
        {
          remedy: remedies.issuer,
          got: 'iss https://zitadel.example/, expected https://zitadel.example',
        },
      ],
      ['malformed audience', () => claims({ aud: ['app', 1] }), {}],
      [
        'for another audience',
        () => claims({ aud: ['123', '123@web', 'a secret', '4', '5', '6'] }),
        {
          remedy: remedies.audience,
          got: 'aud 123, 123@web, 8 characters that are not an id, 4, 2 more, expected 3 characters that are not an id, 9 characters that are not an id',
        },
      ],
      [
        'for another audience',
        () => claims({ aud: [] }),
        {
          remedy: remedies.audience,
          got: 'aud nobody, expected 3 characters that are not an id, 9 characters that are not an id',
        },
      ],
      ['exp, iat and nbf must be whole seconds', () => claims({ exp: NOW + 1.5 }), {}],
      ['exp, iat and nbf must be whole seconds', () => claims({ iat: undefined }), {}],
      ['exp, iat and nbf must be whole seconds', () => claims({ nbf: '1' }), {}],
      ['exp, iat and nbf must be whole seconds', () => claims({ exp: -1 }), {}],
      ['exp, iat and nbf must be whole seconds', () => claims({ iat: -1 }), {}],
      [
        'expired',
        () => claims({ exp: NOW - 60 }),
        { description: 'the token is expired', remedy: 'get a new token', got: 'exp 60 s ago' },
      ],
      [
        'expired',
        () => claims({ exp: NOW }),
        { description: 'the token is expired', remedy: 'get a new token', got: 'exp 0 s ago' },
      ],
      [
        'from the future',
        () => claims({ iat: NOW + 6 }),
        { remedy: remedies.future, got: 'iat or nbf 6 s ahead' },
      ],
      [
        'from the future',
        () => claims({ nbf: NOW + 7 }),
        { remedy: remedies.future, got: 'iat or nbf 7 s ahead' },
      ],
      ['no usable sub', () => claims({ sub: 'a b' }), {}],
    ];
    it.each(before)('is refused before any key is asked for: %s', async (detail, make, more) => {
      const { said, asked } = await verified(make());
      expect(said).toStrictEqual({
        reason: 'token_invalid',
        detail: `access token: ${detail}`,
        remedy: remedies.token,
        ...more,
      });
      expect(asked).toEqual([]);
    });

    it.each<[string, () => string]>([
      ['signed by a key that the instance does not have', () => header({ kid: 'k'.repeat(200) })],
      ['algorithm of another key', () => header({ kid: 'k of another alg' })],
      ['the signature is wrong', () => `${parts()[0]}.${parts()[1]}.AAAA`],
    ])('is refused by its key: %s', async (detail, make) => {
      const { said, asked } = await verified(make());
      expect(said).toStrictEqual({
        reason: 'token_invalid',
        detail: `access token: ${detail}`,
        remedy: remedies.token,
      });
      expect(asked).toHaveLength(1);
    });

    it('is not judged while keys cannot be had', async () => {
      const { said } = await verified(header({ kid: 'not now' }));
      expect(said).toStrictEqual({ reason: 'zitadel_unavailable' });
    });

    it('is told apart where somebody acts for another', async () => {
      const { said, asked } = await verified(claims({ act: { sub: '2' } }));
      expect(said).toStrictEqual({
        reason: 'impersonated',
        detail: 'the token is for an impersonated user',
        remedy:
          'allowImpersonation lets such tokens through, with memberships read as the service user',
      });
      expect(asked).toEqual([]);
    });
  });

  describe('claims that may be left out', () => {
    const optional = new Set(['iss', 'aud', 'iat']);
    const said = (claims: object, rules: Partial<ClaimRules> = {}) =>
      checkClaims(claims as never, { ...RULES, ...rules }, optional);
    const accepted = { userId: '1', expiresAt: (NOW + 60) * 1_000 };

    it('are left out, or right', () => {
      expect(said({ exp: NOW + 60, sub: '1' })).toEqual(accepted);
      expect(said(CLAIMS)).toEqual(accepted);
      expect(said({ ...CLAIMS, aud: ['x'] }, { audience: [] })).toEqual(accepted);
      for (const wrong of [{ iss: 'x' }, { aud: 'x' }, { iat: NOW + 6, nbf: NOW }, { iat: '1' }]) {
        expect(said({ ...CLAIMS, ...wrong })).toMatchObject({ reason: 'token_invalid' });
      }
      expect(said({ exp: NOW + 60, sub: '1', nbf: NOW + 6 })).toMatchObject({
        reason: 'token_invalid',
      });
    });

    it('are no time: what was never issued comes from no future', () => {
      vi.setSystemTime(0);
      expect(said({ exp: 60, sub: '1' }, { clockToleranceMs: 0 })).toEqual({
        userId: '1',
        expiresAt: 60_000,
      });
    });

    it('are none that an object inherits', () => {
      expect(ownClaim(Object.create({ sub: '1' }) as never, 'sub')).toBeUndefined();
      expect(ownClaim({ sub: '1' }, 'sub')).toBe('1');
    });
  });

  describe('bounds', () => {
    it('let through what just fits', () => {
      expect(tooLong('x'.repeat(8_192))).toBeUndefined();
      expect(tooLong('x'.repeat(8_193))).toMatchObject({ reason: 'token_invalid' });
      expect(['', 'x'.repeat(1_000), 'x'.repeat(1_001), 1].map(isText)).toEqual([
        false,
        true,
        false,
        false,
      ]);
    });
  });
});
