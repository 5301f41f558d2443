// Tokens that are signed rightly and say something wrong.
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

/** Claims that are missing, of the wrong type, or about something else; every one rightly signed. */
export function byClaims({ zitadel, user, keys }: Material): Hostile[] {
  const now = Math.floor(Date.now() / 1_000);
  const [, good] = partsOf(zitadel.tokenFor(user));
  const claims = decoded(good);
  const { issuer } = zitadel;
  const { id: audience } = zitadel.defaultProject;
  const { host, port } = new URL(issuer);
  const values: Readonly<Record<string, readonly unknown[]>> = {
    exp: [
      undefined,
      null,
      '',
      String(now + 600),
      true,
      [now + 600],
      {},
      -1,
      0,
      now - 1,
      now - 3_600,
      now + 600.5,
      2 ** 53 + 2,
      -(2 ** 60),
    ],
    iat: [undefined, null, '', String(now), true, [now], {}, now + 60, now + 6_000, now - 0.5],
    nbf: [null, '', String(now), false, [now], {}, now + 60, now + 6_000, now - 0.5],
    sub: [
      undefined,
      null,
      '',
      ' ',
      0,
      Number(user.id),
      true,
      [user.id],
      { id: user.id },
      ` ${user.id}`,
      `${user.id} `,
      `${user.id}\n`,
      `${user.id}\u0000`,
      `${user.id}\u200b`,
      'ü',
      '1'.repeat(201),
    ],
    jti: [undefined, null, '', 1, true, ['V2_1-at_2'], {}, 'a b', 'x'.repeat(201)],
    client_id: [undefined, null, '', 1, true, ['1'], {}],
    iss: [
      undefined,
      null,
      '',
      1,
      true,
      [issuer],
      { issuer },
      `${issuer}/`,
      `${issuer}//`,
      `${issuer}?`,
      `${issuer}#`,
      `${issuer}/.well-known/openid-configuration`,
      ` ${issuer}`,
      `${issuer} `,
      issuer.toUpperCase(),
      issuer.replace('http', 'HTTP'),
      issuer.replace('http:', 'https:'),
      issuer.replace('127.0.0.1', 'localhost'),
      issuer.replace('127.0.0.1', '127.0.0.1.'),
      issuer.replace('127.0.0.1', '127.1'),
      issuer.replace(port, `0${port}`),
      `http://${host}@evil.example`,
      `http://evil.example@${host}`,
      `http://evil.example/${issuer}`,
      'https://xn--e1awd7f.example',
      host,
    ],
    aud: [
      undefined,
      null,
      '',
      0,
      Number(audience),
      true,
      {},
      { 0: audience, length: 1 },
      { [audience]: true },
      [],
      [''],
      [null],
      [[audience]],
      [{ aud: audience }],
      [audience, 1],
      [audience, null],
      [audience, [audience]],
      audience.slice(0, -1),
      audience.slice(1),
      `${audience}0`,
      ` ${audience}`,
      `${audience} `,
      `${audience},${audience}`,
      `${audience} openid`,
      [`${audience}\u0000`],
      '__proto__',
      ['constructor'],
      [zitadel.zitadelProjectId],
      issuer,
    ],
  };
  const hostile: Hostile[] = [];
  for (const [name, list] of Object.entries(values)) {
    for (const value of list) {
      const token = zitadel.tokenFor(user, { claims: { [name]: value } });
      hostile.push(bearer(`${name} ${String(JSON.stringify(value)).slice(0, 60)}`, token));
    }
  }

  // What JSON.stringify does not write, in a token that is signed rightly.
  const text = JSON.stringify(claims);
  const raw: Readonly<Record<string, string | Buffer>> = {
    'exp 1e400': text.replace(/"exp":\d+/, '"exp":1e400'),
    'iat -1e400': text.replace(/"iat":\d+/, '"iat":-1e400'),
    'exp 9e15 and a bit': text.replace(/"exp":\d+/, '"exp":9007199254740993'),
    'claims that are a list': `[${text}]`,
    'claims that are a text': JSON.stringify(text),
    'claims that are null': 'null',
    'claims that are a number': '1',
    'claims that are nothing': '',
    'claims cut in half': text.slice(0, text.length / 2),
    'claims with more behind them': `${text}{}`,
    'claims in single quotes': text.replaceAll('"', "'"),
    'claims that are no UTF-8': Buffer.concat([
      Buffer.from(text.slice(0, -1)),
      Buffer.from(',"x":"\xff\xfe"}', 'latin1'),
    ]),
    'claims in UTF-16': Buffer.from(text, 'utf16le'),
    'claims under __proto__': `{"__proto__":${text}}`,
    'an audience under __proto__': text.replace(/"aud":(\[[^\]]*\])/, '"__proto__":{"aud":$1}'),
  };
  const head = json({ alg: 'RS256', kid: 'own', typ: 'JWT' });
  for (const [what, content] of Object.entries(raw)) {
    hostile.push(bearer(what, signed(`${head}.${base64(content)}`, keys.own.privateKey)));
  }

  for (const mark of [
    { azp: claims['client_id'] },
    { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' },
    { nonce: 'n' },
    { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    { azp: null },
    { act: { sub: '1', iss: issuer } },
    { act: null },
    { act: {} },
  ]) {
    const token = zitadel.tokenFor(user, { claims: mark });
    hostile.push(bearer(`an access token with ${JSON.stringify(mark)}`, token));
  }
  return hostile;
}
