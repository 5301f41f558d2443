import { Deliveries } from './actions/deliveries.js';
import { Targets } from './actions/targets.js';
import type { EmulatorSettings, Org, Project, QueryLimits } from './model.js';
import { Credentials } from './oidc/credentials.js';
import { SigningKeys } from './oidc/keys.js';
import { TokenBox, TokenMint } from './oidc/mint.js';
import { SignIns, TokenCheck } from './oidc/token-check.js';
import { requireLine } from './world/role-permissions.js';
import { createOrg, createProject } from './world/tenants.js';
import { World } from './world/world.js';

/** One ZITADEL instance: everything that its routes work with. */
export interface Instance {
  readonly world: World;
  readonly mint: TokenMint;
  readonly tokens: TokenCheck;
  readonly credentials: Credentials;
  readonly signIns: SignIns;
  readonly targets: Targets;
  readonly deliveries: Deliveries;
  limits: Required<QueryLimits>;
  /** Whether ListAdministrators has the filters that came in January 2026. */
  readonly newFilters: boolean;
  readonly rootOrg: Org;
  /** The project of ZITADEL itself, which tokens for the API name as audience. */
  readonly zitadelProjectId: string;
  readonly defaultProject: Project;
  /** The issuer that the instance knows. A request over an internal address may see another one. */
  issuer: string;
}

/** Ids of what a new instance holds. Without them ZITADEL makes them up. */
export interface InstanceIds {
  readonly instance: string;
  readonly organization: string;
  readonly zitadelProject: string;
  readonly project: string;
}

export function createInstance(settings: EmulatorSettings, ids?: InstanceIds): Instance {
  const { line = 'v4', administratorFilters = true, queryLimits = {} } = settings;
  requireLine(line);
  const limits = limitsOf(queryLimits);
  const world = new World(line, settings.firstId, ids?.instance);
  const keys = new SigningKeys(() => world.ids.next());
  const targets = new Targets(world);
  const deliveries = new Deliveries(world.instanceId);
  world.events.heard = (event) => deliveries.add(event, targets.targetsOf(event.type));
  const mint = new TokenMint(world, keys, new TokenBox());
  return {
    world,
    mint,
    tokens: new TokenCheck(mint),
    credentials: new Credentials(world),
    signIns: new SignIns(),
    targets,
    deliveries,
    limits,
    newFilters: administratorFilters,
    issuer: '',
    ...furnish(world, ids),
  };
}

/** What a server allows, with the defaults of ZITADEL. */
export function limitsOf(limits: QueryLimits): Required<QueryLimits> {
  const { default: usual = 100, max = 1000, v1Max = max } = limits;
  for (const limit of [usual, max, v1Max]) {
    if (Number.isSafeInteger(limit) && limit >= 0) continue;
    throw new TypeError(`queryLimits are whole numbers from 0, not ${String(limit)}`);
  }
  return { default: usual, max, v1Max };
}

/** A new instance holds what a new ZITADEL holds, and the project `app`. */
function furnish(world: World, ids?: InstanceIds) {
  const rootOrg = createOrg(world, world.instanceName, { id: ids?.organization });
  return {
    rootOrg,
    zitadelProjectId: createProject(world, 'ZITADEL', rootOrg.id, { id: ids?.zitadelProject }).id,
    defaultProject: createProject(world, 'app', rootOrg.id, { id: ids?.project }),
  };
}

/** Makes an instance what it was when it was new. Its ids, its keys and the tokens that it issued stay. */
export function renew(instance: Instance): void {
  const { world, mint, credentials, targets, deliveries } = instance;
  deliveries.meet({});
  deliveries.drop();
  targets.begin();
  credentials.begin();
  mint.box.forgetGiven();
  world.lagReads(0);
  world.releaseReads();
  world.begin();
  furnish(world, {
    instance: world.instanceId,
    organization: instance.rootOrg.id,
    zitadelProject: instance.zitadelProjectId,
    project: instance.defaultProject.id,
  });
}
