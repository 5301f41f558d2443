// What the routes ask for, once for all doors.
import {
  allOf,
  anyOf,
  org,
  project,
  role,
  type Caller,
  type IdReader,
  type RequestLike,
} from '../../lib/index.js';

/** Reads an id as an application would: from a header of its own. */
export function tenantOf({ headers }: RequestLike): string | undefined {
  const tenant = headers['x-tenant'];
  return typeof tenant === 'string' ? tenant : undefined;
}

/** The same as a class, which may promise its answer. */
export class TenantOfRequest implements IdReader {
  async readId(request: RequestLike): Promise<string | undefined> {
    return Promise.resolve(tenantOf(request));
  }
}

/** Finds an id by the caller alone. */
export function homeByCode(_request: RequestLike, { claims }: Caller): string | undefined {
  const home = claims['urn:zitadel:iam:user:resourceowner:id'];
  return typeof home === 'string' ? home : undefined;
}

export class HomeByClass implements IdReader {
  async readId(request: RequestLike, caller: Caller): Promise<string | undefined> {
    return Promise.resolve(homeByCode(request, caller));
  }
}

/** What the function of a hostile application answers instead of an id: whatever the test put here. */
export const odd: { answer: () => unknown } = { answer: () => undefined };

export function oddId(): string | undefined {
  return odd.answer() as string | undefined;
}

export class OddId implements IdReader {
  readId(): string | undefined {
    return oddId();
  }
}

export const ANY = anyOf(
  role('ORG_OWNER', org.header('x-zitadel-orgid')),
  role('IAM_OWNER_VIEWER'),
);

export const OWN_OR_INSTANCE = anyOf(role('ORG_OWNER', org.ofCaller()), role('IAM_OWNER_VIEWER'));

export const NESTED = allOf(
  anyOf(role('ORG_OWNER', org.param('orgId')), role('IAM_OWNER')),
  anyOf(
    allOf(
      role('ORG_OWNER_VIEWER', org.query('other')),
      role('PROJECT_OWNER_VIEWER', project.query('projectId')),
    ),
    role('IAM_OWNER'),
  ),
);

/** Names that every object has, as names of parameters. */
const PROTOTYPE_NAMES = ['constructor', 'prototype', 'toString'] as const;

const under = (name: string) =>
  anyOf(
    role('PROJECT_OWNER', project.param(name)),
    role('PROJECT_OWNER', project.query(name)),
    role('PROJECT_OWNER', project.body(name)),
    role('PROJECT_OWNER', project.header(name)),
  );

export const NAMES = anyOf(under('__proto__'), ...PROTOTYPE_NAMES.map(under));
