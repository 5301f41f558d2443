import { type Decision, type DenyReason, isError } from './decision.js';
import type { EvictionEvent } from './eviction.js';
import { type HowDecided, quietly } from './tell.js';

/**
 * Something that takes time. Nothing in it is about a person or an organization. `question`: a decision for the application (`can()`, `assert()`).
 * It is told also if memory has the answer; then no step is inside.
 */
export type TelemetryStep =
  | { readonly name: 'decision' | 'question' | 'verification' }
  | {
      readonly name: 'request';
      /** Which endpoints of ZITADEL: `memberships`, `keys`, `introspection` and so on. */
      readonly endpoint: string;
      readonly method: string;
      /** How many times the same was sent before. */
      readonly resends: number;
    };

/** How a step ended. */
export interface TelemetryEnd {
  /** Why it was of no use: a status, or what went wrong. Missing for a "no": that is an answer. */
  readonly error?: string | undefined;
  /** Why a decision or a verification is no "yes". */
  readonly reason?: DenyReason | undefined;
  /** The HTTP status of ZITADEL's reply. */
  readonly status?: number | undefined;
  readonly decision?: Decision;
}

/** What is looked up. A decision that is `remembered` looks up memberships in memory, which `found` does not tell again. */
export type RememberedKind = 'memberships' | 'permissions' | 'projectRoles';

/** Where it was found. */
export type FoundIn = 'memory' | 'shared' | 'zitadel';

/** `halfOpen`: some calls leave, to find out whether ZITADEL replies again, or because it fails for some users only. */
export type BreakerState = 'closed' | 'halfOpen' | 'open';

/**
 * What the library tells about its work on one instance of ZITADEL. `openTelemetry()` of `nestjs-zitadel/opentelemetry` is one. If a function
 * throws or rejects, no decision changes.
 */
export interface Telemetry {
  /** Is called with every decision, on the path of every request. */
  decided(decision: Decision, how: HowDecided): unknown;
  /** Is called when a step begins. `work` is the step: it is called here, or begins when this returns. It never rejects. */
  during(step: TelemetryStep, work: () => Promise<TelemetryEnd>): unknown;
  /** A look-up was answered. Nobody hears of those that wait for one that is under way. */
  found(what: RememberedKind, where: FoundIn): unknown;
  /** ZITADEL was not asked: it failed a moment ago, or too many calls wait. */
  unsent(endpoint: string): unknown;
  /** Something was forgotten early. */
  evicted(event: EvictionEvent): unknown;
  /** What changed at ZITADEL so many milliseconds ago was evicted. */
  followed(lagMs: number): unknown;
  /** Is called once: `read` tells the state of each breaker, at any time, by the endpoints that it is for. */
  watch(read: () => ReadonlyMap<string, BreakerState>): unknown;
  /** The application closes. */
  close(): unknown;
}

/** Begins the telemetry of one instance. `issuer` is missing for what is refused before the instance is known. */
export type StartTelemetry = (of: { readonly issuer?: string }) => Telemetry;

/** Telemetry that cannot change what it looks at. */
export class QuietTelemetry {
  constructor(private readonly told: Telemetry) {}

  // Without a closure: it is called with every decision.
  decided(decision: Decision, how: HowDecided): void {
    try {
      const result = this.told.decided(decision, how);
      if (result instanceof Promise) result.catch(() => undefined);
    } catch {
      // On purpose.
    }
  }

  /** Does the work once, whatever telemetry does. */
  during<T>(
    step: TelemetryStep,
    work: () => Promise<T>,
    endOf: (result: T) => TelemetryEnd,
  ): Promise<T> {
    let begun: Promise<T> | undefined;
    const once = () => (begun ??= work());
    const watched = async (): Promise<TelemetryEnd> => {
      try {
        return endOf(await once());
      } catch (error) {
        return { error: error instanceof Error ? error.name : 'Error' };
      }
    };
    quietly(() => this.told.during(step, watched));
    return once();
  }

  found(what: RememberedKind, where: FoundIn): void {
    quietly(() => this.told.found(what, where));
  }

  unsent(endpoint: string): void {
    quietly(() => this.told.unsent(endpoint));
  }

  evicted(event: EvictionEvent): void {
    quietly(() => this.told.evicted(event));
  }

  followed(lagMs: number): void {
    quietly(() => this.told.followed(lagMs));
  }

  watch(read: () => ReadonlyMap<string, BreakerState>): void {
    quietly(() => this.told.watch(read));
  }

  close(): void {
    quietly(() => this.told.close());
  }
}

/** Makes a decision that needs time. */
export function takingTime(
  telemetry: QuietTelemetry | undefined,
  name: 'decision' | 'question',
  decide: () => Promise<Decision>,
): Promise<Decision> {
  return telemetry ? telemetry.during({ name }, decide, endOfDecision) : decide();
}

function endOfDecision(decision: Decision): TelemetryEnd {
  return decision.allowed ? { decision } : { decision, ...endOfRefusal(decision) };
}

export function endOfRefusal({ reason }: { readonly reason: DenyReason }): TelemetryEnd {
  return { reason, ...(isError(reason) && { error: reason }) };
}
