import { differences } from './compare.js';
import { type RecordedWorld, claimsOf, headerOf } from './recorded-world.js';
import { type Chapter, entryOf, keyOf } from './recording.js';
import { type Received, compare, send } from './replay.js';

/** One thing that happens in the recorded world: an entry is replayed, or the world is changed. */
export interface Step {
  readonly title: string;
  /** Key of the entry that is replayed; there is none where a verb changes the world. */
  readonly replays?: string;
  /** Answers everything that differs from the recording. */
  readonly run: (world: RecordedWorld) => Promise<readonly string[]>;
}

/** Steps that belong together; every scene finds the world as the one before it left it. */
export interface Scene {
  readonly title: string;
  readonly steps: readonly Step[];
}

export type Learn = (world: RecordedWorld, received: Received, number: number) => void;

/** One step an entry, in the order of the numbers: it is sent, and the answer is compared. */
export function replays(
  chapter: Chapter,
  numbers: readonly number[],
  learn: Learn = () => undefined,
): Step[] {
  return numbers.map((number) => {
    const entry = entryOf(chapter, number);
    return step(chapter, number, 'answers as recorded', async (world) => {
      const received = await send(world, entry);
      const found = compare(world, entry, received);
      if (found.length === 0) learn(world, received, number);
      return found;
    });
  });
}

/** For an entry that is no exchange: a token is made, and its header and claims are compared. */
export function shape(
  chapter: Chapter,
  number: number,
  make: (world: RecordedWorld) => Promise<string> | string,
): Step {
  const { header, claims } = entryOf(chapter, number);
  return step(chapter, number, 'makes tokens as recorded', async (world) => {
    const token = await make(world);
    return [
      ...differences(header, headerOf(token), world.ids, 'header'),
      ...differences(claims, claimsOf(token), world.ids, 'claims'),
    ];
  });
}

/** For an entry that shows samples by name: what is here under the same label is compared. */
export function samples(
  chapter: Chapter,
  number: number,
  labels: Readonly<Record<string, string>>,
): Step {
  const entry = entryOf(chapter, number);
  return step(chapter, number, 'makes tokens as recorded', (world) =>
    Object.entries(labels).flatMap(([field, label]) =>
      differences(entry[field], world.labels.get(label), world.ids, field),
    ),
  );
}

/** Any other way to hold an entry against what is here. */
export function step(
  chapter: Chapter,
  number: number,
  what: string,
  find: (world: RecordedWorld) => Promise<readonly string[]> | readonly string[],
): Step {
  const key = keyOf(chapter, number);
  return {
    title: `${what}: ${key}, ${entryOf(chapter, number).name}`,
    replays: key,
    run: async (world) => find(world),
  };
}

/** What was done over APIs that build the world when it was recorded. */
export function verb(title: string, act: (world: RecordedWorld) => Promise<void> | void): Step {
  return {
    title: `does by verb: ${title}`,
    run: async (world) => {
      await act(world);
      return [];
    },
  };
}

/** The same for what was refused: the verb throws with the recorded text and error id. */
export function refusedVerb(
  chapter: Chapter,
  number: number,
  act: (world: RecordedWorld) => void,
): Step {
  const entry = entryOf(chapter, number);
  const { message } = (entry.response?.body ?? {}) as { message?: string };
  return {
    title: `is refused by the verb as recorded: ${keyOf(chapter, number)}, ${entry.name}`,
    run: (world) => {
      let said = 'nothing';
      try {
        act(world);
      } catch (error) {
        said = error instanceof Error ? error.message : String(error);
      }
      const same = message !== undefined && said.includes(message);
      const wrong = `the verb said '${said}' instead of '${String(message)}'`;
      return Promise.resolve(same ? [] : [wrong]);
    },
  };
}
