import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { introspection } from '../callers.js';
import { ZitadelOptionsError } from '../core/errors.js';
import type { ZitadelOptions } from '../options.js';
import { keyFile } from '../zitadel/credentials.js';
import { UsageError } from './command.js';
import type { Terminal } from './terminal.js';

/** Variables, set or not. */
export type Environment = Terminal['env'];

/**
 * The environment with what a file adds to it. What is set already wins. Without a name it is `.env`, if there is one.
 *
 * @throws UsageError if the file that was named cannot be read
 */
export function withEnvFile(env: Environment, file?: string): Environment {
  let text: string;
  try {
    text = readFileSync(file ?? '.env', 'utf8');
  } catch {
    if (file === undefined) return env;
    throw new UsageError('the file that --env names cannot be read');
  }
  return { ...parseEnv(text), ...env };
}

/** In place of ids of organizations: the service user reads them all. */
export const EVERY_ORGANIZATION = '*';

/** What the variables say of the options. A variable without a value is not set. */
export type Settings = ReturnType<typeof readSettings>;

/** @throws UsageError when ZITADEL_ORGANIZATIONS names organizations, and all of them */
export function readSettings(env: Environment) {
  const text = (name: string) => env[name]?.trim() || undefined;
  const list = (name: string) =>
    text(name)
      ?.split(/[\s,]+/)
      .filter(Boolean);
  const projectId = text('ZITADEL_PROJECT_ID');
  const organizations = list('ZITADEL_ORGANIZATIONS');
  const isEvery = organizations?.includes(EVERY_ORGANIZATION) === true;
  if (isEvery && organizations.length > 1) {
    throw new UsageError(
      'ZITADEL_ORGANIZATIONS has * among others: write * alone for all organizations, or ids alone',
    );
  }
  return {
    issuer: text('ZITADEL_ISSUER'),
    internalUrl: text('ZITADEL_INTERNAL_URL'),
    projectId,
    audience: projectId ?? text('ZITADEL_CLIENT_ID'),
    /** Paths of key files. */
    apiKey: text('ZITADEL_API_KEY'),
    serviceUserKey: text('ZITADEL_SERVICE_USER_KEY'),
    /** Undefined: callers read their own memberships. */
    memberships: organizations && {
      as: 'serviceUser' as const,
      ...(!isEvery && { organizations }),
    },
    signingKeys: list('ZITADEL_SIGNING_KEY'),
  };
}

/**
 * What the environment says of the options. Each option that cannot be read is left out, and told.
 *
 * @throws UsageError without ZITADEL_ISSUER
 */
export function readEnvironment(env: Environment) {
  const problems: ZitadelOptionsError[] = [];
  const keyIn = (path: string | undefined, variable: string) => {
    try {
      return path === undefined ? undefined : keyFile(path);
    } catch (error) {
      if (!(error instanceof ZitadelOptionsError)) throw error;
      problems.push(new ZitadelOptionsError(error.option, `${variable}: ${error.message}`));
      return undefined;
    }
  };
  const { issuer, apiKey, serviceUserKey, signingKeys, ...others } = readSettings(env);
  if (issuer === undefined) {
    throw new UsageError(
      'ZITADEL_ISSUER must be set, in the environment or in .env: https://acme.zitadel.cloud',
    );
  }
  const plain = Object.entries(others).filter(([, value]) => value !== undefined);
  const client = keyIn(apiKey, 'ZITADEL_API_KEY');
  const serviceUser = keyIn(serviceUserKey, 'ZITADEL_SERVICE_USER_KEY');
  const options: ZitadelOptions = {
    issuer,
    ...Object.fromEntries(plain),
    ...(client && { callers: introspection(client) }),
    ...(serviceUser && { serviceUser }),
    ...(signingKeys && { events: { signingKeys: signingKeys as [string, ...string[]] } }),
  };
  return { options, problems };
}

/**
 * The options that the environment names, for commands that ask ZITADEL as the application does.
 *
 * @throws UsageError without ZITADEL_ISSUER, ZitadelOptionsError if a key file cannot be used
 */
export function optionsFromEnvironment(env: Environment): ZitadelOptions {
  const { options, problems } = readEnvironment(env);
  if (problems[0]) throw problems[0];
  return options;
}

/** The token of a caller. Whoever copied a header may have more than that. */
export function bareToken(text: string): string {
  return text.trim().replace(/^(?:authorization: *)?bearer +/i, '');
}

/** From the environment, else from a prompt or the standard input. @throws UsageError with this text if there is none */
export async function callerToken(
  env: Environment,
  terminal: Terminal,
  missing: string,
): Promise<string> {
  const given =
    env['ZITADEL_TOKEN'] ||
    (terminal.isInteractive
      ? await terminal.askSecret('Token (it is not shown): ')
      : await terminal.input());
  const token = bareToken(given);
  if (token !== '') return token;
  throw new UsageError(missing);
}
