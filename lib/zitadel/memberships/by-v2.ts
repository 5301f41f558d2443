import type { Membership, MembershipRows, RowsOn } from '../../core/caller.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import type { MembershipQuestion } from '../../core/memory/caller-facts.js';
import { has } from '../../core/own-properties.js';
import type { Call } from '../call.js';
import { servedBy, type Tried } from '../generation.js';
import {
  haveIds,
  type Instead,
  isId,
  isRecord,
  LIST_CALL,
  listOf,
  listOfTexts,
  MOST_PAGES,
  PAGE,
  pageFrom,
  pageRequest,
  type ReadList,
  textOf,
  textsOf,
} from '../reading.js';
import { type NotDone, READER_REMEDY, refusalOf } from '../refusals.js';
import { isDone, type Reply, unusableReply } from '../reply.js';

/** The most rows that are read of one user's list. */
export const MOST_ROWS = 10_000;
const PATH = '/zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators';

/** One row of ListAdministrators: a user's manager roles on one resource. */
export interface Administrator {
  /** For the instance, the id is ''. */
  readonly membership: Membership;
  /** The name of the resource. Its owner writes it: show it as text, never as markup. */
  readonly name: string;
  readonly creationDate?: string;
  readonly changeDate?: string;
}

/** Sends a call in somebody's name. */
export type Send = (call: Call) => Promise<Reply | Refusal>;

/**
 * Asks for the rows of one user, at most so many pages and at most the cap: ListAdministrators of `zitadel.internal_permission.v2`, over
 * connect. The oldest row comes first, and each row once. The row that two pages share shows if the list moves.
 */
export async function listAdministrators(
  send: Send,
  userId: string,
  on: RowsOn | undefined,
  mostPages: number,
): Promise<ReadList<Administrator> | Instead<NotDone>> {
  const list = await listOf<Row, NotDone>(
    async (offset) => {
      const reply = await send({
        ...LIST_CALL,
        family: 'administrators',
        path: PATH,
        json: {
          ...pageRequest(offset, MOST_ROWS),
          sortingColumn: 'ADMINISTRATOR_FIELD_NAME_CREATION_DATE',
          filters: [{ inUserIdsFilter: { ids: [userId] } }, ...filtersOf(on)],
        },
        who: userId,
      });
      if (isRefusal(reply) || !isDone(reply)) return { instead: reply };
      const page = pageFrom(reply.body, 'administrators');
      const isOfUser = ({ user }: Json) => isRecord(user) && user['id'] === userId;
      if (page && !page.rows.every(isOfUser)) {
        return { instead: unusableReply('the reply is about another user') };
      }
      if (!page?.rows.every(isRow)) return { instead: unusableReply('the reply is not a list') };
      return { ...page, rows: page.rows.map((row) => administratorFrom(userId, row) ?? { row }) };
    },
    (row) =>
      JSON.stringify(has(row, 'membership') ? [row.membership.kind, row.membership.id] : row.row),
    { end: MOST_ROWS, mostPages },
  );
  if (has(list, 'instead')) return list;
  return { ...list, rows: list.rows.filter((row) => has(row, 'membership')) };
}

type Json = Readonly<Record<string, unknown>>;
/** Reads a row. A row on a resource of an unknown kind is kept as it is. */
type Row = Administrator | { readonly row: Json };

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

const IDS = ['organizationId', 'projectId', 'grantedOrganizationId'] as const;

/** Whether a row is written as ZITADEL writes it. */
function isRow(row: Json): boolean {
  const { instance, organization, project, projectGrant } = row;
  const resources = [organization, project, projectGrant].filter((each) => each !== undefined);
  return (
    listOfTexts(row['roles']) !== undefined &&
    (instance === undefined || instance === true) &&
    resources.every((each) => isRecord(each) && isId(each['id']) && haveIds(each, IDS))
  );
}

/** Undefined if the row does not say clearly what it is about. Such a row does not count. Above all it must not count everywhere. */
function administratorFrom(userId: string, row: Json): Administrator | undefined {
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

const WHAT = 'memberships';
/** The pages of a whole list: as many as the cap fills. Others can make a list longer. Rows behind them are asked for when they are needed. */
const PAGES_OF_ALL = MOST_ROWS / PAGE + 1;

type AskedBy = 'caller' | 'instanceReader';
type Read = Tried<MembershipRows | Refusal>;

/**
 * Makes the reader by API v2, in the name of the one who sends. Servers from before January 2026 cannot narrow a list by roles. After the
 * first refusal, all pages are read instead.
 */
export function createAdministratorReader() {
  let narrowsByRoles = true;
  return async (send: Send, as: AskedBy, { userId, on }: MembershipQuestion): Promise<Read> => {
    // v2 names a project grant by its two ends, not by its id. Its row is asked for when they are known.
    if (on?.kind === 'projectGrant') {
      return { served: undefined, value: { rows: [], complete: true } };
    }
    if (on?.kind !== 'orgsByRoles') {
      return readOn(send, as, userId, on, on ? MOST_PAGES : PAGES_OF_ALL);
    }
    if (narrowsByRoles) {
      const { isBadRequest, ...narrowed } = await readOn(send, as, userId, on, MOST_PAGES);
      if (!isBadRequest) return narrowed;
      narrowsByRoles = false;
    }
    const { served, value } = await readOn(send, as, userId, undefined, MOST_PAGES);
    if (isRefusal(value)) return { served, value };
    const rows = value.rows.filter(({ kind }) => kind === 'org');
    return { served, value: { rows, complete: value.complete } };
  };
}

/**
 * Judges what was read. A caller always sees the caller's own rows. A service user sees only those that it has a right to see, but ZITADEL
 * counts them all. If fewer come than are counted, twice, the service user lacks a right: the list is not short. If the list moves twice,
 * the rows that came count, and others are asked for apart. So nobody can lock a user out by moving the user's list.
 */
async function readOn(
  send: Send,
  as: AskedBy,
  userId: string,
  on: RowsOn | undefined,
  mostPages: number,
): Promise<Read & { readonly isBadRequest?: boolean }> {
  const list = await listAdministrators(send, userId, on, mostPages);
  if (has(list, 'instead')) {
    const { instead } = list;
    // Of ZITADEL's own alone: a firewall may refuse one question with 400, and not the next.
    const isBadRequest = has(instead, 'says') && instead.status === 400;
    return { served: servedBy(instead), value: refusalOf(instead, as, WHAT), isBadRequest };
  }
  const { rows, total, hidesRows, hasMoved, goesOn } = list;
  if (hasMoved || !hidesRows) {
    const memberships = rows.map(({ membership }) => membership);
    const isCut = goesOn || total > MOST_ROWS;
    return { served: true, value: { rows: memberships, complete: !hasMoved && !isCut } };
  }
  return {
    served: true,
    value:
      as === 'caller'
        ? { reason: 'unavailable', detail: `${WHAT}: rows of the caller’s own are left out` }
        : {
            reason: 'misconfigured',
            detail: `${WHAT}: the service user may see only ${rows.length} of ${total} rows of a user`,
            remedy: READER_REMEDY,
          },
  };
}
