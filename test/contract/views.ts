import { listOf, textAt, type Answer } from './http.js';
import { decodeJwt } from './jwt-parts.js';
import type { Scene } from './scene.js';

/** What of an answer a verdict is about, in words that no server changes. */
export type See = (answer: Answer, scene: Scene) => unknown;

/** Rows of a membership list v1: on what, which roles, sorted. */
export const rows: See = ({ body }, scene) => sortedRows(listOf(body['result']), scene);

/** Rows of ListAdministrators v2, in the same words. */
export const administrators: See = ({ body }, scene) =>
  sortedRows(listOf(body['administrators']), scene);

/** The same, each with whose it is, of our own users only: an instance may have others. */
export const everybody: See = ({ body }, scene) =>
  listOf(body['administrators'])
    .map((row) => `${scene.name(textAt(row, 'user', 'id'))}: ${rowOf(row, scene)}`)
    .filter((row) => !row.startsWith('another:'))
    .sort();

function sortedRows(list: readonly Record<string, unknown>[], scene: Scene): readonly string[] {
  return list.map((row) => rowOf(row, scene)).sort();
}

/** One row of either generation: `org acme: ORG_OWNER`, `grant grant: PROJECT_GRANT_OWNER`. */
function rowOf(row: Readonly<Record<string, unknown>>, scene: Scene): string {
  const roles = Array.isArray(row['roles']) ? row['roles'].map(String).sort().join(' ') : '';
  return `${resourceOf(row, scene)}: ${roles}`;
}

function resourceOf(row: Readonly<Record<string, unknown>>, scene: Scene): string {
  if (row['iam'] === true || row['instance'] === true) return 'instance';
  for (const [kind, v1, v2] of KINDS) {
    const id = textAt(row, v1) || textAt(row, v2, 'id');
    if (id !== '') return `${kind} ${scene.name(id)}`;
  }
  return 'nothing';
}

const KINDS = [
  ['org', 'orgId', 'organization'],
  ['project', 'projectId', 'project'],
  ['grant', 'projectGrantId', 'projectGrant'],
] as const;

/** How many there are in all, as either generation says it; 0 where it is left out. */
export const total: See = ({ body }) =>
  Number(textAt(body, 'details', 'totalResult') || textAt(body, 'pagination', 'totalResult') || 0);

/** Whether there is a `result` at all: ZITADEL leaves empty lists out. */
export const listLeftOut: See = ({ body }) =>
  !('result' in body) && !('administrators' in body) && !('projectGrants' in body);

/** Project grants of either generation: to whom, which roles, in which state. */
export const grants: See = ({ body }, scene) =>
  [...listOf(body['result']), ...listOf(body['projectGrants'])]
    .map((row) => grantOf(row, scene))
    .sort();

/** One project grant v1. */
export const grant: See = ({ body }, scene) => grantOf(body['projectGrant'], scene);

function grantOf(row: unknown, scene: Scene): string {
  const granted = textAt(row, 'grantedOrgId') || textAt(row, 'grantedOrganizationId');
  const state = textAt(row, 'state').replace('PROJECT_GRANT_STATE_', '').toLowerCase();
  const keys = (row as { grantedRoleKeys?: readonly string[] }).grantedRoleKeys ?? [];
  const project = scene.name(textAt(row, 'projectId'));
  return `${project} to ${scene.name(granted)}: ${[...keys].sort().join(' ')} (${state})`;
}

/** The names of the fields of the body, sorted. */
export const fields: See = ({ body }) => Object.keys(body).sort();

/** The form of the access token, and the claims that it has. */
export const accessToken: See = ({ body }, scene) => {
  const token = textAt(body, 'access_token');
  const claims = decodeJwt(token)?.claims;
  if (claims === undefined) return { parts: token.split('.').length };
  return {
    parts: token.split('.').length,
    claims: Object.keys(claims)
      .filter((name) => !name.startsWith('urn:'))
      .sort(),
    audience: audienceIn(claims, scene),
  };
};

/** Role claims by name: of which organization the caller is, and who gave which role of the portal. */
export const roleClaims: See = ({ body }, scene) =>
  rolesIn(decodeJwt(textAt(body, 'access_token'))?.claims ?? body, scene);

function rolesIn(claims: Readonly<Record<string, unknown>>, scene: Scene) {
  const home = scene.name(textAt(claims, 'urn:zitadel:iam:user:resourceowner:id'));
  const portal = String(scene.names['portal']);
  const given = claims[`urn:zitadel:iam:org:project:${portal}:roles`];
  const roles = Object.entries(Object(given) as Record<string, object>).map(
    ([role, by]) => [role, Object.keys(by).map((id) => scene.name(id))] as const,
  );
  return { home, portal: Object.fromEntries(roles) };
}

/** Audiences by name; ZITADEL's own project is `another`. */
export function audienceIn(claims: Readonly<Record<string, unknown>>, scene: Scene) {
  const audience: readonly unknown[] = Array.isArray(claims['aud']) ? claims['aud'] : [];
  const users = Object.entries(scene.made.users);
  return audience
    .map((id) => users.find(([, user]) => user.userName === id)?.[0] ?? scene.name(String(id)))
    .sort();
}

/** What an introspection says about an active token. */
export const introspected: See = ({ body }, scene) => ({
  active: body['active'],
  sub: scene.name(textAt(body, 'sub')),
  audience: audienceIn(body, scene),
  ofIssuer: body['iss'] === scene.issuer,
  bearer: body['token_type'] === 'Bearer',
  client: 'client_id' in body,
  session: 'auth_time' in body,
});

/** Several views at once. */
export function all(views: Readonly<Record<string, See>>): See {
  return (answer, scene) =>
    Object.fromEntries(Object.entries(views).map(([name, see]) => [name, see(answer, scene)]));
}
