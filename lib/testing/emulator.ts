import type { ZitadelOptions } from '../options.js';
import { DeliveryVerbs } from './delivery-verbs.js';
import {
  createInstance,
  type Instance,
  type InstanceIds,
  limitQueries,
  renew,
  serveApis,
} from './instance.js';
import type { EmulatorSettings, Fault, QueryLimits } from './model.js';
import type { EndpointName, ServedApis } from './server/endpoints.js';
import type { LoggedRequest } from './server/request-log.js';
import { type Beside, EmulatorServer } from './server/server.js';

/**
 * A ZITADEL for tests: real HTTP on loopback, a world that you build with verbs, tokens of every kind, and faults
 * on demand. It replies as ZITADEL does, down to omitted fields and error ids. Calls that it does not emulate
 * get 501. Several emulators can run side by side.
 *
 * @example
 * ```ts
 * const zitadel = await ZitadelEmulator.start();
 * const acme = zitadel.addOrg('acme');
 * const alice = zitadel.addUser('alice', { org: acme });
 * zitadel.addMember(alice, { org: acme }, ['ORG_OWNER']);
 *
 * const app = applicationWith(zitadel.options());
 * const headers = { authorization: `Bearer ${zitadel.tokenFor(alice)}` };
 * // ...
 * await zitadel.stop();
 * ```
 */
export class ZitadelEmulator extends DeliveryVerbs {
  readonly #server: EmulatorServer;
  #url = '';

  private constructor(instance: Instance, beside?: Beside) {
    super(instance);
    this.#server = new EmulatorServer(instance, beside);
  }

  /**
   * Starts an emulator. Call {@link stop} when the tests are over.
   *
   * @throws TypeError if `issuer` is not a plain origin
   * @throws TypeError if `apis` or `line` is unknown
   * @throws TypeError if a limit is not a whole number from 0
   * @throws TypeError if `firstId` is not 18 digits
   * @throws Error if the port is taken
   *
   * @example
   * ```ts
   * beforeAll(async () => {
   *   zitadel = await ZitadelEmulator.start({ apis: 'v2' });
   * });
   * afterAll(() => zitadel.stop());
   * ```
   */
  static async start(settings: EmulatorSettings = {}): Promise<ZitadelEmulator> {
    const emulator = ZitadelEmulator.prepare(settings);
    await emulator.instance.mint.keys.ready;
    await emulator.listen();
    return emulator;
  }

  /**
   * One that does not listen yet. Its key is made when it does, so that it cannot sign anything for a moment.
   *
   * @internal
   */
  static prepare(settings: EmulatorSettings, ids?: InstanceIds, beside?: Beside): ZitadelEmulator {
    return new ZitadelEmulator(createInstance(settings, ids), beside);
  }

  /** @internal */
  async listen(): Promise<void> {
    const { port = 0, host = '127.0.0.1', issuer } = this.instance.settings;
    this.#url = await this.#server.listen(port, host);
    void this.instance.mint.keys.ready;
    this.instance.issuer = issuer ?? this.#url;
  }

  /** The `iss` of its tokens. */
  get issuer(): string {
    return this.instance.issuer;
  }

  /** Where it listens. */
  get url(): string {
    return this.#url;
  }

  /**
   * Closes every connection at once, and delivers nothing more. Calling it again does nothing.
   *
   * @example `afterAll(() => zitadel.stop())`
   */
  async stop(): Promise<void> {
    this.instance.deliveries.stop();
    await this.#server.close();
  }

  /**
   * Starts over, faster than another emulator would: the world is what it was after {@link start}, faults, lags and limits end, and no
   * request was counted. The address, the keys and `app` with its id stay. So do tokens of users whom you add again with the same id.
   * Nobody is told of it: an application may remember what was true before.
   *
   * @example `beforeEach(() => zitadel.reset())`
   */
  reset(): void {
    renew(this.instance);
    this.heal();
    this.resetRequests();
  }

  /**
   * Options for `ZitadelModule.forRoot` or `createZitadel`, with `overrides` put over them. The audience is
   * the default project's id.
   *
   * @example
   * ```ts
   * ZitadelModule.forRoot(zitadel.options({ cache: { ttlMs: 0 } }));
   * ```
   */
  options(overrides: Partial<ZitadelOptions> = {}): ZitadelOptions {
    const { issuer } = this;
    const inside = issuer === this.#url ? {} : { internalUrl: this.#url };
    return { issuer, audience: this.defaultProject.id, ...inside, ...overrides };
  }

  /**
   * Changes which generation of the API it serves, as an upgrade of ZITADEL does. For it, the paths of the other
   * one are unknown, and their requests count as `'other'`.
   *
   * @example `zitadel.serveApis('v2')`
   */
  serveApis(apis: ServedApis): void {
    serveApis(this.instance, apis);
  }

  /**
   * Changes how many rows its lists give, as an operator or an upgrade does. A limit that is not named goes
   * back to ZITADEL's default.
   *
   * @example `zitadel.limitQueries({ max: 100 })`
   */
  limitQueries(limits: QueryLimits): void {
    limitQueries(this.instance, limits);
  }

  /**
   * The next `times` requests to the endpoint meet the fault. Several calls queue up.
   *
   * @example
   * ```ts
   * zitadel.failNext('memberships', 503);
   * zitadel.failNext('keys', 'truncated', 2);
   * zitadel.failNext('token', { status: 400, body: { error: 'invalid_client' } });
   * ```
   */
  failNext(endpoint: EndpointName, fault: Fault, times = 1): void {
    this.#server.faults.failNext(endpoint, fault, times);
  }

  /**
   * Every request to the endpoint meets the fault, until {@link heal}.
   *
   * @example
   * ```ts
   * zitadel.fail('memberships', 'hang');
   * // ...
   * zitadel.heal('memberships');
   * ```
   */
  fail(endpoint: EndpointName, fault: Fault): void {
    this.#server.faults.fail(endpoint, fault);
  }

  /**
   * Ends all faults and delays, of one endpoint or of all and of the deliveries.
   *
   * @example `zitadel.heal('memberships')`
   */
  heal(endpoint?: EndpointName): void {
    if (endpoint === undefined) this.instance.deliveries.meet({});
    this.#server.faults.heal(endpoint);
  }

  /**
   * Every request to the endpoint waits before anything else happens. 0 ends it.
   *
   * @example `zitadel.delay('memberships', 500)`
   */
  delay(endpoint: EndpointName, ms: number): void {
    this.#server.faults.delay(endpoint, ms);
  }

  /**
   * From now on a change reaches memberships, lists and project reads `ms` milliseconds after it was made.
   * GET of one grant and every check of a right stay fresh, as in ZITADEL. 0 ends it.
   *
   * @example `zitadel.lagReads(1_000)`
   */
  lagReads(ms: number): void {
    this.instance.world.lagReads(ms);
  }

  /**
   * Freezes what reads see, until {@link releaseReads}: a lag without a clock.
   *
   * @example `zitadel.holdReads()`
   */
  holdReads(): void {
    this.instance.world.holdReads();
  }

  /**
   * Lets reads see everything again.
   *
   * @example `zitadel.releaseReads()`
   */
  releaseReads(): void {
    this.instance.world.releaseReads();
  }

  /**
   * How many requests came in since the start or the last reset: to one endpoint, or at all.
   *
   * @example
   * ```ts
   * zitadel.resetRequests();
   * await fetch(url, { headers });
   * expect(zitadel.requests('memberships')).toBe(1);
   * ```
   */
  requests(endpoint?: EndpointName | 'other'): number {
    return this.#server.log.requests(endpoint);
  }

  /**
   * The last 1000 requests, oldest first, with tokens and secrets cut.
   *
   * @example `const [first] = zitadel.requestLog('memberships')`
   */
  requestLog(endpoint?: EndpointName | 'other'): LoggedRequest[] {
    return this.#server.log.entries(endpoint);
  }

  /**
   * Sets the counters to 0 and empties the log.
   *
   * @example `zitadel.resetRequests()`
   */
  resetRequests(): void {
    this.#server.log.reset();
  }
}
