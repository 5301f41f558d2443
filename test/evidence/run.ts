// Lists the proofs, runs one, or runs the short forms of all: `npm run evidence -- [NAME] [--short]`. The last line of one
// run is one JSON object; the exit status is 0 only if what was run held.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Figures, type Proof, proofs } from './proof.js';

const { names, flags } = read(process.argv.slice(2));
const known = await proofs(new URL('.', import.meta.url));
const proof = known.find(({ name }) => name === names[0]);
const isShort = flags.includes('--short');

if (names.length > 1 || flags.some((flag) => flag !== '--short') || (names[0] && !proof)) {
  console.error('usage: npm run evidence -- [NAME] [--short]');
  console.error(`NAME is one of: ${known.map(({ name }) => name).join(', ')}`);
  process.exitCode = 2;
} else if (proof) {
  await runOne(proof);
} else if (isShort) {
  await runAll();
} else {
  const width = Math.max(...known.map(({ name }) => name.length));
  for (const { name, about } of known) console.log(`${name.padEnd(width)}  ${about}`);
  console.log('\nRun one with: npm run evidence -- NAME   (its short form: NAME --short)');
  console.log('Run the short forms of all with: npm run evidence -- --short');
}

function read(given: readonly string[]) {
  const isFlag = (word: string) => word.startsWith('-');
  return { flags: given.filter(isFlag), names: given.filter((word) => !isFlag(word)) };
}

async function runOne({ name, about, run }: Proof): Promise<void> {
  const beginning = performance.now();
  const progress = (text: string): void => {
    console.log(`[${secondsSince(beginning).padStart(8)}] ${text}`);
  };
  progress(about);
  let result: Figures;
  try {
    result = await run({ short: isShort, progress });
  } catch (error) {
    console.error(error);
    result = { ok: false, error: String(error) };
  }
  progress(result.ok ? 'the promise held' : 'the promise did NOT hold');
  process.exitCode = result.ok ? 0 : 1;
  const line = JSON.stringify({ name, ...result });
  // A server that a failed proof left open must not keep the process alive.
  process.stdout.write(`${line}\n`, () => process.exit());
}

/** One after another, for some of them measure; each in a process of its own, for some of them look at its memory. */
async function runAll(): Promise<void> {
  const beginning = performance.now();
  const failed: string[] = [];
  for (const { name } of known) {
    const start = performance.now();
    const { ok, output } = await inProcess(name);
    const [figures = ''] = output.trimEnd().split('\n').slice(-1);
    console.log(`${ok ? 'ok    ' : 'FAILED'}  ${secondsSince(start).padStart(8)}  ${figures}`);
    if (ok) continue;
    failed.push(name);
    console.log(output.trimEnd().replaceAll(/^/gm, '    '));
  }
  console.log(
    `${failed.length === 0 ? 'All promises held' : `NOT held: ${failed.join(', ')}`}, in ${secondsSince(beginning)}.`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

async function inProcess(name: string): Promise<{ ok: boolean; output: string }> {
  const child = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), name, '--short'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { ok: code === 0, output };
}

function secondsSince(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}
