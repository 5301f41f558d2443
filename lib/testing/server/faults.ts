import type { Fault } from '../model.js';
import { type EndpointName, requireEndpoint } from './endpoints.js';
import { connectRefusal, restRefusal } from './protocols.js';
import {
  JSON_TYPE,
  jsonReply,
  oauthError,
  type Reply,
  textReply,
  ZitadelError,
} from './replies.js';
import type { Route } from './routes.js';

const ABOUT_A_USER: readonly EndpointName[] = [
  'memberships',
  'userMemberships',
  'administrators',
  'introspect',
  'userinfo',
];

interface Plan {
  readonly once: Fault[];
  standing: Fault | undefined;
  delayMs: number;
}

/** What was asked to go wrong, and when it is over. */
export class Faults {
  readonly #plans = new Map<EndpointName, Plan>();

  failNext(endpoint: EndpointName, fault: Fault, times: number): void {
    requirePossible(endpoint, fault);
    this.#plan(endpoint).once.push(...Array.from({ length: times }, () => fault));
  }

  fail(endpoint: EndpointName, fault: Fault): void {
    requirePossible(endpoint, fault);
    this.#plan(endpoint).standing = fault;
  }

  /** Ends faults and delays: of one endpoint, or of all. */
  heal(endpoint?: EndpointName): void {
    if (endpoint === undefined) {
      this.#plans.clear();
    } else {
      requireEndpoint(endpoint);
      this.#plans.delete(endpoint);
    }
  }

  delay(endpoint: EndpointName, ms: number): void {
    requireEndpoint(endpoint);
    this.#plan(endpoint).delayMs = Math.max(0, ms);
  }

  delayOf(endpoint: EndpointName): number {
    return this.#plans.get(endpoint)?.delayMs ?? 0;
  }

  /** The fault for this request. One that is for a number of times is used up. */
  take(endpoint: EndpointName): Fault | undefined {
    const plan = this.#plans.get(endpoint);
    return plan?.once.shift() ?? plan?.standing;
  }

  #plan(endpoint: EndpointName): Plan {
    const plan = this.#plans.get(endpoint) ?? { once: [], standing: undefined, delayMs: 0 };
    this.#plans.set(endpoint, plan);
    return plan;
  }
}

function requirePossible(endpoint: EndpointName, fault: Fault): void {
  requireEndpoint(endpoint);
  if (fault !== 'wrong-user' || ABOUT_A_USER.includes(endpoint)) return;
  throw new TypeError(`'wrong-user' needs an endpoint that tells about a user, not '${endpoint}'`);
}

/** What ZITADEL says with a status when nobody says more: code, error id, text. */
const USUAL: Readonly<
  Record<number, readonly [code: number, id: string | undefined, text: string]>
> = {
  400: [3, undefined, 'Errors.Invalid.Argument'],
  401: [16, 'AUTH-7fs1e', 'Errors.Token.Invalid'],
  403: [7, 'AUTH-5mWD2', 'No matching permissions found'],
  404: [5, 'AUTHZ-cdgFk', 'membership not found'],
  409: [6, 'V3-DKcYh', 'Errors.AlreadyExists'],
  429: [8, 'QUOTA-vjAy8', 'Quota.Access.Exhausted'],
  500: [13, undefined, 'Errors.Internal'],
  501: [12, undefined, 'unimplemented'],
  503: [14, undefined, 'upstream connect error or disconnect/reset before headers'],
  504: [4, undefined, 'context deadline exceeded'],
};

const OAUTH_ERRORS: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'invalid_client',
  403: 'access_denied',
};

/** The reply that a fault sends without doing any work. Other faults spoil the right reply. */
export function faultReply(
  fault: Fault | undefined,
  route: Pick<Route, 'endpoint' | 'family'>,
): Reply | undefined {
  if (typeof fault === 'number') return usualReply(fault, route);
  if (typeof fault === 'object') {
    return 'redirectTo' in fault ? redirectTo(fault.redirectTo) : exactly(fault);
  }
  switch (fault) {
    case 'garbage':
      return { status: 200, headers: { 'content-type': JSON_TYPE }, body: '\u0000{"result": [}' };
    case 'html':
      return {
        status: 200,
        headers: { 'content-type': 'text/html; charset=utf-8' },
        body: '<!doctype html><title>Welcome</title><p>Please sign in to the network.</p>',
      };
    case 'redirect':
      return redirectTo('https://elsewhere.example/');
    default:
      return undefined;
  }
}

/** The right reply, spoiled as the fault says. */
export function spoilt(reply: Reply, fault: Fault | undefined, otherId: () => string): Reply {
  if (fault === 'truncated') {
    return { ...reply, body: reply.body.slice(0, Math.floor(reply.body.length / 2)) };
  }
  if (fault !== 'wrong-user' || reply.status !== 200 || reply.body === '') return reply;
  const body = aboutSomebodyElse(JSON.parse(reply.body) as AboutAUser, otherId());
  return { ...reply, body: JSON.stringify(body) };
}

interface AboutAUser {
  readonly active?: boolean;
  readonly sub?: string;
  readonly result?: object[];
  readonly administrators?: object[];
  readonly pagination?: object;
}

/** Another user, who may do everything. A client can notice it only by the id. */
function aboutSomebodyElse(body: AboutAUser, id: string): object {
  if (body.active === false) return body;
  if (body.sub !== undefined) return { ...body, sub: id };
  const now = new Date().toISOString();
  const roles = ['IAM_OWNER'];
  if (body.pagination !== undefined) {
    const user = { id, preferredLoginName: 'somebody-else' };
    const owner = { creationDate: now, changeDate: now, user, instance: true, roles };
    const administrators = (body.administrators ?? [owner]).map((row) => ({
      ...row,
      user: 'user' in row ? Object.assign({}, row.user, { id }) : user,
    }));
    const totalResult = String(administrators.length);
    return { pagination: { totalResult, ...body.pagination }, administrators };
  }
  const rows = body.result ?? [{ roles, displayName: 'ZITADEL', iam: true }];
  return {
    details: { totalResult: String(rows.length), viewTimestamp: now },
    result: rows.map((row) => ({ ...row, userId: id })),
  };
}

function usualReply(
  status: number,
  { endpoint, family }: Pick<Route, 'endpoint' | 'family'>,
): Reply {
  if (endpoint === 'userinfo' && status === 401) {
    return oauthError(status, 'access_denied', 'access token invalid');
  }
  if (family === 'oidc' || family === 'debug') {
    return oauthError(status, OAUTH_ERRORS[status] ?? 'server_error', 'Errors.Internal');
  }
  const usual = USUAL[status];
  if (family === 'connect') {
    const error = new ZitadelError(...(usual ?? ([2, undefined, 'unknown'] as const)));
    return { ...connectRefusal(error), status };
  }
  if (usual === undefined) return jsonReply(status, { code: 2, message: 'unknown' });
  return { ...restRefusal(new ZitadelError(...usual)), status };
}

function exactly({ status, body, headers }: Extract<Fault, { status: number }>): Reply {
  if (typeof body === 'string') return textReply(status, body, headers);
  const text = body === undefined ? '' : JSON.stringify(body);
  return { status, headers: { 'content-type': JSON_TYPE, ...headers }, body: text };
}

function redirectTo(location: string): Reply {
  return { status: 302, headers: { location }, body: '' };
}
