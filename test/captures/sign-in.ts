import type { RecordedWorld } from './recorded-world.js';
import { exchange } from './replay.js';

const FORM = { 'content-type': 'application/x-www-form-urlencoded', host: 'localhost:8080' };

/** An access token of a service user: by its key where it has one, or else by a secret. */
export async function tokenOf(world: RecordedWorld, name: string, scope: string): Promise<string> {
  const assertion = world.ownAssertion(name);
  const form = new URLSearchParams({
    scope,
    ...(assertion === undefined
      ? withSecret(world, name)
      : { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }),
  });
  const { text } = await exchange(world, 'POST', '/oauth/v2/token', FORM, form.toString());
  return (JSON.parse(text) as Record<string, string>)['access_token'] ?? '';
}

function withSecret(world: RecordedWorld, name: string): Record<string, string> {
  const { clientId, clientSecret } = world.zitadel.addSecret(world.user(name));
  return {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
  };
}

/** Picks a person on the sign-in page behind `location`, and answers the authorization code. */
export async function signIn(world: RecordedWorld, location: string): Promise<string> {
  const page = await exchange(world, 'GET', location, { host: FORM.host }, undefined);
  const [, requestId = ''] = /name="authRequest" value="([^"]+)"/.exec(page.text) ?? [];
  const form = new URLSearchParams({ authRequest: requestId, userId: world.user('hank').id });
  const path = '/ui/v2/login/login';
  const done = await exchange(world, 'POST', path, FORM, form.toString());
  const { searchParams } = new URL(done.headers['location'] ?? '');
  if (searchParams.get('state') !== 's-1') throw new Error('the state did not come back');
  return searchParams.get('code') ?? '';
}
