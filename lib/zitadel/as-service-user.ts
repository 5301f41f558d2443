import { ZitadelError } from '../core/errors.js';
import { bodyOrThrow } from './api-error.js';
import { OURSELVES, type Call } from './exchange.js';
import type { ServiceToken } from './service-token.js';

/** The service user's token source. @throws ZitadelError `service_user_refused` where none is set up */
export function requireServiceToken(
  serviceToken: ServiceToken | undefined,
  what: string,
): ServiceToken {
  if (serviceToken) return serviceToken;
  throw new ZitadelError(
    'service_user_refused',
    `${what}: no service user is set up; give the option serviceUser, e.g. keyFile('./service-user.json')`,
  );
}

/** Makes a call about no user in particular, as the service user. Its body, or the error that a caller can branch on. */
export async function callAsServiceUser(
  serviceToken: ServiceToken | undefined,
  what: string,
  call: Omit<Call, 'who'>,
): Promise<Readonly<Record<string, unknown>>> {
  const token = requireServiceToken(serviceToken, what);
  return bodyOrThrow(await token.call({ ...call, who: OURSELVES }), what);
}
