import type { RowsOn } from './caller.js';
import type { StateLookups } from './ask.js';
import type { Facts, Deactivable, StateFact } from './decide/case.js';
import type { Lease } from './validity.js';

/** What is remembered, with the states of resources, and the leases of those that a decision has read. */
export class KnownStates implements Facts {
  readonly #leases: Lease[] = [];

  constructor(
    private readonly facts: Facts,
    private readonly states: StateLookups,
    private readonly notBefore: number,
  ) {}

  get leases(): readonly Lease[] {
    return [...(this.facts.leases ?? []), ...this.#leases];
  }

  readonly stateOf = (of: Deactivable): StateFact | undefined => {
    const known = this.states.known(of, this.notBefore);
    if (known) this.#leases.push(known.lease);
    return known?.fact;
  };

  ownerOf(projectId: string) {
    return this.facts.ownerOf(projectId);
  }

  grantOf(grantId: string) {
    return this.facts.grantOf(grantId);
  }

  grantBetween(projectId: string, orgId: string) {
    return this.facts.grantBetween(projectId, orgId);
  }

  rowsOn(on: RowsOn) {
    return this.facts.rowsOn?.(on);
  }

  permissionsIn(orgId: string) {
    return this.facts.permissionsIn?.(orgId);
  }

  rolesGiven(projectId: string, orgId: string) {
    return this.facts.rolesGiven?.(projectId, orgId);
  }
}
