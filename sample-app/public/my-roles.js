// My roles.
import { call, secondsInWords, show } from './calls.js';
import { busy, byId, cell, goTo, h, nameTag, tag } from './dom.js';
import { KINDS, membershipInWords, nameOf } from './names.js';
import { hear, isDemo, state, tell } from './state.js';
import { watchItEnd } from './two-instances.js';

/** Answers whether ZITADEL accepts the token. */
export async function loadMe() {
  const result = await call('GET', '/api/me');
  if (result.status === 401) return false;
  if (result.status !== 200) {
    show(byId('roles-status'), result);
    return true;
  }
  state.me = result.body;
  state.resources = result.body.resources;
  byId('roles-status').replaceChildren();
  renderRoles();
  tell('me');
  return true;
}

function renderRoles() {
  const { roles, taken, mayGrant } = state.me;
  byId('roles-table').hidden = roles.length === 0;
  byId('no-roles').hidden = roles.length > 0;
  byId('role-actions').hidden = !isDemo();
  byId('roles-rows').replaceChildren(
    ...roles.map((row) =>
      h(
        'tr',
        { role: 'row' },
        cell('Role', h('span', { class: 'role' }, row.roles.join(', '))),
        cell('On', KINDS[row.kind]),
        cell('Name', h('span', {}, nameTag(row.name), row.id === '' ? '' : tag('id', row.id))),
        cell('Owner', ownerOf(row)),
        ...(isDemo() ? [cell('', takeButton(row), ' ', watchButton(row))] : []),
      ),
    ),
  );
  byId('may-grant').textContent = mayGrantInWords(mayGrant);
  byId('taken').hidden = taken.length === 0;
  byId('taken-text').replaceChildren(
    'Taken away from you: ',
    ...taken.flatMap(({ roles: keys, kind, name }, index) => [
      index > 0 ? ', ' : '',
      h('span', { class: 'role' }, keys.join(', ')),
      kind === 'instance' ? ' on the instance' : ' on ',
      kind === 'instance' ? '' : nameTag(name),
    ]),
  );
}

function ownerOf({ kind, id, ownerId }) {
  if (kind === 'instance' || ownerId === undefined) return h('span', { class: 'quiet' }, 'ZITADEL');
  if (kind === 'org' && ownerId === id) return h('span', { class: 'quiet' }, 'itself');
  const name = nameOf('org', ownerId);
  return h('span', {}, name === undefined ? '' : nameTag(name), tag('id', ownerId));
}

function mayGrantInWords(mayGrant) {
  if (mayGrant.everywhere) return 'With these you may grant every project of the instance.';
  const parts = [
    [mayGrant.organizations.length, 'the projects of one organization', 'organizations’ projects'],
    [mayGrant.projects.length, 'one project', 'projects'],
  ]
    .filter(([count]) => count > 0)
    .map(([count, one, many]) => (count === 1 ? one : `${count} ${many}`));
  if (parts.length === 0) return 'None of what you hold lets you grant a project.';
  return `With these you may grant ${parts.join(' and ')}.`;
}

function takeButton(row) {
  const { kind, id, roles, name } = row;
  const on = kind === 'instance' ? 'the instance' : name;
  const label = `Take away ${roles.join(', ')} on ${on}`;
  const onclick = (event) =>
    busy(event.currentTarget, async () => {
      const result = await call('POST', '/api/demo/taken-roles', { json: { kind, id } });
      // While its name is still known.
      const role = membershipInWords(row);
      await loadMe();
      show(byId('roles-status'), result);
      if (result.status === 200) tellWhatIsRemembered(role, result.body.rememberedMs);
      byId('give-back').focus();
    });
  return h('button', { type: 'button', 'aria-label': label, onclick }, 'Take away');
}

function watchButton(row) {
  const { kind, id, roles, name } = row;
  const on = kind === 'instance' ? 'the instance' : name;
  const label = `Watch it end in two instances: ${roles.join(', ')} on ${on}`;
  const onclick = (event) =>
    busy(event.currentTarget, async () => {
      const status = byId('roles-status');
      await watchItEnd({ kind, id }, state.token, status);
      const shown = [...status.childNodes];
      await loadMe();
      status.replaceChildren(...shown);
      byId('give-back').focus();
    });
  return h('button', { type: 'button', 'aria-label': label, onclick }, 'Watch it end');
}

let forgetting;

/** A role that is gone at ZITADEL still opens doors for as long as this app remembers it. */
function tellWhatIsRemembered(role, ms) {
  const seconds = Math.ceil(ms / 1000);
  const status = byId('roles-status');
  const note = h('p', {}, 'This app still remembers ', ...role, ` for ${secondsInWords(seconds)}`);
  note.append(
    ', and lets you in by it until then. Only the danger zone asks anew. ',
    'Press “Forget me” to end that now.',
  );
  status.append(note);
  clearTimeout(forgetting);
  forgetting = setTimeout(() => {
    if (note.isConnected) note.replaceChildren('This app does not remember it any more.');
  }, ms);
}

export async function giveBack() {
  const result = await call('DELETE', '/api/demo/taken-roles');
  await loadMe();
  show(byId('roles-status'), result);
  goTo(byId('roles-title'));
}

// Somebody's roles are others now, and it may be the reader's.
hear('roles', () => state.token !== undefined && void loadMe());
