import {
  deleteApplication,
  deleteApplicationKey,
  listApplicationKeys,
  listApplications,
  postApiApplication,
  postApplicationKey,
} from '../api/v1-applications.js';
import {
  deleteMember,
  ofInstance,
  ofOrg,
  ofProject,
  postMember,
  putMember,
} from '../api/v1-managers.js';
import { deleteOrgMetadata, listOrgMetadata, postOrgMetadata } from '../api/v1-metadata.js';
import {
  deleteProject,
  deleteRole,
  listProjects,
  listRoles,
  postProject,
  postRoles,
} from '../api/v1-projects.js';
import {
  deleteUser,
  deleteUserKey,
  listUserKeys,
  listUsers,
  postMachine,
  postUserKey,
} from '../api/v1-users.js';
import type { ApiRow } from './protocols.js';

const PROJECTS = '/management/v1/projects';
const ROLES = `${PROJECTS}/*/roles`;
const APPS = `${PROJECTS}/*/apps`;
const APP_KEYS = `${APPS}/*/keys`;
const USERS = '/management/v1/users';
const USER_KEYS = `${USERS}/*/keys`;
const METADATA = '/management/v1/metadata';

const MEMBERS = [
  ['/admin/v1/members', ofInstance],
  ['/management/v1/orgs/me/members', ofOrg],
  [`${PROJECTS}/*/members`, ofProject],
] as const;

/** What sets up an application: the calls of `npx nestjs-zitadel setup`, as far as they are not calls of others. */
export const SETUP: readonly ApiRow[] = [
  ['POST', `${PROJECTS}/_search`, 'projects', listProjects],
  ['POST', PROJECTS, 'projects', postProject],
  ['DELETE', `${PROJECTS}/*`, 'projects', deleteProject],
  ['POST', `${ROLES}/_search`, 'roles', listRoles],
  ['POST', `${ROLES}/_bulk`, 'roles', postRoles],
  ['DELETE', `${ROLES}/*`, 'roles', deleteRole],
  ['POST', `${APPS}/_search`, 'applications', listApplications],
  ['POST', `${APPS}/api`, 'applications', postApiApplication],
  ['DELETE', `${APPS}/*`, 'applications', deleteApplication],
  ['POST', `${APP_KEYS}/_search`, 'applicationKeys', listApplicationKeys],
  ['POST', APP_KEYS, 'applicationKeys', postApplicationKey],
  ['DELETE', `${APP_KEYS}/*`, 'applicationKeys', deleteApplicationKey],
  ['POST', `${USERS}/_search`, 'users', listUsers],
  ['POST', `${USERS}/machine`, 'users', postMachine],
  ['DELETE', `${USERS}/*`, 'users', deleteUser],
  ['POST', `${USER_KEYS}/_search`, 'userKeys', listUserKeys],
  ['POST', USER_KEYS, 'userKeys', postUserKey],
  ['DELETE', `${USER_KEYS}/*`, 'userKeys', deleteUserKey],
  ...MEMBERS.flatMap(([path, place]): ApiRow[] => [
    ['POST', path, 'members', postMember(place)],
    ['PUT', `${path}/*`, 'members', putMember(place)],
    ['DELETE', `${path}/*`, 'members', deleteMember(place)],
  ]),
  ['POST', `${METADATA}/_search`, 'orgMetadata', listOrgMetadata],
  ['POST', `${METADATA}/*`, 'orgMetadata', postOrgMetadata],
  ['DELETE', `${METADATA}/*`, 'orgMetadata', deleteOrgMetadata],
];

/** What else ZITADEL has under these paths: of one of them, GET and PUT. */
export const BESIDE_SETUP =
  /^\/management\/v1\/(projects\/[^/]+\/(roles|apps(\/[^/]+\/keys)?)|users(\/[^/]+\/keys)?|metadata)\/[^/]+$/;
