// The page of the sample app. Whatever ZITADEL or anybody else named reaches the page as text only.

const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== ''));
  return element;
}

/** Code that may be broken between its parts, and not within a word. */
function breakable(text) {
  const parts = text.split(/(?<=[/(])|(?=[.])/);
  return parts.flatMap((part, index) => (index > 0 ? [h('wbr'), part] : [part]));
}

const tag = (kind, text) => h('span', { class: kind }, text);
/** A name that somebody else wrote: isolated, so that it cannot turn the text around it. */
const nameTag = (text) => h('bdi', { class: 'name' }, text);

function announce(text) {
  byId('announcer').textContent = text;
}

/** Puts whoever uses a keyboard or a screen reader to a heading. */
function goTo(heading) {
  heading.setAttribute('tabindex', '-1');
  heading.focus();
}

function alertWith(text) {
  byId('alert').textContent = text;
  byId('alert').hidden = text === '';
}

const state = {
  config: undefined,
  token: undefined,
  me: undefined,
  /** Whether the pickers stand on something of the reader's own. */
  chosen: false,
  outage: false,
};

// --- Signing in: authorization code with PKCE (RFC 7636) ---

const TOKEN = 'sample.token';
const PENDING = 'sample.pending';
const redirectUri = `${location.origin}/`;

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

async function discover() {
  const { issuer } = state.config;
  const response = await fetch(`${issuer}/.well-known/openid-configuration`);
  if (!response.ok) throw new Error(`ZITADEL answered ${response.status} to discovery.`);
  const found = await response.json();
  if (found.issuer !== issuer) throw new Error('ZITADEL calls itself by another name.');
  return found;
}

async function signIn() {
  const { authorization_endpoint: endpoint } = await discover();
  const pending = { state: randomText(), verifier: randomText() };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(pending.verifier));
  const url = new URL(endpoint);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: state.config.clientId,
    redirect_uri: redirectUri,
    scope: state.config.scope,
    state: pending.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
    prompt: 'select_account',
  }).toString();
  location.assign(url);
}

/** Back from ZITADEL with a code or an error; true when somebody has just signed in. */
async function finishSignIn() {
  const answer = new URLSearchParams(location.search);
  if (!answer.has('code') && !answer.has('error')) return false;
  history.replaceState(null, '', '/');
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? 'null');
  sessionStorage.removeItem(PENDING);
  if (!pending || answer.get('state') !== pending.state) {
    throw new Error('This sign-in was not begun in this tab, so it does not count. Try again.');
  }
  if (answer.has('error')) {
    throw new Error(`ZITADEL did not sign you in (${answer.get('error').slice(0, 60)}).`);
  }
  const { token_endpoint: endpoint } = await discover();
  const response = await fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: answer.get('code'),
      redirect_uri: redirectUri,
      client_id: state.config.clientId,
      code_verifier: pending.verifier,
    }),
  });
  if (!response.ok) throw new Error('ZITADEL did not give a token for this sign-in. Try again.');
  sessionStorage.setItem(TOKEN, (await response.json()).access_token);
  return true;
}

function signOut(why = 'You are signed out.') {
  sessionStorage.removeItem(TOKEN);
  // The next person who signs in must not see what was done before.
  sessionStorage.removeItem(TAB);
  state.token = undefined;
  state.me = undefined;
  state.name = undefined;
  state.chosen = false;
  stopListening();
  render();
  announce(why);
  byId('sign-in').focus();
}

async function greet() {
  let name = '';
  try {
    const { userinfo_endpoint: endpoint } = await discover();
    const response = await fetch(endpoint, { headers: { authorization: `Bearer ${state.token}` } });
    const info = await response.json();
    name = String(info.given_name ?? info.name ?? '');
  } catch {
    // A greeting is not worth an error.
  }
  state.name = name || undefined;
  byId('account-name').textContent = name || `user ${state.me.userId}`;
  byId('hello').replaceChildren('Signed in as ', nameTag(name || `user ${state.me.userId}`));
}

// --- Talking to the app ---

const TAB = 'sample.tab';

/** Tells this tab's requests from others', also those without a token: see "What just happened". */
function tabSecret() {
  const known = sessionStorage.getItem(TAB);
  if (known !== null) return known;
  const secret = randomText();
  sessionStorage.setItem(TAB, secret);
  return secret;
}

function send(method, path, { token = state.token, json, headers = {}, signal } = {}) {
  return fetch(path, {
    method,
    headers: {
      'x-tab': tabSecret(),
      ...headers,
      ...(token !== undefined && token !== '' && { authorization: `Bearer ${token}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
    ...(signal && { signal }),
  });
}

const NOBODY_THERE = {
  status: 0,
  phrase: '',
  body: { message: 'The sample app does not answer. Is it running?' },
};

/** Calls the app; answers status, body and how old the memberships behind the decision were. Never throws. */
async function call(method, path, options) {
  const started = performance.now();
  try {
    return await answerOf(await send(method, path, options), started);
  } catch {
    return NOBODY_THERE;
  }
}

async function answerOf(response, started) {
  const body = await response.json().catch(() => ({}));
  const age = response.headers.get('x-memberships-age');
  return {
    status: response.status,
    phrase: body.error ?? (response.ok ? 'OK' : ''),
    body,
    ms: Math.round(performance.now() - started),
    retryAfter: response.headers.get('retry-after'),
    ...(age !== null && {
      age: ageInWords(Number(age), response.headers.get('x-memberships-from')),
    }),
  };
}

function ageInWords(ms, from) {
  const seconds = Math.floor(ms / 1000);
  const where = from === 'shared' ? ' (found in the shared cache)' : '';
  if (ms < 1000) return `Memberships: read from ZITADEL just now${where}.`;
  return `Memberships: read from ZITADEL ${secondsInWords(seconds)} ago${where}.`;
}

const secondsInWords = (seconds) => `${seconds} second${seconds === 1 ? '' : 's'}`;

function toneOf(status) {
  if (status >= 200 && status < 300) return 'yes';
  if (status === 401) return 'who';
  return status >= 500 || status === 0 ? 'out' : 'no';
}

function verdict(status, phrase) {
  const text = status === 0 ? 'no answer' : `${status} ${phrase}`.trim();
  return h('span', { class: 'verdict', 'data-tone': toneOf(status) }, text);
}

/** An answer in words, for a status line. */
function show(output, result) {
  const { body } = result;
  const words = [body.message, body.remedy].filter(Boolean).join(' ');
  output.replaceChildren(verdict(result.status, result.phrase), ' ', ...withNames(words));
}

async function busy(button, work) {
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
    // A disabled button has lost the focus, and who uses a keyboard the place.
    if (document.activeElement === document.body && button.isConnected) button.focus();
  }
}

// --- My roles ---

const KINDS = {
  instance: 'the instance',
  org: 'an organization',
  project: 'a project',
  projectGrant: 'a project grant',
};

/** Where things of each kind stand in what `/api/me` answers. */
const LISTS = {
  org: 'organizations',
  project: 'projects',
  projectGrant: 'projectGrants',
  user: 'people',
};

function nameOf(kind, id) {
  const { resources, roles } = state.me ?? { resources: undefined, roles: [] };
  const known = resources?.[LISTS[kind]]?.find((each) => each.id === id);
  return known?.name ?? roles.find((row) => row.kind === kind && row.id === id)?.name;
}

/** Text in which each id that is known has its name before it. */
function withNames(text) {
  return text.split(/\b(\d{15,20})\b/).flatMap((part, index) => {
    const name = index % 2 === 1 ? nameOfAny(part) : undefined;
    return name === undefined ? [part] : [nameTag(name), ' (', tag('id', part), ')'];
  });
}

function nameOfAny(id) {
  if (id === state.me?.userId && state.name !== undefined) return state.name;
  const kind = Object.keys(LISTS).find((each) => nameOf(each, id) !== undefined);
  return kind && nameOf(kind, id);
}

const cell = (label, ...children) => h('td', { role: 'cell', 'data-label': label }, ...children);

async function loadMe() {
  const result = await call('GET', '/api/me');
  if (result.status === 401) return signOut('ZITADEL does not accept your token any more.');
  if (result.status !== 200) {
    show(byId('roles-status'), result);
    return undefined;
  }
  state.me = result.body;
  byId('roles-status').replaceChildren();
  renderRoles();
  updatePickers();
  return undefined;
}

function renderRoles() {
  const { roles, taken, mayGrant } = state.me;
  const demo = state.config.people !== undefined;
  byId('roles-table').hidden = roles.length === 0;
  byId('no-roles').hidden = roles.length > 0;
  byId('role-actions').hidden = !demo;
  byId('roles-rows').replaceChildren(
    ...roles.map((row) =>
      h(
        'tr',
        { role: 'row' },
        cell('Role', h('span', { class: 'role' }, row.roles.join(', '))),
        cell('On', KINDS[row.kind]),
        cell('Name', h('span', {}, nameTag(row.name), row.id === '' ? '' : tag('id', row.id))),
        cell('Owner', ownerOf(row)),
        ...(demo ? [cell('', takeButton(row), ' ', watchButton(row))] : []),
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

/** Both instances of the app remember the role. ZITADEL tells one of them that it is gone, and that one the other. */
function watchButton(row) {
  const { kind, id, roles, name } = row;
  const on = kind === 'instance' ? 'the instance' : name;
  const label = `Watch it end in two instances: ${roles.join(', ')} on ${on}`;
  const onclick = (event) =>
    busy(event.currentTarget, async () => {
      const result = await call('POST', '/api/demo/watched-roles', { json: { kind, id } });
      await loadMe();
      show(byId('roles-status'), result);
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

async function forgetMe() {
  const result = await call('POST', '/api/me/evict');
  if (result.status === 200) byId('roles-status').replaceChildren();
  show(byId('bend-status'), result);
}

async function giveBack() {
  const result = await call('DELETE', '/api/demo/taken-roles');
  await loadMe();
  show(byId('roles-status'), result);
  goTo(byId('roles-title'));
}

// --- Choosing an id: one that is known, or any text at all ---

const OTHER = 'other';
/** What is asked about while nobody is signed in: the answer is 401 whatever the id. */
const NO_ID = '100000000000000001';

function picker(name, label, onchange) {
  const select = h('select', { id: name });
  const input = h('input', {
    class: 'code',
    'aria-label': `${label}: the id`,
    'aria-describedby': `${name}-error`,
    autocomplete: 'off',
    placeholder: 'the id',
    hidden: true,
  });
  const error = h('p', { class: 'error', id: `${name}-error` });
  select.setAttribute('aria-describedby', error.id);
  const changed = () => {
    input.hidden = select.value !== OTHER;
    problem('');
    onchange?.();
  };
  select.addEventListener('change', changed);
  input.addEventListener('input', () => onchange?.());
  function problem(text) {
    error.textContent = text;
    for (const field of [select, input]) field.toggleAttribute('aria-invalid', false);
    if (text !== '') (input.hidden ? select : input).setAttribute('aria-invalid', 'true');
  }
  return {
    element: h('div', { class: 'field' }, h('label', { for: name }, label), select, input, error),
    problem,
    /** Empty where nothing is chosen and nothing typed: then nothing is asked. */
    value: () => (select.value === OTHER ? input.value : select.value),
    /** Whether there is an id to ask about. If not, the field says what is missing. */
    isChosen() {
      const chosen = this.value() !== '';
      if (!chosen) problem(`Type the id of ${article(label)}.`);
      return chosen;
    },
    choose(id) {
      if ([...select.options].some((option) => option.value === id)) select.value = id;
      else {
        select.value = OTHER;
        input.value = id;
      }
      changed();
    },
    offer(known) {
      const before = select.value;
      select.replaceChildren(
        ...known.map((each) => h('option', { value: each.id }, each.name || each.id)),
        h('option', { value: OTHER }, 'Another id …'),
      );
      if (known.some((each) => each.id === before) || before === OTHER) select.value = before;
      input.hidden = select.value !== OTHER;
    },
  };
}

const article = (label) => `${/^[AO]/.test(label) ? 'an' : 'a'} ${label.toLowerCase()}`;

const target = {
  org: picker('target-org', 'Organization', renderPaths),
  project: picker('target-project', 'Project', renderPaths),
  grant: picker('target-grant', 'Project grant', renderPaths),
};
const form = {
  project: picker('grant-project', 'Project', () => projectChosen()),
  owner: picker('grant-owner', 'Owned by', () => ownerChosen()),
  to: picker('grant-to', 'Grant it to'),
};

function updatePickers() {
  const { organizations, projects, projectGrants } = state.me.resources;
  target.org.offer(organizations);
  target.project.offer(projects);
  target.grant.offer(projectGrants);
  form.project.offer(projects);
  form.owner.offer(organizations);
  offerGrantees();
  if (!state.chosen) chooseOwn();
  renderPaths();
}

/** To begin with, things of one's own: there the doors are that open. */
function chooseOwn() {
  state.chosen = true;
  const { resources, roles, mayGrant } = state.me;
  const { everywhere, organizations = [], projects = [] } = mayGrant;
  const grantable = resources.projects.find(
    ({ id, organizationId }) =>
      everywhere || projects.includes(id) || organizations.includes(organizationId),
  );
  const own = roles.find(({ kind }) => kind === 'org')?.id;
  const organization = own ?? grantable?.organizationId;
  if (organization !== undefined) target.org.choose(organization);
  if (grantable === undefined) return projectChosen();
  target.project.choose(grantable.id);
  return form.project.choose(grantable.id);
}

// --- Try a route ---

const ROUTES = [
  { title: 'Open to everybody', guard: '@Public()', path: () => '/api/try/public' },
  { title: 'Anybody with a token', guard: '@Authenticated()', path: () => '/api/try/hello' },
  {
    title: 'An organization',
    guard: "@RequireRole(['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId'))",
    on: [target.org],
    path: () => `/api/try/orgs/${segment(target.org)}`,
  },
  {
    title: 'Its danger zone, asked anew each time',
    guard: "@RequireRole('ORG_OWNER', org.param('orgId'), { fresh: true })",
    on: [target.org],
    path: () => `/api/try/orgs/${segment(target.org)}/danger`,
  },
  {
    title: 'A project, with the right owner',
    guard: "@RequireRole('PROJECT_OWNER', project.param('projectId').in(org.param('orgId')))",
    on: [target.org, target.project],
    path: () => `/api/try/orgs/${segment(target.org)}/projects/${segment(target.project)}`,
  },
  {
    title: 'A permission, as ZITADEL itself evaluates it',
    guard: "@RequirePermission('user.write', org.param('orgId'))",
    on: [target.org],
    path: () => `/api/try/orgs/${segment(target.org)}/users`,
  },
  {
    title: 'A project grant',
    guard: "@RequireRole('PROJECT_GRANT_OWNER', projectGrant.param('grantId'))",
    on: [target.grant],
    path: () => `/api/try/grants/${segment(target.grant)}`,
  },
  {
    title: 'The whole instance',
    guard: "@RequireRole('IAM_OWNER_VIEWER')",
    path: () => '/api/try/instance',
  },
  {
    title: 'One of two roles, from a header',
    guard:
      "@Require(anyOf(role('ORG_OWNER', org.header('x-zitadel-orgid')), role('IAM_OWNER_VIEWER')))",
    on: [target.org],
    path: () => '/api/try/report',
    // A header holds Latin characters only; what else was typed is sent as it would stand in a path.
    headers: () => ({ 'x-zitadel-orgid': segment(target.org) }),
  },
];

const segment = (from) => encodeURIComponent(state.me ? from.value() : NO_ID);
const targetsOf = (route) => (state.me ? (route.on ?? []) : []);

function routeCard(route, index) {
  const id = `route-${index}`;
  route.line = h('p', { class: 'line' });
  route.answer = h('output', { class: 'answer' }, tag('quiet', 'Not called yet.'));
  const onclick = (event) => busy(event.currentTarget, () => tryRoute(route));
  return h(
    'li',
    { class: 'route' },
    h(
      'div',
      { class: 'route-top' },
      h('h3', { id }, route.title),
      h('button', { type: 'button', 'aria-label': `Call: ${route.title}`, onclick }, 'Call'),
    ),
    h('p', { class: 'guard' }, ...breakable(route.guard)),
    route.line,
    route.answer,
  );
}

function renderPaths() {
  for (const route of ROUTES) {
    const headers = Object.entries(route.headers?.() ?? {}).map(
      ([name, value]) => ` · ${name}: ${value}`,
    );
    route.line.replaceChildren(...breakable(`GET ${route.path()}${headers.join('')}`));
  }
}

/** The signature does not fit any more: the last characters are others. */
function forged(token) {
  const cut = token.length - 12;
  return token.slice(0, cut) + [...token.slice(cut)].reverse().join('');
}

function tokenToSend() {
  const { value } = byId('target').elements.send;
  if (value === 'none' || state.token === undefined) return '';
  return value === 'forged' ? forged(state.token) : state.token;
}

async function tryRoute(route) {
  // Pressed at once, before it is known what there is to choose from: what was chosen is what is asked for.
  await state.loading;
  const missing = targetsOf(route).filter((each) => !each.isChosen());
  if (missing.length > 0) {
    route.answer.replaceChildren(tag('quiet', 'Not called: it needs an id, see above.'));
    return;
  }
  const token = tokenToSend();
  const result = await call('GET', route.path(), { token, headers: route.headers?.() });
  const { body } = result;
  const more = [
    result.age,
    result.retryAfter && `Worth trying again in ${result.retryAfter} s.`,
    result.ms !== undefined && `Answered in ${result.ms} ms.`,
  ].filter(Boolean);
  route.answer.replaceChildren(
    h(
      'span',
      {},
      verdict(result.status, result.phrase),
      ' ',
      body.errorCode ? h('code', { class: 'quiet' }, body.errorCode) : '',
    ),
    h('p', {}, ...withNames(body.message ?? ''), ...allowedByInWords(body.allowedBy)),
    h('p', { class: 'hint' }, more.join(' ')),
  );
}

function allowedByInWords(by) {
  return by ? [' Allowed by ', ...membershipInWords(by), '.'] : [];
}

function membershipInWords({ kind, id, roles }) {
  const held = h('span', { class: 'role' }, roles.join(', '));
  if (kind === 'instance') return [held, ' on the instance'];
  const name = nameOf(kind, id);
  return [held, ' on ', name === undefined ? `${KINDS[kind]} ${id}` : nameTag(name)];
}

// --- Bending the world (emulator only) ---

function renderOutage() {
  const button = byId('outage');
  button.toggleAttribute('data-broken', state.outage);
  button.textContent = state.outage ? 'Mend ZITADEL' : 'Break ZITADEL';
}

let mending;

async function toggleOutage() {
  const result = await call(state.outage ? 'DELETE' : 'POST', '/api/demo/outage');
  if (result.status === 200) {
    clearTimeout(mending);
    state.outage = !state.outage;
    // The server ends it by itself after a minute.
    if (state.outage) mending = setTimeout(() => ((state.outage = false), renderOutage()), 60_000);
  }
  renderOutage();
  show(byId('bend-status'), result);
}

// --- Granting a project ---

function projectChosen() {
  const id = form.project.value();
  const known = state.me.resources.projects.find((each) => each.id === id);
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
  form.to.offer(state.me.resources.organizations.filter(({ id }) => id !== owner));
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

async function grantProject() {
  if (!areChosen(...Object.values(form))) return;
  const json = { grantedOrgId: form.to.value(), roleKeys: wantedRoles() };
  const result = await call('POST', grantsPath(), { json });
  showGranted(result);
  if (result.status === 200) await Promise.all([loadGrants(), loadMe()]);
}

// --- Granting it to all: one event for each grant that is over ---

async function grantToAll() {
  if (!areChosen(form.project, form.owner)) return;
  const owner = form.owner.value();
  const grantedOrgIds = state.me.resources.organizations
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

// --- What just happened: server-sent events, read by fetch so that the token stays in a header ---

const SHOWN = 40;
let listening;

function stopListening() {
  listening?.abort();
  listening = undefined;
}

async function listen() {
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

async function eachEvent(response, hear) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks.map(eventFrom)) if (block) hear(block);
  }
}

function eventFrom(block) {
  const fields = new Map(
    block
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
  if (!fields.has('data')) return undefined;
  return { event: fields.get('event'), data: JSON.parse(fields.get('data')) };
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

// --- The page ---

function render() {
  const signedIn = state.token !== undefined;
  byId('welcome').hidden = signedIn;
  byId('account').hidden = !signedIn;
  for (const id of ['roles', 'grant', 'happened']) byId(id).hidden = !signedIn;
  byId('try').hidden = false;
  byId('bend').hidden = !signedIn;
  byId('target').hidden = !signedIn;
  byId('bend-outage').hidden = state.config.people === undefined;
  byId('pickers').replaceChildren(
    ...(signedIn ? Object.values(target).map(({ element }) => element) : []),
  );
  for (const radio of byId('target').elements.send) radio.checked = radio.value === 'mine';
  byId('try-lead').textContent = signedIn
    ? 'Each card is a route of this app and what it asks for. Choose on what, and with which token.'
    : 'Each card is a route of this app and what it asks for. Without a token, all but one answer 401.';
  for (const route of ROUTES) route.answer.replaceChildren(tag('quiet', 'Not called yet.'));
  renderPaths();
  renderOutage();
}

function renderCast(people) {
  byId('cast').hidden = people === undefined;
  byId('people').replaceChildren(
    ...(people ?? []).map(({ name, about }) =>
      h('li', {}, h('bdi', {}, name), h('bdi', {}, about)),
    ),
  );
}

async function start() {
  byId('routes').append(...ROUTES.map(routeCard));
  byId('grant-fields').append(...Object.values(form).map(({ element }) => element));
  const press = (id, work) =>
    byId(id).addEventListener('click', (event) => {
      const button = event.currentTarget;
      busy(button, work).catch((error) => alertWith(error.message));
    });
  press('sign-in', signIn);
  press('give-back', giveBack);
  press('outage', toggleOutage);
  press('evict', forgetMe);
  press('grant-all', grantToAll);
  byId('sign-out').addEventListener('click', () => signOut());
  byId('target').addEventListener('submit', (event) => event.preventDefault());
  byId('grant-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void busy(byId('grant-one'), grantProject);
  });

  const config = await call('GET', '/api/config', { token: '' });
  if (config.status !== 200) return alertWith(config.body.message);
  state.config = config.body;
  state.outage = config.body.outage === true;
  byId('foot-text').textContent = config.body.people
    ? `ZITADEL is emulated, at ${config.body.issuer}. Tokens, memberships and project grants go over real HTTP.`
    : `Signed in through ${config.body.issuer}.`;
  renderCast(config.body.people);
  let justSignedIn = false;
  try {
    justSignedIn = await finishSignIn();
  } catch (error) {
    alertWith(error instanceof TypeError ? 'ZITADEL does not answer.' : error.message);
  }
  state.token = sessionStorage.getItem(TOKEN) ?? undefined;
  render();
  if (state.token === undefined) return undefined;
  return begin(justSignedIn ? 'You are signed in.' : '');
}

/** Fills the page for somebody who is signed in; while ZITADEL does not answer, again and again. */
async function begin(welcome) {
  state.loading = loadMe();
  await state.loading;
  if (state.token === undefined) return;
  if (state.me === undefined) {
    byId('roles-table').hidden = true;
    setTimeout(() => void begin(welcome), 3000);
    return;
  }
  if (welcome !== '') goTo(byId('roles-title'));
  announce(welcome);
  void listen();
  void greet();
}

void start();
