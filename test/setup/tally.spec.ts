import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

interface Read {
  readonly passed: number;
  readonly failed: number;
  readonly failures: number;
  readonly skipped: number;
  readonly cutShort: readonly string[];
  readonly unread: number;
}

const setup = fileURLToPath(new URL('.', import.meta.url));
// Plain JavaScript, without types: it is read by a script that runs in a bare clone.
const { readTally } = (await import(join(setup, 'tally.mjs'))) as { readTally(path: string): Read };

const root = fileURLToPath(new URL('../..', import.meta.url));
// Inside the repository: the specs there import vitest.
await mkdir(join(root, '.build'), { recursive: true });
const all = await mkdtemp(join(root, '.build', 'tally-'));
afterAll(() => rm(all, { recursive: true, force: true }));

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(all, 'run-'));
  path = join(folder, 'tests.jsonl');
});

/** Starts vitest on some specs; answers once the tally holds a text, or vitest has ended. */
async function vitest(specs: Readonly<Record<string, string>>, until?: string) {
  for (const [name, source] of Object.entries(specs)) {
    const head = "import { it, beforeAll, describe } from 'vitest';";
    await writeFile(join(folder, `${name}.spec.ts`), head + source);
  }
  const config = join(folder, 'vitest.config.js');
  await writeFile(config, 'export default { test: { fileParallelism: false } };');
  const child = spawn(
    process.execPath,
    [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--root', folder].concat(
      '--config',
      config,
      ...['quiet.mjs', 'tally.mjs'].map((name) => `--reporter=${join(setup, name)}`),
    ),
    {
      env: { ...process.env, TALLY: path, VITEST: undefined, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  const ended = once(child, 'close');
  try {
    if (until === undefined) await ended;
    else await expect.poll(() => readFile(path, 'utf8').catch(() => '')).toContain(until);
  } finally {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await ended;
  }
  return said;
}

const HANGS = "it('hangs', { timeout: 0 }, () => new Promise(() => {}));";
// Of several files vitest begins with the largest one.
const FIRST = `/* ${'large '.repeat(1_000)}*/`;

describe('the tally of a run', () => {
  it('holds what passed, failed and was skipped; what failed is said, and nothing else', async () => {
    const said = await vitest({
      good: "it('a', () => {}); it.skip('b', () => {}); it.todo('c');",
      bad: "it('d', () => {}); it('e', () => { throw new Error('no'); });",
    });
    const counts = { passed: 2, failed: 1, skipped: 2 };
    expect(readTally(path)).toEqual({ ...counts, failures: 1, cutShort: [], unread: 0 });
    expect(said).toContain('bad.spec.ts > e\nError: no\n');
    expect(said).not.toMatch(/good|RUN|Duration|passed/);
  });

  it('of a run without a failure says nothing', async () => {
    expect(await vitest({ good: "it('a', () => {});" })).toBe('');
  });

  it('counts a file without a failed test that fails, and an error that is no test’s', async () => {
    await vitest({
      broken: "throw new Error('no');",
      hooked:
        "describe('x', () => { beforeAll(() => { throw new Error('no'); }); it('a', () => {}); });",
    });
    expect(readTally(path)).toMatchObject({ passed: 0, failed: 2, skipped: 1 });
    await vitest({
      broken: "it('a', () => { void Promise.reject(new Error('stray')); });",
      hooked: "it('b', () => {});",
    });
    expect(readTally(path)).toMatchObject({ passed: 2, failed: 1 });
  });

  it('of a run that was killed is what was counted so far, and red', async () => {
    await vitest(
      { good: `it('a', () => {}); it('b', () => {});${FIRST}`, slow: `it('c', () => {});${HANGS}` },
      '"test":"hangs"',
    );
    const { passed, failed, failures, cutShort } = readTally(path);
    expect({ passed, failed, failures }).toEqual({ passed: 3, failed: 1, failures: 0 });
    expect(cutShort).toEqual(['slow.spec.ts > hangs']);
  });

  it('says how many files were never begun', async () => {
    const lines = [{ specs: 5 }, { file: 'a', is: 'running' }, { file: 'b', is: 'running' }];
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const broken = { passed: 0, failed: 2, cutShort: ['a', 'b'], unread: 3 };
    expect(readTally(path)).toMatchObject(broken);
    // The last line of a process that was killed may be broken off.
    await appendFile(path, '{"file":"c","is":"run');
    expect(readTally(path)).toMatchObject(broken);
  });

  it('counts a test once whose result is told after its file has ended', async () => {
    const counts = { passed: 2, failed: 0, skipped: 0 };
    const lines = [
      { specs: 1 },
      { file: 'a', is: 'running' },
      { file: 'a', result: 'passed' },
      { file: 'a', is: 'over', counts },
      { file: 'a', test: 'late' },
      { file: 'a', result: 'passed' },
      { is: 'complete', errors: 0 },
    ];
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expect(readTally(path)).toEqual({ ...counts, failures: 0, cutShort: [], unread: 0 });
  });

  it('of a run that never began is a failure', () => {
    expect(readTally(join(folder, 'none'))).toMatchObject({ passed: 0, failed: 1 });
  });
});
