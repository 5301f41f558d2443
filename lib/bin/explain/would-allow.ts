import { own } from '../../core/own-properties.js';
import { type Requirement, requirementText } from '../../core/requirement/requirement.js';
import { sourceText } from '../../core/requirement/refs.js';
import {
  type HierarchyTable,
  satisfying,
  ZITADEL_HIERARCHY,
} from '../../core/requirement/roles.js';

/** What somebody could be given so that a requirement holds, in words. In an `allOf`, each line is needed. */
export function wouldAllow(requirement: Requirement, options: object): readonly string[] {
  switch (requirement.type) {
    case 'allOf':
      return requirement.of.flatMap((each) => wouldAllow(each, options));
    case 'anyOf':
      return [requirement.of.map((each) => wouldAllow(each, options).join(' and ')).join('; or ')];
    case 'role':
      return [rowsFor(requirement, tableOf(options))];
    case 'permission':
      return [`a role that has ${requirementText(requirement)}`];
    case 'projectRole':
      return [`an authorization that gives ${requirementText(requirement)}`];
    case 'authenticated':
      return requirement.organizations
        ? [`a user of org ${requirement.organizations.join(' | ')}`]
        : ['a token that ZITADEL accepts'];
  }
}

function tableOf(options: object): HierarchyTable {
  const hierarchy = own(options, 'hierarchy') ?? 'zitadel';
  if (hierarchy === 'exact') return {};
  return typeof hierarchy === 'object' ? (hierarchy as HierarchyTable) : ZITADEL_HIERARCHY;
}

type RoleRequirement = Extract<Requirement, { readonly type: 'role' }>;

/** Where each kind of membership must stand so that it counts. */
function rowsFor({ roles, kind, ref }: RoleRequirement, table: HierarchyTable): string {
  const by = satisfying(table, roles);
  const id = ref && Object.hasOwn(ref, 'source') ? ` ${sourceText((ref as never)['source'])}` : '';
  const places = {
    projectGrant: `the project grant${id}`,
    project: `the project${id}`,
    org: kind === 'org' ? `the organization${id}` : OWNERS[kind],
    instance: 'the instance',
  };
  return (['projectGrant', 'project', 'org', 'instance'] as const)
    .filter((each) => by[each].size > 0)
    .map((each) => `${[...by[each]].join(' | ')} on ${places[each]}`)
    .join(', or ');
}

const OWNERS = {
  instance: '',
  org: '',
  project: 'the organization that owns it',
  projectGrant: 'the organization that it is granted to',
} as const;
