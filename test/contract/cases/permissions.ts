import { org, permission, project, projectGrant } from 'nestjs-zitadel/express';
import { raw } from '../raw.js';
import { throughLibrary } from '../through-library.js';
import { listLeftOut, type See } from '../views.js';

const PERMISSIONS = 'POST /auth/v1/permissions/zitadel/me/_search';

/** Which of these are held, and where: plain, or on a resource. A server may know more permissions than another. */
function held(...asked: readonly string[]): See {
  return ({ body }, scene) => {
    const list = Array.isArray(body['result']) ? body['result'].map(String) : [];
    return list
      .map((entry) => {
        const [name = '', suffix] = entry.split(':');
        return { name, told: suffix === undefined ? name : `${name} on ${scene.name(suffix)}` };
      })
      .filter(({ name }) => asked.includes(name))
      .map(({ told }) => told)
      .sort();
  };
}

const GRANT = ['project.grant.read', 'project.grant.write', 'project.grant.delete'];

export const permissions = [
  ...raw('permissions', 'v1', [
    {
      says: 'the owner of an organization holds permissions on all of it',
      ask: PERMISSIONS,
      as: 'alice',
      body: {},
      see: held('org.write', ...GRANT),
      verdict: { status: 200, see: ['org.write', ...[...GRANT].sort()] },
    },
    {
      says: 'and none in another organization',
      ask: PERMISSIONS,
      as: 'alice',
      org: 'globex',
      body: {},
      see: listLeftOut,
      verdict: { status: 200, see: true },
    },
    {
      says: 'the owner of a project holds them on the project',
      ask: PERMISSIONS,
      as: 'bob',
      body: {},
      see: held('project.write', 'project.grant.write', 'org.write'),
      verdict: {
        status: 200,
        see: ['project.grant.write on portal', 'project.write on portal'],
      },
    },
    {
      says: 'the owner of a project grant holds them on the grant, and may not change it',
      ask: PERMISSIONS,
      as: 'carol',
      body: {},
      see: held('project.grant.member.write', ...GRANT),
      verdict: {
        status: 200,
        see: ['project.grant.member.write on grant', 'project.grant.read on grant'],
      },
    },
    {
      says: 'somebody without manager roles holds none',
      ask: PERMISSIONS,
      as: 'dave',
      body: {},
      see: listLeftOut,
      verdict: { status: 200, see: true },
    },
    {
      says: 'the organization in the header decides which of several roles count',
      ask: PERMISSIONS,
      as: 'frank',
      org: 'globex',
      body: {},
      see: held('org.write', 'org.member.write'),
      verdict: { status: 200, see: ['org.member.write', 'org.write'] },
    },
    {
      says: 'where the caller only views, nothing of the organization can be written',
      ask: PERMISSIONS,
      as: 'frank',
      org: 'acme',
      body: {},
      see: held('org.read', 'org.write'),
      verdict: { status: 200, see: ['org.read'] },
    },
    {
      says: 'an unknown organization is refused',
      ask: PERMISSIONS,
      as: 'alice',
      org: '1',
      body: {},
      verdict: { status: 403, id: 'AUTH-Bs7Ds' },
    },
  ]),
  ...throughLibrary('permissions', [
    {
      says: 'a permission on the organization lets its owner through',
      only: 'v1',
      as: 'alice',
      may: (id) => permission('project.grant.write', org(id('acme'))),
      verdict: 'allowed',
    },
    {
      says: 'a permission in another organization is missing',
      only: 'v1',
      as: 'alice',
      may: (id) => permission('project.grant.write', org(id('globex'))),
      verdict: '403 permission_missing',
    },
    {
      says: 'a permission on a project does not count for the organization',
      only: 'v1',
      as: 'bob',
      may: (id) => permission('project.grant.write', org(id('acme'))),
      verdict: '403 permission_missing',
    },
    {
      says: 'a permission on a project counts for that project',
      only: 'v1',
      as: 'bob',
      may: (id) => permission('project.grant.write', project(id('portal')).in(id('acme'))),
      verdict: 'allowed',
    },
    {
      says: 'and for no other project',
      only: 'v1',
      as: 'bob',
      may: (id) => permission('project.grant.write', project(id('other')).in(id('acme'))),
      verdict: '403 permission_missing',
    },
    {
      says: 'the owner of a grant may manage its members',
      only: 'v1',
      as: 'carol',
      may: (id) =>
        permission(
          'project.grant.member.write',
          projectGrant({ project: id('portal'), grantedOrg: id('globex') }),
        ),
      verdict: 'allowed',
    },
  ]),
];
