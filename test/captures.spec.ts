import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { mistakes } from './captures/account.js';
import { LEFT_OUT } from './captures/left-out.js';
import { RecordedWorld } from './captures/recorded-world.js';
import { entryOf, keyOf } from './captures/recording.js';
import { send } from './captures/replay.js';
import { SCENES } from './captures/scenes.js';

let world: RecordedWorld;

beforeAll(async () => {
  world = await RecordedWorld.start();
});

afterAll(async () => {
  await world.stop();
});

for (const { title, steps } of SCENES) {
  describe(title, () => {
    for (const step of steps) {
      it(step.title, async () => {
        const different = await step.run(world);
        expect(different, different.join('\n')).toEqual([]);
      });
    }
  });
}

describe('what is not emulated', () => {
  const rows = LEFT_OUT.filter(({ because }) => because === 'not emulated');

  for (const { chapter, entry, name } of rows) {
    it(`is answered with 501: ${keyOf(chapter, entry)}, ${name}`, async () => {
      const { status } = await send(world, entryOf(chapter, entry));
      expect(status).toBe(501);
    });
  }
});

describe('the recording', () => {
  it('is replayed completely, but for what is listed with a reason', () => {
    expect(mistakes()).toEqual([]);
  });

  it('leaves nothing out twice', () => {
    const keys = LEFT_OUT.map(({ chapter, entry }) => keyOf(chapter, entry));
    expect(new Set(keys).size).toBe(keys.length);
  });
});
