import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import type { Figures } from './proof.js';
import {
  bareLookUp,
  checkoutOf,
  measure,
  median,
  type Route,
  timesAsLong,
  type Tokens,
} from './warm-calls.js';

export const about = 'what a remembered caller costs: against a guard that returns true, and alone';

const HOUR_MS = 3_600_000;
const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));

interface World {
  readonly emulator: ZitadelEmulator;
  readonly asked: Tokens;
  /** A user with a great many memberships. */
  readonly crowded: string;
}

/** A thousand users with tokens of about 1.1 kB, and one with thousands of organizations. */
export async function buildWorld(users: number, memberships: number): Promise<World> {
  const emulator = await ZitadelEmulator.start();
  const acme = emulator.addOrg('acme');
  const { id: projectId } = emulator.addProject('work', { org: acme });
  const claims = { 'urn:zitadel:iam:user:metadata': { padding: 'x'.repeat(280) } };
  const tokens: string[] = [];
  for (let i = 0; i < users; i += 1) {
    const user = emulator.addUser(`user-${i}`, { org: acme });
    emulator.addMember(user, { org: acme }, ['ORG_OWNER']);
    tokens.push(emulator.tokenFor(user, { claims }));
  }
  const busy = emulator.addUser('busy', { org: acme });
  emulator.addMember(busy, { org: acme }, ['ORG_OWNER']);
  for (let i = 1; i < memberships; i += 1) {
    emulator.addMember(busy, { org: emulator.addOrg(`org-${i}`) }, ['ORG_OWNER_VIEWER']);
  }
  const asked = { tokens, orgId: acme.id, projectId };
  return { emulator, asked, crowded: emulator.tokenFor(busy, { claims }) };
}

const FEW = 8;

/** `authorize()` alone beside the bare look-up. Each subject has a library of its own, so none disturbs what another one remembers. */
async function alone(
  { emulator, asked, crowded }: World,
  rounds: number,
  against: string | undefined,
) {
  const options = { ...emulator.options(), cache: { ttlMs: HOUR_MS, maxBytes: 2 ** 30 } };
  const subject = async (name: string, route: Route, of: Tokens, folder = root) =>
    (await checkoutOf(folder, options)).subject(name, route, of);
  const few = { ...asked, tokens: asked.tokens.slice(0, FEW) };
  const one = { ...asked, tokens: asked.tokens.slice(0, 1) };
  const many = [
    await subject('org', 'org', asked),
    bareLookUp('bare', asked),
    await subject('project', 'project', asked),
    await subject('permission', 'permission', asked),
    ...(against ? [await subject('before', 'org', asked, against)] : []),
  ];
  const small = [
    await subject('org8', 'org', few),
    bareLookUp('bare8', few),
    bareLookUp('oneClock8', few, true),
    await subject('one', 'org', one),
    await subject('rows', 'org', { ...asked, tokens: [crowded] }),
  ];
  const [costs, costs8] = [measure(many, rounds), measure(small, rounds)];
  const org = costs.get('org') ?? [];
  return {
    overLookup: round(timesAsLong(costs, 'org', 'bare'), 2),
    overLookup8: round(timesAsLong(costs8, 'org8', 'bare8'), 2),
    overOneClock8: round(timesAsLong(costs8, 'org8', 'oneClock8'), 2),
    projectRatio: round(timesAsLong(costs, 'project', 'org'), 2),
    permissionRatio: round(timesAsLong(costs, 'permission', 'org'), 2),
    rowsRatio: round(timesAsLong(costs8, 'rows', 'one'), 2),
    nsPerCall: round(median(org.map(({ ns }) => ns)), 0),
    bytesPerCall: round(median(org.map(({ bytes }) => bytes)), 0),
    ...(against && { speedup: round(timesAsLong(costs, 'before', 'org'), 2) }),
  };
}

/** Keeps `connections` busy with pipelined requests until `total` answers have arrived; every answer must be a 200. */
async function burst(sockets: readonly Socket[], requests: readonly Buffer[], total: number) {
  const depth = 8;
  let sent = 0;
  let answered = 0;
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve, reject) => {
          let open = 0;
          let tail = '';
          const more = () => {
            const count = Math.min(depth, total - sent);
            if (count <= 0) return finish();
            const from = sent % requests.length;
            const batch = Array.from(
              { length: count },
              (_, i) => requests[(from + i) % requests.length] ?? Buffer.alloc(0),
            );
            sent += count;
            open = count;
            socket.write(Buffer.concat(batch));
          };
          const read = (chunk: Buffer) => {
            const text = tail + chunk.toString('latin1');
            const parts = text.split('HTTP/1.1 ');
            // What may be the beginning of the next answer is looked at again.
            tail = parts.length > 1 ? '' : text;
            for (const part of parts.slice(1)) {
              if (!part.startsWith('200'))
                return fail(new Error(`an answer of ${part.slice(0, 3)}`));
              open -= 1;
              answered += 1;
            }
            if (open === 0) more();
          };
          const finish = () => {
            socket.off('data', read);
            socket.off('error', fail);
            resolve();
          };
          const fail = (error: Error) => {
            finish();
            reject(error);
          };
          socket.on('data', read);
          socket.on('error', fail);
          more();
        }),
    ),
  );
  if (answered !== total) throw new Error(`${answered} answers to ${total} requests`);
}

async function message<T>(child: ChildProcess): Promise<T> {
  const [said] = (await once(child, 'message')) as [T];
  return said;
}

async function cpuOf(child: ChildProcess): Promise<number> {
  const said = message<{ cpuMicros: number }>(child);
  child.send('cpu');
  return (await said).cpuMicros;
}

const ROUTES = ['guarded', 'trivial'] as const;
/**
 * Of a pair. A core that is slow for a second is slow for both routes. A collection of garbage counts for the route on which it falls, so
 * there must be many.
 */
const TURNS = 20;

/** Ratios of one fresh process, a pair each: CPU time of the trivial route over that of the guarded one. */
async function ratiosOfProcess(
  world: World,
  platform: 'express' | 'fastify',
  order: 'plain' | 'swapped',
  pairs: number,
  requestsPerBurst: number,
): Promise<readonly number[]> {
  const options = { ...world.emulator.options(), cache: { ttlMs: HOUR_MS } };
  const child = fork(
    join(root, 'test', 'evidence', 'warm-server.mjs'),
    [platform, order, JSON.stringify(options)],
    { cwd: root, execArgv: [] },
  );
  const sockets: Socket[] = [];
  try {
    const { port } = await message<{ port: number }>(child);
    // One core for the server, one for the load, where there are two.
    spawnSync('taskset', ['-pc', '0', String(child.pid)], { stdio: 'ignore' });
    for (let i = 0; i < 16; i += 1) sockets.push(connect(port, '127.0.0.1').setNoDelay());
    const requests = (path: string) =>
      world.asked.tokens.map((token) =>
        Buffer.from(
          `GET /${path}/${world.asked.orgId} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\n\r\n`,
        ),
      );
    const routes = { trivial: requests('trivial'), guarded: requests('guarded') };
    const measure = async (route: (typeof ROUTES)[number]) => {
      const before = await cpuOf(child);
      await burst(sockets, routes[route], requestsPerBurst);
      return (await cpuOf(child)) - before;
    };
    // One by one, so that the memory is filled before anything is measured.
    for (const route of ROUTES) {
      await burst(sockets.slice(0, 1), routes[route], Math.max(world.asked.tokens.length, 500));
      await measure(route);
    }
    const ratios: number[] = [];
    for (let pair = 0; pair < pairs; pair += 1) {
      const cpuMicros = { trivial: 0, guarded: 0 };
      for (let turn = 0; turn < TURNS; turn += 1) {
        const order = turn % 2 === 0 ? ROUTES : ROUTES.toReversed();
        for (const route of order) cpuMicros[route] += await measure(route);
      }
      ratios.push(cpuMicros.trivial / cpuMicros.guarded);
    }
    return ratios;
  } finally {
    for (const socket of sockets) socket.destroy();
    child.disconnect();
    if (child.exitCode === null) await once(child, 'exit');
  }
}

function spread(ratios: readonly number[]): { median: number; low: number; high: number } {
  const sorted = [...ratios].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
  return { median: at(0.5), low: at(0.1), high: at(0.9) };
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));

/**
 * What each figure may be at most. In its short form the proof runs beside others: only what load cannot break is held to its aim, and
 * ratios to what a mistake would bring.
 */
const MOST = {
  overLookup: [1.8, 8],
  overLookup8: [1.3, 8],
  overOneClock8: [1.5, 8],
  projectRatio: [1.3, 8],
  permissionRatio: [1.5, 40],
  rowsRatio: [1.5, 8],
  bytesPerCall: [120, 160],
} as const satisfies Record<string, readonly [aim: number, underLoad: number]>;

/** Of the trivial guard: what is left at least. */
const LEAST = { expressRatio: [0.95, 0.5], fastifyRatio: [0.88, 0.4] } as const;

/** The names of the figures that miss their aims. */
function missed(figures: Readonly<Record<string, number>>, short: boolean): readonly string[] {
  const at = short ? 1 : 0;
  return [
    ...Object.entries(MOST).filter(([name, most]) => !((figures[name] ?? NaN) <= most[at])),
    ...Object.entries(LEAST).filter(([name, least]) => !((figures[name] ?? NaN) >= least[at])),
  ].map(([name]) => name);
}

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Figures> {
  // The folder of another checkout that is built, to compare with in the same sitting.
  const against = process.env['WARM_AGAINST'];
  const world = await buildWorld(short ? 50 : 1_000, short ? 500 : 10_000);
  try {
    const calls = await alone(world, short ? 6 : 60, against);
    progress(`authorize() alone: ${JSON.stringify(calls)}`);

    const ratios: Record<'express' | 'fastify', number[]> = { express: [], fastify: [] };
    const processes = short ? 1 : 4;
    for (let number = 0; number < processes; number += 1) {
      for (const platform of ['express', 'fastify'] as const) {
        const order = number % 2 === 0 ? 'plain' : 'swapped';
        const perBurst = (platform === 'fastify' ? 800 : 400) / (short ? 5 : 1);
        const found = await ratiosOfProcess(world, platform, order, short ? 3 : 15, perBurst);
        ratios[platform].push(...found);
        const { median: middle, low, high } = spread(found);
        progress(
          `${platform}, process ${number + 1} of ${processes}: ${middle.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`,
        );
      }
    }
    const express = spread(ratios.express);
    const fastify = spread(ratios.fastify);
    const figures = {
      ...calls,
      expressRatio: round(express.median, 3),
      fastifyRatio: round(fastify.median, 3),
    };
    const misses = missed(figures, short);
    return {
      ok: misses.length === 0,
      missed: misses,
      ...figures,
      expressSpread: [round(express.low, 3), round(express.high, 3)],
      fastifySpread: [round(fastify.low, 3), round(fastify.high, 3)],
    };
  } finally {
    await world.emulator.stop();
  }
}
