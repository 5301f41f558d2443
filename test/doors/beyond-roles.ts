// Permissions, project roles and home organizations: the same table of cases for all doors.
import type { MemberResource } from '../../lib/testing/index.js';
import type { Asked } from './answers.js';
import type { Case } from './cases.js';
import type { World } from '../support/world.js';

let people = 0;

/** A request by somebody new, with these memberships. */
function by(
  { zitadel, acme }: World,
  path: string,
  members: readonly (readonly [on: MemberResource, role: string])[],
): Asked {
  people += 1;
  const user = zitadel.addUser(`permitted-${String(people)}`, { org: acme });
  for (const [on, role] of members) zitadel.addMember(user, on, [role]);
  return { path, authorization: `Bearer ${zitadel.tokenFor(user)}` };
}

const HOME = 'urn:zitadel:iam:user:resourceowner:id';
const rolesOf = (projectId: string) => `urn:zitadel:iam:org:project:${projectId}:roles`;

/** A request by somebody new, whose token says this. */
function claiming({ zitadel, acme }: World, path: string, claims: Record<string, unknown>): Asked {
  people += 1;
  const user = zitadel.addUser(`claiming-${String(people)}`, { org: acme });
  return { path, authorization: `Bearer ${zitadel.tokenFor(user, { claims })}` };
}

const permissions: readonly Case[] = [
  {
    sentence: 'lets in whoever ZITADEL says may do it in the organization',
    asks: ({ acme }) => ({ as: 'owner of acme', path: `/permitted/${acme}` }),
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence: 'lets a custom role in where ZITADEL gives it the permission',
    asks: (world) => {
      world.zitadel.setRolePermissions('ORG_CLERK', ['user.write']);
      return by(world, '/permitted/' + world.acme, [[{ org: world.acme }, 'ORG_CLERK']]);
    },
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence: 'lets the owner of a project in by a permission on exactly this project',
    asks: ({ acme, portal }) => ({
      as: 'owner of portal',
      path: `/permitted/${acme}/projects/${portal}`,
    }),
    gets: ({ acme, portal }) => ({ seen: { org: acme, project: portal } }),
  },
  {
    sentence: 'lets the owner of the organization in by a permission on all of its projects',
    asks: ({ acme, portal }) => ({
      as: 'owner of acme',
      path: `/permitted/${acme}/projects/${portal}`,
    }),
    gets: ({ acme, portal }) => ({ seen: { org: acme, project: portal } }),
  },
  {
    sentence: 'denies a permission on another project of the same organization',
    asks: (world) => {
      const { zitadel, acme } = world;
      people += 1;
      const { id } = zitadel.addProject(`other-${String(people)}`, { org: acme });
      return { as: 'owner of portal', path: `/permitted/${acme}/projects/${id}` };
    },
    gets: () => ({ denied: 'permission_missing' }),
  },
  {
    sentence: 'lets the manager of a grant in by a permission on exactly this grant',
    asks: ({ grant }) => ({ as: 'manager of the grant', path: `/permitted-grants/${grant}` }),
    gets: ({ grant }) => ({ seen: { projectGrant: grant } }),
  },
  {
    sentence: 'lets the owner of the granted organization in by permission on the grant',
    asks: ({ grant }) => ({ as: 'owner of globex', path: `/permitted-grants/${grant}` }),
    gets: ({ grant }) => ({ seen: { projectGrant: grant } }),
  },
  {
    sentence: 'lets the manager of a grant in where its two ends name it',
    asks: ({ globex, portal }) => ({
      as: 'manager of the grant',
      path: `/permitted-between/${globex}/${portal}`,
    }),
    gets: ({ globex, portal }) => ({ seen: { org: globex, project: portal } }),
  },
];

const claims: readonly Case[] = [
  {
    sentence: 'lets a role of the project in, at home',
    asks: (world) =>
      claiming(world, `/readers/${world.acme}`, {
        [HOME]: world.acme,
        [rolesOf(world.portal)]: { writer: { [world.acme]: 'acme.localhost' } },
      }),
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence: 'never takes a role of one project for one of another',
    asks: (world) =>
      claiming(world, `/readers/${world.acme}`, {
        [HOME]: world.acme,
        [rolesOf(world.tools)]: { reader: { [world.acme]: 'acme.localhost' } },
        'urn:zitadel:iam:org:project:roles': { reader: { [world.acme]: 'acme.localhost' } },
      }),
    gets: () => ({ denied: 'project_role_missing' }),
  },
  {
    sentence: 'counts a role of another organization where the route says across organizations',
    asks: (world) =>
      claiming(world, `/readers-of-all/${world.globex}`, {
        [HOME]: world.acme,
        [rolesOf(world.portal)]: { reader: { [world.globex]: 'globex.localhost' } },
      }),
    gets: ({ globex }) => ({ seen: { org: globex } }),
  },
  {
    sentence: 'reads role claims as own properties only',
    asks: (world) =>
      claiming(world, `/readers-of/${world.portal}/${world.acme}`, {
        [HOME]: world.acme,
        [rolesOf(world.portal)]: JSON.parse(
          `{"__proto__":{"reader":{"${world.acme}":"x"}}}`,
        ) as object,
      }),
    gets: () => ({ denied: 'project_role_missing' }),
  },
  {
    sentence: 'hands a handler the project and the organization whose role was checked',
    asks: (world) =>
      claiming(world, `/readers-of/${world.tools}/${world.acme}`, {
        [HOME]: world.acme,
        [rolesOf(world.tools)]: { reader: { [world.acme]: 'acme.localhost' } },
      }),
    gets: ({ acme, tools }) => ({ seen: { org: acme, project: tools } }),
  },
  {
    sentence: 'lets in callers of the home organizations that a route accepts',
    asks: (world) => claiming(world, '/at-home', { [HOME]: world.acme }),
    gets: () => ({ seen: {} }),
  },
  {
    sentence: 'denies callers of another home organization',
    asks: (world) => claiming(world, '/at-home', { [HOME]: world.globex }),
    gets: () => ({ denied: 'organization_not_accepted' }),
  },
];

export const BEYOND_ROLES: readonly Case[] = [...permissions, ...claims];
