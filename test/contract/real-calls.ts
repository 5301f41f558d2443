import type { Call } from './real-api.js';

export const V1 = '/management/v1';
/** Whichever organization the header names. */
export const ORG_OF_HEADER = `${V1}/orgs/me`;
/** The manager roles of the token's own user. */
export const MY_MEMBERSHIPS = '/auth/v1/memberships/me/_search';
/** Organizations by their id, so that no header decides which one is removed. */
export const ORGS = '/admin/v1/orgs';

/** So that a change could reach whatever organization the token's owner is in. */
export const DISOBEYED = 'this server, or what stands before it, does not obey x-zitadel-orgid';

/** Of Actions v2: where events are delivered, and which. */
export const TARGETS = '/v2/actions/targets';
export const EXECUTIONS = '/v2/actions/executions';

export function get(path: string, org?: string): Call {
  return { method: 'GET', path, ...(org !== undefined && { org }) };
}

export function post(path: string, body: unknown, org?: string): Call {
  return { method: 'POST', path, body, ...(org !== undefined && { org }) };
}

export function removal(path: string, org?: string): Call {
  return { method: 'DELETE', path, ...(org !== undefined && { org }) };
}
