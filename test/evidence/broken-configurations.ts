import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { examine, type Examination } from '#dist/doctor/examine.js';
import type { Finding } from '#dist/doctor/finding.js';
import { runCommand } from '#dist/bin/commands.js';
import {
  basic,
  clientCredentials,
  introspection,
  jwt,
  key,
  pat,
  userinfo,
  type MessageBus,
  type ZitadelOptions,
} from 'nestjs-zitadel';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { quietTerminal } from '../support/terminal.js';

/** A configuration, and what the doctor must say of it. */
interface Broken {
  readonly name: string;
  readonly id: string;
  /** What the remedy must name. */
  readonly remedy: RegExp;
  readonly given: (world: World) => Given | Promise<Given>;
  /** What else is wrong in it. */
  readonly also?: string;
}

type Given = { readonly options: unknown } & Partial<Omit<Examination, 'options'>>;

interface World {
  readonly zitadel: ZitadelEmulator;
  /** Another one, which is reached by its issuer. */
  readonly plain: ZitadelEmulator;
  /** Options of an application that reaches the instance by a proxy. */
  readonly inside: ZitadelOptions;
  /** What the proxy does until the case is over. */
  bend(bending: Bending): void;
  readonly acme: string;
  readonly alice: string;
  /** An IAM_OWNER_VIEWER. */
  readonly reader: string;
  /** A service user without any role. */
  readonly nobody: string;
  /** A personal access token of an IAM_OWNER of the plain one. */
  readonly admin: string;
  readonly api: { readonly clientId: string; readonly clientSecret: string };
}

/** What a proxy changes. Undefined: it passes on what came. */
type Bending = (
  path: string,
  body: string,
  headers: IncomingHttpHeaders,
) => Partial<Reply> | undefined;

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const ISSUER = 'https://acme.example';
/** A busy machine is no slow ZITADEL. */
const PATIENT = { timeoutMs: 60_000, budgetMs: 60_000 };
const DISCOVERY = '/.well-known/openid-configuration';

/** A proxy that names another issuer than ZITADEL does. */
const naming =
  (issuer: string): Bending =>
  (path, body) =>
    path === DISCOVERY
      ? { body: JSON.stringify({ ...(JSON.parse(body) as object), issuer }) }
      : undefined;

const everywhere =
  (reply: Partial<Reply>): Bending =>
  () =>
    reply;
const on = (start: string, reply: Partial<Reply>): Bending => {
  return (path) => (path.startsWith(start) ? reply : undefined);
};
const dated = (seconds: number): Bending =>
  everywhere({ headers: { date: new Date(Date.now() + seconds * 1_000).toUTCString() } });

const asReader = { memberships: { as: 'serviceUser' } } as const;

const failing = (code: string) => () =>
  Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(), { code }) }));

/** A bus that loses every message. */
const DEAF: MessageBus = { publish: () => undefined, subscribe: () => undefined };

const CASES: readonly Broken[] = [
  // What is refused before anything is built.
  broken(
    'a trailing slash in issuer',
    'options.invalid',
    /without path and trailing slash/,
    () => ({
      options: { issuer: `${ISSUER}/`, audience: '7' },
    }),
  ),
  broken(
    'no audience',
    'options.invalid',
    /project id/,
    ({ inside: { audience: _audience, ...rest } }) => ({
      options: rest,
    }),
  ),
  broken('an option that does not exist', 'options.invalid', /audience/, ({ inside }) => ({
    options: { ...inside, audiance: '7' },
  })),
  broken('no service user where it reads', 'options.invalid', /keyFile/, ({ inside }) => ({
    options: { ...inside, ...asReader },
  })),
  {
    name: 'plain http to another host',
    id: 'options.invalid',
    remedy: /https/,
    given: ({ inside: { audience = '' } }) => ({
      options: { issuer: 'http://acme.example', audience, fetch: failing('ECONNREFUSED') },
    }),
    also: 'issuer.unreachable',
  },
  broken('the key of a service user to introspect', 'options.invalid', /application/, (world) => ({
    options: { ...world.inside, callers: introspection(key(world.reader) as never) },
  })),
  broken('an audience that nothing checks', 'options.invalid', /no audience/, ({ inside }) => ({
    options: { ...inside, callers: userinfo() },
  })),
  broken('a budget below the timeout', 'options.invalid', /at least timeoutMs/, ({ inside }) => ({
    options: { ...inside, timeoutMs: 5_000, budgetMs: 1_000 },
  })),
  // How the instance is reached, and what it is called.
  broken('nothing listens', 'issuer.unreachable', /host and port/, ({ inside }) => ({
    options: { ...inside, internalUrl: 'http://127.0.0.1:1' },
  })),
  broken('a name without an address', 'issuer.name', /DNS/, ({ inside }) => ({
    options: { ...inside, fetch: failing('ENOTFOUND') },
  })),
  broken('an unknown authority', 'issuer.certificate', /NODE_EXTRA_CA_CERTS/, ({ inside }) => ({
    options: { ...inside, fetch: failing('SELF_SIGNED_CERT_IN_CHAIN') },
  })),
  broken('https to a port with http', 'issuer.tls', /http/, ({ inside }) => ({
    options: { ...inside, fetch: failing('ERR_SSL_WRONG_VERSION_NUMBER') },
  })),
  bent('a redirect', 'issuer.redirect', /https:\/\/login\.example/, () =>
    everywhere({ status: 301, headers: { location: 'https://login.example/x' } }),
  ),
  bent('a page of a proxy', 'issuer.not-zitadel', /proxy or firewall/, () =>
    everywhere({ status: 403, body: '<html>Forbidden</html>' }),
  ),
  bent('a gateway without a ZITADEL', 'issuer.failing', /log of ZITADEL/, () =>
    everywhere({ status: 502, body: '<html>Bad Gateway</html>' }),
  ),
  broken('a host of no instance', 'issuer.no-instance', /ExternalDomain/, ({ zitadel }) => ({
    options: { issuer: zitadel.url, audience: '7' },
  })),
  bent('a port in the issuer', 'issuer.port', /acme\.example:443/, () => naming(`${ISSUER}:443`)),
  bent('http in the issuer', 'issuer.scheme', /ExternalSecure/, () =>
    naming('http://acme.example'),
  ),
  bent('headers that are dropped', 'issuer.headers', /x-zitadel-instance-host/, ({ inside }) =>
    naming(inside.internalUrl ?? ''),
  ),
  bent('another instance', 'issuer.other', /https:\/\/other\.example/, () =>
    naming('https://other.example'),
  ),
  bent('a slash that is no ZITADEL’s', 'issuer.trailing-slash', /look at what replies/, () =>
    naming(`${ISSUER}/`),
  ),
  bent('keys of somebody else', 'issuer.endpoints', /look at what replies/, () => (path, body) => {
    const keys = { jwks_uri: 'https://elsewhere.example/keys' };
    return path === DISCOVERY
      ? { body: JSON.stringify({ ...(JSON.parse(body) as object), ...keys }) }
      : undefined;
  }),
  broken('a ZITADEL that is slower than timeoutMs', 'issuer.slow', /timeoutMs/, (world) => {
    world.zitadel.delay('discovery', 60);
    return { options: { ...world.inside, timeoutMs: 30 } };
  }),
  // Clocks and keys.
  bent('a clock that is behind', 'clock.behind', /NTP/, () => dated(120)),
  broken('a clock that is ahead of a key', 'clock.ahead', /NTP/, (world) => {
    world.bend(dated(-600));
    return { options: { ...world.inside, ...asReader, serviceUser: key(world.reader) } };
  }),
  bent('no keys', 'keys.unusable', /public keys/, () =>
    on('/oauth/v2/keys', { body: '{"keys":[]}' }),
  ),
  bent('private keys', 'keys.unusable', /public keys/, () =>
    on('/oauth/v2/keys', { body: '{"keys":[{"kid":"1","alg":"RS256","kty":"RSA","d":"x"}]}' }),
  ),
  // Which API is served.
  broken('organizations where only v2 is', 'api.no-v1', /leave out memberships\.org/, (world) => {
    world.zitadel.serveApis('v2');
    const memberships = { as: 'serviceUser', organizations: [world.acme] } as const;
    return { options: { ...world.inside, memberships, serviceUser: key(world.reader) } };
  }),
  broken('an instance reader where only v1 is', 'api.no-v2', /name the organizations/, (world) => {
    world.zitadel.serveApis('v1');
    return { options: { ...world.inside, ...asReader, serviceUser: key(world.reader) } };
  }),
  broken("api: 'v1' where it is gone", 'api.no-v1', /leave out the option api/, (world) => {
    world.zitadel.serveApis('v2');
    return { options: { ...world.inside, api: 'v1' } };
  }),
  bent('a gateway that keeps the APIs back', 'api.none', /\/auth\//, () => (path) => {
    return /^\/(auth|zitadel\.)/.test(path) ? { status: 403, body: 'no' } : undefined;
  }),
  broken('a server with short lists', 'api.short-lists', /MaxQueryLimit/, (world) => {
    world.zitadel.limitQueries({ max: 100 });
    return { options: { ...world.inside, ...asReader, serviceUser: key(world.reader) } };
  }),
  // The service user, and the API application.
  broken(
    'a client secret that is wrong',
    'service-user.refused',
    /client id and secret/,
    (world) => ({
      options: {
        ...world.inside,
        ...asReader,
        serviceUser: clientCredentials('reader', 'not the secret'),
      },
    }),
  ),
  broken('a token that is gone', 'service-user.refused', /new token or key/, (world) => ({
    options: { ...world.inside, ...asReader, serviceUser: pat('gone') },
  })),
  broken(
    'a reader without the instance',
    'service-user.reads-less',
    /IAM_OWNER_VIEWER/,
    (world) => ({
      options: { ...world.inside, ...asReader, serviceUser: key(world.nobody) },
    }),
  ),
  broken(
    'a reader without an organization',
    'service-user.organization',
    /ORG_OWNER_VIEWER/,
    (world) => ({
      options: {
        ...world.inside,
        memberships: { as: 'serviceUser', organizations: [world.acme] },
        serviceUser: key(world.nobody),
      },
    }),
  ),
  broken(
    'nobody who sees what is inactive',
    'service-user.states',
    /IAM_OWNER_VIEWER/,
    (world) => ({
      options: {
        ...world.inside,
        memberships: { as: 'caller', inactive: 'deny' },
        serviceUser: key(world.nobody),
      },
    }),
  ),
  broken(
    'nobody who sees authorizations',
    'service-user.project-roles',
    /ORG_OWNER_VIEWER/,
    (world) => ({
      options: { ...world.inside, projectRoles: 'api', serviceUser: key(world.nobody) },
    }),
  ),
  broken(
    'the secret of another application',
    'introspection.refused',
    /client id and secret/,
    (world) => ({
      options: { ...world.inside, callers: introspection(basic(world.api.clientId, 'wrong')) },
    }),
  ),
  // The token of a caller.
  withToken(
    'a token for another project',
    'token.refused',
    /project:id:<project id>:aud/,
    (world) => world.zitadel.tokenFor(world.alice, { audience: ['1'] }),
  ),
  withToken('a token that is over', 'token.refused', /get a new token/, ({ zitadel, alice }) =>
    zitadel.expiredTokenFor(alice),
  ),
  withToken('an ID token', 'token.refused', /access_token/, ({ zitadel, alice }) =>
    zitadel.idTokenFor(alice),
  ),
  withToken('an opaque token', 'token.refused', /token type to JWT/, ({ zitadel, alice }) =>
    zitadel.opaqueTokenFor(alice),
  ),
  withToken('a token without the scope', 'token.scope', /project:id:zitadel:aud/, (world) =>
    world.zitadel.tokenFor(world.alice, { zitadelAudience: false }),
  ),
  // Events and Redis.
  broken('no target for events', 'events.no-target', /events setup/, (world) => ({
    options: world.plain.options({
      ...PATIENT,
      events: { signingKeys: 'abc' },
    }),
    adminToken: world.admin,
  })),
  broken('another signing key', 'events.key', /events setup --rotate/, async (world) => {
    await setUpEvents(world);
    return {
      options: world.plain.options({ ...PATIENT, events: { signingKeys: 'abc' } }),
      adminToken: world.admin,
    };
  }),
  broken('half of the executions', 'events.executions', /events setup/, async (world) => {
    const signingKeys = await setUpEvents(world);
    const api = `${world.plain.url}/v2/actions/executions`;
    const headers = {
      authorization: `Bearer ${world.admin}`,
      'content-type': 'application/json',
    };
    const condition = { event: { event: 'org.member.removed' } };
    const body = JSON.stringify({ condition, targets: [] });
    await fetch(api, { method: 'PUT', headers, body });
    return {
      options: world.plain.options({ ...PATIENT, events: { signingKeys } }),
      adminToken: world.admin,
    };
  }),
  broken(
    'a tail without a right',
    'events.tail-refused',
    /IAM_OWNER_VIEWER/,
    ({ inside, nobody }) => ({
      options: { ...inside, events: { tail: { serviceUser: key(nobody) } } },
    }),
  ),
  broken('a Redis that is not there', 'redis.unreachable', /REDIS_URL/, ({ inside }) => ({
    options: {
      ...inside,
      redis: {
        duplicate: () => undefined,
        publish: failing('ECONNREFUSED'),
        sendCommand: failing('ECONNREFUSED'),
      },
    },
  })),
  broken('a bus that loses messages', 'redis.silent', /publish and subscribe/, ({ inside }) => ({
    options: { ...inside, redis: DEAF },
    deadlineMs: 5_000,
  })),
];

function broken(name: string, id: string, remedy: RegExp, given: Broken['given']): Broken {
  return { name, id, remedy, given };
}

/** Good options, and a proxy that changes something. */
function bent(name: string, id: string, remedy: RegExp, how: (world: World) => Bending): Broken {
  return broken(name, id, remedy, (world) => {
    world.bend(how(world));
    return { options: world.inside };
  });
}

/** Good options, and a token that does not count. */
function withToken(
  name: string,
  id: string,
  remedy: RegExp,
  token: (world: World) => string,
): Broken {
  return broken(name, id, remedy, (world) => ({ options: world.inside, token: token(world) }));
}

/** Configurations in which nothing is wrong. */
const GOOD: readonly { readonly name: string; readonly given: Broken['given'] }[] = [
  {
    name: 'jwt() as the caller',
    given: ({ plain }) => ({
      options: plain.options({
        ...PATIENT,
        callers: jwt(),
      }),
      token: plain.tokenFor(plain.addUser('jwt')),
    }),
  },
  {
    name: 'the service user reads',
    given: ({ inside, reader, zitadel, alice }) => ({
      options: { ...inside, ...asReader, serviceUser: key(reader) },
      token: zitadel.tokenFor(alice),
    }),
  },
  {
    name: 'introspection',
    given: ({ inside, api, zitadel, alice }) => ({
      options: { ...inside, callers: introspection(basic(api.clientId, api.clientSecret)) },
      token: zitadel.opaqueTokenFor(alice),
    }),
  },
  {
    name: 'behind a proxy',
    given: ({ inside, zitadel, alice }) => ({ options: inside, token: zitadel.tokenFor(alice) }),
  },
  {
    name: 'events and a bus',
    given: async (world) => {
      const signingKeys = await setUpEvents(world);
      return {
        options: world.plain.options({
          ...PATIENT,
          events: { signingKeys, tail: { serviceUser: pat(world.admin) } },
          redis: busInMemory(),
        }),
        adminToken: world.admin,
      };
    },
  },
];

function busInMemory(): MessageBus {
  const listeners = new Map<string, (message?: string) => void>();
  return {
    publish: (channel, message) => listeners.get(channel)?.(message),
    subscribe: (channel, listener) => void listeners.set(channel, listener),
  };
}

/** What `events setup` makes. Returns a new signing key. */
async function setUpEvents({ plain, admin }: World): Promise<string> {
  const env = { ZITADEL_URL: plain.url, ZITADEL_PAT: admin };
  let key = '';
  for (const args of [['--endpoint', 'https://app.example/zitadel/events'], ['--rotate']]) {
    const { terminal, said } = quietTerminal({ env });
    const code = await runCommand(['events', 'setup', ...args, '--yes'], terminal);
    if (code !== 0) throw new Error(`events could not be set up: ${said().told}`);
    key = said().out;
  }
  return key.trim();
}

/** Passes requests on to the emulator, and bends what comes back. */
async function startProxy(target: string, bending: () => Bending | undefined) {
  const server = createServer((request, response) => {
    const { url: path = '', method = 'GET' } = request;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers;
      const sent = {
        method,
        headers: headers as Record<string, string>,
        ...(method === 'POST' && { body: Buffer.concat(chunks).toString() }),
      };
      void fetch(target + path, sent).then(async (reply) => {
        const text = await reply.text();
        const bent = bending()?.(path, text, request.headers) ?? {};
        const type = reply.headers.get('content-type') ?? 'application/json';
        response.writeHead(bent.status ?? reply.status, { 'content-type': type, ...bent.headers });
        response.end(bent.body ?? text);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Runs the doctor on broken configurations, and on good ones. `progress` hears of each that is not told as it should be. */
export async function brokenConfigurations(
  progress: (text: string) => void = () => undefined,
): Promise<{ broken: number; named: number; falseAlarms: number }> {
  const zitadel = await ZitadelEmulator.start({ issuer: ISSUER });
  const plain = await ZitadelEmulator.start();
  let bending: Bending | undefined;
  const proxy = await startProxy(zitadel.url, () => bending);
  try {
    const reader = zitadel.addServiceUser('reader');
    zitadel.addMember(reader, 'instance', ['IAM_OWNER_VIEWER']);
    const admin = plain.addServiceUser('admin');
    plain.addMember(admin, 'instance', ['IAM_OWNER']);
    const acme = zitadel.addOrg('acme').id;
    const alice = zitadel.addUser('alice');
    const world: World = {
      zitadel,
      plain,
      inside: zitadel.options({ internalUrl: proxy.url, ...PATIENT }),
      bend: (how) => (bending = how),
      acme,
      alice: alice.id,
      reader: zitadel.addKey(reader),
      nobody: zitadel.addKey(zitadel.addServiceUser('nobody')),
      admin: plain.patFor(admin),
      api: zitadel.addApiApplication(zitadel.defaultProject),
    };
    const findings = async (given: Given): Promise<readonly Finding[]> => {
      const stop = new AbortController().signal;
      const options = given.options as Examination['options'];
      return examine({ deadlineMs: 60_000, stop, ...given, options });
    };
    let named = 0;
    for (const { name, id, remedy, given, also } of CASES) {
      const found = await findings(await given(world));
      bending = undefined;
      zitadel.heal();
      zitadel.serveApis('both');
      zitadel.limitQueries({});
      const wanted = found.find((each) => each.id === id && each.level !== 'ok');
      const isNamed = wanted !== undefined && wanted.level !== 'ok' && remedy.test(wanted.remedy);
      // Another "wrong" would send whoever reads it the wrong way.
      const others = found.filter(
        (each) => each.level === 'wrong' && each.id !== id && each.id !== also,
      );
      if (isNamed && others.length === 0) named += 1;
      else progress(`${name}: ${JSON.stringify(isNamed ? others : found)}`);
    }
    let falseAlarms = 0;
    for (const { name, given } of GOOD) {
      const alarms = (await findings(await given(world))).filter(({ level }) => level !== 'ok');
      if (alarms.length > 0) progress(`${name}: ${JSON.stringify(alarms)}`);
      falseAlarms += alarms.length;
    }
    return { broken: CASES.length, named, falseAlarms };
  } finally {
    await Promise.all([proxy.close(), zitadel.stop(), plain.stop()]);
  }
}
