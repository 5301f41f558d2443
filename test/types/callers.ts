// Checked by the compiler, never run: which ways to know callers compile, and with which credentials.
import {
  basic,
  clientCredentials,
  introspection,
  jwt,
  key,
  keyFile,
  pat,
  userinfo,
  type ZitadelOptions,
} from '../../lib/index.js';

const issuer = 'https://acme.zitadel.cloud';
const audience = '1';
const environment: Readonly<Record<string, string | undefined>> = {};

/** Right ones. */
export const right = (): readonly ZitadelOptions[] => [
  { issuer, callers: introspection(keyFile('./api.json')) },
  { issuer, callers: introspection(key({ type: 'application' })) },
  { issuer, audience, callers: introspection(basic('a', 'b')) },
  { issuer, callers: userinfo() },
  { issuer, audience, callers: [jwt(), introspection(basic('a', 'b'))] },
  { issuer, audience, callers: [introspection(basic('a', 'b')), jwt({ recheckMs: false })] },
  { issuer, audience, callers: [jwt(), userinfo()] },
];

/** Wrong ones. */
export const wrong = (): readonly ZitadelOptions[] => [
  // @ts-expect-error introspection without a credential
  { issuer, callers: introspection() },
  // @ts-expect-error a path as a credential
  { issuer, callers: introspection('./api.json') },
  // @ts-expect-error a service user's token
  { issuer, callers: introspection(pat('x')) },
  // @ts-expect-error a service user's client credentials
  { issuer, callers: introspection(clientCredentials('a', 'b')) },
  // @ts-expect-error an application's secret for the service user
  { issuer, audience, serviceUser: basic('a', 'b') },
  // @ts-expect-error a secret that may be missing
  { issuer, callers: introspection(basic('a', environment['SECRET'])) },
  // @ts-expect-error a setting that there is not
  { issuer, callers: introspection(basic('a', 'b'), { recheckMs: 5_000 }) },
  // @ts-expect-error a setting that there is not
  { issuer, callers: userinfo({ ttlMs: 5_000 }) },
  // @ts-expect-error a list of one
  { issuer, audience, callers: [jwt()] },
  // @ts-expect-error a list of two that ask
  { issuer, audience, callers: [introspection(basic('a', 'b')), userinfo()] },
  // @ts-expect-error a list of three
  { issuer, audience, callers: [jwt(), introspection(basic('a', 'b')), userinfo()] },
  // @ts-expect-error a function in a list
  { issuer, audience, callers: [jwt(), () => undefined] },
];
