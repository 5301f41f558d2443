import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../core/caller.js';
import {
  type Allowed,
  attachDecision,
  checkedId,
  type CheckedKind,
  type Decision,
  decisionOf,
  denialAnswer,
  type Denied,
} from '../core/decision.js';
import { ZitadelRequirementError } from '../core/errors.js';
import { withoutInheritance } from '../core/own-properties.js';
import type { RequestLike } from '../core/request.js';
import {
  authenticated as authenticatedCaller,
  type AuthenticatedOptions,
  type OnArgs,
  permission,
  projectRole,
  role,
  type RolesArg,
} from '../core/requirement/builders.js';
import { type Requirement, requirementOf } from '../core/requirement/requirement.js';
import {
  createZitadel as join,
  type Zitadel,
  type ZitadelSurroundings,
} from '../create-zitadel.js';
import type { ZitadelOptions } from '../options.js';

/** Middleware as Express, and anything connect-like that parses what the refs read, takes it. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Answers a refusal. The one place to change it, e.g. to answer 404 where a role is missing. */
export type OnDenied = (
  denied: Denied,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void | Promise<void>;

/** The library for Express. */
export interface ExpressZitadel extends Zitadel {
  readonly onDenied: OnDenied;
}

/**
 * Puts the library together for Express. Nothing is asked of ZITADEL before the first request.
 *
 * @throws ZitadelOptionsError naming the option that is wrong, what it got and what to write
 */
export function createZitadel(
  options: ZitadelOptions,
  given: ZitadelSurroundings & { onDenied?: OnDenied } = {},
): ExpressZitadel {
  const { onDenied = answerDenial, ...surroundings } = withoutInheritance(given);
  return Object.freeze({ ...join(options, surroundings), onDenied });
}

/** Answers with status, challenge and body of the denial table. */
export const answerDenial: OnDenied = (denied, _request, response) => {
  if (response.headersSent) return;
  const { status, headers, body } = denialAnswer(denied);
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(body));
};

/**
 * Middleware for a route: the caller must hold one of these manager roles on the resource.
 *
 * @throws ZitadelRequirementError on an empty list, an unknown role, roles of several scopes, or a ref of another scope
 * @example `app.post('/orgs/:orgId/things', requireRole(zitadel, 'ORG_OWNER', org.param('orgId')), handler)`
 */
export function requireRole<const L extends RolesArg>(
  zitadel: ExpressZitadel,
  roles: L,
  ...on: OnArgs<L>
): Middleware {
  return require(zitadel, role(roles, ...on));
}

/**
 * Middleware for a route: the caller must hold one of these permissions on the resource, by ZITADEL's own evaluation.
 *
 * @throws ZitadelRequirementError as `permission()`
 */
export function requirePermission(
  zitadel: ExpressZitadel,
  ...asked: Parameters<typeof permission>
): Middleware {
  return require(zitadel, permission(...asked));
}

/**
 * Middleware for a route: the caller must hold one of these roles of a project, by the role claims of the token.
 *
 * @throws ZitadelRequirementError as `projectRole()`
 */
export function requireProjectRole(
  zitadel: ExpressZitadel,
  ...asked: Parameters<typeof projectRole>
): Middleware {
  return require(zitadel, projectRole(...asked));
}

/**
 * Middleware for a route: a caller whose token ZITADEL accepts, and nothing more, unless `organizations` says whose.
 *
 * @throws ZitadelRequirementError as `authenticated()` of a requirement
 */
export function authenticated(
  zitadel: ExpressZitadel,
  options: AuthenticatedOptions = {},
): Middleware {
  return require(zitadel, authenticatedCaller(options));
}

/**
 * Middleware for a route: the whole requirement must hold.
 *
 * @throws ZitadelRequirementError when it cannot be checked
 */
export function require(zitadel: ExpressZitadel, requirement: Requirement): Middleware {
  const checked = requirementOf(requirement, 'require()');
  const compiled = zitadel.decisions.prepare(checked);
  if (compiled.sources.some(({ from }) => from === 'class')) {
    throw new ZitadelRequirementError('.from() takes a function here: only Nest can build a class');
  }
  return (request, response, next) => {
    const conclude = (decision: Decision) => {
      try {
        if (!decision.allowed) {
          const answered: unknown = zitadel.onDenied(decision, request, response, next);
          if (answered instanceof Promise) answered.then(undefined, next);
          return;
        }
        attachDecision(request, joined(decisionOf(request), decision));
      } catch (error) {
        next(error);
        return;
      }
      next();
    };
    let decision: Decision | Promise<Decision>;
    try {
      decision = zitadel.decisions.authorize(request as IncomingMessage & RequestLike, compiled);
    } catch (error) {
      next(error);
      return;
    }
    if (decision instanceof Promise) decision.then(conclude, next);
    else conclude(decision);
  };
}

/** Several middlewares on one route: the handler may ask for what any of them checked. */
function joined(before: Allowed | undefined, decision: Allowed): Allowed {
  const sameUser =
    before?.caller.userId === decision.caller.userId &&
    before.caller.claims['iss'] === decision.caller.claims['iss'];
  return sameUser ? { ...decision, checked: [...before.checked, ...decision.checked] } : decision;
}

/** The verified caller of a request. @throws ZitadelRequirementError when no middleware of ours let the request through */
export function callerOf(request: object): Caller {
  const decision = decisionOf(request);
  if (decision) return decision.caller;
  throw new ZitadelRequirementError(
    'this request was not checked: put requireRole(), require() or authenticated() before the handler',
  );
}

/**
 * The id that was checked, so that middleware and handler cannot look at two different ones. `name` tells which, where several of a
 * kind were.
 *
 * @throws ZitadelRequirementError when none was, or several were and `name` does not tell which
 */
export function checkedResource(request: object, kind: CheckedKind, name?: string): string {
  const decision = decisionOf(request);
  const id = decision && checkedId(decision, kind, name);
  if (id !== undefined) return id;
  throw new ZitadelRequirementError(
    `checkedResource('${kind}'): this request was let through without exactly one checked ${kind}; name it in the requirement`,
  );
}
