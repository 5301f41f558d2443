// All hostile requests, and the kinds of tokens that an instance makes.
import { createPrivateKey } from 'node:crypto';
import { byClaims } from './hostile-claims.js';
import { bearer, json, signed, type Hostile, type Material } from './hostile-material.js';
import { byGrammar, byShape } from './hostile-shapes.js';
import { byAlgorithm, byHeader } from './hostile-signatures.js';

/** One kind of token of an instance. */
export interface Kind {
  readonly what: string;
  readonly token: string;
}

/** Seven kinds of tokens that an instance makes, all of them live; only the first is for an API like ours. */
export function kindsOf({ zitadel, user, serviceUser }: Material): readonly Kind[] {
  const now = Math.floor(Date.now() / 1_000);
  const { issuer } = zitadel;
  const audience = [zitadel.defaultProject.id];
  const keyFile = JSON.parse(zitadel.addKey(serviceUser)) as {
    keyId: string;
    key: string;
    userId: string;
  };
  const assertion = {
    iss: keyFile.userId,
    sub: keyFile.userId,
    aud: [issuer, ...audience],
    iat: now - 5,
    exp: now + 300,
  };
  const privateKey = createPrivateKey(keyFile.key);
  return [
    { what: 'an access token', token: zitadel.tokenFor(user) },
    { what: 'an opaque access token', token: zitadel.opaqueTokenFor(user) },
    { what: 'an ID token', token: zitadel.idTokenFor(user) },
    {
      what: 'a logout token',
      token: zitadel.signJwt({
        iss: issuer,
        sub: user.id,
        aud: audience,
        iat: now,
        exp: now + 900,
        jti: 'V2_1-at_2',
        sid: 'V1_3',
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      }),
    },
    {
      what: 'the payload of an action',
      token: zitadel.signJwt({
        function: 'function/preaccesstoken',
        user: { id: user.id },
        userinfo: { sub: user.id },
        org: { id: zitadel.rootOrg.id },
      }),
    },
    {
      what: 'an assertion of a service user',
      token: signed(`${json({ alg: 'RS256', kid: keyFile.keyId })}.${json(assertion)}`, privateKey),
    },
    { what: 'a personal access token', token: zitadel.patFor(serviceUser) },
  ];
}

/** More of what an instance signs or makes, and no API may take. */
function byKind(material: Material): Hostile[] {
  const { zitadel, user, serviceUser } = material;
  const now = Math.floor(Date.now() / 1_000);
  const audience = [zitadel.defaultProject.id];
  const common = { iss: zitadel.issuer, sub: user.id, aud: audience, iat: now, exp: now + 900 };
  const more: readonly Kind[] = [
    { what: 'a session token', token: zitadel.sessionTokenFor(user) },
    { what: 'an ID token of a service user', token: zitadel.idTokenFor(serviceUser) },
    { what: 'an impersonation token', token: zitadel.impersonationTokenFor(user, serviceUser) },
    {
      what: 'an ID token without its marks',
      token: zitadel.signJwt({ ...common, client_id: '1' }),
    },
    { what: 'an intent of an identity provider', token: zitadel.signJwt({ ...common, jti: '1' }) },
    { what: 'claims alone', token: zitadel.signJwt(common) },
    { what: 'nothing at all, rightly signed', token: zitadel.signJwt({}) },
  ];
  return [...kindsOf(material).slice(1), ...more].map(({ what, token }) => bearer(what, token));
}

/** All of it. */
export function hostileRequests(material: Material): readonly Hostile[] {
  return [byAlgorithm, byHeader, byClaims, byShape, byGrammar, byKind].flatMap((make) =>
    make(material),
  );
}
