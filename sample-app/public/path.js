// The path of a request: five steps, each with what it found and how old that is.
import { secondsInWords } from './calls.js';
import { breakable, byId, h, tag } from './dom.js';
import { membershipInWords, withNames } from './names.js';

const STEPS = ['token', 'caller', 'memberships', 'requirement', 'decision'];

const TITLES = {
  token: 'Token',
  caller: 'Caller',
  memberships: 'Memberships',
  requirement: 'Requirement',
  decision: 'Decision',
};

/** What each step does, for as long as no request has come by. */
const ABOUT = {
  token: 'Does the request bring an access token?',
  caller: 'Whose is it? Signature, issuer, audience and time are checked.',
  memberships: 'Which manager roles does the caller hold, and where? ZITADEL says it.',
  requirement: 'What does the route ask for, and on which resource?',
  decision: 'Does one of the roles suffice?',
};

/** Before anything was sent. */
export function drawIdle(route) {
  draw(STEPS.map((step) => [step, 'idle', aboutOf(step, route)]));
}

function aboutOf(step, route) {
  return step === 'requirement' ? [codeOf(route)] : [ABOUT[step]];
}

const codeOf = ({ guard }) => h('code', { class: 'guard' }, ...breakable(guard));

/** A public route: nobody looked at a token. */
export function drawPublic(route, status) {
  const unseen = 'Not looked at.';
  draw([
    ['token', 'skipped', [unseen]],
    ['caller', 'skipped', [unseen]],
    ['memberships', 'skipped', [unseen]],
    ['requirement', 'passed', [codeOf(route)], FROM_CODE],
    ['decision', 'passed', [`${status}: everybody is let in.`]],
  ]);
}

const FROM_CODE = 'from the code, read once at the start';

/** The path of a request that was decided, as the app tells it. */
export function drawPath(path, route) {
  const end = path.stoppedAt === undefined ? STEPS.length : STEPS.indexOf(path.stoppedAt);
  draw(
    STEPS.map((step, index) => {
      if (index > end)
        return [step, 'unseen', [step === 'requirement' ? codeOf(route) : ABOUT[step]]];
      const [content, age] = FOUND[step](path, route);
      return [step, index === end ? 'stopped' : 'passed', content, age];
    }),
  );
}

const FOUND = {
  token: ({ stoppedAt }) =>
    stoppedAt === 'token'
      ? [['The request brings no token.']]
      : [['An access token, in the Authorization header.'], 'sent with this request'],
  caller: ({ caller, token, why }) =>
    caller
      ? [[...withNames(caller.userId), '. The token is valid, and it is theirs.'], tokenAge(token)]
      : [[...detailOf(why, 'The token is not valid.')]],
  memberships: ({ memberships, message, why }) =>
    memberships ? [held(memberships), readAge(memberships)] : [[...detailOf(why, message)]],
  requirement: ({ requirement, why, stoppedAt, message }, route) => [
    [
      codeOf(route),
      h('p', {}, ...(requirement ? withNames(sentence(requirement.asked)) : [message])),
      ...(stoppedAt === 'requirement' ? [h('p', {}, ...detailOf(why, message))] : []),
    ],
    FROM_CODE,
  ],
  decision: ({ allowed, by, message, tookMs }) => [
    allowed
      ? by
        ? ['Let in by ', ...membershipInWords(by), '.']
        : ['Let in. No role is asked for.']
      : [message],
    `made ${msInWords(tookMs)} after the request came`,
  ],
};

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

const detailOf = (why, otherwise) =>
  withNames(why?.detail === undefined ? otherwise : sentence(why.detail));

function tokenAge({ ageMs, leftMs } = {}) {
  return [
    ageMs !== undefined && `issued ${ago(ageMs)}`,
    leftMs !== undefined && `ends in ${timeInWords(leftMs)}`,
  ]
    .filter(Boolean)
    .join(', ');
}

function readAge({ ageMs, leftMs, anew, from }) {
  if (anew) return `read for this request, counts for ${timeInWords(leftMs)}`;
  const where = from === 'shared' ? ' (shared cache)' : '';
  return `remembered${where}: read ${ago(ageMs)}, counts for ${timeInWords(leftMs)} more`;
}

const msInWords = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
const ago = (ms) => (ms < 1000 ? 'just now' : `${timeInWords(ms)} ago`);

function timeInWords(ms) {
  const hours = Math.round(ms / 3_600_000);
  return hours >= 1
    ? `${hours} hour${hours === 1 ? '' : 's'}`
    : secondsInWords(Math.round(ms / 1000));
}

/** The rows that the app knows, and where ZITADEL says something else by now. */
function held({ rows, now }) {
  if (rows === undefined) return ['Read, and accepted by ZITADEL.'];
  const list =
    rows.length === 0
      ? h('p', {}, 'No manager role at all.')
      : h('ul', { class: 'rows' }, ...rows.map((row) => h('li', {}, ...membershipInWords(row))));
  const has = (all, { kind, id, roles }) =>
    all.some(
      (row) =>
        row.kind === kind && row.id === id && roles.every((role) => row.roles.includes(role)),
    );
  const gone = rows.filter((row) => !has(now ?? rows, row));
  if (gone.length === 0) return [list];
  const names = gone.flatMap((row, index) => [index > 0 ? ', ' : '', ...membershipInWords(row)]);
  return [
    list,
    h(
      'p',
      { class: 'drift' },
      'ZITADEL has taken away ',
      ...names,
      ' since. The app does not know it yet.',
    ),
  ];
}

const SIGNS = { passed: '✓', stopped: '✕', skipped: '–' };
const SAID = {
  passed: 'passed',
  stopped: 'stopped here',
  skipped: 'skipped',
  unseen: 'not reached',
  idle: '',
};

function draw(steps) {
  byId('path').replaceChildren(
    ...steps.map(([step, outcome, content, age = ''], index) => {
      const item = h(
        'li',
        { class: 'step', 'data-outcome': outcome, 'data-step': step },
        h('span', { class: 'node', 'aria-hidden': 'true' }, SIGNS[outcome] ?? String(index + 1)),
        h(
          'div',
          { class: 'step-top' },
          h('h3', {}, TITLES[step]),
          SAID[outcome] === '' ? '' : tag('said', SAID[outcome]),
        ),
        h('div', { class: 'found' }, ...content),
        age === '' ? '' : h('p', { class: 'age' }, age),
      );
      item.style.setProperty('--order', String(index));
      return item;
    }),
  );
}
