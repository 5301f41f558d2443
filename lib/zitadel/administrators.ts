import { isRefusal, type Refusal } from '../core/decision.js';
import type { RowsOn } from '../core/membership.js';
import type { ResourceKind } from '../core/roles.js';
import { isRecord } from './error-id.js';
import { isTrouble, type Answered, type Call, type Trouble } from './exchange.js';
import { textsOf } from './membership-row.js';
import { pageFrom, pageRequest } from './page.js';

/** What a membership list may hold; whatever is beyond is asked for when it is needed. */
export const MOST_ROWS = 10_000;
/** A server may give shorter pages than were asked for, but not so short that one list is asked for without end. */
const MOST_PAGES = 100;
const MAX_BYTES = 8 * 2 ** 20;
const PATH = '/zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators';

/** One row of ListAdministrators: a user's manager roles on one resource. */
export interface Administrator {
  /** Undefined where the row does not say clearly what it is about: such a row says nothing. */
  readonly kind: ResourceKind | undefined;
  /** Of the organization, project or project grant; '' for the instance. */
  readonly id: string;
  readonly roles: readonly string[];
  /** The name of the resource. Written by whoever owns it: text only, never markup. */
  readonly name: string;
  readonly creationDate?: string;
  readonly changeDate?: string;
  /** Of a project or project grant: the organization that owns the project. */
  readonly ownerOrgId?: string;
  /** Of a project grant. */
  readonly projectId?: string;
  readonly grantedOrgId?: string;
}

/** A user's rows, as one reading of all pages brought them. */
export interface Administrators {
  readonly rows: readonly Administrator[];
  /** How many rows ZITADEL counts, whether the asker may see them or not. */
  readonly total: number;
  /** Rows that were counted did not come: the asker may not see them, or the list changed while it was read. */
  readonly isShort: boolean;
  /** The list changed between two pages. */
  readonly hasMoved: boolean;
}

/** Sends a call in somebody's name. */
export type Send = (call: Call) => Promise<Answered | Trouble | Refusal>;

/**
 * All rows of one user, up to the cap: ListAdministrators of `zitadel.internal_permission.v2`, over connect, all pages, the oldest row
 * first, each row once. Whatever is no such list comes back as it was answered.
 */
export async function listAdministrators(
  send: Send,
  userId: string,
  on?: RowsOn,
): Promise<Administrators | { readonly reply: Answered | Trouble | Refusal }> {
  const rows = new Map<string, Administrator>();
  const totals = new Set<number>();
  let offset = 0;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const reply = await send({
      family: 'administrators',
      method: 'POST',
      path: PATH,
      json: {
        ...pageRequest(offset),
        sortingColumn: 'ADMINISTRATOR_FIELD_NAME_CREATION_DATE',
        filters: [{ inUserIdsFilter: { ids: [userId] } }, ...filtersOf(on)],
      },
      who: userId,
      maxBytes: MAX_BYTES,
      repeatable: true,
    });
    if (isRefusal(reply) || isTrouble(reply) || reply.status !== 200) return { reply };
    const read = pageFrom(reply.body, 'administrators');
    if (!read) return unusable('the answer is no list');
    for (const row of read.rows) {
      if (!isRecord(row['user']) || row['user']['id'] !== userId) {
        return unusable('the answer is about another user');
      }
      const administrator = administratorFrom(row);
      const { kind, id } = administrator;
      rows.set(JSON.stringify(kind ? [kind, id] : row), administrator);
    }
    totals.add(read.total);
    offset += read.step;
    const wanted = Math.min(read.total, MOST_ROWS);
    if (offset < wanted) continue;
    return {
      rows: [...rows.values()],
      total: read.total,
      isShort: rows.size < Math.min(read.total, offset),
      hasMoved: totals.size > 1,
    };
  }
  return unusable('the answer has too many pages');
}

function filtersOf(on: RowsOn | undefined): readonly object[] {
  switch (on?.kind) {
    case 'instance':
      return [{ resource: { instance: true } }];
    case 'org':
      return [{ resource: { organizationId: on.id } }];
    case 'project':
      return [{ resource: { projectId: on.id } }];
    case 'projectGrantBetween': {
      const projectGrant = { projectId: on.projectId, organizationId: on.grantedOrgId };
      return [{ resource: { projectGrant } }];
    }
    case 'orgsByRoles':
      return [{ or: { queries: on.roles.map((roleKey) => ({ role: { roleKey } })) } }];
    default:
      return [];
  }
}

function unusable(trouble: string): { readonly reply: Trouble } {
  return { reply: { trouble, kind: 'unusable' } };
}

function administratorFrom(row: Readonly<Record<string, unknown>>): Administrator {
  const { instance, organization, project, projectGrant } = row;
  const roles: readonly unknown[] = Array.isArray(row['roles']) ? row['roles'] : [];
  const about = {
    roles: roles.filter((role) => typeof role === 'string'),
    ...textsOf(row, ['creationDate', 'changeDate']),
  };
  const unclear = { kind: undefined, id: '', name: '', ...about };
  const named = [instance, organization, project, projectGrant].filter(
    (each) => each !== undefined,
  );
  const [resource] = named;
  if (named.length !== 1) return unclear;
  if (instance === true) return { kind: 'instance', id: '', name: '', ...about };
  if (!isRecord(resource)) return unclear;
  const { id, name = '', projectName = '', ...ids } = textsOf(resource, TEXTS);
  if (id === undefined) return unclear;
  if (organization) return { kind: 'org', id, name, ...about };
  const owned = {
    ...about,
    ...(ids.organizationId !== undefined && { ownerOrgId: ids.organizationId }),
  };
  if (project) return { kind: 'project', id, name, ...owned };
  return {
    kind: 'projectGrant',
    id,
    name: projectName,
    ...owned,
    ...(ids.projectId !== undefined && { projectId: ids.projectId }),
    ...(ids.grantedOrganizationId !== undefined && { grantedOrgId: ids.grantedOrganizationId }),
  };
}

const TEXTS = [
  'id',
  'name',
  'projectName',
  'organizationId',
  'projectId',
  'grantedOrganizationId',
] as const;
