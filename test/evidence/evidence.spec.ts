import { describe, expect, it } from 'vitest';
import { proofs } from './proof.js';

const known = await proofs(new URL('.', import.meta.url));

describe('the short form of a proof', () => {
  it.each(known)('shows that the promise of $name holds', { timeout: 120_000 }, async (proof) => {
    const said: string[] = [];
    const figures = await proof.run({ short: true, progress: (text) => said.push(text) });
    expect(figures.ok, [...said, JSON.stringify(figures)].join('\n')).toBe(true);
  });
});

describe('the list of proofs', () => {
  it('has one line on each', () => {
    expect(known.length).toBeGreaterThan(0);
    for (const { about } of known) expect(about).toMatch(/^[^\n]{10,100}$/);
  });
});
