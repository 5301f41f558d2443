import { Deliveries } from './actions/deliveries.js';
import { Targets } from './actions/targets.js';
import type { EmulatorSettings, Org, Project, QueryLimits } from './model.js';
import { Credentials } from './oidc/credentials.js';
import { SigningKeys } from './oidc/keys.js';
import { TokenBox, TokenMint } from './oidc/mint.js';
import { SignIns } from './oidc/open-sign-ins.js';
import { TokenCheck } from './oidc/token-check.js';
import type { ServedApis } from './server/endpoints.js';
import { createOrg, createProject } from './world/tenants.js';
import { IdSource, World } from './world/world.js';

/** One ZITADEL instance: everything that its routes work with. What is not `readonly` is replaced while it runs. */
export interface Instance {
  readonly settings: EmulatorSettings;
  world: World;
  readonly mint: TokenMint;
  readonly tokens: TokenCheck;
  credentials: Credentials;
  readonly signIns: SignIns;
  targets: Targets;
  readonly deliveries: Deliveries;
  limits: Required<QueryLimits>;
  apis: ServedApis;
  rootOrg: Org;
  /** The project of ZITADEL itself, which tokens for the API name as audience. */
  readonly zitadelProjectId: string;
  defaultProject: Project;
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
  const { line = 'v4', issuer, firstId } = settings;
  if (issuer !== undefined) requireOrigin(issuer);
  requireOneOf('line', line, ['v4', 'main']);
  const allowed = allowances(settings);
  const source = new IdSource(firstId);
  const world = new World(line, source, ids?.instance ?? source.next());
  const keys = new SigningKeys(() => source.next());
  const deliveries = new Deliveries(world.instanceId);
  const mint = new TokenMint(world, keys, new TokenBox());
  return {
    settings,
    mint,
    tokens: new TokenCheck(mint),
    signIns: new SignIns(),
    deliveries,
    issuer: '',
    ...allowed,
    ...furnish(world, deliveries, ids),
  };
}

/** What may change while it runs, as it was in the beginning. */
function allowances({ apis = 'both', queryLimits = {} }: EmulatorSettings) {
  requireOneOf('apis', apis, ['v1', 'v2', 'both']);
  const { default: usual = 100, max = 1000, v1Max = max } = queryLimits;
  for (const limit of [usual, max, v1Max]) {
    if (Number.isSafeInteger(limit) && limit >= 0) continue;
    throw new TypeError(`queryLimits are whole numbers from 0, not ${String(limit)}`);
  }
  return { apis, limits: { default: usual, max, v1Max } };
}

export function serveApis(instance: Instance, apis: ServedApis): void {
  instance.apis = allowances({ apis }).apis;
}

export function limitQueries(instance: Instance, queryLimits: QueryLimits): void {
  instance.limits = allowances({ queryLimits }).limits;
}

function requireOneOf(name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new TypeError(`${name} '${value}' is none of ${known.join(', ')}`);
}

function requireOrigin(issuer: string): void {
  const origin = URL.canParse(issuer) ? new URL(issuer).origin : undefined;
  if (origin === issuer) return;
  throw new TypeError(`issuer '${issuer}' is not a plain origin like 'https://acme.example'`);
}

/** A new instance holds what a new ZITADEL holds, and the project `app`. */
function furnish(world: World, deliveries: Deliveries, ids?: InstanceIds) {
  const targets = new Targets(world);
  world.events.heard = (event) => deliveries.add(event, targets.targetsOf(event.type));
  const rootOrg = createOrg(world, world.instanceName, { id: ids?.organization });
  return {
    world,
    targets,
    credentials: new Credentials(world),
    rootOrg,
    zitadelProjectId: createProject(world, 'ZITADEL', rootOrg.id, { id: ids?.zitadelProject }).id,
    defaultProject: createProject(world, 'app', rootOrg.id, { id: ids?.project }),
  };
}

/** Makes an instance what it was when it was new. Its ids, its keys and the tokens that it issued stay. */
export function renew(instance: Instance): void {
  const { settings, mint, deliveries, rootOrg, zitadelProjectId, defaultProject } = instance;
  const { ids, instanceId, clock } = instance.world;
  deliveries.drop();
  mint.box.forgetGiven();
  ids.forgetGiven();
  mint.world = new World(settings.line ?? 'v4', ids, instanceId, clock);
  const same = {
    instance: instanceId,
    organization: rootOrg.id,
    zitadelProject: zitadelProjectId,
    project: defaultProject.id,
  };
  Object.assign(instance, allowances(settings), furnish(mint.world, deliveries, same));
}
