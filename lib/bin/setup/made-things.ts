import { jsonFrom } from '../../core/own-properties.js';
import { digestOf } from '../../core/seal.js';
import { isRecord, textOf } from '../../zitadel/reading.js';
import { ZitadelApiError } from '../../zitadel/refusals.js';
import {
  type Administration,
  readMetadata,
  removeMetadata,
  writeMetadata,
} from '../../zitadel/setup/administration.js';
import type { Step } from '../steps.js';
import type { Variables } from './files.js';

type Kind =
  | 'project'
  | 'role'
  | 'application'
  | 'applicationKey'
  | 'serviceUser'
  | 'serviceUserKey'
  | 'managerRole'
  | 'target'
  | 'variable';

interface Entry {
  readonly kind: Kind;
  readonly name: string;
  /** Undefined until ZITADEL said that it is made. */
  id?: string;
}

/** Something that is there. */
interface Thing {
  readonly id: string;
  readonly madeAt: number;
}

/**
 * What setup made, kept in the metadata of the organization: it holds on any machine, and when files are lost. Each thing is noted before it is
 * made, and its id after that. If the run ends between the two, the thing is ours if ZITADEL made it after the note, by ZITADEL's own clock.
 */
export class MadeThings {
  private constructor(
    private readonly administration: Administration,
    private readonly key: string,
    private entries: readonly Entry[],
    private readonly notedAt: number,
    /** Whether there is a note at ZITADEL. */
    public isKept: boolean,
  ) {}

  static async read(administration: Administration, project: string): Promise<MadeThings> {
    const key = `nestjs-zitadel-setup ${project}`;
    const kept = await readMetadata(administration, key);
    const entries = kept ? entriesFrom(kept.text) : [];
    return new MadeThings(administration, key, entries, kept?.changedAt ?? Infinity, !!kept);
  }

  /** The ids of the things of a kind that setup made. */
  idsOf(kind: Kind): readonly string[] {
    return this.entries.flatMap((entry) => (entry.kind === kind ? (entry.id ?? []) : []));
  }

  /** Under which names it made things of these kinds, or began to. */
  namesOf(...kinds: readonly Kind[]): readonly string[] {
    return this.entries.flatMap(({ kind, name }) => (kinds.includes(kind) ? [name] : []));
  }

  /** Finds out which of the things that are there setup made, also where a run ended before it could note that. */
  settle(kind: Kind, name: string, there: readonly Thing[]): void {
    const known = new Set(this.idsOf(kind));
    this.entries = this.entries.flatMap((entry): readonly Entry[] => {
      if (entry.kind !== kind || entry.name !== name || entry.id !== undefined) return [entry];
      const thing = there.find(({ id, madeAt }) => !known.has(id) && madeAt >= this.notedAt);
      return thing ? [{ kind, name, id: thing.id }] : [];
    });
  }

  /** What is still not known to be made was not made. */
  settleRest(): void {
    this.entries = this.entries.filter(({ id }) => id !== undefined);
  }

  /** Whether setup made the thing with this id. */
  has(kind: Kind, id: string | undefined): boolean {
    return id !== undefined && this.idsOf(kind).includes(id);
  }

  /** The step that makes something, and notes it before and after. */
  making(kind: Kind, name: string, step: Shown, make: () => Promise<string>): Step {
    const run = async () => {
      const entry: Entry = { kind, name };
      await this.#keep([...this.entries, entry]);
      try {
        entry.id = await make();
      } catch (error) {
        // It was not made. Whoever makes it later made it.
        if (error instanceof ZitadelApiError) await this.#keepAllBut(entry);
        throw error;
      }
      await this.#keep(this.entries);
    };
    return { sign: '+', ...step, run };
  }

  /** The step that removes something, and the note of it. */
  taking(kind: Kind, id: string, step: Shown, take: () => Promise<void>): Step {
    const run = async () => {
      await take();
      const gone = this.entries.find((entry) => entry.kind === kind && entry.id === id);
      if (gone) await this.#keepAllBut(gone);
    };
    return { sign: '-', ...step, run };
  }

  /** Notes variables before a file gets them. What a file has already, others wrote. */
  async noteVariables(variables: Variables): Promise<void> {
    const fresh = Object.entries(variables).filter((variable) => !this.wrote(...variable));
    if (fresh.length === 0) return;
    const entries = fresh.map(([name, value]): Entry => {
      return { kind: 'variable', name, id: lineId(name, value) };
    });
    await this.#keep([...this.entries, ...entries]);
  }

  /** Whether setup gave a variable this value. */
  wrote(name: string, value: string): boolean {
    return this.has('variable', lineId(name, value));
  }

  /** Removes the note, but for the things of these kinds. */
  async forget(but: readonly Kind[]): Promise<void> {
    await this.#keep(this.entries.filter(({ kind }) => but.includes(kind)));
  }

  async #keepAllBut(entry: Entry): Promise<void> {
    await this.#keep(this.entries.filter((each) => each !== entry));
  }

  async #keep(entries: readonly Entry[]): Promise<void> {
    this.entries = entries;
    if (entries.length > 0) {
      await writeMetadata(this.administration, this.key, JSON.stringify({ made: entries }));
    } else if (this.isKept) {
      await removeMetadata(this.administration, this.key);
    }
    this.isKept = entries.length > 0;
  }
}

/** What a step says. */
type Shown = Pick<Step, 'what' | 'about'>;

/** One of the values is a secret. */
function lineId(name: string, value: string): string {
  return digestOf(`${name}=${value}`);
}

/** What is not understood is not ours, so it is never removed. */
function entriesFrom(text: string): readonly Entry[] {
  let kept: unknown;
  try {
    kept = jsonFrom(text);
  } catch {
    return [];
  }
  const made = isRecord(kept) ? kept['made'] : undefined;
  return (Array.isArray(made) ? made : []).filter(isRecord).map(({ kind, name, id }) => ({
    kind: textOf(kind) as Kind,
    name: textOf(name),
    ...(typeof id === 'string' && { id }),
  }));
}
