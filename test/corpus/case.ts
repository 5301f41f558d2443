// The cases as the files of this folder have them, read and checked.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DENIAL, type DenyReason } from 'nestjs-zitadel';
import { TOKENS, type TokenKind } from './tokens.js';

/**
 * Where an id stands. `:orgId`: under this name in the request, wherever the door has such names. `query:orgId`, and so on: only there.
 * `function:orgId` and `class:orgId`: code of the application finds it. `ofCaller`. Anything else is the id itself.
 */
export type Place = string;

interface On {
  readonly org?: Place;
  readonly project?: Place;
  /** The organization to which the project must belong. */
  readonly of?: Place;
  readonly grant?: Place;
  /** A project grant by its two ends. */
  readonly between?: { readonly project: Place; readonly to: Place };
  readonly fresh?: true;
  readonly acrossOrganizations?: true;
}

/** A requirement. */
export type Asks =
  | { readonly anyOf: readonly Asks[] }
  | { readonly allOf: readonly Asks[] }
  | { readonly authenticated: true | readonly string[] }
  | ({ readonly role: string | readonly string[] } & On)
  | ({ readonly customRole: string } & On)
  | ({ readonly permission: string | readonly string[] } & On)
  | ({ readonly projectRole: string | readonly string[] } & On);

/** One question and its answer. In every text `{acme}` is the id of what the world calls acme. */
export interface CorpusCase {
  /** The rule, in words. */
  readonly says: string;
  /** The caller's manager roles, by what they are on: `instance`, `org:acme`, `project:portal`, `grant:lease`. */
  readonly holds?: Readonly<Record<string, readonly string[]>>;
  /** The home organization that the token tells. Left out, it tells none. */
  readonly home?: string;
  /** Roles of projects that the token tells: `{ "portal": { "reader": "acme" } }` is reader of portal, given by acme. */
  readonly roles?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly token?: TokenKind;
  /** What the request says, by name; with a source before the name, only there. */
  readonly with?: Readonly<Record<string, unknown>>;
  readonly asks: Asks;
  readonly gets: 'allowed' | DenyReason;
  /** The ids that were checked, by the names under which they were read. */
  readonly checked?: Readonly<Record<string, string>>;
  /** The row that allows it, as in `holds`. */
  readonly by?: string;
}

/** What a world is made of. */
export interface WorldFile {
  readonly orgs: readonly string[];
  /** Projects, with their owner and the keys of their roles. */
  readonly projects: Readonly<
    Record<string, { readonly of: string; readonly roles: readonly string[] }>
  >;
  readonly grants: Readonly<
    Record<string, { readonly of: string; readonly to: string; readonly roles: readonly string[] }>
  >;
  /** Ids that nothing has. */
  readonly unknown: Readonly<Record<string, string>>;
  /** Permissions of roles that an operator added. */
  readonly customRoles: Readonly<Record<string, readonly string[]>>;
}

/** Options of the library that a file may set. */
export interface FileOptions {
  readonly hierarchy?: 'exact' | Readonly<Record<string, readonly string[]>>;
  readonly idPattern?: string;
  readonly projectId?: string;
  readonly callers?: 'introspection' | 'userinfo';
  readonly memberships?: 'serviceUser';
  readonly allowImpersonation?: true;
  readonly projectRoles?: 'api';
  /** Endpoints of ZITADEL that answer 503 to everything. */
  readonly fails?: readonly ('memberships' | 'keys' | 'permissions')[];
}

/** What a file has. */
interface Content {
  readonly about: string;
  readonly world: string;
  readonly options?: FileOptions;
  readonly cases: readonly CorpusCase[];
}

interface CorpusFile {
  readonly file: string;
  readonly world: WorldFile;
  readonly worldName: string;
  readonly options: FileOptions;
  readonly cases: readonly CorpusCase[];
}

const folder = join(
  dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json')),
  'test/corpus',
);

/** Every file. @throws Error that names file, case and what is wrong */
export function corpus(): readonly CorpusFile[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => read(file));
}

function read(file: string): CorpusFile {
  const { world: worldName, options = {}, cases } = checkedFile(file, parsed(file));
  const world = parsed(`worlds/${worldName}.json`) as WorldFile;
  return { file, world, worldName, options, cases };
}

/** The content of a file. @throws Error that names file, case and what is wrong */
export function checkedFile(file: string, content: unknown): Content {
  allowOnly(content, ['about', 'world', 'options', 'cases'], file);
  const { world, options = {}, cases } = content as Partial<Record<string, unknown>>;
  if (typeof world !== 'string') throw new Error(`${file}: world is the name of a file in worlds`);
  allowOnly(options, OPTION_NAMES, `${file}: options`);
  if (!Array.isArray(cases)) throw new Error(`${file}: cases is a list`);
  for (const [index, each] of cases.entries()) {
    const said = (Object(each) as { says?: unknown }).says;
    checkCase(each, `${file}: case ${String(index + 1)} (${String(said)})`);
  }
  const sentences = (cases as CorpusCase[]).map(({ says }) => says);
  const twice = sentences.find((says, index) => sentences.indexOf(says) !== index);
  if (twice !== undefined) throw new Error(`${file}: two cases say "${twice}"`);
  return content as Content;
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(readFileSync(join(folder, file), 'utf8'));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

const OPTION_NAMES = [
  'hierarchy',
  'idPattern',
  'projectId',
  'callers',
  'memberships',
  'allowImpersonation',
  'projectRoles',
  'fails',
];
const CASE_NAMES = [
  'says',
  'holds',
  'home',
  'roles',
  'claims',
  'token',
  'with',
  'asks',
  'gets',
  'checked',
  'by',
];
const ON_NAMES = ['org', 'project', 'of', 'grant', 'between', 'fresh', 'acrossOrganizations'];
const KINDS = [
  'anyOf',
  'allOf',
  'authenticated',
  'role',
  'customRole',
  'permission',
  'projectRole',
];

function checkCase(value: unknown, where: string): void {
  allowOnly(value, CASE_NAMES, where);
  const { says, asks, gets, token, checked, by } = value as Partial<CorpusCase>;
  if (typeof says !== 'string' || says.length < 4) throw new Error(`${where}: says is a sentence`);
  if (gets !== 'allowed' && !Object.hasOwn(DENIAL, String(gets))) {
    throw new Error(`${where}: gets is 'allowed' or a DenyReason, not ${String(gets)}`);
  }
  if (token !== undefined && !Object.hasOwn(TOKENS, token)) {
    throw new Error(`${where}: token is one of: ${Object.keys(TOKENS).join(', ')}`);
  }
  if (gets !== 'allowed' && (checked ?? by) !== undefined) {
    throw new Error(`${where}: checked and by stand where it is allowed`);
  }
  checkAsks(asks, `${where}: asks`);
}

function checkAsks(value: unknown, where: string): void {
  const names = Object.keys(Object(value) as object);
  const kind = KINDS.filter((each) => names.includes(each));
  if (kind.length !== 1) throw new Error(`${where}: one of ${KINDS.join(', ')}`);
  const [only = ''] = kind;
  const isTree = only === 'anyOf' || only === 'allOf';
  allowOnly(value, isTree || only === 'authenticated' ? [only] : [only, ...ON_NAMES], where);
  if (!isTree) return;
  const parts = (value as Readonly<Record<string, unknown>>)[only];
  if (!Array.isArray(parts)) throw new Error(`${where}: ${only} is a list`);
  for (const [index, part] of parts.entries()) checkAsks(part, `${where}.${only}[${index}]`);
}

function allowOnly(value: unknown, names: readonly string[], where: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${where}: must be an object`);
  }
  const stray = Object.keys(value).find((name) => !names.includes(name));
  if (stray !== undefined) {
    throw new Error(`${where}: ${stray} is not known; what may stand here: ${names.join(', ')}`);
  }
}
