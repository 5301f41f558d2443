import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import type {
  ApplicationOptions,
  ProjectOptions,
  ServiceUserOptions,
  UserOptions,
} from '../../testing/model.js';
import { UsageError } from '../command.js';
import { problemsOf, worldSchema } from './check.js';

/** Options of the emulator's verbs, with the organization by its name. */
type Written<T> = Omit<T, 'org'> & { readonly organization?: string };

type FileUser = Written<UserOptions> & { readonly userName: string };

export interface FileServiceUser extends Written<ServiceUserOptions> {
  readonly userName: string;
  readonly pat?: string;
  readonly clientSecret?: string;
  readonly keyFile?: string;
}

export interface FileApplication extends Partial<ApplicationOptions> {
  readonly name: string;
  readonly type: 'api' | 'web' | 'userAgent';
  readonly clientSecret?: string;
  readonly keyFile?: string;
}

interface FileProject extends Written<ProjectOptions> {
  readonly name: string;
  readonly applications?: readonly FileApplication[];
}

/** Manager roles on exactly one of these. */
export interface FileMember {
  readonly instance?: true;
  readonly organization?: string;
  readonly project?: string;
  readonly projectGrant?: { readonly project: string; readonly organization: string };
  readonly user: string;
  readonly roles: readonly string[];
}

export interface FileAuthorization {
  readonly user: string;
  readonly project: string;
  readonly organization?: string;
  readonly roles: readonly string[];
}

/** A world as it is written down; `docs/emulator-world.schema.json` describes it. */
interface WorldFile {
  readonly organizations?: readonly { readonly name: string; readonly id?: string }[];
  readonly users?: readonly FileUser[];
  readonly serviceUsers?: readonly FileServiceUser[];
  readonly projects?: readonly FileProject[];
  readonly projectGrants?: readonly {
    readonly project: string;
    readonly organization: string;
    readonly roles: readonly string[];
    readonly id?: string;
  }[];
  readonly members?: readonly FileMember[];
  readonly authorizations?: readonly FileAuthorization[];
  readonly rolePermissions?: Readonly<Record<string, readonly string[]>>;
}

/** A world and where it was written: paths in it begin there. */
export interface ReadWorld {
  readonly path: string;
  readonly file: WorldFile;
  /** @throws UsageError if it cannot be read */
  readonly textOf: (path: string) => string;
}

/** More than these are not told at once. */
const MOST_PROBLEMS = 20;

/** @throws UsageError if there is no such file, or it is not a world */
export async function readWorld(path: string): Promise<ReadWorld> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`The world ${path} cannot be read: ${reasonOf(error)}.`);
  });
  const isYaml = ['.yaml', '.yml'].includes(extname(path).toLowerCase());
  const value: unknown = isYaml ? await fromYaml(path, text) : fromJson(path, text);
  // A file that holds nothing yet is an empty world.
  const world = value ?? {};
  const problems = problemsOf(world, worldSchema());
  if (problems.length > 0) throw new UsageError(problemText(path, problems));
  const folder = dirname(path);
  return {
    path,
    file: world,
    textOf: (inside) => {
      try {
        return readFileSync(resolve(folder, inside), 'utf8');
      } catch (error) {
        throw new UsageError(`${inside} cannot be read: ${reasonOf(error)}`);
      }
    },
  };
}

/** What is wrong with a world. */
export function problemText(path: string, problems: readonly string[]): string {
  const told = problems.slice(0, MOST_PROBLEMS).map((problem) => `  ${problem}`);
  const more = problems.length - told.length;
  const rest = more > 0 ? [`  and ${String(more)} more`] : [];
  return [`The world ${path} is not right:`, ...told, ...rest].join('\n');
}

function fromJson(path: string, text: string): unknown {
  try {
    // Some editors begin a file with a mark of its encoding.
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch (error) {
    throw new UsageError(`The world ${path} is not JSON: ${reasonOf(error)}.`);
  }
}

async function fromYaml(path: string, text: string): Promise<unknown> {
  const yaml = await import('yaml').catch(() => {
    throw new UsageError(
      `The world ${path} is YAML, which needs the package yaml: npm install --save-dev yaml. JSON needs nothing.`,
    );
  });
  try {
    return yaml.parse(text) as unknown;
  } catch (error) {
    throw new UsageError(`The world ${path} is not YAML: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
