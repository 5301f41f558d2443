// What the check says at its end. The last line holds the counts alone: CI reads it.

/**
 * @param outcomes of each step by its name: passed, failed, cut short or not reached
 * @param tally of the tests; undefined if they were not begun
 * @param brokenOffBy the signal that ended the check before its time
 */
export function summary({ outcomes, tally, notRun, brokenOffBy }) {
  const lines = [...outcomes].map(([name, outcome]) => `  ${outcome.padEnd(11)}  ${name}`);
  const { passed, skipped, cutShort, unread } = tally ?? NONE;
  const isBad = ([, outcome]) => outcome === 'failed' || outcome === 'cut short';
  const bad = [...outcomes].filter(isBad).map(([name]) => name);
  // Whatever failed is counted, a step as well as a test: the last line of a red run does not look green.
  const failedTests = bad.includes('tests') ? Math.max(tally?.failed ?? 0, 1) : 0;
  const failedSteps = bad.filter((name) => name !== 'tests').length;

  for (const part of notRun) lines.push(`NOT RUN: ${part}`);
  for (const what of cutShort) lines.push(`CUT SHORT: ${what}`);
  if (unread > 0) lines.push(`NOT RUN: ${unread} more spec files`);
  if (brokenOffBy !== undefined) lines.push(`The check was broken off by ${brokenOffBy}.`);
  else if (failedTests === 0 && failedSteps > 0) {
    lines.push('The check FAILED outside the tests: see above.');
  }
  const more = skipped === 0 ? '' : `, ${skipped} skipped`;
  lines.push(`${passed} passed, ${failedTests + failedSteps} failed${more}`);
  return { green: bad.length === 0 && brokenOffBy === undefined, lines };
}

const NONE = { passed: 0, failed: 0, skipped: 0, cutShort: [], unread: 0 };
