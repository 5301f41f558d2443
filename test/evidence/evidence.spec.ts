import { describe, expect, it } from 'vitest';
import { keeping, proofs } from './proof.js';
import { PROMISES } from './promises.js';

const known = await proofs(new URL('.', import.meta.url));

describe('the list of proofs', () => {
  it('holds all that are promised', () => {
    expect(known.map(({ name }) => name)).toEqual(Object.keys(PROMISES).sort());
  });

  it('has one line on each', () => {
    expect(known.length).toBeGreaterThan(0);
    for (const { about } of known) expect(about).toMatch(/^[^\n]{10,100}$/);
  });
});

describe('a promise', () => {
  const GOOD = { races: 10, duplicates: 0, wrong: 0 };
  const outcomeOf = async (figures: object, name = 'ensure') => {
    const said: string[] = [];
    const proof = keeping(name, 'about races', () => Promise.resolve({ ok: true, ...figures }));
    const { ok } = await proof.run({ short: true, progress: (text) => said.push(text) });
    return { ok, said };
  };

  it('holds where each figure is what was promised', async () => {
    expect(await outcomeOf(GOOD)).toEqual({ ok: true, said: [] });
  });

  it.each([
    ['has another value', { duplicates: 1 }, 'duplicates is 1'],
    ['is missing', { duplicates: undefined }, 'duplicates is missing'],
    ['is no number', { races: NaN }, 'races is null'],
    ['counts nothing', { races: 0 }, 'races is 0'],
  ])('does not hold where a figure %s, whatever the proof says', async (_, figures, text) => {
    const said = [`not as promised: ${text}`];
    expect(await outcomeOf({ ...GOOD, ...figures })).toEqual({ ok: false, said });
  });

  it('does not hold in the long form with the figures of the short one', async () => {
    const figures = { ok: true, requests: 800, mixedUp: 0 };
    const proof = keeping('isolation', 'about requests', () => Promise.resolve(figures));
    const progress = () => undefined;
    expect(await proof.run({ short: true, progress })).toMatchObject({ ok: true });
    expect(await proof.run({ short: false, progress })).toMatchObject({ ok: false });
  });

  it('does not hold where the proof says so, or promises nothing', async () => {
    expect(await outcomeOf({ ...GOOD, ok: false })).toEqual({ ok: false, said: [] });
    expect(await outcomeOf(GOOD, 'unknown')).toMatchObject({ ok: false });
  });

  it('is broken by some value of each figure', () => {
    for (const [name, figures] of Object.entries(PROMISES)) {
      for (const [figure, holds] of Object.entries(figures)) {
        for (const isShort of [true, false]) {
          expect(holds(undefined, isShort), `${name}: ${figure} that is missing`).toBe(false);
          expect(holds(-1, isShort), `${name}: ${figure} below zero`).toBe(false);
        }
      }
    }
  });
});
