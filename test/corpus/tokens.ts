// The tokens that a case can send.
import type { TokenOptions, ZitadelEmulator } from 'nestjs-zitadel/testing';

/** What a request shows of its caller: a token, the same token twice, or a whole Authorization header. */
export type Credential =
  | { readonly bearer: string }
  | { readonly twice: string }
  | { readonly header: string }
  | undefined;

type Make = (zitadel: ZitadelEmulator, userId: string, options: TokenOptions) => Credential;

const HOUR = 3_600;
const now = () => Math.floor(Date.now() / 1_000);

/** A good token with other claims. */
const claiming =
  (claims: () => Readonly<Record<string, unknown>>): Make =>
  (zitadel, userId, options) => ({
    bearer: zitadel.tokenFor(userId, {
      ...options,
      claims: { ...options.claims, ...claims() },
    }),
  });

/** A good token, written in another way. */
const rewritten =
  (write: (token: string) => string): Make =>
  (zitadel, userId, options) => ({ bearer: write(zitadel.tokenFor(userId, options)) });

const inHeader =
  (write: (token: string) => string): Make =>
  (zitadel, userId, options) => ({ header: write(zitadel.tokenFor(userId, options)) });

/** A good token of somebody to whom something happened afterwards. */
const afterwards =
  (happens: (zitadel: ZitadelEmulator, userId: string, token: string) => void): Make =>
  (zitadel, userId, options) => {
    const bearer = zitadel.tokenFor(userId, options);
    happens(zitadel, userId, bearer);
    return { bearer };
  };

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const partsOf = (token: string) => token.split('.') as [string, string, string];
const payloadOf = (token: string) =>
  JSON.parse(Buffer.from(partsOf(token)[1], 'base64url').toString()) as object;

export const TOKENS = {
  good: (zitadel, userId, options) => ({ bearer: zitadel.tokenFor(userId, options) }),
  none: () => undefined,
  'of another scheme': () => ({ header: 'Basic YTpi' }),
  'the scheme alone': () => ({ header: 'Bearer' }),
  'without a scheme': inHeader((token) => token),
  'of two words': inHeader((token) => `Bearer ${token} ${token}`),
  'in a list': inHeader((token) => `Bearer ${token}, Bearer ${token}`),
  'in quotes': inHeader((token) => `Bearer "${token}"`),
  'with a scheme in small letters': inHeader((token) => `bearer ${token}`),
  'with a scheme in capitals': inHeader((token) => `BEARER ${token}`),
  'with two spaces': inHeader((token) => `Bearer  ${token}`),
  'sent twice': (zitadel, userId, options) => ({ twice: zitadel.tokenFor(userId, options) }),
  'no JWT': () => ({ bearer: 'nonsense' }),
  'the word undefined': () => ({ bearer: 'undefined' }),
  'of two parts': rewritten((token) => partsOf(token).slice(0, 2).join('.')),
  'of four parts': rewritten((token) => `${token}.x`),
  'cut short': rewritten((token) => token.slice(0, -10)),
  'with another signature': rewritten((token) => {
    const [header, payload, signature] = partsOf(token);
    return [header, payload, [...signature].reverse().join('')].join('.');
  }),
  'without a signature': rewritten((token) => `${partsOf(token).slice(0, 2).join('.')}.`),
  'with a changed payload': rewritten((token) => {
    const [header, , signature] = partsOf(token);
    return [header, encoded({ ...payloadOf(token), sub: '1' }), signature].join('.');
  }),
  'with the algorithm none': rewritten((token) =>
    [encoded({ alg: 'none', typ: 'JWT' }), partsOf(token)[1], ''].join('.'),
  ),
  'with a symmetric algorithm': rewritten((token) =>
    [encoded({ alg: 'HS256', typ: 'JWT' }), ...partsOf(token).slice(1)].join('.'),
  ),
  'with padding': rewritten((token) => {
    const [header, payload, signature] = partsOf(token);
    return [header, payload, `${signature}==`].join('.');
  }),
  'too long': claiming(() => ({ more: 'x'.repeat(9_000) })),
  expired: (zitadel, userId, options) => ({ bearer: zitadel.expiredTokenFor(userId, options) }),
  'for another audience': (zitadel, userId, options) => ({
    bearer: zitadel.tokenFor(userId, { ...options, audience: ['299999999999999999'] }),
  }),
  'for ours among other audiences': (zitadel, userId, options) => {
    const { audience } = zitadel.options();
    const ours = Array.isArray(audience) ? audience : [audience];
    const others = ['299999999999999998', '299999999999999999'];
    return {
      bearer: zitadel.tokenFor(userId, { ...options, audience: [...others, ...ours] as string[] }),
    };
  },
  'of another issuer': claiming(() => ({ iss: 'https://evil.example' })),
  'of an issuer with a slash': (zitadel, userId, options) =>
    claiming(() => ({ iss: `${zitadel.options().issuer}/` }))(zitadel, userId, options),
  'without an issuer': claiming(() => ({ iss: undefined })),
  'without an audience': claiming(() => ({ aud: undefined })),
  'without an end': claiming(() => ({ exp: undefined })),
  'with an end as text': claiming(() => ({ exp: String(now() + HOUR) })),
  'without a user': claiming(() => ({ sub: undefined })),
  'of a user that is a number': claiming(() => ({ sub: 1 })),
  'from the future': claiming(() => ({ iat: now() + HOUR })),
  'not valid yet': claiming(() => ({ nbf: now() + HOUR })),
  'without an id': claiming(() => ({ jti: undefined })),
  'without a client': claiming(() => ({ client_id: undefined })),
  'with a hash as ID tokens have': claiming(() => ({ at_hash: 'x' })),
  'with a nonce as ID tokens have': claiming(() => ({ nonce: 'x' })),
  'an ID token': (zitadel, userId, options) => ({ bearer: zitadel.idTokenFor(userId, options) }),
  'signed by a foreign key': (zitadel, userId, options) => ({
    bearer: zitadel.foreignTokenFor(userId, options),
  }),
  impersonated: (zitadel, userId, options) => ({
    bearer: zitadel.impersonationTokenFor(userId, zitadel.addUser(`actor of ${userId}`), options),
  }),
  'without the audience of ZITADEL': (zitadel, userId, options) => ({
    bearer: zitadel.tokenFor(userId, { ...options, zitadelAudience: false }),
  }),
  opaque: (zitadel, userId, options) => ({ bearer: zitadel.opaqueTokenFor(userId, options) }),
  'a personal access token': (zitadel, userId) => ({ bearer: zitadel.patFor(userId) }),
  'a session token': (zitadel, userId) => ({ bearer: zitadel.sessionTokenFor(userId) }),
  revoked: afterwards((zitadel, _userId, token) => zitadel.revokeToken(token)),
  'of a deactivated user': afterwards((zitadel, userId) => zitadel.deactivateUser(userId)),
  'of a locked user': afterwards((zitadel, userId) => zitadel.lockUser(userId)),
  'of a removed user': afterwards((zitadel, userId) => zitadel.removeUser(userId)),
  'of an ended session': afterwards((zitadel, userId) => zitadel.endSessions(userId)),
  'of a user who was deactivated and reactivated': afterwards((zitadel, userId) => {
    zitadel.deactivateUser(userId);
    zitadel.reactivateUser(userId);
  }),
  'of a user who needs a second factor': afterwards((zitadel, userId) =>
    zitadel.requireMfa(userId),
  ),
} as const satisfies Record<string, Make>;

export type TokenKind = keyof typeof TOKENS;

/** The credential of a kind. */
export const credentialOf = (kind: TokenKind, ...given: Parameters<Make>): Credential =>
  (TOKENS[kind] as Make)(...given);
