import type { FreshOptions } from './requirement.js';
import type { OrgRef, ProjectGrantRef, ProjectRef } from './refs.js';
import type {
  CustomRole,
  InstanceRole,
  ManagerRole,
  OrgRole,
  ProjectGrantRole,
  ProjectRole,
} from './roles.js';

/** A manager role of ZITADEL, or a role of your own that `customRole()` made. */
export type RoleName = ManagerRole | CustomRole;

/** One role, or a list of roles of one scope of which any one is enough. */
export type RolesArg = RoleName | readonly [RoleName, ...RoleName[]];

/** What can be written for roles, right or wrong. The compiler infers it, so that its error can be about what was written. */
export type WrittenRoles = string | CustomRole | readonly (string | CustomRole)[];

/** The roles as they were written. Where they cannot stand, the type says what can, and the compiler's error shows it. */
export type FittingRoles<L> = [L] extends [RolesArg]
  ? [ScopeOf<RoleIn<L>>] extends [never]
    ? 'The roles of one list must be of one scope: write anyOf(role(...), role(...)) for several.'
    : L
  : Meant<L>;

/** What follows the roles: no ref for roles on the instance, else a ref of the same scope; then the options. */
export type OnArgs<L, Options = FreshOptions> = [ScopeOf<RoleIn<L>>] extends [never]
  ? // The error is about the roles then, and must not be about a missing ref.
    readonly unknown[]
  : ArgsByScope<Options>[ScopeOf<RoleIn<L>>];

type RoleIn<L> = [L] extends [readonly unknown[]] ? L[number] : L;

// Not distributive on purpose: a list that mixes scopes has no scope.
type ScopeOf<R> = [R] extends [never]
  ? never
  : [R] extends [InstanceRole | CustomRole<'instance'>]
    ? 'instance'
    : [R] extends [OrgRole | CustomRole<'org'>]
      ? 'org'
      : [R] extends [ProjectRole | CustomRole<'project'>]
        ? 'project'
        : [R] extends [ProjectGrantRole | CustomRole<'projectGrant'>]
          ? 'projectGrant'
          : never;

type ArgsByScope<Options> = {
  instance: [options?: Options & NoRef];
  org: [
    on: Saying<OrgRef, 'A role on an organization takes a ref of org.'> | string,
    options?: Options,
  ];
  project: [
    on: Saying<ProjectRef, 'A role on a project takes a ref of project.'> | string,
    options?: Options,
  ];
  projectGrant: [
    on: Saying<ProjectGrantRef, 'A role on a project grant takes a ref of projectGrant.'> | string,
    options?: Options,
  ];
};

/** A ref of another scope has another kind. The compiler's error then shows this text beside the right kind. */
type Saying<R, Text> = R extends { readonly kind: infer K }
  ? Omit<R, 'kind'> & { readonly kind: K | Text }
  : never;

/** A ref has a kind. If one stands here, the compiler's error shows this text. */
interface NoRef {
  readonly kind?: 'A role on the instance takes no ref.';
}

/** What was meant by roles that are none. */
type Meant<L> = L extends readonly [unknown, ...unknown[]]
  ? { readonly [K in keyof L]: L[K] extends string ? RoleMeant<L[K]> : RoleName }
  : L extends string
    ? RoleMeant<L>
    : RolesArg;

type RoleMeant<S extends string> = S extends ManagerRole
  ? S
  : string extends S
    ? RoleName
    : [Near<Uppercase<S>>] extends [never]
      ? ByPrefix<S>
      : Near<Uppercase<S>>;

/** The roles that differ from a name by one letter: one too few, one too many, or another one. */
type Near<S extends string, R extends string = ManagerRole> = R extends string
  ? [(S | Shortened<S>) & (R | Shortened<R>)] extends [never]
    ? never
    : R
  : never;

/** A text with one letter left out, in every way. */
type Shortened<
  S extends string,
  Before extends string = '',
> = S extends `${infer First}${infer Rest}`
  ? `${Before}${Rest}` | Shortened<Rest, `${Before}${First}`>
  : never;

type ByPrefix<S extends string> = S extends `IAM_${string}`
  ? InstanceRole | CustomRole<'instance'>
  : S extends `ORG_${string}`
    ? OrgRole | CustomRole<'org'>
    : S extends `PROJECT_GRANT_${string}`
      ? ProjectGrantRole | CustomRole<'projectGrant'>
      : S extends `PROJECT_${string}`
        ? ProjectRole | CustomRole<'project'>
        : RoleName;
