// Signing in: authorization code with PKCE (RFC 7636).
import { state } from './state.js';

const TOKEN = 'sample.token';
const TAB = 'sample.tab';
const PENDING = 'sample.pending';
const redirectUri = `${location.origin}/`;

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

async function discover() {
  const { issuer } = state.config;
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  if (!response.ok) throw new Error(`ZITADEL answered ${response.status} to discovery.`);
  const found = await response.json();
  if (found.issuer !== issuer) throw new Error('ZITADEL calls itself by another name.');
  return found;
}

export async function signIn() {
  const { authorization_endpoint: endpoint } = await discover();
  const pending = { state: randomText(), verifier: randomText() };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(pending.verifier));
  const url = new URL(endpoint);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: state.config.clientId,
    redirect_uri: redirectUri,
    scope: state.config.scope,
    state: pending.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
    prompt: 'select_account',
  }).toString();
  location.assign(url);
}

/** Back from ZITADEL with a code or an error; true when somebody has just signed in. */
export async function finishSignIn() {
  const answer = new URLSearchParams(location.search);
  if (!answer.has('code') && !answer.has('error')) return false;
  history.replaceState(null, '', '/');
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? 'null');
  sessionStorage.removeItem(PENDING);
  if (!pending || answer.get('state') !== pending.state) {
    throw new Error('This sign-in was not begun in this tab, so it does not count. Try again.');
  }
  if (answer.has('error')) {
    throw new Error(`ZITADEL did not sign you in (${answer.get('error').slice(0, 60)}).`);
  }
  const { token_endpoint: endpoint } = await discover();
  const response = await fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: answer.get('code'),
      redirect_uri: redirectUri,
      client_id: state.config.clientId,
      code_verifier: pending.verifier,
    }),
  });
  if (!response.ok) throw new Error('ZITADEL did not give a token for this sign-in. Try again.');
  sessionStorage.setItem(TOKEN, (await response.json()).access_token);
  return true;
}

/** The name of whoever is signed in, if ZITADEL tells it. */
export async function nameOfReader() {
  try {
    const { userinfo_endpoint: endpoint } = await discover();
    const response = await fetch(endpoint, { headers: { authorization: `Bearer ${state.token}` } });
    const info = await response.json();
    return String(info.given_name ?? info.name ?? '') || undefined;
  } catch {
    // A greeting is not worth an error.
    return undefined;
  }
}

export const keptToken = () => sessionStorage.getItem(TOKEN) ?? undefined;

/** The next person who signs in must not see what was done before. */
export function forget() {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(TAB);
}

/** Tells this tab's requests from others', also those without a token. */
export function tabSecret() {
  const known = sessionStorage.getItem(TAB);
  if (known !== null) return known;
  const secret = randomText();
  sessionStorage.setItem(TAB, secret);
  return secret;
}
