import type { IdReaderClass, Requirement, ZitadelAuthorizer, ZitadelOptions } from 'nestjs-zitadel';
import type { SharedCache } from '#dist/core/store/signed-cache.js';
import type { Code, Source } from './asks.js';
import type { Credential } from './tokens.js';

export type DoorName =
  | 'function'
  | 'Express 4'
  | 'Express 5'
  | 'Nest on Express'
  | 'Nest on Fastify'
  | 'GraphQL'
  | 'GraphQL with Mercurius'
  | 'WebSocket'
  | 'RPC';

/** What one application is asked for, by number. */
export interface Route {
  readonly requirement: Requirement;
  /** The names that path parameters have, in each form of the path. */
  readonly params: readonly (readonly string[])[];
  /** All names of arguments. */
  readonly args: readonly string[];
}

export interface Wanted {
  readonly options: ZitadelOptions;
  readonly routes: readonly Route[];
  /** Classes that find ids. */
  readonly readers: readonly IdReaderClass[];
  readonly sharedCache?: SharedCache | undefined;
}

type Values = Readonly<Record<string, unknown>>;

/** One request, in neutral words. */
export interface Question {
  readonly route: number;
  readonly credential: Credential;
  readonly values: Readonly<Record<Source, Values>>;
}

/** What the client heard: the code, and of a handler that ran whom it saw. */
export interface Heard {
  readonly code: string;
  readonly caller?: unknown;
}

/** An application with all the routes of one world. */
export interface OpenDoor {
  readonly authorizer: Pick<ZitadelAuthorizer, 'onDecision'>;
  /** How often a handler ran. */
  ran(): number;
  ask(question: Question): Promise<Heard>;
  close(): Promise<void>;
}

/** One way to reach a handler. */
export interface CorpusDoor {
  readonly name: DoorName;
  /** Where it has ids by name. */
  readonly byName: Source;
  /** What it has of the sources. */
  readonly has: readonly (Source | Code)[];
  /** Whether a request has an Authorization header, of which a case can write every letter. */
  readonly hasHeader: boolean;
  open(wanted: Wanted): Promise<OpenDoor>;
}

/** The Authorization headers of a credential. */
export function authorizationOf(credential: Credential): readonly string[] {
  if (!credential) return [];
  if ('header' in credential) return [credential.header];
  if ('twice' in credential) return [`Bearer ${credential.twice}`, `Bearer ${credential.twice}`];
  return [`Bearer ${credential.bearer}`];
}

/** What a client of HTTP heard. */
export function heardOf(status: number, body: unknown): Heard {
  const { caller, errorCode } = Object(body) as { caller?: unknown; errorCode?: unknown };
  if (status === 200) return { code: 'allowed', caller };
  return { code: typeof errorCode === 'string' ? errorCode : `status ${String(status)}` };
}
