import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import type { Figures, RunOptions } from './proof.js';
import { SAME, SOURCE, type Way, WAYS } from './routes-lock-ways.js';

export const about = 'changes of what routes ask for: each fails routes --check, and no other does';

type Files = Readonly<Record<string, string>>;

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly told: string;
}

const execute = promisify(execFile);

/** Writes the application as the compiler puts it out, and returns the file of its module. */
async function compiled(folder: string, files: Files): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, source] of Object.entries(files)) {
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        experimentalDecorators: true,
      },
    });
    await writeFile(join(folder, name.replace(/\.ts$/, '.mjs')), outputText);
  }
  return join(folder, 'app.module.mjs');
}

/** Runs the command for each list of arguments, in one process, as users run it. */
async function commands(runs: readonly (readonly string[])[]): Promise<readonly Outcome[]> {
  const script = resolve('test', 'evidence', 'routes-lock-process.mjs');
  const { stdout } = await execute(process.execPath, [script, JSON.stringify(runs)]);
  return JSON.parse(stdout) as Outcome[];
}

function changed({ name, file, from, to, everywhere }: Way): Files {
  if (everywhere) {
    const renamed = Object.entries(SOURCE).map((each) =>
      each.map((text) => text.replaceAll(from, to)),
    );
    return Object.fromEntries(renamed) as Files;
  }
  const source = SOURCE[file] ?? '';
  if (!source.includes(from)) throw new Error(`${name}: ${file} has no ${from}`);
  // A method that is cut out here stands at the end of its class there.
  const [before = '', after = ''] = source.split(from);
  const isMoved = to === '' && from.trimEnd().endsWith('}');
  const moved = isMoved ? after.replace(/\}\s*$/, `${from}}\n`) : after;
  return { ...SOURCE, [file]: `${before}${to}${moved}` };
}

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  // Within the project, so that the files find the packages.
  await mkdir('.build', { recursive: true });
  const folder = await mkdtemp(resolve('.build', 'routes-lock-'));
  try {
    return await tried(folder, short ? WAYS.filter((_, index) => index % 2 === 0) : WAYS, progress);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function tried(
  folder: string,
  all: readonly Way[],
  progress: RunOptions['progress'],
): Promise<Figures> {
  const lock = join(folder, 'access.json');
  const module = await compiled(join(folder, 'before'), SOURCE);
  const runs = [[module, '--lock', lock]];
  for (const [index, way] of [...all, ...SAME].entries()) {
    runs.push([await compiled(join(folder, `way-${index}`), changed(way)), '--check', lock]);
  }
  const [written, ...outcomes] = await commands(runs);
  if (written?.code !== 0) throw new Error(`the application is not read: ${written?.told}`);

  let [caught, falseAlarms] = [0, 0];
  for (const [index, way] of [...all, ...SAME].entries()) {
    const { code, out, told } = outcomes[index] ?? { code: -1, out: '', told: '' };
    const isChange = index < all.length;
    const isRight = isChange ? code === 3 && (way.says?.test(out) ?? true) : code === 0;
    if (!isRight) progress(`${way.name}: exit code ${code}\n${out}${told}`);
    if (isChange && isRight) caught++;
    if (!isChange && !isRight) falseAlarms++;
  }
  const ways = all.length;
  const ok = caught === ways && falseAlarms === 0;
  return { ok, ways, caught, unchanged: SAME.length, falseAlarms };
}
