// What to do with an answer: give the role that was missing, or take away the one that let it in.
import { call, show } from './calls.js';
import { announce, busy, byId, h, nameTag } from './dom.js';
import { membershipInWords } from './names.js';
import { nameOfSender, tokenOfSender } from './sender.js';
import { isDemo, tell } from './state.js';
import { watchItEnd } from './two-instances.js';
import { whyRefused } from './why.js';

/** `bench`: sends the request again, or makes ready for another. */
export function whatNext(path, bench) {
  if (path.why) {
    return [
      h('h3', {}, 'Why it was refused'),
      ...whyRefused(path, (row, role) => giveButton(row, role, bench)),
      ...givenBack(bench),
    ];
  }
  if (!path.allowed || !path.by || !isDemo()) return [];
  const { by } = path;
  const output = h('output', { class: 'status' });
  const onclick = (event) =>
    busy(event.currentTarget, async () => {
      const button = event.currentTarget;
      if (!(await watchItEnd(by, await tokenOfSender(), output))) return;
      tell('roles');
      button.replaceWith(giveBackButton(output));
    });
  const label = h('span', {}, 'Take ', ...membershipInWords(by), ' from ', nameTag(nameOfSender()));
  return [
    h('h3', {}, 'Now take the role away'),
    h(
      'p',
      {},
      'Two instances of this app remember the row. ZITADEL tells the first that it is gone, and the first tells the second. Watch how soon both refuse.',
    ),
    h(
      'p',
      { class: 'buttons' },
      h('button', { type: 'button', onclick }, label),
      ...givenBack(bench),
    ),
    output,
  ];
}

function giveBackButton(output) {
  const onclick = (event) =>
    busy(event.currentTarget, async () => {
      const result = await call('DELETE', '/api/demo/taken-roles', {
        token: await tokenOfSender(),
      });
      tell('roles');
      show(output, result);
      byId('send').focus();
    });
  return h('button', { type: 'button', onclick }, 'Give it back');
}

/** Who was given a role by this page. */
const given = new Set();

function giveButton({ kind, id }, role, { sendRequest }) {
  const row = { kind, id, roles: [role] };
  const onclick = (event) =>
    busy(event.currentTarget, async () => {
      const json = { id, role };
      const result = await call('POST', '/api/demo/given-roles', {
        token: await tokenOfSender(),
        json,
      });
      if (result.status !== 200) return show(byId('answer'), result);
      given.add(nameOfSender());
      tell('roles');
      await sendRequest();
      announce(byId('answer').textContent);
      return byId('send').focus();
    });
  const label = h(
    'span',
    {},
    'Give ',
    nameTag(nameOfSender()),
    ' ',
    ...membershipInWords(row),
    ', and send again',
  );
  return [h('button', { type: 'button', onclick }, label)];
}

function givenBack({ renderRoute }) {
  if (!given.has(nameOfSender())) return [];
  const onclick = (event) =>
    busy(event.currentTarget, async () => {
      const result = await call('DELETE', '/api/demo/given-roles', {
        token: await tokenOfSender(),
      });
      given.delete(nameOfSender());
      tell('roles');
      renderRoute();
      show(byId('answer'), result);
      byId('send').focus();
    });
  return [h('button', { type: 'button', onclick }, 'Take back what was given')];
}
