import {
  ZitadelApiError,
  ZitadelError,
  type ExpressZitadel,
  type Requirement,
} from 'nestjs-zitadel/express';
import { prepared, type Case, type Chapter, type Given } from './case.js';
import type { Setting } from './library.js';
import type { Names, Scene } from './scene.js';
import type { Generation } from './world.js';

type Set = Omit<Setting, 'api'>;

/** A case that is a question to the library, in both generations unless it says otherwise. */
export interface LibraryCase extends Set {
  readonly says: string;
  /** Only in this one, because the other does not have it. */
  readonly only?: Generation;
  readonly given?: Given;
  readonly once?: true;
  /** The token of a request, by its label; without it the request has none. */
  readonly as?: string;
  /** What the route asks for. */
  readonly may?: (id: (name: string) => string) => Requirement;
  /** Or what is called. A refusal is told by its code, ZITADEL's error id and status. */
  readonly call?: (library: ExpressZitadel, at: At) => Promise<unknown>;
  readonly verdict: unknown;
}

/** Where a call happens. */
export interface At {
  readonly scene: Scene;
  readonly api: Generation;
  /** The id of what a case calls by a name. */
  readonly id: (name: string) => string;
  readonly names: Names;
}

const BOTH: readonly Generation[] = ['v1', 'v2'];

/** Cases of one chapter that go through the library: one for each generation that serves them, with the same verdict. */
export function throughLibrary(chapter: Chapter, cases: readonly LibraryCase[]): readonly Case[] {
  return cases.flatMap((written) =>
    (written.only ? [written.only] : BOTH).map((api) => caseOf(chapter, written, api)),
  );
}

function caseOf(chapter: Chapter, written: LibraryCase, api: Generation): Case {
  const { says, once, verdict, may, call, as } = written;
  const given = prepared(written.given);
  const setting = settingOf(written, api);
  return {
    chapter,
    says,
    generation: api,
    again: once !== true,
    verdict,
    ask: async (stage) => {
      const { scene, door } = stage;
      const names = await given(scene);
      const id = (name: string) => scene.fill(`{${name}}`, names);
      const library = await stage.library(setting);
      if (may) {
        const token = as === undefined ? undefined : await scene.token(as);
        return door.ask(library, may(id), token);
      }
      return told(async () => call?.(library, { scene, api, id, names }));
    },
  };
}

function settingOf(written: LibraryCase, api: Generation): Setting {
  const { callers, reads, serviceUser, more } = written;
  return {
    api,
    ...(callers && { callers }),
    ...(reads && { reads }),
    ...(serviceUser !== undefined && { serviceUser }),
    ...(more && { more }),
  };
}

/** A refusal as a value. Anything but an error of the library is the suite's own failure. */
export async function told(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return (await call()) ?? 'done';
  } catch (error) {
    if (error instanceof ZitadelApiError) {
      return { thrown: error.code, id: error.id, status: error.status };
    }
    if (error instanceof ZitadelError) return { thrown: error.code };
    throw error;
  }
}
