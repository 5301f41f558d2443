import { describe, expect, it } from 'vitest';
import { bounded } from '../../../lib/core/memory/bounded.js';

describe('a bounded map', () => {
  it('takes part of a bound that cannot be divided', () => {
    const memory = bounded<string, number>((2 ** 20 + 2) / 4, () => 2 ** 17);
    for (const key of ['a', 'b', 'c']) memory.set(key, 1);
    expect([...memory.keys()]).toEqual(['c', 'b']);
  });
});
