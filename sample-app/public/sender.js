// Who sends the request: the reader, or one of the people of the emulator.
import { call } from './calls.js';
import { byId } from './dom.js';
import { state } from './state.js';

/** The reader, among those who can be picked. */
export const ME = 'me';

/** Tokens of people whom the reader is for a while, by their names. */
const tokens = new Map();

/** The access token of whoever was picked. Undefined: nobody can be. */
export async function tokenOfSender() {
  const name = byId('who').value;
  if (name === ME || name === '') return state.token;
  if (!tokens.has(name)) {
    const { body } = await call('POST', '/api/demo/tokens', { token: '', json: { name } });
    if (body.token !== undefined) tokens.set(name, body.token);
  }
  return tokens.get(name);
}

export const nameOfSender = () =>
  byId('who').value === ME ? (state.name ?? 'you') : byId('who').value;

/** The signature does not fit any more: the last characters are others. */
function forged(token) {
  const cut = token.length - 12;
  return token.slice(0, cut) + [...token.slice(cut)].reverse().join('');
}

/** As the reader wants it to be. Empty: none. */
export async function tokenToSend() {
  const { value } = byId('bench-form').elements.send;
  const token = value === 'none' ? undefined : await tokenOfSender();
  if (token === undefined) return '';
  return value === 'forged' ? forged(token) : token;
}
