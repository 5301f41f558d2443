import express, { type NextFunction, type Request, type Response } from 'express';
import {
  ZitadelError,
  requireAuthenticated,
  callerOf,
  checkedResource,
  createZitadel,
  customRole,
  decisionOf,
  key,
  org,
  project,
  projectGrant,
  requireThat,
  requirePermission,
  requireProjectRole,
  requireRole,
  role,
  type Caller,
  type MembershipLists,
  type NewGrant,
} from '../../lib/express/index.js';
import { startExpress } from '../support/start.js';
import { Notes, type OpenDoor, type Seen } from './door.js';
import {
  ANY,
  homeByCode,
  NESTED,
  NAMES,
  OWN_OR_INSTANCE,
  oddId,
  tenantOf,
} from './requirements.js';

type Kind = Parameters<typeof checkedResource>[1];

export const openExpress: OpenDoor = async (world, options = {}) => {
  const notes = new Notes();
  const zitadel = createZitadel(world.zitadel.options({ logger: notes.logger, ...options }));
  zitadel.authorizer.onDecision((event) => notes.decisions.push(event));

  const answer = (response: Response, what: Seen) => {
    notes.ran += 1;
    response.json(what);
  };
  /** A handler that answers what was checked. */
  const checked =
    (...kinds: readonly Kind[]) =>
    (request: Request, response: Response) =>
      answer(
        response,
        Object.fromEntries(kinds.map((kind) => [kind, checkedResource(request, kind)])),
      );
  /** A handler that answers who asked. */
  const caller = (request: Request, response: Response) =>
    answer(response, { caller: callerOf(request).userId });
  const callerAndOrg = (request: Request, response: Response) =>
    answer(response, {
      caller: callerOf(request).userId,
      org: checkedResource(request, 'org'),
    });
  const service =
    (work: (request: Request) => unknown) => async (request: Request, response: Response) =>
      answer(response, { answer: await work(request) });

  const owner = requireRole(zitadel, 'ORG_OWNER', org.param('orgId'));
  const { url, close } = await startExpress((app) => {
    app.use(express.json());

    app.get('/orgs/:orgId', owner, callerAndOrg);
    app.get(
      '/viewed/:orgId',
      requireRole(zitadel, ['ORG_OWNER', 'ORG_OWNER_VIEWER'], org.param('orgId')),
      callerAndOrg,
    );
    app.get('/query', requireRole(zitadel, 'ORG_OWNER', org.query('orgId')), checked('org'));
    app.post('/body', requireRole(zitadel, 'ORG_OWNER', org.body('orgId')), checked('org'));
    app.get(
      '/header',
      requireRole(zitadel, 'ORG_OWNER', org.header('X-Zitadel-OrgId')),
      checked('org'),
    );
    app.get('/function', requireRole(zitadel, 'ORG_OWNER', org.from(tenantOf)), checked('org'));
    app.get('/literal', requireRole(zitadel, 'ORG_OWNER', world.acme), checked('org'));
    app.get('/instance', requireRole(zitadel, 'IAM_OWNER'), caller);
    app.get(
      '/projects/:projectId',
      requireRole(zitadel, 'PROJECT_OWNER', project.param('projectId')),
      checked('project'),
    );
    app.get(
      '/orgs/:orgId/projects/:projectId',
      requireRole(zitadel, 'PROJECT_OWNER', project.param('projectId').in(org.param('orgId'))),
      checked('org', 'project'),
    );
    app.get(
      '/grants/:grantId',
      requireRole(zitadel, 'PROJECT_GRANT_OWNER', projectGrant.param('grantId')),
      checked('projectGrant'),
    );
    app.get(
      '/granted/:orgId/:projectId',
      requireRole(
        zitadel,
        'PROJECT_GRANT_OWNER_VIEWER',
        projectGrant({ project: project.param('projectId'), grantedOrg: org.param('orgId') }),
      ),
      checked('org', 'project'),
    );

    app.get('/any', requireThat(zitadel, ANY), caller);
    app.get('/nested/:orgId', requireThat(zitadel, NESTED), caller);
    app.get(
      '/both/:orgId',
      requireRole(zitadel, 'ORG_OWNER_VIEWER', org.param('orgId')),
      requireRole(zitadel, 'ORG_OWNER_VIEWER', org.query('other')),
      (request, response) =>
        answer(response, {
          org: checkedResource(request, 'org', 'orgId'),
          other: checkedResource(request, 'org', 'other'),
        }),
    );
    app.get(
      '/fresh/:orgId',
      requireRole(zitadel, 'ORG_OWNER', org.param('orgId'), { fresh: true }),
      checked('org'),
    );
    app.get(
      '/custom/:orgId',
      requireRole(zitadel, customRole('ORG_AUDITOR'), org.param('orgId')),
      checked('org'),
    );
    app.get('/me', requireAuthenticated(zitadel), caller);
    app.get(
      '/permitted/:orgId',
      requirePermission(zitadel, 'user.write', org.param('orgId')),
      checked('org'),
    );
    app.get(
      '/permitted/:orgId/projects/:projectId',
      requirePermission(
        zitadel,
        ['project.app.delete', 'project.grant.write'],
        project.param('projectId').in(org.param('orgId')),
      ),
      checked('org', 'project'),
    );
    app.get(
      '/permitted-grants/:grantId',
      requirePermission(zitadel, 'project.grant.member.write', projectGrant.param('grantId')),
      checked('projectGrant'),
    );
    app.get(
      '/permitted-between/:orgId/:projectId',
      requirePermission(
        zitadel,
        'project.grant.member.write',
        projectGrant({ project: project.param('projectId'), grantedOrg: org.param('orgId') }),
      ),
      checked('org', 'project'),
    );
    app.get(
      '/readers/:orgId',
      requireProjectRole(zitadel, ['reader', 'writer'], {
        project: world.portal,
        org: org.param('orgId'),
      }),
      checked('org'),
    );
    app.get(
      '/readers-of-all/:orgId',
      requireProjectRole(zitadel, 'reader', {
        project: world.portal,
        org: org.param('orgId'),
        acrossOrganizations: true,
      }),
      checked('org'),
    );
    app.get(
      '/readers-of/:projectId/:orgId',
      requireProjectRole(zitadel, 'reader', {
        project: project.param('projectId'),
        org: org.param('orgId'),
      }),
      checked('org', 'project'),
    );
    app.get('/at-home', requireAuthenticated(zitadel, { organizations: [world.acme] }), checked());
    app.get('/own', requireRole(zitadel, 'ORG_OWNER', org.ofCaller()), checked('org'));
    app.get('/own-or-instance', requireThat(zitadel, OWN_OR_INSTANCE), checked());
    app.get(
      '/own/permitted',
      requirePermission(zitadel, 'user.write', org.ofCaller()),
      checked('org'),
    );
    app.get(
      '/own/projects/:projectId',
      requireRole(zitadel, 'PROJECT_OWNER', project.param('projectId').in(org.ofCaller())),
      (request, response) =>
        answer(response, {
          org: checkedResource(request, 'org', 'ofCaller'),
          project: checkedResource(request, 'project'),
        }),
    );
    app.get(
      '/own/readers',
      requireProjectRole(zitadel, 'reader', { project: world.portal }),
      checked('org'),
    );
    app.get(
      '/function-of-caller',
      requireRole(zitadel, 'ORG_OWNER', org.from(homeByCode)),
      checked('org'),
    );
    app.get(
      '/function/permitted',
      requirePermission(zitadel, 'user.write', org.from(tenantOf)),
      checked(),
    );
    app.get(
      '/function/readers',
      requireProjectRole(zitadel, 'reader', { project: world.portal, org: org.from(tenantOf) }),
      checked(),
    );
    app.get('/optional', requireAuthenticated(zitadel, { optional: true }), (request, response) =>
      answer(response, { caller: decisionOf(request)?.caller.userId }),
    );
    app.get('/user', requireAuthenticated(zitadel), (request, response) => {
      const { user } = request as { readonly user?: Caller };
      answer(response, { caller: user?.userId });
    });
    app.get('/public', (_, response) => {
      notes.ranPublic += 1;
      response.json({});
    });
    app.all('/all/:orgId', owner, checked('org'));
    app.get('/files/:orgId/*path', owner, checked('org'));

    const tenants = express.Router({ mergeParams: true });
    tenants.use(requireRole(zitadel, 'ORG_OWNER_VIEWER', org.param('orgId')));
    tenants.get('/', checked('org'));
    tenants.post('/', owner, checked('org'));
    app.use('/tenants/:orgId', tenants);

    const ofProject = (ref: Parameters<typeof requireRole<'PROJECT_OWNER'>>[2]) =>
      requireRole(zitadel, 'PROJECT_OWNER', ref);
    app.get('/hostile/param/:projectId', ofProject(project.param('projectId')), checked());
    app.get('/hostile/query', ofProject(project.query('projectId')), checked());
    app.post('/hostile/body', ofProject(project.body('projectId')), checked());
    app.get('/hostile/header', ofProject(project.header('x-project')), checked());
    app.get('/hostile/function', ofProject(project.from(oddId)), checked());
    app.post('/hostile/names', requireThat(zitadel, NAMES), checked());

    app.use('/service', requireAuthenticated(zitadel));
    app.post(
      '/service/add',
      service(({ body }) => zitadel.projectGrants.add(body as NewGrant)),
    );
    app.post(
      '/service/ensure',
      service(({ body }) => zitadel.projectGrants.ensure(body as NewGrant)),
    );
    app.post(
      '/service/ask-by-param',
      service((request) =>
        zitadel.authorizer.can(callerOf(request), role('ORG_OWNER', org.param('orgId'))),
      ),
    );
    app.post(
      '/service/ask-anew',
      service((request) =>
        zitadel.authorizer.can(callerOf(request), role('IAM_OWNER', { fresh: true })),
      ),
    );
    app.post(
      '/service/own',
      service((request) =>
        zitadel.authorizer.can(callerOf(request), role('ORG_OWNER', org.ofCaller())),
      ),
    );
    app.post(
      '/service/key',
      service(({ body }) => void key(body as object)),
    );
    app.post(
      '/service/memberships',
      service(({ body }) =>
        zitadel.membershipLists.listOfUser(body as Parameters<MembershipLists['listOfUser']>[0]),
      ),
    );

    app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
      if (error instanceof ZitadelError) {
        response.status(422).json({ code: error.code, message: error.message });
      } else next(error);
    });
  });
  return { url, close, notes };
};
