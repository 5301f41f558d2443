// npm test: the whole check of the repository, step by step.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, seconds, tool } from './run.mjs';
import { provideServices } from './services.mjs';

const counts = { passed: 0, failed: 0, skipped: 0 };
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
for (const step of steps) {
  const missing = step.needs?.find((name) => outcomes.get(name) !== 'passed');
  if (missing !== undefined) {
    outcomes.set(step.name, 'not reached');
    console.log(`- ${step.name}: not reached, it needs ${missing}`);
  } else if (step.when?.() ?? true) {
    const start = performance.now();
    console.log(`- ${step.name}`);
    const { ok, output } = await step.work();
    if (!ok && output !== '') console.log(output.trimEnd());
    outcomes.set(step.name, ok ? 'passed' : 'failed');
    console.log(`  ${step.name}: ${ok ? 'passed' : 'FAILED'} in ${seconds(start)}`);
  }
}

const green = [...outcomes.values()].every((outcome) => outcome === 'passed');
console.log(`\nSummary after ${seconds(beginning)} on Node ${process.versions.node}:`);
for (const [name, outcome] of outcomes) console.log(`  ${outcome.padEnd(11)}  ${name}`);
for (const part of notRun) console.log(`NOT RUN: ${part}`);
if (counts.failed === 0 && !green) console.log('The check FAILED outside the tests: see above.');
const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`;
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exitCode = green ? 0 : 1;

/** A part that cannot run here is no failure on somebody's laptop; in CI nothing may be left out. */
async function services() {
  const provided = await provideServices();
  servicePaths = provided.env;
  notRun.push(...provided.notRun);
  for (const part of notRun) console.log(`  NOT RUN: ${part}`);
  return { ok: notRun.length === 0 || !process.env['CI'], output: '' };
}

async function tests() {
  const report = join(root, '.build', 'vitest.json');
  mkdirSync(join(root, '.build'), { recursive: true });
  rmSync(report, { force: true });
  const { ok, output } = await run(
    tool('vitest'),
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    { env: servicePaths, show: true },
  );
  if (existsSync(report)) {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    counts.passed = result.numPassedTests;
    // A file that fails before its first test has no failed test to count, and is a failure.
    const broken = result.testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
    );
    counts.failed = result.numFailedTests + broken.length;
    counts.skipped = result.numPendingTests + result.numTodoTests;
  }
  // No test at all is no success.
  return { ok: ok && counts.passed > 0, output };
}
