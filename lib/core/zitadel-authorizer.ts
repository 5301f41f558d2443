import type { Decisions } from './authorizer.js';
import type { Caller, Membership } from './caller.js';
import {
  type Decision,
  DENIAL,
  type Denied,
  type DenyReason,
  isRefusal,
  type MembershipRead,
} from './decision.js';
import { ZitadelArgumentError, ZitadelError, ZitadelRequirementError } from './errors.js';
import { checkName, checkTime, type EvictionListener } from './eviction.js';
import type { RequestLike } from './request.js';
import {
  type Requirement,
  requirementText,
  type ImpersonationSettings,
  lettingActorsIn,
} from './requirement/requirement.js';
import type { RoleName } from './requirement/role-args.js';
import { roleOf, satisfying } from './requirement/roles.js';
import type { DecisionListener } from './tell.js';

/**
 * The decision was no, or there could be none. `decision` says which, and why.
 *
 * @example `if (error instanceof ZitadelNotAllowedError) return denialAnswer(error.decision)`
 */
export class ZitadelNotAllowedError extends ZitadelError {
  constructor(readonly decision: Denied) {
    super('not_allowed', `${decision.reason}: ${DENIAL[decision.reason].message}`);
  }
}

/** Why a requirement holds or does not, part by part. It is for operators: it names resources of other tenants. */
export interface Explanation {
  readonly requirement: string;
  readonly allowed: boolean;
  readonly reason?: DenyReason;
  /** The membership that allows it. */
  readonly by?: Membership;
  /** How long ago, in milliseconds, and from where the memberships were read. */
  readonly ageMs?: number;
  readonly from?: MembershipRead['from'];
  readonly parts: readonly Explanation[];
}

/** Where a caller holds one of some roles. Filter a list by it. */
export type ResourceLookup =
  | { readonly everywhere: true }
  | {
      readonly everywhere: false;
      /** Organizations, with everything in them that the roles reach. */
      readonly organizations: readonly string[];
      readonly projects: readonly string[];
      readonly projectGrants: readonly string[];
    };

/**
 * Somebody to ask about: the `Caller` of a request, or a bare user id if memberships are read as the service user. For a bare user id only
 * the memberships are known, and those stay when a user is deactivated. What only a token tells (permissions, project roles, home
 * organizations) cannot be asked about it.
 */
export type Who = Caller | string;

/** Reasons that are a "no" to the question itself. */
const IS_NO: ReadonlySet<DenyReason> = new Set([
  'role_missing',
  'permission_missing',
  'project_role_missing',
  'organization_not_accepted',
]);

const TOO_LONG: Denied = {
  allowed: false,
  reason: 'unavailable',
  detail: 'the list of memberships is over its cap, so it does not show everything',
};

/**
 * Asks the same questions from code that is not a route: services, lists, jobs, and doors that this library does not know.
 *
 * @example `if (await authorizer.can(caller, role('ORG_OWNER', org(orgId)))) { ... }`
 */
export class ZitadelAuthorizer {
  readonly #errorFor: (denied: Denied) => Error;

  /** @internal */
  constructor(
    private readonly authorizer: Decisions,
    errorFor: (denied: Denied) => Error,
  ) {
    this.#errorFor = errorFor;
  }

  /**
   * Decides one call of a door that this library does not know (tRPC, gRPC with a context of its own), as the guard decides a request. The
   * token stands in `request.headers.authorization`, with the names of headers in lower case, or where the option `token` finds it. Ids
   * stand in `params`, `query`, `body`, `args` and `headers`. A decision that is denied must keep the call from its handler; one that allows
   * has the caller and the checked ids. Synchronous if the caller is remembered and nothing must be asked. Make the requirement once, not for
   * each call.
   *
   * @throws ZitadelArgumentError when the request has no headers, or they are an object `Headers`
   * @throws ZitadelRequirementError when it cannot be checked, an id comes from a class, which only the guard can build, or on any other setting
   * @example `const decision = await authorizer.authorize({ headers, args: input }, role('ORG_OWNER', org.arg('orgId')))`
   */
  authorize(
    request: RequestLike,
    requirement: Requirement,
    settings: ImpersonationSettings = {},
  ): Decision | Promise<Decision> {
    const { headers } = Object(request) as Partial<Record<keyof RequestLike, unknown>>;
    if (typeof headers !== 'object' || headers === null || headers instanceof Headers) {
      throw new ZitadelArgumentError(
        'request',
        'request: an object with headers is needed: write { headers: request.headers, ... }, and Object.fromEntries(headers) for an object Headers',
      );
    }
    const compiled = this.authorizer.prepare(requirement, lettingActorsIn(settings));
    if (compiled.sources.some(({ from }) => from === 'class')) {
      throw new ZitadelRequirementError(
        '.from() takes a function here: only the guard can build a class',
      );
    }
    return this.authorizer.authorize(request, compiled);
  }

  /**
   * Whether the requirement holds. False means a plain "no". An outage is not a "no": it throws.
   *
   * @throws what `assert` throws, on everything but a plain "no"
   * @throws ZitadelRequirementError when the question cannot be asked
   * @example `if (await authorizer.can(caller, role('ORG_OWNER', org(orgId)))) { ... }`
   */
  async can(who: Who, requirement: Requirement): Promise<boolean> {
    const decision = await this.authorizer.decideFor(who, requirement);
    if (decision.allowed) return true;
    if (IS_NO.has(decision.reason)) return false;
    throw this.#errorFor(decision);
  }

  /**
   * Returns if the requirement holds, and throws otherwise.
   *
   * @throws HttpException in Nest, the one that the guard throws by default
   * @throws ZitadelUnavailableError in Express, on an outage
   * @throws ZitadelNotAllowedError in Express, in all other cases
   * @throws ZitadelRequirementError when the question cannot be asked
   * @example `await authorizer.assert(caller, role('PROJECT_OWNER', project(projectId)))`
   */
  async assert(who: Who, requirement: Requirement): Promise<void> {
    const decision = await this.authorizer.decideFor(who, requirement);
    if (!decision.allowed) throw this.#errorFor(decision);
  }

  /**
   * Which membership allows it, or what is missing, how old the list of memberships is, and where it came from. ZITADEL is asked once.
   * Listeners do not hear of it.
   *
   * @throws what `can` throws
   * @example `const { allowed, by, parts } = await authorizer.explain(caller, role('ORG_OWNER', org(orgId)))`
   */
  async explain(who: Who, requirement: Requirement): Promise<Explanation> {
    const since = performance.now();
    const known = await this.authorizer.knownFor(who, this.authorizer.prepare(requirement).fresh);
    if (isRefusal(known)) throw this.#errorFor({ allowed: false, ...known });
    const explain = async (part: Requirement): Promise<Explanation> => {
      const decision = await this.authorizer.decideOver(known, part, since);
      const isKnown = decision.allowed || IS_NO.has(decision.reason);
      if (!isKnown && part === requirement) throw this.#errorFor(decision);
      const parts: Explanation[] = [];
      if (part.type === 'allOf' || part.type === 'anyOf') {
        for (const inner of part.of) parts.push(await explain(inner));
      }
      return { requirement: requirementText(part), ...outcomeOf(decision), parts };
    };
    return explain(requirement);
  }

  /**
   * Where the caller holds one of the roles, to filter a list by. An organization covers the grants *to* it.
   *
   * @throws what `assert` throws, when it is not known
   * @throws ZitadelRequirementError on an empty list or an unknown role
   * @example `const { everywhere, ...ids } = await authorizer.lookupResources(caller, 'ORG_OWNER')`
   */
  async lookupResources(
    who: Who,
    roles: RoleName | readonly [RoleName, ...RoleName[]],
  ): Promise<ResourceLookup> {
    const names = (Array.isArray(roles) ? (roles as readonly RoleName[]) : [roles]).map(
      (each) => roleOf(each).name,
    );
    if (names.length === 0) {
      throw new ZitadelRequirementError('lookupResources() needs at least one role');
    }
    const known = await this.authorizer.knownFor(who);
    if (isRefusal(known)) throw this.#errorFor({ allowed: false, ...known });
    const by = satisfying(this.authorizer.hierarchyOf(who), names);
    const where = (kind: Membership['kind']) =>
      known.index.rows
        .filter((row) => row.kind === kind && row.roles.some((held) => by[kind].has(held)))
        .map(({ id }) => id);
    if (where('instance').length > 0) return { everywhere: true };
    if (!known.index.complete) throw this.#errorFor(TOO_LONG);
    return {
      everywhere: false,
      organizations: where('org'),
      projects: where('project'),
      projectGrants: where('projectGrant'),
    };
  }

  /**
   * Forgets what is remembered about a user, here, in the shared store and in the other processes of the fleet. The next request asks ZITADEL.
   *
   * @throws ZitadelArgumentError when it is no user id
   * @example `await authorizer.evict(userId)` after you took a role away
   */
  async evict(userId: string): Promise<void> {
    checkName('userId', userId);
    await this.authorizer.evict({ type: 'user', userId });
  }

  /**
   * Forgets what rests on an organization: everybody with a membership in it, or on its projects and project grants, and what is known of those.
   *
   * @throws ZitadelArgumentError when it is no id
   * @example `await authorizer.evictOrganization(orgId)` after you deactivated it
   */
  async evictOrganization(orgId: string): Promise<void> {
    checkName('orgId', orgId);
    await this.authorizer.evict({ type: 'organization', orgId });
  }

  /**
   * Forgets everybody.
   *
   * @example `await authorizer.evictAll()`
   */
  async evictAll(): Promise<void> {
    await this.authorizer.evict({ type: 'everyone' });
  }

  /**
   * From now on refuses the tokens of a user that were issued at this time or before, with 401 `token_invalid`. The user signs in again. The time
   * only grows: an earlier one changes nothing. Tokens that do not say when they were issued are refused as well: opaque ones with `userinfo()`, and
   * those of a function in `callers` that gives no claim `iat`. A process forgets it when it ends, unless there is a shared store.
   *
   * @throws ZitadelArgumentError when it is no user id, or no time (a `Date`, or milliseconds since the epoch) up to now
   * @example `await authorizer.rejectIssuedBefore(userId, new Date())` signs a user out everywhere
   * @example `await authorizer.rejectIssuedBefore('everyone', Date.now())`
   */
  async rejectIssuedBefore(userId: string, time: Date | number): Promise<void> {
    checkName('userId', userId);
    const eviction = {
      type: 'issuedBefore',
      userId: userId === 'everyone' ? undefined : userId,
      time: checkTime(time),
    } as const;
    await this.authorizer.evict(eviction);
  }

  /**
   * Calls the listener with every eviction, made here or told by another process, as soon as the memory of this process has forgotten. With the
   * option `instances` it is called once for each instance that forgets. Returns the function that removes it.
   *
   * @example `authorizer.onEviction(({ eviction }) => closeStreamsOf(eviction))`
   */
  onEviction(listener: EvictionListener): () => void {
    return this.authorizer.onEviction(listener);
  }

  /**
   * Calls the listener with every decision, allowed and denied. Returns the function that removes it.
   *
   * @example `const stop = authorizer.onDecision((event) => audit.write(event))`
   */
  onDecision(listener: DecisionListener): () => void {
    return this.authorizer.onDecision(listener);
  }
}

function outcomeOf(decision: Decision): Omit<Explanation, 'requirement' | 'parts'> {
  const { read } = decision;
  return {
    allowed: decision.allowed,
    ...(!decision.allowed && { reason: decision.reason }),
    ...(decision.allowed && decision.by && { by: decision.by }),
    ...(read && { ageMs: Math.max(0, Date.now() - read.at), from: read.from }),
  };
}
