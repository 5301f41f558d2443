import { describe, expect, it } from 'vitest';

interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly cutShort: readonly string[];
  readonly unread: number;
}

interface Given {
  readonly outcomes: ReadonlyMap<string, string>;
  readonly tally?: Tally | undefined;
  readonly notRun: readonly string[];
  readonly brokenOffBy?: string;
}

// Plain JavaScript, without types: it runs in a bare clone.
const { summary } = (await import(new URL('summary.mjs', import.meta.url).href)) as {
  summary(given: Given): { readonly green: boolean; readonly lines: readonly string[] };
};

const tally = (some: Partial<Tally> = {}): Tally => ({
  passed: 12,
  failed: 0,
  skipped: 0,
  cutShort: [],
  unread: 0,
  ...some,
});

function summaryOf(
  outcomes: Readonly<Record<string, string>>,
  of?: Tally,
  more: Partial<Given> = {},
) {
  const given = { outcomes: new Map(Object.entries(outcomes)), tally: of, notRun: [], ...more };
  const { green, lines } = summary(given);
  return { green, lines, last: lines.at(-1) };
}

describe('the summary of the check', () => {
  it('ends with the counts, alone on their line', () => {
    expect(summaryOf({ lint: 'passed', tests: 'passed' }, tally())).toMatchObject({
      green: true,
      last: '12 passed, 0 failed',
    });
    expect(summaryOf({ tests: 'failed' }, tally({ failed: 2, skipped: 3 }))).toMatchObject({
      green: false,
      last: '12 passed, 2 failed, 3 skipped',
    });
  });

  it('counts a step that failed: the last line of a red check does not look green', () => {
    const { green, lines, last } = summaryOf({ lint: 'failed', tests: 'passed' }, tally());
    expect({ green, last }).toEqual({ green: false, last: '12 passed, 1 failed' });
    expect(lines).toContain('The check FAILED outside the tests: see above.');
  });

  it('does not say that nothing failed where no test could run', () => {
    const outcomes = { build: 'failed', tests: 'not reached', package: 'not reached' };
    expect(summaryOf(outcomes)).toMatchObject({ green: false, last: '0 passed, 1 failed' });
    const ofNothing = tally({ passed: 0 });
    expect(summaryOf({ tests: 'failed' }, ofNothing)).toMatchObject({ last: '0 passed, 1 failed' });
  });

  it('names what was cut short and how much did not run, with the counts so far', () => {
    const broken = tally({ failed: 1, cutShort: ['test/a.spec.ts > waits'], unread: 40 });
    const { lines, green, last } = summaryOf({ tests: 'failed' }, broken);
    expect(lines).toContain('CUT SHORT: test/a.spec.ts > waits');
    expect(lines).toContain('NOT RUN: 40 more spec files');
    expect({ green, last }).toEqual({ green: false, last: '12 passed, 1 failed' });
  });

  it('is red where the check was broken off, whatever passed before', () => {
    const brokenOffBy = 'SIGTERM';
    const early = summaryOf({ format: 'cut short' }, undefined, { brokenOffBy });
    expect(early).toMatchObject({ green: false, last: '0 passed, 1 failed' });
    const between = summaryOf({ format: 'passed' }, undefined, { brokenOffBy });
    expect(between.green).toBe(false);
    expect(between.lines).toContain('The check was broken off by SIGTERM.');
  });

  it('names what cannot run on this machine, and stays green', () => {
    const notRun = ['Redis (not on PATH, and only root can install it)'];
    const { green, lines } = summaryOf({ tests: 'passed' }, tally(), { notRun });
    expect(green).toBe(true);
    expect(lines).toContain('NOT RUN: Redis (not on PATH, and only root can install it)');
  });
});
