import { context, trace, type Attributes } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { type Histogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Express, Request } from 'express';
import {
  createZitadel,
  type ExpressZitadel,
  org,
  permission,
  project,
  requireThat,
  role,
  type SeveralInstances,
  type ZitadelOptions,
  zitadelEvents,
} from '../../lib/express/index.js';
import { openTelemetry, type OpenTelemetryOptions } from '../../lib/opentelemetry/index.js';
import type { ZitadelSurroundings } from '../../lib/services.js';
import { startExpress } from '../support/start.js';

/** One series of a metric. */
export interface Point {
  readonly attributes: Attributes;
  readonly value: number | Histogram;
}

class OnDemand extends MetricReader {
  protected override onForceFlush() {
    return Promise.resolve();
  }

  protected override onShutdown() {
    return Promise.resolve();
  }
}

/** OpenTelemetry's own SDK, which keeps what it is told. */
export class Sdk {
  readonly #spans = new InMemorySpanExporter();
  readonly #reader = new OnDemand();
  readonly meterProvider = new MeterProvider({ readers: [this.#reader] });
  readonly tracerProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(this.#spans)],
  });

  telemetry(options: OpenTelemetryOptions = {}) {
    const { meterProvider, tracerProvider } = this;
    return openTelemetry({ meterProvider, tracerProvider, ...options });
  }

  /** All metrics that were told of, by name. */
  async metrics() {
    const { resourceMetrics } = await this.#reader.collect();
    const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
    return new Map(all.map((each) => [each.descriptor.name, each]));
  }

  /** The series of a metric. Where the instance is known it is always the same, so it is left out. */
  async points(name: string): Promise<Point[]> {
    const { dataPoints = [] } = (await this.metrics()).get(name) ?? {};
    return dataPoints.map(({ attributes, value }) => {
      const { 'server.address': _host, 'server.port': _port, ...rest } = attributes as Attributes;
      return { attributes: rest, value: value as Point['value'] };
    });
  }

  /** What was counted, by the attributes in one line. */
  async counts(name: string): Promise<Readonly<Record<string, number>>> {
    const points = await this.points(name);
    return Object.fromEntries(
      points.map(({ attributes, value }) => [
        Object.values(attributes).join(' '),
        typeof value === 'number' ? value : value.count,
      ]),
    );
  }

  spans(): ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  /** The spans as a tree: each with what is inside, in the order in which they began. */
  tree(parent?: string): readonly object[] {
    return this.spans()
      .filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent)
      .sort((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1])
      .map((span) => ({ [span.name]: this.tree(span.spanContext().spanId) }));
  }

  /** Does work inside a span of the application. */
  within<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.tracerProvider.getTracer('application').startActiveSpan(name, async (span) => {
      try {
        return await work();
      } finally {
        span.end();
      }
    });
  }

  forgetSpans(): void {
    this.#spans.reset();
  }
}

/** What an application has that traces its requests. */
export function useContext(): void {
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });
  afterAll(() => context.disable());
}

/** An application of Express with a route for each kind of requirement, and a span around each request. */
export async function application(
  sdk: Sdk,
  options: ZitadelOptions | SeveralInstances,
  surroundings: ZitadelSurroundings = {},
) {
  const zitadel = createZitadel(options as ZitadelOptions, surroundings);
  const running = await startExpress((app) => routes(app, zitadel, sdk));
  onTestFinished(async () => {
    await running.close();
    await zitadel.close();
  });
  const ask = async (path: string, token?: string): Promise<number> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const { status } = await fetch(`${running.url}${path}`, { headers });
    return status;
  };
  return { zitadel, url: running.url, ask };
}

function routes(app: Express, zitadel: ExpressZitadel, { tracerProvider }: Sdk): void {
  const tracer = tracerProvider.getTracer('application');
  app.use((request, response, next) => {
    tracer.startActiveSpan(`GET ${kindOf(request)}`, (span) => {
      response.on('finish', () => span.end());
      next();
    });
  });
  if ([...zitadel.instances.values()].some(({ events }) => events.path !== undefined))
    app.post('/zitadel/events', zitadelEvents(zitadel));
  const guarded = {
    '/orgs/:orgId': role('ORG_OWNER', org.param('orgId')),
    '/projects/:projectId': role('PROJECT_OWNER', project.param('projectId')),
    '/permissions/:orgId': permission('org.read', org.param('orgId')),
  };
  for (const [path, requirement] of Object.entries(guarded)) {
    app.get(path, requireThat(zitadel, requirement), (_, response) => {
      response.json(trace.getActiveSpan() !== undefined);
    });
  }
}

const kindOf = ({ path }: Request): string => path.split('/')[1] ?? '';
