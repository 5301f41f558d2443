import type { ZitadelEmulator } from '../../lib/testing/index.js';
import { type Call, type Called, type Json, call } from './calls.js';

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

/** Error id of a refusal, from the place that needs no protobuf. */
export function connectErrorId(called: Called): string | undefined {
  const details = called.json['details'] as readonly { debug: { id: string } }[] | undefined;
  return details?.[0]?.debug.id;
}

/** Status and error id in one. */
export function outcomeOf(called: Called): [number, string | undefined] {
  return [called.status, connectErrorId(called)];
}

export function listOf(called: Called, name: string): readonly Json[] {
  return (called.json[name] as readonly Json[] | undefined) ?? [];
}
