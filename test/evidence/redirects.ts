import {
  basic,
  clientCredentials,
  introspection,
  jwt,
  key,
  pat,
  permission,
  role,
  org,
  userinfo,
  type ZitadelOptions,
} from 'nestjs-zitadel/express';
import { createZitadel, type Library } from './data-path.js';
import { FaultServer, LINE_HEADER } from './fault-server.js';
import { openWorld, SILENT, type World } from './fault-subjects.js';
import type { Figures } from './proof.js';
import { bodiless } from './strikes.js';
import { openPlaces } from './unreachable.js';

export const about =
  'redirects to another origin, with each credential in hand: not one byte gets there';

const STATUSES = [301, 302, 303, 307, 308] as const;

/** How an address of another origin can be written. */
const LOCATIONS: Readonly<Record<string, (origin: string) => string>> = {
  absolute: (origin) => `${origin}/trap`,
  'without scheme': (origin) => `${origin.replace('http:', '')}/trap`,
  'as a user of it': (origin) => origin.replace('http://', 'http://127.0.0.1@'),
};

/** A credential on its way to the endpoint that is to redirect it. */
interface Journey {
  readonly name: string;
  /** The requests that are redirected. */
  readonly path: RegExp;
  /** Userinfo does not show whom a token is for, so nobody may be named. */
  readonly forAnybody?: true;
  options(world: Keys): Partial<ZitadelOptions>;
  go(library: Library, world: Keys): Promise<unknown>;
}

interface Keys extends World {
  readonly pat: string;
  readonly secret: { readonly clientId: string; readonly clientSecret: string };
}

const requestOf = ({ tokens: [token], orgId }: Keys) => ({
  headers: { authorization: `Bearer ${token}` },
  params: { orgId },
});
const asCaller = async ({ decisions }: Library, world: Keys) =>
  decisions.authorize(requestOf(world), decisions.prepare(role('ORG_OWNER', org.param('orgId'))));
const byPermission = async ({ decisions }: Library, world: Keys) =>
  decisions.authorize(
    requestOf(world),
    decisions.prepare(permission('project.read', org.param('orgId'))),
  );
const list = async ({ projectGrants }: Library, { orgId, projectId }: Keys) => {
  for await (const grant of projectGrants.list({ organizationId: orgId, projectId })) return grant;
  return undefined;
};
const add = ({ projectGrants }: Library, { orgId, projectId, grantedOrgId }: Keys) =>
  projectGrants.add({ organizationId: orgId, projectId, grantedOrgId, roleKeys: ['reader'] });
const reading = ({ orgId, serviceKey }: Keys): Partial<ZitadelOptions> => ({
  callers: jwt({ recheckMs: false }),
  serviceUser: key(serviceKey),
  memberships: { as: 'serviceUser', organizations: [orgId] },
});

const JOURNEYS: readonly Journey[] = [
  {
    name: 'nothing, to discovery',
    path: /openid-configuration/,
    options: () => ({}),
    go: asCaller,
  },
  { name: 'nothing, to the keys', path: /\/keys$/, options: () => ({}), go: asCaller },
  {
    name: 'the caller’s token, to the memberships',
    path: /\/memberships\/me\//,
    options: () => ({ api: 'v1' }),
    go: asCaller,
  },
  {
    name: 'the caller’s token, to the administrators',
    path: /ListAdministrators$/,
    options: () => ({ api: 'v2' }),
    go: asCaller,
  },
  {
    name: 'the caller’s token, to userinfo that knows callers',
    path: /\/userinfo$/,
    forAnybody: true,
    options: () => ({ callers: userinfo() }),
    go: asCaller,
  },
  {
    name: 'the caller’s token, to userinfo that confirms it',
    path: /\/userinfo$/,
    options: (world) => ({ ...reading(world), callers: jwt() }),
    go: asCaller,
  },
  {
    name: 'the caller’s token, to the permissions',
    path: /\/permissions\//,
    options: () => ({}),
    go: byPermission,
  },
  {
    name: 'the service user’s token, to a user’s memberships',
    path: /\/users\/\d+\/memberships\//,
    options: reading,
    go: asCaller,
  },
  {
    name: 'the service user’s assertion, to the token endpoint',
    path: /\/token$/,
    options: reading,
    go: asCaller,
  },
  {
    name: 'the service user’s secret, to the token endpoint',
    path: /\/token$/,
    options: ({ secret }) => ({
      serviceUser: clientCredentials(secret.clientId, secret.clientSecret),
    }),
    go: list,
  },
  ...(['v1', 'v2'] as const).flatMap((api): readonly Journey[] => [
    {
      name: `a personal access token, to the ${api} list of grants`,
      path: /_search$|\/ListProjectGrants$/,
      options: (world) => ({ api, serviceUser: pat(world.pat) }),
      go: list,
    },
    {
      name: `a personal access token, to the ${api} making of a grant`,
      path: /\/grants$|\/CreateProjectGrant$/,
      options: (world) => ({ api, serviceUser: pat(world.pat) }),
      go: add,
    },
  ]),
  {
    name: 'an application’s secret and the caller’s token, to introspection',
    path: /\/introspect$/,
    options: ({ application: { clientId, clientSecret } }) => ({
      callers: introspection(basic(clientId, clientSecret)),
    }),
    go: asCaller,
  },
  {
    name: 'an application’s assertion and the caller’s token, to introspection',
    path: /\/introspect$/,
    options: ({ applicationKey }) => ({ callers: introspection(key(applicationKey)) }),
    go: asCaller,
  },
];

export async function run({
  short,
  progress,
}: {
  short: boolean;
  progress: (text: string) => void;
}): Promise<Figures> {
  const world = await openKeys();
  const server = await FaultServer.start(world.zitadel.url);
  const { trap, close } = await openPlaces(world.zitadel.url);
  let [lines, tried, followed, bare] = [0, 0, 0, 0];
  const travel = async (journey: Journey, status: number, location: string): Promise<void> => {
    const line = `redirect-${(lines += 1)}`;
    let met = 0;
    server.strike(line, ({ path, headers, body }) => {
      if (!journey.path.test(path)) return undefined;
      met += 1;
      const secret = headers['authorization'] ?? body.toString();
      if (!journey.name.startsWith('nothing') && secret === '') bare += 1;
      return bodiless(status, { location, 'content-length': '0' });
    });
    const { audience = [], ...options } = world.zitadel.options({
      internalUrl: server.url,
      logger: SILENT,
      fetch: (url, init) => {
        const headers = { ...(init.headers as Record<string, string>), [LINE_HEADER]: line };
        return fetch(url, { ...init, headers });
      },
      ...journey.options(world),
    });
    const library = createZitadel(journey.forAnybody ? options : { ...options, audience });
    const outcome: unknown = await journey.go(library, world).catch((error: unknown) => error);
    server.heal(line);
    tried += met;
    if (met === 0) throw new Error(`${journey.name}: nothing was redirected`);
    const denied = typeof outcome === 'object' && outcome !== null && 'allowed' in outcome;
    if (denied ? outcome.allowed : !(outcome instanceof Error)) followed += 1;
  };
  try {
    for (const journey of JOURNEYS) {
      const before = tried;
      for (const status of STATUSES) {
        for (const [at, locationOf] of Object.values(LOCATIONS).entries()) {
          if (short && at !== status % 3) continue;
          await travel(journey, status, locationOf(trap.origin));
        }
      }
      progress(`${journey.name}: ${tried - before} redirects, ${trap.bytes()} bytes in the trap`);
    }
    const bytesLeaked = trap.bytes();
    const connections = trap.connections();
    // What follows redirects by itself does fall into the trap.
    server.strike('', () => bodiless(307, { location: trap.origin, 'content-length': '0' }));
    await fetch(server.url, { method: 'POST', body: 'secret' });
    return {
      ok:
        bytesLeaked === 0 &&
        connections === 0 &&
        followed === 0 &&
        bare === 0 &&
        trap.bytes() > 0 &&
        tried >= JOURNEYS.length * STATUSES.length,
      tried,
      bytesLeaked,
      connections,
      followed,
      journeys: JOURNEYS.length,
      control: trap.bytes(),
    };
  } finally {
    await close();
    await server.stop();
    await world.zitadel.stop();
  }
}

async function openKeys(): Promise<Keys> {
  const world = await openWorld();
  const { zitadel } = world;
  const service = zitadel.addServiceUser('with other keys');
  zitadel.addMember(service, 'instance', ['IAM_OWNER']);
  return { ...world, pat: zitadel.patFor(service), secret: zitadel.addSecret(service) };
}
