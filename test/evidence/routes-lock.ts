import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runCommand } from '#dist/bin/commands.js';
import ts from 'typescript';
import type { Figures, RunOptions } from './proof.js';
import { SAME, SOURCE, type Way, WAYS } from './routes-lock-ways.js';

export const about = 'changes of what routes ask for: each fails routes --check, and no other does';

type Files = Readonly<Record<string, string>>;

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

async function command(
  args: readonly string[],
): Promise<{ code: number; out: string; told: string }> {
  const [out, told]: [string[], string[]] = [[], []];
  const code = await runCommand(['routes', ...args], {
    env: {},
    out: (text) => void out.push(text),
    tell: (text) => void told.push(text),
    isInteractive: false,
    hasColours: false,
    ask: () => Promise.resolve(''),
    askSecret: () => Promise.resolve(''),
    input: () => Promise.resolve(''),
    stop: new AbortController().signal,
  });
  return { code, out: out.join('\n'), told: told.join('\n') };
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
  const written = await command([module, '--lock', lock]);
  if (written.code !== 0) throw new Error(`the application is not read: ${written.told}`);
  const exitOf = async (way: Way, place: string) =>
    command([await compiled(join(folder, place), changed(way)), '--check', lock]);

  let [caught, falseAlarms] = [0, 0];
  for (const [index, way] of all.entries()) {
    const { code, out, told } = await exitOf(way, `way-${index}`);
    if (code === 3 && (way.says?.test(out) ?? true)) caught++;
    else progress(`${way.name}: exit code ${code}\n${out}${told}`);
  }
  for (const [index, way] of SAME.entries()) {
    const { code, out, told } = await exitOf(way, `same-${index}`);
    if (code === 0) continue;
    falseAlarms++;
    progress(`${way.name}: exit code ${code}\n${out}${told}`);
  }
  const ways = all.length;
  const ok = caught === ways && falseAlarms === 0;
  return { ok, ways, caught, unchanged: SAME.length, falseAlarms };
}
