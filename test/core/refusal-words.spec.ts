import { describe, expect, it } from 'vitest';
import type { Denied, DenyReason } from '../../lib/core/decision.js';
import type { IdSource } from '../../lib/core/request.js';
import { lackingId } from '../../lib/core/request-problems.js';
import { wordsOf } from '../../lib/core/refusal-words.js';
import {
  allOf,
  anyOf,
  authenticated,
  role,
  projectRole,
} from '../../lib/core/requirement/builders.js';
import { org } from '../../lib/core/requirement/refs.js';
import type { Requirement } from '../../lib/core/requirement/requirement.js';

const HOME = 'urn:zitadel:iam:user:resourceowner';
const ROLES = 'urn:zitadel:iam:org:projects:roles';
const OWNER = role('ORG_OWNER', org.param('orgId'));
const EDITOR = projectRole('editor', { project: '1', org: org.param('orgId') });

function denied(reason: DenyReason, claims: object = {}, userId = '7'): Denied {
  return { allowed: false, reason, caller: { userId, claims: { ...claims } } };
}

describe('the words of a refusal', () => {
  it('have one cause, whoever is refused and whatever came', () => {
    const causes = ['1', '2', '3'].map(
      (user) => wordsOf(denied('role_missing', {}, user), OWNER).cause,
    );
    expect(new Set(causes).size).toBe(1);
    const issuers = ['a', 'b'].map(
      (got) =>
        wordsOf({ allowed: false, reason: 'token_invalid', detail: 'other issuer', got }, OWNER)
          .cause,
    );
    expect(new Set(issuers).size).toBe(1);
  });

  it('name the route that needs the home organization, where the token does not tell it', () => {
    const ofCaller = role('ORG_OWNER', org.ofCaller());
    const sources: readonly IdSource[] = [{ from: 'caller', name: 'ofCaller' }];
    const lacking = lackingId(sources, []);
    expect(wordsOf({ ...denied('misconfigured'), ...lacking }, ofCaller).text).toMatch(
      /^misconfigured: the token does not say .*: the route asks for ORG_OWNER on org of the caller: the client must request the scope/,
    );
  });

  it('have causes of their own for another route, reason, detail and lack', () => {
    const one = role('ORG_OWNER', org.query('id'));
    const causes = [
      wordsOf(denied('role_missing'), OWNER),
      wordsOf(denied('role_missing'), one),
      wordsOf({ ...denied('resource_missing'), detail: 'a' }, OWNER),
      wordsOf({ ...denied('resource_missing'), detail: 'b' }, OWNER),
      wordsOf(denied('project_role_missing'), EDITOR),
      wordsOf(denied('project_role_missing', { [`${HOME}:id`]: '1' }), EDITOR),
    ].map(({ cause }) => cause);
    expect(new Set(causes).size).toBe(6);
  });

  it('name who came, what the route asks for and what to do', () => {
    expect(wordsOf(denied('role_missing'), OWNER).text).toBe(
      'role_missing: the caller does not hold the manager role (user 7): the route asks for ORG_OWNER on org param orgId: make the user a manager there, in ZITADEL’s console under Administrators; explain() says what is missing',
    );
    const invalid: Denied = {
      allowed: false,
      reason: 'token_invalid',
      detail: 'why',
      got: 'what',
      remedy: 'do',
    };
    expect(wordsOf(invalid, OWNER).text).toBe('token_invalid: why (got what): do');
    expect(wordsOf({ allowed: false, reason: 'unavailable' }, undefined).text).toBe(
      'unavailable: ',
    );
  });

  it.each<[string, DenyReason, Requirement, object, RegExp]>([
    [
      'both',
      'project_role_missing',
      EDITOR,
      {},
      new RegExp(`lacks the scope ${ROLES} and ${HOME}`),
    ],
    [
      'that of the home',
      'project_role_missing',
      EDITOR,
      { 'urn:zitadel:iam:org:project:9:roles': {} },
      new RegExp(`lacks the scope ${HOME}: `),
    ],
    [
      'that of roles, which the user may not have',
      'project_role_missing',
      projectRole('editor', { project: '1', org: '1', acrossOrganizations: true }),
      {},
      new RegExp(`lacks the scope ${ROLES}, or the user has no role`),
    ],
    [
      'none',
      'project_role_missing',
      EDITOR,
      { 'urn:zitadel:iam:org:project:roles': {}, [`${HOME}:id`]: '1' },
      /give the user an authorization/,
    ],
    [
      'that of the home, for one',
      'organization_not_accepted',
      authenticated({ organizations: ['1'] }),
      {},
      new RegExp(`lacks the scope ${HOME}: `),
    ],
    [
      'that of another branch',
      'role_missing',
      anyOf(OWNER, allOf(OWNER, EDITOR)),
      {},
      new RegExp(`lacks the scope ${ROLES} and ${HOME}`),
    ],
    [
      'none of a role',
      'role_missing',
      allOf(OWNER, authenticated()),
      {},
      /make the user a manager/,
    ],
    [
      'none if the id is missing',
      'resource_missing',
      EDITOR,
      {},
      /^resource_missing: .*the route asks for project role editor[^:]*$/,
    ],
  ])('name the scope that the token lacks: %s', (_what, reason, requirement, claims, text) => {
    expect(wordsOf(denied(reason, claims), requirement).text).toMatch(text);
  });
});
