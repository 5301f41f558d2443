// Names for ids.
import { h, nameTag, tag } from './dom.js';
import { state } from './state.js';

export const KINDS = {
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

export function nameOf(kind, id) {
  const known = state.resources?.[LISTS[kind]]?.find((each) => each.id === id);
  return known?.name ?? state.me?.roles.find((row) => row.kind === kind && row.id === id)?.name;
}

/** Text in which each id that is known has its name before it. */
export function withNames(text) {
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

export function allowedByInWords(by) {
  return by ? [' Allowed by ', ...membershipInWords(by), '.'] : [];
}

export function membershipInWords({ kind, id, roles }) {
  const held = h('span', { class: 'role' }, roles.join(', '));
  if (kind === 'instance') return [held, ' on the instance'];
  const name = nameOf(kind, id);
  return [held, ' on ', name === undefined ? `${KINDS[kind]} ${id}` : nameTag(name)];
}
