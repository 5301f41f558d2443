// Which role opens which route, as the app reads it from its own decorators.
import { call } from './calls.js';
import { breakable, breakableRoles, byId, h, tag } from './dom.js';
import { ROUTES } from './routes.js';

const SAID = {
  named: 'opens it, named by the route',
  above: 'opens it, being above a role that the route names',
  permitted: 'opens it, as ZITADEL gives it the permission',
};

/** The route that stands where requests are sent. */
let chosen;

/** Draws it. `pick(route)`: takes a route over to where requests are sent. */
export async function drawMatrix(pick) {
  const { status, body } = await call('GET', '/api/access', { token: '' });
  byId('matrix').hidden = status !== 200;
  if (status !== 200) return;
  const { roles, routes, hierarchy } = body;
  byId('matrix-head').append(
    ...roles.map((role) => h('th', { scope: 'col', class: 'turned' }, h('span', {}, role))),
  );
  const asking = routes.filter(({ opens }) => Object.keys(opens).length > 0);
  byId('matrix-rows').append(...asking.map((route) => rowOf(route, roles, pick)));
  markRoute(chosen);
  byId('matrix-public').append(...namesOf(routes, ({ access }) => access === 'public'));
  const anyCaller = ({ access, opens }) => access === 'required' && Object.keys(opens).length === 0;
  byId('matrix-callers').append(...namesOf(routes, anyCaller));
  byId('hierarchy').append(
    ...Object.entries(hierarchy).map(([higher, lower]) =>
      h(
        'div',
        {},
        h('dt', { class: 'role' }, ...breakableRoles(higher)),
        h(
          'dd',
          {},
          ...lower.flatMap((role, index) => [
            index > 0 ? ' ' : '',
            whole(role, index < lower.length - 1),
          ]),
        ),
      ),
    ),
  );
}

function rowOf({ name, text, opens }, roles, pick) {
  const route = ROUTES.find((each) => each.name === name);
  const label = breakable(name);
  return h(
    'tr',
    { 'data-route': name },
    h(
      'th',
      { scope: 'row' },
      route
        ? h('button', { type: 'button', class: 'link', onclick: () => pick(route) }, ...label)
        : h('span', { class: 'code' }, ...label),
      h('span', { class: 'asks' }, ...breakableRoles(text)),
    ),
    ...roles.map((role) => {
      const how = opens[role];
      const mark = how && h('span', { class: 'mark', 'data-how': how }, tag('hidden', SAID[how]));
      return h('td', { 'data-role': role }, mark ?? tag('hidden', 'no'));
    }),
  );
}

/** Is broken only if it does not fit a line of its own. */
const whole = (role, more) =>
  h('span', { class: 'whole' }, ...breakableRoles(role), more ? ',' : '');

function namesOf(routes, which) {
  const names = routes.filter(which).map(({ name }) => name);
  return names.map((name) => h('li', { class: 'code' }, ...breakable(name)));
}

/** Shows where the chosen route stands. */
export function markRoute(route) {
  chosen = route;
  for (const row of byId('matrix-rows').rows) {
    row.toggleAttribute('data-chosen', row.dataset.route === chosen.name);
  }
}
