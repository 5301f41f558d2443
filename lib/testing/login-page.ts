import { createHash } from 'node:crypto';

import type { Answer } from './exchange.js';
import type { UserRecord } from './state.js';

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: start center; background: Canvas; color: CanvasText; }
main { box-sizing: border-box; width: min(30rem, 100%); padding: 2rem 1rem; }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; }
p { margin: 0 0 1.5rem; opacity: .8; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
button { width: 100%; padding: .75rem 1rem; border: 1px solid GrayText; border-radius: .5rem; background: Canvas;
  color: CanvasText; font: inherit; text-align: start; overflow-wrap: anywhere; cursor: pointer; }
button:hover { border-color: LinkText; }
button:focus-visible { outline: 3px solid LinkText; outline-offset: 2px; }
button span { display: block; font-size: .875rem; opacity: .75; }
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

export interface Choice {
  readonly user: UserRecord;
  readonly orgName: string;
}

/** The page on which somebody picks who they are. No script; names are text, whatever they hold. */
export function signInPage(
  requestId: string,
  choices: readonly Choice[],
  redirectUri: string,
): Answer {
  const items = choices.map(({ user, orgName }) => {
    const names = `${escapeHtml(user.displayName)} <span>${escapeHtml(`${user.userName} · ${orgName}`)}</span>`;
    return `<li><button name="userId" value="${escapeHtml(user.id)}">${names}</button></li>`;
  });
  const list =
    items.length === 0
      ? '<p>Nobody here can sign in: add somebody with <code>addUser</code>.</p>'
      : `<form method="post" action="/ui/v2/login/login"><input type="hidden" name="authRequest" value="${escapeHtml(requestId)}"><ul>${items.join('')}</ul></form>`;
  const body = `<h1>Sign in</h1><p>This is a ZITADEL emulator: pick who you are.</p>${list}`;
  return htmlAnswer(200, 'Sign in', body, sourceOf(redirectUri));
}

export function errorPage(message: string): Answer {
  const body = `<h1>This does not work</h1><p>${escapeHtml(message)}</p>`;
  return htmlAnswer(400, 'Sign in', body, undefined);
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'\r\n]/g, (character) => `&#${String(character.charCodeAt(0))};`);
}

function htmlAnswer(
  status: number,
  title: string,
  body: string,
  redirectSource: string | undefined,
): Answer {
  // Browsers hold the redirect after a form to form-action as well.
  const targets = redirectSource === undefined ? "'self'" : `'self' ${redirectSource}`;
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
      `<title>${title}</title><style>${STYLE}</style></head><body><main>${body}</main></body></html>`,
  };
}

function sourceOf(redirectUri: string): string {
  const { protocol, origin } = new URL(redirectUri);
  return origin === 'null' ? protocol : origin;
}
