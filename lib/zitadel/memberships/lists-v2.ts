import type { Membership, RowsOn } from '../../core/caller.js';
import { ZitadelArgumentError, ZitadelError } from '../../core/errors.js';
import { has, jsonFrom } from '../../core/own-properties.js';
import { isRecord, MOST_PAGES } from '../reading.js';
import { changing, errorFrom, READER_REMEDY, tooLongList } from '../refusals.js';
import type { MembershipList, MembershipListRequest, MembershipRow } from './pages.js';
import { type Administrator, listAdministrators, MOST_ROWS, type Send } from './by-v2.js';

/** A request as API v1 would get it, with the id of the user, which v2 needs. */
interface ListRequest extends MembershipListRequest {
  readonly userId: string;
  /** Instance rows, and rows owned by this organization. */
  readonly organizationId?: string;
}

/**
 * Reads a list as API v1 would give it, by `ListAdministrators` of v2. All rows are read, and then filtered and cut here, because v2 does not
 * have the filters of v1.
 *
 * @throws ZitadelArgumentError on a wrong filter
 * @throws ZitadelError `zitadel_unavailable` on a list of more than 10,000 rows, or of fewer if the server allows only short pages
 */
export async function listByAdministrators(
  send: Send,
  what: string,
  { userId, organizationId, query, queries = [] }: ListRequest,
): Promise<MembershipList> {
  const filters = queries.map(filterFrom);
  const on = filters.find((filter) => filter.on)?.on;
  const list = await listAdministrators(send, userId, on, MOST_PAGES);
  if (has(list, 'instead')) throw errorFrom(list.instead, what);
  if (list.hasMoved) throw changing(what);
  if (list.hidesRows) {
    throw new ZitadelError(
      'service_user_refused',
      `${what}: not all rows of the user may be seen; ${READER_REMEDY}`,
    );
  }
  if (list.goesOn || list.total > MOST_ROWS) throw tooLongList(what, 'an orgQuery or iamQuery');
  const rows = list.rows.filter(
    (row) =>
      (organizationId === undefined || isOf(row.membership, organizationId)) &&
      filters.every(({ fits }) => fits(row.membership)),
  );
  const { offset = 0, limit = 0 } = query ?? {};
  return {
    // As v1 does.
    details: { totalResult: offset < rows.length ? rows.length : 0 },
    result: rows.slice(offset, limit === 0 ? undefined : offset + limit).map(rowFrom),
  };
}

/** The user that a JWT names. It is not verified: it only says whose rows to ask for, and the token itself asks. */
export function subjectOf(token: string): string {
  const [, payload = '', ...more] = token.split('.');
  let claims: unknown;
  try {
    claims = jsonFrom(Buffer.from(payload, 'base64url').toString());
  } catch {
    claims = undefined;
  }
  const subject = isRecord(claims) && more.length === 1 ? claims['sub'] : undefined;
  if (typeof subject === 'string' && subject !== '') return subject;
  throw new ZitadelArgumentError(
    'who',
    'who is a token that does not name its user, and API v2 needs the user id: pass the Caller of the request',
  );
}

interface Filter {
  readonly fits: (row: Membership) => boolean;
  /** What the server can narrow the list to, if that gives exactly the same rows. */
  readonly on?: RowsOn;
}

function filterFrom(filter: unknown): Filter {
  const [only, ...more] = isRecord(filter) ? Object.entries(filter) : [];
  const [name, value] = only ?? [];
  const idOf = (member: string): string => {
    const id: unknown = isRecord(value) ? value[member] : undefined;
    if (typeof id === 'string' && id !== '') return id;
    throw noFilter();
  };
  if (more.length > 0) throw noFilter();
  switch (name) {
    case 'orgQuery': {
      const on = { kind: 'org', id: idOf('orgId') } as const;
      return { fits: ({ kind, id }) => kind === 'org' && id === on.id, on };
    }
    case 'projectQuery': {
      const projectId = idOf('projectId');
      return {
        fits: (row) => (row.kind === 'project' ? row.id : row.projectId) === projectId,
      };
    }
    case 'projectGrantQuery': {
      const grantId = idOf('projectGrantId');
      return { fits: ({ kind, id }) => kind === 'projectGrant' && id === grantId };
    }
    case 'iamQuery':
      return { fits: ({ kind }) => kind === 'instance', on: { kind: 'instance' } };
    default:
      throw noFilter();
  }
}

function noFilter(): ZitadelArgumentError {
  return new ZitadelArgumentError(
    'queries',
    'queries must be a list of filters with exactly one of orgQuery, projectQuery, projectGrantQuery, iamQuery each',
  );
}

function isOf({ kind, id, ownerOrgId }: Membership, organizationId: string): boolean {
  return kind === 'instance' || (kind === 'org' ? id : ownerOrgId) === organizationId;
}

function rowFrom({ membership, name, creationDate, changeDate }: Administrator): MembershipRow {
  const { userId, kind, id, roles, ownerOrgId } = membership;
  const resourceOwner = kind === 'org' ? id : ownerOrgId;
  return {
    userId,
    on: { kind, id },
    roles,
    displayName: name,
    details: {
      ...(creationDate !== undefined && { creationDate }),
      ...(changeDate !== undefined && { changeDate }),
      ...(resourceOwner !== undefined && { resourceOwner }),
    },
    ...(kind === 'instance' && { iam: true as const }),
    ...(kind === 'org' && { orgId: id }),
    ...(kind === 'project' && { projectId: id }),
    ...(kind === 'projectGrant' && { projectGrantId: id }),
  };
}
