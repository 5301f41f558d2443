import type { Asking, StateLookups } from '../../core/ask.js';
import type { Deactivable, StateFact } from '../../core/decide/case.js';
import { isRefusal, type Refusal } from '../../core/decision.js';
import { bounded, forgetWhere } from '../../core/memory/bounded.js';
import { SingleFlight } from '../../core/memory/flight.js';
import { own } from '../../core/own-properties.js';
import { ANEW, isValid, Lease, validFor } from '../../core/validity.js';
import type { ProjectGrant } from '../grants/project-grant.js';
import type { Generation } from '../generation.js';
import { NO_GRANT_IDS, unfit } from '../refusals.js';
import {
  aboutSomethingElse,
  andThen,
  type FactCall,
  askFact,
  type Fact,
  type FactSource,
  grantBy,
  grantsBetween,
  HIDDEN,
  projectBy,
} from './ask-fact.js';

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

const WHAT = 'states';

/** A removed organization has no state, and a later ZITADEL may have another one. */
const UNKNOWN = unfit(WHAT, 'it is neither active nor inactive');

const UNSEEN: Refusal = {
  reason: 'misconfigured',
  detail: 'states: the service user does not see whether something is active',
  remedy:
    "with memberships.inactive: 'deny', give the service user IAM_OWNER_VIEWER, or ORG_OWNER_VIEWER in every organization where callers have a role",
};

/** Asks as the service user whether something is active. By API v1 it is asked under an organization. */
async function askState(
  source: FactSource,
  of: Deactivable,
  userId: string,
): Promise<StateFact | Refusal> {
  const found = await source.generation.ask<Fact<StateFact>>(async (generation) => {
    const asked = stateBy(generation, of);
    if (isRefusal(asked)) return { served: undefined, value: asked };
    const orgId = (generation === 'v1' && (of.kind === 'org' ? of.id : of.ownerOrgId)) || '';
    return askFact(source, { orgId, userId, token: '' }, asked);
  });
  return found === undefined || found === HIDDEN ? UNSEEN : found;
}

/**
 * Organizations by `GET /management/v1/orgs/me` under the organization, or `ListOrganizations` of `zitadel.org.v2`. Grants by API v2 with
 * their two ends.
 */
function stateBy(generation: Generation, of: Deactivable): FactCall<StateFact> | Refusal {
  const { kind, id, projectId, grantedOrgId } = of;
  if (kind === 'org') return generation === 'v1' ? orgByV1(id) : orgByV2(id);
  if (kind === 'project') {
    return andThen(projectBy(generation, id), ({ ownerOrgId, state }) =>
      stateFrom('PROJECT_STATE', state, { ownerOrgId }),
    );
  }
  if (generation === 'v1') return andThen(grantBy(id), stateOfGrant);
  // Rows that API v1 wrote name a grant by its id.
  if (projectId === undefined || grantedOrgId === undefined) return NO_GRANT_IDS;
  return andThen(
    grantsBetween('grant', { projectId, grantedOrgId }),
    ({ rows: [grant, ...more] }) =>
      more.length > 0 ? aboutSomethingElse('project grants') : grant && stateOfGrant(grant),
  );
}

function orgByV1(id: string): FactCall<StateFact> {
  return {
    call: { family: 'org', method: 'GET', path: '/management/v1/orgs/me' },
    read: ({ org }) => stateOfOrg(org, id, 'ORG_STATE'),
  };
}

function orgByV2(id: string): FactCall<StateFact> {
  return {
    call: {
      family: 'org',
      method: 'POST',
      path: '/zitadel.org.v2.OrganizationService/ListOrganizations',
      json: { queries: [{ idQuery: { id } }] },
    },
    read: ({ result = [] }) => {
      if (!Array.isArray(result) || result.length > 1) {
        return unfit('organization', 'it is no list of one');
      }
      const [org] = result as readonly unknown[];
      return org === undefined ? undefined : stateOfOrg(org, id, 'ORGANIZATION_STATE');
    },
  };
}

function stateOfOrg(org: unknown, id: string, prefix: string): StateFact | Refusal {
  return own(org, 'id') === id
    ? stateFrom(prefix, own(org, 'state'), {})
    : aboutSomethingElse(WHAT);
}

function stateOfGrant(grant: ProjectGrant): StateFact | Refusal {
  const { state, projectId, grantedOrgId, projectOwnerId: ownerOrgId } = grant;
  if (ownerOrgId === '') return aboutSomethingElse(WHAT);
  if (state === 'unknown') return UNKNOWN;
  return { isActive: state === 'active', ownerOrgId, projectId, grantedOrgId };
}

function stateFrom(
  prefix: string,
  state: unknown,
  of: Omit<StateFact, 'isActive'>,
): StateFact | Refusal {
  const isActive = state === `${prefix}_ACTIVE`;
  return isActive || state === `${prefix}_INACTIVE` ? { isActive, ...of } : UNKNOWN;
}
