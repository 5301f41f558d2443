import { generateKeyPairSync, sign } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  checkClaims,
  type ClaimRules,
  createJwtVerifier,
  isText,
  ownClaim,
  tooLong,
} from '../../../lib/zitadel/callers/access-token.js';
import type { SigningKeys } from '../../../lib/zitadel/callers/signing-keys.js';

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
const header = (more: Readonly<Record<string, unknown>>) => signed(CLAIMS, { ...HEADER, ...more });
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
