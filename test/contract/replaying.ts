import { readFileSync } from 'node:fs';
import { RealWorld } from './real-world.js';
import { type Recorded, ReplayServer } from './replay-server.js';

export const SUFFIX = 'b737b2';
export const TOKEN = '<admin PAT>';

function json(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}

const ids = json('../captures/ids.json') as Readonly<Record<string, string>>;

/** The recorded id of what has this name. */
export function id(name: string): string {
  return String(ids[name]);
}

/** The recorded requests of a chapter whose names fit. */
export function recordedIn(path: string, names = /(?:)/): readonly Recorded[] {
  return (json(path) as readonly Recorded[]).filter(
    (entry) => 'request' in entry && names.test(entry.name),
  );
}

const open: ReplayServer[] = [];

/** A server that replies as the recorded one did. */
export async function replay(recorded: readonly Recorded[]): Promise<ReplayServer> {
  const server = await ReplayServer.start(recorded, ids);
  open.push(server);
  return server;
}

export async function closeServers(): Promise<void> {
  for (const server of open.splice(0)) await server.close();
}

/** The world of the suite on such a server. */
export function worldOn(
  server: ReplayServer,
  more: Parameters<typeof RealWorld.start>[2] = {},
): Promise<RealWorld> {
  return RealWorld.start({ origin: server.url, token: TOKEN }, SUFFIX, more);
}

/** Everything that a server was asked to change, as `METHOD path`. */
export function changesOn(server: ReplayServer): readonly string[] {
  return server.asked
    .filter(({ method, path }) => method !== 'GET' && !/_search$|ListAdministrators$/.test(path))
    .map(({ method, path }) => `${method} ${path}`);
}
