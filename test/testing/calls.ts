import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import {
  type EmulatorSettings,
  type MemberResource,
  type Org,
  type User,
  ZitadelEmulator,
} from '../../lib/testing/index.js';

/** An emulator for all tests of a spec: furnished before the first, and stopped after the last. */
export function useFurnished<T extends object>(
  furnish: (zitadel: ZitadelEmulator) => T,
  settings: EmulatorSettings = {},
  [before, after] = [beforeAll, afterAll],
): T & { readonly zitadel: ZitadelEmulator } {
  const made = {} as T & { readonly zitadel: ZitadelEmulator };
  before(async () => {
    const zitadel = await ZitadelEmulator.start(settings);
    Object.assign(made, { zitadel }, furnish(zitadel));
  });
  after(() => made.zitadel.stop());
  return made;
}

export const EACH_TEST = [beforeEach, afterEach] as [typeof beforeAll, typeof afterAll];

/** Organizations, two projects of acme, and a grant of one of them to globex. */
export function useTenants(often?: typeof EACH_TEST) {
  return useFurnished(
    (zitadel) => {
      const [acme, globex, initech] = ['acme', 'globex', 'initech'].map((name) =>
        zitadel.addOrg(name),
      ) as [Org, Org, Org];
      const portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] });
      const other = zitadel.addProject('other', { org: acme, roles: ['reader'] });
      const grant = zitadel.grantProject(portal, globex, ['reader']);
      let users = 0;
      const addMember = (on: MemberResource | undefined, roles: readonly string[], org: Org) => {
        const user = zitadel.addServiceUser(`member-${String((users += 1))}`, { org });
        if (on !== undefined) zitadel.addMember(user, on, roles);
        return user;
      };
      /** The token of a new service user who manages this. */
      const member = (on: MemberResource, role: string, org = acme): string =>
        zitadel.tokenFor(addMember(on, [role], org));
      return { acme, globex, initech, portal, other, grant, addMember, member };
    },
    {},
    often,
  );
}

export interface Called {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; `undefined` where it is none. */
  readonly json: Json;
}

export type Json = Readonly<Record<string, unknown>>;

export interface Call {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** One call of the API with a token: GET without a body, POST with one. */
export async function call(
  zitadel: ZitadelEmulator,
  path: string,
  token?: string,
  options: Call = {},
): Promise<Called> {
  const { body, headers, method = body === undefined ? 'GET' : 'POST', signal } = options;
  const response = await fetch(`${zitadel.url}${path}`, {
    method,
    redirect: 'manual',
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(body === undefined ? {} : { body: isRaw(body) ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

/** List My ZITADEL Manager Roles. */
export function myMemberships(
  zitadel: ZitadelEmulator,
  token: string,
  options: Call = {},
): Promise<Called> {
  return call(zitadel, '/auth/v1/memberships/me/_search', token, { body: {}, ...options });
}

/** The id of a refusal, of either generation of the API. */
export function errorIdOf(called: Called): string | undefined {
  const details = called.json['details'] as readonly ErrorDetail[] | undefined;
  return details?.[0]?.debug?.id ?? details?.[0]?.id;
}

interface ErrorDetail {
  readonly id?: string;
  readonly debug?: { readonly id: string };
}

export function rowsOf(called: Called): readonly Readonly<Record<string, unknown>>[] {
  return (called.json['result'] as readonly Readonly<Record<string, unknown>>[] | undefined) ?? [];
}

export function decode(part: string | undefined): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;
}

function isRaw(body: unknown): body is string | URLSearchParams {
  return typeof body === 'string' || body instanceof URLSearchParams;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {} as Json;
  }
}

export const PERMISSIONS = '/zitadel.internal_permission.v2.InternalPermissionService';
export const PROJECTS = '/zitadel.project.v2.ProjectService';

/** One unary call in the Connect protocol. */
export function connectCall(
  zitadel: ZitadelEmulator,
  path: string,
  token: string | undefined,
  body: unknown,
  headers: Call['headers'] = {},
): Promise<Called> {
  const json = { 'content-type': 'application/json', ...headers };
  return call(zitadel, path, token, { method: 'POST', body, headers: json });
}

export function administrators(
  zitadel: ZitadelEmulator,
  token: string,
  body: object = {},
): Promise<Called> {
  return connectCall(zitadel, `${PERMISSIONS}/ListAdministrators`, token, body);
}

/** Status and error id in one. */
export function outcomeOf(called: Called): [number, string | undefined] {
  return [called.status, errorIdOf(called)];
}

export function listOf(called: Called, name: string): readonly Json[] {
  return (called.json[name] as readonly Json[] | undefined) ?? [];
}

export const REDIRECT = 'http://localhost:9/callback';
export const LOGIN = '/ui/v2/login/login';

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly idToken: string;
}

export function newVerifier(): string {
  return randomBytes(32).toString('base64url');
}

/** Where an application sends a browser, by the code flow with PKCE. */
export function authorizePath(
  verifier: string,
  asked: Readonly<Record<string, string | undefined>>,
): string {
  const all: Record<string, string | undefined> = {
    redirect_uri: REDIRECT,
    response_type: 'code',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...asked,
  };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined) query.set(name, value);
  }
  return `/oauth/v2/authorize?${query.toString()}`;
}

/** Picks who signs in. */
export function pick(
  zitadel: ZitadelEmulator,
  authRequest: string,
  user: { readonly id: string },
): Promise<Called> {
  const body = new URLSearchParams({ authRequest, userId: user.id });
  return call(zitadel, LOGIN, undefined, { body });
}

export function redeem(
  zitadel: ZitadelEmulator,
  fields: Readonly<Record<string, string>>,
): Promise<Called> {
  const defaults = { grant_type: 'authorization_code', redirect_uri: REDIRECT };
  const body = new URLSearchParams({ ...defaults, ...fields });
  return call(zitadel, '/oauth/v2/token', undefined, { body });
}

/** Signs a person in over the pages of the emulator. */
export async function signIn(
  zitadel: ZitadelEmulator,
  client_id: string,
  user: User,
  scope: string,
): Promise<Tokens> {
  const verifier = newVerifier();
  const begun = await call(zitadel, authorizePath(verifier, { client_id, scope }));
  const code = parameterOf(await pick(zitadel, parameterOf(begun, 'authRequest'), user), 'code');
  return tokensOf(await redeem(zitadel, { client_id, code, code_verifier: verifier }));
}

export function refresh(
  zitadel: ZitadelEmulator,
  client_id: string,
  refresh_token: string,
): Promise<Called> {
  return redeem(zitadel, { grant_type: 'refresh_token', client_id, refresh_token });
}

export function tokensOf({ json }: Called): Tokens {
  return {
    accessToken: String(json['access_token']),
    refreshToken: String(json['refresh_token']),
    idToken: String(json['id_token']),
  };
}

/** What the address says to which somebody is sent. */
export function parameterOf(answer: Called, name: string): string {
  const location = new URL(answer.headers.get('location') ?? '', 'http://localhost');
  return location.searchParams.get(name) ?? '';
}
