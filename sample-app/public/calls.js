// Talking to the app.
import { h } from './dom.js';
import { withNames } from './names.js';
import { tabSecret } from './sign-in.js';
import { state } from './state.js';

export function send(method, path, { token = state.token, json, headers = {}, signal } = {}) {
  return fetch(path, {
    method,
    headers: {
      'x-tab': tabSecret(),
      ...headers,
      ...(token !== undefined && token !== '' && { authorization: `Bearer ${token}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
    ...(signal && { signal }),
  });
}

export const NOBODY_THERE = {
  status: 0,
  phrase: '',
  body: { message: 'The sample app does not answer. Is it running?' },
};

/** Calls the app; answers status, body and how old the memberships behind the decision were. Never throws. */
export async function call(method, path, options) {
  const started = performance.now();
  try {
    return await answerOf(await send(method, path, options), started);
  } catch {
    return NOBODY_THERE;
  }
}

export async function answerOf(response, started) {
  const body = await response.json().catch(() => ({}));
  const age = response.headers.get('x-memberships-age');
  return {
    status: response.status,
    phrase: body.error ?? (response.ok ? 'OK' : ''),
    body,
    ms: Math.round(performance.now() - started),
    decision: response.headers.get('x-decision'),
    retryAfter: response.headers.get('retry-after'),
    ...(age !== null && {
      age: ageInWords(Number(age), response.headers.get('x-memberships-from')),
    }),
  };
}

export function ageInWords(ms, from) {
  const where = from === 'shared' ? ' (found in the shared cache)' : '';
  if (ms < 1000) return `Memberships: read from ZITADEL just now${where}.`;
  return `Memberships: read from ZITADEL ${secondsInWords(Math.floor(ms / 1000))} ago${where}.`;
}

export const secondsInWords = (seconds) => `${seconds} second${seconds === 1 ? '' : 's'}`;

function toneOf(status) {
  if (status >= 200 && status < 300) return 'yes';
  if (status === 401) return 'who';
  return status >= 500 || status === 0 ? 'out' : 'no';
}

export function verdict(status, phrase) {
  const text = status === 0 ? 'no answer' : `${status} ${phrase}`.trim();
  return h('span', { class: 'verdict', 'data-tone': toneOf(status) }, text);
}

/** An answer in words, for a status line. */
export function show(output, result) {
  const { body } = result;
  const words = [body.message, body.remedy].filter(Boolean).join(' ');
  output.replaceChildren(verdict(result.status, result.phrase), ' ', ...withNames(words));
}

export async function eachEvent(response, hear) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks.map(eventFrom)) if (block) hear(block);
  }
}

function eventFrom(block) {
  const fields = new Map(
    block
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
  if (!fields.has('data')) return undefined;
  return { event: fields.get('event'), data: JSON.parse(fields.get('data')) };
}
