import { isObject } from './http.js';
import type { RealApi } from './real-api.js';
import { get } from './real-calls.js';

/** As long as the passwords that the run makes up. */
const PASSWORD_LENGTH = 20;

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
