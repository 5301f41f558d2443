import { randomBytes, randomInt } from 'node:crypto';
import type { IdOption } from '../model.js';
import { ZitadelError } from '../server/replies.js';
import { EventLog, type Happening } from './events.js';
import { defaultRolePermissions, type ServerLine } from './role-permissions.js';
import {
  type Details,
  type GrantRecord,
  type OrgRecord,
  type ProjectRecord,
  State,
  type UserRecord,
} from './state.js';

export interface OrgMetadata {
  /** In base64. */
  readonly value: string;
  readonly details: Details;
}

interface Change {
  readonly at: number;
  readonly stamp: number;
  readonly apply: (state: State) => void;
}

/**
 * The world behind the API: `now` is what commands see, `reads` is what lists and memberships see. Both
 * go through the same changes; the read side may be told to come later.
 */
export class World {
  readonly instanceName = 'ZITADEL';
  readonly users = new Map<string, UserRecord>();
  readonly now = new State();
  readonly events = new EventLog();
  readonly rolePermissions: Map<string, readonly string[]>;
  /** Names of organizations that were removed, by id: calls may still name them. */
  readonly removedOrgs = new Map<string, string>();
  /** What organizations are told to keep, by organization and key. */
  readonly orgMetadata = new Map<string, Map<string, OrgMetadata>>();
  /** When grants were removed, by project and granted organization. */
  readonly grantRemovals = new Map<string, number>();

  readonly #reads = new State();
  readonly #sequences = new Map<string, number>();
  #pending: Change[] = [];
  #lagMs = 0;
  #held = false;

  /** Nothing is there but the instance. Another world with the same ids and the same clock goes on where this one was. */
  constructor(
    line: ServerLine,
    readonly ids: IdSource,
    readonly instanceId: string,
    readonly clock = new Clock(),
  ) {
    this.rolePermissions = defaultRolePermissions(line);
    const payload = { name: this.instanceName };
    this.happened(instanceId, instanceId, { type: 'instance.added', payload });
  }

  commit(apply: (state: State) => void): void {
    const change = { at: performance.now(), stamp: this.clock.stamp(), apply };
    perform(this.now, change);
    this.#pending.push(change);
    this.#catchUp();
  }

  get reads(): State {
    this.#catchUp();
    return this.#reads;
  }

  lagReads(ms: number): void {
    this.#catchUp();
    this.#lagMs = Math.max(0, ms);
    this.#catchUp();
  }

  holdReads(): void {
    this.#catchUp();
    this.#held = true;
  }

  releaseReads(): void {
    this.#held = false;
    this.#catchUp();
  }

  /** Details of something new in the stream of events of `aggregateId`, told by its first event. */
  created(aggregateId: string, resourceOwner: string, happening: Happening): Details {
    const { sequence, stamp } = this.happened(aggregateId, resourceOwner, happening);
    return { sequence, created: stamp, changed: stamp, resourceOwner };
  }

  changed(aggregateId: string, details: Details, happening: Happening): Details {
    const { sequence, stamp } = this.happened(aggregateId, details.resourceOwner, happening);
    return { ...details, sequence, changed: stamp };
  }

  /** Events that are pushed together have one moment. */
  happened(
    aggregateId: string,
    resourceOwner: string,
    happening: Happening,
    stamp = this.clock.stamp(),
  ): { sequence: number; stamp: number } {
    const sequence = (this.#sequences.get(aggregateId) ?? 0) + 1;
    this.#sequences.set(aggregateId, sequence);
    this.events.record({ ...happening, aggregateId, resourceOwner, sequence, stamp });
    return { sequence, stamp };
  }

  #catchUp(): void {
    if (this.#held || this.#pending.length === 0) return;
    const until = performance.now() - this.#lagMs;
    const later = this.#pending.findIndex((change) => this.#lagMs > 0 && change.at > until);
    const due = this.#pending.splice(0, later === -1 ? this.#pending.length : later);
    for (const change of due) perform(this.#reads, change);
  }
}

function perform(state: State, change: Change): void {
  change.apply(state);
  state.viewed = change.stamp;
}

/** Time in microseconds since 1970, never the same twice: every change of the world has its own moment. */
class Clock {
  #last = 0;

  stamp(): number {
    this.#last = Math.max(this.#last + 1, Date.now() * 1000);
    return this.#last;
  }
}

/** A moment as protojson writes it: UTC with six digits of fraction. */
export function isoOf(stamp: number): string {
  const millis = Math.floor(stamp / 1000);
  const micros = String(stamp % 1000).padStart(3, '0');
  return new Date(millis).toISOString().replace('Z', `${micros}Z`);
}

export function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

const LOWEST = 400_000_000_000_000_000n;
const STEP = 65_536n;
const GIVEN = /^[\w-]{1,200}$/;
const GIVEN_TEXT = '1 to 200 letters, digits, - and _';

/**
 * Ids as ZITADEL makes them: 18 digits, never twice, and growing with time, so that the order of two ids
 * is the order in which they were made.
 */
export class IdSource {
  readonly #isRandom: boolean;
  readonly #given = new Set<string>();
  #last: bigint;

  /** @throws TypeError if `first` is not 18 digits */
  constructor(first?: string) {
    if (first !== undefined && !/^[1-9][0-9]{17}$/.test(first)) {
      throw new TypeError('firstId is a string of 18 digits');
    }
    this.#isRandom = first === undefined;
    this.#last =
      first === undefined
        ? LOWEST + (BigInt(`0x${randomBytes(7).toString('hex')}`) % LOWEST)
        : BigInt(first) - 1n;
  }

  next(): string {
    do {
      this.#last += this.#isRandom ? STEP * BigInt(randomInt(1, 900)) : 1n;
    } while (this.#given.has(this.#last.toString()));
    return this.#last.toString();
  }

  /**
   * The id that was asked for, or the next one.
   *
   * @throws TypeError if something has it already, or it is no id
   */
  nextOr(id: IdOption['id']): string {
    if (id === undefined) return this.next();
    if (!GIVEN.test(id)) throw new TypeError(`'${id}' is not an id: ${GIVEN_TEXT}`);
    if (this.#given.has(id)) throw new TypeError(`the id ${id} is taken`);
    this.#given.add(id);
    return id;
  }

  forgetGiven(): void {
    this.#given.clear();
  }
}

/** A map that forgets its oldest entry when it is full, so that no number of requests makes it grow. */
export class BoundedMap<Value> extends Map<string, Value> {
  constructor(readonly limit: number) {
    super();
  }

  override set(key: string, value: Value): this {
    this.delete(key);
    super.set(key, value);
    const [oldest] = this.keys();
    if (this.size > this.limit && oldest !== undefined) this.delete(oldest);
    return this;
  }
}

export function requireOrg(world: World, id: string): OrgRecord {
  const org = world.now.orgs.get(id);
  if (org === undefined) throw new ZitadelError(9, 'COMMAND-3m9gg', 'Organisation not found');
  return org;
}

export function requireProject(world: World, id: string): ProjectRecord {
  const project = world.now.projects.get(id);
  if (project === undefined) throw new ZitadelError(9, 'COMMAND-m9gsd', 'Project not found');
  return project;
}

export function requireUser(world: World, id: string): UserRecord {
  const user = world.users.get(id);
  if (user === undefined) throw new ZitadelError(9, 'COMMAND-uXHNj', 'User could not be found');
  return user;
}

export function requireGrant(world: World, id: string): GrantRecord {
  const grant = world.now.grants.get(id);
  if (grant === undefined) throw new ZitadelError(5, 'PROJECT-D8JxR', 'Project Grant not found');
  return grant;
}
