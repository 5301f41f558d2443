import { type GrantCondition, textMatcher } from './grant-queries.js';
import {
  type Message,
  invalid,
  memberOf,
  messageField,
  messagesField,
  requireId,
  requireIds,
  requireShort,
  stringField,
  stringsField,
} from './protojson.js';

const FAILED = 'embedded message failed validation | caused by: invalid';
/** The last two are what v2beta calls the two before. */
const FILTERS = [
  'projectNameFilter',
  'roleKeyFilter',
  'inProjectIdsFilter',
  'organizationIdFilter',
  'grantedOrganizationIdFilter',
  'projectResourceOwnerFilter',
  'projectGrantResourceOwnerFilter',
] as const;

/** The conditions in `filters`, all of which have to hold. Throws for what is not valid. */
export function connectGrantConditions(message: Message, text: string): GrantCondition[] {
  return messagesField(message, 'filters').map((filter, index) => {
    const place = `ListProjectGrantsRequest.Filters[${String(index)}]: ${FAILED}`;
    const oneof = 'zitadel.project.v2.ProjectGrantSearchFilter.filter';
    const name = memberOf(filter, text, oneof, FILTERS);
    if (name === undefined) {
      throw invalid(`${place} ProjectGrantSearchFilter.Filter: value is required`);
    }
    const goName = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    const inside = `${place} ProjectGrantSearchFilter.${goName}: ${FAILED}`;
    return conditionOf(name, messageField(filter, name) ?? {}, inside);
  });
}

function conditionOf(name: string, value: Message, place: string): GrantCondition {
  if (name === 'projectNameFilter') {
    const wanted = stringField(value, 'projectName');
    requireShort(wanted, `${place} ProjectNameFilter.ProjectName`);
    const matches = textMatcher(value);
    return (grant, state) => matches(state.projects.get(grant.projectId)?.name ?? '', wanted);
  }
  if (name === 'roleKeyFilter') {
    const key = stringField(value, 'key');
    requireShort(key, `${place} ProjectRoleKeyFilter.Key`);
    // Whatever method is named: ZITADEL looks for the key itself.
    return (grant) => grant.roleKeys.includes(key);
  }
  if (name === 'inProjectIdsFilter') {
    const ids = stringsField(value, 'ids');
    requireIds(ids, `${place} InIDsFilter.Ids`);
    return (grant) => ids.includes(grant.projectId);
  }
  const id = stringField(value, 'id');
  requireId(id, `${place} IDFilter.Id`);
  return name === 'organizationIdFilter' || name === 'projectResourceOwnerFilter'
    ? (grant) => grant.ownerOrgId === id
    : (grant) => grant.grantedOrgId === id;
}
