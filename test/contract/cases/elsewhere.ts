import { org, permission, projectGrant, role } from 'nestjs-zitadel/express';
import type { Given } from '../case.js';
import { raw, type RawCase } from '../raw.js';
import { throughLibrary, type LibraryCase } from '../through-library.js';
import { listLeftOut, rows, type See } from '../views.js';
import { textAt } from '../http.js';
import type { Scene } from '../scene.js';

let removed: Promise<string> | undefined;
let of: Scene | undefined;

/** An organization that was removed, as `{gone}`. */
const anOrgGone: Given = async (scene) => {
  if (of !== scene) [of, removed] = [scene, removeOne(scene)];
  return { gone: String(await removed) };
};

async function removeOne(scene: Scene): Promise<string> {
  const gone = await scene.world.addOrg('gone');
  scene.call(gone.id, 'gone');
  await scene.world.removeOrg(gone);
  return gone.id;
}

const ORG = 'GET /management/v1/orgs/me';
const orgOf: See = ({ body }, scene) => ({
  org: scene.name(textAt(body, 'org', 'id')),
  named: textAt(body, 'org', 'name').startsWith('gone-'),
  state: textAt(body, 'org', 'state'),
});

const removedOrgs: readonly RawCase[] = [
  {
    says: 'one that was removed is read as before, but without a state',
    ask: ORG,
    as: 'admin',
    org: 'gone',
    given: anOrgGone,
    see: orgOf,
    verdict: { status: 200, see: { org: 'gone', named: true, state: '' } },
  },
  {
    says: 'one that is there has a state',
    ask: ORG,
    as: 'admin',
    org: 'acme',
    see: orgOf,
    verdict: { status: 200, see: { org: 'acme', named: false, state: 'ORG_STATE_ACTIVE' } },
  },
  {
    says: 'one that never was is refused',
    ask: ORG,
    as: 'admin',
    org: '1',
    verdict: { status: 403, id: 'AUTH-Bs7Ds' },
  },
  {
    says: 'one that was removed cannot be removed again',
    ask: 'DELETE /admin/v1/orgs/{gone}',
    as: 'admin',
    given: anOrgGone,
    once: true,
    verdict: { status: 404, id: 'COMMA-aps2n' },
  },
  {
    says: 'the caller’s memberships are told under one that was removed',
    ask: 'POST /auth/v1/memberships/me/_search',
    as: 'alice',
    org: 'gone',
    given: anOrgGone,
    body: {},
    see: rows,
    verdict: { status: 200, see: ['org acme: ORG_OWNER ORG_USER_MANAGER'] },
  },
  {
    says: 'nobody of another organization may do anything in one that was removed',
    ask: 'POST /auth/v1/permissions/zitadel/me/_search',
    as: 'alice',
    org: 'gone',
    given: anOrgGone,
    body: {},
    see: listLeftOut,
    verdict: { status: 200, see: true },
  },
  {
    says: 'a project is not found under one that was removed',
    ask: 'GET /management/v1/projects/{portal}',
    as: 'svc-viewer',
    org: 'gone',
    given: anOrgGone,
    verdict: { status: 404, id: 'MANAG-SFf2a' },
  },
  {
    says: 'who has no row of the instance has no membership under one that was removed',
    ask: 'GET /management/v1/projects/{portal}',
    as: 'svc-acme',
    org: 'gone',
    given: anOrgGone,
    verdict: { status: 404, id: 'AUTHZ-cdgFk' },
  },
];

const throughRemovedOrgs: readonly LibraryCase[] = [
  {
    says: 'a role on one that was removed is missing',
    given: anOrgGone,
    as: 'alice',
    may: (id) => role('ORG_OWNER', org(id('gone'))),
    verdict: '403 role_missing',
  },
  {
    says: 'a permission in one that was removed is missing',
    only: 'v1',
    given: anOrgGone,
    as: 'alice',
    may: (id) => permission('org.read', org(id('gone'))),
    verdict: '403 permission_missing',
  },
];

/** Somebody who lives in an organization that neither owns the portal nor has it granted, and what he has. */
const STRANGERS = [
  ['grant', 'PROJECT_GRANT_OWNER', 'allowed', 'allowed'],
  ['grant', 'PROJECT_GRANT_OWNER_VIEWER', '403 role_missing', '403 permission_missing'],
  ['granted', 'ORG_OWNER', 'allowed', 'allowed'],
  ['granted', 'ORG_OWNER_VIEWER', '403 role_missing', '403 permission_missing'],
  ['owner', 'ORG_OWNER', '403 role_missing', '403 permission_missing'],
  ['third', 'ORG_OWNER', '403 role_missing', '403 permission_missing'],
  ['instance', 'IAM_OWNER', 'allowed', '500 misconfigured'],
  ['instance', 'IAM_OWNER_VIEWER', '403 role_missing', '403 permission_missing'],
] as const;

const strangers = STRANGERS.flatMap(([on, has, byRole, byPermission]): readonly LibraryCase[] => {
  const who = `${has} of the ${on}`;
  const as = `stranger ${on} ${has}`;
  const what = 'project.grant.member.write';
  const pair = (id: (name: string) => string) =>
    projectGrant({ project: id('portal'), grantedOrg: id('globex') });
  return [
    {
      says: `a stranger, ${who}: a role on the grant by its id`,
      only: 'v1',
      as,
      may: (id) => role('PROJECT_GRANT_OWNER', projectGrant(id('grant'))),
      verdict: byRole,
    },
    {
      says: `a stranger, ${who}: a role on the grant by its two ends`,
      as,
      may: (id) => role('PROJECT_GRANT_OWNER', pair(id)),
      verdict: byRole,
    },
    {
      says: `a stranger, ${who}: a permission on the grant by its id`,
      only: 'v1',
      as,
      may: (id) => permission(what, projectGrant(id('grant'))),
      verdict: byPermission,
    },
    {
      says: `a stranger, ${who}: a permission on the grant by its two ends`,
      only: 'v1',
      as,
      may: (id) => permission(what, pair(id)),
      verdict: byPermission === '500 misconfigured' ? 'allowed' : byPermission,
    },
    {
      says: `a stranger, ${who}: a permission on a grant that is not there`,
      only: 'v1',
      as,
      may: () => permission(what, projectGrant('1')),
      verdict: byPermission === 'allowed' ? '403 permission_missing' : byPermission,
    },
  ];
});

export const elsewhere = [
  ...raw('removed orgs', 'v1', removedOrgs),
  ...throughLibrary('removed orgs', throughRemovedOrgs),
  ...throughLibrary('grants by actor', strangers),
];
