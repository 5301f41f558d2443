import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Mutant } from '../mutation/mutants.js';
import type { Note } from '../mutation/notes.js';
import { ACCEPTED } from '../mutation/survivors.js';
import { type Source, sourcesIn } from '../mutation/targets.js';
import type { Figures, RunOptions } from './proof.js';

export const about = 'small changes of what decides: the tests notice at least 95 of 100 of them';

const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));
/** Most changes are noticed by a test that takes no time. */
const FAST_MS = 100;
const LEAST_SCORE = 0.95;

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const all = sourcesIn(root);
  const sources = short ? all.slice(0, 1) : all;
  const mutants = sources.flatMap((source) => source.mutants);
  const specs = [...new Set(sources.flatMap((source) => source.specs))];
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-zitadel-mutation-'));
  const notes = join(folder, 'notes.jsonl');
  try {
    progress(`${mutants.length} changes in ${sources.length} files`);
    for (const slowestMs of [FAST_MS, Infinity]) {
      const env = { MUTATION_NOTES: notes, MUTATION_SLOWEST_MS: String(slowestMs) };
      const { ok, output } = await vitest(specs, env);
      if (!ok) throw new Error(`the specs fail over unchanged sources:\n${output}`);
      progress(`${read(notes).killed.size} are noticed by tests of at most ${slowestMs} ms`);
    }
    const { killed, alone, failed } = read(notes);
    for (const test of failed) progress(`counts for nothing, as it cannot be repeated: ${test}`);
    await inTurn(
      sources,
      [...alone].filter((number) => !killed.has(number)),
      killed,
    );
    return judged(sources, killed, progress);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is read while a file is loaded takes a run of its own, two beside one another. */
async function inTurn(
  sources: readonly Source[],
  numbers: readonly number[],
  killed: Set<number>,
): Promise<void> {
  const waiting = numbers.flatMap((number) => {
    const source = sources.find(
      ({ first, mutants }) => number >= first && number < first + mutants.length,
    );
    return source ? [{ number, specs: source.specs }] : [];
  });
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { ok } = await vitest([...next.specs, '--bail=1'], {
        MUTATION_ONLY: String(next.number),
      });
      if (!ok) killed.add(next.number);
    }
  };
  await Promise.all([work(), work()]);
}

function judged(
  sources: readonly Source[],
  killed: ReadonlySet<number>,
  progress: RunOptions['progress'],
): Figures {
  const survivors = sources.flatMap(({ first, mutants }) =>
    mutants.filter((_, i) => !killed.has(first + i)),
  );
  const reasonOf = (mutant: Mutant) => ACCEPTED.find((each) => isOf(each, mutant))?.reason;
  for (const mutant of survivors) {
    const { file, line, within, mutated } = mutant;
    progress(`survives: ${file}:${line} ${within}: ${mutated}`);
    progress(`  ${reasonOf(mutant) ?? 'WITHOUT A REASON'}`);
  }
  const stale = ACCEPTED.filter(
    (each) =>
      sources.some(({ file }) => file === each.file) &&
      !survivors.some((mutant) => isOf(each, mutant)),
  );
  for (const { file, within, mutated } of stale) {
    progress(`a reason for nothing: ${file} ${within}: ${mutated}`);
  }
  const mutants = sources.reduce((sum, source) => sum + source.mutants.length, 0);
  const unexplained = survivors.filter((mutant) => reasonOf(mutant) === undefined).length;
  const score = (mutants - survivors.length) / mutants;
  return {
    ok: score >= LEAST_SCORE && unexplained === 0 && stale.length === 0,
    mutants,
    killed: mutants - survivors.length,
    score: Math.floor(score * 1_000) / 1_000,
    survivors: survivors.length,
    unexplained,
    stale: stale.length,
  };
}

function isOf(one: Omit<Mutant, 'line'>, other: Omit<Mutant, 'line'>): boolean {
  return one.file === other.file && one.within === other.within && one.mutated === other.mutated;
}

function read(file: string) {
  const killed = new Set<number>();
  const alone = new Set<number>();
  const failed = new Set<string>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const note = JSON.parse(line) as Note;
    if ('killed' in note) for (const number of note.killed) killed.add(number);
    if ('loaded' in note) for (const number of note.loaded) alone.add(number);
    if ('failed' in note) failed.add(note.failed);
  }
  return { killed, alone, failed };
}

async function vitest(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--config=test/mutation/vitest.config.ts',
      '--reporter=minimal',
      ...args,
    ],
    { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { ok: code === 0, output: output.slice(-4_000) };
}
