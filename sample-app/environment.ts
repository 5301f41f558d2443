/** What every way of running the sample can be told. */
interface Common {
  /** Unset: 3000, or the next free one where nothing depends on it. */
  readonly port: number | undefined;
  readonly redisUrl: string | undefined;
  /** At least 32 characters; unset: a new one each start, which only memory can live with. */
  readonly sharedCacheSecret: string | undefined;
}

/** No setting at all: an emulator with seeds, in this process. */
export interface EmulatorEnvironment extends Common {
  readonly kind: 'emulator';
}

/** A real ZITADEL. */
export interface ZitadelEnvironment extends Common {
  readonly kind: 'zitadel';
  readonly issuer: string;
  readonly internalUrl: string | undefined;
  readonly clientId: string;
  readonly projectId: string;
  /** Path of the service user's JSON key file. */
  readonly serviceUserKey: string;
}

export type Environment = EmulatorEnvironment | ZitadelEnvironment;

/** The environment cannot be used. The message names every variable that is wrong, and never a value. */
export class EnvironmentError extends Error {}

const NAMES = [
  'PORT',
  'REDIS_URL',
  'SHARED_CACHE_SECRET',
  'ZITADEL_ISSUER',
  'ZITADEL_INTERNAL_URL',
  'ZITADEL_CLIENT_ID',
  'ZITADEL_PROJECT_ID',
  'ZITADEL_SERVICE_USER_KEY',
] as const;

const NEEDED = {
  ZITADEL_ISSUER: "the address of your ZITADEL, e.g. 'https://acme.zitadel.cloud'",
  ZITADEL_CLIENT_ID: 'the client id of the application that the page signs in to',
  ZITADEL_PROJECT_ID: 'the id of the project that owns the application',
  ZITADEL_SERVICE_USER_KEY: 'the path of the JSON key file of the service user',
} as const;

/**
 * Reads the environment once, all of it.
 *
 * @throws EnvironmentError listing everything that is missing, empty or wrong
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const problems: string[] = [];
  for (const name of NAMES) {
    if (env[name]?.trim() === '') problems.push(`${name} is empty: write a value, or unset it`);
  }
  const port = portFrom(env['PORT'], problems);
  const redisUrl = redisUrlFrom(env['REDIS_URL'], problems);
  const sharedCacheSecret = secretFrom(env['SHARED_CACHE_SECRET'], redisUrl, problems);
  const common = { port, redisUrl, sharedCacheSecret };
  const real = NAMES.some((name) => name.startsWith('ZITADEL_') && env[name] !== undefined);
  if (real) {
    for (const [name, what] of Object.entries(NEEDED)) {
      if (env[name] === undefined) problems.push(`${name} is missing: it is ${what}`);
    }
  }
  if (problems.length > 0) throw new EnvironmentError(problems.join('\n'));
  if (!real) return { kind: 'emulator', ...common };
  return {
    kind: 'zitadel',
    ...common,
    issuer: env['ZITADEL_ISSUER'] ?? '',
    internalUrl: env['ZITADEL_INTERNAL_URL'],
    clientId: env['ZITADEL_CLIENT_ID'] ?? '',
    projectId: env['ZITADEL_PROJECT_ID'] ?? '',
    serviceUserKey: env['ZITADEL_SERVICE_USER_KEY'] ?? '',
  };
}

function portFrom(text: string | undefined, problems: string[]): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port <= 65_535) return port;
  problems.push('PORT is not a port: write a number from 1 to 65535, or 0 for any free one');
  return undefined;
}

function redisUrlFrom(text: string | undefined, problems: string[]): string | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  if (URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol)) return text;
  problems.push("REDIS_URL is not the address of a Redis: write e.g. 'redis://127.0.0.1:6379'");
  return undefined;
}

function secretFrom(
  text: string | undefined,
  redisUrl: string | undefined,
  problems: string[],
): string | undefined {
  if (text === undefined) {
    if (redisUrl !== undefined) {
      problems.push(
        'SHARED_CACHE_SECRET is missing: with REDIS_URL it is what entries are signed with, at least 32 characters',
      );
    }
    return undefined;
  }
  if (text.trim() === '' || text.length >= 32) return text;
  problems.push('SHARED_CACHE_SECRET is too short: write at least 32 characters');
  return undefined;
}
