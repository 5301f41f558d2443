import { LEFT_OUT } from './left-out.js';
import { RecordedWorld } from './recorded-world.js';
import { CHAPTERS, entriesOf, keyOf } from './recording.js';
import { SCENES } from './scenes.js';
import type { Step } from './step.js';

/** What a replay of everything found. */
export interface Account {
  /** Keys of the entries that were replayed. */
  readonly replayed: ReadonlySet<string>;
  /** Keys of those of them that were answered differently. */
  readonly different: ReadonlySet<string>;
  /** What went wrong, a line each; also where a verb could not change the world. */
  readonly wrong: readonly string[];
}

/** Replays everything in a world of its own. */
export async function replayAll(): Promise<Account> {
  const world = await RecordedWorld.start();
  const [replayed, different, wrong] = [new Set<string>(), new Set<string>(), [] as string[]];
  try {
    for (const step of SCENES.flatMap(({ steps }) => steps)) {
      const found = await outcomeOf(step, world);
      if (step.replays !== undefined) {
        replayed.add(step.replays);
        if (found.length > 0) different.add(step.replays);
      }
      wrong.push(...found.map((difference) => `${step.title}: ${difference}`));
    }
  } finally {
    await world.stop();
  }
  return { replayed, different, wrong };
}

/** What does not add up between the recording, the scenes and the list of what is left out. */
export function mistakes(): string[] {
  const names = new Map(
    CHAPTERS.flatMap((chapter) =>
      entriesOf(chapter).map((entry, index) => [keyOf(chapter, index), entry.name] as const),
    ),
  );
  const replayed = new Set(SCENES.flatMap(({ steps }) => steps.map((step) => step.replays)));
  const leftOut = new Map(LEFT_OUT.map((row) => [keyOf(row.chapter, row.entry), row.name]));
  return [
    ...[...names.keys()]
      .filter((key) => !replayed.has(key) && !leftOut.has(key))
      .map((key) => `${key} is forgotten`),
    ...[...leftOut].flatMap(([key, name]) => [
      ...(names.get(key) === name ? [] : [`${key} is not called '${name}'`]),
      ...(replayed.has(key) ? [`${key} is left out and replayed`] : []),
    ]),
  ];
}

/** How much of each chapter is replayed. */
export function coverage(replayed: ReadonlySet<string>): string {
  return CHAPTERS.map((chapter) => {
    const keys = entriesOf(chapter).map((_, index) => keyOf(chapter, index));
    const own = keys.filter((key) => replayed.has(key));
    return `${chapter} ${String(own.length)}/${String(keys.length)}`;
  }).join(', ');
}

async function outcomeOf(step: Step, world: RecordedWorld): Promise<readonly string[]> {
  try {
    return await step.run(world);
  } catch (error) {
    return [String(error)];
  }
}
