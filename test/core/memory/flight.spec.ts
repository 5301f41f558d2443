import { describe, expect, it } from 'vitest';
import { bounded } from '../../../lib/core/memory/bounded.js';
import { SingleFlight } from '../../../lib/core/memory/flight.js';

describe('one question at a time', () => {
  it('gives all who ask meanwhile the same reply, and asks anew after it', async () => {
    const flight = new SingleFlight<number>();
    let asked = 0;
    const question = async () => (asked += 1);
    expect(await Promise.all([flight.ask(question), flight.ask(question)])).toEqual([1, 1]);
    expect(await flight.ask(question)).toBe(2);
  });

  it('is one for each key', async () => {
    const flight = new SingleFlight<string, string>();
    const replies = ['a', 'b', 'a'].map((key) => flight.ask(() => Promise.resolve(key), key));
    expect(replies[0]).toBe(replies[2]);
    expect(await Promise.all(replies)).toEqual(['a', 'b', 'a']);
  });

  it('a failure reaches all who wait, and nobody after them', async () => {
    const flight = new SingleFlight<string>();
    const failing = () => Promise.reject(new Error('no'));
    const both = await Promise.allSettled([flight.ask(failing), flight.ask(failing)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await flight.ask(() => Promise.resolve('yes'))).toBe('yes');
  });

  it('what was dropped, or left too early, is not joined; its end does not end what came after it', async () => {
    const flight = new SingleFlight<number, string>();
    const ends: (() => void)[] = [];
    const question = () =>
      new Promise<number>((resolve) => {
        const at = ends.length;
        ends.push(() => resolve(at));
      });
    const first = flight.ask(question, 'key');
    flight.drop('key', first);
    const second = flight.ask(question, 'key');
    ends[0]?.();
    expect(await first).toBe(0);
    expect(flight.underWay('key')).toBe(second);
    expect(flight.underWay('key', performance.now() + 1)).toBeUndefined();
    const third = flight.ask(question, 'key', performance.now() + 1);
    expect(flight.ask(question, 'key')).toBe(third);
    flight.dropAll();
    expect(flight.underWay('key')).toBeUndefined();
    for (const end of ends) end();
    expect(await Promise.all([second, third])).toEqual([1, 2]);
  });
});

describe('a bounded map', () => {
  it('keeps what was used last, by entries or by what they measure', () => {
    const entries = bounded<string, number>(2);
    for (const key of ['a', 'b']) entries.set(key, 1);
    entries.get('a');
    entries.set('c', 1);
    expect([...entries.keys()].toSorted()).toEqual(['a', 'c']);
    const letters = bounded<string, string>(4, (value) => value.length);
    letters.set('one', 'xxx').set('two', 'yy');
    expect([...letters.keys()]).toEqual(['two']);
  });
});
