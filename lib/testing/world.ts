import { Clock } from './clock.js';
import { EventLog, type Happening } from './event-log.js';
import { IdSource } from './ids.js';
import { type ServerLine, defaultRolePermissions } from './role-permissions.js';
import { type Details, type State, type UserRecord, emptyState } from './state.js';

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
  readonly ids = new IdSource();
  readonly clock = new Clock();
  readonly instanceId = this.ids.next();
  readonly instanceName = 'ZITADEL';
  readonly users = new Map<string, UserRecord>();
  readonly now: State = emptyState();
  readonly events = new EventLog();
  readonly rolePermissions: Map<string, readonly string[]>;
  /** Names of organizations that were removed, by id: calls may still name them. */
  readonly removedOrgs = new Map<string, string>();
  /** When grants were removed, by project and granted organization. */
  readonly grantRemovals = new Map<string, number>();

  readonly #reads: State = emptyState();
  readonly #sequences = new Map<string, number>();
  #pending: Change[] = [];
  #lagMs = 0;
  #held = false;

  constructor(line: ServerLine = 'v4') {
    this.rolePermissions = defaultRolePermissions(line);
    const { instanceId, instanceName: name } = this;
    this.happened(instanceId, instanceId, { type: 'instance.added', payload: { name } });
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
