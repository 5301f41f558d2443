import { ZitadelEmulator } from '../../testing/emulator.js';
import { type Command, EXIT, FLAG, parse, TEXT, UsageError } from '../command.js';
import type { Terminal } from '../terminal.js';
import { SCHEMA_FILE } from './check.js';
import { control, type Controlled } from './control.js';
import { EMULATOR_HELP } from './help.js';
import { buildWorld, INSTANCE_IDS, type KeptSecrets } from './world.js';
import { type ReadWorld, readWorld } from './world-file.js';

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
  help: EMULATOR_HELP,
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
    const settings = { port: portOf(values.port), host, ...(issuer !== undefined && { issuer }) };
    const world = path === undefined ? EMPTY : await readWorld(path);
    const zitadel = prepare(settings, world, values['open-control']);
    try {
      await zitadel.listen();
    } catch (error) {
      await zitadel.stop();
      return failed(error, settings, terminal);
    }
    // Whoever waits for this line may end it at once.
    const stopped = untilStopped(terminal);
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

/** With its world, before it listens. */
function prepare(
  settings: { readonly port: number; readonly host: string; readonly issuer?: string },
  world: ReadWorld,
  isOpen: boolean,
): ZitadelEmulator {
  const kept: KeptSecrets = { secrets: new Map(), keyFiles: new Map() };
  const zitadel = prepared(settings, (...call) => control(controlled, ...call));
  const build = () => buildWorld(zitadel, world, kept);
  let made = build();
  const controlled: Controlled = {
    zitadel,
    kept,
    isOpen,
    get made() {
      return made;
    },
    reset() {
      zitadel.reset();
      made = build();
    },
  };
  return zitadel;
}

function prepared(
  settings: { readonly issuer?: string },
  beside: Parameters<typeof ZitadelEmulator.prepare>[2],
): ZitadelEmulator {
  try {
    return ZitadelEmulator.prepare(settings, INSTANCE_IDS, beside);
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(`--${error.message}`) : error;
  }
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

/** Ctrl-C, or whoever runs this process ends it. */
async function untilStopped({ stop }: Terminal): Promise<number> {
  const { promise, end } = ending();
  const terminated = () => end(EXIT.done);
  process.once('SIGTERM', terminated);
  if (stop.aborted) end(EXIT.interrupted);
  stop.addEventListener('abort', () => end(EXIT.interrupted), { once: true });
  try {
    return await promise;
  } finally {
    process.off('SIGTERM', terminated);
  }
}

function ending() {
  let end: (code: number) => void = () => undefined;
  const promise = new Promise<number>((resolve) => (end = resolve));
  return { promise, end };
}
