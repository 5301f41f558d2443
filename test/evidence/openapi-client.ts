// A client that knows an application by its document alone: what it sends, and what it must hear.
import type { ZitadelEmulator } from 'nestjs-zitadel/testing';
import type {
  DescribedRequirement,
  DescribedResource,
  ZitadelAccess,
  ZitadelExtension,
} from 'nestjs-zitadel/swagger';

/** The part of an operation that is read. */
export interface Described {
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly responses: Readonly<Record<string, unknown>>;
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly 'x-zitadel'?: ZitadelExtension;
}

/** What an application may name without telling it in the document. */
export interface Ids {
  readonly org: string;
  readonly project: string;
  readonly projectGrant: string;
  readonly grantedOrg: string;
}

/** The values of a request, by place and name. */
export type Values = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What the document says of one operation: of one version, where it has several. */
export interface Said {
  readonly access: ZitadelAccess;
  /** Whether a request without a token gets in. */
  readonly isOpen: boolean;
  readonly scopes: readonly string[];
}

/** Undefined where the document says nothing. */
export function saidOf(operation: Described, version: string | undefined): Said | undefined {
  const { security, 'x-zitadel': extension } = operation;
  if (!extension || !security) return undefined;
  const all = 'handlers' in extension ? extension.handlers : [extension];
  const access = all.find((each) => each.version === version) ?? all[0];
  if (!access) return undefined;
  // Of several versions the security is that of all of them.
  const isShared = all.length > 1;
  const isOpen = security.length === 0 || security.some((each) => Object.keys(each).length === 0);
  return {
    access,
    isOpen: isShared ? access.access === 'public' : isOpen,
    scopes: security.flatMap((each) => Object.values(each).flat()),
  };
}

/** Where the ids stand, with what is sent there. */
export function valuesOf(
  { parameters = [] }: Described,
  requirement: DescribedRequirement | undefined,
  idOf: (kind: keyof Ids) => string,
): Values {
  const values: Record<string, Record<string, string>> = {
    param: {},
    query: {},
    header: {},
    body: {},
  };
  const put = (from: string, name: string, value: string) => {
    values[from] = { ...values[from], [name]: value };
  };
  for (const { in: place, name } of parameters) if (place === 'path') put('param', name, '1');
  const fill = (on: DescribedResource | undefined, kind?: keyof Ids): void => {
    if (!on || on.kind === 'instance') return;
    if ('project' in on) {
      fill(on.project);
      fill(on.grantedOrg, 'grantedOrg');
      return;
    }
    fill(on.owner);
    if (on.name !== undefined) put(on.from, on.name, idOf(kind ?? on.kind));
  };
  const walk = (asked: DescribedRequirement): void => {
    if ('allOf' in asked) asked.allOf.forEach(walk);
    if ('anyOf' in asked) asked.anyOf.forEach(walk);
    if ('on' in asked) fill(asked.on);
    if ('projectRole' in asked) [asked.project, asked.org].forEach((on) => fill(on));
  };
  if (requirement) walk(requirement);
  return values;
}

/** Whether any account is enough. */
export function isForAnyone(asked: DescribedRequirement | undefined): boolean {
  if (!asked) return false;
  if ('allOf' in asked) return asked.allOf.every(isForAnyone);
  if ('anyOf' in asked) return asked.anyOf.some(isForAnyone);
  return 'authenticated' in asked && !asked.organizations;
}

type User = ReturnType<ZitadelEmulator['addUser']>;

/** Gives a user what is asked for, and nothing else. */
export function give(
  zitadel: ZitadelEmulator,
  user: User,
  asked: DescribedRequirement,
  ids: Ids,
): void {
  if ('allOf' in asked) {
    for (const each of asked.allOf) give(zitadel, user, each, ids);
    return;
  }
  if ('anyOf' in asked) {
    const [first] = asked.anyOf;
    if (first) give(zitadel, user, first, ids);
    return;
  }
  if ('role' in asked) {
    const [name = ''] = asked.role;
    zitadel.addMember(user, memberOf(asked.on, ids), [name]);
  }
  // Which roles have it is ZITADEL's to say.
  if ('permission' in asked) zitadel.addMember(user, memberOf(asked.on, ids), ['ORG_OWNER']);
  if ('projectRole' in asked) {
    zitadel.authorizeUser(user, ids.project, asked.projectRole, { org: ids.org });
  }
}

function memberOf(on: DescribedResource, ids: Ids): Parameters<ZitadelEmulator['addMember']>[1] {
  switch (on.kind) {
    case 'instance':
      return 'instance';
    case 'org':
      return { org: ids.org };
    case 'project':
      return { project: ids.project };
    case 'projectGrant':
      return { projectGrant: ids.projectGrant };
  }
}

/** What is sent. */
export function requestOf(
  path: string,
  { param = {}, query = {}, header = {}, body = {} }: Values,
) {
  const filled = path.replace(/\{([^}]*)\}/g, (_, name: string) => param[name] ?? '1');
  const search = new URLSearchParams(query).toString();
  const hasBody = Object.keys(body).length > 0;
  return {
    target: search === '' ? filled : `${filled}?${search}`,
    headers: header,
    body: hasBody ? body : undefined,
  };
}
