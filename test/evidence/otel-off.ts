import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AggregationTemporality, InMemoryMetricExporter } from '@opentelemetry/sdk-metrics';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  SimpleSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { ZitadelOptions } from 'nestjs-zitadel/express';
import type * as Entry from 'nestjs-zitadel/opentelemetry';
import type { Figures, RunOptions } from './proof.js';
import { buildWorld } from './warm.js';
import { checkoutOf, measure, median, timesAsLong } from './warm-calls.js';

export const about =
  'what telemetry costs a remembered caller: absent, off, without an SDK, and on';

const HOUR_MS = 3_600_000;
const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));

/** What is kept would have to be looked at by each collection of garbage. */
const FORGETTING: SpanExporter = {
  export: (_spans, done) => done({ code: 0 }),
  shutdown: () => Promise.resolve(),
};

/** OpenTelemetry's own SDK, with a way out for spans that leads nowhere. */
function startSdk() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const spanProcessors = [new SimpleSpanProcessor(FORGETTING)];
  const readers = [new PeriodicExportingMetricReader({ exporter })];
  return {
    meterProvider: new MeterProvider({ readers }),
    tracerProvider: new BasicTracerProvider({ spanProcessors }),
  };
}

type Telemetry = Pick<ZitadelOptions, 'telemetry'>;
type Choose = (load: () => Promise<typeof Entry>) => Promise<Telemetry>;

/** By name. Each has a copy of the library, so that what the compiler learns from one is of no use to another. */
function choices(sdk: ReturnType<typeof startSdk>): Readonly<Record<string, Choose>> {
  const none: Choose = () => Promise.resolve({});
  const on =
    (options?: Parameters<typeof Entry.openTelemetry>[0]): Choose =>
    async (load) => ({ telemetry: (await load()).openTelemetry(options) });
  return {
    absent: none,
    again: none,
    off: async (load) => {
      await load();
      return {};
    },
    idle: on(),
    sampled: on({ ...sdk, sample: 0.01 }),
    every: on({ ...sdk, sample: 1 }),
  };
}

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const sdk = startSdk();
  mkdirSync(join(root, '.build'), { recursive: true });
  const copies = mkdtempSync(join(root, '.build', 'otel-off-'));
  const { emulator, asked } = await buildWorld(short ? 50 : 1_000, 1);
  try {
    const subjects = await Promise.all(
      Object.entries(choices(sdk)).map(async ([name, choose]) => {
        const folder = join(copies, name);
        cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
        cpSync(join(root, 'package.json'), join(folder, 'package.json'));
        const entry = pathToFileURL(join(folder, 'dist', 'opentelemetry', 'index.js')).href;
        const telemetry = await choose(async () => (await import(entry)) as typeof Entry);
        const cache = { ttlMs: HOUR_MS, maxBytes: 2 ** 30 };
        const options = { ...emulator.options(), cache, ...telemetry };
        return (await checkoutOf(folder, options)).subject(name, 'org', asked);
      }),
    );
    const costs = measure(subjects, short ? 6 : 60);
    const nsOf = (name: string) => round(median((costs.get(name) ?? []).map(({ ns }) => ns)), 0);
    for (const { name } of subjects) progress(`${name}: ${nsOf(name)} ns a decision`);
    const ratio = (name: string) => round(timesAsLong(costs, name, 'absent'), 3);
    return {
      ok: true,
      nsAbsent: nsOf('absent'),
      noise: ratio('again'),
      offRatio: ratio('off'),
      idleRatio: ratio('idle'),
      sampledRatio: ratio('sampled'),
      everyRatio: ratio('every'),
    };
  } finally {
    await emulator.stop();
    await sdk.meterProvider.shutdown();
    rmSync(copies, { recursive: true, force: true });
  }
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));
