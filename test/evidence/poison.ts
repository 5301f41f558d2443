import type { Authorizer } from '#dist/core/authorizer.js';
import { createZitadel } from '#dist/create-zitadel.js';
import { Fleet } from '#dist/fleet/fleet.js';
import { org, role } from 'nestjs-zitadel/express';
import { type User, ZitadelEmulator } from 'nestjs-zitadel/testing';
import { type Kind, type Loot, POISON, type Poison, SECRET, sign } from './poison-list.js';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'poisoned values of the shared store and messages of the bus: they let nobody in, and lock nobody out';

/** Both forms are the same: it takes seconds. */
export async function run({ progress }: RunOptions): Promise<Figures> {
  const zitadel = await ZitadelEmulator.start();
  try {
    const acme = zitadel.addOrg('acme');
    const [alice, bob] = [zitadel.addUser('alice'), zitadel.addUser('bob')];
    for (const user of [alice, bob]) zitadel.addMember(user, { org: acme }, ['ORG_OWNER']);
    const stage = new Stage(zitadel, acme.id, alice, bob);
    const loot = await stage.evicted();
    const seen = { allows: 0, lockOuts: 0 };
    for (const poison of POISON) {
      const { allowed, lockedOut } = await stage.swallows(loot, poison);
      seen.allows += allowed.length;
      seen.lockOuts += lockedOut.length;
      for (const who of allowed) progress(`${poison.what}: ${who} lets alice in`);
      for (const who of lockedOut) progress(`${poison.what}: ${who} does not let bob in`);
    }
    // With the right signature the forgery would have worked: the others fail because of what is wrong with them.
    let control = 0;
    // A busy process takes longer than it waits for a store, and then misses.
    for (let tries = 0; tries < 50 && control === 0; tries += 1) {
      const { allowed } = await stage.swallows(loot, {
        what: 'control',
        of: ({ name, perfect }) => ({
          store: new Map([[name('rows'), sign(JSON.stringify(perfect))]]),
        }),
      });
      control = allowed.length;
    }
    const ok = seen.allows === 0 && seen.lockOuts === 0 && control > 0;
    return { ok, values: POISON.length, ...seen, control };
  } finally {
    await zitadel.stop();
  }
}

interface Process {
  readonly name: string;
  readonly decisions: Authorizer;
}

/** Two processes that know of the eviction, a store and a bus. */
class Stage {
  readonly #entries = new Map<string, unknown>();
  readonly #published: string[] = [];
  readonly #tokens = new Map<User, string>();
  readonly #listeners: ((message?: string) => void)[] = [];
  readonly #here: Process;
  readonly #there: Process;

  constructor(
    private readonly zitadel: ZitadelEmulator,
    private readonly orgId: string,
    private readonly alice: User,
    private readonly bob: User,
  ) {
    this.#here = this.#process('the process that evicted');
    this.#there = this.#process('the process that heard of it');
  }

  /** Lets alice's role be stored, takes it away, and evicts her. */
  async evicted(): Promise<Loot> {
    if (!(await this.#lets(this.#here, this.alice))) throw new Error('alice has no role');
    await until(() => [...this.#entries.keys()].some((key) => key.includes(':rows:')));
    const before = new Map(this.#entries);
    const name = (kind: Kind) => {
      const found = [...before.keys()].find((key) => key.startsWith(`nestjs-zitadel:1:${kind}:`));
      if (found === undefined) throw new Error(`nothing is stored as ${kind}`);
      return found;
    };
    this.zitadel.removeMember(this.alice, { org: { id: this.orgId } });
    for (const eviction of [
      { type: 'user', userId: this.alice.id },
      { type: 'organization', orgId: this.orgId },
      { type: 'everyone' },
    ] as const) {
      await this.#here.decisions.evict(eviction);
    }
    const after = new Map(this.#entries);
    const fields = (sealed: unknown) =>
      JSON.parse(String(sealed).slice(String(sealed).indexOf('.') + 1)) as Record<string, unknown>;
    const idOf = (kind: Kind) => fields(after.get(name(kind)))['id'];
    const old = fields(before.get(name('rows')));
    const epochs = {
      everyone: idOf('epoch of all'),
      user: idOf('epoch'),
      anyOrganization: idOf('epoch of organizations'),
    };
    const expiresAt = Date.now() + 3_600_000;
    const perfect = { ...old, epochs, fetchedAt: Date.now(), expiresAt };
    return { before, after, name, perfect, messages: [...this.#published], userId: this.alice.id };
  }

  /** Puts the poison there, and asks everybody about alice, who has no role, and one about bob, who has one. */
  async swallows(loot: Loot, { of, onlyForThoseWhoKnow }: Poison) {
    const { store = [], messages = [] } = of(loot);
    const result = { allowed: [] as string[], lockedOut: [] as string[] };
    const stranger = this.#process('a new process');
    const all = onlyForThoseWhoKnow ? [] : [stranger];
    for (const process of [this.#here, this.#there, ...all]) {
      // What it remembers itself would hide the poison.
      process.decisions.hear({ at: 1, eviction: { type: 'everyone' }, from: 'fleet' });
      this.#entries.clear();
      for (const [key, value] of loot.after) this.#entries.set(key, value);
      for (const [key, value] of store) {
        if (value === undefined) this.#entries.delete(key);
        else this.#entries.set(key, value);
      }
      for (const message of messages) {
        for (const listener of this.#listeners) listener(message as string);
      }
      if (await this.#lets(process, this.alice)) result.allowed.push(process.name);
    }
    if (!(await this.#lets(this.#there, this.bob))) result.lockedOut.push(this.#there.name);
    this.#listeners.length = 2;
    return result;
  }

  async #lets({ decisions }: Process, user: User): Promise<boolean> {
    const token = this.#tokens.get(user) ?? this.zitadel.tokenFor(user);
    // What is stored belongs to a token.
    this.#tokens.set(user, token);
    const headers = { authorization: `Bearer ${token}` };
    const requirement = decisions.prepare(role('ORG_OWNER', org(this.orgId)));
    return (await decisions.authorize({ headers }, requirement)).allowed;
  }

  #process(name: string): Process {
    const silent = () => undefined;
    const logger = { debug: silent, log: silent, warn: silent, error: silent };
    const cache = { shared: { secret: SECRET } };
    const sharedCache = {
      get: (key: string) => Promise.resolve(this.#entries.get(key)),
      set: (key: string, value: string) => Promise.resolve(this.#entries.set(key, value)),
    };
    const zitadel = createZitadel(this.zitadel.options({ logger, cache }), { sharedCache });
    const decisions = zitadel.decisions as Authorizer;
    const fleet = new Fleet({
      bus: {
        publish: (_channel, message) => {
          this.#published.push(message);
          for (const listener of this.#listeners) listener(message);
        },
        subscribe: (_channel, listener) => void this.#listeners.push(listener),
      },
      issuer: this.zitadel.issuer,
      channel: 'evictions',
      secrets: [SECRET],
      log: logger,
      hear: (event) => decisions.hear(event),
      forgetHere: () => undefined,
    });
    decisions.onEviction((event) => {
      if (event.from === 'application') fleet.spread(event);
    });
    return { name, decisions };
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
