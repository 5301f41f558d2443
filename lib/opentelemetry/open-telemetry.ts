import {
  type Attributes,
  type BatchObservableCallback,
  type MeterProvider,
  metrics,
  trace,
  type TracerProvider,
} from '@opentelemetry/api';
import type { Decision } from '../core/decision.js';
import { ZitadelArgumentError } from '../core/errors.js';
import type { StartTelemetry } from '../core/telemetry.js';
import { InstanceTelemetry } from './instance-telemetry.js';
import { instrumentsOf, Tally } from './metrics.js';

/** What {@link openTelemetry} can be told. */
export interface OpenTelemetryOptions {
  /**
   * From 0 to 1: of decisions from memory, the share that becomes a span. Of all decisions, the share whose age is recorded.
   *
   * @default 0.01
   */
  readonly sample?: number;
  /** @default the one that is registered with `@opentelemetry/api` when the module or `createZitadel()` is put together */
  readonly meterProvider?: MeterProvider;
  /** @default the one that is registered with `@opentelemetry/api` */
  readonly tracerProvider?: TracerProvider;
  /**
   * Attributes of your own for the spans of decisions. Without it nothing in them is personal. What you return leaves with your traces.
   *
   * @default none
   */
  readonly attributes?: (decision: Decision) => Attributes;
}

const NAME = 'nestjs-zitadel';

/**
 * Fills the option `telemetry`: spans and metrics by OpenTelemetry. Start the SDK before. docs/telemetry.md has the tables.
 *
 * @throws ZitadelArgumentError when `sample` is not from 0 to 1
 * @example `ZitadelModule.forRoot({ issuer, audience, telemetry: openTelemetry({ sample: 0.05 }) })`
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): StartTelemetry {
  const { sample = 0.01, attributes, tracerProvider = trace } = options;
  if (!(typeof sample === 'number' && sample >= 0 && sample <= 1)) {
    throw new ZitadelArgumentError('sample', 'sample must be a number from 0 to 1');
  }
  // By issuer: what two parts of an application count of one instance is one sum.
  const tallies = new Map<string | undefined, Tally>();
  let running = 0;
  let stop = (): void => undefined;
  const begin = () => {
    const meter = (options.meterProvider ?? metrics).getMeter(NAME);
    const instruments = instrumentsOf(meter);
    const observe: BatchObservableCallback = (result) => {
      for (const tally of tallies.values()) tally.observe(result, instruments);
    };
    const { decisions, lookups, breakerState } = instruments;
    meter.addBatchObservableCallback(observe, [decisions, lookups, breakerState]);
    stop = () => meter.removeBatchObservableCallback(observe, [decisions, lookups, breakerState]);
    return instruments;
  };
  let instruments: ReturnType<typeof begin> | undefined;
  return ({ issuer }) => {
    const server = serverOf(issuer);
    const tally = tallies.get(issuer) ?? new Tally(server);
    tallies.set(issuer, tally);
    instruments ??= begin();
    running += 1;
    let isClosed = false;
    const close = () => {
      if (isClosed) return;
      isClosed = true;
      running -= 1;
      if (running > 0) return;
      stop();
      instruments = undefined;
    };
    const tracer = tracerProvider.getTracer(NAME);
    return new InstanceTelemetry({ tally, instruments, tracer, server, sample, attributes, close });
  };
}

function serverOf(issuer: string | undefined): Attributes {
  if (issuer === undefined) return {};
  const { hostname, port, protocol } = new URL(issuer);
  const usual = protocol === 'https:' ? 443 : 80;
  return { 'server.address': hostname, 'server.port': port === '' ? usual : Number(port) };
}
