// npm test: the whole check of the repository, a line a step.
import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { runAlone } from './one-run.mjs';
import { root, run, seconds, tool } from './run.mjs';
import { provideServices } from './services.mjs';
import { summary } from './summary.mjs';
import { readTally } from './tally.mjs';

runAlone('npm test');

const TALLY = join(root, '.build', 'tests.jsonl');
const SAYING_MS = 60_000;
const notRun = [];
let servicePaths = {};

// One lane a core: within a lane one step after another, each as soon as those are over that it needs.
const lanes = [
  [
    { name: 'build', work: () => run(tool('nest'), ['build']) },
    { name: 'services', work: services },
    { name: 'tests', needs: ['build', 'build of the sample app'], work: tests },
  ],
  [
    // Neither build checks types, so neither waits for the other.
    {
      name: 'build of the sample app',
      work: () => run(tool('nest'), ['build', 'sample-app']),
    },
    { name: 'format', work: () => run(tool('oxfmt'), ['--check', '.']) },
    // Rules that read types see the package by its name, which is the build.
    {
      name: 'lint and types',
      needs: ['build'],
      work: () => run(tool('oxlint'), ['--deny-warnings']),
    },
    {
      name: 'package',
      needs: ['build'],
      work: () => run(process.execPath, ['test/setup/package-check.mjs']),
    },
  ],
];

const beginning = performance.now();
const outcomes = new Map();
const ends = new Map();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    close(signal);
    // What still runs ends with this process.
    process.exit(128 + constants.signals[signal]);
  });
}
for (const lane of lanes) {
  let before = Promise.resolve();
  for (const step of lane) {
    before = before.then(() => take(step));
    ends.set(step.name, before);
  }
}
await Promise.all(ends.values());
process.exitCode = close() ? 0 : 1;

async function take({ name, needs = [], work }) {
  for (const needed of needs) await ends.get(needed);
  const missing = needs.find((needed) => outcomes.get(needed) !== 'passed');
  if (missing !== undefined) {
    outcomes.set(name, 'not reached');
    console.log(`- ${name}: not reached, it needs ${missing}`);
  } else {
    const start = performance.now();
    outcomes.set(name, 'cut short');
    const { ok, output } = await work();
    outcomes.set(name, ok ? 'passed' : 'failed');
    console.log(`- ${name}: ${ok ? 'passed' : 'FAILED'} in ${seconds(start)}`);
    if (!ok && output !== '') console.log(output.trimEnd());
  }
}

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
  const saying = setInterval(() => {
    const { passed, failures, unread } = readTally(TALLY);
    console.log(`  tests: ${passed} passed, ${failures} failed, ${unread} files to begin`);
  }, SAYING_MS);
  const { ok, output } = await run(
    tool('vitest'),
    // Says what fails as soon as its file is over, and nothing else.
    ['run', '--reporter=./test/setup/quiet.mjs', '--reporter=./test/setup/tally.mjs'],
    // No test may take as long as that.
    { env: { ...servicePaths, TALLY }, show: true, grows: TALLY, quietMs: 1_200_000 },
  );
  clearInterval(saying);
  const { passed, cutShort } = readTally(TALLY);
  for (const what of cutShort) console.log(`  cut short: ${what}`);
  // No test at all is no success.
  return { ok: ok && passed > 0, output };
}
