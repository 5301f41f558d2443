import type { MembershipRow } from 'nestjs-zitadel';

/** What the page offers to try routes on. */
export interface Resources {
  readonly organizations: readonly Named[];
  readonly projects: readonly (Named & {
    readonly organizationId?: string;
    readonly roleKeys?: readonly string[];
  })[];
  readonly projectGrants: readonly Named[];
  readonly people: readonly Named[];
}

interface Named {
  readonly id: string;
  /** Written by the owner of the thing: text, never markup. */
  readonly name: string;
}

/** All that is known of a real ZITADEL: the resources on which the caller holds a role. */
export function resourcesOf(rows: readonly MembershipRow[]): Resources {
  return {
    organizations: rows.flatMap(({ orgId, displayName }) =>
      orgId === undefined ? [] : [{ id: orgId, name: displayName }],
    ),
    projects: rows.flatMap(({ projectId, displayName, details }) =>
      projectId === undefined
        ? []
        : [
            {
              id: projectId,
              name: displayName,
              ...(details.resourceOwner !== undefined && {
                organizationId: details.resourceOwner,
              }),
            },
          ],
    ),
    projectGrants: rows.flatMap(({ projectGrantId, displayName }) =>
      projectGrantId === undefined ? [] : [{ id: projectGrantId, name: displayName }],
    ),
    people: [],
  };
}
