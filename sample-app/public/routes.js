/**
 * The routes that can be tried: what their code asks for, and on what. `id` gives the id that was chosen, as it stands in a path.
 */
export const ROUTES = [
  {
    title: 'Open to everybody',
    name: 'GET /api/try/public',
    guard: '@Public()',
    path: () => '/api/try/public',
  },
  {
    title: 'Anybody with a token',
    name: 'GET /api/try/hello',
    guard: '@Authenticated()',
    path: () => '/api/try/hello',
  },
  {
    title: 'An organization',
    name: 'GET /api/try/orgs/:orgId',
    guard: "@RequireRole(['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId'))",
    on: ['org'],
    path: (id) => `/api/try/orgs/${id('org')}`,
  },
  {
    title: 'Its danger zone, asked anew each time',
    name: 'GET /api/try/orgs/:orgId/danger',
    guard: "@RequireRole('ORG_OWNER', org.param('orgId'), { fresh: true })",
    on: ['org'],
    path: (id) => `/api/try/orgs/${id('org')}/danger`,
  },
  {
    title: 'A project, with the right owner',
    name: 'GET /api/try/orgs/:orgId/projects/:projectId',
    guard: "@RequireRole('PROJECT_OWNER', project.param('projectId').in(org.param('orgId')))",
    on: ['org', 'project'],
    path: (id) => `/api/try/orgs/${id('org')}/projects/${id('project')}`,
  },
  {
    title: 'A permission, as ZITADEL itself evaluates it',
    name: 'GET /api/try/orgs/:orgId/users',
    guard: "@RequirePermission('user.write', org.param('orgId'))",
    on: ['org'],
    path: (id) => `/api/try/orgs/${id('org')}/users`,
  },
  {
    title: 'A project grant',
    name: 'GET /api/try/grants/:grantId',
    guard: "@RequireRole('PROJECT_GRANT_OWNER', projectGrant.param('grantId'))",
    on: ['grant'],
    path: (id) => `/api/try/grants/${id('grant')}`,
  },
  {
    title: 'The whole instance',
    name: 'GET /api/try/instance',
    guard: "@RequireRole('IAM_OWNER_VIEWER')",
    path: () => '/api/try/instance',
  },
  {
    title: 'One of two roles, from a header',
    name: 'GET /api/try/report',
    guard:
      "@Require(anyOf(role('ORG_OWNER', org.header('x-zitadel-orgid')), role('IAM_OWNER_VIEWER')))",
    on: ['org'],
    path: () => '/api/try/report',
    // A header holds Latin characters only; what else was typed is sent as it would stand in a path.
    headers: (id) => ({ 'x-zitadel-orgid': id('org') }),
  },
];
