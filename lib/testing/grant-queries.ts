import type { V1Page } from './pages.js';
import {
  type Message,
  chosenQueries,
  field,
  invalid,
  pageOf,
  parseMessage,
  requireShort,
  stringField,
} from './protojson.js';
import type { GrantRecord, State } from './state.js';

export type GrantCondition = (grant: GrantRecord, state: State) => boolean;

type TextMatch = (value: string, wanted: string) => boolean;

const equals: TextMatch = (value, wanted) => value === wanted;

const TEXT_METHODS = new Map<string, TextMatch>(
  Object.entries({
    EQUALS: equals,
    EQUALS_IGNORE_CASE: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
    STARTS_WITH: (value, wanted) => value.startsWith(wanted),
    STARTS_WITH_IGNORE_CASE: (value, wanted) =>
      value.toLowerCase().startsWith(wanted.toLowerCase()),
    CONTAINS: (value, wanted) => value.includes(wanted),
    CONTAINS_IGNORE_CASE: (value, wanted) => value.toLowerCase().includes(wanted.toLowerCase()),
    ENDS_WITH: (value, wanted) => value.endsWith(wanted),
    ENDS_WITH_IGNORE_CASE: (value, wanted) => value.toLowerCase().endsWith(wanted.toLowerCase()),
  }),
);

/** Which list is asked for, as its messages call it. */
export interface GrantList {
  readonly request: string;
  readonly type: string;
  readonly fields: readonly string[];
}

export const PROJECT_GRANTS: GrantList = {
  request: 'ListProjectGrantsRequest',
  type: 'ProjectGrantQuery',
  fields: ['projectNameQuery', 'roleKeyQuery'],
};

export const ALL_GRANTS: GrantList = {
  request: 'ListAllProjectGrantsRequest',
  type: 'AllProjectGrantQuery',
  fields: ['projectNameQuery', 'roleKeyQuery', 'projectIdQuery', 'grantedOrgIdQuery'],
};

export const GRANTED_PROJECTS: GrantList = {
  request: 'ListGrantedProjectsRequest',
  type: 'ProjectQuery',
  fields: ['nameQuery'],
};

/** What a grant list is asked for. */
export interface GrantSearch {
  readonly page: V1Page;
  /** All have to hold. Throws for what parses but is not valid, which is for after the token. */
  readonly conditions: () => GrantCondition[];
}

export function grantSearch(text: string, list: GrantList): GrantSearch {
  const body = parseMessage(text);
  const type = `zitadel.project.v1.${list.type}`;
  const queries = chosenQueries(body, text, type, list.fields);
  const conditions = (): GrantCondition[] =>
    queries.map((query, index) => {
      const place = `${list.request}.Queries[${String(index)}]: embedded message failed validation`;
      if (query === undefined) {
        throw invalid(`${place} | caused by: invalid ${list.type}.Query: value is required`);
      }
      const { name, value } = query;
      const kind = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
      return conditionOf(name, value, `${place} | caused by: invalid ${list.type}.${kind}`);
    });
  return { page: pageOf(body), conditions };
}

function conditionOf(name: string, value: Message, complaint: string): GrantCondition {
  const id = (idName: string): string => {
    const given = stringField(value, idName);
    requireShort(given, complaint);
    return given;
  };
  if (name === 'projectIdQuery') {
    const projectId = id('projectId');
    return (grant) => grant.projectId === projectId;
  }
  if (name === 'grantedOrgIdQuery') {
    const grantedOrgId = id('grantedOrgId');
    return (grant) => grant.grantedOrgId === grantedOrgId;
  }
  const matches = textMatcher(value);
  if (name === 'roleKeyQuery') {
    const roleKey = id('roleKey');
    return (grant) => grant.roleKeys.some((key) => matches(key, roleKey));
  }
  const wanted = id('name');
  return (grant, state) => matches(state.projects.get(grant.projectId)?.name ?? '', wanted);
}

export function textMatcher(value: Message): TextMatch {
  const method = field(value, 'method');
  const name = typeof method === 'string' ? method.replace(/^TEXT_(QUERY|FILTER)_METHOD_/, '') : '';
  return TEXT_METHODS.get(name) ?? equals;
}
