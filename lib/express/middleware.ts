import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../core/caller.js';
import { attachDecision, attachedTo } from '../core/attached-decision.js';
import {
  type Allowed,
  checkedId,
  type CheckedKind,
  type Decision,
  denialAnswer,
  type Denied,
} from '../core/decision.js';
import { ZitadelRequirementError } from '../core/errors.js';
import { withoutInheritance } from '../core/own-properties.js';
import type { RequestLike } from '../core/request.js';
import {
  authenticated,
  type AuthenticatedOptions,
  isOptional,
  type OptionalCaller,
  permission,
  role,
  projectRole,
} from '../core/requirement/builders.js';
import { canHold } from '../core/requirement/compile.js';
import {
  type Requirement,
  requirementOf,
  type ImpersonationSettings,
  lettingActorsIn,
} from '../core/requirement/requirement.js';
import type { FittingRoles, OnArgs, WrittenRoles } from '../core/requirement/role-args.js';
import { REVIEW, type Reviewable, reviewBoth } from '../core/review.js';
import { createZitadel as join, type Zitadel } from '../create-zitadel.js';
import { tellOptions } from '../given-options.js';
import type { SeveralInstances } from '../instances-option.js';
import type { ZitadelOptions } from '../options.js';
import type { ZitadelInstances, ZitadelSurroundings } from '../services.js';

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
export interface ExpressZitadel extends ZitadelInstances {
  readonly onDenied: OnDenied;
  /**
   * Ends what runs on its own, for example the connection over which other processes are heard. Call it when the server has closed. A client
   * of Redis that you handed in stays open.
   *
   * @example `server.close(() => void zitadel.close().then(() => redis.close()))`
   */
  readonly close: () => Promise<void>;
}

/**
 * Puts the library together for Express. ZITADEL is not asked anything before the first request, unless `events.tail` asks for events.
 *
 * @throws ZitadelOptionsError naming the option that is wrong, what it got and what to write
 * @example `const zitadel = createZitadel({ issuer: 'https://acme.zitadel.cloud', audience: '<project id>' })`
 * @example `const zitadel = createZitadel({ instances: [{ issuer, audience }, { issuer: other, audience: another }] })`
 */
export function createZitadel(
  options: ZitadelOptions | SeveralInstances,
  given: ZitadelSurroundings & { onDenied?: OnDenied } = {},
): ExpressZitadel {
  const { onDenied = answerDenial, ...surroundings } = withoutInheritance(given);
  const hasSharedCache = surroundings.sharedCache !== undefined;
  tellOptions({ door: 'express', name: undefined, options, hasSharedCache });
  const zitadel = join(options, surroundings);
  zitadel.begin();
  return Object.freeze({ ...zitadel, onDenied });
}

/**
 * The default of `onDenied`: status, headers and JSON body of the refusal.
 *
 * @example `onDenied: (denied, ...rest) => { audit(denied); return answerDenial(denied, ...rest); }`
 */
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
export function requireRole<const L extends WrittenRoles>(
  zitadel: ExpressZitadel,
  roles: FittingRoles<L>,
  ...on: OnArgs<L>
): Middleware {
  return requireThat(given(zitadel, 'requireRole'), role<L>(roles, ...on));
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
  return requireThat(given(zitadel, 'requirePermission'), permission(...asked));
}

/**
 * Middleware for a route: the caller must hold one of these roles of a project. They are read from the role claims of the
 * token, and with the option `projectRoles: 'api'` from ZITADEL where the token lacks them.
 *
 * @throws ZitadelRequirementError as `projectRole()` does
 * @example `app.get('/drafts', requireProjectRole(zitadel, 'editor'), handler)`
 * @example `app.get('/orgs/:orgId/drafts', requireProjectRole(zitadel, 'editor', { org: org.param('orgId') }), handler)`
 */
export function requireProjectRole(
  zitadel: ExpressZitadel,
  ...asked: Parameters<typeof projectRole>
): Middleware {
  return requireThat(given(zitadel, 'requireProjectRole'), projectRole(...asked));
}

/**
 * Middleware for a route: a caller whose token ZITADEL accepts, and nothing more. Any account of the instance is let in, unless
 * `organizations` names the home organizations of those who are. With `optional: true` requests without a token go on, too: then
 * `decisionOf(request)?.caller` is the caller, or `undefined`.
 *
 * @throws ZitadelRequirementError when `organizations` is not a list of ids, or stands beside `optional`
 * @example `app.get('/me', requireAuthenticated(zitadel), handler)`
 * @example `app.get('/articles', requireAuthenticated(zitadel, { optional: true }), handler)`
 */
export function requireAuthenticated(
  zitadel: ExpressZitadel,
  options: AuthenticatedOptions & OptionalCaller = {},
): Middleware {
  const { optional: _optional, ...asked } = withoutInheritance(options);
  const whole = given(zitadel, 'requireAuthenticated');
  const withCaller = requireThat(whole, authenticated(asked));
  if (!isOptional(options)) return withCaller;
  return (request, response, next) => {
    if (whole.decisions.bearsToken(request as IncomingMessage & RequestLike)) {
      withCaller(request, response, next);
    } else next();
  };
}

/**
 * Middleware for a route: the whole requirement must hold.
 *
 * @throws ZitadelRequirementError when it cannot be checked: also when an id comes from a class, which only Nest can build, or from an
 * argument of GraphQL; and on any other setting
 * @example `app.get('/reports', requireThat(zitadel, anyOf(role('IAM_OWNER_VIEWER'), role('ORG_OWNER', org.query('org')))), handler)`
 * @example `app.get('/me', requireThat(zitadel, authenticated(), { allowImpersonation: true }), handler)`
 */
export function requireThat(
  zitadel: ExpressZitadel,
  requirement: Requirement,
  settings: ImpersonationSettings = {},
): Middleware {
  const { decisions, requestProperty } = given(zitadel, 'requireThat');
  const checked = requirementOf(requirement, 'requireThat()');
  const compiled = decisions.prepare(checked, lettingActorsIn(settings));
  if (compiled.sources.some(({ from }) => from === 'class')) {
    throw new ZitadelRequirementError('.from() takes a function here: only Nest can build a class');
  }
  if (!canHold(compiled.root, (slot) => compiled.sources[slot]?.from === 'arg')) {
    throw new ZitadelRequirementError(
      "an id comes from an argument of GraphQL, which an HTTP request does not have: name it with param('...'), query, body or header",
    );
  }
  return (request, response, next) => {
    const conclude = (decision: Decision) => {
      try {
        if (!decision.allowed) {
          const answered: unknown = zitadel.onDenied(decision, request, response, next);
          if (answered instanceof Promise) answered.then(undefined, next);
          return;
        }
        const both = joined(attachedTo(request), decision);
        attachDecision(request, both, requestProperty);
      } catch (error) {
        next(error);
        return;
      }
      next();
    };
    let decision: Decision | Promise<Decision>;
    try {
      decision = decisions.authorize(request as IncomingMessage & RequestLike, compiled);
    } catch (error) {
      next(error);
      return;
    }
    if (decision instanceof Promise) decision.then(conclude, next);
    else conclude(decision);
  };
}

/** The first argument with what its type does not show, if it is what `createZitadel` returned. */
function given(zitadel: ExpressZitadel, middleware: string): ExpressZitadel & Zitadel {
  const whole = Object(zitadel) as ExpressZitadel & Partial<Zitadel>;
  if (whole.decisions !== undefined) return whole as ExpressZitadel & Zitadel;
  throw new ZitadelRequirementError(
    `${middleware}() takes what createZitadel() returned as its first argument: ${middleware}(zitadel, ...)`,
  );
}

/** Several middlewares on one route: the handler may ask for what any of them checked, and what lasts rests on all of them. */
function joined(before: Allowed | undefined, decision: Allowed): Reviewable {
  if (!before) return decision;
  const sameUser =
    before.caller.userId === decision.caller.userId &&
    before.caller.issuer === decision.caller.issuer;
  const checked = sameUser ? [...before.checked, ...decision.checked] : decision.checked;
  return { ...decision, checked, [REVIEW]: reviewBoth(before, decision) };
}

/**
 * The verified caller of a request. Where the caller is optional, read `decisionOf(request)?.caller` instead.
 *
 * @throws ZitadelRequirementError when no middleware of this library let the request through, or the request has no caller
 * @example `res.json({ user: callerOf(req).userId })`
 */
export function callerOf(request: object): Caller {
  const decision = attachedTo(request);
  if (decision) return decision.caller;
  throw notChecked();
}

function notChecked(): ZitadelRequirementError {
  return new ZitadelRequirementError(
    'this request was not checked: put requireRole(), requireThat() or requireAuthenticated() before the handler; where the caller is optional, read decisionOf(request)?.caller; in a test, put guardAs() of nestjs-zitadel/testing there, or ask ZitadelEmulator',
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
  const decision = attachedTo(request);
  if (!decision) throw notChecked();
  const id = checkedId(decision, kind, name);
  if (id !== undefined) return id;
  throw new ZitadelRequirementError(
    `checkedResource('${kind}'): this request was let through without exactly one checked ${kind}; name it in the requirement, or in a test in guardAs()`,
  );
}
