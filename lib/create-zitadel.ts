import { createHash } from 'node:crypto';
import { AnswerSource } from './core/answer-source.js';
import { Authorizer } from './core/authorizer.js';
import type { Caller } from './core/caller.js';
import type { Denied, Refusal } from './core/decision.js';
import { ZitadelOptionsError } from './core/errors.js';
import { quietLogger, type ZitadelLogger } from './core/log.js';
import { ZitadelAuthorizer } from './core/questions.js';
import { checkId } from './core/request.js';
import { SharedStore, type SharedCache } from './core/shared-store.js';
import type { CallerFunction, ResolvedOptions, ZitadelOptions } from './options.js';
import { isOrganizations } from './option-combinations.js';
import { resolveOptions } from './validate-options.js';
import { createConfirmation } from './zitadel/confirm-token.js';
import { ServiceUserCredential, type Credential } from './zitadel/credentials.js';
import { createDiscovery, type Discover } from './zitadel/discovery.js';
import { createHttp, type Http } from './zitadel/http.js';
import { Lookups } from './zitadel/lookups.js';
import { MembershipLists } from './zitadel/membership-list.js';
import { ProjectGrantService } from './zitadel/project-grant-service.js';
import { readAsCaller, readAsServiceUser } from './zitadel/read-memberships.js';
import { ServiceToken } from './zitadel/service-token.js';
import { SigningKeys } from './zitadel/signing-keys.js';
import { createJwtVerifier } from './zitadel/verify-jwt.js';

/** What an application may hand in besides its options. */
export interface ZitadelSurroundings {
  /** The store behind the memory cache, for `cache: { shared }`: Nest's CACHE_MANAGER, or anything with its get and set. */
  readonly sharedCache?: SharedCache | undefined;
  /** Used where the options name no logger. @default the console */
  readonly logger?: ZitadelLogger;
  /** Names of options that a door takes for itself. */
  readonly ofTheDoor?: readonly string[];
  /** What `assert` throws. @default ZitadelNotAllowedError */
  readonly errorFor?: (denied: Denied) => Error;
}

/** The library, put together: one per instance of ZITADEL. */
export interface Zitadel {
  /** The data path, for guards and middleware. */
  readonly decisions: Authorizer;
  /** The same questions from services, lists and jobs. */
  readonly authorizer: ZitadelAuthorizer;
  readonly projectGrants: ProjectGrantService;
  /** ZITADEL's lists of manager roles themselves. */
  readonly membershipLists: MembershipLists;
}

/**
 * Puts the library together. Nothing is asked of ZITADEL before the first request.
 *
 * @throws ZitadelOptionsError naming the option that is wrong, what it got and what to write
 */
export function createZitadel(
  options: ZitadelOptions,
  surroundings: ZitadelSurroundings = {},
): Zitadel {
  const { logger, ofTheDoor } = surroundings;
  const resolved = resolveOptions(options, { ofTheDoor, logger });
  const http = createHttp(resolved);
  const discover = createDiscovery(http, resolved.issuer);
  const credential = resolved.serviceUser && ServiceUserCredential.open(resolved.serviceUser);
  const serviceToken = credential && new ServiceToken(http, discover, resolved.issuer, credential);
  const readsAs = resolved.memberships.as;
  const lookups = new Lookups({
    ...resolved,
    http,
    serviceToken: readsAs === 'serviceUser' ? serviceToken : undefined,
  });
  const answers = new AnswerSource({
    ...resolved,
    ...callersOf(resolved, http, discover),
    memberships: {
      as: readsAs,
      organizations: organizationsOf(resolved),
      read:
        readsAs === 'serviceUser' && serviceToken
          ? readAsServiceUser(serviceToken)
          : readAsCaller(http),
    },
    bareTokens: resolved.token !== undefined,
    shared: sharedStoreOf(resolved, credential, surroundings.sharedCache),
  });
  const decisions = new Authorizer({
    ...resolved,
    answers,
    lookups,
    readsAs,
    log: quietLogger(resolved.logger),
  });
  const ownerOf = async (projectId: string) =>
    lookups.known(false).ownerOf(projectId) ?? (await resolved.projectOwner?.(projectId));
  return Object.freeze({
    decisions,
    authorizer: new ZitadelAuthorizer(decisions, resolved.hierarchy, surroundings.errorFor),
    projectGrants: new ProjectGrantService(serviceToken, resolved.idPattern, ownerOf),
    membershipLists: new MembershipLists(
      http,
      serviceToken,
      (caller) => answers.tokenOf(caller),
      resolved.idPattern,
    ),
  });
}

function callersOf(
  { callers, memberships, issuer, audience, allowImpersonation, ttlMs }: ResolvedOptions,
  http: Http,
  discover: Discover,
): Pick<ConstructorParameters<typeof AnswerSource>[0], 'verify' | 'confirm'> {
  if (typeof callers === 'function') return { verify: verifyBy(callers), confirm: undefined };
  const keys = new SigningKeys(http, discover);
  const verify = createJwtVerifier(keys, { issuer, audience, allowImpersonation });
  const { recheckMs = ttlMs } = callers;
  // As the caller the membership read itself proves that ZITADEL accepts the token.
  const confirms = memberships.as === 'serviceUser' && recheckMs !== false;
  return {
    verify,
    confirm: confirms ? { ask: createConfirmation(http, discover), everyMs: recheckMs } : undefined,
  };
}

const USER_ID = /^[\x21-\x7e]+$/;

function verifyBy(known: CallerFunction): (token: string) => Promise<Caller | Refusal> {
  return async (token) => {
    let caller: Caller | null | undefined;
    try {
      caller = await known(token);
    } catch {
      return {
        reason: 'unavailable',
        detail: 'the function in the option callers threw or rejected',
      };
    }
    if (caller === undefined || caller === null) return { reason: 'token_invalid' };
    if (checkId(caller.userId, USER_ID) !== caller.userId) {
      return {
        reason: 'misconfigured',
        detail: 'the function in the option callers answered no user id',
        remedy: 'answer { userId, claims }, or undefined for a token that is not valid',
      };
    }
    const { expiresAt = Infinity } = caller;
    return expiresAt > Date.now() ? caller : { reason: 'token_invalid', detail: 'expired' };
  };
}

function organizationsOf({
  memberships,
  idPattern,
}: ResolvedOptions): () => Promise<readonly string[] | Refusal> {
  if (memberships.as === 'caller') return () => Promise.resolve([]);
  const { organizations } = memberships;
  if (typeof organizations !== 'function') return () => Promise.resolve(organizations);
  return async () => {
    let list: unknown;
    try {
      list = await organizations();
    } catch {
      return { reason: 'unavailable', detail: 'memberships.organizations threw or rejected' };
    }
    return isOrganizations(list, idPattern)
      ? list
      : {
          reason: 'misconfigured',
          detail: 'memberships.organizations answered no list of ids',
          remedy: 'answer at least one id',
        };
  };
}

function sharedStoreOf(
  { shared, issuer, audience, memberships, ttlMs }: ResolvedOptions,
  credential: Credential | undefined,
  cache: SharedCache | undefined,
): SharedStore | undefined {
  if (!shared) return undefined;
  if (typeof cache?.get !== 'function' || typeof cache.set !== 'function') {
    throw new ZitadelOptionsError(
      'cache.shared',
      'cache.shared: got no CACHE_MANAGER; write CacheModule.register({ isGlobal: true }) into the imports of the application (Express: createZitadel(options, { sharedCache }))',
    );
  }
  // Everything that the stored rows depend on besides the user, the token and the organizations, which are in the key.
  const reader = memberships.as === 'caller' ? '' : readerOf(credential);
  const scope = ['v1', issuer, memberships.as, reader, ...audience];
  return new SharedStore(cache, shared.secret, scope, ttlMs);
}

function readerOf(credential: Credential | undefined): string {
  switch (credential?.type) {
    case 'key':
      return credential.userId;
    case 'secret':
      return credential.clientId;
    case 'pat':
      return createHash('sha256').update(credential.token).digest('base64url');
    case undefined:
      return '';
  }
}
