import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  basic,
  clientCredentials,
  denialAnswer,
  introspection,
  jwt,
  key,
  keyFile,
  org,
  pat,
  permission,
  project,
  projectGrant,
  role,
  userinfo,
  type Caller,
  type Decision,
  type Requirement,
  type SharedCache,
  type ZitadelOptions,
} from 'nestjs-zitadel/express';
import { ZitadelEmulator, type EndpointName, type Fault } from 'nestjs-zitadel/testing';
import { createZitadel, type Library } from './data-path.js';
import { registerSent, type SecretWatch } from './secret-watch.js';

const SHARED_SECRET = 'canary-of-the-shared-store-6f0b3a9d17c2e485';

/** A world whose every secret is known. */
export interface SecretWorld {
  readonly zitadel: ZitadelEmulator;
  readonly acme: string;
  readonly globex: string;
  readonly portal: string;
  readonly grant: string;
  readonly alice: string;
  /** Of alice, who owns acme: what she can prove herself with. */
  readonly tokens: Readonly<
    Record<'jwt' | 'opaque' | 'expired' | 'foreign' | 'id' | 'session', string>
  >;
  /** Of a service user that owns acme and views the instance. */
  readonly service: {
    readonly pat: string;
    readonly key: string;
    readonly keyPath: string;
    readonly client: { readonly clientId: string; readonly clientSecret: string };
  };
  /** Of an application that introspects. */
  readonly application: {
    readonly key: string;
    readonly client: { readonly clientId: string; readonly clientSecret: string };
  };
  close(): Promise<void>;
}

export async function createSecretWorld(watch: SecretWatch): Promise<SecretWorld> {
  const zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme').id;
  const globex = zitadel.addOrg('globex').id;
  const portal = zitadel.addProject('portal', { org: acme, roles: ['reader', 'writer'] }).id;
  const grant = zitadel.grantProject(portal, globex, ['reader']).id;
  const alice = zitadel.addUser('alice', { org: acme });
  zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
  const svc = zitadel.addServiceUser('svc', { org: acme });
  zitadel.addMember(svc, { org: acme }, ['ORG_OWNER']);
  zitadel.addMember(svc, 'instance', ['IAM_OWNER_VIEWER']);
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  const serviceKey = zitadel.addKey(svc);
  const keyPath = join(folder, 'service-user.json');
  writeFileSync(keyPath, serviceKey, { mode: 0o600 });
  const world: SecretWorld = {
    zitadel,
    acme,
    globex,
    portal,
    grant,
    alice: alice.id,
    tokens: {
      jwt: zitadel.tokenFor(alice),
      opaque: zitadel.opaqueTokenFor(alice),
      expired: zitadel.expiredTokenFor(alice),
      foreign: zitadel.foreignTokenFor(alice),
      id: zitadel.idTokenFor(alice),
      session: zitadel.sessionTokenFor(alice),
    },
    service: { pat: zitadel.patFor(svc), key: serviceKey, keyPath, client: zitadel.addSecret(svc) },
    application: {
      key: zitadel.addApplicationKey(zitadel.defaultProject),
      client: zitadel.addApiApplication(zitadel.defaultProject),
    },
    close: async () => {
      await zitadel.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (const [name, token] of Object.entries(world.tokens)) watch.register(token, `token: ${name}`);
  const { service, application } = world;
  watch.register(service.pat, 'token of the service user');
  watch.register(pemOf(service.key), 'key of the service user');
  watch.register(service.client.clientSecret, 'secret of the service user');
  watch.register(pemOf(application.key), 'key of the application');
  watch.register(application.client.clientSecret, 'secret of the application');
  watch.register(SHARED_SECRET, 'secret of the shared store');
  return world;
}

export function pemOf(keyFileText: string): string {
  return (JSON.parse(keyFileText) as { key: string }).key;
}

/** A way to put the library together. */
export interface SecretWay {
  readonly text: string;
  readonly options: (world: SecretWorld) => Partial<ZitadelOptions>;
  /** What it asks ZITADEL for. */
  readonly endpoints: readonly EndpointName[];
  /** It does not show whom a token is for. */
  readonly isBlindToAudience?: boolean;
}

const ALWAYS: readonly EndpointName[] = ['discovery', 'addGrant', 'getGrant', 'listGrants'];

export const WAYS: readonly SecretWay[] = [
  {
    text: 'jwt, as the caller; service user by key file',
    options: ({ service }) => ({ callers: jwt(), serviceUser: keyFile(service.keyPath) }),
    endpoints: [...ALWAYS, 'keys', 'token', 'memberships', 'permissions', 'project'],
  },
  {
    text: 'jwt, as the service user by secret, v1',
    options: ({ service, acme }) => ({
      callers: jwt(),
      serviceUser: clientCredentials(service.client.clientId, service.client.clientSecret),
      memberships: { as: 'serviceUser', organizations: [acme] },
      cache: { shared: { secret: SHARED_SECRET } },
    }),
    endpoints: [...ALWAYS, 'keys', 'token', 'userinfo', 'userMemberships'],
  },
  {
    text: 'jwt, as the service user by token, v2',
    options: ({ service }) => ({
      callers: jwt(),
      serviceUser: pat(service.pat),
      memberships: { as: 'serviceUser' },
      cache: { shared: { secret: SHARED_SECRET } },
      api: 'v2',
    }),
    endpoints: ['discovery', 'keys', 'userinfo', 'administrators', 'projectV2', 'addGrantV2'],
  },
  {
    text: 'introspection by secret, as the caller; service user by key',
    options: ({ service, application: { client } }) => ({
      callers: introspection(basic(client.clientId, client.clientSecret)),
      serviceUser: key(service.key),
    }),
    endpoints: [...ALWAYS, 'introspect', 'token', 'memberships'],
  },
  {
    text: 'introspection by key, as the service user by token, v2',
    options: ({ service, application }) => ({
      callers: introspection(key(application.key)),
      serviceUser: pat(service.pat),
      memberships: { as: 'serviceUser' },
    }),
    endpoints: [...ALWAYS, 'introspect', 'administrators'],
  },
  {
    text: 'userinfo',
    options: ({ service }) => ({ callers: userinfo(), serviceUser: pat(service.pat) }),
    endpoints: [...ALWAYS, 'userinfo', 'memberships'],
    isBlindToAudience: true,
  },
];

/** What goes wrong. */
export type Trouble =
  | { readonly text: string; readonly endpoint?: EndpointName; readonly fault?: Fault }
  | { readonly text: string; readonly fetch: NonNullable<ZitadelOptions['fetch']> };

/** ZITADEL, or something in front of it, that quotes all that it was sent; and a way to the network whose errors do. */
export const TELLTALES: readonly Trouble[] = [
  ...[200, 400, 401, 403, 404, 500].map((status) => ({
    text: `everything answers ${status} and quotes what it was sent`,
    fetch: (url: string, init: RequestInit) =>
      Promise.resolve(Response.json(quoted(url, init), { status })),
  })),
  {
    text: 'everything answers a page that quotes what it was sent',
    fetch: (url, init) =>
      Promise.resolve(
        new Response(`<pre>${JSON.stringify(quoted(url, init))}</pre>`, {
          headers: { 'content-type': 'text/html' },
        }),
      ),
  },
  {
    text: 'fetch rejects with an error that quotes what it was to send',
    fetch: (url, init) => {
      const sent = quoted(url, init);
      const cause = Object.assign(new Error(JSON.stringify(sent)), { sent });
      return Promise.reject(
        Object.assign(new TypeError(JSON.stringify(sent), { cause }), { sent }),
      );
    },
  },
];

function quoted(url: string, { headers, body }: RequestInit): object {
  const sent = [...new Headers(headers)].map(([name, value]) => `${name}: ${value}`).join('; ');
  const text = `${url} ${sent} ${typeof body === 'string' ? body : ''}`;
  return {
    code: 3,
    message: `${text} (${text})`,
    error: text,
    error_description: text,
    details: [{ '@type': text, id: text, message: text, debug: { id: text } }],
    sub: text,
    scope: text,
  };
}

const FAULTS: readonly Fault[] = [
  400,
  401,
  403,
  404,
  409,
  429,
  500,
  501,
  503,
  'garbage',
  'html',
  'truncated',
  'refuse',
  'lose',
  'hang',
  'redirect',
  'endless',
];

/** Emulator faults of every kind, or of one kind, on one endpoint. */
export function faultsOn(endpoint: EndpointName, short: boolean): readonly Trouble[] {
  return (short ? ([400] as const) : FAULTS).map((fault) => ({
    text: `${endpoint}: ${JSON.stringify(fault)}`,
    endpoint,
    fault,
  }));
}

export function optionsFor(world: SecretWorld, way: SecretWay): ZitadelOptions {
  const { issuer, audience } = world.zitadel.options();
  const { cache, ...options } = way.options(world);
  return {
    issuer,
    ...(way.isBlindToAudience !== true && audience !== undefined && { audience }),
    ...options,
    ...(cache && { cache }),
  };
}

/** Uses all of the library under one trouble, and hands to the watch whatever it shows, answers, throws, writes and stores. */
export async function playScene(
  watch: SecretWatch,
  world: SecretWorld,
  way: SecretWay,
  trouble: Trouble,
): Promise<void> {
  const { zitadel } = world;
  const note = (what: string, value: unknown) =>
    watch.noteValue(`${way.text}; ${trouble.text}; ${what}`, value);
  const write = (message: string) => note('log', message);
  const logger = { debug: write, log: write, warn: write, error: write };
  const options: ZitadelOptions = {
    ...optionsFor(world, way),
    logger,
    timeoutMs: 150,
    budgetMs: 300,
    ...('fetch' in trouble && { fetch: registering(watch, trouble.fetch) }),
  };
  const sharedCache: SharedCache = {
    get: (name) => {
      note('asked of the shared store', name);
      return Promise.resolve(undefined);
    },
    set: (...stored) => {
      note('stored', stored);
      return Promise.resolve(undefined);
    },
  };
  const library = createZitadel(options, { sharedCache });
  library.authorizer.onDecision((event) => note('event', event));
  if ('endpoint' in trouble && trouble.endpoint && trouble.fault !== undefined) {
    zitadel.fail(trouble.endpoint, trouble.fault);
  }
  try {
    const callers = await askForDecisions(world, library, note);
    await askAsService(world, library, callers, note);
  } finally {
    zitadel.heal();
  }
  note('the library', library);
  note('its services', [library.authorizer, library.projectGrants, library.membershipLists]);
  // The shared secret stands in the options as the application wrote it; all else of them is ours.
  note('options', { ...options, cache: undefined });
}

type Note = (what: string, value: unknown) => void;

async function askForDecisions(
  { acme, portal, grant, globex, tokens, service }: SecretWorld,
  library: Library,
  note: Note,
): Promise<readonly Caller[]> {
  const requirements: readonly Requirement[] = [
    role('ORG_OWNER', org(acme)),
    role('PROJECT_OWNER', project(portal)),
    role('PROJECT_GRANT_OWNER', projectGrant({ project: portal, grantedOrg: globex })),
    role('PROJECT_GRANT_OWNER_VIEWER', projectGrant(grant)),
    role('IAM_OWNER'),
  ];
  const callers: Caller[] = [];
  const credentials = [
    ...Object.values(tokens).map((token) => `Bearer ${token}`),
    `Bearer ${service.pat}`,
    `Bearer ${tokens.jwt}=`,
    `Bearer ${tokens.jwt.slice(0, -3)}`,
    `Bearer  ${tokens.jwt}`,
    tokens.jwt,
    `Basic ${Buffer.from(`svc:${service.client.clientSecret}`).toString('base64')}`,
  ];
  const decide = async (credential: string, requirement: Requirement): Promise<void> => {
    const request = { headers: { authorization: credential } };
    let decision: Decision;
    try {
      decision = await library.decisions.authorize(request, library.decisions.prepare(requirement));
    } catch (error) {
      note('thrown', error);
      return;
    }
    note('decision', decision);
    if (!decision.allowed) note('answer', denialAnswer(decision));
    else if (!callers.some(({ userId }) => userId === decision.caller.userId)) {
      callers.push(decision.caller);
    }
  };
  const [first] = requirements;
  for (const credential of credentials) if (first) await decide(credential, first);
  for (const requirement of requirements) await decide(`Bearer ${tokens.jwt}`, requirement);
  try {
    await decide(`Bearer ${tokens.jwt}`, permission('project.grant.write', org(acme)));
  } catch (error) {
    note('thrown', error);
  }
  return callers;
}

async function askAsService(
  { acme, portal, globex, grant, tokens, alice }: SecretWorld,
  { authorizer, projectGrants, membershipLists }: Library,
  callers: readonly Caller[],
  note: Note,
): Promise<void> {
  const requirement = role('ORG_OWNER', org(globex));
  const address = { organizationId: acme, projectId: portal, grantedOrgId: globex };
  const questions: (() => Promise<unknown>)[] = [
    ...[...callers, alice].flatMap((who) => [
      () => authorizer.can(who, requirement),
      () => authorizer.assert(who, requirement),
      () => authorizer.explain(who, requirement),
      () => authorizer.lookupResources(who, 'ORG_OWNER'),
    ]),
    () => projectGrants.add({ ...address, roleKeys: ['reader'] }),
    () => projectGrants.get({ organizationId: acme, projectId: portal, grantId: grant }),
    () => collected(projectGrants.list({ organizationId: acme, projectId: portal })),
    () => membershipLists.listMine(tokens.jwt),
    () => membershipLists.listMine(tokens.opaque),
    () => membershipLists.listMine(`${tokens.jwt} `),
    () => membershipLists.listOfUser({ userId: alice, organizationId: acme }),
    () => membershipLists.listOfUser({ userId: tokens.jwt }),
  ];
  for (const ask of questions) {
    try {
      note('answer', await ask());
    } catch (error) {
      note('error', error);
    }
  }
}

async function collected<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const each of list) all.push(each);
  return all;
}

/** Notes the secrets that go over the wire and are made on the way: assertions, tokens of the service user. */
function registering(
  watch: SecretWatch,
  fetch: NonNullable<ZitadelOptions['fetch']>,
): NonNullable<ZitadelOptions['fetch']> {
  return (url, init) => {
    registerSent(watch, init);
    return fetch(url, init);
  };
}
