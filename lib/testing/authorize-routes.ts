import type { AuthRequest } from './auth-requests.js';
import { nowInSeconds } from './clock.js';
import type { Core } from './core.js';
import { type Answer, type Exchange, NO_STORE } from './exchange.js';
import { errorPage, escapeHtml, signInPage } from './login-page.js';
import { withRoleScopes } from './role-claims.js';
import { scopesOf } from './scopes.js';
import type { UserRecord } from './state.js';

const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;

/** GET or POST /oauth/v2/authorize: the code flow of a public client with PKCE. RFC 7636. */
export function authorize(core: Core, exchange: Exchange): Answer {
  const asked = exchange.method === 'POST' ? new URLSearchParams(exchange.body) : exchange.query;
  const clientId = asked.get('client_id') ?? '';
  const redirectUri = asked.get('redirect_uri') ?? '';
  const application = core.credentials.applications.get(clientId);
  // Until both are known, the browser must not be sent anywhere.
  if (application?.active !== true) return errorPage('No application has this client_id.');
  if (!application.redirectUris.includes(redirectUri)) {
    return errorPage('The application has no such redirect_uri.');
  }
  const state = asked.get('state') ?? undefined;
  const refusal = refuse(asked);
  if (refusal !== undefined) {
    const [error, description] = refusal;
    return redirect(withParameters(redirectUri, { error, error_description: description, state }));
  }
  const { id } = core.authRequests.open({
    clientId,
    redirectUri,
    scopes: scopesFor(core, application.projectId, scopesOf(asked.get('scope'))),
    state,
    nonce: asked.get('nonce') ?? undefined,
    codeChallenge: asked.get('code_challenge') ?? '',
  });
  return redirect(`/ui/v2/login/login?authRequest=${id}`);
}

/** GET /ui/v2/login/login */
export function loginPage(core: Core, exchange: Exchange): Answer {
  const request = core.authRequests.find(exchange.query.get('authRequest') ?? '');
  if (request === undefined) return goneOrUnknown();
  const choices = [...core.world.users.values()].filter(canSignIn).map((user) => ({
    user,
    orgName: core.world.now.orgs.get(user.orgId)?.name ?? '',
  }));
  return signInPage(request.id, choices, request.redirectUri);
}

/** POST /ui/v2/login/login */
export function login(core: Core, exchange: Exchange): Answer {
  const form = new URLSearchParams(exchange.body);
  const request = core.authRequests.find(form.get('authRequest') ?? '');
  if (request === undefined) return goneOrUnknown();
  const user = core.world.users.get(form.get('userId') ?? '');
  if (user === undefined || !canSignIn(user)) return errorPage('This user cannot sign in.');
  return finish(core, request, user);
}

function finish(core: Core, request: AuthRequest, user: UserRecord): Answer {
  const id = core.authRequests.signIn(request, user.id, nowInSeconds());
  const code = core.mint.box.seal({ kind: 'code', id });
  return redirect(withParameters(request.redirectUri, { code, state: request.state }));
}

function scopesFor(core: Core, projectId: string, scopes: readonly string[]): readonly string[] {
  const project = core.world.now.projects.get(projectId);
  return project?.roleAssertion === true ? withRoleScopes(scopes, project) : scopes;
}

function refuse(asked: URLSearchParams): [error: string, description: string] | undefined {
  if (asked.get('response_type') !== 'code') {
    return ['unsupported_response_type', 'only response_type=code is supported'];
  }
  if (!scopesOf(asked.get('scope')).includes('openid')) {
    return ['invalid_scope', 'the scope openid is missing'];
  }
  if (asked.get('code_challenge_method') !== 'S256') {
    return ['invalid_request', 'code_challenge_method must be S256'];
  }
  if (!CHALLENGE.test(asked.get('code_challenge') ?? '')) {
    return ['invalid_request', 'code_challenge is missing or malformed'];
  }
  return undefined;
}

function canSignIn(user: UserRecord): boolean {
  return user.kind === 'person' && user.state === 'active' && !user.orgRemoved;
}

function goneOrUnknown(): Answer {
  return errorPage('This sign-in is over or was never begun. Go back to the application.');
}

function redirect(location: string): Answer {
  const headers = { 'content-type': 'text/html; charset=utf-8', location, ...NO_STORE };
  return { status: 302, headers, body: `<a href="${escapeHtml(location)}">Found</a>.\n\n` };
}

function withParameters(
  redirectUri: string,
  parameters: Readonly<Record<string, string | undefined>>,
): string {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}
