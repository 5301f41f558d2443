// One table of cases for all doors: who asks what, and what is answered. The rules of who gets in are in `test/corpus`; here stands what a
// door does besides: where it finds what, and what it answers and hands on.
import type { Asked, Expected } from './answers.js';
import { BEYOND_ROLES } from './beyond-roles.js';
import { BY_CALLER } from './by-caller.js';
import type { DoorName } from './door.js';
import type { World } from '../support/world.js';

export interface Case {
  readonly sentence: string;
  readonly asks: (world: World) => Asked;
  readonly gets: (world: World) => Expected;
  /** Where there is such a thing only at some doors. */
  readonly only?: readonly DoorName[];
}

const NEST: readonly DoorName[] = ['Nest on Express', 'Nest on Fastify'];

/** Where the id of the organization may stand, and the request that says it there. */
const SOURCES: readonly {
  readonly source: string;
  readonly says: (id: string) => Asked;
  readonly withNothing: Asked;
  /** Code of the application finds the id: what it does not find must look like somebody else's. */
  readonly byCode?: true;
  readonly only?: readonly DoorName[];
}[] = [
  {
    source: 'a query parameter',
    says: (id) => ({ path: `/query?orgId=${id}` }),
    withNothing: { path: '/query' },
  },
  {
    source: 'the body',
    says: (orgId) => ({ method: 'POST', path: '/body', body: { orgId } }),
    withNothing: { method: 'POST', path: '/body', body: {} },
  },
  {
    source: 'a header',
    says: (id) => ({ path: '/header', headers: [['x-zitadel-orgid', id]] }),
    withNothing: { path: '/header' },
  },
  {
    source: 'a function',
    says: (id) => ({ path: '/function', headers: [['x-tenant', id]] }),
    withNothing: { path: '/function' },
    byCode: true,
  },
  {
    source: 'an injectable class',
    says: (id) => ({ path: '/class', headers: [['x-tenant', id]] }),
    withNothing: { path: '/class' },
    byCode: true,
    only: NEST,
  },
];

const bySource: readonly Case[] = SOURCES.flatMap(({ source, says, withNothing, byCode, only }) => {
  const where = only && { only };
  return [
    {
      sentence: `lets the owner in where ${source} names the organization`,
      asks: ({ acme }) => ({ as: 'owner of acme', ...says(acme) }),
      gets: ({ acme }) => ({ seen: { org: acme } }),
      ...where,
    },
    {
      sentence: `keeps another organization's owner out where ${source} names the organization`,
      asks: ({ acme }) => ({ as: 'owner of globex', ...says(acme) }),
      gets: () => ({ denied: 'role_missing' }),
      ...where,
    },
    {
      sentence: byCode
        ? `keeps everybody out where ${source} finds no organization`
        : `answers 400 where ${source} could name the organization and does not`,
      asks: () => ({ as: 'owner of acme', ...withNothing }),
      gets: () => ({ denied: byCode ? 'role_missing' : 'resource_missing' }),
      ...where,
    },
    {
      sentence: `answers 400 where ${source} says something that is no id, also to the instance's owner`,
      asks: ({ acme }) => ({ as: 'instance owner', ...says(`${acme}x`) }),
      gets: () => ({ denied: 'resource_invalid' }),
      ...where,
    },
  ] satisfies Case[];
});

export const CASES: readonly Case[] = [
  {
    sentence: 'lets the owner of an organization in and tells the handler caller and checked id',
    asks: ({ acme }) => ({ as: 'owner of acme', path: `/orgs/${acme}` }),
    gets: ({ acme, ids }) => ({ seen: { caller: ids['owner of acme'], org: acme } }),
  },
  {
    sentence: 'lets the owner of the instance in everywhere',
    asks: ({ globex }) => ({ as: 'instance owner', path: `/orgs/${globex}` }),
    gets: ({ globex, ids }) => ({ seen: { caller: ids['instance owner'], org: globex } }),
  },
  {
    sentence: 'is content with any one role of a list',
    asks: ({ acme }) => ({ as: 'viewer of acme', path: `/viewed/${acme}` }),
    gets: ({ acme, ids }) => ({ seen: { caller: ids['viewer of acme'], org: acme } }),
  },
  ...bySource,
  {
    sentence: 'compares with an id that is written in the code',
    asks: () => ({ as: 'owner of acme', path: '/literal' }),
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence: 'asks for a role on the instance',
    asks: () => ({ as: 'instance owner', path: '/instance' }),
    gets: ({ ids }) => ({ seen: { caller: ids['instance owner'] } }),
  },
  {
    sentence: 'lets the owner of a project in',
    asks: ({ portal }) => ({ as: 'owner of portal', path: `/projects/${portal}` }),
    gets: ({ portal }) => ({ seen: { project: portal } }),
  },
  {
    sentence: 'lets the owner of the organization that owns the project in, which ZITADEL is asked',
    asks: ({ portal }) => ({ as: 'owner of acme', path: `/projects/${portal}` }),
    gets: ({ portal }) => ({ seen: { project: portal } }),
  },
  {
    sentence: 'lets the owner in where project and organization of the path belong together',
    asks: ({ acme, portal }) => ({ as: 'owner of acme', path: `/orgs/${acme}/projects/${portal}` }),
    gets: ({ acme, portal }) => ({ seen: { org: acme, project: portal } }),
  },
  {
    sentence:
      'denies a project under an organization of which the caller is owner, and which does not own it',
    asks: ({ globex, portal }) => ({
      as: 'owner of globex',
      path: `/orgs/${globex}/projects/${portal}`,
    }),
    gets: () => ({ denied: 'role_missing' }),
  },
  {
    sentence: 'lets the manager of a project grant in, by the id of the grant',
    asks: ({ grant }) => ({ as: 'manager of the grant', path: `/grants/${grant}` }),
    gets: ({ grant }) => ({ seen: { projectGrant: grant } }),
  },
  {
    sentence: 'lets the owner of the granted organization manage the grant',
    asks: ({ grant }) => ({ as: 'owner of globex', path: `/grants/${grant}` }),
    gets: ({ grant }) => ({ seen: { projectGrant: grant } }),
  },
  {
    sentence: 'lets the manager of a project grant in, by project and granted organization',
    asks: ({ globex, portal }) => ({
      as: 'manager of the grant',
      path: `/granted/${globex}/${portal}`,
    }),
    gets: ({ globex, portal }) => ({ seen: { org: globex, project: portal } }),
  },
  {
    sentence: 'denies the granting side the pair of project and granted organization',
    asks: ({ globex, portal }) => ({ as: 'owner of acme', path: `/granted/${globex}/${portal}` }),
    gets: () => ({ denied: 'role_missing' }),
  },
  {
    sentence: 'lets in whoever fulfils one branch of an anyOf',
    asks: ({ acme }) => ({
      as: 'owner of acme',
      path: '/any',
      headers: [['x-zitadel-orgid', acme]],
    }),
    gets: ({ ids }) => ({ seen: { caller: ids['owner of acme'] } }),
  },
  {
    sentence: 'lets in whoever fulfils the other branch, though the request names no organization',
    asks: () => ({ as: 'instance viewer', path: '/any' }),
    gets: ({ ids }) => ({ seen: { caller: ids['instance viewer'] } }),
  },
  {
    sentence: 'answers 400 where no branch allows and one lacks its id',
    asks: () => ({ as: 'owner of acme', path: '/any' }),
    gets: () => ({ denied: 'resource_missing' }),
  },
  {
    sentence:
      'answers 400 where a branch reads something that is no id, though another would allow',
    asks: () => ({ as: 'instance viewer', path: '/any', headers: [['x-zitadel-orgid', '*']] }),
    gets: () => ({ denied: 'resource_invalid' }),
  },
  {
    sentence: 'gives the handler the checked id of the branch that allowed',
    asks: ({ acme }) => ({
      as: 'owner of acme',
      path: '/any-checked',
      headers: [['x-zitadel-orgid', acme]],
    }),
    gets: ({ acme }) => ({ seen: { org: acme } }),
    only: NEST,
  },
  {
    sentence: 'answers 400 where the handler needs an id and the branch that allowed is about none',
    asks: () => ({ as: 'instance viewer', path: '/any-checked' }),
    gets: () => ({ denied: 'resource_missing' }),
    only: NEST,
  },
  {
    sentence: 'fulfils nested requirements branch by branch',
    asks: ({ acme, portal }) => ({
      as: 'owner of acme',
      path: `/nested/${acme}?other=${acme}&projectId=${portal}`,
    }),
    gets: ({ ids }) => ({ seen: { caller: ids['owner of acme'] } }),
  },
  {
    sentence: 'asks for everything that stacked declarations ask for and tells their ids apart',
    asks: ({ acme, globex }) => ({ as: 'instance viewer', path: `/both/${acme}?other=${globex}` }),
    gets: ({ acme, globex }) => ({ seen: { org: acme, other: globex } }),
  },
  {
    sentence: 'denies where one of two stacked declarations does not hold',
    asks: ({ acme, globex }) => ({ as: 'owner of acme', path: `/both/${acme}?other=${globex}` }),
    gets: () => ({ denied: 'role_missing' }),
  },
  {
    sentence: 'denies where the other of two stacked declarations does not hold',
    asks: ({ acme, globex }) => ({ as: 'owner of globex', path: `/both/${acme}?other=${globex}` }),
    gets: () => ({ denied: 'role_missing' }),
  },
  {
    sentence: 'lets the owner in where the answer must be fresh',
    asks: ({ acme }) => ({ as: 'owner of acme', path: `/fresh/${acme}` }),
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence: 'knows roles that an operator added to ZITADEL',
    asks: ({ acme }) => ({ as: 'auditor of acme', path: `/custom/${acme}` }),
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence: 'asks the requirement of a class on each of its methods',
    asks: ({ acme }) => ({ as: 'viewer of acme', path: `/tenants/${acme}` }),
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence: 'asks the requirements of class and method together',
    asks: ({ acme }) => ({ as: 'viewer of acme', method: 'POST', path: `/tenants/${acme}` }),
    gets: () => ({ denied: 'role_missing' }),
  },
  {
    sentence: 'lets in whoever fulfils the requirements of class and method',
    asks: ({ acme }) => ({ as: 'owner of acme', method: 'POST', path: `/tenants/${acme}` }),
    gets: ({ acme }) => ({ seen: { org: acme } }),
  },
  {
    sentence: 'lets any caller in where only a caller is asked for',
    asks: () => ({ as: 'nobody', path: '/me' }),
    gets: ({ ids }) => ({ seen: { caller: ids.nobody } }),
  },
  {
    sentence: 'lets everybody in where a route is public',
    asks: () => ({ path: '/public' }),
    gets: () => ({ seen: {} }),
  },
  {
    sentence: 'does not read the token of a public route, be it good or bad',
    asks: () => ({ path: '/public', authorization: 'Bearer nonsense' }),
    gets: () => ({ seen: {} }),
  },
  {
    sentence: 'denies a route that declares nothing, also to the owner of the instance',
    asks: () => ({ as: 'instance owner', path: '/undeclared' }),
    gets: () => ({ denied: 'not_declared' }),
    only: NEST,
  },
  {
    sentence: 'asks for a token with a bare challenge',
    asks: ({ acme }) => ({ path: `/orgs/${acme}` }),
    gets: () => ({ denied: 'token_missing' }),
  },
  ...['bearer ', 'BEARER ', 'Bearer  ', 'bEaReR    '].map((scheme): Case => ({
    sentence: `lets the owner in whose header begins with '${scheme}'`,
    asks: ({ acme, tokens }) => ({
      path: `/orgs/${acme}`,
      authorization: scheme + tokens['owner of acme'],
    }),
    gets: ({ acme, ids }) => ({ seen: { caller: ids['owner of acme'], org: acme } }),
  })),
  {
    sentence: 'takes another scheme for no token',
    asks: ({ acme }) => ({ path: `/orgs/${acme}`, authorization: 'Basic YTpi' }),
    gets: () => ({ denied: 'token_missing' }),
  },
  {
    sentence: 'refuses a token that is no JWT',
    asks: ({ acme }) => ({ path: `/orgs/${acme}`, authorization: 'Bearer nonsense' }),
    gets: () => ({ denied: 'token_invalid' }),
  },
  {
    sentence: 'refuses a header that holds the same token twice',
    asks: ({ acme, tokens }) => ({
      as: 'owner of acme',
      path: `/orgs/${acme}`,
      headers: [['Authorization', `Bearer ${tokens['owner of acme']}`]],
    }),
    gets: () => ({ denied: 'token_invalid' }),
  },
  {
    sentence: 'answers a missing token before a missing id',
    asks: () => ({ path: '/query' }),
    gets: () => ({ denied: 'token_missing' }),
  },
  ...BEYOND_ROLES,
  ...BY_CALLER,
];
