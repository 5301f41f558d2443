import type {
  Facts,
  GrantFact,
  Hidden,
  Permissions,
  ResourceFacts,
  ResourceNeed,
} from './facts.js';
import type { MembershipIndex, RowsOn } from './membership.js';

type Answer = string | GrantFact | Hidden | MembershipIndex | Permissions | null;

/** What is remembered, and over it what was asked for one question: its answers can bring further questions. */
export class AskedFacts implements Facts {
  readonly #asked = new Map<string, Answer>();

  constructor(private readonly remembered: Facts) {}

  ownerOf(projectId: string): string | null | undefined {
    return this.#of(['owner', projectId], () => this.remembered.ownerOf(projectId));
  }

  grantOf(grantId: string): GrantFact | Hidden | null | undefined {
    return this.#of(['grant', grantId], () => this.remembered.grantOf(grantId));
  }

  grantBetween(projectId: string, grantedOrgId: string): GrantFact | null | undefined {
    return this.#of(['between', projectId, grantedOrgId], () =>
      this.remembered.grantBetween(projectId, grantedOrgId),
    );
  }

  rowsOn(on: RowsOn): MembershipIndex | undefined {
    return this.#of(['rows', on], () => this.remembered.rowsOn?.(on));
  }

  permissionsIn(orgId: string): Permissions | undefined {
    return this.#of(['permissions', orgId], () => this.remembered.permissionsIn?.(orgId));
  }

  /** Takes the answer to a need about a resource. */
  learn(need: ResourceNeed, facts: ResourceFacts): void {
    switch (need.fact) {
      case 'owner':
        this.#set(['owner', need.projectId], facts.ownerOf(need.projectId));
        break;
      case 'grant':
        this.#set(['grant', need.grantId], facts.grantOf(need.grantId));
        break;
      case 'grantBetween': {
        const { projectId, grantedOrgId } = need;
        this.#set(
          ['between', projectId, grantedOrgId],
          facts.grantBetween(projectId, grantedOrgId),
        );
      }
    }
  }

  learnRows(on: RowsOn, rows: MembershipIndex): void {
    this.#set(['rows', on], rows);
  }

  learnPermissions(orgId: string, permissions: Permissions): void {
    this.#set(['permissions', orgId], permissions);
  }

  #of<T extends Answer>(key: readonly unknown[], remembered: () => T | undefined): T | undefined {
    const asked = this.#asked.get(JSON.stringify(key));
    return asked === undefined ? remembered() : (asked as T);
  }

  #set(key: readonly unknown[], answer: Answer | undefined): void {
    this.#asked.set(JSON.stringify(key), answer ?? null);
  }
}
