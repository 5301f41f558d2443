// npm test: the whole check of the repository, step by step.
import { existsSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { runAlone } from './one-run.mjs';
import { root, run, seconds, tool } from './run.mjs';
import { provideServices } from './services.mjs';
import { summary } from './summary.mjs';
import { readTally } from './tally.mjs';

runAlone('npm test');

const TALLY = join(root, '.build', 'tests.jsonl');
const notRun = [];
let servicePaths = {};

const steps = [
  { name: 'format', work: () => run(tool('prettier'), ['--check', '.']) },
  { name: 'build', work: () => run(tool('nest'), ['build']) },
  {
    name: 'build of the sample app',
    needs: ['build'],
    when: () => existsSync(join(root, 'sample-app', 'main.ts')),
    work: () => run(tool('nest'), ['build', 'sample-app']),
  },
  // Rules that read types see the package by its name, which is the build.
  { name: 'lint', needs: ['build'], work: () => run(tool('oxlint'), ['--deny-warnings']) },
  { name: 'types', needs: ['build'], work: () => run(tool('tsc'), ['--noEmit']) },
  { name: 'services', work: services },
  { name: 'tests', needs: ['build'], work: tests },
  {
    name: 'package',
    needs: ['build'],
    work: () => run(process.execPath, ['test/setup/package-check.mjs'], { show: true }),
  },
];

const beginning = performance.now();
const outcomes = new Map();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    close(signal);
    // What still runs ends with this process.
    process.exit(128 + constants.signals[signal]);
  });
}
for (const step of steps) {
  const missing = step.needs?.find((name) => outcomes.get(name) !== 'passed');
  if (missing !== undefined) {
    outcomes.set(step.name, 'not reached');
    console.log(`- ${step.name}: not reached, it needs ${missing}`);
  } else if (step.when?.() ?? true) {
    const start = performance.now();
    console.log(`- ${step.name}`);
    outcomes.set(step.name, 'cut short');
    const { ok, output } = await step.work();
    if (!ok && output !== '') console.log(output.trimEnd());
    outcomes.set(step.name, ok ? 'passed' : 'failed');
    console.log(`  ${step.name}: ${ok ? 'passed' : 'FAILED'} in ${seconds(start)}`);
  }
}
process.exitCode = close() ? 0 : 1;

/** Says what came of it, and answers whether all is well. */
function close(brokenOffBy) {
  const begun = ![undefined, 'not reached'].includes(outcomes.get('tests'));
  const { green, lines } = summary({
    outcomes,
    tally: begun ? readTally(TALLY) : undefined,
    notRun,
    brokenOffBy,
  });
  console.log(`\nSummary after ${seconds(beginning)} on Node ${process.versions.node}:`);
  for (const line of lines) console.log(line);
  return green;
}

/** A part that cannot run here is no failure on somebody's laptop; in CI nothing may be left out. */
async function services() {
  const provided = await provideServices();
  servicePaths = provided.env;
  notRun.push(...provided.notRun);
  for (const part of notRun) console.log(`  NOT RUN: ${part}`);
  return { ok: notRun.length === 0 || !process.env['CI'], output: '' };
}

async function tests() {
  rmSync(TALLY, { force: true });
  const { ok, output } = await run(
    tool('vitest'),
    ['run', '--reporter=default', '--reporter=./test/setup/tally.mjs'],
    // No test may take as long as that.
    { env: { ...servicePaths, TALLY }, show: true, grows: TALLY, quietMs: 1_200_000 },
  );
  const { passed, cutShort } = readTally(TALLY);
  for (const what of cutShort) console.log(`  cut short: ${what}`);
  // No test at all is no success.
  return { ok: ok && passed > 0, output };
}
