import { type ChildProcess, fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type EventsStatus, verifyEvent } from 'nestjs-zitadel/express';
import { entryOf } from '../captures/recording.js';
import type { Figures } from './proof.js';

export const about =
  'deliveries: every flipped bit refused, recorded ones taken, a flood holds no memory, quick answers';

interface Delivery {
  readonly at: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly raw: string;
}

const RECEIVED = 21;
const { signingKey, deliveries } = entryOf('webhooks', RECEIVED) as unknown as {
  readonly signingKey: string;
  readonly deliveries: readonly Delivery[];
};
const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));

/** As many as ZITADEL would send at once with the workers of several nodes. */
const AT_ONCE = 16;
const MOST_ACK_MS = 20;
const FLIPS = 8_000;
/** Some code that was compiled meanwhile, and sockets. */
const MOST_GROWTH_MIB = 8;

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress: (text: string) => void;
}): Promise<Figures> {
  const recordedAccepted = deliveries.filter(isTaken).length;
  progress(`${recordedAccepted} of ${deliveries.length} recorded deliveries are taken`);
  const { flips, accepted } = flipAll(short ? deliveries.slice(0, 3) : deliveries);
  progress(`${flips} deliveries with one bit flipped: ${accepted} taken`);
  const server = await openServer();
  try {
    await burst(server, 200);
    const unsigned = short ? 2_000 : 100_000;
    const { growthMiB, refused } = await flood(server, unsigned);
    progress(`${unsigned} unsigned deliveries: ${refused} refused, ${growthMiB} MiB more are held`);
    const times = await burst(server, short ? 500 : 5_000);
    const ackP99Ms = Number((times[Math.ceil(times.length * 0.99) - 1] ?? Infinity).toFixed(2));
    progress(`${times.length} deliveries at once: the slowest of 99 in 100 took ${ackP99Ms} ms`);
    return {
      ok:
        flips >= FLIPS &&
        recordedAccepted === deliveries.length &&
        refused === unsigned &&
        growthMiB <= MOST_GROWTH_MIB &&
        // Others may use the machine while the short form runs.
        (short || ackP99Ms <= MOST_ACK_MS),
      flips,
      accepted,
      recorded: deliveries.length,
      recordedAccepted,
      unsigned,
      growthMiB,
      burst: times.length,
      ackP99Ms,
    };
  } finally {
    server.library.kill();
    server.agent.destroy();
  }
}

function isTaken({ raw, headers, at }: Delivery): boolean {
  return verifyEvent(Buffer.from(raw), headers, signingKey, at).valid;
}

/** Every bit of every body, and of every signature with its time. */
function flipAll(some: readonly Delivery[]): { readonly flips: number; readonly accepted: number } {
  let flips = 0;
  let accepted = 0;
  for (const { raw, headers, at } of some) {
    const signature = headers['zitadel-signature'] ?? '';
    const count = (body: Uint8Array, header: string) => {
      flips += 1;
      if (verifyEvent(body, { 'zitadel-signature': header }, signingKey, at).valid) accepted += 1;
    };
    for (const body of flippedOf(Buffer.from(raw))) count(body, signature);
    for (const header of flippedOf(Buffer.from(signature))) {
      count(Buffer.from(raw), header.toString('latin1'));
    }
  }
  return { flips, accepted };
}

function* flippedOf(bytes: Buffer): Generator<Buffer> {
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield flipped;
  }
}

interface Server {
  readonly library: ChildProcess;
  readonly port: number;
  readonly agent: Agent;
}

async function openServer(): Promise<Server> {
  const file = join(root, 'test', 'evidence', 'webhook-server.mjs');
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
  const library = fork(file, [signingKey], { execArgv: ['--expose-gc'], stdio: [...stdio] });
  const [{ port }] = (await once(library, 'message')) as [{ readonly port: number }];
  return { library, port, agent: new Agent({ keepAlive: true, maxSockets: AT_ONCE }) };
}

async function held({ library }: Server): Promise<{ readonly held: number } & EventsStatus> {
  library.send('how much?');
  const [told] = (await once(library, 'message')) as [{ readonly held: number } & EventsStatus];
  return told;
}

/** One of a hundred is as long as a delivery may be. */
async function flood(server: Server, count: number) {
  const body = Buffer.from(deliveries[0]?.raw ?? '');
  const long = Buffer.alloc(256 * 1_024, ' ');
  const before = await held(server);
  await each(count, (place) => post(server, place % 100 === 99 ? long : body, {}));
  const after = await held(server);
  const growthMiB = Math.max(0, (after.held - before.held) / 2 ** 20);
  return {
    growthMiB: Number(growthMiB.toFixed(1)),
    refused: after.refused.malformed - before.refused.malformed,
  };
}

let sequence = 0;

/** How long each took, the quickest first. */
async function burst(server: Server, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  const taken = (await held(server)).received;
  await each(count, async () => {
    sequence += 1;
    const told = { ...(JSON.parse(deliveries[0]?.raw ?? '') as object), sequence };
    const body = JSON.stringify({ ...told, event_payload: { userId: String(sequence) } });
    const t = Math.floor(Date.now() / 1_000);
    const digest = createHmac('sha256', signingKey).update(`${t}.${body}`).digest('hex');
    const start = performance.now();
    await post(server, Buffer.from(body), { 'ZITADEL-Signature': `t=${t},v1=${digest}` });
    times.push(performance.now() - start);
  });
  if ((await held(server)).received !== taken + count) throw new Error('a delivery got lost');
  return times.sort((one, other) => one - other);
}

async function each(count: number, run: (place: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let place = next++; place < count; place = next++) await run(place);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function post(
  { port, agent }: Server,
  body: Buffer,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const all = { ...headers, 'Content-Type': 'application/json', 'Content-Length': body.length };
    const sent = request({ port, agent, method: 'POST', path: '/zitadel/events', headers: all });
    sent.on('error', reject);
    sent.on('response', (response) => response.on('end', resolve).resume());
    sent.end(body);
  });
}
