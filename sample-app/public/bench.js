// Sending a request as somebody, and following it.
import { call, show, verdict } from './calls.js';
import { announce, breakable, busy, byId, h, nameTag, tag } from './dom.js';
import { markRoute } from './matrix.js';
import { allowedByInWords, membershipInWords, withNames } from './names.js';
import { drawIdle, drawPath, drawPublic } from './path.js';
import { picker } from './picker.js';
import { ROUTES } from './routes.js';
import { hear, isDemo, state, tell } from './state.js';
import { watchItEnd } from './two-instances.js';
import { whyRefused } from './why.js';

/** What is asked about where nothing can be chosen: the answer is 401 whatever the id. */
const NO_ID = '100000000000000001';
const ME = 'me';

const targets = {
  org: picker('target-org', 'Organization', renderLine),
  project: picker('target-project', 'Project', renderLine),
  grant: picker('target-grant', 'Project grant', renderLine),
};

const chosenRoute = () => ROUTES[byId('route').selectedIndex];
const isOffered = () => state.resources !== undefined;
const targetsOf = (route) => (isOffered() ? (route.on ?? []).map((name) => targets[name]) : []);
const idIn = (name) => encodeURIComponent(isOffered() ? targets[name].value() : NO_ID);

// --- Who sends it ---

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

const nameOfSender = () => (byId('who').value === ME ? (state.name ?? 'you') : byId('who').value);

/** The signature does not fit any more: the last characters are others. */
function forged(token) {
  const cut = token.length - 12;
  return token.slice(0, cut) + [...token.slice(cut)].reverse().join('');
}

async function tokenToSend() {
  const { value } = byId('bench-form').elements.send;
  const token = value === 'none' ? undefined : await tokenOfSender();
  if (token === undefined) return '';
  return value === 'forged' ? forged(token) : token;
}

// --- The form ---

export function renderBench() {
  const signedIn = state.token !== undefined;
  const people = state.config.people ?? [];
  byId('who').replaceChildren(
    ...(signedIn ? [h('option', { value: ME }, `You${state.name ? `, ${state.name}` : ''}`)] : []),
    ...people.map(({ name, about }) => h('option', { value: name }, `${name}: ${about}`)),
  );
  if (!signedIn && isDemo()) byId('who').value = 'Olga';
  byId('who-field').hidden = !isDemo();
  byId('send-field').hidden = !signedIn && !isDemo();
  byId('bend').hidden = !signedIn && !isDemo();
  for (const radio of byId('bench-form').elements.send) radio.checked = radio.value === 'mine';
  offer();
  renderRoute();
}

/** Whoever is signed in has got a name. */
export function renderName() {
  const [option] = byId('who').options;
  if (option?.value === ME) option.textContent = `You, ${state.name}`;
}

function offer() {
  if (!isOffered()) return;
  const { organizations, projects, projectGrants } = state.resources;
  targets.org.offer(organizations);
  targets.project.offer(projects);
  targets.grant.offer(projectGrants);
  renderLine();
}

hear('me', offer);

export function startWith({ org, project }) {
  if (org !== undefined) targets.org.choose(org);
  if (project !== undefined) targets.project.choose(project);
}

/** Another route, or another person: what was answered before does not fit any more. */
function renderRoute() {
  const route = chosenRoute();
  byId('targets').replaceChildren(...targetsOf(route).map(({ element }) => element));
  byId('answer').replaceChildren();
  byId('next').replaceChildren();
  drawIdle(route);
  markRoute(route);
  renderLine();
}

function renderLine() {
  const route = chosenRoute();
  const headers = Object.entries(route.headers?.(idIn) ?? {}).map(
    ([name, value]) => ` · ${name}: ${value}`,
  );
  byId('line').replaceChildren(...breakable(`GET ${route.path(idIn)}${headers.join('')}`));
}

export function pickRoute(route) {
  byId('route').selectedIndex = ROUTES.indexOf(route);
  renderRoute();
  byId('route').focus();
}

export function startBench() {
  byId('route').append(...ROUTES.map(({ title }) => h('option', {}, title)));
  byId('route').selectedIndex = ROUTES.findIndex(({ title }) => title === 'An organization');
  byId('route').addEventListener('change', renderRoute);
  byId('who').addEventListener('change', renderRoute);
  byId('bench-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void busy(byId('send'), sendRequest);
  });
}

// --- The request ---

async function sendRequest() {
  // Pressed at once, before it is known what there is to choose from.
  await state.loading;
  const route = chosenRoute();
  const missing = targetsOf(route).filter((each) => !each.isChosen());
  byId('next').replaceChildren();
  if (missing.length > 0) {
    byId('answer').replaceChildren(tag('quiet', 'Not sent: it needs an id, see above.'));
    return;
  }
  const token = await tokenToSend();
  const result = await call('GET', route.path(idIn), { token, headers: route.headers?.(idIn) });
  const path = result.decision ? await pathOf(result.decision) : undefined;
  showAnswer(result);
  if (path) drawPath(path, route);
  else if (result.status === 200) drawPublic(route, result.status);
  else drawIdle(route);
  byId('next').replaceChildren(...(path ? whatNext(path) : []));
}

async function pathOf(id) {
  const { status, body } = await call('GET', `/api/path/${id}`, { token: '' });
  return status === 200 ? body : undefined;
}

function showAnswer({ status, phrase, body, age, retryAfter, ms }) {
  const more = [
    age,
    retryAfter && `Worth trying again in ${retryAfter} s.`,
    ms !== undefined && `Answered in ${ms} ms.`,
  ].filter(Boolean);
  byId('answer').replaceChildren(
    h(
      'span',
      {},
      verdict(status, phrase),
      ' ',
      body.errorCode ? h('code', { class: 'quiet' }, body.errorCode) : '',
    ),
    h('p', {}, ...withNames(body.message ?? ''), ...allowedByInWords(body.allowedBy)),
    h('p', { class: 'hint' }, more.join(' ')),
  );
}

// --- What to do with it ---

function whatNext(path) {
  if (path.why) {
    return [h('h3', {}, 'Why it was refused'), ...whyRefused(path, giveButton), ...givenBack()];
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
    h('p', { class: 'buttons' }, h('button', { type: 'button', onclick }, label), ...givenBack()),
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

function giveButton({ kind, id }, role) {
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

function givenBack() {
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
