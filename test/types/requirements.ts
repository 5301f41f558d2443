// Checked by the compiler, never run: what must and what must not compile.
import {
  allOf,
  anyOf,
  authenticated,
  customPermission,
  customRole,
  org,
  permission,
  project,
  projectGrant,
  projectRole,
  role,
  AllowImpersonation,
  Authenticated,
  Require,
  RequirePermission,
  RequireProjectRole,
  RequireRole,
  type ManagerRole,
  type OrgRole,
  type RequestLike,
  type Requirement,
} from '../../lib/index.js';
import { createZitadel, requireThat, requireRole } from '../../lib/express/index.js';

class TenantOfRequest {
  constructor(readonly database: { find(host: string): Promise<string | undefined> }) {}
  readId(request: RequestLike): Promise<string | undefined> {
    const { host } = request.headers;
    return this.database.find(typeof host === 'string' ? host : '');
  }
}

const auditor = customRole('ORG_AUDITOR');
const iamAuditor = customRole('IAM_AUDITOR');
const projectAuditor = customRole('PROJECT_AUDITOR');
const grantAuditor = customRole('PROJECT_GRANT_AUDITOR');

/** What the documentation shows, and what follows from it. */
export const right: readonly Requirement[] = [
  role('IAM_OWNER'),
  role(['IAM_OWNER', 'IAM_ORG_MANAGER']),
  role('IAM_OWNER', { fresh: true }),
  role('ORG_OWNER', '69629023906488334'),
  role('ORG_OWNER', org('69629023906488334')),
  role('ORG_OWNER', org.param('orgId')),
  role('ORG_OWNER', org.query('orgId'), { fresh: true }),
  role('ORG_OWNER', org.body('orgId'), {}),
  role(['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.header('x-zitadel-orgid')),
  role('ORG_OWNER', org.ofCaller()),
  role('ORG_OWNER', org.from(TenantOfRequest)),
  role(
    'ORG_OWNER',
    org.from((request, caller) => (request.query === undefined ? null : caller.userId)),
  ),
  role(
    'ORG_OWNER',
    org.from((request) => String(request.headers['x-org'])),
  ),
  role(
    'ORG_OWNER',
    org.from(() => Promise.resolve(undefined)),
  ),
  role('PROJECT_OWNER', project.param('projectId')),
  role('PROJECT_OWNER', project.param('projectId').in(org.param('orgId'))),
  role('PROJECT_OWNER', project('1').in('2')),
  role('PROJECT_OWNER', project('1').in(org.ofCaller())),
  role(['PROJECT_OWNER', 'PROJECT_OWNER_VIEWER'], '1'),
  role('PROJECT_GRANT_OWNER', projectGrant.param('grantId')),
  role('PROJECT_GRANT_OWNER', projectGrant({ project: '1', grantedOrg: org.param('orgId') })),
  role('PROJECT_GRANT_OWNER', '1'),
  role(auditor, org.param('orgId')),
  role([auditor, 'ORG_OWNER'], org.param('orgId')),
  role(iamAuditor),
  role(projectAuditor, project('1')),
  role(grantAuditor, projectGrant('1')),
  anyOf(role('IAM_OWNER'), role('ORG_OWNER', org('1'))),
  allOf(authenticated(), anyOf(role('IAM_OWNER'), role('PROJECT_OWNER', '1'))),
];

/** A typo, an empty list, nothing. */
export const wrongRoles = () => {
  // @ts-expect-error a typo
  role('ORG_OWNR', org('1'));
  // @ts-expect-error a typo in a list
  role(['ORG_OWNER', 'ORG_VIEWER'], org('1'));
  // @ts-expect-error other case
  role('org_owner', org('1'));
  // @ts-expect-error an empty list
  role([], org('1'));
  // @ts-expect-error an empty list without a ref
  role([]);
  // @ts-expect-error nothing
  role();
  // @ts-expect-error undefined
  role(undefined, org('1'));
  // @ts-expect-error a custom role without customRole()
  role('ORG_AUDITOR', org('1'));
  // @ts-expect-error any text
  role('ORG_OWNER' as string, org('1'));
  // @ts-expect-error a list of any length
  role(['ORG_OWNER'] as OrgRole[], org('1'));
  // @ts-expect-error a custom role without a prefix
  customRole('AUDITOR');
  // @ts-expect-error a custom role in other case
  customRole('org_auditor');
};

/** A role of one scope with a ref of another. */
export const wrongRefs = () => {
  // @ts-expect-error no organization
  role('ORG_OWNER');
  // @ts-expect-error a project for an organization
  role('ORG_OWNER', project('1'));
  // @ts-expect-error a grant for an organization
  role('ORG_OWNER', projectGrant('1'));
  // @ts-expect-error an organization for a project
  role('PROJECT_OWNER', org('1'));
  // @ts-expect-error a grant for a project
  role('PROJECT_OWNER', projectGrant('1'));
  // @ts-expect-error a project for a grant
  role('PROJECT_GRANT_OWNER', project('1'));
  // @ts-expect-error an organization for a grant
  role('PROJECT_GRANT_OWNER', org('1'));
  // @ts-expect-error an organization for the instance
  role('IAM_OWNER', org('1'));
  // @ts-expect-error an id for the instance
  role('IAM_OWNER', '1');
  // @ts-expect-error a number
  role('ORG_OWNER', 1);
  // @ts-expect-error undefined
  role('ORG_OWNER', undefined);
  // @ts-expect-error a custom role with a ref of another scope
  role(auditor, project('1'));
  // @ts-expect-error a custom role of the instance with a ref
  role(iamAuditor, org('1'));
  // @ts-expect-error a custom role of a grant with a project
  role(grantAuditor, project('1'));
  // @ts-expect-error a custom role of a project with a grant
  role(projectAuditor, projectGrant('1'));
  // @ts-expect-error an unknown setting
  role('ORG_OWNER', org('1'), { frsh: true });
  // @ts-expect-error a setting of another type
  role('ORG_OWNER', org('1'), { fresh: 'yes' });
};

/** A list that mixes scopes fits no ref at all. */
export const mixedScopes = () => {
  // @ts-expect-error with an organization
  role(['ORG_OWNER', 'PROJECT_OWNER'], org('1'));
  // @ts-expect-error with a project
  role(['ORG_OWNER', 'PROJECT_OWNER'], project('1'));
  // @ts-expect-error with an id
  role(['PROJECT_OWNER', 'PROJECT_GRANT_OWNER'], '1');
  // @ts-expect-error without anything
  role(['IAM_OWNER', 'ORG_OWNER']);
  // @ts-expect-error with a custom role of another scope
  role(['ORG_OWNER', projectAuditor], org('1'));
  // @ts-expect-error a union of scopes
  role('ORG_OWNER' as 'ORG_OWNER' | 'PROJECT_OWNER', org('1'));
  // @ts-expect-error any role there is
  role('ORG_OWNER' as ManagerRole, org('1'));
};

/** Refs that name nothing, and trees of something else. */
export const wrongParts = () => {
  // @ts-expect-error no name
  org.param();
  // @ts-expect-error a number as id
  org(1);
  // @ts-expect-error a value instead of a function
  org.from('orgId');
  // @ts-expect-error a function of a number
  org.from(() => 1);
  // @ts-expect-error a class without readId
  org.from(class Empty {});
  // @ts-expect-error an organization has no owner
  org('1').in('2');
  // @ts-expect-error a project in a project
  project('1').in(project('2'));
  // @ts-expect-error half a grant
  projectGrant({ project: '1' });
  // @ts-expect-error a grant by a tied project
  projectGrant({ project: project('1').in('2'), grantedOrg: '3' });
  // @ts-expect-error a name instead of a requirement
  anyOf('ORG_OWNER');
  // @ts-expect-error a ref instead of a requirement
  allOf(org('1'));
  // @ts-expect-error a list instead of requirements
  anyOf([role('IAM_OWNER')]);
};

/** Permissions, project roles and home organizations. */
export const beyondRoles = () => {
  permission('project.grant.write', org.param('orgId'), { fresh: true });
  permission(['user.read', 'user.write'], '1');
  permission([customPermission('report.read'), 'user.read'], '1');
  permission('project.write', project('1').in('2'));
  permission('project.grant.read', projectGrant.param('grantId'));
  projectRole('editor');
  projectRole('editor', { project: '1' });
  projectRole('editor', { org: org.param('orgId') });
  projectRole(['editor', 'viewer'], { project: '1', org: '2', acrossOrganizations: true });
  projectRole('editor', { org: '1', fresh: true });
  authenticated({ organizations: ['1'] });
  Authenticated({ organizations: ['1'], replaces: true });
  RequirePermission('project.write', project.param('projectId').in(org.param('orgId')));
  permission('user.read', org.ofCaller());
  RequireProjectRole('editor');
  RequireProjectRole('editor', { org: '1' });
  Authenticated({ optional: true });
  Authenticated({ optional: true, replaces: true });
  // @ts-expect-error a project is never the caller's
  role('PROJECT_OWNER', project.ofCaller());
  // @ts-expect-error a name
  org.ofCaller('orgId');
  // @ts-expect-error an optional caller is no requirement
  authenticated({ optional: true });
  // @ts-expect-error explicitly nothing
  Authenticated({ optional: undefined });
  // @ts-expect-error explicitly no organization
  projectRole('editor', { org: undefined });
  // @ts-expect-error a misspelt permission
  permission('user.raed', '1');
  // @ts-expect-error any text
  permission('user.read' as string, '1');
  // @ts-expect-error a permission on nothing
  permission('iam.read');
  // @ts-expect-error no permission
  permission([], '1');
  // @ts-expect-error a project whose owner nobody names
  RequirePermission('project.write', project('1'));
  // @ts-expect-error no role
  RequireProjectRole([], { org: '1' });
  // @ts-expect-error no organization
  authenticated({ organizations: [] });
  // @ts-expect-error explicitly nothing
  Authenticated({ organizations: undefined });
};

/** The same through the decorators and the middleware. */
export const doors = () => {
  RequireRole('IAM_OWNER');
  RequireRole(['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId'));
  RequireRole(auditor, org.from(TenantOfRequest));
  Require(anyOf(role('IAM_OWNER'), role('ORG_OWNER', org('1'))));
  // @ts-expect-error a typo
  RequireRole('ORG_OWNR', org('1'));
  // @ts-expect-error a ref of another scope
  RequireRole('ORG_OWNER', project('1'));
  // @ts-expect-error mixed scopes
  RequireRole(['ORG_OWNER', 'PROJECT_OWNER'], org('1'));
  // @ts-expect-error an empty list
  RequireRole([], org('1'));
  // @ts-expect-error no organization
  RequireRole('ORG_OWNER');
  // @ts-expect-error a name instead of a requirement
  Require('ORG_OWNER');

  RequireRole('ORG_OWNER', org.arg('orgId'), { zitadel: 'b', fresh: true });
  RequireRole('IAM_OWNER', { zitadel: 'b' });
  Require(role('IAM_OWNER'), { zitadel: 'b' });
  RequirePermission('project.write', org.arg('orgId'), { zitadel: 'b' });
  RequireProjectRole('editor', { org: org.arg('orgId'), zitadel: 'b' });
  Authenticated({ zitadel: 'b', optional: true });
  AllowImpersonation();
  // @ts-expect-error a number as a name
  RequireRole('IAM_OWNER', { zitadel: 1 });
  // @ts-expect-error a misspelt setting
  Require(role('IAM_OWNER'), { zitadle: 'b' });
  // @ts-expect-error a requirement has no ZITADEL of its own
  role('IAM_OWNER', { zitadel: 'b' });
  // @ts-expect-error a name
  Authenticated({ zitadel: undefined });
  // @ts-expect-error an argument has a name
  org.arg();
  // @ts-expect-error nothing follows
  AllowImpersonation('perRoute');

  const zitadel = createZitadel({ issuer: 'https://acme.example', audience: '1' });
  requireRole(zitadel, 'IAM_OWNER');
  requireRole(zitadel, ['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId'));
  requireThat(zitadel, role('PROJECT_OWNER', project.param('projectId').in(org.param('orgId'))));
  // @ts-expect-error the middleware has its ZITADEL already
  requireRole(zitadel, 'IAM_OWNER', { zitadel: 'b' });
  // @ts-expect-error a typo
  requireRole(zitadel, 'ORG_OWNR', org('1'));
  // @ts-expect-error a ref of another scope
  requireRole(zitadel, 'PROJECT_OWNER', org('1'));
  // @ts-expect-error mixed scopes
  requireRole(zitadel, ['ORG_OWNER', 'IAM_OWNER'], org('1'));
  // @ts-expect-error no organization
  requireRole(zitadel, 'ORG_OWNER');
};
