import type { Requirement, ResourceRef } from 'nestjs-zitadel';

const KINDS = { org: 'organization', project: 'project', projectGrant: 'project grant' } as const;

/** What a route asks for, as one would say it. */
export function requirementInWords(requirement: Requirement): string {
  switch (requirement.type) {
    case 'authenticated':
      return requirement.organizations
        ? `anybody of organization ${requirement.organizations.join(' or ')}`
        : 'anybody whose token ZITADEL accepts';
    case 'permission':
      return `permission ${requirement.permissions.join(' or ')} on ${refInWords(requirement.ref)}`;
    case 'projectRole':
      return `project role ${requirement.roles.join(' or ')}, given by ${refInWords(requirement.org)}`;
    case 'role': {
      const roles = requirement.roles.join(' or ');
      const anew = requirement.fresh ? ', asked anew' : '';
      return `${roles} on ${requirement.ref ? refInWords(requirement.ref) : 'the instance'}${anew}`;
    }
    case 'allOf':
      return requirement.of.map(requirementInWords).join(', and ');
    case 'anyOf':
      return requirement.of.map(requirementInWords).join(', or ');
  }
}

function refInWords(ref: ResourceRef): string {
  if (!('source' in ref)) return 'the grant of a project to an organization';
  const owner = ref.kind === 'project' && ref.owner ? `, owned by ${refInWords(ref.owner)}` : '';
  return `${sourceInWords(KINDS[ref.kind], ref.source)}${owner}`;
}

function sourceInWords(kind: string, source: Extract<ResourceRef, { source: unknown }>['source']) {
  if (source.from === 'literal') return `${kind} ${source.id}`;
  if (source.from === 'caller') return `the ${kind} of the caller`;
  if (source.from === 'function' || source.from === 'class') return `a certain ${kind}`;
  return `the ${kind} in the ${source.from === 'param' ? 'path' : source.from}`;
}
