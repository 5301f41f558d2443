import { ZitadelArgumentError } from '../core/errors.js';
import { checkId } from '../core/request.js';

/** Nothing but ids may reach a URL, a header or a body. @throws ZitadelArgumentError naming the argument */
export function requireId(value: unknown, argument: string, pattern: RegExp): string {
  const id = checkId(value, pattern);
  if (typeof id === 'string') return id;
  throw new ZitadelArgumentError(
    argument,
    `${argument} is not a valid id by the option idPattern: pass the id as ZITADEL shows it`,
  );
}
