// Checked by the compiler, never run: what must and what must not compile.
import type { HttpException } from '@nestjs/common';
import {
  customRole,
  org,
  role,
  ZitadelApiError,
  ZitadelError,
  ZitadelOptionsError,
  type Caller,
  type CustomRole,
  type DENIAL,
  type Decision,
  type DenyReason,
  type ManagerRole,
  type Membership,
  type ResourceLookup,
  type RoleName,
  type ZitadelAuthorizer,
  type ZitadelErrorCode,
  type ZitadelExceptionFilter,
} from '../../lib/index.js';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** The kind of a custom role is known from its name. */
export const kinds = [
  customRole('IAM_AUDITOR') satisfies CustomRole<'instance'>,
  customRole('ORG_AUDITOR') satisfies CustomRole<'org'>,
  customRole('PROJECT_AUDITOR') satisfies CustomRole<'project'>,
  customRole('PROJECT_GRANT_AUDITOR') satisfies CustomRole<'projectGrant'>,
  // @ts-expect-error a grant’s role is no project’s
  customRole('PROJECT_GRANT_AUDITOR') satisfies CustomRole<'project'>,
  // @ts-expect-error a text is no custom role
  'ORG_AUDITOR' satisfies RoleName,
];

/** No string overload swallows a typo: the names of roles are a closed list. */
export const closed: Same<string extends ManagerRole ? true : false, false> = true;

/** A decision is one of two, told apart by `allowed`. */
export function reasonOf(decision: Decision): DenyReason | 'yes' {
  // @ts-expect-error not before it is known to be a no
  decision.reason satisfies DenyReason;
  if (decision.allowed) {
    decision.caller.userId satisfies string;
    decision.read.at satisfies number;
    decision.by satisfies Membership | undefined;
    // @ts-expect-error a yes has no reason
    decision.reason satisfies DenyReason;
    return 'yes';
  }
  // @ts-expect-error a no may come before there is a caller
  decision.caller.userId satisfies string;
  // @ts-expect-error nothing carries a no
  decision.by satisfies Membership | undefined;
  return decision.reason;
}

/** Everything that is handed out is read only. */
export function readOnly(caller: Caller, membership: Membership): void {
  // @ts-expect-error a caller is shared
  caller.userId = 'x';
  // @ts-expect-error and so are its claims
  caller.claims['sub'] = 'x';
  // @ts-expect-error a membership is shared
  membership.roles.push('IAM_OWNER');
  // @ts-expect-error the token is no property of a caller
  caller.token satisfies string;
}

/** A list of resources is only there where the caller is not allowed everywhere. */
export function idsOf(lookup: ResourceLookup): readonly string[] {
  // @ts-expect-error not before it is known
  lookup.organizations satisfies readonly string[];
  return lookup.everywhere ? [] : lookup.organizations;
}

/** A caller, or a bare user id. */
export async function questions(authorizer: ZitadelAuthorizer, caller: Caller): Promise<void> {
  const requirement = role('ORG_OWNER', org('1'));
  (await authorizer.can(caller, requirement)) satisfies boolean;
  (await authorizer.can('1', requirement)) satisfies boolean;
  await authorizer.lookupResources(caller, ['ORG_OWNER', 'ORG_OWNER_VIEWER']);
  // @ts-expect-error nobody
  await authorizer.can(undefined, requirement);
  // @ts-expect-error a name instead of a requirement
  await authorizer.can(caller, 'ORG_OWNER');
  // @ts-expect-error a typo
  await authorizer.lookupResources(caller, ['ORG_OWNR']);
}

/** Errors can be told apart by class and by code. */
export function codeOf(error: unknown): ZitadelErrorCode | undefined {
  if (error instanceof ZitadelApiError) error.id satisfies string | undefined;
  if (error instanceof ZitadelOptionsError) error.option satisfies string;
  return error instanceof ZitadelError ? error.code : undefined;
}

/** A filter of one’s own can say what it catches. */
export const caught: Same<
  Parameters<ZitadelExceptionFilter['catch']>[0],
  ZitadelError | HttpException
> = true;

/** Every reason has a row, and there is no row without a reason. */
export const table: Same<keyof typeof DENIAL, DenyReason> = true;
