import { describe, expect, it } from 'vitest';
import { proofs } from './proof.js';

/** The figures that each proof promises to print. */
const FIGURES: Readonly<Record<string, readonly string[]>> = {
  decisions: ['runs', 'allows', 'wrong'],
  cold: ['requests', 'upstreamCalls'],
  jwks: ['tokens', 'modes', 'mostFetchesPerWindow'],
  tokens: ['hostile', 'accepted', 'errors500', 'kinds', 'kindsAccepted'],
  ensure: ['races', 'duplicates', 'wrong'],
  captures: ['replayed', 'different', 'leftOut'],
  warm: ['expressRatio', 'fastifyRatio', 'nsPerCall', 'bytesPerCall', 'ns10000'],
  faults: ['cells', 'allows', 'slow', 'unhandled', 'outageAsDenial'],
  redirects: ['tried', 'bytesLeaked'],
  retries: ['ambiguous', 'duplicates', 'outageCallRatio'],
  bounds: ['mostGrowthMiB'],
  pages: ['cells', 'wrong'],
  crowd: ['rows', 'lockOuts', 'wrong'],
  'dead-tokens': ['kinds', 'lateAllows', 'othersRefused'],
  secrets: ['lines', 'hits'],
};

const known = await proofs(new URL('.', import.meta.url));

describe('the short form of a proof', () => {
  it.each(known)('shows that the promise of $name holds', { timeout: 120_000 }, async (proof) => {
    const said: string[] = [];
    const figures = await proof.run({ short: true, progress: (text) => said.push(text) });
    expect(figures.ok, [...said, JSON.stringify(figures)].join('\n')).toBe(true);
  });
});

describe('the list of proofs', () => {
  it('holds all that are promised', () => {
    expect(known.map(({ name }) => name).sort()).toEqual(Object.keys(FIGURES).sort());
  });

  it('has one line on each', () => {
    expect(known.length).toBeGreaterThan(0);
    for (const { about } of known) expect(about).toMatch(/^[^\n]{10,100}$/);
  });
});
