import { IncomingMessage } from 'node:http';

/** What requests of Node, Express, Fastify and sessions carry on themselves, and what tells handlers which route it is. */
const TAKEN: ReadonlySet<string> = new Set(
  [
    'aborted app baseUrl body client complete context cookies file files fresh host hostname',
    'httpVersion httpVersionMajor httpVersionMinor id ip ips is404 joinDuplicateHeaders log method next',
    'originalUrl params path port protocol query raw rawHeaders rawTrailers readableEnded req res route',
    'routeOptions routerMethod routerPath secret secure server session sessionID sessionStore',
    'signedCookies socket stale statusCode statusMessage subdomains upgrade url validationError xhr',
    'accepts acceptsCharsets acceptsEncodings acceptsLanguages get getDecorator getValidationFunction',
    'compileValidationSchema header is param range setDecorator validateInput',
  ].flatMap((names) => names.split(' ')),
);

const NAME = /^[A-Za-z$][\w$]{0,99}$/;

/** What is wrong with the option `requestProperty`. */
export function requestPropertyProblem(value: unknown): string | undefined {
  const isFree =
    typeof value === 'string' &&
    NAME.test(value) &&
    !TAKEN.has(value) &&
    !Reflect.has(IncomingMessage.prototype, value);
  return isFree ? undefined : "a name that requests do not use themselves, e.g. 'user'";
}
