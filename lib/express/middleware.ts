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
  authenticated,
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

/** Middleware for Express, and for anything like connect that parses what the refs read. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Answers a refusal. Give your own to change the HTTP answer, for example to hide a missing role behind 404. */
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
 * Puts the library together for Express. ZITADEL is not asked anything before the first request.
 *
 * @throws ZitadelOptionsError naming the option that is wrong, what it got and what to write
 * @example `const zitadel = createZitadel({ issuer: 'https://acme.zitadel.cloud', audience: '<project id>' })`
 */
export function createZitadel(
  options: ZitadelOptions,
  given: ZitadelSurroundings & { onDenied?: OnDenied } = {},
): ExpressZitadel {
  const { onDenied = answerDenial, ...surroundings } = withoutInheritance(given);
  return Object.freeze({ ...join(options, surroundings), onDenied });
}

/** The default of `onDenied`: status, headers and JSON body of the refusal. */
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
  return requireThat(zitadel, role(roles, ...on));
}

/**
 * Middleware for a route: the caller must hold one of these permissions on the resource. ZITADEL itself evaluates them. API v1 only.
 *
 * @throws ZitadelRequirementError as `permission()` does
 * @example `app.post('/orgs/:orgId/grants', requirePermission(zitadel, 'project.grant.write', org.param('orgId')), handler)`
 */
export function requirePermission(
  zitadel: ExpressZitadel,
  ...asked: Parameters<typeof permission>
): Middleware {
  return requireThat(zitadel, permission(...asked));
}

/**
 * Middleware for a route: the caller must hold one of these roles of a project. They are read from the role claims of the token.
 *
 * @throws ZitadelRequirementError as `projectRole()` does
 * @example `app.get('/orgs/:orgId/drafts', requireProjectRole(zitadel, 'editor', { org: org.param('orgId') }), handler)`
 */
export function requireProjectRole(
  zitadel: ExpressZitadel,
  ...asked: Parameters<typeof projectRole>
): Middleware {
  return requireThat(zitadel, projectRole(...asked));
}

/**
 * Middleware for a route: a caller whose token ZITADEL accepts, and nothing more. Any account of the instance is let in, unless
 * `organizations` names the home organizations of those who are.
 *
 * @throws ZitadelRequirementError when `organizations` is not a list of ids
 * @example `app.get('/me', requireAuthenticated(zitadel), handler)`
 */
export function requireAuthenticated(
  zitadel: ExpressZitadel,
  options: AuthenticatedOptions = {},
): Middleware {
  return requireThat(zitadel, authenticated(options));
}

/**
 * Middleware for a route: the whole requirement must hold.
 *
 * @throws ZitadelRequirementError when it cannot be checked, or an id comes from a class, which only Nest can build
 * @example `app.get('/reports', requireThat(zitadel, anyOf(role('IAM_OWNER_VIEWER'), role('ORG_OWNER', org.query('org')))), handler)`
 */
export function requireThat(zitadel: ExpressZitadel, requirement: Requirement): Middleware {
  const checked = requirementOf(requirement, 'requireThat()');
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

/**
 * The verified caller of a request.
 *
 * @throws ZitadelRequirementError when no middleware of this library let the request through
 * @example `res.json({ user: callerOf(req).userId })`
 */
export function callerOf(request: object): Caller {
  const decision = decisionOf(request);
  if (decision) return decision.caller;
  throw notChecked();
}

function notChecked(): ZitadelRequirementError {
  return new ZitadelRequirementError(
    'this request was not checked: put requireRole(), requireThat() or requireAuthenticated() before the handler; test on ZitadelEmulator of nestjs-zitadel/testing',
  );
}

/**
 * The id that was checked, so that middleware and handler cannot look at two different ones. If several of a kind were checked, `name` (of
 * the parameter, header and so on) says which one.
 *
 * @throws ZitadelRequirementError when none was checked, or several were and `name` does not say which one
 * @example `const orgId = checkedResource(req, 'org')`
 */
export function checkedResource(request: object, kind: CheckedKind, name?: string): string {
  const decision = decisionOf(request);
  if (!decision) throw notChecked();
  const id = checkedId(decision, kind, name);
  if (id !== undefined) return id;
  throw new ZitadelRequirementError(
    `checkedResource('${kind}'): this request was let through without exactly one checked ${kind}; name it in the requirement`,
  );
}
