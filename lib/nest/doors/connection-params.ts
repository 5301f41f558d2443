import { own } from '../../core/own-properties.js';

/**
 * The parameters of a connection of graphql-ws, as the context shows them: by the application's own function, by the default of Apollo (which
 * puts the whole connection under `req`), or by Mercurius.
 */
export function paramsOf(context: unknown): unknown {
  return (
    own(context, 'connectionParams') ??
    own(own(context, 'req'), 'connectionParams') ??
    own(context, '_connectionInit')
  );
}

/** What stands under `authorization` there, or under `headers`, in any case. '' if it was sent twice: that is never a valid token. */
export function authorizationOf(params: unknown): string | undefined {
  const given = [params, ...valuesOf(params, 'headers')].flatMap((each) =>
    valuesOf(each, 'authorization'),
  );
  const [first] = given;
  if (first === undefined) return undefined;
  return typeof first === 'string' && given.every((each) => each === first) ? first : '';
}

function valuesOf(params: unknown, name: string): readonly unknown[] {
  if (typeof params !== 'object' || params === null) return [];
  return Object.keys(params)
    .filter((key) => key.toLowerCase() === name)
    .map((key) => own(params, key))
    .filter((value) => value !== undefined && value !== null);
}
