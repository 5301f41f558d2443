// Sending a request as somebody, and following it.
import { call, verdict } from './calls.js';
import { breakable, busy, byId, h, tag } from './dom.js';
import { markRoute } from './matrix.js';
import { allowedByInWords, withNames } from './names.js';
import { drawIdle, drawPath, drawPublic } from './path.js';
import { picker } from './picker.js';
import { ROUTES } from './routes.js';
import { ME, tokenToSend } from './sender.js';
import { hear, isDemo, state } from './state.js';
import { whatNext } from './what-next.js';

/** What is asked about where nothing can be chosen: the answer is 401 whatever the id. */
const NO_ID = '100000000000000001';

const targets = {
  org: picker('target-org', 'Organization', renderLine),
  project: picker('target-project', 'Project', renderLine),
  grant: picker('target-grant', 'Project grant', renderLine),
};

const chosenRoute = () => ROUTES[byId('route').selectedIndex];
const isOffered = () => state.resources !== undefined;
const targetsOf = (route) => (isOffered() ? (route.on ?? []).map((name) => targets[name]) : []);
const idIn = (name) => encodeURIComponent(isOffered() ? targets[name].value() : NO_ID);

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
  byId('next').replaceChildren(...(path ? whatNext(path, { sendRequest, renderRoute }) : []));
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
