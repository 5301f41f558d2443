import { describe, expect, it } from 'vitest';
import type { Http } from '../../../lib/zitadel/http.js';
import * as organization from '../../../lib/zitadel/setup/administration.js';
import * as projects from '../../../lib/zitadel/setup/projects.js';
import * as users from '../../../lib/zitadel/setup/service-users.js';

const DATE = '2026-11-24T08:56:32Z';
const AT = Date.parse(DATE);
const FILE = '{"keyId":"7"}';
const BYTES = Buffer.from(FILE).toString('base64');
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A server that has API v2 alone, in the words of its protos. */
function serverOf(bodies: Readonly<Record<string, object>>) {
  const asked: (readonly [string, unknown])[] = [];
  const http: Http = ({ path, json }) => {
    if (!path.startsWith('/zitadel.') && path !== '/oidc/v1/userinfo') {
      return Promise.resolve({ status: 404, says: 'notServed', id: undefined });
    }
    const rpc = path.slice(path.lastIndexOf('/') + 1);
    asked.push([path.replace(/^\/zitadel\./, ''), json]);
    return Promise.resolve({ status: 200, body: { ...bodies[rpc] } });
  };
  return { asked, administration: new organization.Administration(http, 'token') };
}

const PROJECT = { projectId: '1', organizationId: 'o', name: 'shop', creationDate: DATE };
const APP = {
  applicationId: '2',
  creationDate: DATE,
  state: 'APPLICATION_STATE_ACTIVE',
  name: 'api',
  apiConfiguration: { clientId: '3', authMethodType: 'API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT' },
};
const USER = {
  userId: '4',
  details: { creationDate: DATE, resourceOwner: 'o' },
  state: 'USER_STATE_ACTIVE',
  username: 'robot',
  machine: {},
};
const ROW = { changeDate: DATE, organization: { id: 'o' }, roles: ['ORG_OWNER'] };
const PLACE = { userId: '4', on: 'project', projectId: '1' } as const;

type Ask = (administration: organization.Administration) => Promise<unknown>;

describe('where only API v2 is served', () => {
  it.each<[string, Ask, string, object, unknown]>([
    [
      'finds a project of the organization',
      (a) => projects.findProject(a, 'shop'),
      'ListProjects',
      {
        projects: [
          { ...PROJECT, organizationId: 'x', projectId: '9' },
          { ...PROJECT, state: 'PROJECT_STATE_ACTIVE' },
        ],
      },
      { id: '1', isActive: true, madeAt: AT },
    ],
    [
      'makes a project',
      (a) => projects.createProject(a, 'shop'),
      'CreateProject',
      { projectId: '1' },
      '1',
    ],
    [
      'lists roles',
      (a) => projects.listRoles(a, '1'),
      'ListProjectRoles',
      { projectRoles: [{ key: 'k', creationDate: DATE }] },
      [{ key: 'k', madeAt: AT }],
    ],
    [
      'lists applications',
      (a) => projects.listApplications(a, '1'),
      'ListApplications',
      { applications: [APP] },
      [{ id: '2', name: 'api', clientId: '3', hasKeys: true, isActive: true, madeAt: AT }],
    ],
    [
      'makes an application',
      (a) => projects.createApplication(a, '1', 'api'),
      'CreateApplication',
      APP,
      { id: '2', clientId: '3' },
    ],
    [
      'makes a key of it',
      (a) => projects.addApplicationKey(a, '1', '2'),
      'CreateApplicationKey',
      { keyId: '7', keyDetails: BYTES },
      { id: '7', file: FILE },
    ],
    [
      'lists its keys',
      (a) => projects.listApplicationKeys(a, '1', '2'),
      'ListApplicationKeys',
      { keys: [{ keyId: '7', creationDate: DATE }] },
      [{ id: '7', madeAt: AT }],
    ],
    [
      'finds a user',
      (a) => users.findUser(a, 'robot'),
      'ListUsers',
      { result: [USER] },
      { id: '4', isServiceUser: true, isActive: true, madeAt: AT },
    ],
    ['makes a user', (a) => users.createServiceUser(a, 'robot'), 'CreateUser', { id: '4' }, '4'],
    [
      'makes a key of that',
      (a) => users.addUserKey(a, '4'),
      'AddKey',
      { keyId: '7', keyContent: BYTES },
      { id: '7', file: FILE },
    ],
    [
      'lists manager roles',
      (a) => users.listHeld(a, '4', '1'),
      'ListAdministrators',
      { administrators: [ROW] },
      [{ on: 'organization', roles: ['ORG_OWNER'], changedAt: AT }],
    ],
    [
      'gives one',
      (a) => users.setHeld(a, PLACE, [], ['PROJECT_OWNER']),
      'CreateAdministrator',
      {},
      undefined,
    ],
    [
      'takes one',
      (a) => users.setHeld(a, PLACE, ['PROJECT_OWNER'], []),
      'DeleteAdministrator',
      {},
      undefined,
    ],
    [
      'reads metadata',
      (a) => organization.readMetadata(a, 'k'),
      'ListOrganizationMetadata',
      { metadata: [{ key: 'k', value: base64('t'), changeDate: DATE }] },
      { text: 't', changedAt: AT },
    ],
  ])('%s', async (_does, ask, rpc, body, result) => {
    const { asked, administration } = serverOf({
      [rpc]: body,
      userinfo: { sub: '4' },
      GetUserByID: { user: USER },
      ListOrganizations: { result: [{ id: 'o', name: 'acme' }] },
    });
    expect(await administration.enter(undefined)).toBe('acme');
    expect(administration.orgId).toBe('o');
    expect(await ask(administration)).toEqual(result);
    expect(asked.at(-1)?.[0]).toMatch(new RegExp(`Service/${rpc}$`));
  });
});
