// Tokens whose header is not to be believed: algorithms, keys, what must be understood.
import { constants, createHmac, createPublicKey, sign } from 'node:crypto';
import {
  base64,
  bearer,
  decoded,
  json,
  partsOf,
  signed,
  type Hostile,
  type Material,
} from './hostile-material.js';

/** What tokens say where the algorithm has to stand, and how they are signed. */
export function byAlgorithm({ zitadel, user, keys }: Material): Hostile[] {
  const good = zitadel.tokenFor(user);
  const [header, claims, signature] = partsOf(good);
  const { kid } = decoded(header) as { kid: string };
  const hostile: Hostile[] = [];

  for (const alg of ['none', 'None', 'NONE', 'nOnE', 'none ', ' none', '']) {
    for (const end of ['', 'AA', signature]) {
      const token = `${json({ alg, kid, typ: 'JWT' })}.${claims}.${end}`;
      hostile.push(bearer(`alg '${alg}' with a signature of ${String(end.length)}`, token));
    }
  }

  const odd: readonly unknown[] = [
    ['RS256'],
    { RS256: true },
    256,
    null,
    true,
    undefined,
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'rs256',
    'RS256 ',
    'RS256\u0000',
    'RS256,none',
    'RS1',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'ES256K',
    'EdDSA',
    'HS256',
    'HS384',
    'HS512',
    'A256GCMKW',
    'RSA-OAEP',
    'dir',
  ];
  for (const alg of odd) {
    const token = zitadel.tokenFor(user, { header: { alg } });
    hostile.push(bearer(`alg ${JSON.stringify(alg)} over a signature of RS256`, token));
  }

  const [jwk] = zitadel.publicKeys().keys;
  if (!jwk) throw new Error('the instance publishes no key');
  const publicKey = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const secrets: Readonly<Record<string, string | Buffer>> = {
    'the PEM': pem,
    'the PEM without its last line break': pem.trimEnd(),
    'the PEM with Windows line ends': pem.replaceAll('\n', '\r\n'),
    'the PEM after a space': ` ${pem}`,
    'the PEM after a tab': `\t${pem}`,
    'the PEM after a byte order mark': `\ufeff${pem}`,
    'the PEM after a line break': `\n${pem}`,
    'the PEM in PKCS#1': publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    'the DER': publicKey.export({ type: 'spki', format: 'der' }),
    'the DER in PKCS#1': publicKey.export({ type: 'pkcs1', format: 'der' }),
    'the JWK': JSON.stringify(jwk),
    'the modulus': Buffer.from(jwk.n, 'base64url'),
    'the modulus as text': jwk.n,
    'the exponent': Buffer.from(jwk.e, 'base64url'),
    'the key id': kid,
    nothing: '',
    'the word secret': 'secret',
  };
  for (const [what, secret] of Object.entries(secrets)) {
    for (const bits of ['256', '384', '512']) {
      if (bits !== '256' && !what.startsWith('the PEM')) continue;
      const content = `${json({ alg: `HS${bits}`, kid, typ: 'JWT' })}.${claims}`;
      const mac = createHmac(`sha${bits}`, secret).update(content).digest();
      hostile.push(bearer(`HS${bits} with ${what} as secret`, `${content}.${base64(mac)}`));
    }
  }

  const withKey = (what: string, head: object, make: (content: Buffer) => Buffer) => {
    const content = `${json({ typ: 'JWT', ...head })}.${claims}`;
    hostile.push(bearer(what, `${content}.${base64(make(Buffer.from(content)))}`));
  };
  const rsa = (algorithm: string) => (content: Buffer) =>
    sign(algorithm, content, keys.own.privateKey);
  const pss = (content: Buffer) =>
    sign('RSA-SHA256', content, {
      key: keys.own.privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    });
  withKey('RS384 by a key for RS256', { alg: 'RS384', kid: 'own' }, rsa('RSA-SHA384'));
  withKey('RS512 by a key for RS256', { alg: 'RS512', kid: 'own' }, rsa('RSA-SHA512'));
  withKey('RS1 by a key for RS256', { alg: 'RS1', kid: 'own' }, rsa('RSA-SHA1'));
  withKey('PS256 by a key for RS256', { alg: 'PS256', kid: 'own' }, pss);
  withKey('PSS called RS256', { alg: 'RS256', kid: 'own' }, pss);
  withKey('RS512 called RS256', { alg: 'RS256', kid: 'own' }, rsa('RSA-SHA512'));
  for (const name of ['no-alg', 'for-encryption', 'as-hmac', 'as-none', '']) {
    withKey(
      `a key that is published oddly: ${name}`,
      { alg: 'RS256', kid: name },
      rsa('RSA-SHA256'),
    );
  }
  withKey('a key of 1024 bits', { alg: 'RS256', kid: 'weak' }, (content) =>
    sign('RSA-SHA256', content, keys.weak.privateKey),
  );
  withKey('a key with a small exponent', { alg: 'RS256', kid: 'small-exponent' }, (content) =>
    sign('RSA-SHA256', content, keys.smallExponent.privateKey),
  );
  for (const alg of ['ES256', 'RS256']) {
    withKey(
      `an elliptic key for RS256, called ${alg}`,
      { alg, kid: 'elliptic-as-rsa' },
      (content) =>
        sign('sha256', content, { key: keys.elliptic.privateKey, dsaEncoding: 'ieee-p1363' }),
    );
  }
  withKey('a key that is published for HS256', { alg: 'HS256', kid: 'as-hmac' }, (content) =>
    createHmac('sha256', keys.own.publicKey.export({ type: 'spki', format: 'pem' }))
      .update(content)
      .digest(),
  );
  withKey('an empty signature', { alg: 'RS256', kid }, () => Buffer.alloc(0));
  withKey('a signature of zeros', { alg: 'RS256', kid }, () => Buffer.alloc(256));
  withKey('a signature of ones', { alg: 'RS256', kid }, () => Buffer.alloc(256, 0xff));
  withKey('a signature of zeros for an elliptic key', { alg: 'ES256', kid: 'own' }, () =>
    Buffer.alloc(64),
  );
  return hostile;
}

/** What headers of tokens say about keys, and what must be understood. */
export function byHeader({ zitadel, user, trap, keys }: Material): Hostile[] {
  const hostile: Hostile[] = [];
  const [header, claims] = partsOf(zitadel.tokenFor(user));
  const { kid } = decoded(header) as { kid: string };
  const { privateKey, publicKey } = keys.unpublished;
  const jwk = { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'mine' };
  const x5c = [publicKey.export({ type: 'spki', format: 'der' }).toString('base64')];
  const bringing: Readonly<Record<string, object>> = {
    'its own key': { jwk },
    'its own key under the instance’s id': { jwk: { ...jwk, kid }, kid },
    'its own private key': { jwk: privateKey.export({ format: 'jwk' }) },
    'the address of a key set': { jku: `${trap}/jku` },
    'the address of a key set and an id from it': { jku: `${trap}/jku`, kid: 'mine' },
    'the address of a key set with the issuer in it': {
      jku: `${trap}/?x=${encodeURIComponent(zitadel.issuer)}`,
    },
    'the address of a certificate': { x5u: `${trap}/x5u` },
    'a certificate': { x5c },
    'a thumbprint': { x5t: 'AAAA', 'x5t#S256': 'AAAA' },
    'an address as id of the key': { kid: `${trap}/kid` },
    'a path as id of the key': { kid: '../../../../dev/null' },
    'another issuer in its header': { iss: trap, kid },
  };
  for (const [what, head] of Object.entries(bringing)) {
    const content = `${json({ alg: 'RS256', typ: 'JWT', kid, ...head })}.${claims}`;
    hostile.push(bearer(`a forged token that brings ${what}`, signed(content, privateKey)));
  }

  const kids: readonly unknown[] = [
    undefined,
    null,
    '',
    ' ',
    true,
    0,
    Number(kid),
    [kid],
    [],
    { kid },
    `${kid} `,
    ` ${kid}`,
    `${kid}\u0000`,
    `${kid}\n`,
    `0${kid}`,
    [...kid].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join(''),
    kid.slice(0, -1),
    '__proto__',
    'constructor',
    'toString',
    '../../dev/null',
    '/etc/passwd',
    "' OR 1=1--",
    '*',
    'x'.repeat(201),
    'x'.repeat(4_000),
  ];
  for (const given of kids) {
    const token = zitadel.tokenFor(user, { header: { kid: given } });
    hostile.push(bearer(`kid ${String(JSON.stringify(given)).slice(0, 60)}`, token));
  }

  const critical: readonly Readonly<Record<string, unknown>>[] = [
    { crit: ['foo'], foo: 1 },
    { crit: [] },
    { crit: ['b64'], b64: false },
    { crit: ['b64'], b64: true },
    { crit: ['exp'], exp: 1 },
    { crit: 'exp' },
    { crit: null },
    { crit: {} },
    { b64: false },
    { b64: true },
  ];
  for (const head of critical) {
    hostile.push(bearer(JSON.stringify(head), zitadel.tokenFor(user, { header: head })));
  }

  for (const typ of [
    'JOSE',
    'logout+jwt',
    'dpop+jwt',
    'secevent+jwt',
    'id_token',
    '',
    1,
    null,
    ['JWT'],
  ]) {
    const token = zitadel.tokenFor(user, { header: { typ } });
    hostile.push(bearer(`typ ${JSON.stringify(typ)}`, token));
  }
  return hostile;
}
