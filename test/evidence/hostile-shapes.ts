// Good tokens with a little too much or too little, or in the wrong place.
import {
  base64,
  bearer,
  json,
  partsOf,
  signed,
  type Hostile,
  type Material,
} from './hostile-material.js';

/** Tokens that are the good one but for some characters, too long, or no token at all. */
export function byShape({ zitadel, user, keys }: Material): Hostile[] {
  const hostile: Hostile[] = [];
  const good = zitadel.tokenFor(user);
  const [header, claims, signature] = partsOf(good);
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

  // The last character of a signature of 256 bytes has four bits that nobody reads.
  const last = ALPHABET.indexOf(signature.slice(-1));
  for (let spare = 1; spare < 16; spare += 1) {
    const other = ALPHABET[last ^ spare] ?? '';
    hostile.push(bearer(`the last character ${other}`, good.slice(0, -1) + other));
  }
  const shapes: Readonly<Record<string, string>> = {
    'padding of one': `${good}=`,
    'padding of two': `${good}==`,
    'padding of the claims': `${header}.${claims}=.${signature}`,
    'padding of the header': `${header}==.${claims}.${signature}`,
    'a space in the signature': `${header}.${claims}.${signature.slice(0, 9)} ${signature.slice(9)}`,
    'a space before a dot': `${header} .${claims}.${signature}`,
    'a space after a dot': `${header}.${claims}. ${signature}`,
    'the letters of other base64': `${header}.${claims}.${signature.replaceAll('-', '+').replaceAll('_', '/')}+/`,
    'a tilde behind': `${good}~`,
    'a dot behind': `${good}.`,
    'a dot before': `.${good}`,
    'two dots in the middle': `${header}..${claims}.${signature}`,
    'four parts': `${good}.${signature}`,
    'five parts': `${good}.${signature}.${signature}`,
    'two parts': `${header}.${claims}`,
    'no signature': `${header}.${claims}.`,
    'no claims': `${header}..${signature}`,
    'no header': `.${claims}.${signature}`,
    'header and claims the other way round': `${claims}.${header}.${signature}`,
    'the token twice': good + good,
    'the token twice with a dot': `${good}.${good}`,
    'a signature that is cut': good.slice(0, -4),
    'a signature that is longer': `${good}AAAA`,
    'the first 80 characters': good.slice(0, 80),
    'small letters': good.toLowerCase(),
    'the signature of another token': `${header}.${claims}.${partsOf(zitadel.tokenFor(user))[2]}`,
    'the claims of another token': `${header}.${partsOf(zitadel.tokenFor(user))[1]}.${signature}`,
    'a single character': 'a',
    'one dot': '.',
    'two dots': '..',
    'four dots': '....',
    'three letters': 'a.b.c',
    'an empty object thrice': `${json({})}.${json({})}.${json({})}`,
    'JSON as it is': '{"alg":"none"}',
    'a header as deep as it fits': `${base64('['.repeat(2_900))}.${claims}.${signature}`,
    'a header of nested objects': `${base64('{"a":'.repeat(1_000))}.${claims}.${signature}`,
    'a key id of four thousand characters': `${json({ alg: 'RS256', kid: 'k'.repeat(4_000) })}.${claims}.${signature}`,
    'a hundred dots': '.'.repeat(100),
    'four thousand dots': 'a.'.repeat(2_000),
    'eight thousand letters': 'e'.repeat(8_192),
    'ten thousand letters': 'e'.repeat(10_000),
    'a hundred thousand letters': 'e'.repeat(100_000),
  };
  for (const [what, token] of Object.entries(shapes)) hostile.push(bearer(what, token));
  for (const characters of [6_200, 9_000]) {
    const token = zitadel.tokenFor(user, { claims: { more: 'x'.repeat(characters) } });
    hostile.push(bearer(`a token of ${String(token.length)} characters, rightly signed`, token));
  }

  // One bit of each of many places, through all three parts.
  const step = Math.floor(good.length / 60);
  for (let at = 1; at < good.length - 1; at += step) {
    const old = ALPHABET.indexOf(good[at] ?? '');
    if (old < 0) continue;
    const flipped = good.slice(0, at) + (ALPHABET[old ^ 1] ?? '') + good.slice(at + 1);
    hostile.push(bearer(`a bit of character ${String(at)}`, flipped));
  }
  hostile.push(
    bearer('a signature by another key', zitadel.foreignTokenFor(user)),
    bearer('expired', zitadel.expiredTokenFor(user)),
    bearer('expired a second ago', zitadel.tokenFor(user, { expiresInSeconds: -1 })),
    bearer(
      'signed by a key that is not published, under its own name',
      signed(
        `${json({ alg: 'RS256', kid: 'unpublished', typ: 'JWT' })}.${claims}`,
        keys.unpublished.privateKey,
      ),
    ),
    bearer(
      'signed by a key that is not published, under the name of another',
      signed(
        `${json({ alg: 'RS256', kid: 'own', typ: 'JWT' })}.${claims}`,
        keys.unpublished.privateKey,
      ),
    ),
  );
  return hostile;
}

/** A good token where it does not belong, or not written as RFC 6750 has it. */
export function byGrammar({ zitadel, user }: Material): Hostile[] {
  const good = zitadel.tokenFor(user);
  const other = zitadel.tokenFor(user);
  const written: Readonly<Record<string, string>> = {
    'a tab': `Bearer\t${good}`,
    'a space and a tab': `Bearer \t${good}`,
    'no space': `Bearer${good}`,
    'a colon': `Bearer: ${good}`,
    'an equals sign': `Bearer=${good}`,
    'an encoded space': `Bearer%20${good}`,
    'a name before the token': `Bearer token=${good}`,
    'quotes around the token': `Bearer "${good}"`,
    'brackets around the token': `Bearer <${good}>`,
    'a comma behind': `Bearer ${good},`,
    'a semicolon behind': `Bearer ${good};`,
    'a parameter behind': `Bearer ${good}, realm="x"`,
    'two tokens with a comma': `Bearer ${good}, Bearer ${good}`,
    'two tokens with a space': `Bearer ${good} ${good}`,
    'a word before the token': `Bearer a ${good}`,
    'a word behind the token': `Bearer ${good} a`,
    'the scheme twice': `Bearer Bearer ${good}`,
    'another scheme before': `Basic YTpi, Bearer ${good}`,
    'no scheme': good,
    'the scheme Token': `Token ${good}`,
    'the scheme JWT': `JWT ${good}`,
    'the scheme DPoP': `DPoP ${good}`,
    'the scheme MAC': `MAC ${good}`,
    'the scheme Basic': `Basic ${Buffer.from(`:${good}`).toString('base64')}`,
    'the scheme Basic with the token as it is': `Basic ${good}`,
    'only the scheme': 'Bearer',
    'only the scheme and a space': 'Bearer ',
    nothing: '',
    'a letter that is no ASCII behind': `Bearer ${good}ü`,
    'a letter that is no ASCII before': `Bearer ü${good}`,
    'a scheme that looks like it': `Веarer ${good}`,
    'a zero-width space': `Bearer \u200b${good}`,
    'a non-breaking space': `Bearer\u00a0${good}`,
    'a question mark behind': `Bearer ${good}?`,
    'a percent sign behind': `Bearer ${good}%00`,
  };
  const hostile: Hostile[] = Object.entries(written).map(([what, value]) => ({
    what: `Authorization with ${what}`,
    headers: [['Authorization', value]],
  }));
  const authorization = (value: string) => ['Authorization', value] as const;
  const elsewhere: readonly Hostile[] = [
    {
      what: 'the same header twice',
      headers: [authorization(`Bearer ${good}`), authorization(`Bearer ${good}`)],
    },
    {
      what: 'two tokens in two headers',
      headers: [authorization(`Bearer ${good}`), authorization(`Bearer ${other}`)],
    },
    {
      what: 'a good header and a bad one',
      headers: [authorization(`Bearer ${good}`), authorization('Bearer x')],
    },
    {
      what: 'a bad header and a good one',
      headers: [authorization('Bearer x'), authorization(`Bearer ${good}`)],
    },
    {
      what: 'two schemes in two headers',
      headers: [authorization('Basic YTpi'), ['AUTHORIZATION', `Bearer ${good}`]],
    },
    {
      what: 'a good header and an empty one',
      headers: [authorization(`Bearer ${good}`), authorization('')],
    },
    {
      what: 'another header: Proxy-Authorization',
      headers: [['Proxy-Authorization', `Bearer ${good}`]],
    },
    { what: 'another header: X-Authorization', headers: [['X-Authorization', `Bearer ${good}`]] },
    {
      what: 'another header: X-Forwarded-Access-Token',
      headers: [['X-Forwarded-Access-Token', good]],
    },
    { what: 'another header: X-Access-Token', headers: [['X-Access-Token', good]] },
    { what: 'a name with an underscore', headers: [['Authorization_', `Bearer ${good}`]] },
    {
      what: 'a cookie',
      headers: [['Cookie', `access_token=${good}; Authorization=Bearer%20${good}`]],
    },
    { what: 'the query', headers: [], path: `/?access_token=${good}&token=${good}` },
    { what: 'the query as Authorization', headers: [], path: `/?authorization=Bearer%20${good}` },
    {
      what: 'the body',
      headers: [],
      body: { access_token: good, authorization: `Bearer ${good}` },
    },
    { what: 'user information of the address', headers: [], path: `http://${good}@127.0.0.1/` },
  ];
  return [...hostile, ...elsewhere];
}
