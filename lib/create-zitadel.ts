import { callersOf } from './callers-option.js';
import { Authorizer, type Decisions } from './core/authorizer.js';
import type { Denied } from './core/decision.js';
import { CallerSource } from './core/memory/caller-source.js';
import { SeveralAuthorizers } from './core/several-authorizers.js';
import { QuietTelemetry, type StartTelemetry } from './core/telemetry.js';
import { quietLogger } from './core/tell.js';
import { ZitadelAuthorizer, ZitadelNotAllowedError } from './core/zitadel-authorizer.js';
import { eventsOf } from './events-option.js';
import type { OptionsOfAll, SeveralInstances } from './instances-option.js';
import { organizationsOf, readsEverywhere } from './memberships-option.js';
import type { ZitadelOptions } from './options.js';
import type { ResolvedOptions } from './resolved-options.js';
import { inFleet, type OpenRedis, openingOnce } from './redis-option.js';
import { sharedStoreOf } from './shared-option.js';
import type { ZitadelInstances, ZitadelServices, ZitadelSurroundings } from './services.js';
import { eachInstance, isSeveral, ofNoInstance, takesOtherTokens } from './validate-instances.js';
import { resolveOptions } from './validate-options.js';
import { createRoleReader } from './zitadel/authorizations.js';
import { createIssuerFor } from './zitadel/callers/issuer-for.js';
import { openServiceUser } from './zitadel/credentials.js';
import { createDiscovery } from './zitadel/discovery.js';
import { ZitadelEvents } from './zitadel/events/zitadel-events.js';
import { Lookups } from './zitadel/facts/lookups.js';
import { States } from './zitadel/facts/states.js';
import { ApiGeneration } from './zitadel/generation.js';
import { ProjectGrantService } from './zitadel/grants/project-grant-service.js';
import { createHttp, withPageLimit } from './zitadel/http.js';
import { MembershipLists } from './zitadel/memberships/lists.js';
import { askPermissions, createMembershipReader } from './zitadel/memberships/read.js';
import { ZitadelUnavailableError } from './zitadel/refusals.js';
import { ServiceToken } from './zitadel/service-user.js';

/** What a door hands in besides. */
interface OfTheDoor {
  /** Names of options that a door takes for itself. */
  readonly ofTheDoor?: readonly string[];
  /** What the questions throw. @default ZitadelUnavailableError on an outage, else ZitadelNotAllowedError */
  readonly errorFor?: (denied: Denied) => Error;
  /** The class of `Zitadel.projectGrants`, if a door has one of its own. */
  readonly projectGrants?: typeof ProjectGrantService;
}

/** The library, put together. Users see it without the data path. */
export interface Zitadel extends ZitadelInstances {
  /** The data path, for guards and middleware. */
  readonly decisions: Decisions;
  /** The option of that name. */
  readonly requestProperty: string | undefined;
  /** The option of that name. Of several instances, `perRoute` if it is that in one of them. */
  readonly allowImpersonation: boolean | 'perRoute';
  /** @internal Begins what runs on its own, once the application starts. */
  readonly begin: () => void;
  /** Ends what runs on its own: the connection that listens to other processes, and tailing. The client that the application handed in stays open. */
  readonly close: () => Promise<void>;
}

/** One instance, with what several are put together from. */
interface Instance {
  readonly services: ZitadelServices;
  readonly decisions: Authorizer;
  readonly resolved: ResolvedOptions;
  readonly begin: () => void;
  readonly close: () => Promise<void>;
}

/**
 * Puts the library together. ZITADEL is not asked anything before the first request.
 *
 * @throws ZitadelOptionsError naming the option that is wrong, what it got and what to write
 */
export function createZitadel(
  options: ZitadelOptions | SeveralInstances,
  surroundings: ZitadelSurroundings & OfTheDoor = {},
): Zitadel {
  if (isSeveral(options)) return createSeveral(options, surroundings);
  const made = createInstance(options, surroundings, openingOnce());
  const { services, resolved, ...parts } = made;
  const { issuer, requestProperty, allowImpersonation } = resolved;
  const instances = new Map([[issuer, services]]);
  return Object.freeze({ ...services, ...parts, instances, requestProperty, allowImpersonation });
}

function createSeveral(
  options: SeveralInstances,
  surroundings: ZitadelSurroundings & OfTheDoor,
): Zitadel {
  const { ofTheDoor = [], errorFor = errorOf, projectGrants = ProjectGrantService } = surroundings;
  const { ofTheDoor: _, ...others } = surroundings;
  const openOnce = openingOnce();
  const all = eachInstance(options, ofTheDoor, (each, ofAll) =>
    createInstance(each, others, openOnce, ofAll),
  );
  const [{ resolved }] = all as [Instance];
  const byIssuer = <T>(what: (instance: Instance) => T): ReadonlyMap<string, T> =>
    new Map(all.map((each) => [each.resolved.issuer, what(each)]));
  const instances = byIssuer(({ services }) => services);
  const isPerRoute = all.some((each) => each.resolved.allowImpersonation === 'perRoute');
  const telemetry = telemetryOf(resolved, {});
  const decisions = new SeveralAuthorizers({
    instances: byIssuer((each) => each.decisions),
    issuerFor: createIssuerFor(
      [...instances.keys()],
      all.filter((each) => takesOtherTokens(each.resolved)).map((each) => each.resolved.issuer),
    ),
    token: resolved.token,
    log: quietLogger(resolved.logger),
    telemetry,
  });
  return Object.freeze({
    authorizer: new ZitadelAuthorizer(decisions, errorFor),
    projectGrants: ofNoInstance(projectGrants),
    membershipLists: ofNoInstance(MembershipLists),
    events: ofNoInstance(ZitadelEvents),
    instances,
    decisions,
    requestProperty: resolved.requestProperty,
    allowImpersonation: isPerRoute ? 'perRoute' : resolved.allowImpersonation,
    begin: () => all.forEach((each) => each.begin()),
    close: async () => {
      await Promise.all(all.map((each) => each.close()));
      telemetry?.close();
    },
  });
}

/** `ofAll`: what stands once for several instances. Then each line of the log names the instance. */
function createInstance(
  options: ZitadelOptions,
  surroundings: ZitadelSurroundings & OfTheDoor,
  openOnce: OpenRedis,
  ofAll?: OptionsOfAll,
): Instance {
  const { logger, ofTheDoor, errorFor = errorOf } = surroundings;
  const { projectGrants: ProjectGrants = ProjectGrantService } = surroundings;
  const resolved = resolveOptions(options, { ofTheDoor, logger, ofAll });
  const log = quietLogger(resolved.logger, ofAll && `${resolved.issuer}: `);
  const telemetry = telemetryOf(resolved, { issuer: resolved.issuer });
  const http = withPageLimit(createHttp({ ...resolved, telemetry }), log);
  const discover = createDiscovery(http, resolved.issuer, resolved.internalUrl);
  const credential = resolved.serviceUser && openServiceUser(resolved.serviceUser);
  const serviceToken = credential && new ServiceToken(http, discover, resolved.issuer, credential);
  // A part that is printed shows what it holds, so no part holds the options with secrets.
  const {
    shared: _shared,
    serviceUser: _serviceUser,
    callers: _callers,
    events: _events,
    redis: _redis,
    ...open
  } = resolved;
  const fleet = inFleet(resolved, openOnce, log);
  const generation = new ApiGeneration('project grants', resolved.api, log);
  const readsAs = resolved.memberships.as;
  const asksRoles = resolved.projectRoles === 'api';
  const lookups = new Lookups({
    ...open,
    http,
    generation,
    states:
      resolved.inactive === 'deny'
        ? new States({ ...open, http, generation, serviceToken })
        : undefined,
    serviceToken: readsAs === 'serviceUser' ? serviceToken : undefined,
    knowsRowsByEnds: readsEverywhere(resolved),
  });
  const ofMemberships = new ApiGeneration('memberships', resolved.api, log);
  const shared = sharedStoreOf(resolved, credential, surroundings.sharedCache, {
    onIssuedBefore: (userId, time) => {
      callers.learnIssuedBefore(userId, time);
    },
    turns: fleet?.turns,
  });
  const callers = new CallerSource({
    ...open,
    ...callersOf(resolved, http, discover, telemetry),
    memberships: {
      as: readsAs,
      organizations: organizationsOf(resolved),
      read: createMembershipReader({
        http,
        generation: ofMemberships,
        as: readsAs,
        serviceToken,
        everywhere: readsEverywhere(resolved),
      }),
    },
    permissions: askPermissions(http),
    projectRoles: asksRoles && serviceToken ? createRoleReader(serviceToken) : undefined,
    bareTokens: resolved.token !== undefined,
    shared,
    telemetry,
  });
  const decisions = new Authorizer({
    ...open,
    permissions: resolved.api !== 'v2',
    callers,
    lookups,
    shared,
    readsAs,
    log,
    spread: fleet?.spread,
    telemetry,
  });
  if (telemetry) decisions.onEviction((event) => telemetry.evicted(event));
  fleet?.begin(decisions);
  const { events, ...running } = eventsOf(resolved, {
    http,
    discover,
    shared,
    turns: fleet?.turns,
    evict: (eviction) => decisions.evict(eviction, 'zitadel'),
    telemetry,
    log,
  });
  const ownerOf = async (projectId: string) =>
    lookups.known().ownerOf(projectId) ?? (await resolved.projectOwner?.(projectId));
  const { idPattern } = resolved;
  const services = Object.freeze({
    authorizer: new ZitadelAuthorizer(decisions, errorFor),
    projectGrants: new ProjectGrants({ serviceToken, idPattern, ownerOf, generation }),
    membershipLists: new MembershipLists({
      http,
      serviceToken,
      tokenOf: (caller) => callers.tokenOf(caller),
      idPattern,
      generation: ofMemberships,
    }),
    events,
  });
  const close = async () => {
    shared?.close();
    await Promise.all([running.close(), fleet?.close()]);
    telemetry?.close();
  };
  return { services, decisions, resolved, begin: running.begin, close };
}

function telemetryOf(
  { startTelemetry }: ResolvedOptions,
  of: Parameters<StartTelemetry>[0],
): QuietTelemetry | undefined {
  return startTelemetry && new QuietTelemetry(startTelemetry(of));
}

/** An outage has its own error, so that nobody takes it for a "no". */
function errorOf(denied: Denied): Error {
  const { reason, detail = 'nothing is known', retryAfterMs } = denied;
  return reason === 'unavailable'
    ? new ZitadelUnavailableError('authorization', detail, retryAfterMs)
    : new ZitadelNotAllowedError(denied);
}
