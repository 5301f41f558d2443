// Random worlds and questions for the proof `decisions`: small, so that rows and questions often meet.
import {
  LITERAL,
  PRINTED,
  type Asked,
  type Demand,
  type Grant,
  type Kind,
  type Place,
  type Row,
  type Table,
  type Target,
} from './oracle.js';
import type { Random } from './seeded-random.js';

/** A row as the library gets it: some say who owns the project, as ZITADEL's rows do, and those of API v2 both ends of a grant. */
export interface SaidRow extends Row {
  readonly owner?: string;
  readonly ends?: Grant;
}

/** One world and one question about it. */
export interface Case {
  readonly table: Table;
  readonly owners: ReadonlyMap<string, string>;
  readonly grants: ReadonlyMap<string, Grant>;
  readonly rows: readonly SaidRow[];
  /** A further row, to see that it takes nothing away. */
  readonly extra: SaidRow;
  readonly demand: Demand;
  readonly asked: Asked;
}

// Ids are shared between the kinds on purpose: a confusion of kinds must show.
const IDS = ['1', '2', '3', '69629023906488334', '7'.repeat(200)];

const KINDS: readonly (readonly [Kind, number])[] = [
  ['instance', 14],
  ['org', 32],
  ['project', 28],
  ['grant', 26],
];

const BUILT_IN: Readonly<Record<Kind, readonly (readonly [string, number])[]>> = {
  instance: [
    ['IAM_OWNER', 6],
    ['IAM_OWNER_VIEWER', 5],
    ['IAM_ORG_MANAGER', 4],
    ['IAM_USER_MANAGER', 4],
    ['IAM_ADMIN_IMPERSONATOR', 2],
    ['IAM_END_USER_IMPERSONATOR', 2],
    ['IAM_LOGIN_CLIENT', 2],
  ],
  org: [
    ['ORG_OWNER', 12],
    ['ORG_OWNER_VIEWER', 8],
    ['ORG_USER_MANAGER', 2],
    ['ORG_SETTINGS_MANAGER', 1],
    ['ORG_USER_PERMISSION_EDITOR', 1],
    ['ORG_PROJECT_PERMISSION_EDITOR', 1],
    ['ORG_PROJECT_CREATOR', 1],
    ['ORG_USER_SELF_MANAGER', 1],
    ['ORG_ADMIN_IMPERSONATOR', 1],
    ['ORG_END_USER_IMPERSONATOR', 1],
  ],
  project: [
    ['PROJECT_OWNER', 8],
    ['PROJECT_OWNER_VIEWER', 8],
    ['PROJECT_OWNER_GLOBAL', 1],
    ['PROJECT_OWNER_VIEWER_GLOBAL', 1],
  ],
  grant: [
    ['PROJECT_GRANT_OWNER', 1],
    ['PROJECT_GRANT_OWNER_VIEWER', 1],
  ],
};

const ALL_BUILT_IN = Object.values(BUILT_IN).flat();

/** Roles that an operator added to ZITADEL. */
export const CUSTOM: Readonly<Record<Kind, readonly string[]>> = {
  instance: ['IAM_AUDITOR'],
  org: ['ORG_AUDITOR', 'ORG_PROJECT_OWNER'],
  project: ['PROJECT_AUDITOR', 'PROJECT_GRANTS_EDITOR'],
  grant: ['PROJECT_GRANT_AUDITOR'],
};

const MEANINGLESS = ['SELF_MANAGEMENT_GLOBAL', 'SYSTEM_OWNER', 'org_owner', '', '__proto__'];

const CONTAINERS = ['params', 'query', 'body', 'headers'] as const;
const NAMES = ['id', 'orgId', 'projectId', 'grantId', 'x-zitadel-orgid'];

/** What requests hold instead of an id. */
function noId(random: Random): unknown {
  const id = random.pick(IDS);
  return random.pick<() => unknown>([
    () => Number(id),
    () => BigInt(id),
    () => [id],
    () => [],
    () => [id, id],
    () => ({ id }),
    () => ({ toString: () => id, length: 1 }),
    () => new String(id),
    () => null,
    () => true,
    () => '',
    () => ' ',
    () => ` ${id}`,
    () => `${id} `,
    () => `${id}\n`,
    () => `\n${id}`,
    () => `${id},${id}`,
    () => `${id}/../${id}`,
    () => `%3${random.below(10)}`,
    () => `-${id}`,
    () => `${id}e2`,
    () => '0x1',
    () => '１',
    () => '٣',
    () => `${id}\u0000`,
    () => `\u200b${id}`,
    () => '1'.repeat(201),
    () => '1'.repeat(100_000),
  ])();
}

interface Known {
  readonly ids: Readonly<Record<Kind, readonly string[]>>;
}

/** Fills a request while places in it are named: one value a place, however often it is named. */
class RequestInTheMaking {
  private readonly containers: Asked & Record<(typeof CONTAINERS)[number], unknown>;

  constructor(
    private readonly random: Random,
    private readonly known: Known,
  ) {
    const container = (): unknown => {
      const dice = random.next();
      if (dice < 0.03) return undefined;
      if (dice < 0.04) return null;
      if (dice < 0.05) return 'text';
      if (dice < 0.07) return Object.create({ [random.pick(NAMES)]: random.pick(IDS) });
      return dice < 0.5 ? Object.create(null) : {};
    };
    this.containers = {
      params: container(),
      query: container(),
      body: container(),
      headers: random.chance(0.02) ? Object.create({ id: '1' }) : {},
    };
  }

  get asked(): Asked {
    return this.containers;
  }

  place(kind: Kind): Place {
    const { random } = this;
    if (random.chance(0.25)) return { literal: this.idOf(kind) };
    const where = random.pick(CONTAINERS);
    const named = random.chance(0.003) ? 'constructor' : random.pick(NAMES);
    // Node writes the names of headers in small letters.
    const name = where === 'headers' ? named.toLowerCase() : named;
    const container = this.containers[where];
    if (typeof container === 'object' && container !== null && !Object.hasOwn(container, name)) {
      const value = name in container && random.chance(0.7) ? 'nothing' : this.value(kind);
      if (value !== 'nothing') Object.assign(container, { [name]: value.is });
    }
    return { in: where, name };
  }

  private value(kind: Kind): { readonly is: unknown } | 'nothing' {
    const { random } = this;
    const dice = random.next();
    if (dice < 0.06) return 'nothing';
    if (dice < 0.065) return { is: undefined };
    return { is: dice < 0.085 ? noId(random) : this.idOf(kind) };
  }

  private idOf(kind: Kind): string {
    const known = this.known.ids[kind];
    return known.length > 0 && this.random.chance(0.9)
      ? this.random.pick(known)
      : this.random.pick(IDS);
  }
}

function rolesOn(kind: Kind, random: Random): string[] {
  return Array.from({ length: 1 + random.below(3) }, () => {
    const dice = random.next();
    if (dice < 0.06) return random.pick(CUSTOM[kind]);
    if (dice < 0.14) return random.weighted(ALL_BUILT_IN);
    if (dice < 0.16) return random.pick(MEANINGLESS);
    // ZITADEL lets a project member hold roles of a grant.
    if (dice < 0.26 && kind === 'project') return random.weighted(BUILT_IN.grant);
    return random.weighted(BUILT_IN[kind]);
  });
}

function target(kind: Kind, request: RequestInTheMaking, random: Random): Target {
  switch (kind) {
    case 'instance':
      return { on: kind };
    case 'org':
      return { on: kind, id: request.place('org') };
    case 'project':
      return random.chance(0.35)
        ? { on: kind, id: request.place('project'), ownedBy: request.place('org') }
        : { on: kind, id: request.place('project') };
    case 'grant':
      return random.chance(0.5)
        ? { on: kind, project: request.place('project'), grantedOrg: request.place('org') }
        : { on: kind, id: request.place('grant') };
  }
}

function demand(request: RequestInTheMaking, random: Random, depth: number): Demand {
  const dice = random.next();
  if (depth > 0 && dice < 0.35) {
    const parts = Array.from({ length: 1 + random.below(3) }, () =>
      demand(request, random, depth - 1),
    );
    return dice < 0.16 ? { every: parts } : { some: parts };
  }
  if (dice > 0.97) return { caller: true };
  const kind = random.weighted(KINDS);
  const roles = Array.from(
    {
      length: random.weighted([
        [1, 5],
        [2, 3],
        [3, 1],
      ] as const),
    },
    () => (random.chance(0.06) ? random.pick(CUSTOM[kind]) : random.weighted(BUILT_IN[kind])),
  );
  return { roles, target: target(kind, request, random) };
}

function tableOf(random: Random): Table {
  const dice = random.next();
  if (dice < 0.7) return PRINTED;
  if (dice < 0.8) return LITERAL;
  const table: Record<string, string[]> = {};
  for (let edges = 1 + random.below(10); edges > 0; edges -= 1) {
    (table[random.weighted(ALL_BUILT_IN)] ??= []).push(random.weighted(ALL_BUILT_IN));
  }
  return table;
}

/** Draws a world and a question. */
export function drawCase(random: Random): Case {
  const orgs = random.shuffled(IDS).slice(0, 2 + random.below(2));
  const owners = new Map<string, string>();
  for (const id of random.shuffled(IDS).slice(0, 1 + random.below(3))) {
    owners.set(id, random.pick(orgs));
  }
  const grants = new Map<string, Grant>();
  for (const id of random.shuffled(IDS).slice(0, random.below(4))) {
    const [project, owner] = random.pick([...owners]);
    const grantedOrg = random.pick(orgs.filter((org) => org !== owner));
    const taken = [...grants.values()].some(
      (grant) => grant.project === project && grant.grantedOrg === grantedOrg,
    );
    if (!taken) grants.set(id, { project, grantedOrg });
  }
  const ids = {
    instance: ['', '900', ...orgs],
    org: orgs,
    project: [...owners.keys()],
    grant: [...grants.keys()],
  };
  const row = (): SaidRow => {
    const kind = random.weighted(KINDS);
    const known = ids[kind];
    const id = known.length > 0 && random.chance(0.93) ? random.pick(known) : random.pick(IDS);
    const project = kind === 'grant' ? grants.get(id)?.project : kind === 'project' ? id : '';
    const owner = owners.get(project ?? '');
    const ends = kind === 'grant' ? grants.get(id) : undefined;
    return {
      kind,
      id,
      roles: rolesOn(kind, random),
      ...(owner !== undefined && random.chance(0.5) && { owner }),
      ...(ends && random.chance(0.5) && { ends }),
    };
  };
  const request = new RequestInTheMaking(random, { ids });
  return {
    table: tableOf(random),
    owners,
    grants,
    rows: Array.from({ length: random.below(7) }, row),
    extra: row(),
    demand: demand(request, random, 3),
    asked: request.asked,
  };
}
