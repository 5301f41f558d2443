import type { MemberResource } from '../../lib/testing/index.js';
import { DELIVERIES, receivedAsRecorded } from './deliveries.js';
import { type RecordedWorld, basicOf } from './recorded-world.js';
import { entryOf } from './recording.js';
import { signIn, tokenOf } from './sign-in.js';
import { type Scene, refusedVerb, replays, samples, shape, verb } from './step.js';

const ZITADEL_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';
const ROLES_SCOPES = 'urn:zitadel:iam:org:projects:roles urn:zitadel:iam:user:resourceowner';
const IMPERSONATED = 'alice token with act svc-actor';

/** Everything that was recorded, in the order in which it happened. */
export const SCENES: readonly Scene[] = [
  {
    title: 'before anything was set up',
    steps: replays('discovery', range(0, 10)),
  },
  {
    title: 'right after the world was set up',
    steps: [
      verb('builds the world', (world) => {
        world.setUp();
      }),
      verb('asks a token for everybody', askTokens),
      ...replays('memberships', [0]),
      verb('makes frank a member of the grant and of the instance', (world) => {
        const { zitadel } = world;
        const frank = world.user('frank');
        zitadel.addMember(frank, { projectGrant: world.grantId }, ['PROJECT_GRANT_OWNER_VIEWER']);
        zitadel.addMember(frank, 'instance', ['IAM_USER_MANAGER']);
      }),
    ],
  },
  {
    title: 'tokens of service users',
    steps: [
      ...replays('tokens', range(0, 18), (world, { text }, number) => {
        if (number === 0) learnTokens(world, 'alice', text);
      }),
      shape('tokens', 19, labelled('alice token')),
      shape('tokens', 20, labelled('alice id token')),
      shape('tokens', 21, asked('alice token without zitadel audience', 'openid', true)),
      shape('tokens', 22, asked('alice token with no audience', 'openid', false)),
      shape('tokens', 23, labelled('dave token with roles')),
      samples('tokens', 24, { sample: 'olga token', pat: 'alice PAT' }),
    ],
  },
  {
    title: 'a person signs in',
    steps: [
      verb('adds an application to sign in to', (world) => {
        const redirectUris = ['http://localhost:9/callback'];
        const { clientId } = world.zitadel.addApplication(world.portal, { redirectUris });
        world.ids.set('400999956447562790', clientId);
      }),
      ...replays('human', [1], (world, { headers }) => {
        world.labels.set('sign-in page', headers['location'] ?? '');
      }),
      verb('picks a person on the sign-in page', async (world) => {
        const code = await signIn(world, world.labels.get('sign-in page') ?? '');
        const recorded = entryOf('human', 4).request?.form?.['code'] ?? '';
        world.labels.set(recorded.slice(1, -1), code).set('code', code);
      }),
      ...replays('human', [4, 5], (world, { text }, number) => {
        if (number === 4) learnTokens(world, 'hank', text);
      }),
      samples('human', 6, {
        sample: 'hank session token',
        code: 'code',
        refreshToken: 'hank refresh token',
      }),
      shape('human', 7, labelled('hank token')),
      shape('human', 8, labelled('hank id token')),
    ],
  },
  {
    title: 'what a token tells',
    steps: [...replays('userinfo', range(0, 7)), ...replays('introspection', range(0, 14))],
  },
  {
    title: 'reads',
    steps: [
      ...replays('memberships', range(3, 36)),
      ...replays('user-memberships', range(0, 10)),
      ...replays('administrators-v2', range(0, 27)),
      ...replays('permissions', range(0, 6)),
      ...replays('projects', range(0, 7)),
    ],
  },
  {
    title: 'project grants',
    steps: [
      ...replays('grants-v1', range(0, 38)),
      ...replays('grants-v2', range(0, 28)),
      verb('gives gina roles of the granted project', (world) => {
        const options = { org: world.orgs.globex };
        world.zitadel.authorizeUser(
          world.user('gina'),
          world.portal,
          ['reader', 'writer'],
          options,
        );
      }),
      ...replays('grants-v2', [30, 32, 34]),
    ],
  },
  {
    title: 'roles on the wrong resource',
    steps: [
      refusedVerb('memberships', 37, (world) => {
        addOlga(world, { org: world.orgs.acme }, 'IAM_OWNER');
      }),
      refusedVerb('memberships', 38, (world) => {
        addOlga(world, 'instance', 'ORG_OWNER');
      }),
      refusedVerb('memberships', 39, (world) => {
        addOlga(world, { projectGrant: world.grantId }, 'PROJECT_OWNER');
      }),
      verb('adds a member of a project with a role of grants', (world) => {
        addOlga(world, { project: world.other }, 'PROJECT_GRANT_OWNER');
      }),
      ...replays('memberships', [41]),
    ],
  },
  {
    title: 'what is inactive',
    steps: [
      ...replays('inactive', [0, 1, 2, 3]),
      verb('deactivates the project', ({ zitadel, portal }) => {
        zitadel.deactivateProject(portal);
      }),
      ...replays('inactive', [5, 6, 7]),
      verb('deactivates the organization instead', ({ zitadel, portal, orgs }) => {
        zitadel.reactivateProject(portal);
        zitadel.deactivateOrg(orgs.acme);
      }),
      ...replays('inactive', [10, 11, 12]),
      verb('reactivates the organization', ({ zitadel, orgs }) => {
        zitadel.reactivateOrg(orgs.acme);
      }),
    ],
  },
  {
    title: 'a token that somebody else uses',
    steps: [
      verb('makes an impersonator, an application and the token', (world) => {
        const { zitadel, portal, labels } = world;
        const [alice, actor] = [world.user('alice'), world.user('svc-actor')];
        zitadel.addMember(actor, { org: world.orgs.acme }, ['ORG_ADMIN_IMPERSONATOR']);
        const audience = [portal.id];
        labels.set(IMPERSONATED, zitadel.impersonationTokenFor(alice, actor, { audience }));
        labels.set('svc-actor token', zitadel.tokenFor(actor));
        const { clientId } = zitadel.addApplication(portal, { redirectUris: [] });
        labels.set('base64 of exchange client id:client secret', basicOf(clientId, 'secret'));
      }),
      shape('impersonation', 4, labelled(IMPERSONATED)),
      ...replays('impersonation', range(5, 8)),
    ],
  },
  {
    title: 'members that come and go',
    steps: [
      ...replays('webhooks', range(0, 7), (world, { text }, number) => {
        if (number === 0) world.labels.set('signing key', signingKeyIn(text));
      }),
      verb('adds, changes and removes dave everywhere', (world) => {
        const { zitadel, portal } = world;
        const [dave, org] = [world.user('dave'), { org: world.orgs.acme }];
        zitadel.addMember(dave, org, ['ORG_OWNER_VIEWER']);
        zitadel.changeMember(dave, org, ['ORG_OWNER']);
        zitadel.removeMember(dave, org);
        zitadel.addMember(dave, 'instance', ['IAM_OWNER_VIEWER']);
        zitadel.removeMember(dave, 'instance');
        zitadel.addMember(dave, { project: portal }, ['PROJECT_OWNER']);
        zitadel.removeMember(dave, { project: portal });
        zitadel.addMember(dave, { projectGrant: world.grantId }, ['PROJECT_GRANT_OWNER']);
      }),
      verb('removes the grant', ({ zitadel, grantId }) => {
        zitadel.removeGrant(grantId);
      }),
      ...replays('memberships', [42]),
      verb('adds dave again and deactivates him', (world) => {
        const dave = world.user('dave');
        world.zitadel.addMember(dave, { org: world.orgs.acme }, ['ORG_OWNER_VIEWER']);
        world.zitadel.deactivateUser(dave);
      }),
      ...replays('tokens', [25]),
      ...replays('memberships', [43, 44]),
      verb('removes dave', (world) => {
        world.zitadel.removeUser(world.user('dave'));
      }),
      ...replays('tokens', [26]),
      ...replays('memberships', [45, 46]),
      verb('ends the session of hank', (world) => {
        world.zitadel.endSessions(world.user('hank'));
      }),
      ...replays('memberships', [48, 49]),
    ],
  },
  {
    title: 'what was told about all this',
    steps: [
      ...replays('events', range(0, 3)),
      ...replays('webhooks', [20]),
      receivedAsRecorded,
      ...DELIVERIES,
    ],
  },
];

async function askTokens(world: RecordedWorld): Promise<void> {
  const full = `openid profile ${ZITADEL_SCOPE} ${portalScope(world)}`;
  const names = ['bob', 'carol', 'dave', 'frank', 'olga', 'gina', 'svc-acme', 'svc-viewer'];
  for (const name of names) {
    world.labels.set(`${name} token`, await tokenOf(world, name, full));
  }
  const withRoles = `${full} ${ROLES_SCOPES}`;
  world.labels.set('dave token with roles', await tokenOf(world, 'dave', withRoles));
}

function addOlga(world: RecordedWorld, on: MemberResource, role: string): void {
  world.zitadel.addMember(world.user('olga'), on, [role]);
}

function signingKeyIn(text: string): string {
  return (JSON.parse(text) as { readonly signingKey: string }).signingKey;
}

function learnTokens(world: RecordedWorld, name: string, text: string): void {
  const body = JSON.parse(text) as Record<string, string>;
  world.labels.set(`${name} token`, body['access_token'] ?? '');
  world.labels.set(`${name} id token`, body['id_token'] ?? '');
  world.labels.set(`${name} refresh token`, body['refresh_token'] ?? '');
}

function labelled(label: string) {
  return (world: RecordedWorld): string => world.labels.get(label) ?? '';
}

/** Asks a token of alice, which is found under the label from then on. */
function asked(label: string, scope: string, forPortal: boolean) {
  return async (world: RecordedWorld): Promise<string> => {
    const whole = forPortal ? `${scope} ${portalScope(world)}` : scope;
    const token = await tokenOf(world, 'alice', whole);
    world.labels.set(label, token);
    return token;
  };
}

function portalScope(world: RecordedWorld): string {
  return `urn:zitadel:iam:org:project:id:${world.portal.id}:aud`;
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
