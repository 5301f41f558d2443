import { createHash } from 'node:crypto';
import type { Instance } from '../instance.js';
import { type Reply, type Exchange, NO_STORE } from '../server/replies.js';
import type { UserRecord } from '../world/state.js';
import { beginSession } from '../world/tenants.js';
import { nowInSeconds } from '../world/world.js';
import { scopesOf, withRoleScopes } from './claims.js';
import type { AuthRequest } from './open-sign-ins.js';

const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;

/** GET or POST /oauth/v2/authorize: the code flow of a public client with PKCE. RFC 7636. */
export function authorize(instance: Instance, exchange: Exchange): Reply {
  const asked = exchange.method === 'POST' ? new URLSearchParams(exchange.body) : exchange.query;
  const clientId = asked.get('client_id') ?? '';
  const redirectUri = asked.get('redirect_uri') ?? '';
  const application = instance.credentials.applications.get(clientId);
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
  const id = `V2_${instance.world.ids.next()}`;
  instance.signIns.open.set(id, {
    id,
    clientId,
    redirectUri,
    scopes: scopesFor(instance, application.projectId, scopesOf(asked.get('scope'))),
    state,
    nonce: asked.get('nonce') ?? undefined,
    codeChallenge: asked.get('code_challenge') ?? '',
  });
  return redirect(`/ui/v2/login/login?authRequest=${id}`);
}

/** GET /ui/v2/login/login */
export function loginPage(instance: Instance, exchange: Exchange): Reply {
  const request = instance.signIns.open.get(exchange.query.get('authRequest') ?? '');
  if (request === undefined) return goneOrUnknown();
  const items = [...instance.world.users.values()].filter(canSignIn).map((user) => {
    const orgName = instance.world.now.orgs.get(user.orgId)?.name ?? '';
    const names = `${escapeHtml(user.displayName)} <span>${escapeHtml(`${user.userName} · ${orgName}`)}</span>`;
    return `<li><button name="userId" value="${escapeHtml(user.id)}">${names}</button></li>`;
  });
  return signInPage(request, items);
}

/** POST /ui/v2/login/login */
export function login(instance: Instance, exchange: Exchange): Reply {
  const form = new URLSearchParams(exchange.body);
  const request = instance.signIns.open.get(form.get('authRequest') ?? '');
  if (request === undefined) return goneOrUnknown();
  const user = instance.world.users.get(form.get('userId') ?? '');
  if (user === undefined || !canSignIn(user)) return errorPage('This user cannot sign in.');
  const password = form.get('password');
  if (user.password === undefined || user.password === password) {
    return finish(instance, request, user);
  }
  return passwordPage(request, user, password !== null);
}

/** Ends the request, and sends the browser back with a code. */
function finish(instance: Instance, request: AuthRequest, user: UserRecord): Reply {
  const { world, signIns, mint } = instance;
  const sessionId = beginSession(world, user);
  const [id, tokenSessionId] = [world.ids.next(), world.ids.next()];
  const authTime = nowInSeconds();
  signIns.open.delete(request.id);
  signIns.codes.set(id, { request, userId: user.id, sessionId, tokenSessionId, authTime });
  const code = mint.box.seal({ kind: 'code', id });
  return redirect(withParameters(request.redirectUri, { code, state: request.state }));
}

function scopesFor(
  instance: Instance,
  projectId: string,
  scopes: readonly string[],
): readonly string[] {
  const project = instance.world.now.projects.get(projectId);
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

function goneOrUnknown(): Reply {
  return errorPage('This sign-in is over or was never begun. Go back to the application.');
}

function redirect(location: string): Reply {
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

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: start center; background: Canvas; color: CanvasText; }
main { box-sizing: border-box; width: min(30rem, 100%); padding: 2rem 1rem; }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; }
p { margin: 0 0 1.5rem; opacity: .8; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
button, input { box-sizing: border-box; margin-block: .25rem; width: 100%; padding: .75rem 1rem; border: 1px solid GrayText; border-radius: .5rem; background: Canvas;
  color: CanvasText; font: inherit; text-align: start; overflow-wrap: anywhere; cursor: pointer; }
button:hover { border-color: LinkText; }
button:focus-visible, input:focus-visible { outline: 3px solid LinkText; outline-offset: 2px; }
button span { display: block; font-size: .875rem; opacity: .75; }
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** The page on which somebody picks who they are. No script; names are text, whatever they hold. */
function signInPage({ id, redirectUri }: AuthRequest, items: readonly string[]): Reply {
  const list =
    items.length === 0
      ? '<p>Nobody here can sign in: add somebody with <code>addUser</code>.</p>'
      : `<form method="post" action="/ui/v2/login/login"><input type="hidden" name="authRequest" value="${escapeHtml(id)}"><ul>${items.join('')}</ul></form>`;
  const body = `<h1>Sign in</h1><p>This is a ZITADEL emulator: pick who you are.</p>${list}`;
  return htmlReply(200, body, redirectUri);
}

/** Somebody with a password proves it. */
function passwordPage(
  { id, redirectUri }: AuthRequest,
  user: UserRecord,
  wasWrong: boolean,
): Reply {
  const hidden = Object.entries({ authRequest: id, userId: user.id }).map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`,
  );
  const wrong = wasWrong ? '<p role="alert">This is not the password.</p>' : '';
  const body =
    `<h1>Sign in</h1><p>${escapeHtml(`${user.displayName} · ${user.userName}`)}</p>${wrong}` +
    `<form method="post" action="/ui/v2/login/login">${hidden.join('')}<label>Password ` +
    '<input type="password" name="password" autocomplete="current-password" required autofocus></label>' +
    '<button>Sign in</button></form>';
  return htmlReply(200, body, redirectUri);
}

function errorPage(message: string): Reply {
  const body = `<h1>This does not work</h1><p>${escapeHtml(message)}</p>`;
  return htmlReply(400, body);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"'\r\n]/g, (character) => `&#${String(character.charCodeAt(0))};`);
}

function htmlReply(status: number, body: string, redirectUri?: string): Reply {
  // Browsers hold the redirect after a form to form-action as well.
  const targets = redirectUri === undefined ? "'self'" : `'self' ${sourceOf(redirectUri)}`;
  const policy =
    `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action ${targets}; ` +
    "frame-ancestors 'none'; base-uri 'none'";
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': policy,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
    body:
      '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
      '<meta name="viewport" content="width=device-width, initial-scale=1">' +
      `<title>Sign in</title><style>${STYLE}</style></head><body><main>${body}</main></body></html>`,
  };
}

function sourceOf(redirectUri: string): string {
  const { protocol, origin } = new URL(redirectUri);
  return origin === 'null' ? protocol : origin;
}
