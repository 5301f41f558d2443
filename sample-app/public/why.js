// Why a request was refused, in words, and which row would have let it in. The client was told none of it.
import { h } from './dom.js';
import { membershipInWords, withNames } from './names.js';

/** What to say where neither the log nor a row says it. */
const WORDS = {
  token_missing:
    'Without a token nobody knows who asks. 401 tells the client to sign in and to try again.',
  token_invalid: 'Somebody else could have made this token. 401 tells the client to sign in again.',
  token_rejected: 'The token is well made, and ZITADEL does not accept it any more.',
  resource_missing: 'The request does not say on which resource the role must be held.',
  resource_invalid: 'What stands where the id belongs is no id of ZITADEL.',
  unavailable:
    'ZITADEL could not be asked. That is no refusal: the same request can be let in a second later.',
};

/** The paragraphs. `give(row, role)`: makes a button that gives the role and sends again. */
export function whyRefused({ why, reason, status, message }, give) {
  const { detail, remedy, missing } = why;
  const words = WORDS[reason];
  return [
    ...(missing ? missingInWords(missing, give) : []),
    ...(words === undefined ? [] : [h('p', {}, words)]),
    ...(missing === undefined && detail !== undefined
      ? [h('p', {}, 'The log says: ', ...withNames(detail), remedy ? `. To do: ${remedy}.` : '.')]
      : []),
    h('p', { class: 'hint' }, `The client is told ${status} ${reason}, “${message}” and no more.`),
  ];
}

function missingInWords(missing, give) {
  switch (missing.type) {
    case 'nothing':
      return [h('p', {}, ...withNames(missing.why), ' No row would have helped.')];
    case 'row':
      return [
        h('p', {}, 'Any one of these rows would have let it in:'),
        h(
          'ul',
          { class: 'missing' },
          ...missing.rows.map((row, index) => item(row, index === 0 && give)),
        ),
      ];
    default: {
      const lead =
        missing.type === 'anyOf' ? 'One of these is enough:' : 'All of these are missing:';
      const parts = missing.of.map((part) =>
        h('li', {}, h('div', {}, ...missingInWords(part, give))),
      );
      return [h('p', {}, lead), h('ul', { class: 'missing' }, ...parts)];
    }
  }
}

const item = (row, give) =>
  h('li', {}, h('span', {}, ...rowInWords(row)), ...(give ? give(row, row.roles[0]) : []));

/** Any one of its roles does. */
function rowInWords({ kind, id, roles }) {
  const [held, ...on] = membershipInWords({ kind, id, roles });
  held.textContent =
    roles.length > 1 ? `${roles.slice(0, -1).join(', ')} or ${roles.at(-1)}` : roles[0];
  return [held, ...on];
}
