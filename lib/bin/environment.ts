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

/** What the environment says of the options. Each option that cannot be read is left out, and told. */
interface ReadEnvironment {
  readonly options: ZitadelOptions;
  readonly problems: readonly ZitadelOptionsError[];
}

/** @throws UsageError without ZITADEL_ISSUER */
export function readEnvironment(env: Environment): ReadEnvironment {
  const problems: ZitadelOptionsError[] = [];
  const text = (name: string) => env[name] || undefined;
  const list = (name: string) =>
    text(name)
      ?.split(/[\s,]+/)
      .filter(Boolean);
  const withKey = <T>(name: string, make: (key: ReturnType<typeof keyFile>) => T): T | object => {
    const path = text(name);
    if (path === undefined) return {};
    try {
      return make(keyFile(path));
    } catch (error) {
      if (!(error instanceof ZitadelOptionsError)) throw error;
      problems.push(new ZitadelOptionsError(error.option, `${name}: ${error.message}`));
      return {};
    }
  };
  const issuer = text('ZITADEL_ISSUER');
  if (issuer === undefined) {
    throw new UsageError(
      'ZITADEL_ISSUER must be set, in the environment or in .env: https://acme.zitadel.cloud',
    );
  }
  const internalUrl = text('ZITADEL_INTERNAL_URL');
  const projectId = text('ZITADEL_PROJECT_ID');
  const audience = projectId ?? text('ZITADEL_CLIENT_ID');
  const organizations = list('ZITADEL_ORGANIZATIONS');
  const signingKeys = list('ZITADEL_SIGNING_KEY') as [string, ...string[]] | undefined;
  const options = {
    issuer,
    ...(internalUrl !== undefined && { internalUrl }),
    ...(projectId !== undefined && { projectId }),
    ...(audience !== undefined && { audience }),
    ...withKey('ZITADEL_API_KEY', (key) => ({ callers: introspection(key) })),
    ...withKey('ZITADEL_SERVICE_USER_KEY', (serviceUser) => ({ serviceUser })),
    ...(organizations && { memberships: { as: 'serviceUser' as const, organizations } }),
    ...(signingKeys && { events: { signingKeys } }),
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
