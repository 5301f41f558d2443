import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'the command emulator: clients in Python sign in, introspect and read memberships; it starts quickly';

const CLIENTS = 20;
const MOST_START_MS = 300;
const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'cli-emulator-'));
  const world = join(folder, 'world.json');
  await writeFile(world, JSON.stringify(worldOf(CLIENTS)));
  const running: ChildProcess[] = [];
  try {
    const times: number[] = [];
    for (let start = 0; start < (short ? 3 : 10); start += 1) {
      const { ms, child } = await begin(world, running);
      times.push(ms);
      child.kill('SIGTERM');
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`SIGTERM ended it with ${code}`);
    }
    const startMs = Math.round(
      times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Infinity,
    );
    progress(`started ${times.length} times: ${times.map(Math.round).join(', ')} ms`);
    const { url } = await begin(world, running);
    const { failed, clients, errors } = await askedBy(url);
    progress(`${clients} clients in Python: ${failed} failed`);
    for (const error of errors) progress(error);
    return {
      // Others may use the machine while the short form runs.
      ok: clients === CLIENTS && failed === 0 && (short || startMs < MOST_START_MS),
      clients,
      failed,
      startMs,
    };
  } finally {
    for (const child of running) child.kill();
    await rm(folder, { recursive: true });
  }
}

/** From the start of the process to the line that says that it listens. */
async function begin(world: string, running: ChildProcess[]) {
  const before = performance.now();
  const child = spawn(
    process.execPath,
    [join(root, 'dist/bin/nestjs-zitadel.js'), 'emulator', world, '--port', '0', '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  running.push(child);
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const ms = performance.now() - before;
  return { ms, child, url: (JSON.parse(line) as { url: string }).url };
}

interface Asked {
  readonly clients: number;
  readonly failed: number;
  readonly errors: readonly string[];
}

async function askedBy(url: string): Promise<Asked> {
  const script = join(root, 'test/evidence/cli-emulator.py');
  const { stdout } = await promisify(execFile)('python3', [script, url, String(CLIENTS)]);
  return JSON.parse(stdout) as Asked;
}

/** A person for each client: every second one owns the organization. */
function worldOf(clients: number) {
  const names = Array.from({ length: clients }, (_, number) => `user-${number}`);
  return {
    organizations: [{ name: 'acme' }, { name: 'customer' }],
    users: names.map((userName) => ({
      userName,
      organization: 'customer',
      password: `password of ${userName}`,
    })),
    serviceUsers: [{ userName: 'backend', organization: 'acme' }],
    projects: [
      {
        name: 'portal',
        organization: 'acme',
        roles: ['reader'],
        applications: [
          { name: 'web', type: 'web', redirectUris: ['http://localhost:3000/callback'] },
          { name: 'api', type: 'api' },
        ],
      },
    ],
    members: names
      .filter((_, number) => number % 2 === 1)
      .map((user) => ({ user, organization: 'acme', roles: ['ORG_OWNER'] })),
  };
}
