// Bending the world: what is remembered, and (with the emulator) an outage.
import { tokenOfSender } from './sender.js';
import { call, show } from './calls.js';
import { byId } from './dom.js';
import { state } from './state.js';

export function renderOutage() {
  const button = byId('outage');
  button.toggleAttribute('data-broken', state.outage);
  button.textContent = state.outage ? 'Mend ZITADEL' : 'Break ZITADEL';
}

let mending;

export async function toggleOutage() {
  const method = state.outage ? 'DELETE' : 'POST';
  const result = await call(method, '/api/demo/outage', { token: await tokenOfSender() });
  if (result.status === 200) {
    clearTimeout(mending);
    state.outage = !state.outage;
    // The server ends it by itself after a minute.
    if (state.outage) mending = setTimeout(() => ((state.outage = false), renderOutage()), 60_000);
  }
  renderOutage();
  show(byId('bend-status'), result);
}

export async function forget() {
  const result = await call('POST', '/api/me/evict', { token: await tokenOfSender() });
  if (result.status === 200) byId('roles-status').replaceChildren();
  show(byId('bend-status'), result);
}
