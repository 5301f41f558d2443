import { has } from '../core/own-properties.js';
import type { DescribedRequirement, DescribedResource } from './requirement.js';

/** What a route asks for, as a reader of the document is told. */
export function inWords(asked: DescribedRequirement): string {
  if (has(asked, 'allOf')) return joined(asked.allOf, ' and ');
  if (has(asked, 'anyOf')) return joined(asked.anyOf, ' or ');
  if (has(asked, 'role')) return `the manager role ${anyOf(asked.role)} on ${resource(asked.on)}`;
  if (has(asked, 'permission')) {
    return `the permission ${anyOf(asked.permission)} on ${resource(asked.on)}`;
  }
  if (has(asked, 'projectRole')) {
    const project = asked.project ? resource(asked.project) : 'the project of this application';
    const across = asked.acrossOrganizations ? ', also of users of other organizations' : '';
    return `the role ${anyOf(asked.projectRole)} of ${project}, given by ${resource(asked.org)}${across}`;
  }
  return asked.organizations
    ? 'an account of one of the organizations that the application accepts'
    : 'any account whose token is accepted';
}

function joined(parts: readonly DescribedRequirement[], glue: string): string {
  const texts = parts.map(inWords);
  return texts.length === 1 ? texts.join('') : `(${texts.join(glue)})`;
}

const anyOf = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(' or ');

const KINDS = { org: 'organization', project: 'project', projectGrant: 'project grant' } as const;

function resource(on: DescribedResource): string {
  if (on.kind === 'instance') return 'the instance';
  if (has(on, 'project')) {
    return `the grant of ${resource(on.project)} to ${resource(on.grantedOrg)}`;
  }
  const owner = on.owner ? `, which belongs to ${resource(on.owner)}` : '';
  return `${place(KINDS[on.kind], on)}${owner}`;
}

const PLACES: Readonly<Record<string, string>> = {
  param: 'path parameter',
  query: 'query parameter',
  body: 'property of the body',
  header: 'header',
  arg: 'argument',
};

function place(
  kind: string,
  { from, name }: Extract<DescribedResource, { readonly from: string }>,
): string {
  switch (from) {
    case 'literal':
      return `one ${kind} that the application names`;
    case 'application':
      return `the ${kind} that the application finds for the request`;
    case 'caller':
      return `the ${kind} of the caller`;
    default:
      return `the ${kind} in the ${PLACES[from]} \`${name}\``;
  }
}
