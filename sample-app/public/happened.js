// What just happened: server-sent events, read by fetch so that the token stays in a header.
import { ageInWords, eachEvent } from './calls.js';
import { breakable, byId, h } from './dom.js';
import { membershipInWords, withNames } from './names.js';
import { tabSecret } from './sign-in.js';
import { state } from './state.js';

const SHOWN = 40;
let listening;

export function stopListening() {
  listening?.abort();
  listening = undefined;
}

export async function listen() {
  stopListening();
  const own = (listening = new AbortController());
  let pause = 1000;
  while (listening === own) {
    try {
      await readEvents(own.signal, () => (pause = 1000));
    } catch {
      if (listening !== own) return;
      byId('happened-note').textContent = 'Not connected at the moment; trying again.';
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(pause * 2, 15_000);
    }
  }
}

async function readEvents(signal, connected) {
  const response = await fetch('/api/events', {
    signal,
    headers: {
      authorization: `Bearer ${state.token}`,
      'x-tab': tabSecret(),
      accept: 'text/event-stream',
    },
  });
  if (!response.ok) throw new Error('refused');
  connected();
  await eachEvent(response, ({ event, data }) =>
    event === 'reader' ? beginList(data) : addDecision(data),
  );
}

/** Each time the stream begins, the server tells the latest decisions again. */
function beginList({ seesAll }) {
  byId('decisions').replaceChildren();
  byId('happened-empty').hidden = false;
  byId('happened-note').textContent = seesAll
    ? 'You own the instance, so you see everybody’s decisions.'
    : 'Your own decisions. Only an IAM_OWNER sees everybody’s.';
}

function addDecision(entry) {
  const fresh = Date.now() - entry.at < 3000;
  const who = entry.you
    ? ['You']
    : entry.who === undefined
      ? ['Somebody unknown']
      : withNames(`User ${entry.who}`);
  const were = entry.you ? ' were' : ' was';
  const said = entry.allowed
    ? [`${were} let in`, ...(entry.by ? [' by ', ...membershipInWords(entry.by)] : []), '.']
    : [`${were} refused. ${entry.message}`];
  const more = [
    `Asked for: ${entry.asked}.`,
    entry.ageMs === undefined ? '' : ageInWords(entry.ageMs, entry.from),
  ];
  byId('decisions').prepend(
    h(
      'li',
      { class: fresh ? 'new' : '' },
      h(
        'div',
        { class: 'decision-top' },
        h(
          'span',
          { class: 'verdict', 'data-tone': entry.allowed ? 'yes' : toneOfReason(entry.reason) },
          entry.allowed ? 'allowed' : entry.reason,
        ),
        h(
          'time',
          { datetime: new Date(entry.at).toISOString() },
          new Date(entry.at).toLocaleTimeString(),
        ),
      ),
      h('p', { class: 'line' }, ...breakable(entry.request)),
      h('p', {}, ...who, ...said),
      h('p', { class: 'hint' }, more.join(' ')),
    ),
  );
  while (byId('decisions').children.length > SHOWN) byId('decisions').lastChild.remove();
  byId('happened-empty').hidden = true;
}

function toneOfReason(reason) {
  if (reason === 'unavailable' || reason === 'misconfigured') return 'out';
  return reason.startsWith('token_') || reason === 'impersonated' ? 'who' : 'no';
}
