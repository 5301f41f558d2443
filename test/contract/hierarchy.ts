import { ZITADEL_HIERARCHY } from 'nestjs-zitadel/express';
import { KNOWN_DIFFERENCES, type Line } from './hierarchy-known.js';
import { send } from './http.js';
import { NotOurs } from './real-bounds.js';
import type { Scene } from './scene.js';
import type { MemberOn, User } from './world.js';

/** The roles that a server is asked about, by the resource that they are held on. */
const ROLES = {
  instance: [
    'IAM_OWNER',
    'IAM_OWNER_VIEWER',
    'IAM_ORG_MANAGER',
    'IAM_USER_MANAGER',
    'IAM_ADMIN_IMPERSONATOR',
    'IAM_END_USER_IMPERSONATOR',
    'IAM_LOGIN_CLIENT',
  ],
  org: [
    'ORG_OWNER',
    'ORG_OWNER_VIEWER',
    'ORG_USER_MANAGER',
    'ORG_SETTINGS_MANAGER',
    'ORG_USER_PERMISSION_EDITOR',
    'ORG_PROJECT_PERMISSION_EDITOR',
    'ORG_PROJECT_CREATOR',
    'ORG_USER_SELF_MANAGER',
    'ORG_ADMIN_IMPERSONATOR',
    'ORG_END_USER_IMPERSONATOR',
  ],
  project: [
    'PROJECT_OWNER',
    'PROJECT_OWNER_VIEWER',
    'PROJECT_OWNER_GLOBAL',
    'PROJECT_OWNER_VIEWER_GLOBAL',
  ],
  grant: ['PROJECT_GRANT_OWNER', 'PROJECT_GRANT_OWNER_VIEWER'],
} as const;

type Permissions = ReadonlyMap<string, ReadonlySet<string>>;

/** Which role includes which on this server, and where that is not what the library's table says. */
export interface HierarchyFindings {
  readonly line: Line;
  readonly roles: number;
  /** Pairs that the table has and the server does not, with what is lacking. */
  readonly lacking: readonly string[];
  /** Pairs that the server has and the table does not. */
  readonly beyond: readonly string[];
  /** Roles that the server does not know, or that permit nothing. */
  readonly without: readonly string[];
}

/** Gives one user each manager role in turn and compares the permissions that it brings. */
export async function compareHierarchy(scene: Scene): Promise<HierarchyFindings> {
  const held = await permissionsByRole(scene);
  const roles = [...held.keys()];
  const without = roles.filter((role) => held.get(role)?.size === 0);
  const [lacking, beyond]: [string[], string[]] = [[], []];
  for (const higher of roles) {
    const included = includedBy(higher);
    for (const lower of roles) {
      if (higher === lower || without.includes(lower) || without.includes(higher)) continue;
      const missing = missingIn(held, higher, lower);
      if (included.has(lower) && missing.length > 0) {
        lacking.push(`${higher} includes ${lower} but for ${missing.join(', ')}`);
      }
      if (!included.has(lower) && missing.length === 0) beyond.push(`${higher} > ${lower}`);
    }
  }
  const line = held.get('ORG_OWNER')?.has('group.read') ? 'main' : 'v4';
  return { line, roles: roles.length - without.length, lacking, beyond, without };
}

async function permissionsByRole(scene: Scene): Promise<Permissions> {
  const { world, made } = scene;
  const user = await world.addServiceUser(made.orgs.acme, 'somebody');
  const token = (await world.addPat(user)).token;
  const places: readonly (readonly [MemberOn, readonly string[]])[] = [
    ['instance', ROLES.instance],
    [{ org: made.orgs.acme }, ROLES.org],
    [{ project: made.portal }, ROLES.project],
    [{ grant: made.grant }, ROLES.grant],
  ];
  const held = new Map<string, ReadonlySet<string>>();
  for (const [on, roles] of places) {
    for (const role of roles) held.set(role, await permissionsOf(scene, user, token, on, role));
  }
  return held;
}

async function permissionsOf(
  scene: Scene,
  user: User,
  token: string,
  on: MemberOn,
  role: string,
): Promise<ReadonlySet<string>> {
  // A server without this role refuses it.
  const added = await scene.world.addMember(user, on, [role]).then(
    () => true,
    (error: unknown) => {
      if (error instanceof NotOurs) throw error;
      return false;
    },
  );
  if (!added) return new Set();
  const { status, body, text } = await send(scene.issuer, {
    method: 'POST',
    path: '/auth/v1/permissions/zitadel/me/_search',
    headers: {
      authorization: `Bearer ${token}`,
      'x-zitadel-orgid': scene.made.orgs.acme.id,
    },
    body: {},
  });
  await scene.world.removeMember(user, on);
  if (status !== 200)
    throw new Error(`permissions of ${role}: ${String(status)} ${text.slice(0, 200)}`);
  const list = Array.isArray(body['result']) ? body['result'].map(String) : [];
  // Where a permission is held is the scope's business; what one may do to oneself is nobody's rank.
  return new Set(
    list.filter((each) => !each.endsWith(':self')).map((each) => each.split(':')[0] ?? ''),
  );
}

function missingIn(held: Permissions, higher: string, lower: string): readonly string[] {
  return [...(held.get(lower) ?? [])].filter((each) => held.get(higher)?.has(each) !== true);
}

/** Everything that a role includes by the table, followed to its end. */
function includedBy(role: string): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [...(ZITADEL_HIERARCHY[role] ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(ZITADEL_HIERARCHY[next] ?? []));
  }
  return found;
}

/** For people. A difference is information: operators may change what a role permits. */
export function hierarchyInWords(found: HierarchyFindings): readonly string[] {
  const list = (title: string, entries: readonly string[]) =>
    entries.length === 0 ? [] : [title, ...entries.map((entry) => `  ${entry}`)];
  const known = KNOWN_DIFFERENCES[found.line];
  const isKnown = (entry: string) => known.includes(entry);
  const isNew = (entry: string) => !isKnown(entry);
  const here = [...found.lacking, ...found.beyond];
  const missed = known.filter((entry) => !here.includes(entry));
  const asExpected = missed.length === 0 && !here.some(isNew);
  return [
    '',
    `Which manager role includes which, by the permissions of ${String(found.roles)} roles on this server of the ${found.line} line:`,
    ...list('in the table, though this server lacks something:', found.lacking.filter(isNew)),
    ...list('on this server, though not in the table:', found.beyond.filter(isNew)),
    ...list('without permissions here:', found.without),
    ...list(
      'where other servers of this line differ from the table, and this one does not:',
      missed,
    ),
    ...(asExpected
      ? ['as on every server of this line with the roles that ZITADEL comes with']
      : []),
    ...list('where these always differ from the table:', here.filter(isKnown)),
  ];
}
