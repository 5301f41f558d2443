import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { type Decision, isError } from '../core/decision.js';
import type { EvictionEvent } from '../core/eviction.js';
import {
  type BreakerState,
  type FoundIn,
  type RememberedKind,
  type Telemetry,
  type TelemetryEnd,
  type TelemetryStep,
} from '../core/telemetry.js';
import type { HowDecided } from '../core/tell.js';
import { type Instruments, outcomeOf, type Tally } from './metrics.js';

interface InstanceParts {
  readonly tally: Tally;
  readonly instruments: Instruments;
  readonly tracer: Tracer;
  /** Names the instance. */
  readonly server: Attributes;
  readonly sample: number;
  readonly attributes: ((decision: Decision) => Attributes) | undefined;
  readonly close: () => void;
}

/** What went wrong with a request, where it is no status. */
const TROUBLES: Readonly<Record<string, string>> = {
  noReply: 'no_reply',
  late: 'timeout',
  unusable: 'unusable_reply',
  tooLarge: 'too_large',
};

const DECISION = 'zitadel.authorize';
const ENDPOINT = 'zitadel.endpoint';
const REASON = 'zitadel.decision.reason';
/** The question that the application has asked. */
const QUESTION = createContextKey('nestjs-zitadel question');

/** Tells OpenTelemetry what happens at one instance of ZITADEL. No attribute holds an id, a path, a token or a text of others. */
export class InstanceTelemetry implements Telemetry {
  /** So many decisions until one of the sample. */
  #left: number;

  constructor(private readonly parts: InstanceParts) {
    this.#left = gap(parts.sample);
  }

  decided(decision: Decision, how: HowDecided): void {
    this.parts.tally.decided(decision, how);
    if ((this.#left -= 1) <= 0) this.#takeSample(decision, how);
  }

  async during(step: TelemetryStep, work: () => Promise<TelemetryEnd>): Promise<void> {
    if (step.name === 'question') return this.#duringQuestion(work);
    const { tracer, server, instruments } = this.parts;
    const around = aroundIn(context.active());
    const span =
      step.name === 'request'
        ? tracer.startSpan(`zitadel.request ${step.endpoint}`, requestSpan(step, server), around)
        : tracer.startSpan(SPANS[step.name], {}, around);
    const inside = trace.setSpan(around, span);
    const since = performance.now();
    try {
      const end = await context.with(inside, work);
      if (step.name === 'request') {
        const { endpoint, method } = step;
        const measured = { ...server, ...measuredOf(endpoint, method), ...troubleOf(end) };
        instruments.requestDuration.record((performance.now() - since) / 1_000, measured, inside);
      }
      this.#finish(span, end);
    } finally {
      span.end();
    }
  }

  /** Its span begins with the first thing that is read for it. What memory answers has none: an application may ask a thousand questions. */
  async #duringQuestion(work: () => Promise<TelemetryEnd>): Promise<void> {
    const outside = context.active();
    let span: Span | undefined;
    let isOver = false;
    const around = (): Context => {
      if (isOver) return outside;
      span ??= this.parts.tracer.startSpan(DECISION, { attributes: FOR_APPLICATION }, outside);
      return trace.setSpan(outside, span);
    };
    const end = await context.with(outside.setValue(QUESTION, around), work);
    isOver = true;
    try {
      if (span) this.#finish(span, end);
    } finally {
      span?.end();
    }
  }

  #finish(span: Span, end: TelemetryEnd): void {
    const { error, reason, decision } = end;
    span.setAttributes({ ...troubleOf(end), ...(reason !== undefined && { [REASON]: reason }) });
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    // What the application adds comes last: it may throw.
    if (decision) this.#describe(span, decision);
  }

  found(what: RememberedKind, where: FoundIn): void {
    this.parts.tally.found(what, where);
  }

  unsent(endpoint: string): void {
    const { instruments, server } = this.parts;
    instruments.unsentRequests.add(1, { ...server, [ENDPOINT]: endpoint });
  }

  evicted({ eviction, from }: EvictionEvent): void {
    const { instruments, server } = this.parts;
    const { type } = eviction;
    instruments.evictions.add(1, {
      ...server,
      'zitadel.eviction.subject': type === 'issuedBefore' ? 'issued_before' : type,
      'zitadel.eviction.from': from,
    });
  }

  followed(lagMs: number): void {
    const { instruments, server } = this.parts;
    instruments.evictionLag.record(Math.max(0, lagMs) / 1_000, server);
  }

  watch(read: () => ReadonlyMap<string, BreakerState>): void {
    this.parts.tally.breakers = read;
  }

  close(): void {
    this.parts.close();
  }

  #takeSample(decision: Decision, how: HowDecided): void {
    const { sample, instruments, tracer, server } = this.parts;
    this.#left = gap(sample);
    const { read } = decision;
    if (read && read.from !== 'application') {
      const seconds = Math.max(0, Date.now() - read.at) / 1_000;
      instruments.membershipAge.record(seconds, server);
    }
    // What had to be asked for has a span already.
    if (how !== 'remembered') return;
    const span = tracer.startSpan(DECISION, { attributes: { 'zitadel.cache.layer': 'memory' } });
    try {
      this.#describe(span, decision);
    } finally {
      span.end();
    }
  }

  #describe(span: Span, decision: Decision): void {
    const reason = decision.allowed ? undefined : decision.reason;
    span.setAttributes(outcomeOf(reason));
    if (reason !== undefined && isError(reason)) {
      span.setAttribute('error.type', reason);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    const { attributes } = this.parts;
    if (attributes) span.setAttributes(attributes(decision));
  }
}

const FOR_APPLICATION: Attributes = { 'zitadel.decision.for': 'application' };

/** Inside a question, its span is around what is read. */
function aroundIn(active: Context): Context {
  const question = active.getValue(QUESTION) as (() => Context) | undefined;
  return question ? question() : active;
}

function troubleOf({ status, error }: TelemetryEnd): Attributes {
  return {
    ...(status !== undefined && { 'http.response.status_code': status }),
    ...(error !== undefined && { 'error.type': TROUBLES[error] ?? error }),
  };
}

const SPANS = { decision: DECISION, verification: 'zitadel.verify' } as const;

function requestSpan(
  { endpoint, method, resends }: Extract<TelemetryStep, { readonly name: 'request' }>,
  server: Attributes,
): SpanOptions {
  const attributes = {
    ...server,
    ...measuredOf(endpoint, method),
    ...(resends > 0 && { 'http.request.resend_count': resends }),
  };
  return { kind: SpanKind.CLIENT, attributes };
}

function measuredOf(endpoint: string, method: string): Attributes {
  return { [ENDPOINT]: endpoint, 'http.request.method': method };
}

/** How many decisions there are until the next one of the sample, if each has the same chance. */
function gap(sample: number): number {
  if (sample === 0) return Infinity;
  if (sample === 1) return 1;
  return Math.max(1, Math.ceil(Math.log(1 - Math.random()) / Math.log(1 - sample)));
}
