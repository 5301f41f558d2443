// Lists the proofs, or runs one: `npm run evidence -- NAME [--short]`. The last line of a run is one
// JSON object; the exit status is 0 only if the promise held.
import { proofs } from './proof.js';

const [name, ...flags] = process.argv.slice(2);
const known = await proofs(new URL('.', import.meta.url));
const proof = known.find((candidate) => candidate.name === name);

if (name === undefined) {
  const width = Math.max(...known.map((candidate) => candidate.name.length));
  for (const candidate of known) console.log(`${candidate.name.padEnd(width)}  ${candidate.about}`);
  console.log('\nRun one with: npm run evidence -- NAME   (its short form: NAME --short)');
} else if (proof === undefined || flags.some((flag) => flag !== '--short')) {
  console.error(`usage: npm run evidence -- NAME [--short]`);
  console.error(`NAME is one of: ${known.map((candidate) => candidate.name).join(', ')}`);
  process.exitCode = 2;
} else {
  const beginning = performance.now();
  const progress = (text: string): void => {
    const elapsed = ((performance.now() - beginning) / 1000).toFixed(1);
    console.log(`[${elapsed.padStart(6)} s] ${text}`);
  };
  progress(proof.about);
  let result: Record<string, unknown> & { ok: boolean };
  try {
    result = await proof.run({ short: flags.includes('--short'), progress });
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
