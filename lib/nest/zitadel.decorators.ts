import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Caller } from '../core/caller.js';
import { attachedTo, lacksCaller } from '../core/attached-decision.js';
import { type Allowed, checkedId, type CheckedKind, type Refusal } from '../core/decision.js';
import { ZitadelRequirementError } from '../core/errors.js';
import { own, withoutInheritance } from '../core/own-properties.js';
import {
  authenticated,
  type AuthenticatedOptions,
  isOptional,
  type OptionalCaller,
  permission,
  role,
  projectRole,
  type ProjectRoleOn,
} from '../core/requirement/builders.js';
import {
  type Requirement,
  requirementOf,
  type FreshOptions,
} from '../core/requirement/requirement.js';
import type { FittingRoles, OnArgs, WrittenRoles } from '../core/requirement/role-args.js';
import { type Declaration, declare } from './declarations.js';
import { doorOf } from './doors/doors.js';
import { http } from './doors/http.js';
import { calledName, type CheckedParameter, checkParameter, takeCaller } from './handlers.js';

type RouteDecorator = ClassDecorator & MethodDecorator;

/** Which ZITADEL a decorator asks, where an application has several modules. */
export interface AtZitadel {
  /**
   * The `name` of a `ZitadelModule.forRoot()`. All decorators of a route must name the same.
   *
   * @default the one without a name
   */
  readonly zitadel?: string;
}

/** Settings of a decorator that asks for roles or permissions. */
export interface DecoratorOptions extends FreshOptions, AtZitadel {}

/** Splits the name of the ZITADEL from what the requirement is built of. The settings are the last argument. */
function split<A extends readonly unknown[]>(
  written: string,
  given: readonly unknown[],
): { readonly asked: A; readonly zitadel: string | undefined } {
  const last: unknown = given.at(-1);
  if (!Object.hasOwn(Object(last) as object, 'zitadel')) {
    return { asked: given as A, zitadel: undefined };
  }
  const { zitadel, ...settings } = withoutInheritance(last as { zitadel: unknown });
  if (typeof zitadel !== 'string' || zitadel === '') {
    throw new ZitadelRequirementError(
      `${written} takes in { zitadel } the name of a ZitadelModule.forRoot({ name }), or none`,
    );
  }
  return { asked: [...given.slice(0, -1), settings] as unknown as A, zitadel };
}

function decorator(name: string, declaration: Declaration): RouteDecorator {
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const isClass = key === undefined && typeof target === 'function';
    const method = own(descriptor, 'value');
    const isMethod = typeof key === 'string' && typeof method === 'function';
    if (!isClass && !(isMethod && typeof target === 'object')) {
      throw new ZitadelRequirementError(`${name} decorates a controller or one of its methods`);
    }
    if (key === undefined && declaration.type === 'authenticated' && declaration.replaces) {
      throw new ZitadelRequirementError(
        '@Authenticated({ replaces: true }) decorates a method: only a method can replace what its class asks for',
      );
    }
    declare(target, isMethod ? { name: key, function: method } : undefined, declaration, name);
  };
}

function requiring<A extends readonly unknown[]>(
  name: string,
  given: readonly unknown[],
  build: (...asked: A) => Requirement,
): RouteDecorator {
  const { asked, zitadel } = split<A>(name, given);
  return decorator(name, { type: 'require', requirement: build(...asked), zitadel });
}

/**
 * The caller must hold one of these manager roles on the resource. On a class it holds for every method. Stacked decorators must all hold.
 *
 * @throws ZitadelRequirementError on an empty list, an unknown role, roles of several scopes, or a ref of another scope
 * @example `@RequireRole('ORG_OWNER', org.param('orgId'))`
 * @example `@RequireRole(['PROJECT_OWNER', 'PROJECT_OWNER_VIEWER'], project.param('projectId').in(org.param('orgId')))`
 * @example `@RequireRole('IAM_OWNER', { fresh: true })`
 * @example `@RequireRole('ORG_OWNER', org.param('orgId'), { zitadel: 'b' })`
 */
export function RequireRole<const L extends WrittenRoles>(
  roles: FittingRoles<L>,
  ...on: OnArgs<L, DecoratorOptions>
): RouteDecorator {
  return requiring<OnArgs<L>>('@RequireRole()', on, (...asked) => role<L>(roles, ...asked));
}

/**
 * The whole requirement must hold for the caller.
 *
 * @throws ZitadelRequirementError when it is not a requirement
 * @example `@Require(anyOf(role('ORG_OWNER', org.param('orgId')), role('IAM_OWNER_VIEWER')))`
 */
export function Require(requirement: Requirement, at: AtZitadel = {}): RouteDecorator {
  return requiring<[object]>('@Require()', [at], (others) => {
    const checked = requirementOf(requirement, '@Require()');
    if (Object.keys(Object(others) as object).length === 0) return checked;
    throw new ZitadelRequirementError('@Require() takes a requirement, and { zitadel } or nothing');
  });
}

/**
 * The caller must hold one of these permissions on the resource. ZITADEL itself evaluates them, so custom roles count. API v1 only.
 *
 * @throws ZitadelRequirementError as `permission()` does
 * @example `@RequirePermission('project.grant.write', org.param('orgId'))`
 * @example `@RequirePermission('project.write', project.param('projectId').in(org.param('orgId')))`
 */
export function RequirePermission(
  permissions: Parameters<typeof permission>[0],
  on: Parameters<typeof permission>[1],
  ...options: readonly [options?: DecoratorOptions]
): RouteDecorator {
  return requiring<[options?: FreshOptions]>('@RequirePermission()', options, (...asked) =>
    permission(permissions, on, ...asked),
  );
}

/**
 * The caller must hold one of these roles of a project (not manager roles). They are read from the role claims of the token, and
 * with the option `projectRoles: 'api'` from ZITADEL where the token lacks them.
 *
 * @throws ZitadelRequirementError as `projectRole()` does
 * @example `@RequireProjectRole('editor')`
 * @example `@RequireProjectRole('editor', { org: org.param('orgId') })`
 */
export function RequireProjectRole(
  roles: Parameters<typeof projectRole>[0],
  ...on: readonly [on?: ProjectRoleOn & AtZitadel]
): RouteDecorator {
  return requiring<[on?: ProjectRoleOn]>('@RequireProjectRole()', on, (...asked) =>
    projectRole(roles, ...asked),
  );
}

/** Settings of `@Authenticated`. */
export interface AuthenticatedSettings extends AuthenticatedOptions, OptionalCaller, AtZitadel {
  /**
   * On a method: ask for a caller *instead of* what the class asks for.
   *
   * @default false
   */
  readonly replaces?: boolean;
}

/**
 * A caller whose token ZITADEL accepts, and nothing more. Any account of the instance is let in, unless `organizations` names the home
 * organizations of those who are. It adds to other requirements. `organizations` is inherited like a requirement. With `optional: true`
 * requests without a token are let in, too: then `@CurrentCaller()` is `undefined`.
 *
 * @throws ZitadelRequirementError beside `@Public`, with `replaces` on a class, or when `organizations` is not a list of ids, or stands
 * beside `optional`
 * @example `@Authenticated()`
 * @example `@Authenticated({ organizations: ['69629023906488334'] })`
 * @example `@Authenticated({ replaces: true })`
 * @example `@Authenticated({ optional: true })`
 */
export function Authenticated(settings: AuthenticatedSettings = {}): RouteDecorator {
  const { asked, zitadel } = split<[AuthenticatedSettings]>('@Authenticated()', [settings]);
  const { replaces = false, optional: _optional, ...options } = withoutInheritance(asked[0]);
  const requirement = authenticated(options);
  const optional = isOptional(settings);
  const caller = decorator('@Authenticated()', {
    type: 'authenticated',
    replaces,
    optional,
    zitadel,
  });
  if (!requirement.organizations) return caller;
  const ofOrganizations = decorator('@Authenticated()', { type: 'require', requirement, zitadel });
  return ((...target: Parameters<RouteDecorator>) => {
    caller(...target);
    ofOrganizations(...target);
  }) as RouteDecorator;
}

/**
 * Everybody is let in. A token that is sent is not read. On a method it lifts what the class asks for. On a class it makes those methods
 * public that declare nothing themselves. It is not inherited.
 *
 * @throws ZitadelRequirementError beside a requirement on the same class or method
 * @example `@Public()`
 */
export function Public(): RouteDecorator {
  return decorator('@Public()', { type: 'public' });
}

/**
 * With the option `allowImpersonation: 'perRoute'`: also let in callers who act as another user (token with the claim `act`). Everything else
 * that the route asks for is asked of the user they act as; `Caller.actor` is who acts. On a class it holds for every method. It asks for
 * nothing itself, and is not inherited. An application without the option does not start.
 *
 * @throws ZitadelRequirementError beside `@Public` on the same class or method
 * @example `@AllowImpersonation()`
 */
export function AllowImpersonation(): RouteDecorator {
  return decorator('@AllowImpersonation()', { type: 'impersonation' });
}

const callOf = (context: ExecutionContext) => doorOf(context)?.callOf(context);

/** The decision that let a request through. */
function decisionFor(decorator: string, context: ExecutionContext): Allowed {
  const call = callOf(context);
  const decision = call && attachedTo(call);
  if (decision) return decision;
  throw new ZitadelRequirementError(
    `${decorator} in ${calledName(context)}: ZitadelManagerGuard did not let this request through, so nothing was checked. Is the guard missing, or overridden in a test? In a test, replace it by guardAs() of nestjs-zitadel/testing, or keep it and ask ZitadelEmulator`,
  );
}

const readCaller = createParamDecorator(
  (_: unknown, context: ExecutionContext): Caller | undefined => {
    const call = callOf(context);
    return call && lacksCaller(call) ? undefined : decisionFor('@CurrentCaller()', context).caller;
  },
);

/**
 * The verified caller of the request. `undefined` where the caller is optional and sent no token. An application in which it stands on a
 * public route does not start.
 *
 * @throws ZitadelRequirementError on a request that the guard did not let through: it is missing, or a test has replaced it
 * @example `me(@CurrentCaller() caller: Caller) { return caller.userId; }`
 */
export function CurrentCaller(): ParameterDecorator {
  return parameter('@CurrentCaller()', readCaller(), takeCaller);
}

function parameter(
  name: string,
  reads: ParameterDecorator,
  note: (prototype: object, method: string | symbol) => void,
): ParameterDecorator {
  return (target, key, index) => {
    if (key === undefined) {
      throw new ZitadelRequirementError(`${name} decorates a parameter of a handler`);
    }
    note(target, key);
    reads(target, key, index);
  };
}

const MISSING: Refusal = { reason: 'resource_missing' };

const readChecked = createParamDecorator(
  ({ kind, name }: CheckedParameter, context: ExecutionContext): string => {
    const decorator = `@CheckedResource('${kind}')`;
    const decision = decisionFor(decorator, context);
    const id = checkedId(decision, kind, name);
    if (id !== undefined) return id;
    if (Object.hasOwn(decision, Symbol.for('nestjs-zitadel:double'))) {
      const ids = name === undefined ? "'<id>'" : `{ ${name}: '<id>' }`;
      throw new ZitadelRequirementError(
        `${decorator} in ${calledName(context)}: the test gave no such id: write guardAs(caller, { ${kind}: ${ids} })`,
      );
    }
    // Only in an anyOf: the branch that allowed the request is about something else.
    throw (doorOf(context) ?? http).exceptionFor(MISSING, context);
  },
);

/**
 * The id that was checked, so that guard and handler cannot look at two different ones. If a route checks several of a kind, `name` (of
 * the parameter, header and so on) says which one. An application whose route checks no such id does not start. In an `anyOf`, if the
 * branch that allowed the request is about something else, the client gets 400 `resource_missing`.
 *
 * @throws ZitadelRequirementError when it does not decorate a parameter of a handler, and on a request that the guard did not let through: it
 * is missing, or a test has replaced it
 * @example `list(@CheckedResource('org') orgId: string) { ... }`
 */
export function CheckedResource(kind: CheckedKind, name?: string): ParameterDecorator {
  return parameter('@CheckedResource()', readChecked({ kind, name }), (...of) =>
    checkParameter(...of, { kind, name }),
  );
}
