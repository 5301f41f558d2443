import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { ZitadelArgumentError } from '../core/errors.js';
import type { Zitadel } from '../create-zitadel.js';
import { optionsOfModule } from '../nest/zitadel-modules.js';
import { getZitadelToken } from '../nest/zitadel.module-definition.js';
import type { ZitadelEvents } from '../zitadel/events/zitadel-events.js';
import { type Probed, Probe } from './probe.js';

/** Settings of `ready`. Those of the first call with a key and a ZITADEL count for both. */
export interface ZitadelHealthOptions {
  /**
   * Milliseconds: for how long an answer counts. Until then ZITADEL is not asked again, however many probes come.
   *
   * @default 5000
   */
  readonly everyMs?: number;
  /**
   * Milliseconds: how long ZITADEL may take. Let it be shorter than the deadline of the probe.
   *
   * @default 2000
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds: how far events may be behind, if they are asked for (`events.tail`).
   *
   * @default 60000
   */
  readonly maxLagMs?: number;
  /**
   * The name of the ZITADEL, if it has one.
   *
   * @default none
   */
  readonly zitadel?: string;
}

/** How ZITADEL's events come. */
interface EventsHealth {
  readonly state: 'in time' | 'late' | 'received';
  /** Milliseconds: how far the tail is behind, where this process reads it. */
  readonly lagMs?: number;
  /** Deliveries that were refused, since the application started. */
  readonly refused?: number;
}

/**
 * Tells @nestjs/terminus how ZITADEL is. It is for readiness and for people, never for liveness: if ZITADEL is down, a restart of the
 * application helps nobody. Provide it in the module of your health page, which imports `TerminusModule`.
 *
 * @example
 * ```ts
 * @Get('ready')
 * @HealthCheck()
 * ready() {
 *   return this.health.check([() => this.zitadel.ready('zitadel')]);
 * }
 * ```
 */
@Injectable()
export class ZitadelHealthIndicator {
  readonly #probes = new Map<string, readonly Probe[]>();

  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {}

  /**
   * Whether ZITADEL is reachable, and the service user signed in. If events are late, the result is `degraded`, where terminus knows that (12):
   * what events would end early then ends after `cache.ttlMs`.
   *
   * @throws ZitadelRequirementError when there is no such ZITADEL
   * @throws ZitadelArgumentError on a time that is none
   * @example `this.health.check([() => this.zitadel.ready('zitadel', { timeoutMs: 1_000 })])`
   */
  async ready<const Key extends string>(
    key: Key,
    options: ZitadelHealthOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const settings = checked(options);
    const found = await Promise.all(this.#probesOf(key, settings).map((probe) => probe.found()));
    const events = this.#events(settings);
    const well = found.filter(isWell).length;
    const details = detailsOf(found, well, events);
    const indicator = this.indicators.check(key);
    // One instance of several serves its callers while another is away.
    if (well === 0) return indicator.down(details);
    const isWhole = well === found.length && events?.state !== 'late';
    // Terminus 11 does not know it.
    const knowsDegraded = typeof (indicator as Partial<typeof indicator>).degraded === 'function';
    return isWhole || !knowsDegraded ? indicator.up(details) : indicator.degraded(details);
  }

  #probesOf(key: string, { everyMs, timeoutMs, zitadel }: Settings): readonly Probe[] {
    const of = JSON.stringify([key, zitadel]);
    const known = this.#probes.get(of);
    if (known) return known;
    const probes = optionsOfModule(this.modules, zitadel).map(
      (each) => new Probe(each, everyMs, timeoutMs),
    );
    this.#probes.set(of, probes);
    return probes;
  }

  #events({ zitadel, maxLagMs }: Settings): EventsHealth | undefined {
    const { instances } = this.moduleRef.get<Zitadel>(getZitadelToken(zitadel), { strict: false });
    return healthOfEvents(
      [...instances.values()].map(({ events }) => events),
      maxLagMs,
    );
  }
}

type Settings = ReturnType<typeof checked>;

/** @throws ZitadelArgumentError */
function checked({
  everyMs = 5_000,
  timeoutMs = 2_000,
  maxLagMs = 60_000,
  zitadel,
}: ZitadelHealthOptions) {
  return {
    everyMs: milliseconds('everyMs', everyMs, 0, 3_600_000),
    timeoutMs: milliseconds('timeoutMs', timeoutMs, 1, 60_000),
    maxLagMs: milliseconds('maxLagMs', maxLagMs, 0, 86_400_000),
    zitadel,
  };
}

function milliseconds(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw new ZitadelArgumentError(
    name,
    `${name}: write milliseconds from ${least} to ${most}, or leave it out`,
  );
}

const isWell = ({ reachable, signedIn }: Probed): boolean => reachable && signedIn !== false;

/** What the page shows. It names no instance and no user. */
function detailsOf(found: readonly Probed[], well: number, events: EventsHealth | undefined) {
  const reachable = found.some((each) => each.reachable);
  const isRefused = found.some(({ signedIn }) => signedIn === false);
  const isSignedIn = found.some(({ signedIn }) => signedIn === true);
  const isMisconfigured = found.some(({ refusal }) => refusal?.reason === 'misconfigured');
  const message = !reachable
    ? 'ZITADEL cannot be reached'
    : isRefused
      ? 'ZITADEL refuses the service user'
      : isMisconfigured
        ? 'what replies under the issuer is not this instance'
        : undefined;
  return {
    reachable,
    // Missing: no service user is set up, or nobody could tell.
    ...((isRefused || isSignedIn) && { serviceUser: isRefused ? 'refused' : 'signed in' }),
    ...(events && { events }),
    // With the option `instances`: how many of them are well.
    ...(found.length > 1 && { instances: { well, of: found.length } }),
    ...(message !== undefined && { message }),
  };
}

/** Undefined: no events are set up. Nobody can tell whether a delivery is missing, so of those only the refused ones are shown. */
function healthOfEvents(all: readonly ZitadelEvents[], maxLagMs: number): EventsHealth | undefined {
  const statuses = all.map((events) => events.status());
  const tails = statuses.flatMap(({ tail }) => tail ?? []);
  if (tails.length > 0) {
    const lags = tails.flatMap(({ lagMs }) => lagMs ?? []);
    const isLate = tails.some(
      ({ state, lagMs = 0 }) => state === 'failing' || state === 'notServed' || lagMs > maxLagMs,
    );
    return {
      state: isLate ? 'late' : 'in time',
      ...(lags.length > 0 && { lagMs: Math.max(...lags) }),
    };
  }
  if (all.every(({ path }) => path === undefined)) return undefined;
  const refused = statuses.flatMap((each) => Object.values(each.refused));
  return { state: 'received', refused: refused.reduce((sum, each) => sum + each, 0) };
}
