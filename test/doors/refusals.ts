// One table: how each reason comes about at a door. A reason without a row does not compile.
import {
  basic,
  clientCredentials,
  introspection,
  key,
  pat,
  userinfo,
  type DenyReason,
  type ZitadelErrorCode,
  type ZitadelOptions,
} from '../../lib/index.js';
import type { Asked } from './answers.js';
import type { DoorName } from './door.js';
import type { World } from '../support/world.js';

/** A situation, and what has to be asked in it. */
export interface Situation {
  readonly asked: Asked;
  readonly options?: Partial<ZitadelOptions>;
}

export interface Refused {
  readonly sentence: string;
  readonly when: (world: World) => Situation;
  /** What the client may read beyond the reason. */
  readonly description?: string;
  /** What the operator must read. */
  readonly logs?: RegExp;
  readonly only?: readonly DoorName[];
}

const NEST: readonly DoorName[] = ['Nest on Express', 'Nest on Fastify'];
const API_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';
const EXPIRED_OR = `revoked, or requested without scope ${API_SCOPE}`;

let people = 0;

/** Somebody new, so that no test lives off what another one left behind. */
export function newcomer({ zitadel, acme }: World, role = 'ORG_OWNER') {
  people += 1;
  const user = zitadel.addUser(`newcomer-${String(people)}`, { org: acme });
  zitadel.addMember(user, { org: acme }, [role]);
  return user;
}

/** A service user that may read memberships in acme. */
export function reader({ zitadel, acme }: World) {
  people += 1;
  const user = zitadel.addServiceUser(`reader-${String(people)}`, { org: acme });
  zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
  return user;
}

const asksWith = ({ acme }: World, token: string): Asked => ({
  path: `/orgs/${acme}`,
  authorization: `Bearer ${token}`,
});

const asServiceUser = ({ acme }: World): Pick<ZitadelOptions, 'memberships'> => ({
  memberships: { as: 'serviceUser', organizations: [acme] },
});

/** Callers are asked about, in the name of an application of the project. */
function asking({ zitadel }: World, secret?: string): Pick<ZitadelOptions, 'callers'> {
  const { clientId, clientSecret } = zitadel.addApiApplication(zitadel.defaultProject);
  return { callers: introspection(basic(clientId, secret ?? clientSecret)) };
}

const ownerAsks = ({ acme }: World): Asked => ({ as: 'owner of acme', path: `/orgs/${acme}` });

export const REFUSED: Readonly<Record<DenyReason, readonly Refused[]>> = {
  unsupported_context: [],
  not_declared: [
    {
      sentence: 'a route declares nothing',
      when: () => ({ asked: { as: 'instance owner', path: '/undeclared' } }),
      only: NEST,
    },
  ],
  token_missing: [
    {
      sentence: 'the request brings no token',
      when: ({ acme }) => ({ asked: { path: `/orgs/${acme}` } }),
    },
    {
      sentence: 'the option token finds none',
      when: (world) => ({ asked: ownerAsks(world), options: { token: () => undefined } }),
    },
    {
      sentence: 'the token stands where nobody looks: query, body and cookie',
      when: ({ acme, tokens }) => {
        const token = tokens['owner of acme'];
        return {
          asked: {
            method: 'POST',
            path: `/body?access_token=${token}`,
            headers: [['Cookie', `access_token=${token}`]],
            body: { orgId: acme, access_token: token },
          },
        };
      },
    },
  ],
  token_invalid: [
    {
      sentence: 'the token is signed by somebody else',
      when: (world) => ({
        asked: asksWith(world, world.zitadel.foreignTokenFor(newcomer(world))),
      }),
    },
    {
      sentence: 'the token is expired, which the client may know',
      when: (world) => ({
        asked: asksWith(world, world.zitadel.expiredTokenFor(newcomer(world))),
      }),
      description: 'the token is expired',
    },
    {
      sentence: 'an opaque token comes where a JWT is expected, and the log says what to set',
      when: (world) => ({ asked: asksWith(world, world.zitadel.opaqueTokenFor(newcomer(world))) }),
      description: 'a JWT access token is expected',
      logs: /^warn token_invalid: .*opaque.*set the application’s token type to JWT, or accept both: callers: \[jwt\(\), introspection\(\.\.\.\)\] or \[jwt\(\), userinfo\(\)\]/m,
    },
    {
      sentence: 'a personal access token comes where a JWT is expected',
      when: (world) => ({ asked: asksWith(world, world.zitadel.patFor(reader(world))) }),
      description: 'a JWT access token is expected',
      logs: /^warn token_invalid: .*personal access token/m,
    },
    {
      sentence: 'an ID token comes where an access token is expected, and the log says so',
      when: (world) => ({ asked: asksWith(world, world.zitadel.idTokenFor(newcomer(world))) }),
      logs: /^warn token_invalid: .*access.?token/m,
    },
    {
      sentence: 'the token is for another project, and the log names the scope',
      when: (world) => ({
        asked: asksWith(
          world,
          world.zitadel.tokenFor(newcomer(world), { audience: [world.portal] }),
        ),
      }),
      logs: /^warn token_invalid: .*another audience.*urn:zitadel:iam:org:project:id:<project id>:aud/m,
    },
    {
      sentence:
        'ZITADEL says of an opaque token that it is not active, and the log says why that may be',
      when: (world) => ({
        asked: asksWith(
          world,
          world.zitadel.opaqueTokenFor(newcomer(world), { audience: [world.portal] }),
        ),
        options: asking(world),
      }),
      description: 'the token is not active',
      logs: /^warn token_invalid: .*not active.*revoked.*urn:zitadel:iam:org:project:id:<project id>:aud/m,
    },
    {
      sentence: 'a function in the option callers knows nobody by the token',
      when: ({ zitadel, acme }) => ({
        asked: { path: `/orgs/${acme}`, authorization: `Bearer ${zitadel.issuer.length}` },
        options: { callers: () => null, audience: undefined as never },
      }),
    },
  ],
  impersonated: [
    {
      sentence: 'somebody acts as the user',
      when: (world) => ({
        asked: asksWith(
          world,
          world.zitadel.impersonationTokenFor(newcomer(world), newcomer(world)),
        ),
      }),
      logs: /^warn impersonated: .*allowImpersonation/m,
    },
  ],
  token_rejected: [
    {
      sentence: 'the token is revoked',
      when: (world) => {
        const token = world.zitadel.tokenFor(newcomer(world));
        world.zitadel.revokeToken(token);
        return { asked: asksWith(world, token) };
      },
      description: EXPIRED_OR,
    },
    {
      sentence:
        'the token was requested without the ZITADEL audience: answer and log name the scope',
      when: (world) => ({
        asked: asksWith(world, world.zitadel.tokenFor(newcomer(world), { zitadelAudience: false })),
      }),
      description: EXPIRED_OR,
      logs: new RegExp(`^warn token_rejected: .*AUTH-7fs1e.*without the scope ${API_SCOPE}`, 'm'),
    },
    {
      sentence: 'the user is deactivated',
      when: (world) => {
        const user = newcomer(world);
        const token = world.zitadel.tokenFor(user);
        world.zitadel.deactivateUser(user);
        return { asked: asksWith(world, token) };
      },
      description: EXPIRED_OR,
    },
    {
      sentence: 'the user is removed',
      when: (world) => {
        const user = newcomer(world);
        const token = world.zitadel.tokenFor(user);
        world.zitadel.removeUser(user);
        return { asked: asksWith(world, token) };
      },
      description: EXPIRED_OR,
    },
    {
      sentence: 'userinfo refuses the token',
      when: (world) => ({
        asked: asksWith(world, world.zitadel.sessionTokenFor(newcomer(world))),
        options: { callers: userinfo(), audience: undefined as never },
      }),
      description: 'expired, revoked, or not an access token',
      logs: /^warn token_rejected: userinfo: .*not an access token/m,
    },
    {
      sentence: 'the session is over and memberships are read as the service user',
      when: (world) => {
        const user = newcomer(world);
        const token = world.zitadel.tokenFor(user);
        world.zitadel.endSessions(user);
        return {
          asked: asksWith(world, token),
          options: {
            ...asServiceUser(world),
            serviceUser: pat(world.zitadel.patFor(reader(world))),
          },
        };
      },
      description: EXPIRED_OR,
    },
  ],
  mfa_required: [
    {
      sentence: 'the login policy asks for a second factor',
      when: (world) => {
        const user = newcomer(world);
        world.zitadel.requireMfa(user);
        return { asked: asksWith(world, world.zitadel.tokenFor(user)) };
      },
      logs: /^warn mfa_required: .*second factor/m,
    },
  ],
  resource_invalid: [
    {
      sentence: 'the request names the resource by something that is no id',
      when: () => ({ asked: { as: 'instance owner', path: '/orgs/acme' } }),
    },
    {
      sentence: 'the id does not match the option idPattern',
      when: () => ({
        asked: { as: 'instance owner', path: '/orgs/12345678' },
        options: { idPattern: /[0-9]{18}/ },
      }),
    },
    {
      sentence: 'the id is longer than 200 characters, whatever idPattern allows',
      when: () => ({
        asked: { as: 'instance owner', path: `/query?orgId=${'1'.repeat(201)}` },
        options: { idPattern: /[0-9]+/ },
      }),
    },
  ],
  resource_missing: [
    {
      sentence: 'the request does not name the resource',
      when: () => ({ asked: { as: 'owner of acme', path: '/query' } }),
    },
  ],
  role_missing: [
    {
      sentence: 'code of the application finds no such resource',
      when: () => ({ asked: { as: 'owner of acme', path: '/function' } }),
    },
    {
      sentence: 'the caller lacks the role',
      when: ({ globex }) => ({ asked: { as: 'owner of acme', path: `/orgs/${globex}` } }),
      logs: /^warn role_missing: .*\(user \d+\): the route asks for ORG_OWNER on org param orgId: make the user a manager there.*\ndebug role_missing: user \d+ on ORG_OWNER on org param orgId$/m,
    },
    {
      sentence: 'the organization is none of those that the service user reads',
      when: (world) => ({
        asked: { as: 'owner of globex', path: `/orgs/${world.globex}` },
        options: {
          ...asServiceUser(world),
          serviceUser: pat(world.zitadel.patFor(reader(world))),
        },
      }),
    },
  ],
  permission_missing: [
    {
      sentence: 'ZITADEL says that the caller may not',
      when: ({ acme }) => ({ asked: { as: 'viewer of acme', path: `/permitted/${acme}` } }),
    },
  ],
  project_role_missing: [
    {
      sentence: 'the token names no role of the project',
      when: ({ acme }) => ({ asked: { as: 'owner of acme', path: `/readers/${acme}` } }),
    },
  ],
  organization_not_accepted: [
    {
      sentence: 'the caller is at home elsewhere, or nowhere that the token says',
      when: () => ({ asked: { as: 'owner of acme', path: '/at-home' } }),
    },
  ],
  unavailable: [
    {
      sentence: 'the option callers throws',
      when: (world) => ({
        asked: ownerAsks(world),
        options: {
          callers: () => {
            throw new Error('our database is down');
          },
          audience: undefined as never,
        },
      }),
      logs: /^warn unavailable: .*option callers/m,
    },
    {
      sentence: 'the option token throws',
      when: (world) => ({
        asked: ownerAsks(world),
        options: {
          token: () => {
            throw new Error('our session store is down');
          },
        },
      }),
      logs: /^warn unavailable: .*option token/m,
    },
    {
      sentence: 'the option projectOwner rejects',
      when: ({ unknown }) => ({
        asked: { as: 'owner of acme', path: `/projects/${unknown}` },
        options: { projectOwner: () => Promise.reject(new Error('our database is down')) },
      }),
      logs: /^warn unavailable: .*projectOwner/m,
    },
    {
      sentence: 'the option memberships.organizations rejects',
      when: (world) => ({
        asked: ownerAsks(world),
        options: {
          memberships: {
            as: 'serviceUser',
            organizations: () => Promise.reject(new Error('our database is down')),
          },
          serviceUser: pat(world.zitadel.patFor(reader(world))),
        },
      }),
      logs: /^warn unavailable: .*organizations/m,
    },
  ],
  misconfigured: [
    {
      sentence: 'the service user has no right where it reads, and the log says which to give',
      when: (world) => ({
        asked: ownerAsks(world),
        options: {
          ...asServiceUser(world),
          serviceUser: pat(
            world.zitadel.patFor(
              world.zitadel.addServiceUser(`without rights ${String((people += 1))}`),
            ),
          ),
        },
      }),
      logs: /^error misconfigured: .*AUTHZ-cdgFk.*give the service user a manager role \(ORG_OWNER_VIEWER is enough\)/m,
    },
    {
      sentence: 'the service user is gone, and the log says where to look',
      when: (world) => {
        const user = reader(world);
        const file = world.zitadel.addKey(user);
        world.zitadel.removeUser(user);
        return {
          asked: ownerAsks(world),
          options: { ...asServiceUser(world), serviceUser: key(file) },
        };
      },
      logs: /^error misconfigured: .*token of the service user: ZITADEL answered 400.*removed user/m,
    },
    {
      sentence: 'the client secret of the service user is wrong',
      when: (world) => {
        const { clientId } = world.zitadel.addSecret(reader(world));
        return {
          asked: ownerAsks(world),
          options: {
            ...asServiceUser(world),
            serviceUser: clientCredentials(clientId, 'something-else'),
          },
        };
      },
      logs: /^error misconfigured: .*check the client id and secret/m,
    },
    {
      sentence: 'the personal access token of the service user is refused',
      when: (world) => {
        const user = reader(world);
        const token = world.zitadel.patFor(user);
        world.zitadel.deactivateUser(user);
        return {
          asked: ownerAsks(world),
          options: { ...asServiceUser(world), serviceUser: pat(token) },
        };
      },
      logs: /^error misconfigured: .*look whether the service user is active/m,
    },
    {
      sentence:
        'the application that introspects has another secret, and the log says where to look',
      when: (world) => ({
        asked: asksWith(world, world.zitadel.opaqueTokenFor(newcomer(world))),
        options: asking(world, 'something-else'),
      }),
      logs: /^error misconfigured: introspection: ZITADEL answered 400 unauthorized_client.*secret of basic\(\) may be wrong/m,
    },
    {
      sentence: 'an organization that is to be read does not exist',
      when: (world) => ({
        asked: ownerAsks(world),
        options: {
          memberships: { as: 'serviceUser', organizations: [world.unknown] },
          serviceUser: pat(world.zitadel.patFor(reader(world))),
        },
      }),
      logs: /^error misconfigured: .*check memberships\.organizations/m,
    },
    {
      sentence: 'the option callers answers nobody in particular',
      when: (world) => ({
        asked: ownerAsks(world),
        options: { callers: () => ({ userId: '', claims: {} }), audience: undefined as never },
      }),
      logs: /^error misconfigured: .*did not return a user id/m,
    },
    {
      sentence: 'the option projectOwner answers something that is no id',
      when: ({ unknown }) => ({
        asked: { as: 'owner of acme', path: `/projects/${unknown}` },
        options: { projectOwner: () => Promise.resolve('acme') },
      }),
      logs: /^error misconfigured: .*projectOwner/m,
    },
    {
      sentence: 'the token does not say the organization that is asked for, and the log says why',
      when: () => ({ asked: { as: 'owner of acme', path: '/own' } }),
      logs: /^error misconfigured: the token does not say.*scope urn:zitadel:iam:user:resourceowner/m,
    },
    {
      sentence: 'no instance answers under the issuer’s name, and the log says what issuer must be',
      when: (world) => ({
        asked: asksWith(
          world,
          world.zitadel.tokenFor(newcomer(world), {
            claims: { iss: world.zitadel.url.replace('127.0.0.1', 'localhost') },
          }),
        ),
        options: { issuer: world.zitadel.url.replace('127.0.0.1', 'localhost') },
      }),
      logs: /^error misconfigured: .*no instance under this host: issuer must be the external origin/m,
    },
  ],
};

/** How each code of an error comes about behind a door. A code without a row does not compile. */
export const CODES: Readonly<
  Record<
    ZitadelErrorCode,
    {
      readonly sentence: string;
      readonly when: (world: World) => Situation;
      readonly says: RegExp;
      readonly only?: readonly DoorName[];
    }
  >
> = {
  options_invalid: {
    sentence: 'a key file has no private key',
    when: ({ portal }) => ({
      asked: service('key', { type: 'serviceaccount', keyId: portal, userId: portal }),
    }),
    says: /^serviceUser: the key file has no private key/,
  },
  argument_invalid: {
    sentence: 'an id from the request is none, and nothing is sent',
    when: (world) => ({
      asked: service('add', { ...grantOf(world), projectId: '../2' }),
      options: granting(world),
    }),
    says: /projectId is not a valid id/,
  },
  requirement_invalid: {
    sentence: 'a service asks about a parameter of a request that it does not have',
    when: () => ({ asked: service('ask-by-param', {}) }),
    says: /only literal ids/,
  },
  not_allowed: {
    sentence: 'a service asks in the name of a caller whose token is revoked by now',
    when: () => ({ asked: service('ask-anew', {}) }),
    says: /^token_rejected/,
    // In Nest it is an HttpException, which needs no handler that tells it.
    only: ['Express'],
  },
  zitadel_refused: {
    sentence: 'ZITADEL refuses, with its error id and what to do',
    when: (world) => ({
      asked: service('add', { ...grantOf(world), roleKeys: ['nonsense'] }),
      options: granting(world),
    }),
    says: /COMMAND-6m9gd; a role key does not exist on the project/,
  },
  zitadel_unavailable: {
    sentence: 'ZITADEL gives no usable answer',
    when: (world) => {
      world.zitadel.failNext('addGrant', 503);
      return { asked: service('add', grantOf(world)), options: granting(world) };
    },
    says: /ZITADEL answered 503; try again later/,
  },
  service_user_refused: {
    sentence: 'there is no service user, and the error says how to set one up',
    when: (world) => ({ asked: service('add', grantOf(world)) }),
    says: /give the option serviceUser/,
  },
  grant_not_settled: {
    sentence: 'ZITADEL says that a grant exists and does not show it for ten seconds',
    when: (world) => {
      const { zitadel, globex } = world;
      const project = zitadel.addProject(`held back ${String((people += 1))}`, {
        org: world.acme,
        roles: ['reader'],
      });
      zitadel.holdReads();
      zitadel.grantProject(project, globex, ['reader']);
      return {
        asked: service('ensure', { ...grantOf(world), projectId: project.id }),
        options: granting(world),
      };
    },
    says: /does not show it/,
  },
};

function service(name: string, body: unknown): Asked {
  return { as: 'owner of acme', method: 'POST', path: `/service/${name}`, body };
}

function grantOf({ acme, globex, portal }: World) {
  return {
    organizationId: acme,
    projectId: portal,
    grantedOrgId: globex,
    roleKeys: ['reader'],
  };
}

function granting(world: World): Partial<ZitadelOptions> {
  return { serviceUser: pat(world.zitadel.patFor(reader(world))) };
}
