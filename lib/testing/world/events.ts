const KEPT = 10_000;

/** Something that happened: a type such as `org.member.added`, and what it says. */
export interface Happening {
  readonly type: string;
  readonly payload?: Readonly<Record<string, unknown>>;
}

export interface EventRecord extends Happening {
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly resourceOwner: string;
  readonly sequence: number;
  readonly stamp: number;
  /** Nobody where the system did it itself. */
  readonly editor: Editor | undefined;
}

interface Editor {
  readonly id: string;
  readonly displayName: string;
}

/** The last 10,000 events, in their order. */
export class EventLog {
  /** Who makes the changes that verbs make. */
  verbEditor: Editor | undefined;
  /** Who makes the changes of the current call. */
  caller: Editor | undefined;
  /** Hears of each event once. */
  heard: ((event: EventRecord) => void) | undefined;
  #last: EventRecord[] = [];

  record(event: Omit<EventRecord, 'editor' | 'aggregateType'>): void {
    const [first = '', second] = event.type.split('.');
    // Types begin with their aggregate, but for those of user grants.
    const aggregateType = first === 'user' && second === 'grant' ? 'usergrant' : first;
    const recorded = { ...event, aggregateType, editor: this.caller ?? this.verbEditor };
    this.#last.push(recorded);
    // Cut in blocks, so that a full log does not move ten thousand entries an event.
    if (this.#last.length >= KEPT * 2) this.#last = this.#last.slice(-KEPT);
    this.heard?.(recorded);
  }

  /** Oldest first. */
  get all(): readonly EventRecord[] {
    return this.#last.slice(-KEPT);
  }
}
