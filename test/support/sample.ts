import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { ZitadelEmulator } from '../../lib/testing/index.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const entry = join(root, '.build', 'sample-app', 'main.js');

/** The compiled sample app, in a process of its own. */
export interface Sample {
  readonly url: string;
  /** Everything it has printed so far. */
  output(): string;
  /** Sends SIGINT, as Ctrl-C does, and answers how the process ended. */
  stop(): Promise<number | null>;
}

/** Builds what is missing; the whole check has built everything before. */
export async function buildSample(): Promise<void> {
  const run = promisify(execFile);
  const nest = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  if (!existsSync(join(root, 'dist', 'index.js'))) {
    await run(process.execPath, [nest, 'build'], { cwd: root });
  }
  if (!existsSync(entry)) await run(process.execPath, [nest, 'build', 'sample-app'], { cwd: root });
}

/** Starts it and answers once it prints its address. @throws with all its output when it ends before that */
export async function startSample(
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Sample> {
  const child = spawn(process.execPath, [entry], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const endWithUs = (): boolean => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  let output = '';
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (text: string): void => {
      output += text;
      const address = /nestjs-zitadel sample: open (http:\S+)\n/.exec(output)?.[1];
      if (address !== undefined) resolve(address);
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    // Not before the output is complete.
    child.once('close', (code) => reject(new Error(`ended with ${String(code)}: ${output}`)));
  });
  return {
    url,
    output: () => output,
    async stop() {
      child.kill('SIGINT');
      const [code] = await exited;
      process.off('exit', endWithUs);
      return code;
    },
  };
}

/** Signs a seeded person in as a browser would: authorization code with PKCE, over HTTP. Answers the access token. */
export async function signInTo(url: string, name: string): Promise<string> {
  const { issuer, clientId, scope } = (await (await fetch(`${url}/api/config`)).json()) as Record<
    'issuer' | 'clientId' | 'scope',
    string
  >;
  const verifier = randomBytes(32).toString('base64url');
  const redirectUri = `${url}/`;
  const asked = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope,
    state: 'any',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const page = await (await fetch(`${issuer}/oauth/v2/authorize?${asked.toString()}`)).text();
  const authRequest = /name="authRequest" value="([^"]+)"/.exec(page)?.[1] ?? '';
  const userId = new RegExp(`value="(\\d+)">${name} `).exec(page)?.[1] ?? '';
  const picked = await fetch(`${issuer}/ui/v2/login/login`, {
    method: 'POST',
    body: new URLSearchParams({ authRequest, userId }),
    redirect: 'manual',
  });
  const code = new URL(picked.headers.get('location') ?? '').searchParams.get('code') ?? '';
  const reply = await fetch(`${issuer}/oauth/v2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      client_id: clientId,
      code_verifier: verifier,
    }),
  });
  return ((await reply.json()) as { access_token: string }).access_token;
}

/** The sample as it runs on a ZITADEL of somebody else, until the test ends. */
export async function onZitadel(env: Readonly<Record<string, string>> = {}) {
  const started = await startOnZitadel(env);
  onTestFinished(started.stop);
  return started;
}

/** As `onZitadel`, until it is stopped. The only knowledge of the sample is its environment. */
export async function startOnZitadel(env: Readonly<Record<string, string>> = {}) {
  const zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme');
  const globex = zitadel.addOrg('globex');
  const project = zitadel.addProject('portal', { org: acme, roles: ['reader'] });
  const alice = zitadel.addUser('alice', { org: acme });
  zitadel.addMember(alice, { project }, ['PROJECT_OWNER']);
  const granter = zitadel.addServiceUser('granter', { org: acme });
  zitadel.addMember(granter, { org: acme }, ['ORG_OWNER']);
  const folder = await mkdtemp(join(tmpdir(), 'sample-'));
  const keyFile = join(folder, 'service-user.json');
  await writeFile(keyFile, zitadel.addKey(granter));
  const environment = {
    ZITADEL_ISSUER: zitadel.issuer,
    ZITADEL_CLIENT_ID: '4711',
    ZITADEL_PROJECT_ID: zitadel.defaultProject.id,
    ZITADEL_SERVICE_USER_KEY: keyFile,
    ...env,
  };
  const sample = await startSample(environment);
  return {
    zitadel,
    sample,
    env: environment,
    acme,
    globex,
    project,
    token: zitadel.tokenFor(alice),
    stop: async () => {
      await sample.stop();
      await Promise.all([rm(folder, { recursive: true }), zitadel.stop()]);
    },
  };
}
