// Granting a project, to one organization or to all.
import { answerOf, call, eachEvent, NOBODY_THERE, send, show } from './calls.js';
import { announce, busy, byId, cell, h, nameTag, tag } from './dom.js';
import { loadMe } from './my-roles.js';
import { withNames } from './names.js';
import { picker } from './picker.js';
import { hear, state } from './state.js';

const form = {
  project: picker('grant-project', 'Project', () => projectChosen()),
  owner: picker('grant-owner', 'Owned by', () => ownerChosen()),
  to: picker('grant-to', 'Grant it to'),
};

export const grantPickers = Object.values(form).map(({ element }) => element);

hear('me', () => {
  const { organizations, projects } = state.resources;
  form.project.offer(projects);
  form.owner.offer(organizations);
  offerGrantees();
});

/** To begin with, a project that the reader may grant. */
export function startWithProject(id) {
  if (id === undefined) void projectChosen();
  else form.project.choose(id);
}

function projectChosen() {
  const id = form.project.value();
  const known = state.resources.projects.find((each) => each.id === id);
  const keys = known?.roleKeys ?? [];
  byId('grant-roles').value = keys.join(' ');
  byId('grant-roles-hint').textContent =
    keys.length > 0
      ? `Role keys, separated by spaces. This project has ${keys.join(', ')}; see what ZITADEL says to another.`
      : 'Role keys of the project, separated by spaces.';
  if (known?.organizationId === undefined) return ownerChosen();
  return form.owner.choose(known.organizationId);
}

/** A project is never granted to its owner. */
function offerGrantees() {
  const owner = form.owner.value();
  form.to.offer(state.resources.organizations.filter(({ id }) => id !== owner));
}

function ownerChosen() {
  offerGrantees();
  return loadGrants();
}

const grantsPath = () =>
  `/api/orgs/${encodeURIComponent(form.owner.value())}/projects/${encodeURIComponent(form.project.value())}/grants`;

let latestLoad = 0;

async function loadGrants() {
  const load = (latestLoad += 1);
  if (form.owner.value() === '' || form.project.value() === '') {
    byId('grants-table').hidden = true;
    byId('grants-empty').textContent = 'Choose a project and its owner to see its grants.';
    return;
  }
  const result = await call('GET', grantsPath());
  // Somebody has chosen another project meanwhile.
  if (load !== latestLoad) return;
  const grants = result.body.grants ?? [];
  byId('grants-table').hidden = grants.length === 0;
  byId('grants-rows').replaceChildren(
    ...grants.map((grant) =>
      h(
        'tr',
        { role: 'row' },
        cell(
          'Granted to',
          h('span', {}, nameTag(grant.grantedOrgName), tag('id', grant.grantedOrgId)),
        ),
        cell('Roles', h('span', { class: 'role' }, grant.roleKeys.join(', '))),
        cell('State', grant.state),
        cell('', removeButton(grant)),
      ),
    ),
  );
  const empty = byId('grants-empty');
  if (result.status !== 200) show(empty, result);
  else empty.textContent = grants.length === 0 ? 'This project is granted to nobody.' : '';
}

function removeButton(grant) {
  const label = `Remove the grant to ${grant.grantedOrgName}`;
  const onclick = (event) =>
    busy(event.currentTarget, async () => {
      const path = `${grantsPath()}/${encodeURIComponent(grant.grantedOrgId)}`;
      const result = await call('DELETE', path);
      if (result.status === 200) result.body.message = 'The grant is removed.';
      show(byId('grant-status'), result);
      await Promise.all([loadGrants(), loadMe()]);
    });
  return h('button', { type: 'button', 'aria-label': label, onclick }, 'Remove');
}

const OUTCOMES = {
  created: 'The project is granted.',
  changed: 'The project was granted already; the roles are now these.',
  unchanged: 'The project was granted with these roles already.',
};

const grantFields = {
  organizationId: form.owner.problem,
  projectId: form.project.problem,
  grantedOrgId: form.to.problem,
  roleKeys(text) {
    const roles = byId('grant-roles');
    byId('grant-roles-error').textContent = text;
    roles.toggleAttribute('aria-invalid', false);
    if (text !== '') roles.setAttribute('aria-invalid', 'true');
  },
};

/** Whether these are chosen. If not, the fields say what is missing. */
function areChosen(...pickers) {
  for (const problem of Object.values(grantFields)) problem('');
  return pickers.filter((each) => !each.isChosen()).length === 0;
}

const wantedRoles = () =>
  byId('grant-roles')
    .value.split(/[\s,]+/)
    .filter(Boolean);

function showGranted(result) {
  const { outcome, field, message } = result.body;
  if (outcome) result.body.message = OUTCOMES[outcome];
  show(byId('grant-status'), result);
  if (field !== undefined) grantFields[field]?.(message);
  if (field === 'roleKeys') byId('grant-roles').focus();
}

export async function grantProject() {
  if (!areChosen(...Object.values(form))) return;
  const json = { grantedOrgId: form.to.value(), roleKeys: wantedRoles() };
  const result = await call('POST', grantsPath(), { json });
  showGranted(result);
  if (result.status === 200) await Promise.all([loadGrants(), loadMe()]);
}

export async function grantToAll() {
  if (!areChosen(form.project, form.owner)) return;
  const owner = form.owner.value();
  const grantedOrgIds = state.resources.organizations
    .map(({ id }) => id)
    .filter((id) => id !== owner);
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  byId('grant-status').replaceChildren();
  byId('grant-troubles').replaceChildren();
  byId('stop').addEventListener('click', stop);
  const counts = { done: 0, total: grantedOrgIds.length, created: 0, changed: 0, unchanged: 0 };
  showProgress(counts);
  try {
    const started = performance.now();
    const response = await send('POST', `${grantsPath()}/many`, {
      json: { grantedOrgIds, roleKeys: wantedRoles() },
      headers: { accept: 'text/event-stream' },
      signal: stopping.signal,
    });
    if (!response.ok) {
      byId('progress').hidden = true;
      showGranted(await answerOf(response, started));
      return;
    }
    await eachEvent(response, ({ data }) => {
      counts.done = data.done;
      if (data.outcome !== undefined) counts[data.outcome] += 1;
      else addTrouble(data);
      showProgress(counts);
    });
  } catch {
    if (!stopping.signal.aborted) show(byId('grant-status'), NOBODY_THERE);
  } finally {
    byId('stop').removeEventListener('click', stop);
  }
  endProgress(counts);
  await Promise.all([loadGrants(), loadMe()]);
}

function showProgress({ done, total }) {
  byId('progress').hidden = false;
  byId('stop').hidden = false;
  byId('progress-bar').max = total;
  byId('progress-bar').value = done;
  byId('progress-text').textContent = `${done} of ${total} organizations`;
}

function endProgress({ done, total, created, changed, unchanged }) {
  byId('stop').hidden = true;
  const failed = done - created - changed - unchanged;
  const counted = [
    [created, 'granted'],
    [changed, 'changed'],
    [unchanged, 'as they were'],
    [failed, 'failed'],
  ]
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`);
  const stopped = done < total ? 'Stopped: what has begun still ends. ' : '';
  byId('progress-text').textContent =
    `${stopped}${done} of ${total}: ${counted.join(', ') || 'none'}.`;
  announce(byId('progress-text').textContent);
}

function addTrouble({ grantedOrgId, trouble }) {
  byId('grant-troubles').append(h('li', {}, ...withNames(grantedOrgId), `: ${trouble}`));
}
