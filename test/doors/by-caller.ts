// What depends on who calls: the caller's own organization, code that is given the caller, and callers that may be missing.
import type { MemberResource } from '../../lib/testing/index.js';
import type { Asked, Expected } from './answers.js';
import type { Case } from './cases.js';
import type { DoorName } from './door.js';
import type { World } from '../support/world.js';

const NEST: readonly DoorName[] = ['Nest on Express', 'Nest on Fastify'];
const HOME = 'urn:zitadel:iam:user:resourceowner:id';

let people = 0;

/** A request by somebody new, whose token names this organization as home, and gives these roles of portal in it. */
function from(
  world: World,
  path: string,
  home: string | undefined,
  { members = [], roles = [], in: giver = home }: By = {},
): Asked {
  const { zitadel, acme, portal } = world;
  people += 1;
  const user = zitadel.addUser(`at home ${String(people)}`, { org: acme });
  for (const [on, role] of members) zitadel.addMember(user, on, [role]);
  const given = Object.fromEntries(roles.map((role) => [role, { [String(giver)]: 'x' }]));
  const claims = {
    ...(home !== undefined && { [HOME]: home }),
    ...(roles.length > 0 && { [`urn:zitadel:iam:org:project:${portal}:roles`]: given }),
  };
  return { path, authorization: `Bearer ${zitadel.tokenFor(user, { claims })}` };
}

interface By {
  readonly members?: readonly (readonly [on: MemberResource, role: string])[];
  readonly roles?: readonly string[];
  readonly in?: string;
}

const ownerOf = (org: string): By => ({ members: [[{ org }, 'ORG_OWNER']] });

const MISCONFIGURED: Expected = { denied: 'misconfigured' };

const ownOrganization: readonly Case[] = [
  {
    sentence: 'lets an owner of the own organization in, and hands its id to the handler',
    asks: (world) => from(world, '/own', world.acme, ownerOf(world.acme)),
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence: 'takes nothing that the request says for the own organization',
    asks: (world) => ({
      ...from(world, `/own?ofCaller=${world.globex}`, world.acme, ownerOf(world.globex)),
      headers: [['ofCaller', world.globex]],
    }),
    gets: () => ({ denied: 'role_missing' }),
  },
  {
    sentence:
      'does not deny a caller whose token does not say the own organization: nothing is known',
    asks: (world) => from(world, '/own', undefined, ownerOf(world.acme)),
    gets: () => MISCONFIGURED,
  },
  {
    sentence: 'does without the own organization where another branch allows',
    asks: (world) =>
      from(world, '/own-or-instance', undefined, { members: [['instance', 'IAM_OWNER_VIEWER']] }),
    gets: () => ({ seen: {} }),
  },
  {
    sentence:
      'says that nothing is known where no branch allows and one needs the own organization',
    asks: (world) => from(world, '/own-or-instance', undefined),
    gets: () => MISCONFIGURED,
  },
  {
    sentence: 'lets in by a permission in the own organization',
    asks: (world) => from(world, '/own/permitted', world.acme, ownerOf(world.acme)),
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence: 'asks for no permission in an organization that is not known',
    asks: (world) => from(world, '/own/permitted', undefined, ownerOf(world.acme)),
    gets: () => MISCONFIGURED,
  },
  {
    sentence: 'lets the owner of the own organization into its project',
    asks: (world) => from(world, `/own/projects/${world.portal}`, world.acme, ownerOf(world.acme)),
    gets: ({ acme, portal }) => ({ seen: { org: acme, project: portal } }),
  },
  {
    sentence: 'lets in by a role of the project in the own organization',
    asks: (world) => from(world, '/own/readers', world.acme, { roles: ['reader'] }),
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence:
      'knows nothing of a role of the project where the token does not say the organization',
    asks: (world) => from(world, '/own/readers', undefined, { roles: ['reader'], in: world.acme }),
    gets: () => MISCONFIGURED,
  },
  {
    sentence: 'lets a service ask about the own organization of its caller',
    asks: (world) => ({
      ...from(world, '/service/own', world.acme, ownerOf(world.acme)),
      method: 'POST',
    }),
    gets: () => ({ seen: { answer: true } }),
  },
  {
    sentence: 'tells a service no where its caller is no owner of the own organization',
    asks: (world) => ({
      ...from(world, '/service/own', world.globex, ownerOf(world.acme)),
      method: 'POST',
    }),
    gets: () => ({ seen: { answer: false } }),
  },
];

const byCode: readonly Case[] = (['/function-of-caller', '/class-of-caller'] as const).flatMap(
  (path): readonly Case[] => {
    const where = path === '/class-of-caller' ? { only: NEST } : {};
    return [
      {
        sentence: `hands the caller to the code that finds the organization of ${path}`,
        asks: (world) => from(world, path, world.acme, ownerOf(world.acme)),
        gets: ({ acme }) => ({ seen: { org: acme } }),
        ...where,
      },
      {
        sentence: `denies by the organization that the code of ${path} finds for the caller`,
        asks: (world) => from(world, path, world.acme, ownerOf(world.globex)),
        gets: () => ({ denied: 'role_missing' }),
        ...where,
      },
    ];
  },
);

const unknownSlugs: readonly Case[] = [
  {
    sentence: 'answers a slug that nothing has as a permission that is missing',
    asks: () => ({ as: 'owner of acme', path: '/function/permitted' }),
    gets: () => ({ denied: 'permission_missing' }),
  },
  {
    sentence: 'answers a slug that nothing has as a role of the project that is missing',
    asks: () => ({ as: 'owner of acme', path: '/function/readers' }),
    gets: () => ({ denied: 'project_role_missing' }),
  },
];

const optional: readonly Case[] = [
  {
    sentence: 'lets in without a token where the caller is optional, and names nobody',
    asks: () => ({ path: '/optional' }),
    gets: () => ({ seen: {} }),
  },
  {
    sentence: 'names the caller of a good token where the caller is optional',
    asks: () => ({ as: 'nobody', path: '/optional' }),
    gets: ({ ids }) => ({ seen: { caller: ids.nobody } }),
  },
  {
    sentence: 'takes another scheme for no token where the caller is optional',
    asks: () => ({ path: '/optional', authorization: 'Basic YTpi' }),
    gets: () => ({ seen: {} }),
  },
  {
    sentence: 'refuses a token that is no JWT where the caller is optional',
    asks: () => ({ path: '/optional', authorization: 'Bearer nonsense' }),
    gets: () => ({ denied: 'token_invalid' }),
  },
  {
    sentence: 'refuses a header without a token where the caller is optional',
    asks: () => ({ path: '/optional', authorization: 'Bearer' }),
    gets: () => ({ denied: 'token_invalid' }),
  },
  {
    sentence: 'refuses a header that was sent twice where the caller is optional',
    asks: ({ tokens }) => ({
      as: 'nobody',
      path: '/optional',
      headers: [['Authorization', `Bearer ${tokens.nobody}`]],
    }),
    gets: () => ({ denied: 'token_invalid' }),
  },
  {
    sentence: 'refuses a token that was revoked where the caller is optional',
    asks: (world) => {
      const asked = from(world, '/optional', world.acme);
      world.zitadel.revokeToken(asked.authorization?.slice('Bearer '.length) ?? '');
      return asked;
    },
    gets: () => ({
      denied: 'token_rejected',
      description: 'revoked, or requested without scope urn:zitadel:iam:org:project:id:zitadel:aud',
    }),
  },
];

export const BY_CALLER: readonly Case[] = [
  ...ownOrganization,
  ...byCode,
  ...unknownSlugs,
  ...optional,
];
