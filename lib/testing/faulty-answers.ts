import { connectRefusal } from './connect.js';
import { ZitadelError } from './errors.js';
import { type Answer, JSON_TYPE, jsonAnswer, oauthError, refusalAnswer } from './exchange.js';
import type { Fault } from './faults.js';
import type { Route } from './routes.js';

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
