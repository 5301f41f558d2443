import type { Instance } from '../instance.js';
import { requireApiToken } from '../oidc/token-check.js';
import type { Message } from '../server/protojson.js';
import type { EndpointName } from '../server/endpoints.js';
import { type Exchange, ZitadelError } from '../server/replies.js';
import type { GrantCheck } from '../world/grants.js';
import { membersOf } from '../world/managers.js';
import type { GrantRecord, MemberRecord, State } from '../world/state.js';
import type { World } from '../world/world.js';

/**
 * One call of the API: it gets the decoded message and gives the body of the reply. What it throws is the
 * refusal. ZITADEL decodes a message before it looks at the token, so a call reads its fields first.
 */
export type ApiHandle = (instance: Instance, exchange: Exchange, message: Message) => object;

/** A call of the REST API. A star stands for one part of the path. */
export type ApiRow = [method: string, path: string, endpoint: EndpointName, handle: ApiHandle];

/** A method of a Connect service. */
export type Method = readonly [name: string, endpoint: EndpointName, handle: ApiHandle];

/** The permissions that the emulated calls ask for. */
export type Permission =
  | `${'org' | 'project' | 'user' | 'action.target'}.${'read' | 'write' | 'delete'}`
  | `project.${'role' | 'app' | 'grant'}.${'read' | 'write' | 'delete'}`
  | `${'iam' | 'org' | 'project'}.member.${'read' | 'write' | 'delete'}`
  | `action.execution.${'read' | 'write'}`
  | `${'user.membership' | 'user.grant' | 'project.grant.member' | 'events'}.read`
  | 'project.create';

/** Where a permission is held: everywhere in the organization, or on these projects and grants only. */
interface Held {
  readonly everywhere: boolean;
  readonly ids: ReadonlySet<string>;
}

/** The caller of a call that needs a permission, on whatever resource. */
export function callerWith(instance: Instance, exchange: Exchange, permission: Permission): Caller {
  const caller = callerOf(instance, exchange);
  caller.require(permission);
  return caller;
}

/** Finds out who calls the API. Throws what ZITADEL refuses a call with before any permission. */
export function callerOf(instance: Instance, exchange: Exchange): Caller {
  const authorization = exchange.headers.authorization ?? '';
  if (authorization === '') throw new ZitadelError(16, undefined, 'auth header missing');
  if (!authorization.startsWith('Bearer ')) {
    throw new ZitadelError(16, 'AUTH-toLo1', 'invalid auth header');
  }
  const { world, tokens, issuer, zitadelProjectId } = instance;
  const token = authorization.slice('Bearer '.length);
  const live = tokens.check(token, [issuer, exchange.issuer]);
  const user = requireApiToken(live, zitadelProjectId);
  const asked = String(exchange.headers['x-zitadel-orgid'] ?? '');
  const orgId = asked === '' ? user.orgId : asked;
  if (!world.now.orgs.has(orgId) && !world.removedOrgs.has(orgId)) {
    throw new ZitadelError(7, 'AUTH-Bs7Ds', "Organisation doesn't exist");
  }
  world.events.caller = { id: user.id, displayName: user.displayName };
  return new Caller(world, user.id, orgId);
}

/** The user who calls, and what manager roles permit them. */
export class Caller {
  readonly #world: World;

  constructor(
    world: World,
    readonly userId: string,
    /** The organization that the call acts in: `x-zitadel-orgid`, else the caller's own. */
    readonly orgId: string,
  ) {
    this.#world = world;
  }

  /** The check in front of a call: held anywhere in the organization that the call acts in. */
  require(permission: Permission): Held {
    const held = this.#requireHeld(permission, this.orgId);
    if (isNowhere(held)) throw refusal('AUTH-5mWD2');
    return held;
  }

  /** The same for a call that names the one resource it is about. */
  requireOn(permission: Permission, resourceId: string): void {
    if (!reaches(this.require(permission), resourceId)) throw refusal('AUTH-3jknH');
  }

  /** The check inside a command, in the organization that owns the resource. */
  checkFor(permission: Permission): GrantCheck {
    return (ownerOrgId, resourceIds) => {
      const held = this.#requireHeld(permission, ownerOrgId);
      if (isNowhere(held)) throw refusal('AUTH-AWfge');
      if (!resourceIds.some((id) => reaches(held, id))) throw refusal('AUTH-Swrgg2');
    };
  }

  /** The rule of lists: a row that the reader has no right to is left out. */
  may(permission: Permission, orgId: string, resourceId: string): boolean {
    return reaches(this.#held(permission, this.#rowsIn(this.#world.now, orgId)), resourceId);
  }

  /** The owner of a grant may, the organization that has it, and a manager of the project. */
  mayOnGrant(permission: Permission, grant: GrantReach): boolean {
    return (
      this.may(permission, grant.ownerOrgId, grant.id) ||
      this.may(permission, grant.grantedOrgId, grant.id) ||
      this.may(permission, grant.ownerOrgId, grant.projectId)
    );
  }

  /** Everything that the caller may do, as reads see it. Narrow rights name their resource. */
  permissions(): string[] {
    const all = this.#rowsIn(this.#world.reads, this.orgId).flatMap(({ scope, roles }) => {
      const suffix = isNarrow(scope.kind) ? `:${scope.id}` : '';
      return roles
        .flatMap((role) => this.#world.rolePermissions.get(role) ?? [])
        .map((permission) => `${permission}${suffix}`);
    });
    return [...new Set(all)];
  }

  #requireHeld(permission: Permission, orgId: string): Held {
    const rows = this.#rowsIn(this.#world.now, orgId);
    if (rows.length === 0) throw new ZitadelError(5, 'AUTHZ-cdgFk', 'membership not found');
    return this.#held(permission, rows);
  }

  #held(permission: Permission, rows: readonly MemberRecord[]): Held {
    const granting = rows.filter(({ roles }) =>
      roles.some((role) => this.#world.rolePermissions.get(role)?.includes(permission)),
    );
    const narrow = granting.filter(({ scope }) => isNarrow(scope.kind));
    return {
      everywhere: narrow.length < granting.length,
      ids: new Set(narrow.map(({ scope }) => scope.id)),
    };
  }

  /** Rows of the instance count everywhere, those of a grant also in the organization that has it. */
  #rowsIn(state: State, orgId: string): MemberRecord[] {
    return membersOf(state, this.userId).filter(({ scope, details }) => {
      const owner = details.resourceOwner;
      if (owner === orgId || owner === this.#world.instanceId) return true;
      return scope.kind === 'projectGrant' && state.grants.get(scope.id)?.grantedOrgId === orgId;
    });
  }
}

type GrantReach = Pick<GrantRecord, 'id' | 'projectId' | 'ownerOrgId' | 'grantedOrgId'>;

function isNarrow(kind: MemberRecord['scope']['kind']): boolean {
  return kind === 'project' || kind === 'projectGrant';
}

function isNowhere({ everywhere, ids }: Held): boolean {
  return !everywhere && ids.size === 0;
}

function reaches({ everywhere, ids }: Held, resourceId: string): boolean {
  return everywhere || ids.has(resourceId);
}

function refusal(id: string): ZitadelError {
  return new ZitadelError(7, id, 'No matching permissions found');
}
