import { expect, it } from 'vitest';
import { keeping, type Proof } from '../evidence/proof.js';

/** The spec of a proof that takes a few seconds: its short form is a part of the check. */
export function holds(name: string, { about, run }: Omit<Proof, 'name'>): void {
  it(`the promise of ${name} holds: ${about}`, async () => {
    const said: string[] = [];
    const options = { short: true, progress: (text: string) => void said.push(text) };
    const figures = await keeping(name, about, run).run(options);
    expect(figures.ok, [...said, JSON.stringify(figures)].join('\n')).toBe(true);
  });
}
