import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { askerOf } from './fleet.js';

const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));

/** Somebody who owns the organization, until that is revoked. */
export interface RevocableUser {
  readonly id: string;
  readonly token: string;
}

/** What becomes of deliveries on their way: as `zitadel.deliveries()` takes it. */
interface Faults {
  readonly delayMs?: number | readonly [number, number];
  readonly lose?: number;
  readonly duplicate?: number;
  readonly reorder?: boolean;
  readonly seed?: number;
}

/** Hears of the user at this place in `users`. `at`: milliseconds since 1970, with a fraction. */
type Heard = (place: number, at: number) => void;

interface Ready {
  readonly options: object;
  readonly orgId: string;
  readonly signingKey: string;
}

type Said =
  | { readonly ready: Ready }
  | { readonly revoked: number; readonly at: number }
  | { readonly arrived: number; readonly at: number }
  | { readonly id: number };

/**
 * Users who own one organization, on an emulator in a process of its own. Their role can be revoked at a rate. Of each revocation one of
 * several addresses is told, as when ZITADEL calls an application through a load balancer.
 *
 * @example
 * ```ts
 * const world = await RevocationWorld.start(1_000);
 * await world.deliverTo(ports.map((port) => `http://127.0.0.1:${port}/zitadel/events`));
 * world.onRevoked = (place, at) => revokedAt.set(place, at);
 * await world.revoke([0, 1, 2], 500);
 * ```
 */
export class RevocationWorld {
  readonly users: RevocableUser[] = [];
  /** Of the library: of JSON alone, so that they can be handed to other processes. */
  readonly options: object;
  readonly orgId: string;
  readonly signingKey: string;
  /** Hears when a role is gone at ZITADEL. */
  onRevoked: Heard = () => undefined;
  /** Hears when a delivery reaches the application, before the application has seen it. */
  onArrived: Heard = () => undefined;
  readonly #child: ChildProcess;
  readonly #tell: ReturnType<typeof askerOf>;

  private constructor(child: ChildProcess, { options, orgId, signingKey }: Ready) {
    this.#child = child;
    this.#tell = askerOf(child);
    this.options = options;
    this.orgId = orgId;
    this.signingKey = signingKey;
    child.on('message', (said: Said) => {
      if ('revoked' in said) this.onRevoked(said.revoked, said.at);
      else if ('arrived' in said) this.onArrived(said.arrived, said.at);
    });
  }

  static async start(users: number): Promise<RevocationWorld> {
    const child = fork(join(root, 'test', 'support', 'revocation-server.mjs'), [], {
      cwd: root,
      execArgv: [],
    });
    const [{ ready }] = (await once(child, 'message')) as [{ readonly ready: Ready }];
    const world = new RevocationWorld(child, ready);
    await world.addUsers(users);
    return world;
  }

  async addUsers(count: number): Promise<void> {
    this.users.push(...(await this.#tell<RevocableUser[]>('addUsers', { count })));
  }

  /** Each delivery goes to the next one of these addresses. */
  async deliverTo(addresses: readonly string[]): Promise<void> {
    await this.#tell('deliverTo', { addresses });
  }

  async deliveries(faults: Faults): Promise<void> {
    await this.#tell('deliveries', { faults });
  }

  async lagReads(ms: number): Promise<void> {
    await this.#tell('lagReads', { ms });
  }

  /** How many lists of memberships ZITADEL was asked for. */
  requests(): Promise<number> {
    return this.#tell('requests');
  }

  /** Ends the role of the users at these places, in their order. Resolves when all are gone at ZITADEL. */
  async revoke(places: readonly number[], perSecond: number): Promise<void> {
    await this.#tell('revoke', { places, perSecond });
  }

  async giveBack(places: readonly number[]): Promise<void> {
    await this.#tell('giveBack', { places });
  }

  /** Resolves when no delivery is under way. */
  async delivered(): Promise<void> {
    await this.#tell('delivered');
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }
}
