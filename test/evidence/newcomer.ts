import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Figures, RunOptions } from './proof.js';

export const about =
  'from a fresh Nest application to a guarded route: docs/first-steps.md, followed to the letter';

interface Application {
  readonly wrong: string;
}

interface Newcomer {
  stepsOfPage(): Record<'commands' | 'lines', number> & { readonly said: object };
  freshApplication(
    folder: string,
    tarball: string,
    major: number,
    isWhole: boolean,
  ): Promise<Application>;
  tryNestAdd(application: Application): Promise<string>;
  followFirstSteps(application: Application): Promise<string>;
}

const root = dirname(createRequire(import.meta.url).resolve('nestjs-zitadel/package.json'));
const script = (name: string) => pathToFileURL(join(root, 'test', 'setup', name)).href;

export async function run({ short, progress }: RunOptions): Promise<Figures> {
  const { pack } = (await import(script('consumer.mjs'))) as {
    pack(folder: string): Promise<{ readonly tarball: string }>;
  };
  const newcomer = (await import(script('newcomer.mjs'))) as Newcomer;
  const { stepsOfPage, freshApplication, tryNestAdd, followFirstSteps } = newcomer;
  const { commands, lines, said } = stepsOfPage();
  const folder = await mkdtemp(join(tmpdir(), 'newcomer-'));
  let failed = 0;
  // The page is written for Nest 12: Nest 11 imports files without an extension.
  const tried = [
    { name: 'Nest 12, by the page', major: 12, work: followFirstSteps },
    { name: 'Nest 12, nest add alone', major: 12, work: tryNestAdd },
    { name: 'Nest 11, nest add alone', major: 11, work: tryNestAdd },
  ].slice(0, short ? 1 : 3);
  try {
    const { tarball } = await pack(folder);
    for (const [index, { name, major, work }] of tried.entries()) {
      const application = await freshApplication(
        join(folder, String(index)),
        tarball,
        major,
        !short,
      );
      const wrong = application.wrong || (await work(application));
      progress(`${wrong === '' ? 'ok        ' : 'FAILED    '}${name}`);
      if (wrong === '') continue;
      failed += 1;
      progress(wrong);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const isAsSaid = JSON.stringify(said) === JSON.stringify({ commands, lines });
  return { ok: failed === 0 && isAsSaid, commands, lines, applications: tried.length, failed };
}
