// Counts tests while they run, in a file: what is known of a run that was killed is true as well.
import { appendFileSync, readFileSync } from 'node:fs';

/** A reporter of vitest, which has to be the default export. The environment variable TALLY names its file. */
export default class Tally {
  #note(line) {
    appendFileSync(process.env['TALLY'], `${JSON.stringify(line)}\n`);
  }

  onTestRunStart(specifications) {
    this.#note({ specs: specifications.length });
  }

  onTestModuleQueued({ relativeModuleId: file }) {
    this.#note({ file, is: 'running' });
  }

  onTestCaseReady({ module, fullName }) {
    this.#note({ file: module.relativeModuleId, test: fullName });
  }

  onTestCaseResult(test) {
    this.#note({ file: test.module.relativeModuleId, result: test.result().state });
  }

  onTestModuleEnd(module) {
    const results = [...module.children.allTests()].map((test) => test.result().state);
    const of = (...states) => results.filter((state) => states.includes(state)).length;
    // A file that fails before its first test has no failed test to count, and is a failure.
    const failed = of('failed') || Number(module.state() === 'failed');
    const counts = { passed: of('passed'), failed, skipped: of('skipped', 'pending') };
    this.#note({ file: module.relativeModuleId, is: 'over', counts });
  }

  onTestRunEnd(modules, unhandledErrors) {
    this.#note({ is: 'complete', errors: unhandledErrors.length });
  }
}

/**
 * Reads what was counted. What was running when the run broke off is failed, and told in `cutShort`; `unread` is the
 * number of files that were never begun. `failures` are those that were seen: while the tests run, what runs is not among them.
 */
export function readTally(path) {
  const files = new Map();
  let [specs, errors, isComplete] = [0, 0, false];
  for (const line of linesOf(path)) {
    if (line.specs !== undefined) specs = line.specs;
    if (line.is === 'complete') [isComplete, errors] = [true, line.errors];
    if (line.file === undefined) continue;
    const file = files.get(line.file) ?? { counts: { passed: 0, failed: 0, skipped: 0 } };
    files.set(line.file, file);
    if (line.test !== undefined) file.test = line.test;
    // On a busy machine the results of the last tests can come after the end of their file, which has counted them.
    if (line.result !== undefined && !file.isOver) {
      file.counts[line.result] += 1;
      file.test = undefined;
    }
    if (line.is === 'over') Object.assign(file, { counts: line.counts, isOver: true });
  }
  const cutShort = [...files].filter(([, { isOver }]) => !isOver);
  const sum = (of) => [...files.values()].reduce((total, { counts }) => total + counts[of], 0);
  const brokeOff = isComplete ? errors : Math.max(cutShort.length, 1);
  const failures = sum('failed');
  return {
    passed: sum('passed'),
    failed: failures + brokeOff,
    failures,
    skipped: sum('skipped'),
    cutShort: cutShort.map(([file, { test }]) => (test === undefined ? file : `${file} > ${test}`)),
    unread: Math.max(0, specs - files.size),
  };
}

function linesOf(path) {
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    // The last one is empty, or was broken off.
    return lines.slice(0, -1).map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}
