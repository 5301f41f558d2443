import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { createZitadel, org, role, type ExpressZitadel } from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import type { Figures } from './proof.js';

export const about = 'what a remembered answer costs: against a guard that returns true, and alone';

const HOUR_MS = 3_600_000;
const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));

interface World {
  readonly emulator: ZitadelEmulator;
  readonly orgId: string;
  readonly tokens: readonly string[];
  /** A user with a great many memberships. */
  readonly crowded: string;
}

/** A thousand users with tokens of about 1.1 kB, and one with ten thousand organizations. */
async function buildWorld(users: number, memberships: number): Promise<World> {
  const emulator = await ZitadelEmulator.start();
  const acme = emulator.addOrg('acme');
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
  return { emulator, orgId: acme.id, tokens, crowded: emulator.tokenFor(busy, { claims }) };
}

/** A string as Node makes it for each request: flat, and hashed by nobody yet. */
function freshHeader(token: string): string {
  return Buffer.from(`Bearer ${token}`).toString('latin1');
}

interface Alone {
  readonly nsPerCall: number;
  readonly bytesPerCall: number;
}

/** `authorize()` alone, each call with a header string of its own. */
async function alone(
  zitadel: ExpressZitadel,
  tokens: readonly string[],
  orgId: string,
  rounds: number,
): Promise<Alone> {
  const requirement = zitadel.decisions.prepare(role('ORG_OWNER', org.param('orgId')));
  const requestFor = (token: string) => ({
    headers: { authorization: freshHeader(token) },
    params: { orgId },
  });
  for (const token of tokens) await zitadel.decisions.authorize(requestFor(token), requirement);

  const times: number[] = [];
  const bytes: number[] = [];
  const calls = 2_000;
  for (let round = 0; round < rounds; round += 1) {
    const requests = Array.from({ length: calls }, (_, i) =>
      requestFor(tokens[i % tokens.length] ?? ''),
    );
    let allowed = 0;
    globalThis.gc?.();
    const heapBefore = process.memoryUsage().heapUsed;
    const start = process.hrtime.bigint();
    for (const request of requests) {
      const decision = zitadel.decisions.authorize(request, requirement);
      if (decision instanceof Promise) throw new Error('a remembered answer was not synchronous');
      if (decision.allowed) allowed += 1;
    }
    const ns = Number(process.hrtime.bigint() - start);
    const heap = process.memoryUsage().heapUsed - heapBefore;
    if (allowed !== calls) throw new Error('a warm request was denied');
    times.push(ns / calls);
    bytes.push(heap / calls);
  }
  return { nsPerCall: median(times.slice(2)), bytesPerCall: median(bytes.slice(2)) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
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

/** Ratios of one fresh process: CPU time of the trivial route over that of the guarded one, burst by burst. */
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
      world.tokens.map((token) =>
        Buffer.from(
          `GET /${path}/${world.orgId} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\n\r\n`,
        ),
      );
    const routes = { trivial: requests('trivial'), guarded: requests('guarded') };
    const measure = async (route: keyof typeof routes) => {
      const before = await cpuOf(child);
      await burst(sockets, routes[route], requestsPerBurst);
      return (await cpuOf(child)) - before;
    };
    // One by one, so that the memory is filled before anything is measured.
    for (const route of ['guarded', 'trivial'] as const) {
      await burst(sockets.slice(0, 1), routes[route], Math.max(world.tokens.length, 500));
      await measure(route);
    }
    const ratios: number[] = [];
    for (let pair = 0; pair < pairs; pair += 1) {
      const trivialFirst = pair % 2 === 0;
      const first = await measure(trivialFirst ? 'trivial' : 'guarded');
      const second = await measure(trivialFirst ? 'guarded' : 'trivial');
      ratios.push(trivialFirst ? first / second : second / first);
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

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress(text: string): void;
}): Promise<Figures> {
  const world = await buildWorld(short ? 50 : 1_000, short ? 500 : 10_000);
  try {
    const options = { ...world.emulator.options(), cache: { ttlMs: HOUR_MS, maxBytes: 2 ** 30 } };
    const rounds = short ? 6 : 60;
    const one = await alone(createZitadel(options), world.tokens, world.orgId, rounds);
    progress(
      `authorize() alone: ${one.nsPerCall.toFixed(0)} ns, ${one.bytesPerCall.toFixed(0)} bytes a call`,
    );
    const crowd = await alone(createZitadel(options), [world.crowded], world.orgId, rounds);
    progress(
      `the same with ${short ? 500 : '10,000'} memberships: ${crowd.nsPerCall.toFixed(0)} ns`,
    );

    const ratios: Record<'express' | 'fastify', number[]> = { express: [], fastify: [] };
    const processes = short ? 1 : 4;
    for (let number = 0; number < processes; number += 1) {
      for (const platform of ['express', 'fastify'] as const) {
        const order = number % 2 === 0 ? 'plain' : 'swapped';
        const perBurst = (platform === 'fastify' ? 4_000 : 1_500) / (short ? 5 : 1);
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
    return {
      // What is promised is that a warm answer is synchronous; how fast it is is reported as found.
      ok: true,
      expressRatio: round(express.median, 3),
      expressSpread: [round(express.low, 3), round(express.high, 3)],
      fastifyRatio: round(fastify.median, 3),
      fastifySpread: [round(fastify.low, 3), round(fastify.high, 3)],
      nsPerCall: round(one.nsPerCall, 0),
      bytesPerCall: round(one.bytesPerCall, 0),
      ns10000: round(crowd.nsPerCall, 0),
    };
  } finally {
    await world.emulator.stop();
  }
}
