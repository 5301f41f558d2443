// The page of the sample app: begins it, signs in and out. Each other file is one part of it.
import { pickRoute, renderBench, renderName, startBench, startWith } from './bench.js';
import { call } from './calls.js';
import { alertWith, announce, busy, byId, goTo, nameTag } from './dom.js';
import { grantPickers, grantProject, grantToAll, startWithProject } from './grants.js';
import { listen, stopListening } from './happened.js';
import { drawMatrix } from './matrix.js';
import { giveBack, loadMe } from './my-roles.js';
import { startScheme } from './scheme.js';
import * as session from './sign-in.js';
import { isDemo, state } from './state.js';
import { forget, renderOutage, toggleOutage } from './world.js';

function render() {
  const signedIn = state.token !== undefined;
  byId('welcome').hidden = signedIn;
  byId('account').hidden = !signedIn;
  for (const id of ['roles', 'grant', 'happened']) byId(id).hidden = !signedIn;
  for (const id of ['try', 'access']) byId(id).hidden = false;
  byId('bend-outage').hidden = !isDemo();
  byId('lead').textContent = isDemo()
    ? 'Pick a person and a route, send the request, and see which of five steps lets it through or stops it, and why.'
    : 'Sign in and pick a route, send the request, and see which of five steps lets it through or stops it.';
  renderBench();
  renderOutage();
}

function signOut(why = 'You are signed out.') {
  session.forget();
  state.token = undefined;
  state.me = undefined;
  state.name = undefined;
  state.resources = state.config.resources;
  stopListening();
  render();
  announce(why);
  byId('sign-in').focus();
}

/** To begin with, things of one's own: there the doors are that open. */
function startWithOwn() {
  const { roles, mayGrant } = state.me;
  const { everywhere, organizations = [], projects = [] } = mayGrant;
  const grantable = state.resources.projects.find(
    ({ id, organizationId }) =>
      everywhere || projects.includes(id) || organizations.includes(organizationId),
  );
  const own = roles.find(({ kind }) => kind === 'org')?.id;
  startWith({ org: own ?? grantable?.organizationId, project: grantable?.id });
  startWithProject(grantable?.id);
}

async function greet() {
  state.name = await session.nameOfReader();
  const name = state.name ?? `user ${state.me.userId}`;
  byId('account-name').textContent = name;
  byId('hello').replaceChildren('Signed in as ', nameTag(name));
  if (state.name !== undefined) renderName();
}

/** Fills the page for somebody who is signed in; while ZITADEL does not answer, again and again. */
async function begin(welcome) {
  state.loading = loadMe();
  if (!(await state.loading)) return signOut('ZITADEL does not accept your token any more.');
  if (state.me === undefined) {
    byId('roles-table').hidden = true;
    setTimeout(() => void begin(welcome), 3000);
    return undefined;
  }
  startWithOwn();
  if (welcome !== '') goTo(byId('roles-title'));
  announce(welcome);
  void listen();
  return greet();
}

function listenToButtons() {
  const press = (id, work) =>
    byId(id).addEventListener('click', (event) => {
      const button = event.currentTarget;
      busy(button, work).catch((error) => alertWith(error.message));
    });
  press('sign-in', session.signIn);
  press('give-back', giveBack);
  press('outage', toggleOutage);
  press('evict', forget);
  press('grant-all', grantToAll);
  byId('sign-out').addEventListener('click', () => signOut());
  byId('grant-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void busy(byId('grant-one'), grantProject);
  });
}

async function start() {
  startScheme();
  startBench();
  byId('grant-fields').append(...grantPickers);
  listenToButtons();
  const config = await call('GET', '/api/config', { token: '' });
  if (config.status !== 200) return alertWith(config.body.message);
  state.config = config.body;
  state.resources = config.body.resources;
  state.outage = config.body.outage === true;
  byId('foot-text').textContent = isDemo()
    ? `ZITADEL is emulated, at ${config.body.issuer}. Tokens, memberships and project grants go over real HTTP.`
    : `Signed in through ${config.body.issuer}.`;
  let justSignedIn = false;
  try {
    justSignedIn = await session.finishSignIn();
  } catch (error) {
    alertWith(error instanceof TypeError ? 'ZITADEL does not answer.' : error.message);
  }
  state.token = session.keptToken();
  render();
  void drawMatrix(pickRoute);
  return state.token === undefined ? undefined : begin(justSignedIn ? 'You are signed in.' : '');
}

void start();
