import {
  type Answer,
  JSON_TYPE,
  jsonAnswer,
  oauthError,
  refusalAnswer,
  ZitadelError,
} from './answers.js';
import { connectRefusal } from './connect.js';
import { type EndpointName, requireEndpoint } from './endpoints.js';
import type { Route } from './routes.js';

/** How an endpoint misbehaves. */
export type Fault =
  /** That status, with the body ZITADEL gives it. */
  | number
  /** Exactly this answer. A body that is not text is sent as JSON. */
  | {
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A redirect (302) to another address. */
  | { readonly redirectTo: string }
  /** Accepts the request and never answers. */
  | 'hang'
  /** Closes the connection instead of answering; nothing is done. */
  | 'refuse'
  /** Does the work, then closes the connection instead of answering. */
  | 'lose'
  /** 200 and `application/json`, but no JSON. */
  | 'garbage'
  /** 200 and a page. */
  | 'html'
  /** The right answer, cut in half. */
  | 'truncated'
  /** The right answer about the wrong user: of lists of memberships and userinfo only. */
  | 'wrong-user'
  /** 200 and a body that never ends. */
  | 'endless'
  /** A redirect (302) to another origin. */
  | 'redirect';

const ABOUT_A_USER: readonly EndpointName[] = [
  'memberships',
  'userMemberships',
  'administrators',
  'introspect',
  'userinfo',
];

interface Plan {
  once: Fault[];
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

  /** The fault of the request that is being answered now, used up if it was for a number of times. */
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

/** The whole answer of a fault, or nothing where the fault is not an answer of its own. */
export function answerOf(
  fault: Fault | undefined,
  route: Pick<Route, 'endpoint' | 'family'>,
): Answer | undefined {
  if (typeof fault === 'number') return usualAnswer(fault, route);
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

export function truncated(answer: Answer): Answer {
  return { ...answer, body: answer.body.slice(0, Math.floor(answer.body.length / 2)) };
}

/** Somebody else, who may do everything: what a client must notice by the id alone. */
export function aboutSomebodyElse(answer: Answer, otherId: string): Answer {
  if (answer.status !== 200 || answer.body === '') return answer;
  const body = JSON.parse(answer.body) as {
    readonly active?: boolean;
    readonly sub?: string;
    readonly result?: object[];
    readonly administrators?: object[];
    readonly pagination?: object;
  };
  if (body.active === false) return answer;
  if (body.sub !== undefined) return { ...answer, body: JSON.stringify({ ...body, sub: otherId }) };
  if (body.pagination !== undefined) {
    const administrators = administratorsAs(otherId, body.administrators);
    const totalResult = String(administrators.length);
    const pagination = { totalResult, ...body.pagination };
    return { ...answer, body: JSON.stringify({ pagination, administrators }) };
  }
  const rows = body.result ?? [{ roles: ['IAM_OWNER'], displayName: 'ZITADEL', iam: true }];
  const result = rows.map((row) => ({ ...row, userId: otherId }));
  const details = { totalResult: String(rows.length), viewTimestamp: new Date().toISOString() };
  return { ...answer, body: JSON.stringify({ details, result }) };
}

function administratorsAs(id: string, rows: readonly object[] | undefined): object[] {
  const now = new Date().toISOString();
  const everything = { instance: true, roles: ['IAM_OWNER'] };
  const user = { id, preferredLoginName: 'somebody-else' };
  return (rows ?? [{ creationDate: now, changeDate: now, user, ...everything }]).map((row) => ({
    ...row,
    user: 'user' in row ? Object.assign({}, row.user, { id }) : user,
  }));
}

function usualAnswer(
  status: number,
  { endpoint, family }: Pick<Route, 'endpoint' | 'family'>,
): Answer {
  if (endpoint === 'userinfo' && status === 401) {
    return oauthError(status, 'access_denied', 'access token invalid');
  }
  if (family === 'oidc' || family === 'debug') {
    return oauthError(status, OAUTH_ERRORS[status] ?? 'server_error', 'Errors.Internal');
  }
  const usual = USUAL[status];
  if (family === 'connect') {
    const [code, id, text] = usual ?? [2, undefined, 'unknown'];
    return { ...connectRefusal(new ZitadelError(code, id, text), undefined), status };
  }
  if (usual === undefined) return jsonAnswer(status, { code: 2, message: 'unknown' });
  return { ...refusalAnswer(new ZitadelError(...usual), undefined), status };
}

function exactly(fault: Extract<Fault, { status: number }>): Answer {
  const { status, body, headers } = fault;
  if (typeof body === 'string') {
    return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
  }
  const text = body === undefined ? '' : JSON.stringify(body);
  return { status, headers: { 'content-type': JSON_TYPE, ...headers }, body: text };
}

function redirectTo(location: string): Answer {
  return { status: 302, headers: { location }, body: '' };
}
