import { isRefusal, type Refusal } from '../core/decision.js';
import type { Membership, RowsOn } from '../core/membership.js';
import { isTrouble, type Answered, type Call, type Trouble } from './exchange.js';
import { MOST_BYTES, pageFrom, pageRequest } from './list-answer.js';
import { PageTrail } from './page-trail.js';
import { haveIds, isId, isRecord, listOfTexts, textOf, textsOf } from './shape.js';

/** Of one user's list no more is read, where it is joined from parts or from pages. */
export const MOST_ROWS = 10_000;
const PATH = '/zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators';

/** One row of ListAdministrators: a user's manager roles on one resource. */
export interface Administrator {
  /** Its id is '' for the instance. */
  readonly membership: Membership;
  /** The name of the resource. Written by whoever owns it: text only, never markup. */
  readonly name: string;
  readonly creationDate?: string;
  readonly changeDate?: string;
}

/** A user's rows, as one reading of all pages brought them. */
export interface Administrators {
  /** Without those on things that we do not know. */
  readonly rows: readonly Administrator[];
  /** How many rows ZITADEL counts, whether the asker may see them or not. */
  readonly total: number;
  /** Rows that were counted were not shown: the asker may not see them. */
  readonly hidesRows: boolean;
  /** The list changed while it was read: what came was there, and a row may be missing. */
  readonly hasMoved: boolean;
  /** It goes on behind what was read. */
  readonly isCut: boolean;
}

/** Sends a call in somebody's name. */
export type Send = (call: Call) => Promise<Answered | Trouble | Refusal>;

/**
 * The rows of one user, as many as so many pages hold, and no more than the cap: ListAdministrators of `zitadel.internal_permission.v2`, over connect, the
 * oldest row first, each row once; by the row that two pages share it shows when the list moves. Whatever is no such list comes back as it was answered.
 */
export async function listAdministrators(
  send: Send,
  userId: string,
  on: RowsOn | undefined,
  mostPages: number,
): Promise<Administrators | { readonly reply: Answered | Trouble | Refusal }> {
  const rows = new Map<string, Administrator | undefined>();
  const trail = new PageTrail();
  for (let page = 1; ; page += 1) {
    const reply = await send({
      family: 'administrators',
      method: 'POST',
      path: PATH,
      json: {
        ...pageRequest(trail.offset, MOST_ROWS),
        sortingColumn: 'ADMINISTRATOR_FIELD_NAME_CREATION_DATE',
        filters: [{ inUserIdsFilter: { ids: [userId] } }, ...filtersOf(on)],
      },
      who: userId,
      maxBytes: MOST_BYTES,
      repeatable: true,
    });
    if (isRefusal(reply) || isTrouble(reply) || reply.status !== 200) return { reply };
    const read = pageFrom(reply.body, 'administrators');
    if (!read) return unusable('the answer is no list');
    const keys: string[] = [];
    for (const row of read.rows) {
      if (!isRecord(row['user']) || row['user']['id'] !== userId) {
        return unusable('the answer is about another user');
      }
      if (!isRow(row)) return unusable('the answer is no list');
      const administrator = administratorFrom(userId, row);
      const { kind, id } = administrator?.membership ?? {};
      const key = JSON.stringify(kind ? [kind, id] : row);
      keys.push(key);
      rows.set(key, administrator);
    }
    const goesOn = trail.follow(read, keys, MOST_ROWS);
    if (goesOn && page < mostPages) continue;
    const { hidesRows, hasMoved } = trail;
    const known = [...rows.values()].filter((row) => row !== undefined);
    const isCut = goesOn || read.total > MOST_ROWS;
    return { rows: known, total: read.total, hidesRows, hasMoved, isCut };
  }
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

const IDS = ['organizationId', 'projectId', 'grantedOrganizationId'] as const;

/** Whether a row says what it says in the way of ZITADEL. */
function isRow(row: Readonly<Record<string, unknown>>): boolean {
  const { instance, organization, project, projectGrant } = row;
  const resources = [organization, project, projectGrant].filter((each) => each !== undefined);
  return (
    listOfTexts(row['roles']) !== undefined &&
    (instance === undefined || instance === true) &&
    resources.every((each) => isRecord(each) && isId(each['id']) && haveIds(each, IDS))
  );
}

/** Undefined where the row does not say clearly what it is about: such a row says nothing, least of all something global. */
function administratorFrom(
  userId: string,
  row: Readonly<Record<string, unknown>>,
): Administrator | undefined {
  const named = KINDS.filter(([name]) => row[name] !== undefined);
  const [only] = named;
  if (!only || named.length > 1) return undefined;
  const [name, kind] = only;
  const resource = isRecord(row[name]) ? row[name] : {};
  const { organizationId, projectId, grantedOrganizationId } = textsOf(resource, IDS);
  return {
    membership: {
      userId,
      kind,
      id: textOf(resource['id']),
      roles: listOfTexts(row['roles']) ?? [],
      ...(organizationId !== undefined && { ownerOrgId: organizationId }),
      ...(projectId !== undefined && { projectId }),
      ...(grantedOrganizationId !== undefined && { grantedOrgId: grantedOrganizationId }),
    },
    name: textOf(resource[kind === 'projectGrant' ? 'projectName' : 'name']),
    ...textsOf(row, ['creationDate', 'changeDate']),
  };
}

const KINDS = [
  ['instance', 'instance'],
  ['organization', 'org'],
  ['project', 'project'],
  ['projectGrant', 'projectGrant'],
] as const;
