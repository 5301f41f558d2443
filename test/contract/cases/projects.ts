import { org, project, role } from 'nestjs-zitadel/express';
import { raw } from '../raw.js';
import { throughLibrary } from '../through-library.js';
import { textAt } from '../http.js';
import type { See } from '../views.js';

const V1 = 'GET /management/v1/projects/{portal}';
const V2 = 'POST /zitadel.project.v2.ProjectService/GetProject';
const ELSEWHERE = { status: 404, id: 'MANAG-SFf2a' };

const owner: See = ({ body }, scene) => ({
  project: scene.name(textAt(body, 'project', 'id') || textAt(body, 'project', 'projectId')),
  owner: scene.name(
    textAt(body, 'project', 'details', 'resourceOwner') ||
      textAt(body, 'project', 'organizationId'),
  ),
  state: textAt(body, 'project', 'state'),
});
const PORTAL = { project: 'portal', owner: 'acme', state: 'PROJECT_STATE_ACTIVE' };

export const projects = [
  ...raw('projects', 'v1', [
    {
      says: 'an owner of the organization sees its project',
      ask: V1,
      as: 'svc-acme',
      see: owner,
      verdict: { status: 200, see: PORTAL },
    },
    {
      says: 'a viewer of the instance does not see it without naming the organization',
      ask: V1,
      as: 'svc-viewer',
      verdict: ELSEWHERE,
    },
    {
      says: 'a viewer of the instance sees it in the name of its owner',
      ask: V1,
      as: 'svc-viewer',
      org: 'acme',
      see: owner,
      verdict: { status: 200, see: PORTAL },
    },
    {
      says: 'and not in the name of another organization',
      ask: V1,
      as: 'svc-viewer',
      org: 'globex',
      verdict: ELSEWHERE,
    },
    {
      says: 'a project that does not exist has an id of its own',
      ask: 'GET /management/v1/projects/1',
      as: 'svc-acme',
      verdict: { status: 404, id: 'QUERY-fk2fs' },
    },
  ]),
  ...raw('projects', 'v2', [
    {
      says: 'GetProject says the owner to a viewer of the instance without being told it',
      ask: V2,
      as: 'svc-viewer',
      body: { projectId: '{portal}' },
      see: owner,
      verdict: { status: 200, see: PORTAL },
    },
    {
      says: 'GetProject answers the same in the name of another organization',
      ask: V2,
      as: 'svc-viewer',
      org: 'globex',
      body: { projectId: '{portal}' },
      see: owner,
      verdict: { status: 200, see: PORTAL },
    },
    {
      says: 'GetProject in the name of an unknown organization is refused',
      ask: V2,
      as: 'svc-viewer',
      org: '1',
      body: { projectId: '{portal}' },
      verdict: { status: 403, id: 'AUTH-Bs7Ds' },
    },
    {
      says: 'GetProject of a project that does not exist has the same id as v1',
      ask: V2,
      as: 'svc-viewer',
      body: { projectId: '1' },
      verdict: { status: 404, id: 'QUERY-fk2fs' },
    },
    {
      says: 'GetProject refuses somebody without manager roles',
      ask: V2,
      as: 'dave',
      body: { projectId: '{portal}' },
      verdict: { status: 404, id: 'AUTHZ-cdgFk' },
    },
  ]),
  ...throughLibrary('projects', [
    {
      says: 'who owns a project is asked of ZITADEL, where no row says it',
      as: 'svc-acme',
      may: (id) => role('PROJECT_OWNER', project(id('other')).in(org(id('acme')))),
      verdict: 'allowed',
    },
    {
      says: 'an owner of another organization learns nothing about a project',
      as: 'gina',
      may: (id) => role('PROJECT_OWNER', project(id('other'))),
      verdict: '403 role_missing',
    },
    {
      says: 'read by the service user, who owns a project is asked as the service user',
      reads: 'serviceUser',
      as: 'svc-acme',
      may: (id) => role('PROJECT_OWNER', project(id('other')).in(org(id('acme')))),
      verdict: 'allowed',
    },
  ]),
];
