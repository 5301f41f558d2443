import { readdir } from 'node:fs/promises';
import { broken } from './promises.js';

/** What a proof finds: whether the promise held, and its figures. */
export type Figures = Record<string, unknown> & { ok: boolean };

export interface RunOptions {
  /** A form of a few seconds. */
  readonly short: boolean;
  /** Tells the person who waits. */
  readonly progress: (text: string) => void;
}

/** A file of this folder that exports `about` and `run`; it is called by its file name. */
export interface Proof {
  readonly name: string;
  /** One line for the list. */
  readonly about: string;
  /** Puts the promise to the test. It holds only if each figure is what `promises.ts` says of it. */
  run(options: RunOptions): Promise<Figures>;
}

/** Every proof in a folder of modules (sources or compiled), by name. */
export async function proofs(folder: URL): Promise<readonly Proof[]> {
  const found: Proof[] = [];
  for (const file of (await readdir(folder)).sort()) {
    // The runner itself would run when it is loaded.
    if (!/^[a-z0-9-]+\.[jt]s$/.test(file) || file.startsWith('run.')) continue;
    const module = (await import(new URL(file, folder).href)) as Partial<Proof>;
    if (typeof module.about === 'string' && typeof module.run === 'function') {
      found.push(keeping(file.slice(0, -3), module.about, module.run));
    }
  }
  return found;
}

/** A proof that does not hold where a figure is missing, or is not what was promised. */
export function keeping(name: string, about: string, run: Proof['run']): Proof {
  return {
    name,
    about,
    async run(options) {
      const figures = await run(options);
      const wrong = broken(name, figures, options.short);
      for (const text of wrong) options.progress(`not as promised: ${text}`);
      return { ...figures, ok: figures.ok && wrong.length === 0 };
    },
  };
}
