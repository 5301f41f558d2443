import { once } from 'node:events';
import { ZitadelEmulator } from '../../testing/emulator.js';
import type { EmulatorSettings } from '../../testing/model.js';
import { type Command, EXIT, FLAG, parse, TEXT, UsageError } from '../command.js';
import type { Terminal } from '../terminal.js';
import { SCHEMA_FILE } from './check.js';
import { control, type Controlled } from './control.js';
import { buildWorld, INSTANCE_IDS, type KeptSecrets } from './world.js';
import { type ReadWorld, readWorld } from './world-file.js';

/** What `emulator --help` shows. */
const HELP = `Usage: npx nestjs-zitadel emulator [<world.yaml | world.json>] [--port <number>] [--host <address>]
                               [--issuer <origin>] [--open-control] [--json]
       npx nestjs-zitadel emulator --schema

A ZITADEL for tests on a port, for applications in any language: sign-in page, tokens, introspection, userinfo,
memberships and project grants. The file says what it holds. It runs until it is stopped, and keeps nothing.
Calls under /emulator tell ids and secrets, make tokens, change members, let calls fail and begin again.

Options:
  --port <number>    where it listens (default: 8080); 0 takes a free port
  --host <address>   at which address (default: 127.0.0.1); 0.0.0.0 for other machines and containers
  --issuer <origin>  under which address it is known, if another than the one printed: http://localhost:8080
  --open-control     lets other machines call /emulator too, which tells them every secret of this world
  --json             writes one line of JSON when it listens: url, issuer, control, pid
  --schema           writes where the JSON schema of worlds is, and ends
  -h, --help         shows this

Exit codes:
  0    stopped by SIGTERM; --schema: done
  1    it could not listen: the port is taken, or not allowed
  2    an argument or the world is wrong; nothing was started
  130  stopped by Ctrl-C

Examples:
  npx nestjs-zitadel emulator world.yaml
  npx nestjs-zitadel emulator world.json --port 0 --json
  curl -s http://127.0.0.1:8080/emulator/world
  curl -s http://127.0.0.1:8080/emulator/faults -d '{"endpoint":"memberships","fault":503,"times":1}'`;

const OPTIONS = {
  port: { ...TEXT, default: '8080' },
  host: { ...TEXT, default: '127.0.0.1' },
  issuer: TEXT,
  'open-control': { ...FLAG, default: false },
  json: { ...FLAG, default: false },
  schema: { ...FLAG, default: false },
} as const;

const EMPTY: ReadWorld = { path: '', file: {}, textOf: () => '' };

/** `emulator`. */
export const command: Command = {
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parse(args, OPTIONS, true);
    if (values.schema) {
      terminal.out(SCHEMA_FILE);
      return EXIT.done;
    }
    const [path, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError('One world at a time.');
    const { host, issuer, json } = values;
    // It would be every address of this machine.
    if (host.trim() === '') throw new UsageError('--host: an address is expected, not nothing');
    const settings = { port: portOf(values.port), host, issuer };
    const world = path === undefined ? EMPTY : await readWorld(path);
    const zitadel = prepare(settings, world, values['open-control']);
    try {
      await zitadel.listen();
    } catch (error) {
      await zitadel.stop();
      return failed(error, settings, terminal);
    }
    // Whoever waits for this line may end it at once.
    const stopped = once(process, 'SIGTERM', { signal: terminal.stop }).then(
      () => EXIT.done,
      () => EXIT.interrupted,
    );
    terminal.out(json ? lineOf(zitadel) : textOf(zitadel));
    const code = await stopped;
    await zitadel.stop();
    return code;
  },
};

function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new UsageError(`--port: a number from 0 to 65535 is expected, not ${text}`);
}

/** With its world, before it listens. @throws UsageError */
function prepare(settings: EmulatorSettings, world: ReadWorld, isOpen: boolean): ZitadelEmulator {
  const kept: KeptSecrets = { secrets: new Map(), keyFiles: new Map() };
  let zitadel: ZitadelEmulator;
  try {
    zitadel = ZitadelEmulator.prepare(settings, INSTANCE_IDS, (...call) =>
      control(controlled, ...call),
    );
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(`--${error.message}`) : error;
  }
  const controlled: Controlled = {
    kept,
    isOpen,
    made: buildWorld(zitadel, world, kept),
    reset() {
      zitadel.reset();
      controlled.made = buildWorld(zitadel, world, kept);
    },
  };
  return zitadel;
}

function lineOf({ url, issuer }: ZitadelEmulator): string {
  return JSON.stringify({ url, issuer, control: `${url}/emulator`, pid: process.pid });
}

function textOf({ url, issuer }: ZitadelEmulator): string {
  return `A ZITADEL for tests listens at ${url}
  issuer        ${issuer}
  ids, secrets  ${url}/emulator/world
  all calls     ${url}/emulator
Ctrl-C stops it.`;
}

function failed(
  error: unknown,
  { port, host }: { readonly port: number; readonly host: string },
  terminal: Terminal,
): number {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const why = WHY.get(code);
  if (why === undefined) throw error;
  terminal.tell(`It cannot listen at ${host}, port ${String(port)}: ${why}`);
  return EXIT.failed;
}

const WHY = new Map<unknown, string>([
  [
    'EADDRINUSE',
    'something else does, perhaps another emulator. Stop that, or choose another --port.',
  ],
  ['EACCES', 'this user may not. Choose a --port from 1024.'],
  ['EADDRNOTAVAIL', 'this machine has no such address. Choose another --host.'],
  ['ENOTFOUND', 'nothing is known by this name. Choose another --host.'],
]);
