// The same cases with every way to remember: an answer must not depend on what is remembered, or where.
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { functionDoor } from './doors/function.js';
import { groups, readyAt, through, type Difference, type Filed, type Outcome } from './run.js';
import { CorpusWorld } from './world.js';

const SECRET = 'a secret of more than thirty-two characters';
const shared = { secret: SECRET };

/** Each asks every case at least twice: when nothing is remembered, and when something is. */
const MODES: Readonly<
  Record<string, (world: CorpusWorld, cases: readonly Filed[]) => Promise<readonly Outcome[]>>
> = {
  none: async (world, cases) => [
    await through(functionDoor, world, [...cases, ...cases], { cache: { ttlMs: 0 } }),
  ],
  memory: async (world, cases) => [await through(functionDoor, world, [...cases, ...cases])],
  // One process after another, each with an empty memory.
  shared: async (world, cases) => {
    const store = createCache({ stores: [new Keyv()] });
    const outcomes: Outcome[] = [];
    for (const each of [...cases, ...cases]) {
      outcomes.push(await through(functionDoor, world, [each], { cache: { shared } }, store));
    }
    return outcomes;
  },
  both: async (world, cases) => {
    const store = createCache({ stores: [new Keyv()] });
    const twice = [...cases, ...cases];
    const first = await through(functionDoor, world, twice, { cache: { shared } }, store);
    return [first, await through(functionDoor, world, twice, { cache: { shared } }, store)];
  },
};

/** Cases of the world without options, spread over all files, through the data path in each mode. */
export async function runModes(most: number): Promise<{
  readonly cases: number;
  readonly modes: number;
  readonly results: number;
  readonly fromShared: number;
  readonly differences: readonly Difference[];
}> {
  const plain = groups().find(({ options }) => Object.keys(options).length === 0);
  if (!plain) throw new Error('no file without options');
  const world = await CorpusWorld.create(plain.world, plain.options);
  try {
    const all = plain.cases.filter((each) => readyAt(functionDoor, world, [each]).ready.length > 0);
    const step = Math.max(1, Math.floor(all.length / most));
    const cases = all.filter((_, index) => index % step === 0).slice(0, most);
    const differences: Difference[] = [];
    let [results, fromShared] = [0, 0];
    for (const [mode, ask] of Object.entries(MODES)) {
      for (const outcome of await ask(world, cases)) {
        results += outcome.results;
        fromShared += outcome.shared;
        const told = outcome.differences.map((each) => ({ ...each, door: `${mode} cache` }));
        differences.push(...told);
      }
    }
    return {
      cases: cases.length,
      modes: Object.keys(MODES).length,
      results,
      fromShared,
      differences,
    };
  } finally {
    await world.stop();
  }
}
