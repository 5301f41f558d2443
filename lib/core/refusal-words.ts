import { homeOf } from './caller.js';
import type { Denied, DenyReason } from './decision.js';
import { NO_HOME } from './request-problems.js';
import { type Requirement, requirementText } from './requirement/requirement.js';

/** A refusal as the log has it. `cause` has nothing of the request or the caller: however many are refused for it, it is one line. */
interface RefusalWords {
  readonly text: string;
  readonly cause: string;
}

/** Why a plain "no" comes about, and what to do. The detail is the same for everybody. */
const NO: Readonly<Partial<Record<DenyReason, readonly [detail: string, remedy: string]>>> = {
  role_missing: [
    'the caller does not hold the manager role',
    'make the user a manager there, in ZITADEL’s console under Administrators; explain() says what is missing',
  ],
  permission_missing: [
    'ZITADEL does not give the caller the permission there',
    'give the user a manager role that has it, in that organization',
  ],
  project_role_missing: [
    'neither the token, nor ZITADEL where it is asked, shows such a role of this project and organization',
    'give the user an authorization with the role in that organization, and sign in again where the token tells roles',
  ],
  organization_not_accepted: [
    'the home organization of the caller is not one of those, or the token does not tell it',
    'name it in organizations, or use an account of one of those',
  ],
};

/** Reasons that are about what the route asks for. */
const ABOUT_ROUTE: ReadonlySet<DenyReason> = new Set([
  ...(Object.keys(NO) as DenyReason[]),
  'resource_missing',
  'resource_invalid',
]);

/** What the log says about a refusal: what came, what the route asks for, what to do. */
export function wordsOf(denied: Denied, requirement: Requirement | undefined): RefusalWords {
  const { reason, caller, got } = denied;
  const [ofReason, toDo] = NO[reason] ?? [];
  const { detail = ofReason ?? '', remedy = toDo } = denied;
  const lacks = caller && requirement ? lackOf(reason, requirement, caller.claims) : undefined;
  const asks =
    requirement && (ABOUT_ROUTE.has(reason) || denied.detail === NO_HOME.detail)
      ? `the route asks for ${requirementText(requirement)}`
      : undefined;
  const who = caller && ofReason !== undefined ? `user ${caller.userId}` : undefined;
  const came = [who, got && `got ${got}`].filter(Boolean).join(', ');
  const first = came ? `${detail} (${came})` : detail;
  return {
    text: `${reason}: ${[first, asks, lacks ?? remedy].filter(Boolean).join(': ')}`,
    cause: [reason, detail, asks, lacks].join('|'),
  };
}

const HOME_SCOPE = 'urn:zitadel:iam:user:resourceowner';
const ROLES_SCOPE = 'urn:zitadel:iam:org:projects:roles';
const ROLES_CLAIM = /^urn:zitadel:iam:org:project:(?:[^:]+:)?roles$/;

type Claims = Readonly<Record<string, unknown>>;

/** The scopes without which the token cannot show what the route asks for. */
function lackOf(reason: DenyReason, requirement: Requirement, claims: Claims): string | undefined {
  if (!NO[reason]) return undefined;
  const scopes = [...new Set(scopesLacking(requirement, claims))];
  if (scopes.length === 0) return undefined;
  const roles = scopes.includes(ROLES_SCOPE)
    ? ', or the user has no role of any project of the token'
    : '';
  return `the token lacks the scope ${scopes.join(' and ')}${roles}: request it, and sign in again`;
}

/** Scopes that a token must have been requested with, to show what a requirement asks for, and that its claims do not show. */
export function scopesLacking(requirement: Requirement, claims: Claims): readonly string[] {
  const home = homeOf({ claims }) === undefined ? [HOME_SCOPE] : [];
  switch (requirement.type) {
    case 'allOf':
    case 'anyOf':
      return requirement.of.flatMap((part) => scopesLacking(part, claims));
    case 'authenticated':
      return requirement.organizations ? home : [];
    case 'projectRole': {
      const roles = Object.keys(claims).some((name) => ROLES_CLAIM.test(name)) ? [] : [ROLES_SCOPE];
      return [...roles, ...(requirement.acrossOrganizations ? [] : home)];
    }
    default:
      return [];
  }
}
