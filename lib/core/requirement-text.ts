import { has } from './own-properties.js';
import type { Requirement } from './requirement.js';
import { sourceText, type ResourceRef } from './resource.js';

function refText(ref: ResourceRef | undefined): string {
  if (!ref) return 'the instance';
  if (ref.kind === 'projectGrant' && has(ref, 'project')) {
    return `projectGrant (project ${sourceText(ref.project.source)}, granted to org ${sourceText(ref.grantedOrg.source)})`;
  }
  const owner =
    ref.kind === 'project' && ref.owner ? ` of org ${sourceText(ref.owner.source)}` : '';
  return `${ref.kind} ${sourceText(ref.source)}${owner}`;
}

/** A requirement in words, for the boot report, logs and `explain`. */
export function requirementText(requirement: Requirement): string {
  switch (requirement.type) {
    case 'authenticated':
      return requirement.organizations
        ? `an accepted caller of org ${requirement.organizations.join(' | ')}`
        : 'any accepted caller';
    case 'permission':
      return `permission ${requirement.permissions.join(' | ')} on ${refText(requirement.ref)}${requirement.fresh ? ' (fresh)' : ''}`;
    case 'projectRole': {
      const { roles, project, org, acrossOrganizations } = requirement;
      const across = acrossOrganizations ? ', also of other home organizations' : '';
      const of = project ? refText(project) : 'the project of the option projectId';
      return `project role ${roles.join(' | ')} of ${of}, given by ${refText(org)}${across}`;
    }
    case 'role':
      return `${requirement.roles.join(' | ')} on ${refText(requirement.ref)}${requirement.fresh ? ' (fresh)' : ''}`;
    case 'allOf':
    case 'anyOf': {
      const glue = requirement.type === 'allOf' ? ' and ' : ' or ';
      const parts = requirement.of.map(requirementText);
      return parts.length === 1 ? parts.join('') : `(${parts.join(glue)})`;
    }
  }
}
