import { own } from './core/own-properties.js';
import { askedAbout } from './core/unfilled.js';
import { introspection, jwt, userinfo } from './callers.js';
import { isCredential } from './zitadel/credentials.js';

type Problem = string | undefined;

const WAYS =
  "jwt(), introspection(keyFile('./api.json')), userinfo(), a list of jwt() and one of the other two, or a function of the token";

/** What is wrong with the option `callers` on its own. */
export function callersProblem(value: unknown): Problem {
  if (value === jwt || value === introspection || value === userinfo) return `${WAYS}, called`;
  if (typeof value === 'function') return undefined;
  if (!Array.isArray(value)) return wayProblem(value);
  const list: readonly unknown[] = value;
  const jwts = list.filter((way) => typeOf(way) === 'jwt').length;
  if (list.length !== 2 || jwts !== 1) {
    return '[jwt(), introspection(...)] or [jwt(), userinfo()]: a list has exactly these two';
  }
  return list.map(wayProblem).find((problem) => problem !== undefined);
}

function wayProblem(value: unknown): Problem {
  switch (typeOf(value)) {
    case 'jwt':
      return jwtProblem(settingsOf(value));
    case 'introspection': {
      const { credential, ...more } = settingsOf(value);
      return isCredential(credential)
        ? noneOf(more, 'introspection()')
        : "introspection(keyFile('./api.json')), introspection(key(json)) or introspection(basic(clientId, clientSecret))";
    }
    case 'userinfo':
      return noneOf(settingsOf(value), 'userinfo()');
    default:
      return WAYS;
  }
}

function typeOf(value: unknown): unknown {
  return own(value, 'type');
}

function settingsOf(value: unknown): Readonly<Record<string, unknown>> {
  const { type: _type, ...settings } = value as Readonly<Record<string, unknown>>;
  return settings;
}

function jwtProblem(settings: Readonly<Record<string, unknown>>): Problem {
  const { recheckMs, clients, ...unknown } = settings;
  const list: readonly unknown[] = Array.isArray(clients) ? clients : [];
  const unfilled = askedAbout(clients);
  const fitsClients = list.length > 0 && list.every((id) => typeof id === 'string') && !unfilled;
  if (Object.hasOwn(settings, 'clients') && !fitsClients) {
    return `jwt({ clients }) with a list of client ids, at least one${unfilled}`;
  }
  const fits =
    !Object.hasOwn(settings, 'recheckMs') ||
    recheckMs === false ||
    (typeof recheckMs === 'number' && recheckMs >= 1_000 && recheckMs <= 3_600_000);
  const names = Object.keys(unknown);
  return fits && names.length === 0
    ? undefined
    : `jwt({ recheckMs, clients }) with recheckMs as milliseconds from 1000 to 3600000, or false, and no other setting${suchAs(names)}`;
}

function noneOf(settings: object, way: string): Problem {
  const names = Object.keys(settings);
  return names.length === 0 ? undefined : `${way} without settings${suchAs(names)}`;
}

function suchAs(names: readonly string[]): string {
  return names.map((name) => ` such as ${name}`).join('');
}
