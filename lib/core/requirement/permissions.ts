import { ZitadelRequirementError } from '../errors.js';
import { own } from '../own-properties.js';

/** The permissions that ZITADEL gives to its default roles: what follows each prefix. */
const BUILT_IN = {
  action: 'target.read target.write target.delete execution.read execution.write',
  admin: 'impersonation',
  events: 'read',
  group: 'create read write delete user.read user.write user.delete',
  iam: 'read write policy.read policy.write policy.delete member.read member.write member.delete idp.read idp.write idp.delete action.read action.write action.delete flow.read flow.write flow.delete feature.read feature.write feature.delete restrictions.read restrictions.write web_key.read web_key.write web_key.delete debug.read debug.write',
  milestones: 'read',
  org: 'read global.read create write delete member.read member.write member.delete idp.read idp.write idp.delete action.read action.write action.delete flow.read flow.write flow.delete feature.read feature.write feature.delete',
  policy: 'read write delete',
  project:
    'read create write delete member.read member.write member.delete role.read role.write role.delete app.read app.write app.delete grant.read grant.write grant.delete grant.member.read grant.member.write grant.member.delete grant.user.grant.read',
  session: 'read write link delete',
  user: 'read global.read write delete self.delete grant.read grant.write grant.delete membership.read credential.write passkey.write feature.read feature.write feature.delete',
  userschema: 'read write delete',
} as const;

type BuiltIn = typeof BUILT_IN;
type Words<T extends string> = T extends `${infer First} ${infer Rest}` ? First | Words<Rest> : T;

/** A permission of ZITADEL's default roles. */
export type KnownPermission = {
  [Prefix in keyof BuiltIn]: `${Prefix}.${Words<BuiltIn[Prefix]>}`;
}[keyof BuiltIn];

/** A permission that is not among the known ones. Made by `customPermission`. */
export interface CustomPermission {
  readonly customPermission: string;
}

/** A permission as ZITADEL names it: one of the known ones, or one that `customPermission()` made. */
export type PermissionName = KnownPermission | CustomPermission;

const KNOWN: ReadonlySet<string> = new Set(
  Object.entries(BUILT_IN).flatMap(([prefix, words]) =>
    words.split(' ').map((word) => `${prefix}.${word}`),
  ),
);

/** As ZITADEL writes them: `project.grant.write`. ZITADEL's suffix `:<id>` names a resource; here the ref does that. */
const PERMISSION = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*$/;

/**
 * Names a permission that none of ZITADEL's default roles has: one that an operator added, or one of a newer ZITADEL.
 *
 * @throws ZitadelRequirementError when it is not a permission as ZITADEL writes them
 * @example `@RequirePermission(customPermission('report.read'), org.param('orgId'))`
 */
export function customPermission(name: string): CustomPermission {
  if (typeof name === 'string' && PERMISSION.test(name)) {
    return Object.freeze({ customPermission: name });
  }
  throw new ZitadelRequirementError(
    "customPermission() takes a permission as ZITADEL names it, e.g. 'report.read': words of small letters, with dots between them",
  );
}

/** The plain name of a permission as it is written in a requirement. */
export function permissionOf(written: unknown): string {
  const custom = own(written, 'customPermission');
  if (typeof custom === 'string' && PERMISSION.test(custom)) return custom;
  if (typeof written === 'string' && KNOWN.has(written)) return written;
  throw new ZitadelRequirementError(
    `${typeof written === 'string' ? `'${written}'` : `a value of type ${typeof written}`} is not a permission of ZITADEL's default roles: correct the name, or write customPermission('...')`,
  );
}
