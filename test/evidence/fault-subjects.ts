import {
  basic,
  introspection,
  jwt,
  key,
  org,
  role,
  ZitadelApiError,
  ZitadelError,
  type ZitadelOptions,
} from 'nestjs-zitadel/express';
import { ZitadelEmulator } from 'nestjs-zitadel/testing';
import { createZitadel, type Library } from './data-path.js';
import { endpointOf, LINE_HEADER, type Endpoint, type FaultServer } from './fault-server.js';
import type { Place } from './unreachable.js';

/** Of one attempt, and of all that one request waits for. */
export const TIMEOUT_MS = 200;
export const BUDGET_MS = 400;

/** Who and what there is at ZITADEL. */
export interface World {
  readonly zitadel: ZitadelEmulator;
  readonly orgId: string;
  readonly projectId: string;
  readonly grantId: string;
  readonly grantedOrgId: string;
  /** Two owners of the organization. */
  readonly tokens: readonly [string, string];
  readonly opaque: readonly [string, string];
  readonly serviceKey: string;
  /** An application of type API, by both of its credentials. */
  readonly application: { readonly clientId: string; readonly clientSecret: string };
  readonly applicationKey: string;
  /** Every id that a right answer is about. */
  readonly ids: readonly string[];
}

export async function openWorld(): Promise<World> {
  const zitadel = await ZitadelEmulator.start();
  const acme = zitadel.addOrg('acme');
  const project = zitadel.addProject('shop', { org: acme, roles: ['reader'] });
  const globex = zitadel.addOrg('globex');
  const grant = zitadel.grantProject(project, globex, ['reader']);
  const owner = (name: string) => {
    const user = zitadel.addUser(name, { org: acme });
    zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    return user;
  };
  const [alice, bob] = [owner('alice'), owner('bob')];
  const service = zitadel.addServiceUser('service', { org: acme });
  zitadel.addMember(service, 'instance', ['IAM_OWNER']);
  return {
    zitadel,
    orgId: acme.id,
    projectId: project.id,
    grantId: grant.id,
    grantedOrgId: globex.id,
    tokens: [zitadel.tokenFor(alice), zitadel.tokenFor(bob)],
    opaque: [zitadel.opaqueTokenFor(alice), zitadel.opaqueTokenFor(bob)],
    serviceKey: zitadel.addKey(service),
    application: zitadel.addApiApplication(zitadel.defaultProject),
    applicationKey: zitadel.addApplicationKey(zitadel.defaultProject),
    ids: [alice.id, bob.id, project.id],
  };
}

/** The way of one library to ZITADEL: over the fault server, which knows it by its header, or to another address. */
export class Line {
  /** Calls of the endpoint that were struck. */
  hits = 0;
  #struck: { readonly endpoint: Endpoint; readonly place: Place | undefined } | undefined;

  constructor(readonly name: string) {}

  readonly fetch = (url: string, init: RequestInit): Promise<Response> => {
    const { pathname } = new URL(url);
    const headers = { ...(init.headers as Record<string, string>), [LINE_HEADER]: this.name };
    const struck = this.#struck;
    if (!struck || struck.endpoint !== endpointOf(pathname))
      return fetch(url, { ...init, headers });
    this.hits += 1;
    const { origin, dispatcher } = struck.place ?? { origin: new URL(url).origin };
    return fetch(origin + pathname, { ...init, headers, ...(dispatcher && { dispatcher }) });
  };

  strike(endpoint: Endpoint, place: Place | undefined): void {
    this.#struck = { endpoint, place };
  }

  heal(): void {
    this.#struck = undefined;
  }
}

/** What came of one question: allowed (or done), or why not. */
export interface Outcome {
  readonly allowed: boolean;
  readonly reason: string;
}

/** One use of an endpoint. */
export interface Subject {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** A fresh entry shows by another caller's question, who needs what the first one's left behind. */
  readonly second?: true;
  /** Nothing is remembered of its answers: it is asked in every state. */
  readonly uncached?: true;
  /** Its answer echoes nothing by which another project's could be told. */
  readonly mute?: true;
  options(world: World): Partial<ZitadelOptions>;
  ask(library: Library, world: World, second: boolean): Promise<Outcome>;
}

export function libraryFor(
  subject: Subject,
  { zitadel, ...world }: World,
  server: FaultServer,
  line: Line,
): Library {
  return createZitadel(
    zitadel.options({
      internalUrl: server.url,
      fetch: line.fetch,
      timeoutMs: TIMEOUT_MS,
      budgetMs: BUDGET_MS,
      logger: SILENT,
      ...subject.options({ zitadel, ...world }),
    }),
  );
}

const byRequest =
  (tokensOf: (world: World) => readonly [string, string]): Subject['ask'] =>
  async ({ decisions }, world, second) => {
    const token = tokensOf(world)[second ? 1 : 0];
    const request = {
      headers: { authorization: `Bearer ${token}` },
      params: { orgId: world.orgId },
    };
    const decision = await decisions.authorize(
      request,
      decisions.prepare(role('ORG_OWNER', org.param('orgId'))),
    );
    return { allowed: decision.allowed, reason: decision.allowed ? 'allowed' : decision.reason };
  };

const byService =
  (use: (library: Library, world: World) => Promise<unknown>): Subject['ask'] =>
  async (library, world) => {
    try {
      await use(library, world);
      return { allowed: true, reason: 'done' };
    } catch (error) {
      return { allowed: false, reason: reasonOf(error) };
    }
  };

function reasonOf(error: unknown): string {
  if (error instanceof ZitadelApiError) return `${error.code} ${error.status}`;
  return error instanceof ZitadelError ? error.code : `threw ${String(error)}`;
}

type Api = 'v1' | 'v2';

const asServiceUser = ({ orgId, serviceKey }: World, api: Api): Partial<ZitadelOptions> => ({
  api,
  callers: jwt({ recheckMs: false }),
  serviceUser: key(serviceKey),
  memberships: { as: 'serviceUser', ...(api === 'v1' && { organizations: [orgId] }) },
});
const asCaller = byRequest(({ tokens }) => tokens);
const withKey = ({ serviceKey }: World, api: Api): Partial<ZitadelOptions> => ({
  api,
  serviceUser: key(serviceKey),
});
let orgs = 0;
const newOrg = ({ zitadel }: World) => zitadel.addOrg(`globex ${(orgs += 1)}`).id;
const of = ({ orgId: organizationId, projectId }: World) => ({ organizationId, projectId });

const APIS = ['v1', 'v2'] as const;

export const SUBJECTS: readonly Subject[] = [
  {
    name: 'discovery',
    endpoint: 'discovery',
    second: true,
    options: () => ({}),
    ask: asCaller,
  },
  { name: 'keys', endpoint: 'keys', second: true, options: () => ({}), ask: asCaller },
  {
    name: 'introspection by secret',
    endpoint: 'introspection',
    options: ({ application: { clientId, clientSecret } }) => ({
      callers: introspection(basic(clientId, clientSecret)),
    }),
    ask: byRequest(({ opaque }) => opaque),
  },
  {
    name: 'introspection by key',
    endpoint: 'introspection',
    options: ({ applicationKey }) => ({ callers: introspection(key(applicationKey)) }),
    ask: asCaller,
  },
  ...APIS.flatMap((api): readonly Subject[] => [
    {
      name: `${api} memberships as caller`,
      endpoint: 'memberships',
      options: () => ({ api }),
      ask: asCaller,
    },
    {
      name: `${api} memberships as service user`,
      endpoint: 'memberships',
      options: (world) => asServiceUser(world, api),
      ask: asCaller,
    },
  ]),
  {
    name: 'token',
    endpoint: 'token',
    second: true,
    options: (world) => asServiceUser(world, 'v1'),
    ask: asCaller,
  },
  ...APIS.flatMap((api): readonly Subject[] => [
    {
      name: `${api} get a grant`,
      endpoint: 'grants',
      uncached: true,
      options: (world) => withKey(world, api),
      ask: byService(({ projectGrants }, world) =>
        projectGrants.get({
          ...of(world),
          ...(api === 'v1' ? { grantId: world.grantId } : { grantedOrgId: world.grantedOrgId }),
        }),
      ),
    },
    {
      name: `${api} list grants`,
      endpoint: 'grants',
      uncached: true,
      options: (world) => withKey(world, api),
      ask: byService(async ({ projectGrants }, world) => {
        // What takes longer than this has failed already: the list must not go on behind the proof's back.
        const end = performance.now() + BUDGET_MS * 10;
        for await (const { grantedOrgId } of projectGrants.list(of(world))) {
          if (grantedOrgId === '' || performance.now() > end) return;
        }
      }),
    },
    {
      name: `${api} add a grant`,
      endpoint: 'grants',
      uncached: true,
      mute: true,
      options: (world) => withKey(world, api),
      ask: byService(({ projectGrants }, world) =>
        projectGrants.add({
          ...of(world),
          grantedOrgId: newOrg(world),
          roleKeys: ['reader'],
        }),
      ),
    },
  ]),
];

export const SILENT = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
