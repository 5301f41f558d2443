import { isObject, listOf, textAt } from './http.js';
import type { RealApi } from './real-api.js';
import { get, MY_MEMBERSHIPS, post } from './real-calls.js';

/** As long as the passwords that the run makes up. */
const PASSWORD_LENGTH = 20;

/**
 * The suite makes organizations and managers of the instance: who may not, meets a refusal in the middle, with half a world to take away.
 *
 * @throws saying which instance roles the token's user holds instead
 */
export async function requireInstanceOwner(api: RealApi): Promise<void> {
  const queries = [{ iamQuery: { iam: true } }];
  const { status, body, text } = await api.ask(post(MY_MEMBERSHIPS, { queries }));
  if (status !== 200) {
    const said = `${String(status)} ${text.slice(0, 200)}`;
    throw new Error(`ZITADEL_PAT: the roles of its user cannot be read: ${said}. Nothing was made`);
  }
  const roles = listOf(body['result'])
    .filter((row) => row['iam'] === true)
    .flatMap((row) => (Array.isArray(row['roles']) ? row['roles'].map(String) : []));
  if (roles.includes('IAM_OWNER')) return;
  const held = roles.length === 0 ? 'no role on the instance' : roles.join(', ');
  throw new Error(
    `ZITADEL_PAT: its user holds ${held}. The suite needs a user who is IAM_OWNER. Nothing was made`,
  );
}

/** What the server says that it is: Get My Instance, `GET /admin/v1/instances/me`. */
export async function versionOf(api: RealApi): Promise<string> {
  const { body } = await api.ask(get('/admin/v1/instances/me'));
  return `ZITADEL ${textAt(body, 'instance', 'version') || 'of unknown version'}`;
}

/** Policies of a server by which cases fail that say nothing about the library, in words. */
export async function misgivings(api: RealApi): Promise<readonly string[]> {
  const [login, domain, complexity] = await Promise.all(
    ['login', 'domain', 'password/complexity'].map((name) => policyOf(api, name)),
  );
  const people = 'so the cases with a person who signs in fail';
  return [
    ...(login?.['forceMfa'] === true || login?.['forceMfaLocalOnly'] === true
      ? [`The login policy of this server asks for a second factor, ${people}.`]
      : []),
    ...(login && login['allowUsernamePassword'] !== true
      ? [`The login policy of this server takes no passwords, ${people}.`]
      : []),
    ...(Number(complexity?.['minLength'] ?? 0) > PASSWORD_LENGTH
      ? [
          `Passwords of this server are longer than ${String(PASSWORD_LENGTH)} characters, ${people}.`,
        ]
      : []),
    ...(domain?.['userLoginMustBeDomain'] === true
      ? [
          'Login names of this server end in a domain, so cases fail that take them as they were given.',
        ]
      : []),
  ];
}

/** Undefined where it cannot be read: then nothing is known, and the cases tell. */
async function policyOf(api: RealApi, name: string): Promise<Record<string, unknown> | undefined> {
  const { status, body } = await api.ask(get(`/admin/v1/policies/${name}`));
  return status === 200 && isObject(body['policy']) ? body['policy'] : undefined;
}
