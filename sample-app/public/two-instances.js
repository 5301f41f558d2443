// A role ends at ZITADEL, and both instances of the app follow.
import { call, show } from './calls.js';
import { h } from './dom.js';

const LANES = [
  ['First instance', 'ZITADEL told it'],
  ['Second instance', 'the first told it'],
];

/** Takes a membership away and draws into `output` when each instance began to refuse. Answers whether it is gone. */
export async function watchItEnd({ kind, id }, token, output) {
  output.replaceChildren(
    lanes(LANES.map(([name]) => lane(name, 'still lets in', undefined))),
    h('p', { class: 'hint' }, 'ZITADEL takes the role away. Both instances remember it …'),
  );
  const result = await call('POST', '/api/demo/watched-roles', { token, json: { kind, id } });
  const after = result.body.refusedAfterMs;
  if (after === undefined) show(output, result);
  else {
    output.replaceChildren(h('p', {}, result.body.message));
    const longest = Math.max(...after.map((ms) => ms ?? 0), 1);
    output.prepend(
      lanes(
        LANES.map(([name, why], index) => {
          const ms = after[index];
          return ms === null || ms === undefined
            ? lane(name, 'goes on letting in', 1)
            : lane(name, `refuses after ${ms} ms: ${why}`, ms / longest);
        }),
      ),
    );
  }
  return result.status === 200;
}

const lanes = (items) => h('ul', { class: 'lanes' }, ...items);

/** `share`: how much of the time it let in. Undefined: it still does. */
function lane(name, text, share) {
  const bar = h('span', {
    class: share === undefined ? 'bar waiting' : 'bar',
    'aria-hidden': 'true',
  });
  bar.style.width = `${Math.round((share ?? 1) * 100)}%`;
  return h(
    'li',
    {},
    h('strong', {}, name),
    h('span', { class: 'track', 'aria-hidden': 'true' }, bar),
    h('span', { class: 'quiet' }, text),
  );
}
