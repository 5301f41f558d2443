import { describe, expect, it } from 'vitest';
import { bounded, UserMemory } from '../../../lib/core/memory/bounded.js';

describe('a bounded map', () => {
  it('takes part of a bound that cannot be divided', () => {
    const memory = bounded<string, number>((2 ** 20 + 2) / 4, () => 2 ** 17);
    for (const key of ['a', 'b', 'c']) memory.set(key, 1);
    expect([...memory.keys()]).toEqual(['c', 'b']);
  });
});

const of = (userId: string, size = 1) => ({ userId, size });

/** A memory of three places, and what it said had gone. */
function memory() {
  const gone: unknown[] = [];
  const all = new UserMemory<ReturnType<typeof of>>(
    3,
    ({ size }) => size,
    (value) => gone.push(value),
  );
  return { all, gone };
}

describe('a memory of users', () => {
  it('forgets one user, and nobody else', () => {
    const { all, gone } = memory();
    const [first, second, other] = [of('alice'), of('alice'), of('bob')];
    all.set('1', first);
    all.set('2', second);
    all.set('3', other);
    expect([...all.keysOf('alice')]).toEqual(['1', '2']);
    all.evict('alice');
    expect(gone).toEqual([first, second]);
    expect(['1', '2', '3'].map((key) => all.get(key))).toEqual([undefined, undefined, other]);
    expect(all.keysOf('alice').size).toBe(0);
    expect([...all.keysOf('bob')]).toEqual(['3']);
  });

  it('forgets everybody, and says so of each', () => {
    const { all, gone } = memory();
    all.set('1', of('alice'));
    all.set('2', of('bob'));
    all.evict();
    expect(gone).toHaveLength(2);
    expect([all.peek('1'), all.peek('2')]).toEqual([undefined, undefined]);
    expect(all.keysOf('alice').size + all.keysOf('bob').size).toBe(0);
  });

  it('says what another takes the place of, under its own user', () => {
    const { all, gone } = memory();
    const [old, young] = [of('alice'), of('bob')];
    all.set('1', old);
    all.set('1', young);
    expect(gone).toEqual([old]);
    all.evict('alice');
    expect(all.get('1')).toBe(young);
    all.evict('bob');
    expect(all.get('1')).toBeUndefined();
  });

  it('says what is pushed out: what was used longest ago, and looking on is no use', () => {
    const { all, gone } = memory();
    const [first, second] = [of('alice'), of('bob')];
    all.set('1', first);
    all.set('2', second);
    all.set('3', of('carol'));
    all.get('1');
    all.peek('2');
    all.set('4', of('dave'));
    expect(gone).toEqual([second]);
    expect(all.keysOf('bob').size).toBe(0);
  });

  it('keeps nothing that is larger than the whole', () => {
    const { all } = memory();
    all.set('1', of('alice', 4));
    expect(all.get('1')).toBeUndefined();
    expect(all.keysOf('alice').size).toBe(0);
  });

  it('says what is deleted', () => {
    const { all, gone } = memory();
    const one = of('alice');
    all.set('1', one);
    all.delete('1');
    all.delete('2');
    expect(gone).toEqual([one]);
  });
});
