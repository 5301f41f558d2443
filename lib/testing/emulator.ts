import type { ZitadelOptions } from '../options.js';
import type { Core } from './core.js';
import type { Org, Project } from './model.js';
import { AuthRequests } from './oidc/auth-requests.js';
import { Credentials } from './oidc/credentials.js';
import { SigningKeys } from './oidc/keys.js';
import { TokenBox, TokenMint } from './oidc/mint.js';
import { TokenCheck } from './oidc/token-check.js';
import { type EndpointName, requireApis, type ServedApis } from './server/endpoints.js';
import { type Fault, Faults } from './server/faults.js';
import { PageLimits, type QueryLimits } from './server/pages.js';
import { type LoggedRequest, RequestLog } from './server/request-log.js';
import { EmulatorServer } from './server/server.js';
import { TokenVerbs } from './token-verbs.js';
import { requireLine, type ServerLine } from './world/role-permissions.js';
import { createOrg, createProject } from './world/tenants.js';
import { World } from './world/world.js';

export interface EmulatorSettings {
  /** 0, the default, takes any free port. */
  readonly port?: number | undefined;
  /** `127.0.0.1` unless given. */
  readonly host?: string | undefined;
  /**
   * The address the instance knows itself by; where it listens unless given. Given, the emulator is one
   * that is reached over an internal address: requests have to name the instance in
   * `x-zitadel-instance-host`, and in `x-zitadel-public-host` where it matters.
   */
  readonly issuer?: string | undefined;
  /**
   * Which generation of ZITADEL's API it answers: `'v1'` the REST API (`/auth/v1`, `/management/v1`,
   * `/admin/v1`), `'v2'` the Connect services (`/zitadel.*`), `'both'`, the default, all of them.
   */
  readonly apis?: ServedApis | undefined;
  /**
   * How many rows its lists give; those of ZITADEL since v4.19.5 unless given, of older ones with `{ v1Max: 0 }`. The event API gives 1000
   * at most, whatever stands here.
   */
  readonly queryLimits?: QueryLimits | undefined;
  /**
   * Whether `ListAdministrators` has the filters `role`, `and`, `or` and `not`, as ZITADEL has since January 2026. `true` unless given;
   * without them a request that names one is refused.
   */
  readonly administratorFilters?: boolean | undefined;
  /**
   * What its manager roles permit: as on servers of the `'v4'` line, the default, or of ZITADEL's `'main'`
   * branch, where some of them may also do something with user groups.
   */
  readonly line?: ServerLine | undefined;
}

/**
 * A ZITADEL for tests: real HTTP on loopback, a world built with verbs, tokens of every kind, and faults
 * on demand. It answers as ZITADEL answers, down to omitted fields and error ids; what it does not emulate
 * answers 501. Several can run side by side.
 */
export class ZitadelEmulator extends TokenVerbs {
  readonly #server: EmulatorServer;
  readonly #faults: Faults;
  readonly #log: RequestLog;
  readonly #address: Address;

  private constructor(
    core: Core,
    rootOrg: Org,
    defaultProject: Project,
    inner: { server: EmulatorServer; faults: Faults; log: RequestLog; address: Address },
  ) {
    super(core, rootOrg, defaultProject);
    this.#server = inner.server;
    this.#faults = inner.faults;
    this.#log = inner.log;
    this.#address = inner.address;
  }

  /** Throws when `issuer` is not a plain origin, `apis` or `line` is unknown, a limit is no number of rows, or the port is taken. */
  static async start(settings: EmulatorSettings = {}): Promise<ZitadelEmulator> {
    const { port = 0, host = '127.0.0.1', issuer, apis = 'both' } = settings;
    const { queryLimits = {}, line = 'v4' } = settings;
    if (issuer !== undefined) requireOrigin(issuer);
    requireApis(apis);
    requireLine(line);
    const limits = new PageLimits();
    limits.set(queryLimits);
    const address = { url: '', issuer: issuer ?? '' };
    const world = new World(line);
    const keys = await SigningKeys.create(() => world.ids.next());
    const mint = new TokenMint(world, keys, new TokenBox());
    const rootOrg = createOrg(world, world.instanceName);
    const zitadelProject = createProject(world, 'ZITADEL', rootOrg.id, {});
    const defaultProject = createProject(world, 'app', rootOrg.id, {});
    const core: Core = {
      world,
      mint,
      tokens: new TokenCheck(mint),
      credentials: new Credentials(world),
      authRequests: new AuthRequests(world.ids),
      limits,
      newFilters: settings.administratorFilters ?? true,
      zitadelProjectId: zitadelProject.id,
      issuer: () => address.issuer,
    };
    const [faults, log] = [new Faults(), new RequestLog()];
    const server = new EmulatorServer(core, faults, log, apis);
    const bound = await server.listen(port, host);
    address.url = `http://${reachable(host)}:${String(bound)}`;
    address.issuer = issuer ?? address.url;
    const inner = { server, faults, log, address };
    return new ZitadelEmulator(core, rootOrg, defaultProject, inner);
  }

  /** The `iss` of its tokens. */
  get issuer(): string {
    return this.#address.issuer;
  }

  /** Where it listens. */
  get url(): string {
    return this.#address.url;
  }

  /** Closes every connection at once. Calling it again does nothing. */
  async stop(): Promise<void> {
    await this.#server.close();
  }

  /**
   * Options for `ZitadelModule.forRoot` or `createZitadel`, with `overrides` put over them. The audience is
   * the default project's id.
   */
  options(overrides: Partial<ZitadelOptions> = {}): ZitadelOptions {
    const { issuer, url } = this.#address;
    const inside = issuer === url ? {} : { internalUrl: url };
    return { issuer, audience: this.defaultProject.id, ...inside, ...overrides };
  }

  /**
   * Changes which generation of the API it answers, as an upgrade of ZITADEL does. Requests to the other
   * one are answered like requests to any unknown path, and count as `'other'`.
   */
  serveApis(apis: ServedApis): void {
    requireApis(apis);
    this.#server.serve(apis);
  }

  /** Changes how many rows its lists give, as an operator or an upgrade does. What is not named is as ZITADEL has it by default. */
  limitQueries(limits: QueryLimits): void {
    this.core.limits.set(limits);
  }

  /** The next `times` requests to the endpoint meet the fault. Several calls queue up. */
  failNext(endpoint: EndpointName, fault: Fault, times = 1): void {
    this.#faults.failNext(endpoint, fault, times);
  }

  /** Every request to the endpoint meets the fault, until {@link heal}. */
  fail(endpoint: EndpointName, fault: Fault): void {
    this.#faults.fail(endpoint, fault);
  }

  /** Ends all faults and delays, of one endpoint or of all. */
  heal(endpoint?: EndpointName): void {
    this.#faults.heal(endpoint);
  }

  /** Lets every request to the endpoint wait before anything else happens. 0 ends it. */
  delay(endpoint: EndpointName, ms: number): void {
    this.#faults.delay(endpoint, ms);
  }

  /**
   * From now on a change reaches memberships, lists and project reads `ms` milliseconds after it was made.
   * GET of one grant and every check of a right stay fresh, as in ZITADEL. 0 ends it.
   */
  lagReads(ms: number): void {
    this.core.world.lagReads(ms);
  }

  /** Freezes what reads see, until {@link releaseReads}: a lag without a clock. */
  holdReads(): void {
    this.core.world.holdReads();
  }

  releaseReads(): void {
    this.core.world.releaseReads();
  }

  /** How many requests came in since the start or the last reset: to one endpoint, or at all. */
  requests(endpoint?: EndpointName | 'other'): number {
    return this.#log.requests(endpoint);
  }

  /** The last 1000 requests, oldest first, with tokens and secrets cut. */
  requestLog(endpoint?: EndpointName | 'other'): LoggedRequest[] {
    return this.#log.entries(endpoint);
  }

  resetRequests(): void {
    this.#log.reset();
  }
}

interface Address {
  url: string;
  issuer: string;
}

function requireOrigin(issuer: string): void {
  const origin = URL.canParse(issuer) ? new URL(issuer).origin : undefined;
  if (origin === issuer) return;
  throw new TypeError(`issuer '${issuer}' is not a plain origin like 'https://acme.example'`);
}

/** The address that reaches a server listening on `host`. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
