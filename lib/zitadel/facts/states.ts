import type { Asking, StateLookups } from '../../core/ask.js';
import type { Deactivable, StateFact } from '../../core/decide/case.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import { bounded, forgetWhere } from '../../core/memory/bounded.js';
import { SingleFlight } from '../../core/memory/flight.js';
import { isValid, Lease, validFor, ANEW } from '../../core/validity.js';
import { askState } from './ask-state.js';
import type { FactSource } from './known-facts.js';

interface StatesOptions extends FactSource {
  /** How long a state is remembered, in milliseconds since it was asked for. */
  readonly ttlMs: number;
}

interface Known {
  readonly of: Deactivable;
  readonly fact: StateFact;
  readonly lease: Lease;
  /** On the monotonic clock. */
  readonly askedAt: number;
}

const MOST_REMEMBERED = 50_000;

/** Remembers which organizations, projects and project grants are active. The service user asks, so what it is told counts for all. */
export class States implements StateLookups {
  readonly #known = bounded<string, Known>(MOST_REMEMBERED, undefined, ({ lease }) => {
    lease.end();
  });
  readonly #flights = new SingleFlight<StateFact | Refusal, string>();
  #generation = 0;

  constructor(private readonly options: StatesOptions) {}

  known(of: Deactivable, notBefore: number): Known | undefined {
    const known = this.#known.get(keyOf(of));
    if (!known?.lease.runs()) return undefined;
    // Only what denies has to be as new as a "no".
    const isNew = known.askedAt >= notBefore || (known.fact.isActive && notBefore !== ANEW);
    return isNew ? known : undefined;
  }

  async ask(of: Deactivable, asking: Asking): Promise<StateFact | Refusal> {
    const { notBefore, toll } = asking;
    const known = this.known(of, notBefore);
    if (known) return known.fact;
    return toll.pay() ?? this.#flights.ask(() => this.#ask(of, asking), keyOf(of), notBefore);
  }

  /** Forgets these organizations, their projects and grants, and grants to them. */
  evictOrganizations(orgIds: ReadonlySet<string>): void {
    forgetWhere(this.#known, ({ of, fact: { ownerOrgId, grantedOrgId } }) =>
      [of.kind === 'org' ? of.id : ownerOrgId, grantedOrgId].some(
        (id) => id !== undefined && orgIds.has(id),
      ),
    );
    this.#startAnew();
  }

  evictAll(): void {
    this.#known.clear();
    this.#startAnew();
  }

  async #ask(of: Deactivable, { userId }: Asking): Promise<StateFact | Refusal> {
    const askedAt = performance.now();
    const lease = new Lease(validFor(this.options.ttlMs));
    const generation = this.#generation;
    const fact = await askState(this.options, of, userId);
    if (isRefusal(fact)) return fact;
    // If it was asked before an eviction, only those who wait get it.
    const isKept = generation === this.#generation && isValid(lease);
    if (isKept) this.#known.set(keyOf(of), { of, fact, lease, askedAt });
    return fact;
  }

  #startAnew(): void {
    this.#generation += 1;
    this.#flights.dropAll();
  }
}

function keyOf({ kind, id }: Deactivable): string {
  return `${kind} ${id}`;
}
