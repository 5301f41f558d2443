import { pageFrom, pageRequest, type Page } from './list-answer.js';
import { grantFromV2, isBetween, type GrantEnds, type ProjectGrant } from './project-grant.js';

/** `ListProjectGrants` of `zitadel.project.v2`: what one page of the grants between these ends is asked with. */
export function grantsRequest(
  { projectId, grantedOrgId }: GrantEnds,
  offset: number,
): Readonly<Record<string, unknown>> {
  const filters = [
    ...(projectId === undefined ? [] : [{ inProjectIdsFilter: { ids: [projectId] } }]),
    ...(grantedOrgId === undefined ? [] : [{ grantedOrganizationIdFilter: { id: grantedOrgId } }]),
  ];
  return { ...pageRequest(offset), ...(filters.length > 0 && { filters }) };
}

/** Reads such a page; undefined when the answer is none, or shows a grant that was not asked for. */
export function grantsFrom(
  body: unknown,
  ends: GrantEnds,
): (Omit<Page, 'rows'> & { readonly grants: readonly ProjectGrant[] }) | undefined {
  const page = pageFrom(body, 'projectGrants');
  if (!page) return undefined;
  const { rows, total, step } = page;
  const grants = rows.map(grantFromV2);
  if (!grants.every((grant) => grant !== undefined)) return undefined;
  return grants.every((grant) => isBetween(grant, ends)) ? { grants, total, step } : undefined;
}
