import type { RequestLike } from 'nestjs-zitadel';

/** Opens the session of a request. With @zitadel/nestjs-auth it is what `getToken` of `@auth/core/jwt` gives. */
export type ReadSession = (
  request: RequestLike,
) => Promise<{ readonly accessToken?: string } | null>;

const tokens = new WeakMap<object, string>();

/** A middleware that runs before every guard: `app.use(sessionToken(read))`. */
export function sessionToken(read: ReadSession) {
  return async (request: RequestLike, _response: unknown, next: (error?: unknown) => void) => {
    try {
      // A browser sends the cookie with requests of other sites too. Those get no token.
      const isOurs = request.headers['sec-fetch-site'] === 'same-origin';
      const session = isOurs ? await read(request) : null;
      if (session?.accessToken) tokens.set(request, session.accessToken);
      next();
    } catch (error) {
      next(error);
    }
  };
}

/** The option `token` of the module. */
export const tokenOfSession = (request: RequestLike) => tokens.get(request);
